"""The bench itself: that it runs and fills its page, what it computes from times, and that the guard tells slower from not."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import acflow, asymmetric, report, scale, step, timing

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "quick.json"
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--out", str(out)], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(out.read_text())


def on(results, kind):
    """The same results as if they were of another kind of processor."""
    return results | {"machine": f"{kind} of a test, 2 cores"}


@pytest.mark.slow
def test_every_table_of_the_page_is_made(results, tmp_path):
    shutil.copy(ROOT / "docs" / "performance.md", tmp_path)
    (tmp_path / "images").mkdir()
    before = (tmp_path / "performance.md").read_text()
    for kind in ("AMD", "Intel"):
        report.write(on(results, kind), tmp_path)
    text = (tmp_path / "performance.md").read_text()
    for name in report.TABLES:
        assert re.search(rf"<!-- bench {name} (AMD|Intel) -->", before)
        assert re.search(rf"<!-- bench {name} (AMD|Intel) -->\n(\*\1 of a test, 20|20)", text)
    assert (tmp_path / "images" / "scale.png").stat().st_size > 10_000


def test_results_fill_the_tables_of_their_kind_of_processor(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "TABLES", {"flows": lambda results: "new"})
    page = tmp_path / "performance.md"
    page.write_text("<!-- bench flows AMD -->\nold\n<!-- end -->\n<!-- bench flows Intel -->\nold\n<!-- end -->\n")
    report.write(on({"date": "2026-11-28"}, "Intel(R) Xeon(R)"), tmp_path)
    first, second = page.read_text().split("<!-- end -->\n")[:2]
    assert first == "<!-- bench flows AMD -->\nold\n"
    assert second == "<!-- bench flows Intel -->\n*Intel(R) Xeon(R) of a test, 2026-11-28*\n\nnew\n"


@pytest.mark.slow
def test_gaps_are_named(results):
    rows = [row for rows in results["contests"].values() for row in rows]
    assert all(("gap" in row) != ("us" in row) for row in rows)
    assert {"fastp2p", "fastp2p, whole book", "the notebook's way", "1 worker"} <= {row["what"] for row in rows}


@pytest.mark.slow
def test_a_page_that_names_no_table_is_refused(results, tmp_path):
    (tmp_path / "performance.md").write_text("<!-- bench nothing AMD -->\n<!-- end -->\n")
    with pytest.raises(ValueError, match="no table 'nothing'"):
        report.write(results, tmp_path)


def test_ratios_are_taken_round_by_round():
    slow, fast = [2.0, 4.0, 60.0], [1.0, 2.0, 10.0]
    found = timing.ratio(slow, fast)
    assert found["ratio"] == 2.0
    assert found["ratio_high"] == pytest.approx(5.2)
    assert timing.ratio(slow, fast, per=0.5)["ratio"] == 1.0
    assert timing.summary([1e-3, 2e-3, 3e-3], 1_000)["us"] == pytest.approx(2.0)


def test_a_clock_may_be_several():
    (taken,) = timing.in_turns({"a": lambda: None}, 2, clock=timing.both_clocks).values()
    assert np.shape(taken) == (2, 2)


def test_turns_begin_with_a_run_that_does_not_count_and_change_their_order():
    called = []
    taken = timing.in_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 2)
    assert "".join(called) == "ab" + "ab" + "ba"
    assert [len(seconds) for seconds in taken.values()] == [2, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001234, "0.00123"), (1.0, "1.00"), (12.34, "12.3"), (123.4, "123"), (52_223.0, "52,200"), (0.0, "0"), (np.nan, "–")],
)
def test_figures(value, text):
    assert report.figures(value) == text


def test_the_random_feeder_is_a_tree_with_the_flows_of_one():
    network = scale.random_feeder(30)
    assert network.is_radial
    injection = np.random.default_rng(0).normal(size=(3, 30))
    np.testing.assert_allclose(network.flow_kw(injection), injection @ network.ptdf.T, atol=1e-9)


@pytest.mark.slow
def test_the_guard_answers_for_each_phase_and_says_what_it_lacks():
    call = [sys.executable, "-m", "bench.guard", "--serve", "44", "24"]
    ran = subprocess.run(call, cwd=ROOT, input="match\nno such phase\n", capture_output=True, text=True, check=True)
    answer, gap = ran.stdout.splitlines()
    assert 0.0 < float(answer) < 1.0
    assert gap.startswith("gap KeyError")


@pytest.mark.slow
def test_the_bench_of_sweeps_and_audits_runs():
    assert " us at all, " in acflow.compare_flows("44", quick=True)
    assert len(acflow.compare_audits(quick=True)) == 6


@pytest.mark.parametrize(("is_cut", "status"), [(False, "free"), (True, "cleared")])
def test_a_step_is_timed(is_cut, status):
    physics, found, ours, stages, times = step.compare("dc", is_cut, quick=True)
    assert (physics, found) == ("`dc`", status)
    assert all("–" in one for one in (ours, stages))
    assert float(times) > 0.0


def test_three_phases_are_timed():
    first, ours, *peers = asymmetric.compare("44", quick=True)
    assert first == "41 buses, 13 homes"
    assert ours.split()[0] == "fastp2p"
    assert len(peers) == 4
    assert all(" x ours; voltages differ by " in line or " gap: " in line for line in peers)


@pytest.mark.slow
def test_sweeps_of_three_phases_are_timed():
    ratio, three, balanced = asymmetric.compare_sweeps("pv-sweep", "lindistflow", quick=True)
    assert " x balanced " in ratio
    for line in (three, balanced):
        shares = [int(part.split()[-1].rstrip("%")) for part in line.split("; ")[1].split(", ")]
        assert sum(shares) == pytest.approx(100, abs=4)
