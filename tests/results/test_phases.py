"""What three phases add to the tables: phases by name, extremes and counts of books, branches by conductor."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.clearing.phase_audit import PhaseAudit
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.reduce import BranchFlows, audit_columns, reduce_batch
from fastp2p.results.columns import columns_of
from fastp2p.results.indicators import indicators_of
from fastp2p.results.tables import make_columns, make_frames
from fastp2p.sweep.prepare import prepare
from tests.support.sweeps import SWEEP

N_SCENARIOS, N_STEPS, TABLES = 3, 24, ("scenarios", "hours", "books", "branches", "participants")


@pytest.fixture(scope="module")
def ran():
    """Three days of a balanced study, its network and its batch."""
    study = fastp2p.studies()["pv-sweep"].with_(clearing={"audit": True, "physics": "lindistflow"})
    network, profiles = prepare(study)
    drawn = draw_scenarios(study, network, profiles, 0.5, range(N_SCENARIOS))
    return run_batch(study, network, profiles, drawn, range(N_STEPS)), network


def an_audit(n_books, **fields):
    """Book by book: phases in turn, unbalance and neutral that rise, flags that are all 0."""
    turns = np.arange(n_books)
    found = PhaseAudit(
        lowest_phase=turns % 3,
        highest_phase=(turns + 1) % 3,
        unbalance_percent=0.01 * turns,
        unbalance_bus=turns % 5,
        neutral_percent=1.0 * turns,
        full_unbalance=np.zeros(n_books),
        balanced_voltage=np.zeros(n_books),
        balanced_current=np.zeros(n_books),
    )
    return found._replace(**fields)


def tables(ran, phases):
    """Of the days, as if they had been audited like this; every branch on a, b and c with one, two and three sixths."""
    batch, network = ran
    reduced = reduce_batch(batch, network, TABLES)
    books = audit_columns(dataclasses.replace(batch, audit=dataclasses.replace(batch.audit, phases=phases)), network)
    flows, parts = reduced.branches, np.array([1.0, 2.0, 3.0]) / 6.0
    by_phase = BranchFlows(
        flows.physics,
        flows.flow_kw[..., None] * parts,
        flows.flow_kva[..., None] * parts,
        flows.current_percent[..., None] * 3.0 * parts,
        np.stack([flows.bound, flows.bound, ~flows.bound], axis=2),
    )
    changed = dataclasses.replace(reduced, books={**reduced.books, **books}, branches=by_phase)
    plain, phased = (make_frames([make_columns(one, network, TABLES)]) for one in (reduced, changed))
    return plain, phased


def test_phases_of_books_have_names(ran):
    audit = an_audit(N_SCENARIOS * N_STEPS)
    audit.lowest_phase[4], audit.unbalance_bus[4], audit.unbalance_percent[4] = -1, -1, np.nan
    books, network = tables(ran, audit)[1]["books"], ran[1]
    assert books["lowest_vm_phase"].astype(object)[:6].tolist()[:4] == ["a", "b", "c", "a"]
    assert books["highest_vm_phase"][:3].tolist() == ["b", "c", "a"]
    assert books.loc[4, ["lowest_vm_phase", "unbalance_bus", "unbalance_percent"]].isna().all()
    assert books["unbalance_bus"][:3].tolist() == network.bus_id[:3].tolist()
    assert str(books["unbalance_bus"].dtype) == "Int64"
    assert not books["full_breaks_unbalance"].any()
    expected = {one.name for one in columns_of("books").values() if not (one.device or one.swept)}
    assert set(books) == {name for name in expected if not name.endswith("time")}


def test_a_scenario_has_extremes_and_counts(ran):
    flags = np.zeros((3, N_SCENARIOS * N_STEPS))
    flags[0, :2], flags[1, 24:27], flags[2, 50] = 1.0, 1.0, 1.0
    flags[0, 30], flags[0, 50] = np.nan, np.nan
    audit = an_audit(flags.shape[1], full_unbalance=flags[0], balanced_voltage=flags[1], balanced_current=flags[2])
    scenarios = tables(ran, audit)[1]["scenarios"]
    assert scenarios["unbalance_percent"].tolist() == pytest.approx([0.23, 0.47, 0.71])
    assert scenarios["neutral_percent"].tolist() == [23.0, 47.0, 71.0]
    assert scenarios["n_full_breaks_unbalance"].astype(float).fillna(-1).tolist() == [2.0, -1.0, -1.0]
    assert scenarios["n_balanced_breaks_voltage"].tolist() == [0, 3, 0]
    assert scenarios["n_balanced_breaks_current"].tolist() == [0, 0, 1]
    assert {"unbalance_percent", "n_balanced_breaks_voltage"} <= set(indicators_of(scenarios))


def test_other_columns_stay_as_they_are(ran):
    plain, phased = tables(ran, an_audit(N_SCENARIOS * N_STEPS))
    for name in ("scenarios", "hours", "books"):
        pd.testing.assert_frame_equal(phased[name][plain[name].columns], plain[name])
    assert plain["hours"].columns.equals(phased["hours"].columns)


def test_a_branch_has_a_row_for_each_conductor(ran):
    plain, phased = (found["branches"] for found in tables(ran, an_audit(N_SCENARIOS * N_STEPS)))
    assert phased.columns.tolist()[:4] == ["share", "scenario", "branch", "phase"]
    assert len(phased) == 3 * len(plain)
    for place, phase in enumerate("abc"):
        one = phased[phased["phase"] == phase].reset_index(drop=True)
        part = (place + 1) / 6.0
        same = ["share", "scenario", "branch", "from_bus", "to_bus", "physics", "worst_step"]
        pd.testing.assert_frame_equal(one[same], plain[same])
        np.testing.assert_allclose(one[["limit_kw", "limit_kva"]], plain[["limit_kw", "limit_kva"]] / 3.0)
        np.testing.assert_allclose(one["largest_flow_kw"], plain["largest_flow_kw"] * part)
        np.testing.assert_allclose(one["largest_flow_kva"], plain["largest_flow_kva"] * part)
        loading = [name for name in plain if name.endswith("percent")]
        np.testing.assert_allclose(one[loading], plain[loading] * 3.0 * part)
        bound = plain["n_binding_books"] if phase != "c" else N_STEPS - plain["n_binding_books"]
        assert one["n_binding_books"].tolist() == bound.tolist()


def test_participants_have_the_phases_of_what_they_have(ran):
    batch, network = ran
    drawn, reduced = batch.scenarios, reduce_batch(batch, network, TABLES)
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, (2, *drawn.kwp.shape)).astype(np.int8)
    homes = np.where(np.arange(drawn.homes.shape[1]) == 2, 0.0, drawn.homes)
    phased = dataclasses.replace(drawn, load_phase=codes[0], pv_phase=codes[1], homes=homes)
    made = make_columns(dataclasses.replace(reduced, scenarios=phased), network, ("participants",))
    table = make_frames([made])["participants"]
    assert table.columns.tolist()[:6] == ["share", "scenario", "bus", "phase", "pv_phase", "kwp"]
    of = table.itertuples(index=False)
    for scenario in range(N_SCENARIOS):
        for column, bus in enumerate(drawn.participant.tolist()):
            row, (load, pv) = next(of), codes[:, scenario, column]
            assert row.bus == network.bus_id[bus]
            assert row.phase == ("a", "b", "c", "balanced")[load] if homes[scenario, column] else pd.isna(row.phase)
            assert row.pv_phase == ("a", "b", "c", "balanced")[pv] if row.kwp > 0.0 else pd.isna(row.pv_phase)
    assert table["pv_phase"].isna().any()
    assert set(table) == {one.name for one in columns_of("participants").values() if not (one.device or one.swept)}
    assert not {"phase", "pv_phase"} & set(make_columns(reduced, network, ("participants",))["participants"])


def test_a_rule_may_stop_by_what_only_three_phases_know():
    three = {"source": "ieee_european_lv_asymmetric", "phases": 3, "limit_factor": 1.0}
    stop = {"stop": {"indicator": "unbalance_percent", "within": 0.1}}
    parts = {"participants": {"buses": "loads"}, "clearing": {"audit": True}, "scenarios": stop}
    base = SWEEP.with_(**parts)
    prepare(base.with_(network=three, connection={"phases": "random"}))
    with pytest.raises(fastp2p.InputError, match=r"stop\.indicator = 'unbalance_percent': must be one of"):
        prepare(base)
