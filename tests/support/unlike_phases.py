"""Random trees whose phases are not alike: lines with full matrices, laterals of one and two phases, taps for each phase."""

import dataclasses

import numpy as np

import fastp2p
from fastp2p.grid.zero_sequence import ZeroSequence

TURN = np.exp(2j * np.pi / 3)


def random_line(rng, has, ohm, capacitance=1.0):
    """(series, shunt) of a line with these phases, a full symmetric matrix each; shunts are small, those of a cable."""
    mask = np.outer(has, has)
    own = ohm * rng.uniform(0.6, 1.4, 3) * (1.0 + 0.9j * rng.uniform(0.5, 1.5, 3))
    mutual = np.triu(ohm * (rng.uniform(0.1, 0.3, (3, 3)) + 0.4j * rng.uniform(0.5, 1.2, (3, 3))), 1)
    size = capacitance * 2e-4 / ohm
    shunt = np.diag(1j * size * rng.uniform(2.0, 4.0, 3))
    between = np.triu(-1j * size * rng.uniform(0.1, 0.9, (3, 3)), 1)
    return (np.diag(own) + mutual + mutual.T) * mask, (shunt + between + between.T) * mask


def general_network(rng, n_bus=12, *, transformer=True, grid=True, laterals=True, capacitance=1.0, banks=0.2, plain=0.25,
                    reach=4):  # fmt: skip
    """A tree below one external grid at bus 0, perhaps with a Dyn transformer below it; numbers of buses and ends are shuffled.

    `plain` is the share of branches that are circulant, `banks` that of transformers with a tap per phase. A bus hangs on
    one of the `reach` before it.
    """
    n_branch, ohm = n_bus - 1, 5e-4
    parent = [0] + [int(rng.integers(max(1, i - reach), i)) for i in range(2, n_bus)]
    phases = np.full(n_bus, 7)
    kinds = ["plain"] * n_branch
    sequences = np.zeros((6, n_branch), complex)
    ratio, shift, to_ground = np.ones(n_branch), np.zeros(n_branch), np.zeros(n_branch, bool)
    rows, series, shunts_from, shunts_to, taps = np.full(n_branch, -1), [], [], [], []
    for i in range(n_branch):
        above = phases[parent[i]]
        sequences[:, i] = ohm * np.array([3.0 + 2j, 1.0 + 0.5j, 0, 0, 0, 0]) * rng.uniform(0.5, 1.5)
        sequences[2:, i] = capacitance * 1e-4j / ohm * rng.uniform(0.1, 1.0, 4)
        if i == 0 and transformer:
            ratio[i], shift[i], to_ground[i] = 1.02, np.deg2rad(150.0), True
            sequences[2, i] = sequences[4, i] = 0.0
            continue
        if above == 7 and rng.random() < plain:
            continue
        has = np.array([above >> f & 1 for f in range(3)], bool)
        if laterals and i > 1 and rng.random() < 0.5:
            has &= rng.random(3) < 0.6
            has[rng.choice(np.flatnonzero([above >> f & 1 for f in range(3)]))] = True
        phases[i + 1] = has @ [1, 2, 4]
        kinds[i] = "bank" if rng.random() < banks else "matrix"
        z, y = random_line(rng, has, ohm, capacitance)
        rows[i] = len(series)
        series.append(z)
        shunts_from.append(y)
        shunts_to.append(y * rng.uniform(0.5, 1.5))
        taps.append(np.where(has, 1.0 + (kinds[i] == "bank") * rng.integers(-8, 9, 3) * 0.00625, 1.0))
    order = np.append(0, 1 + rng.permutation(n_bus - 1))  # new number of each bus
    flip = rng.random(n_branch) < 0.4
    flip[to_ground] = False
    up, down = order[parent], order[1:]
    blocks = np.zeros((n_bus, 3, 3), complex)
    has = (phases[:, None] & [1, 2, 4]) != 0
    at = rng.integers(1, n_bus)
    blocks[at] = np.diag(0.02j * capacitance / ohm * 1e-3 * has[at])
    by_number = np.argsort(order)
    zero = ZeroSequence(
        series_pu=sequences[0], from_shunt_pu=sequences[2], to_shunt_pu=sequences[3], to_ground=to_ground,
        grid_zero_pu=[(0.3 + 1j) * 2e-5 * grid], grid_negative_pu=[(0.1 + 1j) * 2e-5 * grid], load_phase=np.full(n_bus, -1),
        matrix_of=rows, matrix_series_pu=np.reshape(series, (-1, 3, 3)),
        matrix_from_shunt_pu=np.reshape(shunts_from, (-1, 3, 3)), matrix_to_shunt_pu=np.reshape(shunts_to, (-1, 3, 3)),
        matrix_ratio=np.reshape(taps, (-1, 3)), bus_matrix_pu=blocks[by_number], phases=phases[by_number],
    )  # fmt: skip
    return fastp2p.Network(
        **plain_arrays(n_bus, np.where(flip, down, up), np.where(flip, up, down)), shift_rad=shift, tap_ratio=ratio,
        resistance_pu=sequences[1].real, reactance_pu=sequences[1].imag, from_shunt_pu=sequences[4], to_shunt_pu=sequences[5],
        element=np.where(to_ground | (np.array(kinds) == "bank"), "trafo", "line"), zero=zero,
    )  # fmt: skip


def plain_arrays(n_bus, from_bus, to_bus):
    """What a network has besides its impedances."""
    n_branch, ids = len(from_bus), np.arange(n_bus)
    return {
        "bus_id": ids, "known_id": ids, "known_position": ids, "load_bus": ids[1:], "load_kind": np.full(n_bus - 1, "load"),
        "reference_bus": [0], "reference_angle_rad": [0.1], "fixed_kw": np.zeros(n_bus), "from_bus": from_bus, "to_bus": to_bus,
        "susceptance_kw": np.full(n_branch, 1e4), "limit_kw": np.linspace(30.0, 60.0, n_branch),
        "element_id": np.arange(n_branch), "winding": np.full(n_branch, ""), "std_type": np.full(n_branch, ""),
        "ampacity_ka": np.full(n_branch, np.nan), "kw_per_ka": np.full(n_branch, np.nan),
        "rating_kw": np.full(n_branch, np.nan), "length_km": np.full(n_branch, np.nan), "base_kv": np.full(n_bus, 0.4),
        "rated_kv": np.full((n_branch, 2), 0.4), "bus_shunt_pu": np.zeros(n_bus, complex), "slack_vm_pu": [1.02],
        "ac_faults": np.empty(0, str),
    }  # fmt: skip


def random_injections(rng, network, n_books, kw=2.0, busy=0.5):
    """(n_books, n_bus, 3) kW and kvar on phases that there are."""
    shape = (n_books, network.n_bus, 3)
    on = network.zero.has_phase & (rng.random(shape) < busy)
    return rng.uniform(-kw, 0.7 * kw, shape) * on, rng.uniform(-0.5 * kw, 0.3 * kw, shape) * on


def as_matrices(network, lines):
    """The same network with some of its lines, which are circulant, given by matrices."""
    zero = network.zero

    def full(of_zero, of_positive):
        mutual = (of_zero - of_positive)[:, None, None] / 3.0
        return of_positive[:, None, None] * np.eye(3) + mutual * np.ones((3, 3))

    rows = np.full(network.n_branch, -1)
    rows[lines] = np.arange(len(lines))
    return dataclasses.replace(
        network,
        zero=dataclasses.replace(
            zero,
            matrix_of=rows,
            matrix_series_pu=full(zero.series_pu, network.resistance_pu + 1j * network.reactance_pu)[lines],
            matrix_from_shunt_pu=full(zero.from_shunt_pu, network.from_shunt_pu)[lines],
            matrix_to_shunt_pu=full(zero.to_shunt_pu, network.to_shunt_pu)[lines],
            matrix_ratio=np.ones((len(lines), 3)),
        ),
    )
