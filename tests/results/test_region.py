"""Hosting capacities of many feeders, their distribution, and which feature goes with them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import fastp2p
from fastp2p.grid.features import FEATURES
from fastp2p.results.hosting import hosting_span
from fastp2p.results.intervals import proportion_interval
from fastp2p.results.region import (
    caution_of,
    distribute_hosting,
    find_feeder_hosting,
    hosting_quantile,
    of_event,
    rank_features,
)
from fastp2p.results.statistics import find_hosting_capacity

SHARES = (0.1, 0.4, 0.7, 1.0)


def probabilities(n_feeders=12, events=("cut", "voltage"), devices=(None,)):
    """Random ones that mostly rise, of feeders in no order."""
    rng = np.random.default_rng(3)
    rows = []
    for i in rng.permutation(n_feeders).tolist():
        for device in devices:
            for place, share in enumerate(SHARES):
                row = {"feeder": f"f{i:02d}", "share": share, "n": 50}
                row |= {} if device is None else {"battery_share": device}
                for event in events:
                    p = float(np.clip(rng.normal(0.06 * (place - i % 5), 0.05), 0.0, 1.0))
                    row |= {f"{event}_probability": p, f"{event}_low": 0.5 * p, f"{event}_high": min(1.0, p + 0.03)}
                rows.append(row)
    return pd.DataFrame(rows)


def hosting_of(shares, after=SHARES):
    """A table of one event from the hosting capacities of feeders a, b, …; all is sure."""
    after = [next((share for share in after if share > one), np.nan) for one in shares]
    names = [chr(ord("a") + i) for i in range(len(shares))]
    ends = {f"hosting_share{end}": shares for end in ("", "_low", "_high")}
    return pd.DataFrame({"feeder": names, "event": "cut", **ends, "next_share": after, "next_share_high": after})


@pytest.mark.parametrize("devices", [(None,), (0.0, 0.5)])
def test_every_feeder_has_the_hosting_capacity_of_its_own_table(devices):
    table = probabilities(devices=devices)
    table.loc[table.index[5], "cut_probability"] = np.nan
    found = find_feeder_hosting(table)
    keys = ["feeder", *(["battery_share"] if devices != (None,) else [])]
    assert list(found)[: len(keys) + 1] == [*keys, "event"]
    assert found["feeder"].is_monotonic_increasing
    assert len(found) == 12 * len(devices) * 2
    seen = set()
    for row in found.to_dict("records"):
        own = table[(table[keys] == [row[key] for key in keys]).all(axis=1)].sort_values("share")
        capacity = find_hosting_capacity(own, event=row["event"])
        ends = row["hosting_share"], row["hosting_share_low"], row["hosting_share_high"]
        assert ends == (capacity.share, capacity.low, capacity.high)
        low, high = hosting_span(own, row["event"])
        seen.add(low)
        assert row["hosting_share"] == low
        assert row["next_share"] == high if low < 1.0 else np.isnan(row["next_share"])
        above = [share for share in SHARES if share > capacity.high]
        assert row["next_share_high"] == above[0] if above else np.isnan(row["next_share_high"])
    assert {0.0, 1.0} < seen
    assert of_event(found, "voltage")["event"].unique().tolist() == ["voltage"]


def test_an_event_of_which_nothing_is_known_of_a_feeder_has_no_row():
    table = probabilities()
    table.loc[table["feeder"] == "f03", ["voltage_probability", "voltage_low", "voltage_high"]] = [np.nan, 0.0, 1.0]
    found = find_feeder_hosting(table)
    assert found.loc[found["feeder"] == "f03", "event"].tolist() == ["cut"]
    assert len(of_event(found, "voltage")) == 11


def test_the_distribution_by_hand():
    hosting = hosting_of([0.0, 0.1, 0.4, 1.0])
    hosting.loc[1, ["hosting_share_low", "hosting_share_high", "next_share_high"]] = [0.0, 0.7, 1.0]
    feeders = pd.DataFrame({"feeder": list("abcdz"), "weight": [1.0, 2.0, 3.0, 4.0, 99.0], "n_homes": [10, 20, 10, 5, 1]})
    found = distribute_hosting(hosting, feeders).set_index(["of", "share"])
    assert found.loc["feeders", "part"].to_dict() == pytest.approx({0.1: 0.9, 0.4: 0.7, 0.7: 0.4, 1.0: 0.4})
    assert found.loc["feeders", "surely"].to_dict() == pytest.approx({0.1: 0.7, 0.4: 0.7, 0.7: 0.4, 1.0: 0.4})
    assert found.loc["feeders", "perhaps"].to_dict() == pytest.approx({0.1: 0.9, 0.4: 0.9, 0.7: 0.6, 1.0: 0.4})
    homes = {0.1: 90 / 100, 0.4: 50 / 100, 0.7: 20 / 100, 1.0: 20 / 100}
    assert found.loc["homes", "part"].to_dict() == pytest.approx(homes)
    assert [hosting_quantile(found.reset_index(), part) for part in (0.95, 0.9, 0.5, 0.1)] == [0.0, 0.1, 0.4, 1.0]
    assert hosting_quantile(found.reset_index(), 0.5, "homes") == 0.4
    assert (found["part_low"] <= found["part"]).all()
    assert (found["part_high"] >= found["part"]).all()
    # of alike weights, so few that a feeder counts as one trial
    alike = distribute_hosting(hosting_of([0.1] * 6 + [0.4]), pd.DataFrame({"feeder": list("abcdefg")})).set_index("share")
    assert alike["of"].tolist() == ["feeders"] * 3
    assert tuple(alike.loc[0.1, ["part_low", "part_high"]]) == pytest.approx(proportion_interval(7, 7, 0.95))
    alone = distribute_hosting(hosting_of([0.4]), pd.DataFrame({"feeder": ["a"]}))
    assert alone["part_low"].isna().all()


def test_rank_correlations_are_those_of_scipy_with_ties():
    rng = np.random.default_rng(1)
    names = [f"f{i:02d}" for i in range(40)]
    feeders = pd.DataFrame({"feeder": names, **{one.name: rng.normal(size=40) for one in FEATURES}})
    feeders["n_bus"] = 7
    feeders.loc[:3, "furthest_ohm"] = np.nan
    limit = np.clip(0.6 - 0.3 * feeders["rise_percent"], 0.0, 1.3)
    hosting = hosting_of(np.array([0.0, *SHARES])[np.searchsorted(SHARES, limit, side="right")]).assign(feeder=names)
    found = rank_features(hosting, feeders)
    assert found["feature"].tolist()[0] == "rise_percent"
    assert found["feature"].tolist()[-1] == "n_bus"
    by_name = found.set_index("feature")
    assert np.isnan(by_name.loc["n_bus", "rank_correlation"])
    assert by_name.loc["furthest_ohm", "n"] == 36
    for one in FEATURES[1:]:
        known = feeders[one.name].notna()
        expected = stats.spearmanr(hosting.loc[known, "hosting_share"], feeders.loc[known, one.name]).statistic
        row = by_name.loc[one.name]
        assert row["rank_correlation"] == pytest.approx(expected)
        se = np.sqrt((1 + expected**2 / 2) / (known.sum() - 3))
        low, high = np.tanh(np.arctanh(expected) + se * stats.norm.ppf([0.025, 0.975]))
        assert (row["rank_correlation_low"], row["rank_correlation_high"]) == pytest.approx((low, high))


def test_capacities_beyond_the_largest_share_are_tied_and_rank_above_the_others():
    """At 1.0 and beyond is not known apart; that 0.7 is kept and 1.0 is not, is below both."""
    feeders = pd.DataFrame({"feeder": list("abcd"), "n_homes": [4, 3, 2, 1]})
    found = rank_features(hosting_of([0.0, 0.7, 1.0, 1.0]), feeders)
    assert found.loc[0, "rank_correlation"] == pytest.approx(stats.spearmanr([1, 2, 3, 3], [4, 3, 2, 1]).statistic)
    assert np.isnan(found.loc[0, "rank_correlation_low"])  # few feeders
    nothing = rank_features(hosting_of([1.0] * 4), feeders)
    assert np.isnan(nothing.loc[0, "rank_correlation"])


def test_intervals_of_rank_correlations_cover():
    """Of a normal pair with correlation 0.6, whose Spearman correlation is 6/π arcsin(0.3)."""
    rng, truth, held = np.random.default_rng(4), 6.0 / np.pi * np.arcsin(0.3), []
    names = [chr(ord("a") + i) for i in range(25)]
    for _ in range(150):
        x, noise = rng.normal(size=(2, 25))
        hosting = hosting_of(0.6 * x + 0.8 * noise, after=())
        found = rank_features(
            hosting.assign(next_share=hosting["hosting_share"]), pd.DataFrame({"feeder": names, "n_homes": x})
        )
        held.append(found.loc[0, "rank_correlation_low"] <= truth <= found.loc[0, "rank_correlation_high"])
    assert np.mean(held) == pytest.approx(0.95, abs=0.05)


def test_few_feeders_come_with_a_caution():
    assert "One feeder" in caution_of(1, 9)
    assert "beyond ±0.98 by chance, and 9 features" in caution_of(5, 9)
    assert caution_of(50, 9) == ""


def test_tables_that_do_not_belong_together_are_refused_with_every_fault():
    feeders = pd.DataFrame({"feeder": ["a", "b", "b", "d"], "weight": [1.0, -1.0, 2.0, np.nan]})
    with pytest.raises(fastp2p.InputError, match="probabilities has no column feeder"):
        find_feeder_hosting(probabilities().drop(columns="feeder"))
    with pytest.raises(fastp2p.InputError, match="event = 'fire': these feeders have cut"):
        of_event(hosting_of([0.1]), "fire")
    with pytest.raises(fastp2p.InputError) as error:
        distribute_hosting(hosting_of([0.1] * 4), feeders)
    assert len(error.value.faults) == 3
    assert "several rows of b" in str(error.value)
    assert "no row of c" in str(error.value)
    assert "weight of b, d" in str(error.value)
