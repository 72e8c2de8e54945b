"""What limits of three phases are worth, what they are called, how full they are, and what buyers of a pool get."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from tests.oracles import lindist3flow as oracle
from tests.support import phase_books
from tests.support.phase_books import network_of
from tests.support.pools import as_pairs, as_walks, random_pools

RULES = ("retail", "shed")
N_BOOKS = 40

every_rule = pytest.mark.parametrize("unserved", RULES)
every_physics = pytest.mark.parametrize("physics", ["dc", "lindistflow"])


@functools.cache
def batch(name, seed=11):
    network, rng = network_of(name), np.random.default_rng([seed, len(name)])
    return phase_books.bound(phase_books.random_books(network, rng, N_BOOKS, extra_kw=0.1), rng)


def value(name, objective, unserved, physics="lindistflow", wider=(0.0, 0.0), limit_kw=0.0):
    """(answer, objective per book) as limits move."""
    books, band = batch(name)
    moved = type(books)(**{**vars(books), "network": replace(books.network, limit_kw=books.network.limit_kw + limit_kw)})
    low, high = np.add(list(band.values()), wider).tolist()
    answer = phase_books.clear(moved, objective=objective, unserved=unserved, physics=physics, v_min_pu=low, v_max_pu=high)
    trades = books.trades
    worth = trades.bid_per_kwh - trades.ask_per_kwh if objective == "welfare" else np.ones(trades.n_trades)
    return answer, np.bincount(trades.book, worth * answer.executed_kwh, minlength=N_BOOKS)


def assert_prices_are_slopes(status, price, step, less, same, more):
    """The optimum is concave in a limit, so its price lies between the slopes; returns at how many books they agree."""
    cleared = status == "cleared"
    below, above, price = ((same - less) / step)[cleared], ((more - same) / step)[cleared], price[cleared]
    noise = 1e-6 / step + 2e-3 * np.abs(price)
    assert (price >= np.minimum(below, above) - noise).all()
    assert (price <= np.maximum(below, above) + noise).all()
    return np.count_nonzero((np.abs(price) > 1e-3) & (np.abs(below - above) < noise))


@pytest.mark.parametrize("objective", ["volume", "welfare"])
@every_rule
@pytest.mark.parametrize("name", ["lines 9 2", "Dyn 9 2"])
def test_voltage_prices_are_what_a_wider_band_brings(name, unserved, objective):
    """Prices of all phases of all buses add up to what the band is worth."""
    (answer, same), step = value(name, objective, unserved), 2e-5
    upper, lower = np.maximum(answer.voltage_price, 0).sum(axis=(1, 2)), np.minimum(answer.voltage_price, 0).sum(axis=(1, 2))
    agree = 0
    for price, side in ((upper, (0.0, step)), (lower, (step, 0.0))):
        _, more = value(name, objective, unserved, wider=side)
        _, less = value(name, objective, unserved, wider=(-side[0], -side[1]))
        agree += assert_prices_are_slopes(answer.status, price, step, less, same, more)
    assert agree >= 2


@pytest.mark.parametrize("objective", ["volume", "welfare"])
@every_rule
@every_physics
@pytest.mark.parametrize("name", ["lines 9 2", "Dyn 9 2"])
def test_branch_prices_are_what_stronger_conductors_bring(name, physics, unserved, objective):
    """Per kVA of a conductor: three kVA more of a branch are one more of each."""
    (answer, same), step, agree = value(name, objective, unserved, physics), 0.02, 0
    cleared = (answer.status == "cleared")[:, None, None]
    priced = np.flatnonzero(((np.abs(answer.shadow_price) > 1e-3) & cleared).any(axis=(0, 2)))
    for branch in priced[:4]:
        change = 3.0 * step * (np.arange(answer.shadow_price.shape[1]) == branch)
        _, more = value(name, objective, unserved, physics, limit_kw=change)
        _, less = value(name, objective, unserved, physics, limit_kw=-change)
        price = np.abs(answer.shadow_price[:, branch]).sum(axis=1)
        agree += assert_prices_are_slopes(answer.status, price, step, less, same, more)
    assert agree >= 1


@every_rule
@every_physics
@pytest.mark.parametrize("name", ["lines 9 2", "Dyn 9 2", "cigre_lv"])
def test_loading_is_that_of_the_fullest_conductor(name, physics, unserved):
    """Of a third of the branch's limit; transformers with a delta winding are looked at from both sides."""
    books, _ = batch(name)
    answer, _ = value(name, "volume", unserved, physics)
    network = books.network
    far, near, _ = oracle.state(network, books.at, answer.injection.kw, answer.injection.kvar)
    if physics == "dc":
        found = oracle.responses(network, books.at)
        far, near = (
            np.einsum("bfcg,ncg->nbf", oracle.by_branch(network, found, end)[0].real, answer.injection.kw)
            + network.constant_kw[:, None] / 3.0
            for end in (found.far, found.near)
        )
    most = np.maximum(np.abs(far), np.abs(near) * network.zero.to_ground[:, None])
    limited = np.isfinite(network.limit_kw)
    percent = 300.0 * most[:, limited] / network.limit_kw[limited, None]
    np.testing.assert_allclose(answer.loading_percent, percent.max(axis=(1, 2)), rtol=1e-8)


@every_rule
@every_physics
def test_a_name_says_which_phase(physics, unserved):
    """Of limits in branches and of voltages; the phase is that of a row without room."""
    books, band = batch("Dyn 9 2")
    answer, _ = value("Dyn 9 2", "volume", unserved, physics)
    cut = np.flatnonzero(answer.binding_row >= 0)
    names = answer.layout.name(answer.binding_row[cut])
    far, _, square = oracle.state(books.network, books.at, answer.injection.kw, answer.injection.kvar)
    seen = set()
    for i, name in zip(cut, names.tolist(), strict=True):
        k, (what, phase) = books.trades.book[i], name.rsplit(", phase ", 1)
        f = "abc".index(phase)
        if what.startswith("voltage at bus "):
            bus = books.network.positions([int(what.split()[-1])])[0]
            assert bus == answer.binding_bus[i]
            vm = np.sqrt(square[k, bus, f])
            if answer.status[k] == "cleared":
                assert min(abs(vm - limit) for limit in band.values()) < 1e-7
            seen.add("voltage")
        else:
            branch = answer.binding_branch[i]
            assert what.removesuffix(", delta side").startswith(books.network.branch_name[branch])
            if answer.status[k] == "cleared" and physics == "lindistflow" and books.network.element[branch] == "line":
                assert abs(far[k, branch, f]) > 0.96 * books.network.limit_kw[branch] / 3.0
            seen.add("branch")
    assert seen == ({"branch"} if physics == "dc" else {"branch", "voltage"})


@every_physics
@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@pytest.mark.parametrize("name", ["lines 9 2", "Dyn 9 2"])
def test_pools_are_cleared_as_their_pairs(name, objective, physics):
    books, band = batch(name)
    rng, n = np.random.default_rng(2), len(books.at)
    pools = random_pools(rng, N_BOOKS, n)
    found = []
    for trades, _ in (as_pairs(pools), as_walks(pools)):
        trades = replace(trades, quantity_kwh=4.0 * trades.quantity_kwh)
        some = type(books)(**{**vars(books), "trades": trades, "export_kw": np.zeros((N_BOOKS, n))})
        answer = phase_books.clear(some, physics=physics, objective=objective, **band)
        sums = np.zeros((2, N_BOOKS, n))
        np.add.at(sums[0], (trades.book, trades.seller), answer.executed_kwh)
        np.add.at(sums[1], (trades.book, trades.buyer), answer.bought_kwh)
        found.append((sums, answer))
    (sums, answer), (of_walks, other) = found
    assert answer.is_cut.sum() > 5
    np.testing.assert_allclose(of_walks, sums, rtol=0, atol=1e-7)
    np.testing.assert_allclose(other.injection.kw, answer.injection.kw, rtol=0, atol=1e-7)
    assert other.status.tolist() == answer.status.tolist()
