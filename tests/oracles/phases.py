"""Three-phase power flow of a small pandapower network by dense Newton, from the element tables in volts, amperes and ohms.

Written from pandapower's documentation of its elements and from symmetrical components (Fortescue 1918), without its
conversion and without per unit: kV between phase and neutral, kA, siemens, MVA of a phase. Buses are rows of `net.bus`, three
unknown voltages each; lines, two-winding transformers with a ratio tap changer, unearthed shunts, external grids; no switches.
"""

from types import SimpleNamespace

import numpy as np

from tests.oracles.ac import trafo_block

TURN = np.exp(2j * np.pi / 3)
PHASES = np.array([[1, 1, 1], [1, TURN**2, TURN], [1, TURN, TURN**2]])
"""Phases a, b, c of the zero, positive and negative sequence."""
ZIGZAG = 1.1547
"""By which pandapower multiplies the zero-sequence admittance of Yzn."""


def of_phases(*sequences):
    """A matrix of phases from its values, or 2x2 blocks, in the zero, positive and negative sequence."""
    blocks = [np.atleast_2d(one) for one in sequences]
    n = len(blocks[0])
    whole = np.zeros((3 * n, 3 * n), complex)
    back = np.linalg.inv(PHASES)
    for row in range(n):
        for column in range(n):
            diagonal = np.diag([block[row, column] for block in blocks])
            whole[3 * row : 3 * row + 3, 3 * column : 3 * column + 3] = PHASES @ diagonal @ back
    return whole


def pi(series, shunt):
    """(2, 2) admittance of a series impedance with half of a shunt at either end."""
    return np.array([[1 / series + shunt / 2, -1 / series], [-1 / series, 1 / series + shunt / 2]])


def line_block(net, line):
    """(6, 6) admittance of a line; the zero sequence has no leakage."""
    omega, n, km = 2 * np.pi * net.f_hz, line.parallel, line.length_km
    one = pi(
        km / n * complex(line.r_ohm_per_km, line.x_ohm_per_km),
        km * n * complex(line.g_us_per_km * 1e-6, omega * line.c_nf_per_km * 1e-9),
    )
    zero = pi(km / n * complex(line.r0_ohm_per_km, line.x0_ohm_per_km), km * n * 1j * omega * line.c0_nf_per_km * 1e-9)
    return of_phases(zero, one, one)


def trafo_blocks(trafo):
    """(6, 6) admittance of a transformer.

    The positive sequence is the balanced model's, the negative one turns the other way. The zero sequence is a T of the shares
    of the leakage at either side and the magnetising branch in ohms of the low-voltage side: a delta at the other side shorts
    it, a star without neutral leaves it open, two earthed stars let it pass.
    """
    one = trafo_block(trafo)
    negative = trafo_block(trafo._replace(shift_degree=-trafo.shift_degree))
    tapped = 1 + (trafo.tap_pos - trafo.tap_neutral) * trafo.tap_step_percent / 100
    hv_kv = trafo.vn_hv_kv * (tapped if trafo.tap_side == "hv" else 1.0)
    lv_kv = trafo.vn_lv_kv * (tapped if trafo.tap_side == "lv" else 1.0)
    size, r = trafo.vk0_percent / 100, trafo.vkr0_percent / 100
    leakage = complex(r, np.sqrt(size**2 - r**2)) * lv_kv**2 / trafo.sn_mva
    magnetising = size * trafo.mag0_percent / 100 * lv_kv**2 / trafo.sn_mva * complex(trafo.mag0_rx, 1.0)
    magnetising /= np.hypot(trafo.mag0_rx, 1.0)
    hv, lv = trafo.si0_hv_partial * leakage, (1 - trafo.si0_hv_partial) * leakage
    zero = np.zeros((2, 2), complex)
    if trafo.vector_group == "Dyn":
        zero[1, 1] = 1 / (lv + 1 / (1 / hv + 1 / magnetising))
    elif trafo.vector_group == "Yzn":
        zero[1, 1] = ZIGZAG / (lv + magnetising)
    else:
        middle = 1 / hv + 1 / lv + 1 / magnetising
        zero = np.array(
            [[1 / hv - 1 / hv**2 / middle, -1 / hv / lv / middle], [-1 / hv / lv / middle, 1 / lv - 1 / lv**2 / middle]]
        )
        turns = np.array([lv_kv / hv_kv * np.cos(np.deg2rad(trafo.shift_degree)), 1.0])
        zero = turns[:, None] * zero * turns[None, :]
    return of_phases(trafo.parallel * zero, one, negative)


def grid_block(grid, vn_kv):
    """(3, 3) ohms behind which a grid holds its voltages: none in the positive sequence, c U² / S_sc in the others."""
    size = 1.1 * vn_kv**2 / grid.s_sc_max_mva
    x = size / np.hypot(grid.rx_max, 1.0)
    return of_phases(x * grid.x0x_max * complex(grid.r0x0_max, 1.0), 0.0, x * complex(grid.rx_max, 1.0))


def branches(net):
    """(element, element_id, rows of the two buses, block, rated kA at either end) of every branch."""
    row = {bus: i for i, bus in enumerate(net.bus.index)}
    for line in net.line.itertuples():
        rated = line.max_i_ka * line.df * line.parallel
        yield "line", line.Index, (row[line.from_bus], row[line.to_bus]), line_block(net, line), (rated, rated)
    for trafo in net.trafo.itertuples():
        rated = trafo.sn_mva * trafo.df * trafo.parallel / np.sqrt(3)
        ends = rated / trafo.vn_hv_kv, rated / trafo.vn_lv_kv
        yield "trafo", trafo.Index, (row[trafo.hv_bus], row[trafo.lv_bus]), trafo_blocks(trafo), ends


def voltages(admittance, behind, held, injection_mva, start):
    """Complex voltages by Newton's method: free buses balance their currents, grids hold V + Z I = E (`behind`, `held`)."""
    v = start.copy()
    fixed = np.flatnonzero(~np.isnan(held))
    for _ in range(60):
        drawn = admittance @ v - np.conj(injection_mva / v)
        mismatch, by, by_conjugate = drawn.copy(), admittance.copy(), np.diag(np.conj(injection_mva) / np.conj(v) ** 2)
        mismatch[fixed] = (v + behind @ drawn - held)[fixed]
        by_conjugate[fixed] = (behind @ by_conjugate)[fixed]
        by[fixed] = (np.eye(len(v)) + behind @ admittance)[fixed]
        one, other = by + by_conjugate, by - by_conjugate
        jacobian = np.block([[one.real, -other.imag], [one.imag, other.real]])
        step = np.linalg.solve(jacobian, -np.concatenate([mismatch.real, mismatch.imag]))
        v = v + step[: len(v)] + 1j * step[len(v) :]
        if np.abs(step).max() < 1e-9 * np.abs(v).max():  # the error is squared in each step: this one was the last
            return v
    raise ArithmeticError("no solution found")


def solve(net, injection_kw, injection_kvar, *, ideal=False):
    """The state under injections (n_bus, 3) per row of net.bus: voltages per row, currents by (element, element_id)."""
    injection_mva = (np.asarray(injection_kw) + 1j * np.asarray(injection_kvar)).ravel() / 1e3
    n_bus = len(net.bus)
    vn_kv = net.bus.vn_kv.to_numpy()
    admittance, behind = np.zeros((2, 3 * n_bus, 3 * n_bus), complex)
    for shunt in net.shunt.itertuples():
        at = 3 * net.bus.index.get_loc(shunt.bus) + np.arange(3)
        one = complex(shunt.p_mw, -shunt.q_mvar) * shunt.step / shunt.vn_kv**2
        admittance[np.ix_(at, at)] += of_phases(0.0, one, one)
    shunts = admittance.copy()
    known = list(branches(net))
    for _, _, ends, block, _ in known:
        at = np.concatenate([3 * end + np.arange(3) for end in ends])
        admittance[np.ix_(at, at)] += block
    held = np.full(3 * n_bus, np.nan, complex)
    for grid in net.ext_grid.itertuples():
        row = net.bus.index.get_loc(grid.bus)
        at = 3 * row + np.arange(3)
        held[at] = grid.vm_pu * vn_kv[row] / np.sqrt(3) * np.exp(1j * np.deg2rad(grid.va_degree)) * PHASES[:, 1]
        if not ideal:
            behind[np.ix_(at, at)] = grid_block(grid, vn_kv[row])
    v = voltages(admittance, behind, held, injection_mva, _unloaded(admittance, behind, held))
    drawn = admittance @ v - np.conj(injection_mva / v)
    losses = (v * np.conj(shunts @ v)).sum()
    ka, neutral, loading = {}, {}, {}
    for element, number, ends, block, rated in known:
        at = np.concatenate([3 * end + np.arange(3) for end in ends])
        current = block @ v[at]
        losses += (v[at] * current.conj()).sum()
        ka[element, number] = np.abs(current).reshape(2, 3)
        neutral[element, number] = np.abs(current.reshape(2, 3).sum(axis=1))
        loading[element, number] = 100 * (np.abs(current).reshape(2, 3) / np.array(rated)[:, None]).max(axis=0)
    slack = np.where(np.isnan(held), 0.0, v * drawn.conj()).reshape(-1, 3).sum(axis=0)
    v = v.reshape(-1, 3)
    _, positive, negative = np.linalg.inv(PHASES) @ v.T
    return SimpleNamespace(
        vm_pu=np.abs(v) / vn_kv[:, None] * np.sqrt(3),
        va_degree=np.rad2deg(np.angle(v)),
        unbalance_percent=100 * np.abs(negative) / np.abs(positive),
        ka=ka,
        neutral_ka=neutral,
        loading_percent=loading,
        losses_kw=1e3 * losses.real,
        slack_kw=1e3 * slack.real,
        slack_kvar=1e3 * slack.imag,
    )


def _unloaded(admittance, behind, held):
    """Voltages when nobody injects."""
    fixed = np.flatnonzero(~np.isnan(held))
    matrix, right = admittance.copy(), np.zeros(len(held), complex)
    matrix[fixed] = (np.eye(len(held)) + behind @ admittance)[fixed]
    right[fixed] = held[fixed]
    return np.linalg.solve(matrix, right)
