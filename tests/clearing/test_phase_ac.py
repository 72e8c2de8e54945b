"""Three-phase clearings under "ac", whose power flow keeps every limit; and what the audit says of three-phase books."""

import functools
import itertools

import numpy as np
import pytest

import fastp2p
from fastp2p.clearing.audit import AC_STATUS, audit
from fastp2p.grid.phases import PHASE_SWEEPS
from tests.support import phase_books
from tests.support.phase_books import network_of

VOLTAGE_TOLERANCE, LOADING_TOLERANCE = 1e-6, 1e-4
QUICK = ("lines 9 2", "Dyn 9 2", "cigre_lv")
SLOW = ("YNyn 7 1", "Yzn 6 1", "ieee_european_lv_asymmetric")
N_BOOKS = 40
OBJECTIVES, RULES = ("volume", "welfare", "pro_rata"), ("retail", "shed")
EN_50160 = 2.0

every_network = pytest.mark.parametrize("name", QUICK)
every_rule = pytest.mark.parametrize("unserved", RULES)


@functools.cache
def batch(name, seed=0):
    """(books, band); one book in twenty has a base that breaks limits, and the last one collapses."""
    network, rng = network_of(name), np.random.default_rng([seed, len(name), ord(name[-1])])
    large = network.n_bus > 40
    sizes = {"pv_kw": (2.0, 8.0), "load_kw": (0.3, 3.0)} if network.n_bus > 100 else {}
    books = phase_books.random_books(network, rng, N_BOOKS, at=network.load_bus if large else None, **sizes)
    books, band = phase_books.bound(books, rng, share=0.3 if large else 0.6)
    books.base_kw[::20] += 8.0 * rng.uniform(-1.0, 1.0, books.base_kw[::20].shape)
    books.base_kw[-1] = -1e5
    return books, band


@functools.cache
def cleared(name, physics, objective, unserved, seed=0):
    books, band = batch(name, seed)
    return phase_books.clear(books, physics=physics, objective=objective, unserved=unserved, **band)


def flow_of(name, injection, seed=0):
    books, _ = batch(name, seed)
    return fastp2p.phase_flow(books.network, *injection, bus=books.at)


def excess(name, before, after, seed=0):
    """By how much a state breaks limits that another keeps, or breaks less: p.u. and %, (n_books,); NaN if it has none."""
    books, band = batch(name, seed)
    network, inner = books.network, books.network.has_band
    over = after.vm_pu - np.maximum(before.vm_pu, band["v_max_pu"])
    under = np.minimum(before.vm_pu, band["v_min_pu"]) - after.vm_pu
    loading = after.loading_percent - np.maximum(before.loading_percent, 100.0)
    loading = loading[:, np.isfinite(network.limit_kw)]
    return np.maximum(over, under)[:, inner].max(axis=(1, 2)), loading.max(axis=(1, 2), initial=-np.inf)


def breaks(name, before, after, seed=0):
    """(n_books, 2): voltages and currents that a state breaks beyond another."""
    volts, percent = excess(name, before, after, seed)
    return np.stack([volts > VOLTAGE_TOLERANCE, percent > LOADING_TOLERANCE], axis=1)


def check_limits_are_kept(name, objective, unserved, seed=0):
    """Status by status; returns how many books are cut, how many stay broken, and how many bases break limits."""
    answer = cleared(name, "ac", objective, unserved, seed)
    before, after = flow_of(name, answer.floor, seed), flow_of(name, answer.injection, seed)
    assert "failed" not in answer.status
    assert before.converged[:-1].all()
    broken = breaks(name, before, after, seed).any(axis=1) | (before.converged & ~after.converged)
    np.testing.assert_array_equal(broken[:-1], (answer.status == "ac_broken")[:-1])
    books, band = batch(name, seed)
    vm = before.vm_pu[:, books.network.has_band]
    outside = ((vm < band["v_min_pu"]) | (vm > band["v_max_pu"])).any(axis=(1, 2))
    outside |= (before.loading_percent > 100.0).any(axis=(1, 2))
    # No row can be tightened that the base breaks, nor one that has no trade: what others feed in may lower the voltage of a
    # phase, and so raise the current of its loads.
    assert np.count_nonzero(broken & ~outside) <= 1
    assert ((answer.executed_kwh >= 0.0) & (answer.executed_kwh <= books.trades.quantity_kwh)).all()
    assert ((answer.exported_kw >= 0.0) & (answer.exported_kw <= books.export_kw)).all()
    overloaded = (cleared(name, "lindistflow", objective, unserved, seed).status == "base_overload").sum()
    return np.count_nonzero(answer.is_cut), np.count_nonzero(broken), overloaded


@every_rule
@every_network
def test_what_is_executed_keeps_every_limit_that_the_base_keeps(name, unserved):
    n_cut, n_broken, n_overloaded = check_limits_are_kept(name, "volume", unserved)
    assert n_cut > 0.3 * N_BOOKS
    assert n_broken <= 0.5 * n_overloaded


@pytest.mark.slow
@every_rule
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", QUICK + SLOW)
def test_what_is_executed_keeps_every_limit_on_many_networks(name, objective, unserved):
    _, n_broken, n_overloaded = np.sum([check_limits_are_kept(name, objective, unserved, seed) for seed in (1, 2)], axis=0)
    assert n_broken <= 0.5 * n_overloaded


def test_lindistflow_alone_breaks_some_of_them():
    """Else the tests here would show nothing."""
    found = []
    for name, unserved in itertools.product(QUICK, RULES):
        answer = cleared(name, "lindistflow", "volume", unserved)
        found.append(breaks(name, flow_of(name, answer.floor), flow_of(name, answer.injection)))
    volts, percent = np.concatenate(found).T
    assert np.count_nonzero(volts) > 10
    assert np.count_nonzero(percent) > 5


@every_rule
@every_network
def test_ac_cuts_a_little_more_than_lindistflow(name, unserved):
    books, _ = batch(name)
    exact, linear = (cleared(name, physics, "volume", unserved) for physics in ("ac", "lindistflow"))
    more = np.bincount(books.trades.book, linear.executed_kwh - exact.executed_kwh, minlength=N_BOOKS)
    assert (more >= -1e-6).all()
    assert more.sum() <= 0.05 * books.trades.quantity_kwh.sum()


@every_rule
@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
def test_batches_of_any_size_give_the_same_bits(physics, unserved):
    books, band = batch("Dyn 9 2")
    whole = cleared("Dyn 9 2", physics, "volume", unserved)
    parts = []
    for k in range(0, N_BOOKS, 7):
        some = phase_books.some_books(books, k, min(k + 7, N_BOOKS))
        parts.append(phase_books.clear(some, physics=physics, unserved=unserved, **band))
    names = "executed_kwh exported_kw injection_kw injection_kvar flow_kw flow_kvar slack_kw loading_percent status_code"
    for key in (*names.split(), "binding_branch", "binding_bus", "shadow_price", "voltage_price"):
        assert np.array_equal(np.concatenate([getattr(part, key) for part in parts]), getattr(whole, key)), key


# ---------------------------------------------------------------------------------------------------------------- the audit


def audited(name, physics, unserved, **how):
    books, band = batch(name)
    clearing = cleared(name, physics, "volume", unserved)
    return clearing, audit(books.network, books.at, clearing, tuple(band.values()), solver=PHASE_SWEEPS, **how)


@every_rule
@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
@every_network
def test_an_audit_says_what_phase_flows_say(name, physics, unserved):
    books, _ = batch(name)
    clearing, found = audited(name, physics, unserved)
    summary = fastp2p.phase_summary(books.network, *clearing.injection, bus=books.at)
    for key in ("lowest_vm_pu", "highest_vm_pu", "losses_kw", "loading_percent"):
        np.testing.assert_allclose(getattr(found, key), getattr(summary, key), rtol=1e-9, err_msg=key)
    for key in ("unbalance_percent", "neutral_percent"):
        np.testing.assert_allclose(getattr(found.phases, key), getattr(summary, key), rtol=1e-9, err_msg=key)
    for key in ("lowest_bus", "highest_bus"):
        np.testing.assert_array_equal(getattr(found, key), getattr(summary, key), err_msg=key)
    for key in ("lowest_phase", "highest_phase", "unbalance_bus"):
        np.testing.assert_array_equal(getattr(found.phases, key), getattr(summary, key), err_msg=key)
    np.testing.assert_allclose(found.slack_kw, summary.slack_kw.sum(axis=1), rtol=1e-9)
    assert (summary.collapse == (found.code == AC_STATUS.tolist().index("collapse"))).all()
    assert summary.collapse.tolist() == [False] * (N_BOOKS - 1) + [True]
    for value in (found.phases.unbalance_percent, found.phases.neutral_percent, found.lowest_vm_pu):
        assert np.isnan(value[-1])
    assert {int(found.phases.lowest_phase[-1]), int(found.phases.unbalance_bus[-1])} == {-1}


@every_rule
@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
@every_network
def test_an_audit_says_which_limits_are_broken(name, physics, unserved):
    books, band = batch(name)
    clearing, found = audited(name, physics, unserved)
    base, executed, full = (flow_of(name, injection) for injection in (clearing.floor, clearing.injection, clearing.full))
    inner = books.network.has_band
    vm = executed.vm_pu[:, inner]
    outside = ((vm < band["v_min_pu"] - 1e-6) | (vm > band["v_max_pu"] + 1e-6)).any(axis=(1, 2))
    outside |= (executed.loading_percent > 100.0 + 1e-4).any(axis=(1, 2))
    by_trades, by_all = breaks(name, base, executed), breaks(name, base, full)
    solved = base.converged & executed.converged & full.converged
    expected = np.where(by_trades.any(axis=1), "broken", np.where(outside, "base_broken", "kept"))
    assert AC_STATUS[found.code][solved].tolist() == expected[solved].tolist()
    np.testing.assert_array_equal(found.full_voltage[solved], by_all[solved, 0])
    np.testing.assert_array_equal(found.full_current[solved], by_all[solved, 1])
    np.testing.assert_array_equal(found.needless_cut[solved], (clearing.is_cut & ~by_all.any(axis=1))[solved])
    unbalance = [flow.unbalance_percent[:, inner].max(axis=1) for flow in (base, full)]
    kept = solved & (unbalance[0] <= EN_50160)
    np.testing.assert_array_equal(found.phases.full_unbalance[kept], (unbalance[1] > EN_50160)[kept])
    assert solved.sum() >= N_BOOKS - 3
    lost = ~base.converged & ~full.converged
    for flags in (found.full_voltage, found.full_current, found.phases.full_unbalance):
        assert np.isnan(flags[lost]).all()


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
@every_network
def test_an_audit_says_what_the_balanced_model_would_find(name, physics):
    """The same books without control, each participant's power a third on each phase."""
    books, band = batch(name)
    clearing, found = audited(name, physics, "retail")
    flows = [
        fastp2p.ac_flow(books.network, injection.kw.sum(axis=2), injection.kvar.sum(axis=2), bus=books.at)
        for injection in (clearing.floor, clearing.full)
    ]
    base, full = flows
    inner, solved = books.network.has_band, base.converged & full.converged
    over = full.vm_pu - np.maximum(base.vm_pu, band["v_max_pu"])
    under = np.minimum(base.vm_pu, band["v_min_pu"]) - full.vm_pu
    volts = (np.maximum(over, under)[:, inner] > VOLTAGE_TOLERANCE).any(axis=1)
    percent = (full.loading_percent > np.fmax(base.loading_percent, 100.0) + LOADING_TOLERANCE).any(axis=1)
    np.testing.assert_array_equal(found.phases.balanced_voltage[solved], volts[solved])
    np.testing.assert_array_equal(found.phases.balanced_current[solved], percent[solved])
    assert (found.phases.balanced_voltage[solved] < found.full_voltage[solved]).any()


def test_a_sample_is_part_of_the_whole_audit():
    some = np.array([1, 5, 17, N_BOOKS - 1])
    _, whole = audited("Dyn 9 2", "lindistflow", "retail")
    _, part = audited("Dyn 9 2", "lindistflow", "retail", books=some)
    rest = np.setdiff1d(np.arange(N_BOOKS), some)
    for key in whole.phases._fields:
        every, few = getattr(whole.phases, key), getattr(part.phases, key)
        np.testing.assert_array_equal(few[some], every[some], err_msg=key)
        assert few.dtype == every.dtype
        assert (np.isnan(few[rest]) if few.dtype == float else few[rest] == -1).all(), key


def test_a_study_of_one_phase_has_no_phases():
    books, band = batch("Dyn 9 2")
    some = phase_books.some_books(books, 0, 5)
    clearing = fastp2p.clear(books.network, some.trades, some.base_kw.sum(axis=2), bus=books.at, physics="lindistflow", **band)
    assert audit(books.network, books.at, clearing, tuple(band.values())).phases is None
