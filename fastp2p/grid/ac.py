"""AC power flows of many books on a tree, by backward and forward sweeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import refuse_other_kinds
from fastp2p.arrays import finite_faults, floats, read_only, short_repr
from fastp2p.errors import refuse
from fastp2p.grid.contraction import contracted
from fastp2p.grid.feeder import ac_faults, feeder_of
from fastp2p.grid.inside import inside_of
from fastp2p.grid.network import Network
from fastp2p.kernels.grid.ac import audit_books, flow_books
from fastp2p.kernels.grid.structs import AcSummary, Feeder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

TOLERANCE = 1e-9
"""Distance of a voltage from the solution, p.u., estimated from two steps; near collapse it is several times too low."""
STEPS = (30, 300, 3000)
"""Sweeps of all books, of those that need more, and of the last: within some 1e-5 of the largest load it takes thousands."""
BOOKS_PER_BLOCK = 64
"""Books that a sweep does at a time."""


@dataclass(frozen=True, eq=False)
class AcFlow:
    """AC power flow of some books; NaN where one did not converge.

    Attributes
    ----------
    vm_pu, va_degree : (n_books, n_bus) float64
    from_ka, to_ka : (n_books, n_branch) float64
        Current at either end.
    loading_percent : (n_books, n_branch) float64
        Of the larger one, against `Network.limit_kw` read as kVA at rated voltage; NaN where nothing limits a branch.
    losses_kw : (n_books,) float64
        What the network itself draws: series losses, iron losses, shunts.
    slack_kw, slack_kvar : (n_books,) float64
        What the external grids feed in.
    converged : (n_books,) bool
        False: the load is more than the network can carry (voltage collapse).
    n_iterations : (n_books,) int64
    """

    __repr__ = short_repr
    vm_pu: Floats
    va_degree: Floats
    from_ka: Floats
    to_ka: Floats
    loading_percent: Floats
    losses_kw: Floats
    slack_kw: Floats
    slack_kvar: Floats
    converged: NDArray[np.bool_]
    n_iterations: Ints

    def of(self, books: Ints | NDArray[np.bool_]) -> AcFlow:
        """That of some books."""
        return AcFlow(**{field.name: getattr(self, field.name)[books] for field in fields(self)})


def ac_flow(
    network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike = 0.0, *, bus: ArrayLike | None = None
) -> AcFlow:
    """AC power flow of a radial network by backward and forward sweeps; equal to ``pandapower.runpp``.

    Parameters
    ----------
    network : Network
        Radial.
    injection_kw, injection_kvar : (n_books, n_bus) or (n_bus,) float, kW and kvar
        Constant power; feeding the grid is positive. The external grids balance.
    bus : (n_columns,) int, optional
        Where only some buses inject: their positions, each once; the last axis is theirs alone then.

    Returns
    -------
    AcFlow

    Raises
    ------
    InputError
        A meshed network, or one without an AC model; arrays that do not fit or are not finite.

    Notes
    -----
    A book has converged when its voltages are within 1e-9 p.u. of the solution, estimated from the last two steps.
    """
    feeder, p, q, at = checked(network, injection_kw, injection_kvar, bus)
    summary, n_iterations = summarise_on(network, at, p, q)
    voltage, current = _phasors(network, at, p, q, n_iterations)
    percent = feeder.percent
    loading = np.full((len(p), network.n_branch), np.nan)
    ka = np.empty((2, len(p), network.n_branch))
    below = np.flatnonzero(feeder.branch >= 0)
    branch = feeder.branch[below]
    loading[:, branch] = np.maximum(current[0] * percent[:, 0], current[1] * percent[:, 1])[:, below]
    loading[:, ~np.isfinite(network.limit_kw)] = np.nan
    up = network.tree.parent_sign[feeder.order[below]] > 0.0  # directed towards the external grid: its from-end is the child
    for end, bus_of_end in enumerate((network.from_bus, network.to_bus)):
        ampere = np.where(up, current[1 - end][:, below], current[end][:, below])
        ka[end][:, branch] = ampere * 1e-3 / (np.sqrt(3.0) * network.base_kv[bus_of_end[branch]])
    return AcFlow(
        vm_pu=np.abs(voltage),
        va_degree=np.degrees(np.angle(voltage)),
        from_ka=ka[0],
        to_ka=ka[1],
        loading_percent=loading,
        losses_kw=summary.losses_kw,
        slack_kw=summary.slack_kw,
        slack_kvar=summary.slack_kvar,
        converged=n_iterations > 0,
        n_iterations=n_iterations,
    )


def _phasors(network: Network, bus: Ints, p: Floats, q: Floats, n_iterations: Ints) -> tuple[Complexes, Floats]:
    """Voltages (n_books, n_bus); currents at the ends of parents and children (2, n_books, n_bus) in breadth-first order.

    `n_iterations` says how many steps a book needs; books without any stay NaN.
    """
    feeder = feeder_of(network)
    shape = (len(p), network.n_bus)
    voltage, current = np.full((2, *shape), np.nan), np.full((2, 2, *shape), np.nan)
    for least, most in pairwise((0, *STEPS)):
        books = np.flatnonzero((n_iterations > least) & (n_iterations <= most))
        v, i = np.empty((2, len(books), network.n_bus)), np.empty((2, 2, len(books), network.n_bus))
        flow_books(
            p[books], q[books], columns_of(feeder, bus), feeder, TOLERANCE, most,
            work_space(network, len(books)), v, i, np.empty(len(books), np.int64),
        )  # fmt: skip
        voltage[:, books], current[:, :, books] = v, i
    return (voltage[0] + 1j * voltage[1])[:, feeder.place], np.hypot(current[:, 0], current[:, 1])


def summarise_flows(network: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats) -> tuple[AcSummary, Ints]:
    """What the AC power flow of every book says of its voltages, losses and loading (`kernels.grid.ac.audit_books`).

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    injection_kw, injection_kvar : (n_books, n_columns) float64

    Returns
    -------
    AcSummary
    n_iterations : (n_books,) int64
        0 where it did not.
    """
    refuse(ac_faults(network))
    few = contracted(network, bus, None)
    summary, n_iterations = summarise_on(few, few.node[bus], injection_kw, injection_kvar)
    if not network.has_band.any():  # no bus but external grids
        summary.lowest_vm_pu[:] = summary.highest_vm_pu[:] = network.slack_vm_pu[0]
        summary.lowest_bus[:] = summary.highest_bus[:] = network.reference_bus[0]
    return summary, n_iterations


def summarise_on(few: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats) -> tuple[AcSummary, Ints]:
    """`summarise_flows` on a contraction; `bus` are its positions."""
    feeder, inside = feeder_of(few), inside_of(few)
    summary, n_iterations = AcSummary.unknown(len(injection_kw)), np.zeros(len(injection_kw), np.int64)
    column = columns_of(feeder, bus)
    left, kvar = np.arange(len(injection_kw)), np.ascontiguousarray(injection_kvar)
    for most in STEPS:
        some = (injection_kw, kvar) if most == STEPS[0] else (injection_kw[left], kvar[left])
        more, steps = AcSummary.unknown(len(left)), np.empty(len(left), np.int64)
        work = work_space(few, len(left))
        audit_books(some[0], read_only(some[1]), column, feeder, inside, TOLERANCE, most, work, more, steps)
        solved = steps > 0
        summary.put(left[solved], more.of(solved))
        n_iterations[left[solved]] = steps[solved]
        left = left[~solved]
        if not len(left):
            break
    return summary, n_iterations


class AcSolver(NamedTuple):
    """How AC power flows are solved: by `summarise_flows` and `ac_flow`, or functions like these, such as those of phases."""

    summarise: Callable[[Network, Ints, Floats, Floats], tuple[Any, Ints]]
    flow: Callable[..., Any]


SWEEPS = AcSolver(summarise_flows, ac_flow)


def work_space(network: Network, n_books: int) -> Floats:
    """What the sweeps work on: no wider than the books are many, so that a few that take long do not cost a whole block."""
    return np.empty((4, network.n_bus, min(BOOKS_PER_BLOCK, max(1, n_books))))


def columns_of(feeder: Feeder, bus: Ints) -> Ints:
    """(n_bus,) column of every place; -1 where nobody injects."""
    column = np.full(len(feeder.order), -1, np.int64)
    column[feeder.place[bus]] = np.arange(len(bus))
    return column


def checked(
    network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike, bus: ArrayLike | None
) -> tuple[Feeder, Floats, Floats, Ints]:
    """The feeder, and the injections as (n_books, n_columns)."""
    refuse_other_kinds(network=(network, Network))
    feeder = feeder_of(network)
    p, q = floats("injection_kw", injection_kw), floats("injection_kvar", injection_kvar)
    at = network.columns(bus)
    faults = []
    if p.ndim not in (1, 2) or p.shape[-1] != len(at):
        faults.append(f"injection_kw has shape {p.shape}; it must be (n_books, n_bus) or (n_bus,) with n_bus = {len(at)}")
    elif q.shape not in ((1,), p.shape):
        faults.append(f"injection_kvar has shape {q.shape}; it must be a number or, like injection_kw, {p.shape}")
    refuse(faults + finite_faults("injection_kw", p, "book") + finite_faults("injection_kvar", q, "book"))
    p = np.ascontiguousarray(np.atleast_2d(p))
    return feeder, p, np.ascontiguousarray(np.broadcast_to(q, p.shape)), at
