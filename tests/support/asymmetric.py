"""Three-phase states to solve, and small networks with zero-sequence data."""

import numpy as np
from hypothesis import strategies as st

import fastp2p
from tests.support.radial_networks import steps, trees


def phase_directions(rng, network, n_directions, loads=None):
    """(positions, kw, kvar): loads of 1 kW in all at some buses, on one phase, two or all three; generators among some.

    In each the loads prevail, as in `radial_networks.random_directions`.
    """
    behind = np.flatnonzero(network.has_band) if loads is None else loads
    shape = (n_directions, len(behind))
    busy = rng.random(shape) < rng.choice([0.15, 0.5, 1.0], size=(n_directions, 1))
    busy[np.arange(n_directions), rng.integers(0, len(behind), n_directions)] = True
    kinds = rng.choice(3, size=shape, p=[0.6, 0.2, 0.2])
    first = rng.integers(0, 3, shape)
    apart = (np.arange(3) - first[..., None]) % 3
    on = apart <= kinds[..., None]  # one phase, two, or all
    share = on * np.where(kinds[..., None] == 1, rng.uniform(0.5, 1.5, (*shape, 3)), 1.0)
    size = (rng.gamma(1.0, size=shape) * busy)[..., None] * share
    generates = rng.random(shape) < rng.choice([0.0, 0.3], size=(n_directions, 1))
    generates &= (size.sum(axis=2) * generates).sum(axis=1, keepdims=True) < 0.5 * size.sum(axis=(1, 2))[:, None]
    size /= (size * ~generates[..., None]).sum(axis=(1, 2), keepdims=True)
    kw = np.where(generates[..., None], 0.5 * size, -size)
    return behind, kw, -size * rng.uniform(-0.3, 0.6, shape)[..., None]


def phase_brinks(network, bus, kw, kvar):
    """The largest scale at which `phase_flow` solves each direction, within a thousandth, by bisection."""

    def solves(scale):
        of = scale[:, None, None]
        return ~fastp2p.phase_summary(network, of * kw, of * kvar, bus=bus).collapse

    low, high = np.zeros(len(kw)), np.full(len(kw), 1.0)
    while (growing := solves(high)).any():  # ends: no network carries everything
        low, high = np.where(growing, high, low), np.where(growing, 2.0 * high, high)
    for _ in range(11):
        middle = (low + high) / 2.0
        good = solves(middle)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return low


@st.composite
def phase_trees(draw):
    """A small forest with zero-sequence data and injections on each phase, far from collapse: (net, kw, kvar), (n_bus, 3)."""
    net, _, _ = draw(trees())
    for name, low, high in (("r0_ohm_per_km", 0.1, 1.6), ("x0_ohm_per_km", 0.05, 0.8), ("c0_nf_per_km", 0.0, 400.0)):
        net.line[name] = [draw(steps(low, high)) for _ in net.line.index]
    row = {bus: i for i, bus in enumerate(net.bus.index)}
    groups, shifts = [], []
    for hv, lv in zip(net.trafo.hv_bus, net.trafo.lv_bus, strict=True):
        group = draw(st.sampled_from(["Dyn", "YNyn", "Yzn"])) if row[hv] < row[lv] else "YNyn"  # else fed at its star
        groups.append(group)
        shifts.append(draw(st.sampled_from([0.0, 180.0] if group == "YNyn" else [30.0, 150.0, -30.0])))
    net.trafo["vector_group"], net.trafo["shift_degree"] = np.array(groups, object), np.array(shifts, float)
    for name, low, high in (
        ("vk0_percent", 3.0, 6.0), ("vkr0_percent", 0.5, 2.0), ("mag0_percent", 50.0, 1000.0), ("mag0_rx", 0.0, 0.5),
        ("si0_hv_partial", 0.2, 0.8),
    ):  # fmt: skip
        net.trafo[name] = np.array([draw(steps(low, high)) for _ in groups], float)
    for name, low, high in (("s_sc_max_mva", 5.0, 500.0), ("rx_max", 0.1, 1.0), ("x0x_max", 0.5, 3.0), ("r0x0_max", 0.1, 1.0)):
        net.ext_grid[name] = [draw(steps(low, high)) for _ in net.ext_grid.index]
    power = st.lists(st.one_of(st.just(0.0), steps(-1.5, 1.5)), min_size=3 * len(net.bus), max_size=3 * len(net.bus))
    return net, np.reshape(draw(power), (-1, 3)), np.reshape(draw(power), (-1, 3))
