"""Three-phase power flow of a network's arrays by its dense admittance matrix, whatever the phases of its branches are.

Written from the meaning of the arrays (`fastp2p.Network`, `fastp2p.ZeroSequence`): every branch is an admittance between the
six conductors at its two ends. Loads draw (3 S / V)* for S in kVA of a phase; voltages are found by V = A⁻¹ (E + I(V)), with A
solved once. A phase that a bus lacks is no conductor.
"""

from types import SimpleNamespace

import numpy as np

TURN = np.exp(2j * np.pi / 3)
SEQUENCES = np.array([[1, 1, 1], [1, TURN**2, TURN], [1, TURN, TURN**2]])


def of_sequences(*values):
    """A matrix of phases from values in the zero, positive and negative sequence."""
    return SEQUENCES @ np.diag(values) @ np.linalg.inv(SEQUENCES)


def branch_admittance(network, branch):
    """(6, 6): currents into the branch at `from_bus` and `to_bus` from the voltages of both."""
    zero, row = network.zero, network.zero.matrix_of[branch]
    if row != -1:
        z = zero.matrix_series_pu[row]
        has = np.flatnonzero(np.diag(z))
        y = np.zeros((3, 3), complex)
        y[np.ix_(has, has)] = np.linalg.inv(z[np.ix_(has, has)])
        back = np.diag(1 / zero.matrix_ratio[row])
        return np.block(
            [
                [back @ (y + zero.matrix_from_shunt_pu[row]) @ back, -back @ y],
                [-y @ back, y + zero.matrix_to_shunt_pu[row]],
            ]
        )
    t = network.tap_ratio[branch] * np.exp(1j * network.shift_rad[branch])
    y1 = 1 / complex(network.resistance_pu[branch], network.reactance_pu[branch])
    y0 = 1 / zero.series_pu[branch]
    from1, to1 = network.from_shunt_pu[branch], network.to_shunt_pu[branch]
    from0, to0 = zero.from_shunt_pu[branch], zero.to_shunt_pu[branch]
    through = 0.0 if zero.to_ground[branch] else 1.0 / t.real
    own0 = from0 / abs(t) ** 2 + (0.0 if zero.to_ground[branch] else y0 / abs(t) ** 2)
    return np.block(
        [
            [
                of_sequences(own0, (y1 + from1) / abs(t) ** 2, (y1 + from1) / abs(t) ** 2),
                of_sequences(-y0 * through, -y1 / np.conj(t), -y1 / t),
            ],
            [of_sequences(-y0 * through, -y1 / t, -y1 / np.conj(t)), of_sequences(y0 + to0, y1 + to1, y1 + to1)],
        ]
    )


def solve(network, injection_kw, injection_kvar, steps=400):
    """The state under injections (n_bus, 3): complex voltages, currents of branches (n_branch, 2, 3) and what follows."""
    zero, n = network.zero, network.n_bus
    admittance = np.zeros((3 * n, 3 * n), complex)
    blocks = [branch_admittance(network, branch) for branch in range(network.n_branch)]
    for bus in range(n):
        at = slice(3 * bus, 3 * bus + 3)
        shunt = network.bus_shunt_pu[bus]
        admittance[at, at] += zero.bus_matrix_pu[bus] + of_sequences(0.0, shunt, shunt)
    shunts = admittance.copy()
    ends = [
        np.concatenate([3 * bus + np.arange(3) for bus in pair]) for pair in zip(network.from_bus, network.to_bus, strict=True)
    ]
    for at, block in zip(ends, blocks, strict=True):
        admittance[np.ix_(at, at)] += block
    behind, held, fixed = np.zeros((3 * n, 3 * n), complex), np.zeros(3 * n, complex), np.zeros(3 * n, bool)
    for row, bus in enumerate(network.reference_bus):
        at = slice(3 * bus, 3 * bus + 3)
        behind[at, at] = of_sequences(zero.grid_zero_pu[row], 0.0, zero.grid_negative_pu[row])
        held[at] = network.slack_vm_pu[row] * np.exp(1j * network.reference_angle_rad[row]) * SEQUENCES[:, 1]
        fixed[at] = True
    matrix = np.where(fixed[:, None], np.eye(3 * n) + behind @ admittance, admittance)
    there = np.array([[bits >> f & 1 for f in range(3)] for bits in zero.phases.tolist()], bool).ravel()
    matrix = np.where(there[:, None] & there, matrix, np.eye(3 * n))
    power = 3.0 * (np.asarray(injection_kw) + 1j * np.asarray(injection_kvar)).ravel()
    inverse = np.linalg.inv(matrix)

    def next_voltage(current):
        return inverse @ np.where(fixed, held + behind @ current, current)

    v = next_voltage(np.zeros(3 * n))
    for _ in range(steps):
        after = next_voltage(np.where(there, np.conj(power / np.where(there, v, 1.0)), 0.0))
        done, v = np.abs(after - v).max() < 1e-15, after
        if done:
            break
    v = np.where(there, v, 0.0)
    current = np.array([block @ v[at] for at, block in zip(ends, blocks, strict=True)]).reshape(-1, 2, 3)
    at_ends = np.array([v[at] for at in ends]).reshape(-1, 2, 3)
    into = at_ends * np.conj(current) / 3.0
    losses = into.sum() + (v * np.conj(shunts @ v)).sum() / 3.0
    drawn = admittance @ v - np.conj(power / np.where(there, v, 1.0))
    slack = np.where(fixed, v * np.conj(drawn), 0.0).reshape(-1, 3).sum(axis=0) / 3.0
    v = np.where(there, v, np.nan).reshape(-1, 3)
    _, positive, negative = np.linalg.inv(SEQUENCES) @ v.T
    return SimpleNamespace(
        v=v, current=current, into=into, losses_kw=losses.real, slack=slack,
        unbalance_percent=100 * np.abs(negative) / np.abs(positive),
    )  # fmt: skip


def linear(network, injection_kw, injection_kvar):
    """LinDist3Flow by its definition, from injections (n_bus, 3): P + jQ towards the parent (n_bus, 3), and |V|² (n_bus, 3).

    Around the state without injections. Gan and Low 2014: w of a bus is that of its parent less 2 Re Σ_ψ Z_φψ conj(γ_φψ S_ψ) of
    the power S into it. A transformer of a ratio for each phase divides w by its square; no Dyn transformers, no impedance of
    the grid here.
    """
    zero, tree, none = network.zero, network.tree, np.zeros((network.n_bus, 3))
    rest = solve(network, none, none)
    behind = np.asarray(injection_kw) + 1j * np.asarray(injection_kvar)
    for bus in tree.order[::-1].tolist():
        if tree.parent[bus] != -1:
            behind[tree.parent[bus]] += behind[bus]
    power, change = np.zeros((network.n_bus, 3), complex), np.zeros((network.n_bus, 3))
    for bus in tree.order.tolist():
        up, branch = tree.parent[bus], tree.parent_branch[bus]
        if up == -1:
            continue
        child_is_from = network.from_bus[branch] == bus
        row = zero.matrix_of[branch]
        assert not zero.to_ground[branch]
        if row == -1:
            one = complex(network.resistance_pu[branch], network.reactance_pu[branch])
            z, ratio = of_sequences(zero.series_pu[branch], one, one), np.full(3, network.tap_ratio[branch])
        else:
            z, ratio = zero.matrix_series_pu[row], zero.matrix_ratio[row]
        ratio = ratio if child_is_from else 1.0 / ratio
        z = z * np.outer(ratio, ratio) if child_is_from else z
        power[bus] = behind[bus] + rest.into[branch][0 if child_is_from else 1]
        for f in range(3):
            drop = sum(z[f, g] * np.conj(TURN ** (g - f) * -3.0 * behind[bus][g]) for g in range(3))
            change[bus, f] = ratio[f] ** 2 * change[up, f] - 2.0 * drop.real
    return power, np.abs(rest.v) ** 2 + change
