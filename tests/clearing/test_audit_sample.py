"""A sampled audit: which books are drawn, and what interval the rates have."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

import fastp2p
from fastp2p.clearing.audit_sample import audited_by_hour, draw_places, draw_sample
from fastp2p.cli.main import app
from fastp2p.figures.pages import Look, new_page
from fastp2p.pipeline.draws import STREAMS
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.results.intervals import proportion_interval, rate_interval
from fastp2p.results.statistics import (
    count_audited,
    find_audit_rates,
    too_few_audited,
)
from fastp2p.sweep.voltage_pages import draw_voltage_of
from tests.oracles.uniforms import uniforms_of


def drawn(every, n_scenarios, n_steps=24, step_hours=1.0, seed=7):
    return draw_sample(seed, every, np.arange(n_scenarios), range(n_steps), n_steps, step_hours)


@pytest.mark.parametrize("every", [2, 7, 24, 100, 1000])
@pytest.mark.parametrize(
    ("n_scenarios", "days", "step_hours"), [(1000, 1, 1.0), (3, 365, 1.0), (50, 2, 0.25), (40, 7, 0.5), (9, 60, 2.0)]
)
def test_every_hour_of_the_day_is_sampled_alike(every, n_scenarios, days, step_hours):
    n_steps = round(days * 24 / step_hours)
    sample = drawn(every, n_scenarios, n_steps, step_hours)
    hour = (np.arange(n_steps) * step_hours).astype(int) % 24
    by_hour = np.array([sample[:, hour == one].sum() for one in np.unique(hour)])
    books_per_hour = n_scenarios * n_steps / len(by_hour)
    assert by_hour.max() - by_hour.min() <= 1
    assert (np.abs(by_hour - books_per_hour / every) < 1.0).all()
    assert abs(sample.sum() - sample.size / every) < 2.0  # spread evenly over the last block as well
    last = range(n_scenarios - 2, n_scenarios)
    counted = audited_by_hour(draw_places(7, every, last.start, last.stop, n_steps, step_hours), every, last.start, last.stop)
    wanted = [[scenario[hour == one].sum() for scenario in sample[last.start :]] for one in range(24)]
    assert counted.tolist() == wanted


@pytest.mark.parametrize(("every", "n_steps"), [(5, 24), (24, 24), (30, 48), (7, 31)])
def test_every_book_is_drawn_with_the_same_probability(every, n_steps):
    """Over 4,000 seeds, each book of 11 scenarios is drawn 4,000/N times, within five standard errors; the last block too."""
    n, p = 4000, 1.0 / every
    times = sum(drawn(every, 11, n_steps, seed=seed).astype(int) for seed in range(n))
    assert (np.abs(times - n * p) < 5.0 * np.sqrt(n * p * (1.0 - p))).all()


def test_a_sample_is_the_same_in_any_pieces():
    whole = drawn(24, 40, 24 * 90)
    for rows in (range(1), range(7, 8), range(13, 40)):
        for steps in (range(5), range(100, 1000), range(24 * 90 - 1, 24 * 90)):
            part = draw_sample(7, 24, np.array(rows), steps, 24 * 90, 1.0)
            assert np.array_equal(part, whole[rows.start : rows.stop, steps.start : steps.stop])
    assert draw_sample(7, 24, np.empty(0, int), range(24), 24, 1.0).shape == (0, 24)
    assert not np.array_equal(drawn(24, 40, seed=8), drawn(24, 40))


def test_a_sample_leaves_the_draws_of_scenarios_alone():
    """Counters of the sample begin at 2^192: even 10^12 scenarios of 10^6 buses stay 2^128 below."""
    before = Uniforms(7, range(3), STREAMS, 5, np.arange(5)).of("kwp")
    drawn(24, 100)
    assert np.array_equal(Uniforms(7, range(3), STREAMS, 5, np.arange(5)).of("kwp"), before)
    sample_first = np.random.Generator(np.random.Philox(key=7, counter=1 << 192)).random(8)
    assert not np.isin(sample_first, uniforms_of(7, range(50), STREAMS, 5)).any()


@pytest.fixture(scope="module")
def studies():
    """pv-sweep at 50 %, within ±5 %: audited in whole, and one book in 24."""
    base = fastp2p.studies()["pv-sweep"]
    parts = {"network": {"v_min_pu": 0.95, "v_max_pu": 1.05}, "scenarios": {"shares": (0.5,), "keep": ("books", "hours")}}
    ran = {}
    for audit in (True, 24):
        changed = {**parts, "clearing": {"audit": audit}}
        study = base.with_(**changed)
        ran[audit] = fastp2p.run(study, workers=1)
    return ran


def test_a_sample_of_pv_sweep_sees_every_hour_and_covers_the_truth(studies):
    """The rate of the whole audit is 0.1021 (docs/voltage.md); every 24th book would be midnight, where it is 0."""
    truth, sample = (find_audit_rates(studies[audit].scenarios).iloc[0] for audit in (True, 24))
    assert truth.broken_rate == pytest.approx(0.1021, abs=5e-5)
    assert (truth.n_audited, truth.n_books) == (24_000, 24_000)
    books = studies[24].books
    by_hour = books[books.ac_status != "not_audited"].groupby("step").size()
    assert len(by_hour) == 24
    assert set(by_hour) <= {41, 42}  # 1,000 books of an hour in blocks of 24
    assert (sample.n_audited, sample.n_books) == (by_hour.sum(), 24_000)
    assert sample.broken_rate_low <= truth.broken_rate <= sample.broken_rate_high
    assert sample.broken_rate_high - sample.broken_rate_low < 0.05
    hours = studies[24].hours.groupby("hour")[["n_audited", "n_books"]].sum()
    assert hours.n_audited.tolist() == by_hour.tolist()
    assert (hours.n_books == 1000).all()
    audited = studies[24].scenarios.n_audited
    assert set(audited[:984]) == {1}  # 24 hours drawn over 24 scenarios: one of each
    assert count_audited(studies[24].scenarios) == f"of {by_hour.sum():,} audited books of 24,000"
    assert count_audited(studies[True].scenarios) == "of all 24,000 books"


def test_figures_say_of_how_many_books(studies):
    for audit, said in ((True, False), (24, True)):
        run = studies[audit]
        _, (axes,) = new_page(None, Look())
        draw_voltage_of(axes, run, "highest")
        title = " ".join(axes.get_legend().get_title().get_text().split())
        assert ("of 1,000 audited books of 24,000" if said else "of all 24,000 books") in title


def test_the_interval_of_a_whole_audit_is_about_students(studies):
    rate = studies[True].scenarios
    rate = ((rate.n_audit_broken + rate.n_audit_collapse) / 24).to_numpy(float)
    expected = stats.t.interval(0.95, len(rate) - 1, rate.mean(), stats.sem(rate))
    found = find_audit_rates(studies[True].scenarios).iloc[0]
    assert (found.broken_rate_low, found.broken_rate_high) == pytest.approx(expected, rel=0.01)


def test_rates_where_nothing_or_everything_is_broken():
    """Nothing is known of how alike the books of a scenario are, so a scenario counts as one book."""
    n = np.full(40, 24.0)
    assert rate_interval(np.zeros(40), n, 0.95) == proportion_interval(0, 40, 0.95)
    assert rate_interval(n, n, 0.95) == proportion_interval(40, 40, 0.95)
    low, high = rate_interval(np.eye(1, 40)[0], n, 0.95)  # one book of one scenario
    assert low < 1.0 / 960.0 < high
    assert high > 0.09


@pytest.mark.parametrize("per_scenario", [1, 3, 24])
@pytest.mark.parametrize(("n_scenarios", "rate"), [(12, 0.3), (60, 0.1), (400, 0.02), (1000, 0.1)])
def test_intervals_of_clustered_rates_cover(n_scenarios, rate, per_scenario):
    """Of 1,500 sweeps whose scenarios differ (beta, correlation 0.2 within), 95 % of the intervals hold the rate or more."""
    rng = np.random.default_rng(n_scenarios + per_scenario)
    own = rng.beta(4.0 * rate, 4.0 * (1.0 - rate), (1500, n_scenarios))  # correlation 1/(a + b + 1)
    counts = rng.binomial(per_scenario, own).astype(float)
    n = np.full(n_scenarios, float(per_scenario))
    intervals = np.array([rate_interval(count, n, 0.95) for count in counts])
    held = ((intervals[:, 0] <= rate) & (rate <= intervals[:, 1])).mean()
    assert held >= 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / 1500)
    assert (intervals >= 0.0).all()
    assert (intervals <= 1.0).all()
    if n_scenarios == 1000:
        assert held < 0.98


def test_a_sampled_sweep_covers_its_own_rate():
    """Hours differ as days do (broken around noon alone): 400 seeds of `draw_sample` on one table of 300 scenarios."""
    rng = np.random.default_rng(3)
    hour_rate = np.maximum(0.0, np.sin((np.arange(24) - 6.0) / 12.0 * np.pi)) * 0.4
    is_broken = rng.random((300, 24)) < hour_rate * rng.gamma(2.0, 0.5, (300, 1))
    held, midnight = 0, 0
    for seed in range(400):
        sample = drawn(24, 300, seed=seed)
        n = sample.sum(axis=1)
        low, high = rate_interval((is_broken & sample).sum(axis=1)[n > 0].astype(float), n[n > 0].astype(float), 0.95)
        held += low <= is_broken.mean() <= high
        midnight += sample[:, 0].sum()
    assert held / 400 >= 0.95
    assert midnight / 400 == pytest.approx(300 / 24, abs=0.5)


def test_an_audit_with_too_few_books_says_so(tmp_path, monkeypatch):
    base = fastp2p.studies()["pv-sweep"]
    study = base.with_(clearing={"audit": 1000}, scenarios={"count": 20})
    ran = fastp2p.run(study, workers=1)
    rates = find_audit_rates(ran.scenarios)
    assert (rates.n_audited <= 1).all()
    assert (rates.n_books == 480).all()
    assert rates[["broken_rate_low", "broken_rate_high"]].isna().all().all()
    assert too_few_audited(ran.scenarios).startswith("too few audited books for an interval at a share of 0.1, 0.3, 0.5")
    none = ran.scenarios.assign(n_audited=0)
    assert find_audit_rates(none)["broken_rate"].isna().all()
    lacking = ran.scenarios["n_audited"] == 0  # nothing is known of them: no zero steps, flags or counts
    unknown = ["lowest_vm_pu", "lowest_vm_step", "n_needless_cut", "n_full_breaks_voltage"]
    assert ran.scenarios[lacking][unknown].isna().all().all()
    monkeypatch.setattr("fastp2p.sweep.drawing.draw_sweep_figures", lambda *_: {})
    (tmp_path / "few.toml").write_text(study.to_toml(), encoding="utf-8")
    printed = CliRunner().invoke(app, ["run", str(tmp_path / "few.toml"), "--out", str(tmp_path / "few")])
    words = " ".join(printed.output.split())
    assert "too few audited books for an interval at a share of 0.1, 0.3, 0.5: it needs two scenarios" in words
    assert count_audited(ran.scenarios) in words


@pytest.mark.slow
def test_shares_are_audited_on_the_same_books_in_any_batches(tmp_path, no_figures):
    base = fastp2p.studies()["pv-sweep"]
    study = base.with_(clearing={"audit": 5}, scenarios={"count": 30, "keep": ("books",)})
    one = fastp2p.run(study, workers=1)
    other = fastp2p.run(study, out=tmp_path / "out", workers=2, batch_scenarios=7)
    for name, table in one.tables().items():
        pd.testing.assert_frame_equal(table, other.tables()[name])
    whole = fastp2p.open_results(tmp_path / "out")["books"].to_table().to_pandas()
    assert whole.dtypes.astype(str).to_dict() == one.books.dtypes.astype(str).to_dict()
    chosen = {share: (rows.ac_status != "not_audited").tolist() for share, rows in one.books.groupby("share")}
    assert chosen[0.1] == chosen[0.3] == chosen[0.5]
    # more scenarios leave the sample of the first ones as it is
    longer = fastp2p.run(study.with_(scenarios={"count": 45}), workers=1).books
    first = longer[longer.scenario < 30].reset_index(drop=True)
    assert first.ac_status.equals(one.books.ac_status)
