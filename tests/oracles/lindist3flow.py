"""Linear three-phase power flow the slow way: branch by branch in phasors, dense rows, one programme per book.

Written from Gan and Low 2014 (Convex relaxations and linear approximation for optimal power flow in multiphase radial networks)
and from the branch equations V_child = A V_parent - Z J, I_parent = Aᴴ J, not from the kernels. Around the balanced voltages U
without load, a power s draws the current conj(s / U); shunts are left out. kW and kvar of a phase, impedances per unit of 1 kVA
of all three.
"""

import math
from types import SimpleNamespace

import numpy as np

import fastp2p
from tests.oracles import unlike_phases
from tests.oracles.lindistflow import ANGLES, APOTHEM

TURN = np.exp(2j * np.pi / 3)
BALANCED = np.array([1.0, TURN**2, TURN])
"""Voltages of the phases a, b, c in the positive sequence."""
PHASES = np.stack([np.ones(3), BALANCED, BALANCED.conj()], axis=1)
NEVER = 1e9
"""A limit that nothing reaches; linear programmes take no infinite ones."""
SHARES = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3]])
"""What a connection's code puts on the phases."""


def of_phases(zero, positive, negative):
    """(3, 3) of phases from its values in the sequences."""
    return PHASES @ np.diag([zero, positive, negative]) @ np.linalg.inv(PHASES)


# ------------------------------------------------------------------------------------------------------------------ network


def tree_of(network):
    """Per bus: parent, branch to it (-1 at external grids), A and Z of that branch, U; `order` has parents first.

    Z of an external grid is what it holds its voltages behind.
    """
    n, zero = network.n_bus, network.zero
    at = [[] for _ in range(n)]
    for branch, ends in enumerate(zip(network.from_bus.tolist(), network.to_bus.tolist(), strict=True)):
        at[ends[0]].append((branch, ends[1]))
        at[ends[1]].append((branch, ends[0]))
    parent, branch_of = np.full(n, -1), np.full(n, -1)
    a, z, u = np.zeros((n, 3, 3), complex), np.zeros((n, 3, 3), complex), np.zeros((n, 3), complex)
    order = network.reference_bus.tolist()
    for row, bus in enumerate(order):
        u[bus] = network.slack_vm_pu[row] * np.exp(1j * network.reference_angle_rad[row]) * BALANCED
        z[bus] = of_phases(zero.grid_zero_pu[row], 0.0, zero.grid_negative_pu[row])
    seen = set(order)
    for bus in order:  # grows as it goes
        for branch, child in at[bus]:
            if child in seen:
                continue
            seen.add(child)
            order.append(child)
            parent[child], branch_of[child] = bus, branch
            a[child], z[child] = _branch(network, branch, network.from_bus[branch] == child)
            u[child] = a[child] @ u[bus]
    assert len(order) == n
    return SimpleNamespace(parent=parent, branch=branch_of, a=a, z=z, u=u, order=order)


def _branch(network, branch, upward):
    """A and Z of a branch as its child sees it: an ideal transformer at `from_bus`, behind it the impedance."""
    row = network.zero.matrix_of[branch]
    if row >= 0:
        ratio = np.diag(network.zero.matrix_ratio[row])
        z = network.zero.matrix_series_pu[row]
        return (ratio, ratio @ z @ ratio) if upward else (np.linalg.inv(ratio), z)
    ratio = network.tap_ratio[branch] * np.exp(1j * network.shift_rad[branch])
    z0, z1 = network.zero.series_pu[branch], complex(network.resistance_pu[branch], network.reactance_pu[branch])
    if upward:
        assert not network.zero.to_ground[branch], "fed at its star side"
        square = abs(ratio) ** 2
        return of_phases(ratio.real, ratio, ratio.conjugate()), square * of_phases(z0, z1, z1)
    through = 0.0 if network.zero.to_ground[branch] else 1.0 / ratio.real
    return of_phases(through, 1.0 / ratio, 1.0 / ratio.conjugate()), of_phases(z0, z1, z1)


def responses(network, at):
    """What a kW and a kvar fed in on each phase of each column's bus change, (…, n_columns, 3) each.

    `far`, `near`: complex kVA into the child, and into the branch at the parent's end, of the branch above each bus; `square`:
    squared voltage of each phase. (2, n_bus, 3, n_columns, 3), the first axis is kW, kvar.
    """
    tree, n = tree_of(network), len(at)
    far, near = np.zeros((2, 2, network.n_bus, 3, n, 3), complex)
    square = np.zeros((2, network.n_bus, 3, n, 3))
    for row, power in enumerate((1.0, 1j)):
        drawn, passed, change = np.zeros((3, network.n_bus, 3, 3 * n), complex)
        for column, bus in enumerate(at):
            for phase in range(3):
                drawn[bus, phase, 3 * column + phase] = -np.conj(3.0 * power / tree.u[bus, phase])
        for bus in reversed(tree.order):
            if tree.parent[bus] >= 0:
                passed[bus] = tree.a[bus].conj().T @ drawn[bus]
                drawn[tree.parent[bus]] += passed[bus]
        for bus in tree.order:
            up = tree.parent[bus]
            size = np.abs(tree.u[bus])
            balanced = (
                tree.z[bus] * size / size[:, None]
            )  # taps for each phase leave voltages that are not: γ is of ones that are
            change[bus] = -balanced @ drawn[bus] + (tree.a[bus] @ change[up] if up >= 0 else 0.0)
            far[row, bus] = (tree.u[bus][:, None] * drawn[bus].conj() / 3.0).reshape(3, n, 3)
            if up >= 0:
                near[row, bus] = (tree.u[up][:, None] * passed[bus].conj() / 3.0).reshape(3, n, 3)
            square[row, bus] = 2.0 * (tree.u[bus].conj()[:, None] * change[bus]).real.reshape(3, n, 3)
    return SimpleNamespace(tree=tree, far=far, near=near, square=square)


def by_branch(network, found, of_bus):
    """Of the branch above each bus (…, n_bus, 3, …) -> of each branch, from `from_bus` to `to_bus`."""
    result = np.zeros((2, network.n_branch, *of_bus.shape[2:]), complex)
    below = np.flatnonzero(found.tree.branch >= 0)
    branch = found.tree.branch[below]
    sign = np.where(network.to_bus[branch] == below, 1.0, -1.0)
    result[:, branch] = sign[:, None, None, None] * of_bus[:, below]
    return result


def state(network, at, p_kw, q_kvar):
    """(far, near, square) of books (n_books, n_columns, 3): kVA at either end of every branch, squared voltages."""
    found, (none_kw, none_kvar, none_square) = responses(network, at), unloaded(network)
    constant = none_kw + 1j * none_kvar

    def of(value):
        return np.einsum("bfcg,ncg->nbf", value[0], p_kw) + np.einsum("bfcg,ncg->nbf", value[1], q_kvar)

    far, near = (constant + of(by_branch(network, found, end)) for end in (found.far, found.near))
    return far, near, none_square + of(found.square)


def unloaded(network):
    """Flows (n_branch, 3), kW and kvar, and squared voltages (n_bus, 3), when nobody injects, if need be in three phases."""
    if network.zero.is_plain:
        idle, three = fastp2p.lindistflow(network, np.zeros((1, network.n_bus))), np.ones(3)
        return tuple(of[0][:, None] * three for of in (idle.flow_kw / 3.0, idle.flow_kvar / 3.0, idle.vm_pu**2))
    found = unlike_phases.solve(network, *np.zeros((2, network.n_bus, 3)))
    upward = tree_of(network).parent[network.from_bus] == network.to_bus
    far = np.where(upward[:, None], found.into[:, 0], -found.into[:, 1])
    return far.real, far.imag, np.nan_to_num(np.abs(found.v) ** 2, nan=1.0)


def by_gan_and_low(network, p_kw, q_kvar):
    """Squared voltages (n_bus, 3) under injections (n_bus, 3), by their sum along paths; lines alone."""
    tree = tree_of(network)
    into = -(np.asarray(p_kw) + 1j * np.asarray(q_kvar))  # S into each bus and what lies behind it
    for bus in reversed(tree.order):
        if tree.parent[bus] >= 0:
            into[tree.parent[bus]] += into[bus]
    square = np.zeros((network.n_bus, 3))
    for row, bus in enumerate(network.reference_bus):
        square[bus] = network.slack_vm_pu[row] ** 2
    for bus in tree.order[len(network.reference_bus) :]:
        for f in range(3):
            fall = sum(3.0 * tree.z[bus, f, g] * np.conj(np.exp(-2j * np.pi / 3 * (f - g)) * into[bus, g]) for g in range(3))
            square[bus, f] = square[tree.parent[bus], f] - 2.0 * fall.real
    return square


# --------------------------------------------------------------------------------------------------------------------- rows


def limit_rows(network, at, physics="lindistflow", v_min_pu=0.9, v_max_pu=1.1):
    """Every limit as lower <= constant + by_p · p + by_q · q <= upper, and its owner: (kind, position, phase).

    kinds: "branch", at the child's end; "near", the other end of transformers with a delta winding; "voltage"; "reverse",
    phase -1. by_p, by_q are (n_rows, n_columns, 3).
    """
    found, (none_kw, none_kvar, none_square) = responses(network, at), unloaded(network)
    if physics == "dc":
        own = network.zero.branch_has_phase
        none_kw, none_kvar = network.constant_kw[:, None] * own / own.sum(axis=1)[:, None], np.zeros((network.n_branch, 3))
    ends = {"branch": by_branch(network, found, found.far), "near": by_branch(network, found, found.near)}
    sides = [(1.0, 0.0)] if physics == "dc" else [(math.cos(r), math.sin(r)) for r in map(math.radians, ANGLES)]
    reach = 1.0 if physics == "dc" else APOTHEM
    rows = []
    for branch in np.flatnonzero(np.isfinite(network.limit_kw)).tolist():
        for kind in ("branch", "near") if network.zero.to_ground[branch] else ("branch",):
            for phase in np.flatnonzero(network.zero.branch_has_phase[branch]).tolist():
                of_p, of_q = ends[kind][:, branch, phase]
                most = network.limit_kw[branch] / network.zero.branch_has_phase[branch].sum() * reach
                for c, s in sides:
                    by_p, by_q = c * of_p.real + s * of_p.imag, c * of_q.real + s * of_q.imag
                    constant = c * none_kw[branch, phase] + s * none_kvar[branch, phase]
                    rows.append(((kind, branch, phase), by_p, by_q, constant, -most, most))
    for bus in np.flatnonzero(network.has_band & (physics != "dc")).tolist():
        for phase in np.flatnonzero(network.zero.has_phase[bus]).tolist():
            by_p, by_q = found.square[:, bus, phase]
            rows.append((("voltage", bus, phase), by_p, by_q, none_square[bus, phase], v_min_pu**2, v_max_pu**2))
    for branch in np.flatnonzero(np.isfinite(network.reverse_kw)).tolist():
        up = network.upward[branch]
        by_p, by_q = up * ends["branch"][:, branch].sum(axis=1).real
        rows.append((("reverse", branch, -1), by_p, by_q, up * none_kw[branch].sum(), -NEVER, network.reverse_kw[branch]))
    owner, by_p, by_q, constant, lower, upper = zip(*rows, strict=True) if rows else ((),) * 6
    by_p, by_q = (np.array(by).reshape(-1, len(at), 3) for by in (by_p, by_q))
    by_q = 0.0 * by_q if physics == "dc" else by_q
    return SimpleNamespace(
        owner=list(owner), by_p=by_p, by_q=by_q, constant=np.array(constant), lower=np.array(lower), upper=np.array(upper)
    )


def per_kw(rows, code, kvar_per_kw):
    """(n_rows, n_columns) what a kW of each column, with its kvar, adds to each row."""
    share = SHARES[code]
    result = np.einsum("rcf,cf->rc", rows.by_p, share) + kvar_per_kw * np.einsum("rcf,cf->rc", rows.by_q, share)
    size = (np.abs(rows.by_p) + np.abs(kvar_per_kw)[:, None] * np.abs(rows.by_q)).max(axis=(1, 2), initial=0.0)
    result[np.abs(result) < 1e-12 * size[:, None]] = 0.0
    return result


def problem(rows, book, *, objective, unserved):
    """One book as columns (trades, then exports) and rows, for the oracles `lindistflow.solve` and `closest.closest`.

    `book` has seller, buyer, kw, bid_per_kwh and ask_per_kwh per trade; base_kw, base_kvar (n_columns, 3); export_kw,
    pv_phase, load_phase, pv_kvar_per_kw and load_kvar_per_kw per column. A limit that the base breaks becomes its value.
    """
    sold = per_kw(rows, book.pv_phase, book.pv_kvar_per_kw)
    drawn = per_kw(rows, book.load_phase, book.load_kvar_per_kw)
    base = rows.constant + np.einsum("rcf,cf->r", rows.by_p, book.base_kw) + np.einsum("rcf,cf->r", rows.by_q, book.base_kvar)
    if unserved == "retail":
        base = base - drawn[:, book.buyer] @ book.kw
        columns = sold[:, book.seller]
    else:
        columns = sold[:, book.seller] - drawn[:, book.buyer]
        largest = np.maximum(np.abs(sold[:, book.seller]), np.abs(drawn[:, book.buyer]))
        columns[np.abs(columns) < 1e-12 * largest] = 0.0
    sources = np.flatnonzero(book.export_kw > 0.0)
    worth = np.ones(len(book.kw)) if objective == "volume" else book.bid_per_kwh - book.ask_per_kwh
    return SimpleNamespace(
        owner=rows.owner,
        columns=np.hstack([columns, sold[:, sources]]),
        base=base,
        lower=np.minimum(rows.lower, base),
        upper=np.maximum(rows.upper, base),
        broken_by=float(np.max(np.concatenate([base - rows.upper, rows.lower - base]), initial=-np.inf)),
        most=np.concatenate([book.kw, book.export_kw[sources]]),
        weight=np.concatenate([worth, np.zeros(len(sources))]),
        n_trades=len(book.kw),
        sources=sources,
    )


def injected(book, unserved, executed_kw, exported_kw):
    """(kw, kvar) of one book (n_columns, 3) with these trades and exports executed."""
    p, q = np.array(book.base_kw), np.array(book.base_kvar)
    sold, drawn = np.array(exported_kw), np.zeros(len(p))
    np.add.at(sold, book.seller, executed_kw)
    np.add.at(drawn, book.buyer, book.kw if unserved == "retail" else executed_kw)
    for kw, code, kvar_per_kw in ((sold, book.pv_phase, book.pv_kvar_per_kw), (-drawn, book.load_phase, book.load_kvar_per_kw)):
        p += kw[:, None] * SHARES[code]
        q += (kw * kvar_per_kw)[:, None] * SHARES[code]
    return p, q
