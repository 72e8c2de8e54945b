"""Totals and means of a region: by hand, that intervals cover, by region, and paired changes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import fastp2p
from fastp2p.results.statistics import find_probabilities
from fastp2p.results.totals import find_total_changes, find_totals

COUNTS = {"n_base_overload": 0, "n_ac_broken": 0, "n_cut": 0}


def table(values, shares=(0.5,), names="abcdefghijklmnopqrst"):
    """Scenarios with these (n_feeder, n_point, n_scenario) executed energies; a rate is a hundredth of them."""
    rows = [
        (names[f], shares[p], s, values[f, p, s])
        for f in range(values.shape[0])
        for p in range(values.shape[1])
        for s in range(values.shape[2])
    ]
    made = pd.DataFrame(rows, columns=["feeder", "share", "scenario", "executed_kwh"])
    return made.assign(p2p_share=made["executed_kwh"] / 100.0, **COUNTS)


def test_by_hand_beside_the_formula_of_stratified_clusters():
    rng = np.random.default_rng(2)
    values = rng.gamma(2.0, 5.0, size=(7, 1, 6))
    weight, region = np.array([1.0, 2.0, 5.0, 1.0, 3.0, 2.0, 4.0]), list("NNNSSSS")
    feeders = pd.DataFrame({"feeder": list("gfedcba"), "weight": weight[::-1], "region": region[::-1], "n_homes": 3})
    found = find_totals(table(values), feeders)
    whole = found[found["region"].isna()].set_index("indicator")
    x = values[:, 0].mean(axis=1)
    total, mean = 0.0, 0.0
    rate = (weight * x).sum() / weight.sum()
    for rows in ([0, 1, 2], [3, 4, 5, 6]):
        y, e = (weight * x)[rows], (weight * (x - rate))[rows] / weight.sum()
        total += len(rows) * y.var(ddof=1)
        mean += len(rows) * e.var(ddof=1)
    t = stats.t.ppf(0.975, 7 - 2)
    row = whole.loc["executed_kwh"]
    assert (row["kind"], row["n_feeders"]) == ("total", 7)
    assert row["estimate"] == pytest.approx((weight * x).sum())
    assert row["estimate_high"] - row["estimate"] == pytest.approx(t * np.sqrt(total))
    of_rate = whole.loc["p2p_share"]
    assert (of_rate["kind"], of_rate["estimate"]) == ("mean", pytest.approx(rate / 100.0))
    assert of_rate["estimate"] - of_rate["estimate_low"] == pytest.approx(t * np.sqrt(mean) / 100.0)
    assert whole.loc["n_homes", "estimate"] == 3 * 18
    # these feeders and no others: what their draws leave open
    a = weight**2 * values[:, 0].var(axis=1, ddof=1) / 6
    freedom = a.sum() ** 2 / (a**2 / 5).sum()
    assert row["draws_high"] - row["estimate"] == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(a.sum()))
    # a region has the rows of its own feeders alone
    assert [*found["region"].drop_duplicates()] == [None, "N", "S"]
    north = find_totals(table(values[:3]), feeders)
    columns = [column for column in found if column != "region"]
    pd.testing.assert_frame_equal(found[found["region"] == "N"][columns].reset_index(drop=True), north[columns])


def test_intervals_cover():
    """Of 1,500 samples of 10 and 8 feeders from two regions: that of the region, and that of the feeders drawn."""
    rng = np.random.default_rng(6)
    regions = np.repeat([0, 1], [10, 8])
    # all points of a table have the same feeders; so each point is a sample of its own, and a large one has no correction
    size = rng.normal(np.array([20.0, 60.0])[regions][:, None], np.array([4.0, 15.0])[regions][:, None], (18, 1500))
    values = size[:, :, None] + rng.normal(0.0, 6.0, (18, 1500, 3))
    weight = np.array([30.0, 12.0])[regions]
    feeders = pd.DataFrame({"feeder": list("abcdefghijklmnopqr"), "weight": weight, "region": regions.astype(str)})
    found = find_totals(table(values, np.arange(1500.0)), feeders)
    found = found[found["region"].isna()]
    rows = found[found["indicator"] == "executed_kwh"]
    truth = 10 * 30.0 * 20.0 + 8 * 12.0 * 60.0
    held = (rows["estimate_low"] <= truth) & (rows["estimate_high"] >= truth)
    assert held.mean() == pytest.approx(0.95, abs=0.02)
    of_these = (weight[:, None] * size).sum(axis=0)
    held = (rows["draws_low"].to_numpy() <= of_these) & (rows["draws_high"].to_numpy() >= of_these)
    assert held.mean() == pytest.approx(0.95, abs=0.02)
    rate = found[found["indicator"] == "p2p_share"]
    held = (rate["estimate_low"] <= truth / 396.0 / 100.0) & (rate["estimate_high"] >= truth / 396.0 / 100.0)
    assert held.mean() == pytest.approx(0.95, abs=0.02)


def test_regions_with_one_feeder_are_put_together():
    values = np.arange(1.0, 6.0)[:, None, None] * np.ones((5, 1, 2))
    x = np.arange(1.0, 6.0)

    def half(regions):
        feeders = pd.DataFrame({"feeder": list("abcde")[: len(regions)], "region": list(regions)})
        found = find_totals(table(values[: len(regions)]), feeders)
        row = found[found["region"].isna() & (found["indicator"] == "executed_kwh")].iloc[0]
        return row["estimate_high"] - row["estimate"]

    def expected(*strata):
        variance = sum(len(rows) * x[rows].var(ddof=1) for rows in strata)
        return stats.t.ppf(0.975, sum(map(len, strata)) - len(strata)) * np.sqrt(variance)

    assert half("AABCC") == pytest.approx(expected([0, 1, 2], [3, 4]))  # a single one, to the smallest other
    assert half("ABCDD") == pytest.approx(expected([0, 1, 2], [3, 4]))
    assert half("ABCDE") == pytest.approx(expected([0, 1, 2, 3, 4]))
    assert half("AAABB") == pytest.approx(expected([0, 1, 2], [3, 4]))
    assert np.isnan(half("A"))


def test_what_is_unknown_and_what_one_feeder_or_scenario_says():
    values = np.arange(6.0).reshape(3, 1, 2)
    scenarios = table(values)
    scenarios.loc[scenarios["feeder"] == "b", "p2p_share"] = np.nan
    feeders = pd.DataFrame({"feeder": list("abc")})
    found = find_totals(scenarios, feeders).set_index("indicator")
    assert found.loc["p2p_share", ["estimate", "n_feeders"]].tolist() == pytest.approx([0.025, 2])
    assert found.loc["p2p_share", "estimate_high"] > 0.025
    scenarios.loc[scenarios["feeder"] == "b", "executed_kwh"] = np.nan
    assert np.isnan(find_totals(scenarios, feeders).set_index("indicator").loc["executed_kwh", "estimate"])
    alone = find_totals(table(values[:1]), feeders).set_index("indicator").loc["executed_kwh"]
    assert alone["estimate"] == 0.5
    assert np.isnan(alone["estimate_low"])
    assert alone["draws_low"] < 0.5 < alone["draws_high"]
    once = find_totals(table(values[:, :, :1]), feeders).set_index("indicator").loc["executed_kwh"]
    assert np.isnan(once["draws_low"])
    assert once["estimate_low"] < once["estimate"]


def test_probabilities_are_means_over_feeders_within_0_and_1():
    scenarios = table(np.ones((4, 1, 20)))
    scenarios["n_cut"] = [0] * 20 + [0] * 10 + [3] * 10 + [1] * 40
    feeders = pd.DataFrame({"feeder": list("abcd"), "weight": [1.0, 2.0, 1.0, 1.0]})
    row = find_totals(scenarios, feeders).set_index("indicator").loc["cut_probability"]
    by_feeder = find_probabilities(scenarios)["cut_probability"]
    assert by_feeder.tolist() == [0.0, 0.5, 1.0, 1.0]
    assert row["estimate"] == pytest.approx(3.0 / 5.0)
    assert 0.0 <= row["estimate_low"] < 0.6 < row["estimate_high"] <= 1.0


def test_changes_are_paired_scenario_by_scenario():
    rng = np.random.default_rng(7)
    luck = rng.normal(50.0, 20.0, (6, 1, 8))
    values = luck + np.array([0.0, 2.0, 5.0])[None, :, None] + rng.normal(0.0, 0.1, (6, 3, 8))
    feeders = pd.DataFrame({"feeder": list("abcdef"), "weight": 2.0})
    scenarios = table(values, (0.1, 0.5, 0.9)).sample(frac=1.0, random_state=1)
    found = find_total_changes(scenarios, feeders)
    rows = found[found["indicator"] == "executed_kwh"]
    assert list(found)[:4] == ["region", "share_before", "share", "indicator"]
    assert rows[["share_before", "share"]].to_numpy().tolist() == [[0.1, 0.5], [0.5, 0.9]]
    change = (values[:, 1:] - values[:, :-1]).mean(axis=2)
    assert rows["estimate"].tolist() == pytest.approx(2.0 * change.sum(axis=0))
    half = stats.t.ppf(0.975, 5) * 2.0 * np.sqrt(6 * change.var(axis=0, ddof=1))
    assert (rows["estimate_high"] - rows["estimate"]).tolist() == pytest.approx(half)


def test_other_tables_are_refused():
    scenarios = table(np.ones((2, 1, 2)))
    with pytest.raises(fastp2p.InputError, match="scenarios has no column feeder"):
        find_totals(scenarios.drop(columns="feeder"), pd.DataFrame({"feeder": ["a", "b"]}))
    with pytest.raises(fastp2p.InputError, match="no row of b"):
        find_totals(scenarios, pd.DataFrame({"feeder": ["a"]}))
    for key in ("weight", "n_homes"):
        with pytest.raises(fastp2p.InputError, match=f"feeders must have numbers in {key}"):
            find_totals(scenarios, pd.DataFrame({"feeder": ["a", "b"], key: ["x", "y"]}))
    found = find_totals(scenarios, pd.DataFrame({"feeder": ["a", "b"], "region": [1, "north"]}))
    assert list(found["region"].unique()) == [None, "1", "north"]
