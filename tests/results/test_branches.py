"""The table of branches: every column is of the physics that limited."""

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

import fastp2p
from fastp2p.study.model import Study

PHYSICS = ("dc", "lindistflow", "ac")


def one_line(physics, audit=False, kw=(10.0, 5.0), **clearing):
    """A line of √3 · 0.4 kV · 20 A = 13.86 kVA, and behind it a load of 10 kW and then 5 kW, at power factor 0.8."""
    net = pp.create_empty_network()
    pp.create_buses(net, 2, 0.4)
    pp.create_ext_grid(net, 0)
    pp.create_line_from_parameters(net, 0, 1, 0.01, 0.1, 0.08, 0.0, 0.02)
    pp.create_load(net, 1, 1e-3)
    study = {
        "name": "line",
        "network": {"source": "none", "v_min_pu": 0.5, "v_max_pu": 1.5},
        "participants": {"buses": [1]},
        "load": {"profile": "home", "power_factor": 0.8},
        "pv": {"profile": "sun", "kwp": 1.0},
        "clearing": {"physics": physics, "audit": audit, **clearing},
        "scenarios": {"keep": ["books", "branches"]},
    }
    profiles = fastp2p.Profiles(("home", "sun"), ("load", "pv"), np.array([kw, (0.0, 0.0)]))
    return fastp2p.run(Study.model_validate(study), network=fastp2p.Network.from_pandapower(net), profiles=profiles)


@pytest.mark.parametrize("physics", PHYSICS)
def test_a_line_worked_out_by_hand(physics):
    """10 kW at power factor 0.8 are 12.5 kVA: 12.5/13.8564 = 90.21 %; of active power it would be 10/13.8564 = 72.17 %."""
    ran = one_line(physics)
    row, rating = ran.branches.iloc[0], np.sqrt(3.0) * 0.4 * 20.0
    is_dc = physics == "dc"
    assert row.physics == physics
    assert row.limit_kw == pytest.approx(rating)
    assert row.largest_flow_kw == pytest.approx(10.0)
    assert row.worst_step == 0
    assert row.max_loading_percent == pytest.approx((10.0 if is_dc else 12.5) / rating * 100.0)
    assert round(row.max_loading_percent, 2) == (72.17 if is_dc else 90.21)
    assert row.p50_loading_percent == pytest.approx((7.5 if is_dc else 9.375) / rating * 100.0)
    assert ran.books.worst_loading_percent.max() == pytest.approx(row.max_loading_percent, rel=1e-12)
    if is_dc:
        assert np.isnan(row.largest_flow_kva)
        assert np.isnan(row.limit_kva)
        assert "max_current_percent" not in ran.branches
    else:
        assert row.largest_flow_kva == pytest.approx(12.5)
        assert row.limit_kva == pytest.approx(rating)


@pytest.mark.parametrize("physics", PHYSICS)
def test_currents_where_they_are_audited(physics):
    """1 mΩ and 0.8 mΩ: the load's end is at about 1 - (10 · 1 + 7.5 · 0.8) kW · mΩ/(0.4 kV)² = 0.9999 p.u., and I = S/V."""
    ran = one_line(physics, audit=True)
    drop = (10.0 * 1.0 + 7.5 * 0.8) * 1e-3 / 0.4**2 * 1e-3
    expected = 12.5 / (1.0 - drop) / (np.sqrt(3.0) * 0.4 * 20.0) * 100.0
    assert ran.branches.max_current_percent[0] == pytest.approx(expected, rel=1e-6)
    assert ran.branches.max_current_percent[0] == pytest.approx(ran.books.worst_current_percent.max(), rel=1e-12)


@pytest.mark.parametrize("physics", PHYSICS)
@pytest.mark.parametrize("audit", [False, 4])
def test_branches_and_books_agree_on_the_worst_loading(physics, audit):
    base = fastp2p.studies()["pv-sweep"]
    parts = {
        "network": {"v_max_pu": 1.03, "limit_factor": 0.6},
        "load": {"power_factor": 0.9},
        "clearing": {"physics": physics, "audit": audit},
        "scenarios": {"count": 12, "shares": (0.5,), "keep": ("books", "branches")},
    }
    study = base.with_(**parts)
    ran = fastp2p.run(study, workers=1)
    columns = {"max_loading_percent": "worst_loading_percent"}
    if physics == "ac" or audit:
        columns["max_current_percent"] = "worst_current_percent"
    else:
        assert "max_current_percent" not in ran.branches
    for of_branch, of_book in columns.items():
        of_branches = ran.branches.groupby("scenario")[of_branch].max()
        of_books = ran.books.groupby("scenario")[of_book].max()
        pd.testing.assert_series_equal(of_branches, of_books, check_names=False, rtol=1e-9)
    assert (ran.books.status != "free").any()


@pytest.mark.parametrize("physics", ["lindistflow", "ac"])
def test_flows_of_a_clearing_are_those_of_its_model(physics):
    """Active and reactive flows equal `fastp2p.lindistflow` of what is injected."""
    network = fastp2p.Network.load("cigre_lv")
    rng = np.random.default_rng(1)
    base = rng.uniform(-2.0, 1.0, (5, network.n_bus))
    none = fastp2p.Trades(np.zeros(6, int), *(np.empty(0) for _ in range(5)))
    clearing = fastp2p.clear(network, none, base, physics=physics, reactive=fastp2p.Reactive(0.3 * base))
    flow = fastp2p.lindistflow(network, base, 0.3 * base)
    np.testing.assert_allclose(clearing.flow_kw, flow.flow_kw, rtol=1e-12)
    np.testing.assert_allclose(clearing.flow_kvar, flow.flow_kvar, rtol=1e-12)
    loading = np.hypot(clearing.flow_kw, clearing.flow_kvar) * network.percent_per_kw
    np.testing.assert_allclose(loading.max(axis=1), clearing.loading_percent, rtol=1e-9)
    assert clearing.physics == physics
