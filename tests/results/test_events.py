"""What the network cuts, what is broken before any trade, what would break without control, and what is not known of it."""

import json

import numpy as np
import pandapower as pp
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.io.manifest import read_manifest
from fastp2p.results.statistics import find_hosting_capacity, find_probabilities
from fastp2p.study.model import Study
from fastp2p.sweep.compare import compare_rules

UNKNOWN_FLAGS = ["full_breaks_voltage", "full_breaks_current", "needless_cut"]


def two_lines(home_kwh, sun_kwh, *, buses=(1, 2), pv_buses=(1,), keep=("books",), load=None, **clearing):
    """Buses 1 and 2, each at the end of a line of its own: 0.32 Ω, and √3 · 0.4 kV · 20 A = 13.86 kVA.

    Bus 1 has PV, all of them have the load; without reactive power. The band is 0.9…1.01.
    """
    net = pp.create_empty_network()
    pp.create_buses(net, 3, 0.4)
    pp.create_ext_grid(net, 0)
    for bus in (1, 2):
        pp.create_line_from_parameters(net, 0, bus, 1.0, 0.32, 0.0001, 0.0, 0.02)
        pp.create_load(net, bus, 1e-3)
    study = {
        "name": "lines",
        "network": {"source": "none", "v_max_pu": 1.01},
        "participants": {"buses": list(buses)},
        "load": {"profile": "home", "power_factor": 1.0, **(load or {})},
        "pv": {"profile": "sun", "kwp": 100.0, "power_factor": 1.0, "buses": list(pv_buses)},
        "clearing": clearing,
        "scenarios": {"keep": list(keep)},
    }
    profiles = fastp2p.Profiles(("home", "sun"), ("load", "pv"), np.array([home_kwh, np.divide(sun_kwh, 100.0)], float))
    return fastp2p.run(Study.model_validate(study), network=fastp2p.Network.from_pandapower(net), profiles=profiles)


def events(ran):
    row = find_probabilities(ran.scenarios).iloc[0]
    return {name.removesuffix("_probability"): value for name, value in row.items() if name.endswith("_probability")}


def test_a_winter_evening_is_no_cut():
    """A load of 20 kW is over the line's 13.86 kVA; no trade and no export has anything to do with it."""
    ran = two_lines([20.0, 1.0], [0.0, 2.0])
    assert ran.books.status.tolist() == ["base_overload", "free"]
    assert not ran.books.is_cut.any()
    assert ran.scenarios[["n_cut", "n_base_overload"]].iloc[0].tolist() == [0, 1]
    assert events(ran) == {"cut": 0.0, "overload": 1.0}
    probabilities = find_probabilities(ran.scenarios)
    assert find_hosting_capacity(probabilities).share == ran.scenarios.share[0]
    assert find_hosting_capacity(probabilities, event="overload").share == 0.0


def test_an_export_that_is_cut():
    """20 kW of surplus, a line of 13.86 kVA: no limit is broken before, and the rest is spilled."""
    ran = two_lines([0.0, 0.0], [0.0, 20.0])
    assert ran.books.status.tolist() == ["free", "cleared"]
    assert ran.books.is_cut.tolist() == [False, True]
    assert ran.books.spilled_kwh.tolist() == pytest.approx([0.0, 20.0 - np.sqrt(3.0) * 8.0])
    assert events(ran) == {"cut": 1.0, "overload": 0.0}


def test_a_trade_that_is_cut_where_the_base_is_over_its_limit_already():
    """19 kW of fixed export are over 13.86 kVA: both events; the trade of 1 kW with bus 2 may add nothing."""
    ran = two_lines([0.0, 1.0], [0.0, 21.0], surplus="export")
    book = ran.books.iloc[1]
    assert (book.status, book.matched_kwh, book.executed_kwh) == ("base_overload", 1.0, 0.0)
    assert ran.books.is_cut.tolist() == [False, True]
    assert events(ran) == {"cut": 1.0, "overload": 1.0}


def test_tables_without_the_counts_are_refused():
    ran = two_lines([1.0], [0.0])
    with pytest.raises(fastp2p.InputError, match=r"no column n_cut, n_ac_broken; it must be the table results\.scenarios"):
        find_probabilities(ran.scenarios.drop(columns=["n_cut", "n_ac_broken"]))


@pytest.mark.parametrize("surplus", ["curtailable", "export", "spill"])
def test_surplus_is_fed_in_without_control_whatever_the_study_does_with_it(surplus):
    """P r/V² = 10 kW · 0.32 Ω/(0.4 kV)² = 0.02 p.u.: above 1.01 with 10 kW of surplus, not with 4 (0.008).

    The current of 16 kW at some 1.03 p.u., 22 A, is above 20 A. By hand, the same under each rule.
    """
    ran = two_lines([0.0, 0.0, 0.0, 0.0], [0.0, 4.0, 10.0, 16.0], surplus=surplus, audit=True)
    assert ran.books.full_breaks_voltage.tolist() == [False, False, True, True]
    assert ran.books.full_breaks_current.tolist() == [False, False, False, True]
    assert events(ran)["voltage"] == events(ran)["cable"] == 1.0
    if surplus == "spill":  # nothing flows, so nothing is broken, and no trade is cut
        assert (ran.books.ac_status == "kept").all()
        assert not ran.books.needless_cut.any()


@pytest.mark.parametrize("physics", ["dc", "ac"])
@pytest.mark.parametrize("audit", [True, 3])
def test_what_would_break_without_control_does_not_depend_on_the_rule_for_surplus(physics, audit):
    base = fastp2p.studies()["pv-sweep"]
    flags = {}
    for surplus in ("curtailable", "export", "spill"):
        parts = {
            "network": {"v_min_pu": 0.97, "v_max_pu": 1.015, "limit_factor": 0.7},
            "clearing": {"physics": physics, "audit": audit, "surplus": surplus},
            "pv": {"power_factor": 0.9},
            "scenarios": {"count": 10, "shares": (0.5,), "keep": ("books",)},
        }
        study = base.with_(**parts)
        flags[surplus] = fastp2p.run(study, workers=1).books[UNKNOWN_FLAGS[:2]]
    assert flags["spill"].equals(flags["curtailable"])
    assert flags["export"].equals(flags["curtailable"])
    assert flags["spill"].sum().min() > 0


@pytest.mark.filterwarnings("ignore:load.profile. home:fastp2p.InputWarning")
@pytest.mark.parametrize("kwh", [30.0, 2000.0])
def test_what_is_not_known_of_a_collapse_is_null(kwh):
    """(0.4 kV)²/(4 · 0.32 Ω) = 125 kW is the most that a line carries: with 2,000 not even the base has a solution."""
    ran = two_lines([1.0, kwh], [0.0, 0.0], audit=True)
    book, collapsed = ran.books.iloc[1], kwh > 125.0
    assert (book.ac_status == "collapse") == collapsed
    unknown = ["lowest_vm_pu", "lowest_vm_bus", "highest_vm_bus", "losses_kwh", "losses_cost", "worst_current_percent"]
    unknown += ["slack_kwh", "operator_balance", "retailer_revenue", *UNKNOWN_FLAGS[:2]]
    assert book[unknown].isna().all() == collapsed
    assert book[unknown].isna().any() == collapsed
    assert not book[["bill", "import_kwh", "needless_cut", "ac_status"]].isna().any()
    row = ran.scenarios.iloc[0]
    sums = ["losses_kwh", "losses_cost", "slack_kwh", "operator_balance", "retailer_revenue", "peak_import_kw", "load_factor"]
    assert row[sums].isna().all() == collapsed
    assert not row[["bill", "lowest_vm_pu", "lowest_vm_step"]].isna().any()  # of the hour that is known
    assert row["n_full_breaks_voltage"] is not None
    assert bool(np.isnan(events(ran)["voltage"])) == collapsed  # not 0: whether a limit would break is not known


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("audit", [5, 1000])
def test_json_of_a_sampled_audit_has_null_for_what_is_unknown(audit, tmp_path, monkeypatch):
    monkeypatch.setattr("fastp2p.sweep.drawing.draw_day_figures", lambda *_: {})
    study = fastp2p.studies()["paper-44"].to_toml().replace("audit = false", f"audit = {audit}")
    (tmp_path / "one.toml").write_text(study, encoding="utf-8")
    printed = CliRunner().invoke(app, ["run", str(tmp_path / "one.toml"), "--out", str(tmp_path / "out"), "--json"])
    assert printed.exit_code == 0, printed.output
    summary = strict(printed.stdout)
    for book in summary["books"]:
        is_unknown = book["ac_status"] == "not_audited"
        for name in ("lowest_vm_pu", "lowest_vm_bus", "losses_kwh", *UNKNOWN_FLAGS):
            assert (book[name] is None) == is_unknown, name
    totals, n_audited = summary["totals"], sum(book["ac_status"] != "not_audited" for book in summary["books"])
    assert (totals["n_audited"], totals["n_books"]) == (n_audited, 24)
    for name in ("lowest_vm_step", "n_needless_cut", "n_full_breaks_voltage", "lowest_vm_pu"):
        assert (totals[name] is None) == (n_audited == 0), name
    assert read_manifest(tmp_path / "out").complete
    plain = CliRunner().invoke(app, ["run", str(tmp_path / "one.toml"), "--out", str(tmp_path / "again")])
    assert "nan" not in plain.output
    assert f"of {n_audited} audited books of 24" in " ".join(plain.output.split())


def test_a_comparison_leaves_out_what_is_unknown():
    base = fastp2p.studies()["pv-sweep"]
    parts = {"load": {"homes": 25.0}, "clearing": {"audit": True}, "scenarios": {"count": 3, "shares": (0.5,)}}
    study = base.with_(**parts)
    collapsed = fastp2p.run(study).scenarios["n_audit_collapse"] > 0
    table = compare_rules(study, ["ask", "midpoint"]).set_index(["rule", "indicator"])
    assert collapsed.sum() > 0
    assert table.loc[("ask", "bill"), "n"] == 3
    assert table.loc[("ask", "operator_balance"), "n"] == (~collapsed).sum()
    assert np.isnan(table.loc[("ask", "operator_balance"), "mean"]) == collapsed.all()
