"""Arrays that cannot be written to, or take no memory, compile no kernel once more."""

import os

import numpy as np
import pytest

from fastp2p.clearing.connection import Connection
from fastp2p.clearing.reactive import Reactive
from fastp2p.grid.ac import summarise_flows
from fastp2p.grid.lindistflow import linear_flows
from fastp2p.kernels.clearing.execution import inject_reactive
from fastp2p.kernels.clearing.phase_execution import put_on_phases
from fastp2p.kernels.grid.ac import audit_books
from fastp2p.kernels.grid.lindistflow import linear_states
from fastp2p.kernels.market.matching import match_books
from fastp2p.market.matching import match_orders

pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")


def injections(network):
    """The same zeros in four ways."""
    zeros = np.zeros((3, network.n_bus))
    fixed = zeros.copy()
    fixed.flags.writeable = False
    return zeros, fixed, np.broadcast_to(zeros[:1], zeros.shape), np.broadcast_to(0.0, zeros.shape)


def assert_one(kernel, call, ways):
    call(ways[0])
    known = set(kernel.signatures)
    for way in ways[1:]:
        call(way)
    assert set(kernel.signatures) == known


def test_power_flows(cigre):
    bus, ways = np.arange(cigre.n_bus), injections(cigre)
    assert_one(audit_books, lambda kvar: summarise_flows(cigre, bus, ways[0], kvar), ways)
    assert_one(linear_states, lambda kvar: linear_flows(cigre, bus, ways[0], kvar), ways[:2])


def test_orders():
    zeros, prices = np.zeros((3, 5)), np.ones(5)
    fixed = zeros.copy()
    fixed.flags.writeable = False
    ways = [
        (zeros, prices),
        (fixed, prices),
        (zeros, fixed[0]),
        (zeros, np.broadcast_to(prices, zeros.shape)),
        (fixed.T[:3, :1], 0.1),
    ]
    assert_one(match_books, lambda way: match_orders(way[0], way[0], way[1], way[1]), ways)


def test_reactive_power(cigre, some_trades):
    n = cigre.n_bus
    zero = np.zeros(n)
    ways = [Reactive(), Reactive(np.zeros((2, n))), Reactive(pv_kvar_per_kw=zero), Reactive(0.0, zero, zero)]
    zeros, executed = np.zeros((2, n)), some_trades.quantity_kwh
    assert_one(inject_reactive, lambda one: one.spread(zeros.shape).inject(some_trades, executed, zeros, 1.0, True), ways)


def test_connections(cigre):
    codes, zeros = np.zeros((2, cigre.n_bus), np.int8), np.zeros((2, cigre.n_bus))
    ways = [Connection(), Connection(codes), Connection(load_phase=1, pv_phase=codes), Connection(codes, codes[0])]
    assert_one(put_on_phases, lambda connection: connection.on_phases(zeros, zeros), ways)
