"""A sweep that stops when its answer is narrow enough, at fixed checkpoints."""

import json

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.results.statistics import is_narrow
from fastp2p.study.scenarios import StopPart
from fastp2p.sweep import parts
from tests.support.sweeps import SWEEP, assert_same


def stopping(within, count=1000, **stop):
    part = {"indicator": "executed_kwh", "within": within, "at_least": 100, **stop}
    return SWEEP.with_(scenarios={"count": count, "stop": part})


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 24 * 70)


@pytest.fixture(scope="module")
def long():
    """The same sweep without a rule."""
    study = stopping(1.0)
    return fastp2p.run(study.with_(scenarios={"count": 200, "stop": None}))


def test_checkpoints_double_and_end_at_the_count():
    stop = StopPart.model_validate({"indicator": "saving", "within": 0.01})
    assert stop.checkpoints(500) == [500]
    assert stop.checkpoints(1000) == [1000]
    assert stop.checkpoints(5000) == [1000, 2000, 4000, 5000]


def test_no_part_reaches_over_a_checkpoint():
    rounds = parts.cut_into_rounds(stopping(0.1), 24)
    assert [sum(len(part.scenarios) for part in one) for one in rounds] == [200, 200, 400, 800, 400]
    assert [part.number for one in rounds for part in one] == list(range(sum(len(one) for one in rounds)))


def test_it_stops_where_it_is_narrow_and_not_before(long):
    at_100 = long.scenarios[long.scenarios.scenario < 100]
    width = {
        n: max(
            half_width(rows.executed_kwh) / rows.executed_kwh.mean()
            for _, rows in long.scenarios[long.scenarios.scenario < n].groupby("share")
        )
        for n in (100, 200)
    }
    assert width[200] < width[100]
    between = (width[100] + width[200]) / 2
    assert not is_narrow(at_100, "executed_kwh", between)
    results = fastp2p.run(stopping(between))
    assert results.stopped_at == 200
    assert_same(results.tables(), long.tables())
    assert fastp2p.run(stopping(width[100] * 1.001)).stopped_at == 100


def half_width(values):
    from scipy import stats

    return stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 2, "batch_scenarios": 7}])
def test_a_folder_holds_what_was_enough_and_says_so(options, long, tmp_path, no_figures):
    study, out = stopping(0.08), tmp_path / "out"
    results = fastp2p.run(study, out=out, **options)
    in_memory = fastp2p.run(study)
    assert results.stopped_at == in_memory.stopped_at
    assert results.stopped_at in (200, 400)
    assert_same(results.tables(), in_memory.tables())
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["stopped_at"] == results.stopped_at
    assert manifest["stopped_because"] == "executed_kwh is known to within 0.08 of its mean at every share"
    assert manifest["complete"]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = fastp2p.run(study, out=out, resume=True)
    assert_same(again.tables(), results.tables())
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}


@pytest.mark.slow
def test_an_interrupted_run_stops_at_the_same_place(tmp_path, no_figures):
    study = stopping(0.08)

    def interrupt(done, n_parts):
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastp2p.run(study, out=tmp_path / "out", progress=interrupt, workers=1)
    resumed = fastp2p.run(study, out=tmp_path / "out", resume=True)
    assert_same(resumed.tables(), fastp2p.run(study).tables())


def test_an_unknown_indicator_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(
        fastp2p.InputError, match=r"scenarios.stop.indicator = 'happiness': must be one of n_pv, kwp, load_kwh, .*saving"
    ):
        fastp2p.run(stopping(0.1, indicator="happiness"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_several_looks_cost_little_coverage():
    """A known mean, looks at 100, 200, … 1,600: the interval at the end still covers it about 93 times in a hundred."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(2000):
        values = rng.normal(1.0, 0.5, 1600)
        for n in (100, 200, 400, 800, 1600):
            low, high = values[:n].mean() + np.array([-1, 1]) * half_width(values[:n])
            frame = pd.DataFrame({"share": 0.5, "x": values[:n]})
            if n == 1600 or is_narrow(frame, "x", 0.05):
                covered += low <= 1.0 <= high
                break
    assert 0.92 < covered / 2000 < 0.95
