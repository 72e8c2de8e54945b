"""LinDistFlow, the linear form of an AC power flow on a tree, for many books."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import read_only, short_repr
from fastp2p.grid.ac import BOOKS_PER_BLOCK, STEPS, TOLERANCE, checked, columns_of, summarise_flows
from fastp2p.grid.feeder import feeder_of
from fastp2p.grid.network import Network
from fastp2p.kernels.grid.ac import flow_books
from fastp2p.kernels.grid.lindistflow import linear_states

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinearFlow:
    """LinDistFlow of some books.

    Attributes
    ----------
    vm_pu : (n_books, n_bus) float64
        NaN where the linear model leaves no voltage.
    flow_kw, flow_kvar : (n_books, n_branch) float64
        Positive from `from_bus` to `to_bus`.
    """

    __repr__ = short_repr
    vm_pu: Floats
    flow_kw: Floats
    flow_kvar: Floats


def lindistflow(
    network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike = 0.0, *, bus: ArrayLike | None = None
) -> LinearFlow:
    """Linear power flow of a radial network around its state without injections: v² = v²_noload + 2 (R p + X q).

    Parameters
    ----------
    network, injection_kw, injection_kvar, bus : as for `ac_flow`

    Raises
    ------
    InputError
        As `ac_flow`.

    Notes
    -----
    Baran and Wu 1989, Network reconfiguration in distribution systems, without its loss terms; `feeder.shared_paths` has R
    and X.
    """
    _, p, q, at = checked(network, injection_kw, injection_kvar, bus)
    flow_kw, flow_kvar, square = linear_flows(network, at, p, q)
    return LinearFlow(np.sqrt(np.where(square >= 0.0, square, np.nan)), flow_kw, flow_kvar)


@lru_cache(maxsize=32)
def linear_model(network: Network) -> Floats:
    """(n_bus, 6) coefficients of each bus and its branch to the parent (`kernels.grid.lindistflow.linear_states`).

    Of a contraction, powers are those of the members that stand for chains.
    """
    feeder, whole = feeder_of(network), network.whole
    if whole is not network:
        of_all, place, z = linear_model(whole), feeder_of(whole).place, 2.0 * feeder.series
        below = np.full(whole.n_branch + 1, -1)
        below[feeder_of(whole).branch] = np.arange(whole.n_bus)
        at = np.where(feeder.branch == -1, -1, below[np.append(network.branch_of, -1)[feeder.branch]])
        at = np.where(at == -1, place[network.bus_of[feeder.order]], at)
        square = of_all[place[network.bus_of[feeder.order]], 5]
        return np.stack([feeder.square, z.real, z.imag, of_all[at, 3], of_all[at, 4], square], axis=1)
    nobody, n_bus = np.empty((1, 0)), network.n_bus
    voltage, current = np.empty((2, 1, n_bus)), np.empty((2, 2, 1, n_bus))
    flow_books(
        nobody, nobody, np.full(n_bus, -1), feeder, TOLERANCE, STEPS[-1],
        np.empty((4, n_bus, 1)), voltage, current, np.empty(1, np.int64),
    )  # fmt: skip
    with np.errstate(invalid="ignore"):  # NaN where this state has no solution; `limits.limit_faults` refuses that
        v, j = voltage[0, 0] + 1j * voltage[1, 0], current[1, 0, 0] + 1j * current[1, 1, 0]
        up = -v * np.conj(j)
    z = 2.0 * feeder.series
    return np.stack([feeder.square, z.real, z.imag, up.real, up.imag, np.abs(v) ** 2], axis=1)


@lru_cache(maxsize=32)
def unloaded_slack_kw(network: Network) -> float:
    """What the external grids feed in where nobody injects anything."""
    summary, _ = summarise_flows(network, np.empty(0, np.int64), np.empty((1, 0)), np.empty((1, 0)))
    return float(summary.slack_kw[0])


def linear_flows(network: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats) -> tuple[Floats, Floats, Floats]:
    """Flows from `from_bus` to `to_bus` (n_books, n_branch), kW and kvar, and squared voltages (n_books, n_bus), p.u."""
    feeder, n_books = feeder_of(network), len(injection_kw)
    state = np.empty((3, n_books, network.n_bus))
    linear_states(
        injection_kw, read_only(injection_kvar), columns_of(feeder, bus), feeder.parent, linear_model(network),
        np.empty((3, network.n_bus, BOOKS_PER_BLOCK)), state,
    )  # fmt: skip
    place = feeder.place
    child = np.empty(network.n_branch, np.int64)  # the place below each branch
    below = np.flatnonzero(feeder.branch >= 0)
    child[feeder.branch[below]] = below
    sign = network.tree.parent_sign[feeder.order[child]]
    return sign * state[0][:, child], sign * state[1][:, child], state[2][:, place]
