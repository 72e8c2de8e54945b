"""AC power flows on numba's CUDA simulator beside the CPU's: run as a module, prints how far they are apart.

``python -m tests.support.ac_on_simulator``, with NUMBA_ENABLE_CUDASIM=1 from the start, as numba-cuda reads it when it is
imported; with NUMBA_DISABLE_JIT=1 in a few seconds instead of a minute.
"""

import json

import numpy as np

import fastp2p
from fastp2p.cuda.ac import audit_of_book, summarise_on_device
from fastp2p.cuda.phases import summarise_phases_on_device
from fastp2p.grid.ac import summarise_flows
from fastp2p.grid.phases import summarise_phases
from tests.support.phase_books import network_of
from tests.support.shipped import shipped

PHASES = ("Dyn 9 2", "unlike 6 1", "lines 8 4")


def gaps(found, expected):
    """The largest difference of each field, relative to its largest number where that is above one; -1 where NaN is not NaN."""
    (found, n_found), (expected, n_expected) = found, expected
    worst = {"n_iterations": int(np.abs(n_found - n_expected).max())}
    for name, one, other in zip(expected._fields, found, expected, strict=True):
        scale = max(1.0, float(np.nanmax(np.abs(other), initial=0.0)))
        same_gaps = bool((np.isnan(one) == np.isnan(other)).all())
        worst[name] = float(np.nanmax(np.abs(one - other), initial=0.0)) / scale if same_gaps else -1.0
    return {name: value for name, value in worst.items() if not 0.0 <= value <= 1e-12}, n_found.tolist()


def balanced():
    """Ordinary books, one that takes long, one without a solution, one that is no number."""
    network = fastp2p.Network.from_pandapower(shipped("cigre_lv"))
    bus = network.load_bus[:7].astype(np.int64)
    kw = np.random.default_rng(3).normal(-1.0, 4.0, (6, len(bus)))
    kw[3:] *= np.array([9.0, 1e3, np.nan])[:, None]
    expected = summarise_flows(network, bus, kw, 0.3 * kw)
    chosen = audit_of_book(network, bus).is_straight
    found = {
        f"balanced, straight = {straight}": gaps(summarise_on_device(network, bus, kw, 0.3 * kw, straight), expected)
        for straight in (True, False)
    }
    return found, chosen


def on_phases(name):
    """Books of a network whose phases are not alike, one of them without a solution."""
    network = network_of(name)
    bus = network.load_bus if len(network.load_bus) else np.arange(1, network.n_bus)
    bus = bus[bus != network.reference_bus[0]].astype(np.int64)
    kw = np.random.default_rng(4).normal(-0.2, 1.0, (3, len(bus), 3)) * network.zero.has_phase[bus]
    kw[2] *= 1e4
    return gaps(summarise_phases_on_device(network, bus, kw, 0.2 * kw), summarise_phases(network, bus, kw, 0.2 * kw))


if __name__ == "__main__":
    np.seterr(all="ignore")  # uncompiled, books without a solution are noticed by NumPy
    answer, chosen = balanced()
    print(json.dumps({"gaps": answer | {name: on_phases(name) for name in PHASES}, "straight by default": chosen}))
