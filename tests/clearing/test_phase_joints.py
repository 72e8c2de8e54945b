"""Voltage rows of joints are left out of three-phase LPs, and nothing comes out differently."""

import numpy as np
import pytest

import fastp2p
from fastp2p.clearing import phase_limits
from fastp2p.clearing.phase_joints import Joints, find_joints

EUROPEAN = "ieee_european_lv_asymmetric"
NONE = Joints(*(np.empty(0, np.int64) for _ in range(3)), np.empty(0))


@pytest.fixture(scope="module")
def feeder():
    return fastp2p.Network.load(EUROPEAN, phases=3)


@pytest.fixture
def all_rows(monkeypatch):
    """Call it to make LPs of all rows from there on."""

    def use():
        phase_limits._rows.cache_clear()
        monkeypatch.setattr(phase_limits, "find_joints", lambda network, bus: NONE)

    phase_limits._rows.cache_clear()
    yield use
    phase_limits._rows.cache_clear()


def books(network, kwh, base_kw):
    """Some homes sell to the others, on random phases."""
    random, n_books = np.random.default_rng(4), len(base_kw)
    n_homes = len(network.load_bus)
    seller, buyer = np.arange(n_homes - 15), n_homes - 15 + np.arange(n_homes - 15) % 15
    n = len(seller)
    quantity = kwh * random.uniform(0.8, 1.2, n_books * n)
    price = np.full(n_books * n, 0.2)
    offset = np.arange(n_books + 1) * n
    trades = fastp2p.Trades(offset, np.tile(seller, n_books), np.tile(buyer, n_books), quantity, price, price)
    phase = random.integers(0, 3, (n_books, n_homes))
    on = phase[..., None] == np.arange(3)
    return trades, base_kw[:, None, None] * on, fastp2p.Connection(phase, phase)


def test_a_joint_lies_on_the_line_between_the_ends(feeder):
    joints = find_joints(feeder, feeder.load_bus)
    assert 600 < len(joints.bus) < feeder.n_bus
    assert not np.isin(joints.bus, feeder.load_bus).any()
    kw = np.random.default_rng(0).uniform(-5.0, 5.0, (4, len(feeder.load_bus), 3))
    square = fastp2p.lindist3flow(feeder, kw, 0.3 * kw, bus=feeder.load_bus).vm_pu ** 2
    share = joints.share[:, None]
    line = (1.0 - share) * square[:, joints.above] + share * square[:, joints.below]
    np.testing.assert_allclose(line, square[:, joints.bus], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("physics", ["lindistflow", "ac"])
@pytest.mark.parametrize("base_kw", [-0.3, -3.0])
def test_nothing_comes_out_differently(feeder, physics, base_kw, all_rows):
    """With a load of 3 kW a home voltages of some phases are too low without any trade: their rows stay."""
    trades, base, connection = books(feeder, 5.0, np.full(3, base_kw))
    given = {"bus": feeder.load_bus, "physics": physics, "connection": connection, "unserved": "retail"}
    thin = fastp2p.clear(feeder, trades, base, **given)
    all_rows()
    full = fastp2p.clear(feeder, trades, base, **given)
    assert full.is_cut.any()
    assert (full.status == thin.status).all()
    assert thin.certified.all()
    np.testing.assert_allclose(thin.executed_kwh, full.executed_kwh, rtol=0.0, atol=1e-7)
    # a joint and the end of its chain may be at their limits at once, where nothing flows between them
    np.testing.assert_allclose(thin.voltage_price.sum(axis=1), full.voltage_price.sum(axis=1), rtol=0.01, atol=1e-6)


def test_no_voltage_of_a_joint_is_beyond_the_band(feeder):
    """Nor farther beyond it than without trades, of books that LPs without these rows have cut."""
    trades, base, connection = books(feeder, 5.0, np.full(20, -0.3))
    answer = fastp2p.clear(feeder, trades, base, bus=feeder.load_bus, physics="lindistflow", connection=connection)
    assert answer.is_cut.sum() > 5
    vm_pu, base_pu = (
        fastp2p.lindist3flow(feeder, one.kw, one.kvar, bus=feeder.load_bus).vm_pu[:, feeder.has_band]
        for one in (answer.injection, answer.floor)
    )
    assert (vm_pu <= np.maximum(1.1, base_pu) + 1e-9).all()
    assert (vm_pu.max(axis=(1, 2))[answer.is_cut] > 1.1 - 1e-6).all()
