"""The straight-line code of feeders as plain Python, against the kernel that it is written from."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings

import fastp2p
from fastp2p.cuda.straight import straight_code
from fastp2p.grid.ac import TOLERANCE, columns_of, summarise_flows
from fastp2p.grid.contraction import contracted
from fastp2p.grid.feeder import feeder_of
from fastp2p.grid.inside import inside_of
from fastp2p.kernels.grid.ac import LONG
from fastp2p.kernels.grid.inside import HIGHEST, HIGHEST_AT, LOADING, LOSSES, LOWEST, LOWEST_AT, N_RUNS, SLACK_P, SLACK_Q
from tests.support.radial_networks import trees
from tests.support.shipped import shipped


def data_of(network, bus):
    few = contracted(network, bus, None)
    feeder = feeder_of(few)
    return SimpleNamespace(feeder=feeder, column=columns_of(feeder, few.node[bus]), inside=inside_of(few))


def code_of(network, bus):
    data = data_of(network, bus)
    return straight_code(data.feeder, data.column, data.inside, TOLERANCE)


def assert_same(network, bus, kw, kvar):
    """To the bit; books that take long are left."""
    audit, data = code_of(network, bus).function(), data_of(network, bus)
    work, runs, best = np.empty((4, len(data.column), 1)), np.empty((2, N_RUNS), np.int64), np.empty((8, 1))
    summary, n_iterations = summarise_flows(network, bus, kw, kvar)
    for book in range(len(kw)):
        count = audit(kw[book][:, None], kvar[book][:, None], data, work, runs, best)
        assert count == (n_iterations[book] if n_iterations[book] <= LONG else 0)
        if count:
            numbers = best[[LOWEST, HIGHEST, LOSSES, LOADING, SLACK_P, SLACK_Q], 0]
            kept = [summary.lowest_vm_pu, summary.highest_vm_pu, summary.losses_kw, summary.loading_percent]
            expected = [array[book] for array in [*kept, summary.slack_kw, summary.slack_kvar]]
            looked_at = slice(0 if network.has_band.any() else 2, None)
            np.testing.assert_array_equal(numbers[looked_at], expected[looked_at])
            if network.has_band.any():
                at = best[[LOWEST_AT, HIGHEST_AT], 0].astype(int)
                assert at.tolist() == [summary.lowest_bus[book], summary.highest_bus[book]]
    return n_iterations


@functools.cache
def cigre_lv():
    return fastp2p.Network.from_pandapower(shipped("cigre_lv"))


def test_cigre_lv_to_the_bit():
    """Light, heavy and hopeless books, and one that is no number."""
    network = cigre_lv()
    bus = network.load_bus[:13].astype(np.int64)
    kw = np.random.default_rng(0).normal(-1.0, 4.0, (40, len(bus)))
    kw[:4] *= np.array([0.0, 8.0, 11.0, 1e3])[:, None]
    kw[4, 2] = np.nan
    n_iterations = assert_same(network, bus, kw, 0.3 * kw)
    assert n_iterations[0] == 1
    assert n_iterations[3] == n_iterations[4] == 0
    assert n_iterations[1] >= 6


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(trees())
def test_random_trees_to_the_bit(tree):
    """Transformers, shunts, line charging, several external grids."""
    net, kw, kvar = tree
    network = fastp2p.Network.from_pandapower(net)
    bus = np.arange(0, network.n_bus, 2)
    assert_same(network, bus, kw[bus] * [[1.0], [20.0]], kvar[bus] * [[1.0], [20.0]])


@pytest.mark.small
def test_operations_are_counted():
    """Some 24 of each of 22 nodes in a step where 13 of 41 buses inject: few chains have shunts or ratios to multiply by."""
    code = code_of(cigre_lv(), cigre_lv().load_bus[:13].astype(np.int64))
    assert 400 < code.n_sweep < 600
    assert "range(1, 25 + 2)" in code.source
