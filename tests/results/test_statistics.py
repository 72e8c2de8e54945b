import csv
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import fastp2p
from fastp2p.clearing.answer import STATUS
from fastp2p.results.columns import INDICATORS
from fastp2p.results.statistics import (
    compare_hosting_capacity,
    compare_shares,
    find_hosting_capacity,
    find_hour_quantiles,
    find_probabilities,
    is_narrow,
    summarise,
)


def scenarios(n=400, seed=1):
    """Three nested shares: what a scenario trades grows by 2 kWh a share, on top of its own luck."""
    rng = np.random.default_rng(seed)
    luck = rng.normal(10.0, 3.0, n)
    frames = []
    for place, share in enumerate((0.1, 0.3, 0.5)):
        frame = pd.DataFrame({name: luck + 2.0 * place + rng.normal(0, 0.1, n) for name in INDICATORS})
        overloads = (luck > (99.0, 16.0, 12.0)[place]).astype(int)
        frame = frame.assign(**{f"n_{status}": 0 for status in STATUS.tolist()})
        frames.append(frame.assign(share=share, scenario=np.arange(n), n_base_overload=overloads, n_cut=overloads))
    return pd.concat(frames, ignore_index=True)


def test_summary_and_paired_changes():
    table = scenarios()
    summary = summarise(table).set_index(["indicator", "share"]).loc[("executed_kwh", 0.3)]
    values = table[table.share == 0.3].executed_kwh
    assert summary.n == 400
    assert summary["mean"] == pytest.approx(values.mean())
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (summary.mean_low, summary.mean_high) == pytest.approx((interval.low, interval.high))
    assert (summary["median"], summary.p5, summary.p95) == pytest.approx(values.quantile([0.5, 0.05, 0.95]).tolist())
    assert summary.p5_low < summary.p5 < summary.p5_high < summary["median"]
    changes = compare_shares(table).set_index(["indicator", "share"]).loc[("executed_kwh", 0.3)]
    assert changes.mean_change == pytest.approx(2.0, abs=0.03)
    assert changes.mean_change_high - changes.mean_change_low < 0.05 * (summary.mean_high - summary.mean_low) * 2


def test_quantiles_of_each_hour():
    """Of the scenarios in which the value is known."""
    rng = np.random.default_rng(2)
    rows = pd.DataFrame([(share, s, hour) for share in (0.1, 0.3) for s in range(21) for hour in (0, 7)])
    rows.columns = ["share", "scenario", "hour"]
    rows = rows.assign(import_kwh=rng.normal(size=len(rows)), lowest_vm_pu=rng.normal(size=len(rows)), other=0.0)
    rows.loc[rows["scenario"] == 3, "lowest_vm_pu"] = np.nan
    found = find_hour_quantiles(rows, ["import_kwh", "lowest_vm_pu"])
    assert found.columns.get_level_values(0).unique().tolist() == ["import_kwh", "lowest_vm_pu"]
    for share, hour in ((0.1, 0), (0.1, 7), (0.3, 0), (0.3, 7)):
        of = rows[(rows["share"] == share) & (rows["hour"] == hour)]
        for column in ("import_kwh", "lowest_vm_pu"):
            expected = np.nanquantile(of[column], [0.05, 0.5, 0.95])
            np.testing.assert_allclose(found.loc[(share, hour), column], expected, rtol=1e-12)


@pytest.mark.slow
def test_mean_intervals_cover():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({name: rng.normal(5, 2, 30 * 100) for name in INDICATORS}).assign(
        share=np.repeat(np.arange(100) / 100, 30), scenario=np.tile(np.arange(30), 100)
    )
    summary = summarise(frame)
    held = (summary.mean_low <= 5) & (summary.mean_high >= 5)
    assert held.mean() == pytest.approx(0.95, abs=0.02)


def with_nulls():
    """Ten scenarios at each of two shares; self-consumption is known in none at share 0, in all but one at 0.5."""
    frame = scenarios(n=10)
    frame = frame[frame.share < 0.4].replace({"share": {0.1: 0.0, 0.3: 0.5}}).reset_index(drop=True)
    frame.loc[frame.share == 0.0, "self_consumption"] = np.nan
    frame.loc[(frame.share == 0.5) & (frame.scenario == 3), "self_consumption"] = np.nan
    return frame


def test_nulls_are_left_out_and_counted():
    frame = with_nulls()
    summary = summarise(frame).set_index(["indicator", "share"])
    known = frame[(frame.share == 0.5) & (frame.scenario != 3)].self_consumption
    assert summary.loc[("self_consumption", 0.5), ["n", "mean", "median"]].tolist() == pytest.approx(
        [9, known.sum() / 9, np.sort(known)[4]]
    )
    unknown = summary.loc[("self_consumption", 0.0)]
    assert unknown.n == 0
    assert unknown[["mean", "mean_low", "mean_high", "median", "median_low", "median_high", "p5", "p95"]].isna().all()
    assert set(summary.index.get_level_values("indicator")) == set(INDICATORS)
    changes = compare_shares(frame).set_index("indicator")
    assert changes.loc["self_consumption", "n"] == 0
    assert np.isnan(changes.loc["self_consumption", "mean_change"])
    assert changes.loc["executed_kwh", "n"] == 10


def test_a_stop_looks_at_what_is_known():
    frame = with_nulls()
    assert is_narrow(frame, "self_consumption", 100.0)
    assert not is_narrow(frame, "self_consumption", 1e-9)
    assert not is_narrow(frame.assign(self_consumption=np.nan), "self_consumption", 100.0)


def test_probabilities_and_hosting_capacity():
    table = scenarios()
    probabilities = find_probabilities(table)
    row = probabilities.set_index("share").loc[0.5]
    events = int((table[table.share == 0.5].n_base_overload > 0).sum())
    exact = stats.binomtest(events, 400).proportion_ci(0.95, "exact")
    assert (row.overload_probability, row.overload_low, row.overload_high) == pytest.approx(
        (events / 400, exact.low, exact.high)
    )
    capacity = find_hosting_capacity(probabilities, 0.05)
    assert (capacity.low, capacity.share, capacity.high) == (0.3, 0.3, 0.3)
    narrow = find_hosting_capacity(probabilities, float(probabilities.overload_probability[1]))
    assert (narrow.low, narrow.share, narrow.high) == (0.1, 0.3, 0.3)
    assert find_hosting_capacity(probabilities[1:], 0.0).share == 0.0
    with pytest.raises(fastp2p.InputError, match="between 0 and 1"):
        find_hosting_capacity(probabilities, 5)
    with pytest.raises(fastp2p.InputError, match="event = 'fire': must be one of cut, overload"):
        find_hosting_capacity(probabilities, event="fire")


def test_hosting_capacity_counts_what_only_curtailment_prevents():
    """Exports that may be cut never overload the base; that they have to be cut is what ends the capacity."""
    table = scenarios().assign(n_base_overload=0)
    table["n_cut"] = (table.share > 0.2).astype(int)
    probabilities = find_probabilities(table)
    assert find_hosting_capacity(probabilities).share == 0.1
    assert find_hosting_capacity(probabilities, event="overload").share == table.share.max()


def three_phases():
    """Of 400 scenarios at each of three shares, so many in which a limit would break, three-phase and balanced."""
    counts = {
        "n_audit_broken": (0, 100, 200),
        "n_audit_collapse": (0, 0, 220),
        "n_full_breaks_voltage": (0, 100, 200),
        "n_full_breaks_current": (0, 20, 60),
        "n_full_breaks_unbalance": (40, 80, 120),
        "n_balanced_breaks_voltage": (0, 0, 21),
        "n_balanced_breaks_current": (0, 0, 0),
    }
    table = scenarios().assign(losses_cost=0.0)
    for name, n in counts.items():
        table[name] = np.concatenate([(np.arange(400) < some) * 2 for some in n])
    return table


def test_hosting_capacity_beside_the_balanced_model():
    """20 of 400 are 5 %, so that share still counts; its interval, 3.1 to 7.6 %, does not reach below. 21 are more."""
    probabilities = find_probabilities(three_phases())
    row = probabilities.set_index("share").loc[0.5]
    assert row.broken_probability == 220 / 400
    assert (row.unbalance_probability, row.balanced_voltage_probability, row.balanced_cable_probability) == (0.3, 0.0525, 0.0)
    exact = stats.binomtest(120, 400).proportion_ci(0.95, "exact")
    assert (row.unbalance_low, row.unbalance_high) == pytest.approx((exact.low, exact.high))
    found = compare_hosting_capacity(probabilities).set_index("cause")
    assert found.index.tolist() == ["voltage", "cable", "unbalance"]
    assert found.loc["voltage"].tolist() == [0.1, 0.1, 0.1, 0.3, 0.3, 0.5]
    assert found.loc["cable"].tolist() == [0.3, 0.1, 0.3, 0.5, 0.5, 0.5]
    assert found.loc["unbalance"].tolist()[:3] == [0.0, 0.0, 0.0]
    assert found.loc["unbalance"][3:].isna().all()
    assert compare_hosting_capacity(probabilities, 0.3)["share"].tolist() == [0.3, 0.5, 0.5]


def test_only_three_phases_that_are_audited_know_of_unbalance():
    audited = ("losses_cost", "n_audit_broken", "n_audit_collapse", "n_full_breaks_voltage", "n_full_breaks_current")
    balanced = scenarios().assign(**dict.fromkeys(audited, 0.0))
    probabilities = find_probabilities(balanced)
    assert not [name for name in probabilities if name.startswith(("unbalance", "balanced"))]
    sampled = find_probabilities(three_phases().drop(columns="losses_cost"))
    for table in (probabilities, sampled):
        with pytest.raises(fastp2p.InputError, match=r"audited in three phases; set network\.phases = 3, and clearing\.audit"):
            find_hosting_capacity(table, event="unbalance")
    with pytest.raises(fastp2p.InputError, match="event = 'balanced_voltage' is known only if"):
        compare_hosting_capacity(probabilities)


def test_ampacities_of_the_sweeps_are_those_of_the_table():
    with (files("fastp2p") / "data" / "conductors.csv").open() as file:
        rows = {row["std_type"]: row for row in csv.DictReader(file)}
    network = fastp2p.Network.load("cigre_lv")
    assert set(rows) == set(network.std_type[network.element == "line"].tolist())
    for row in rows.values():
        ratio = float(row["reference_r_ohm_per_km"]) / float(row["r_ohm_per_km"])
        assert float(row["ampacity_ka"]) == pytest.approx(float(row["reference_ampacity_ka"]) * np.sqrt(ratio), abs=5e-4)
    for name in ("pv-sweep", "pv-sweep-year"):
        by_type = fastp2p.studies()[name].network.ampacity_ka_by_std_type
        assert by_type == {std_type: float(row["ampacity_ka"]) for std_type, row in rows.items()}
