"""A study on a network whose phases are not alike, from draws to tables and figures."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest

import fastp2p
from fastp2p.report.numbers import branch_table
from fastp2p.sweep.again import run_again
from tests.support.sweeps import SWEEP
from tests.support.unlike_phases import general_network


@pytest.fixture(scope="module")
def network():
    """With buses of one and two phases, 100 kW per branch."""
    made = general_network(np.random.default_rng(6), 16, banks=0.2, plain=0.1)
    kw_per_ka, lines = np.full(made.n_branch, 200.0), made.element == "line"
    return dataclasses.replace(
        made, kw_per_ka=kw_per_ka, ampacity_ka=np.where(lines, 0.5, np.nan), rating_kw=np.where(lines, np.nan, 100.0)
    )


@pytest.fixture(scope="module")
def study(network):
    lacks = network.bus_id[network.zero.phases != 7].tolist()
    return SWEEP.with_(
        network={"source": "cigre_lv", "phases": 3, "limit_factor": 1.0, "v_min_pu": 0.85, "v_max_pu": 1.12},
        connection={"phases": "random"},
        participants={"background": [{"buses": lacks[:2], "load": "residential_2", "size": 0.2}]},
        load={"homes": 0.2},
        pv={"kwp": 6.0},
        clearing={"physics": "lindistflow", "audit": True},
        scenarios={"count": 3, "shares": [0.8]},
    )


@pytest.fixture(scope="module")
def results(study, network):
    return fastp2p.run(study, network=network)


def test_nothing_is_injected_on_a_phase_that_a_bus_lacks(results, network):
    batch = run_again(results, results.scenarios.iloc[0], 3)
    has, bus = network.zero.has_phase, batch.scenarios.connected
    for of in batch.clearing.injection:
        assert (of[:, ~has[bus]] == 0.0).all()
    lacks = network.zero.phases[bus] != 7
    assert (batch.clearing.injection.kw[:, lacks] != 0.0).any()
    assert lacks.sum() > 2


def test_tables_have_the_phases_that_there_are(results, network):
    branches = results.branches[results.branches["scenario"] == 0]
    assert len(branches) == network.zero.branch_has_phase.sum()
    of = [np.flatnonzero(network.branch_name == name)[0] for name in branches["branch"]]
    phase = np.array([list("abc").index(name) for name in branches["phase"]])
    assert network.zero.branch_has_phase[of, phase].all()
    np.testing.assert_allclose(branches["limit_kw"], 100.0 / network.zero.n_conductors[of])
    assert len(branch_table(results).rows) > 0
    scenarios = results.scenarios
    assert scenarios["n_balanced_breaks_voltage"].isna().all()
    assert scenarios["n_full_breaks_voltage"].notna().all()
    phases = results.participants[["bus", "phase"]].dropna()
    at = network.positions(phases["bus"].to_numpy())
    assert network.zero.has_phase[at, [list("abc").index(name) for name in phases["phase"]]].all()


def test_there_is_no_balanced_model_to_compare_with(results, study, network):
    probabilities = fastp2p.find_probabilities(results.scenarios)
    assert "balanced_voltage_probability" not in probabilities
    found = fastp2p.compare_hosting_capacity(probabilities)
    assert found["balanced_share"].isna().all()
    assert found["share"].notna().all()
    with pytest.raises(
        fastp2p.InputError, match="known only if every book is audited in three phases, and no bus lacks a phase"
    ):
        fastp2p.find_hosting_capacity(probabilities, event="balanced_voltage")
    with pytest.raises(fastp2p.InputError, match='kind = "feeders": some buses lack phases'):
        fastp2p.plot.feeder(results, kind="feeders")
    with pytest.raises(fastp2p.InputError, match=r"network\.phases = 1: some buses lack phases, so there is no balanced model"):
        fastp2p.run(
            study.with_(network={"phases": 1}, connection=None, clearing={"physics": "dc", "audit": False}), network=network
        )


def test_figures_leave_out_what_there_is_not(results):
    figure = mpl.figure.Figure()
    for place, draw in enumerate((fastp2p.plot.feeder, fastp2p.plot.phases, fastp2p.plot.ac_error, fastp2p.plot.network)):
        axes = draw(
            results, ax=figure.add_subplot(2, 2, place + 1), **({"scenario": 0} if draw is fastp2p.plot.network else {})
        )
        names = [text.get_text() for text in (axes.get_legend().get_texts() if axes.get_legend() else [])]
        assert not any("balanced" in name for name in names)
