"""AC power flow of a small pandapower network by dense Newton, from the element tables and in volts, amperes and ohms.

Written from pandapower's documentation of its elements, without its conversion and without per unit: line-to-line kV,
siemens, MW, so that `S = V conj(Y V)` is the three-phase power and |Y V| / √3 the current. Lines, two-winding
transformers with a ratio tap changer, shunts, external grids; every bus its own, no switches.
"""

from types import SimpleNamespace

import numpy as np


def line_block(net, line):
    """(2, 2) admittance of a line: π with half of the shunt at either end."""
    series = line.parallel / (line.length_km * complex(line.r_ohm_per_km, line.x_ohm_per_km))
    shunt = complex(line.g_us_per_km * 1e-6, 2 * np.pi * net.f_hz * line.c_nf_per_km * 1e-9) * line.length_km * line.parallel
    return np.array([[series + shunt / 2, -series], [-series, series + shunt / 2]])


def trafo_block(trafo):
    """(2, 2) admittance of a transformer: T of two half leakage impedances about the magnetising branch, behind a ratio.

    Impedances refer to the low-voltage side at its tapped rated voltage; the ideal transformer on the high-voltage side
    has the ratio of the tapped rated voltages and turns the low-voltage side back by the phase shift.
    """
    tapped = 1 + (trafo.tap_pos - trafo.tap_neutral) * trafo.tap_step_percent / 100
    hv_kv = trafo.vn_hv_kv * (tapped if trafo.tap_side == "hv" else 1.0)
    lv_kv = trafo.vn_lv_kv * (tapped if trafo.tap_side == "lv" else 1.0)
    magnitude, r = trafo.vk_percent / 100, trafo.vkr_percent / 100
    leakage = complex(r, np.sqrt(magnitude**2 - r**2)) * lv_kv**2 / trafo.sn_mva
    iron_mva, open_mva = trafo.pfe_kw / 1e3, trafo.i0_percent / 100 * trafo.sn_mva
    magnetising = complex(iron_mva, -np.sqrt(max(open_mva**2 - iron_mva**2, 0.0))) / lv_kv**2
    half = 2 / leakage
    middle = half + half + magnetising  # Kron reduction of the node in the middle
    block = np.array(
        [[half - half * half / middle, -half * half / middle], [-half * half / middle, half - half * half / middle]]
    )
    ratio = hv_kv / lv_kv * np.exp(1j * np.deg2rad(trafo.shift_degree))
    turns = np.array([1 / ratio, 1.0])
    return trafo.parallel * np.conj(turns)[:, None] * block * turns[None, :]


def branches(net):
    """(element, element_id, from, to, block, rated kA at either end) of every branch, buses by row of net.bus."""
    row = {bus: i for i, bus in enumerate(net.bus.index)}
    for line in net.line.itertuples():
        rated = line.max_i_ka * line.df * line.parallel
        yield "line", line.Index, row[line.from_bus], row[line.to_bus], line_block(net, line), (rated, rated)
    for trafo in net.trafo.itertuples():
        rated = trafo.sn_mva * trafo.df * trafo.parallel / np.sqrt(3)
        ends = rated / trafo.vn_hv_kv, rated / trafo.vn_lv_kv
        yield "trafo", trafo.Index, row[trafo.hv_bus], row[trafo.lv_bus], trafo_block(trafo), ends


def voltages(admittance, feeding, feeding_kv, injection_mva):
    """Complex voltages by Newton's method in rectangular coordinates, from the unloaded network's."""
    free = np.setdiff1d(np.arange(len(admittance)), feeding)
    v = np.zeros(len(admittance), complex)
    v[feeding] = feeding_kv
    inner = admittance[np.ix_(free, free)]
    v[free] = np.linalg.solve(inner, -admittance[np.ix_(free, feeding)] @ feeding_kv)
    for _ in range(50):
        current = (admittance @ v)[free]
        mismatch = v[free] * current.conj() - injection_mva[free]
        by_real = np.diag(current.conj()) + v[free][:, None] * inner.conj()
        by_imag = 1j * np.diag(current.conj()) - 1j * v[free][:, None] * inner.conj()
        jacobian = np.block([[by_real.real, by_imag.real], [by_real.imag, by_imag.imag]])
        step = np.linalg.solve(jacobian, -np.concatenate([mismatch.real, mismatch.imag]))
        v[free] += step[: len(free)] + 1j * step[len(free) :]
        if np.abs(step).max(initial=0.0) < 1e-9 * np.abs(v).max():  # the error is squared in each step: this one was the last
            return v
    raise ArithmeticError("no solution found")


def solve(net, injection_kw, injection_kvar):
    """The state under injections given per row of net.bus: voltages per row, branches by (element, element_id)."""
    injection_mva = (np.asarray(injection_kw) + 1j * np.asarray(injection_kvar)) / 1e3
    n_bus = len(net.bus)
    grids = net.ext_grid
    feeding = net.bus.index.get_indexer(grids.bus)
    vn_kv = net.bus.vn_kv.to_numpy()
    feeding_kv = grids.vm_pu.to_numpy() * vn_kv[feeding] * np.exp(1j * np.deg2rad(grids.va_degree.to_numpy()))
    shunts = np.zeros(n_bus, complex)
    for shunt in net.shunt.itertuples():
        shunts[net.bus.index.get_loc(shunt.bus)] += complex(shunt.p_mw, -shunt.q_mvar) * shunt.step / shunt.vn_kv**2
    admittance, known = np.diag(shunts), list(branches(net))
    for _, _, one, other, block, _ in known:
        admittance[np.ix_([one, other], [one, other])] += block
    v = voltages(admittance, feeding, feeding_kv, injection_mva)
    losses = (np.abs(v) ** 2 * shunts.conj()).sum()
    ka, loading = {}, {}
    for element, number, one, other, block, rated in known:
        ends = v[[one, other]]
        current = block @ ends / np.sqrt(3)
        losses += np.sqrt(3) * (ends * current.conj()).sum()
        ka[element, number] = np.abs(current)
        loading[element, number] = 100 * (np.abs(current) / rated).max()
    slack = (v * (admittance @ v).conj() - injection_mva)[feeding].sum()
    return SimpleNamespace(
        vm_pu=np.abs(v) / vn_kv,
        va_degree=np.rad2deg(np.angle(v)),
        ka=ka,
        loading_percent=loading,
        losses_kw=1e3 * losses.real,
        slack_kw=1e3 * slack.real,
        slack_kvar=1e3 * slack.imag,
    )
