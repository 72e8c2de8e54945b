"""Networks of three phases whose limits bind, and books of single-phase and balanced participants on them."""

import functools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandapower as pp

import fastp2p
from tests.oracles import lindist3flow as oracle
from tests.oracles import lindistflow
from tests.support.unlike_phases import general_network

STATED = {"r0_per_r1": 4.0, "x0_per_x1": 3.5, "vector_group": "Dyn", "trafo_z0_per_z1": 0.9, "grid": "ideal"}
SHIFTS = {"Dyn": 150.0, "Yzn": -30.0, "YNyn": 180.0}
RANDOM = ("lines 4 1", "lines 9 2", "Dyn 6 1", "Dyn 9 2", "YNyn 7 1", "YNyn 6 2", "Yzn 6 1", "lines 8 4")
"""A kind, buses at 400 V, and a seed; even seeds have external grids with an impedance."""
SHIPPED = ("cigre_lv", "ieee_european_lv_asymmetric")


def feeder(kind, n_bus, seed):
    """A random tree of lines at 400 V in pandapower, without shunts, behind a transformer if `kind` is its vector group."""
    rng = np.random.default_rng([n_bus, seed, len(kind)])
    net = pp.create_empty_network()
    place = (rng.permutation(n_bus) + (kind != "lines") * 2).tolist()
    if kind == "lines":
        pp.create_buses(net, n_bus, 0.4)
        source = place[0]
    else:
        source, hv = pp.create_bus(net, 10.0), pp.create_bus(net, 10.0)
        pp.create_buses(net, n_bus, 0.4)
        _line(net, rng, source, hv)
        pp.create_transformer_from_parameters(
            net, hv, place[0], sn_mva=0.16, vn_hv_kv=10.0, vn_lv_kv=0.4, vkr_percent=1.5, vk_percent=4.0, pfe_kw=0.0,
            i0_percent=0.0, shift_degree=SHIFTS[kind], vector_group=kind, vk0_percent=3.5, vkr0_percent=1.2,
            mag0_percent=50.0 if kind == "Yzn" else 1e14, mag0_rx=0.0, si0_hv_partial=0.5, tap_side="hv", tap_neutral=0,
            tap_pos=int(seed % 3) - 1, tap_step_percent=2.5, tap_changer_type="Ratio",
        )  # fmt: skip
    pp.create_ext_grid(
        net, source, vm_pu=float(rng.choice([1.0, 0.99, 1.02])), va_degree=float(rng.choice([0.0, 25.0])), s_sc_max_mva=5.0,
        rx_max=0.3, x0x_max=2.0, r0x0_max=0.4,
    )  # fmt: skip
    for k in range(1, n_bus):
        _line(net, rng, *rng.permutation([place[k], place[rng.integers(max(0, k - 4), k)]]).tolist())
    return net


def _line(net, rng, one, other):
    r, x = rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.3)
    pp.create_line_from_parameters(
        net, one, other, rng.uniform(0.02, 0.2), r, x, 0.0, 1.0, r0_ohm_per_km=r * rng.uniform(1.0, 5.0),
        x0_ohm_per_km=x * rng.uniform(1.0, 5.0), c0_nf_per_km=0.0,
    )  # fmt: skip


@functools.cache
def network_of(name):
    """ "Dyn 6 1": see `RANDOM`; "unlike 6 1": `general_network`; else one that pandapower ships, with `STATED` for no data."""
    kind, *numbers = name.split()
    if kind == "unlike":
        n_bus, seed = map(int, numbers)
        return general_network(np.random.default_rng(seed), n_bus, transformer=seed % 2 == 1, grid=seed % 2 == 1)
    if not numbers:
        return fastp2p.Network.load(name, phases=3, zero_sequence=None if name.endswith("asymmetric") else STATED)
    stated = {"grid": "ideal"} if int(numbers[1]) % 2 else None
    return fastp2p.Network.from_pandapower(feeder(kind, *map(int, numbers)), phases=3, zero_sequence=stated)


def connected(kw, code):
    """(…, 3): each column's kW on its phase, or a third on each."""
    return kw[..., None] * oracle.SHARES[code]


def random_books(network, rng, n_books, *, at=None, pv_kw=(2.0, 12.0), load_kw=(0.5, 6.0), codes=(0, 1, 2, 3), extra_kw=0.3):
    """Books of homes at the buses `at`, each on a random phase of its own for load and PV.

    `codes` are the phases that there are; `extra_kw` is the size of what the base has besides on any phase.
    """
    at = np.flatnonzero(network.has_band) if at is None else np.asarray(at)
    shape = (n_books, len(at))
    sells = rng.random(shape) < rng.uniform(0.25, 0.8, (n_books, 1))
    buys = ~sells & (rng.random(shape) < 0.8)
    pv, load = rng.uniform(*pv_kw, shape) * sells, rng.uniform(*load_kw, shape) * buys
    bid, ask = rng.integers(22, 34, len(at)) / 100, rng.integers(4, 20, len(at)) / 100
    trades = fastp2p.match_orders(load, pv, bid, ask)
    left = fastp2p.leave_over(load, pv, trades)
    load_phase, pv_phase = rng.choice(np.array(codes, np.int8), (2, *shape))
    has = network.zero.has_phase[at]
    for column in np.flatnonzero(~has.all(axis=1)).tolist():
        there = np.flatnonzero(has[column]).astype(np.int8)
        load_phase[:, column], pv_phase[:, column] = rng.choice(there, (2, n_books))
    base = connected(-left.deficit_kwh, load_phase)
    base_kvar = 0.3 * base + extra_kw * rng.uniform(-0.3, 0.3, base.shape) * has
    return SimpleNamespace(
        network=network,
        at=at,
        trades=trades,
        base_kw=base + extra_kw * rng.uniform(-1.0, 1.0, base.shape) * has,
        base_kvar=base_kvar,
        export_kw=left.surplus_kwh,
        pv_kvar_per_kw=rng.uniform(-0.2, 0.2, len(at)),
        load_kvar_per_kw=rng.uniform(0.0, 0.4, len(at)),
        pv_phase=pv_phase,
        load_phase=load_phase,
    )


def one_book(books, k):
    """Book k as the oracle takes it."""
    trades = books.trades
    ours = slice(int(trades.offset[k]), int(trades.offset[k + 1]))
    return SimpleNamespace(
        seller=trades.seller[ours],
        buyer=trades.buyer[ours],
        kw=trades.quantity_kwh[ours],
        bid_per_kwh=trades.bid_per_kwh[ours],
        ask_per_kwh=trades.ask_per_kwh[ours],
        base_kw=books.base_kw[k],
        base_kvar=books.base_kvar[k],
        export_kw=books.export_kw[k],
        pv_phase=books.pv_phase[k],
        load_phase=books.load_phase[k],
        pv_kvar_per_kw=books.pv_kvar_per_kw,
        load_kvar_per_kw=books.load_kvar_per_kw,
    )


def full_state(books, *, nothing=False):
    """(kw, kvar), (n_books, n_columns, 3): with everything executed, or the buyers' load alone."""
    found = []
    for k in range(len(books.base_kw)):
        book, share = one_book(books, k), 0.0 if nothing else 1.0
        found.append(oracle.injected(book, "retail", share * book.kw, share * book.export_kw))
    return np.array(found).transpose(1, 0, 2, 3)


def bound(books, rng, *, share=0.6, quantile=0.8):
    """(books, band): limits of some branches and a band of voltages that a good part of the full books break."""
    network = books.network
    far, near, square = oracle.state(network, books.at, *full_state(books))
    most = np.maximum(np.abs(far), np.abs(near) * network.zero.to_ground[:, None]).max(axis=2)
    limit = 3.0 * np.quantile(most, quantile, axis=0) * rng.uniform(0.5, 1.2, network.n_branch)
    limited = (rng.random(network.n_branch) < share) & (limit > 1e-6)
    inner = np.sqrt(np.maximum(square, 0.01))[:, network.has_band]
    grid = network.slack_vm_pu
    low = min(float(np.quantile(inner.min(axis=(1, 2)), 0.2)), grid.min() - 1e-3)
    high = max(float(np.quantile(inner.max(axis=(1, 2)), 0.6)), grid.max() + 1e-3)
    books.network = replace(network, limit_kw=np.where(limited, limit, np.inf))
    return books, {"v_min_pu": low, "v_max_pu": high}


def clear(books, **options):
    """`fastp2p.clear` of books."""
    reactive = fastp2p.Reactive(books.base_kvar, books.pv_kvar_per_kw, books.load_kvar_per_kw)
    connection = fastp2p.Connection(load_phase=books.load_phase, pv_phase=books.pv_phase)
    given = {"export_kw": books.export_kw, "bus": books.at, "reactive": reactive, "connection": connection}
    return fastp2p.clear(books.network, books.trades, books.base_kw, **(given | options))


def some_books(books, first, last):
    """Books first … last - 1 alone."""
    per_book = ("base_kw", "base_kvar", "export_kw", "pv_phase", "load_phase")
    part = {name: getattr(books, name)[first:last] for name in per_book}
    return SimpleNamespace(**{**vars(books), **part, "trades": lindistflow.some_books(books.trades, first, last)})


def homes(network):
    """Positions of buses that take part: all of small networks."""
    return np.flatnonzero(network.has_band) if network.n_bus < 100 else network.load_bus


def random_power(network, n_books=3, most_kw=1.0):
    """(kw, kvar), (n_books, n_homes, 3)."""
    rng = np.random.default_rng(network.n_bus)
    return rng.uniform(-most_kw, most_kw, (2, n_books, len(homes(network)), 3))
