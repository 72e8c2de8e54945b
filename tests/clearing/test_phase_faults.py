"""Faults of three-phase clearings that a search has found, each by its smallest case."""

from functools import cache

import numpy as np
import pandapower as pp
import pytest

import fastp2p
from fastp2p import Connection, Reactive, Trades
from fastp2p.clearing.phase_families import unit_flows


@cache
def star(limit_ka=0.02):
    """An external grid (bus 0), a line from it to bus 1, and from there lines to 2 and 3; 8 kVA a conductor at 400 V."""
    net = pp.create_empty_network()
    for _ in range(4):
        pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, 0)
    for up, down, ka in ((0, 1, limit_ka), (1, 2, 1.0), (1, 3, 1.0)):
        pp.create_line_from_parameters(net, up, down, 0.05, 0.3, 0.1, 0.0, ka)
    stated = {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "grid": "ideal"}
    return fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@pytest.mark.parametrize("code", [0, 3])
def test_reactive_power_is_no_part_of_dc(objective, code):
    """A full line that only kvar of a trade between neighbours would use does not keep it from growing."""
    trades = Trades([0, 2], [2, 2], [0, 3], [40.0, 10.0], [0.2, 0.2], [0.1, 0.1])
    found = [
        fastp2p.clear(
            star(), trades, np.zeros((1, 4, 3)), reactive=reactive, connection=Connection(code, code),
            unserved="shed", objective=objective,
        ).executed_kwh
        for reactive in (None, Reactive(np.zeros((1, 4, 3)), 0.1, 0.4))
    ]  # fmt: skip
    room = 0.02 * 400 / np.sqrt(3) * (3 if code == 3 else 1)
    np.testing.assert_allclose(found[0], [room, 10.0])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("connection", [3, Connection, "random"])
def test_another_thing_in_place_of_a_connection_is_refused_with_all_else(connection):
    trades = Trades([0, 1], [2], [3], [1.0], [0.2], [0.1])
    with pytest.raises(fastp2p.InputError) as caught:
        fastp2p.clear(star(), trades, np.zeros((1, 4, 3)), connection=connection, solver="none")
    first, second = caught.value.faults
    assert first.startswith("connection must be a Connection, not ")
    assert second.startswith("solver = 'none'")


def test_rows_of_earlier_networks_are_not_kept():
    """Eight feeders of 900 buses filled 4 GB."""
    trades = Trades([0, 1], [2], [3], [1.0], [0.2], [0.1])
    for limit_ka in (0.1, 0.2, 0.3):
        fastp2p.clear(star(limit_ka), trades, np.full((1, 4, 3), -100.0), physics="lindistflow", connection=Connection(0, 1))
    assert unit_flows.cache_info().currsize <= 1
