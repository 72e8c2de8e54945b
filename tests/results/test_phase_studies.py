"""Whole studies of three phases: tables, answers and figures, against power flows of the same books."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.grid.phases import phase_flow
from fastp2p.pipeline.batch import run_batch
from fastp2p.results.columns import columns_of
from fastp2p.sweep.again import run_worst_day, sample_errors
from fastp2p.sweep.voltage_pages import draw_voltage_pages
from tests.support.sweeps import SWEEP

STUDY = SWEEP.with_(
    name="three",
    network={"source": "ieee_european_lv_asymmetric", "phases": 3, "limit_factor": 0.15, "v_max_pu": 1.08},
    connection={"phases": "random"},
    participants={"buses": "loads"},
    load={"homes": 0.12},
    pv={"kwp": {"distribution": "uniform", "low": 4.0, "high": 8.0}, "three_phase_above_kw": 7.0},
    clearing={"physics": "lindistflow", "audit": True},
    scenarios={"count": 4, "shares": [0.3, 0.9]},
)
FIGURES = {"voltage", "feeder", "phases", "ac_error"}


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(STUDY, workers=1)


@pytest.fixture(scope="module")
def flow(ran):
    """The batch of the larger share once more, and a three-phase power flow of every book."""
    drawn = fastp2p.scenarios(STUDY, range(4), share=0.9)
    batch = run_batch(STUDY, ran.network, ran.profiles, drawn, range(24))
    return batch, phase_flow(ran.network, *batch.clearing.injection, bus=drawn.participant)


def test_tables_have_exactly_these_columns(ran):
    for name, table in ran.tables().items():
        expected = {one.name for one in columns_of(name).values() if not (one.device or one.swept or one.name.endswith("time"))}
        assert set(table) == expected, name


def test_books_say_what_the_power_flow_says(ran, flow):
    network, books = ran.network, ran.books[ran.books["share"] == 0.9].reset_index(drop=True)
    vm_pu = flow[1].vm_pu[:, network.has_band]
    for name, extreme, arg in (("highest", np.max, np.argmax), ("lowest", np.min, np.argmin)):
        np.testing.assert_allclose(books[f"{name}_vm_pu"], extreme(vm_pu, axis=(1, 2)), atol=1e-8)
        place = arg(vm_pu.reshape(len(books), -1), axis=1)
        assert (books[f"{name}_vm_phase"].to_numpy() == np.array(list("abc"))[place % 3]).mean() > 0.9  # ties aside
        at = network.positions(books[f"{name}_vm_bus"].to_numpy(np.int64))
        phase = books[f"{name}_vm_phase"].cat.codes.to_numpy()
        np.testing.assert_allclose(flow[1].vm_pu[np.arange(len(books)), at, phase], books[f"{name}_vm_pu"], atol=1e-8)
    np.testing.assert_allclose(books["unbalance_percent"], flow[1].unbalance_percent.max(axis=1), atol=1e-6)
    at = network.positions(books["unbalance_bus"].to_numpy(np.int64))
    np.testing.assert_allclose(flow[1].unbalance_percent[np.arange(len(books)), at], books["unbalance_percent"], atol=1e-6)
    np.testing.assert_allclose(books["worst_current_percent"], np.nanmax(flow[1].loading_percent, axis=(1, 2)), atol=1e-5)


def test_branches_say_what_the_power_flow_says(ran, flow):
    network, rows = ran.network, ran.branches[ran.branches["share"] == 0.9]
    assert len(rows) == 4 * 3 * network.n_branch
    by = rows.set_index(["scenario", "branch", "phase"])
    current = flow[1].loading_percent.reshape(4, 24, network.n_branch, 3).max(axis=1)
    np.testing.assert_allclose(rows["max_current_percent"], current.ravel(), atol=1e-6)
    kw = flow[0].clearing.flow_kw.reshape(4, 24, network.n_branch, 3)
    branch = network.branch_name[5]
    of = kw[1, :, 5, 2]
    assert by.loc[(1, branch, "c"), "largest_flow_kw"] == pytest.approx(of[np.abs(of).argmax()])
    assert by.loc[(1, branch, "c"), "limit_kw"] == pytest.approx(network.limit_kw[5] / 3.0)
    binds = flow[0].clearing.binds.reshape(4, 24, network.n_branch, 3).sum(axis=1)
    assert rows["n_binding_books"].tolist() == binds.ravel().tolist()
    assert 0 < rows["n_binding_books"].max() < 24


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
def test_branches_and_books_agree_on_the_worst_loading(physics):
    ran = fastp2p.run(STUDY.with_(clearing={"physics": physics}, scenarios={"count": 2, "shares": [0.9]}), workers=1)
    for of_branch, of_book in (("max_loading", "worst_loading"), ("max_current", "worst_current")):
        of_branches = ran.branches.groupby("scenario")[f"{of_branch}_percent"].max()
        of_books = ran.books.groupby("scenario")[f"{of_book}_percent"].max()
        pd.testing.assert_series_equal(of_branches, of_books, check_names=False, rtol=1e-9)


def test_participants_are_connected_as_drawn(ran, flow):
    drawn = flow[0].scenarios
    rows = ran.participants[ran.participants["share"] == 0.9]
    load, pv = (codes.ravel() for codes in (drawn.load_phase, drawn.pv_phase))
    assert rows["phase"].cat.codes.tolist() == load.tolist()
    has_pv = (rows["kwp"] > 0.0).to_numpy()
    assert rows["pv_phase"].cat.codes.tolist() == np.where(has_pv, pv, -1).tolist()
    assert (rows.loc[rows["kwp"] > 7.0, "pv_phase"] == "balanced").all()


def test_a_balanced_study_of_three_phases_says_what_one_phase_says(ran):
    """A third of everything on each phase: energy and flags are those of the balanced study, unbalance is none."""
    balanced = fastp2p.run(STUDY.with_(connection={"phases": "balanced"}), workers=1)
    parts = {"source": "ieee_european_lv_asymmetric", "limit_factor": 0.15, "v_max_pu": 1.08, "phases": 1}
    one = fastp2p.run(STUDY.with_(network=parts, connection=None, pv={"three_phase_above_kw": None}), workers=1)
    shared = [name for name in one.scenarios if one.scenarios[name].dtype.kind in "fi"]
    pd.testing.assert_frame_equal(balanced.scenarios[shared], one.scenarios[shared], rtol=1e-5, atol=1e-6, check_dtype=False)
    assert balanced.scenarios["unbalance_percent"].max() < 1e-6
    for side in ("voltage", "current"):
        assert balanced.books[f"balanced_breaks_{side}"].equals(one.books[f"full_breaks_{side}"])
        assert balanced.books[f"full_breaks_{side}"].equals(one.books[f"full_breaks_{side}"])
        assert ran.books[f"balanced_breaks_{side}"].equals(one.books[f"full_breaks_{side}"])


def test_the_worst_day_is_that_of_the_tables(ran):
    worst, books = run_worst_day(ran), ran.books
    book = books.loc[books["highest_vm_pu"].idxmax()]
    at = worst.balanced
    assert (at.share, at.scenario, at.step, at.is_high) == (book["share"], book["scenario"], book["step"], True)
    assert worst.vm_pu[ran.network.has_band].max() == pytest.approx(book["highest_vm_pu"], abs=1e-8)
    day = books[(books["share"] == at.share) & (books["scenario"] == at.scenario)]
    np.testing.assert_allclose(worst.highest_vm_pu.max(axis=1), day["highest_vm_pu"], atol=1e-8)
    np.testing.assert_allclose(worst.lowest_vm_pu.min(axis=1), day["lowest_vm_pu"], atol=1e-8)
    assert at.ac_vm_pu.max() < worst.vm_pu.max()


def test_errors_of_the_balanced_model_are_the_larger_ones(ran):
    errors = sample_errors(ran)
    balanced, linear = (np.abs(error).mean() for error in errors.voltage.error.values())
    assert list(errors.voltage.error) == ["balanced AC", "LinDist3Flow"]
    assert linear < 0.3 * balanced
    assert np.isfinite(errors.loading.at).all()


def test_figures(ran):
    assert set(draw_voltage_pages(ran)) == FIGURES
    assert set(draw_voltage_pages(dataclasses.replace(ran, hours=None))) == FIGURES - {"voltage"}


@pytest.mark.slow
def test_a_folder_and_the_terminal_have_the_hosting_capacity(tmp_path):
    (tmp_path / "three.toml").write_text(STUDY.to_toml(), encoding="utf-8")
    printed = CliRunner().invoke(app, ["run", str(tmp_path / "three.toml"), "--out", str(tmp_path / "out")])
    assert printed.exit_code == 0, printed.output
    for heading in ("hosting capacity,", "limited by", "three phases", "balanced"):
        assert heading in printed.output
    assert "between phase and neutral" in printed.output
    capacity = pd.read_parquet(tmp_path / "out" / "hosting_capacity.parquet")
    probabilities = pd.read_parquet(tmp_path / "out" / "probabilities.parquet")
    pd.testing.assert_frame_equal(capacity, fastp2p.compare_hosting_capacity(probabilities))
    for name in FIGURES | {"hosting_capacity"}:
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 5_000
    books = fastp2p.open_results(tmp_path / "out")["books"].to_table().to_pandas()
    assert set(books["highest_vm_phase"].unique()) <= {"a", "b", "c"}
