"""Three-phase AC power flows of many books on a tree, by backward and forward sweeps."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import refuse_other_kinds
from fastp2p.arrays import finite_faults, floats, short_repr
from fastp2p.errors import refuse
from fastp2p.grid.ac import STEPS, TOLERANCE, AcSolver
from fastp2p.grid.network import Network
from fastp2p.grid.phase_blocks import OF_SEQUENCES, absent_faults
from fastp2p.grid.phase_feeder import PhaseFeeder, phase_faults, phase_feeder
from fastp2p.kernels.grid.phase_branches import describe_branches
from fastp2p.kernels.grid.phases import audit_phases, flow_phases
from fastp2p.kernels.grid.structs import PhaseSummary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

BOOKS_PER_BLOCK = 64
"""Books that a sweep does at a time."""


@dataclass(frozen=True, eq=False)
class PhaseFlow:
    """Three-phase AC power flow of some books; NaN where one did not converge. The last axis is the phases a, b, c.

    Where a bus or a branch lacks a phase, voltage and loading are NaN, and current and power zero.

    Attributes
    ----------
    vm_pu, va_degree : (n_books, n_bus, 3) float64
        Voltage between phase and neutral.
    unbalance_percent : (n_books, n_bus) float64
        Negative by positive sequence, |V₂| / |V₁|, of buses with three phases.
    from_ka, to_ka : (n_books, n_branch, 3) float64
        Current of each phase conductor at either end.
    from_kw, to_kw : (n_books, n_branch, 3) float64
        Active power of each phase into the branch at either end.
    neutral_ka : (n_books, n_branch) float64
        The sum of the phases' currents at the end away from the external grid: of the neutral, earth included.
    loading_percent : (n_books, n_branch, 3) float64
        Of each phase conductor's larger current, against its part of `Network.limit_kw` (a third if the branch has three
        phases) at rated voltage; NaN where nothing limits a branch.
    losses_kw : (n_books,) float64
        What the network itself draws: series losses, iron losses, shunts.
    slack_kw, slack_kvar : (n_books, 3) float64
        What the external grids feed in on each phase.
    converged : (n_books,) bool
        False: the load is more than the network can carry (voltage collapse).
    n_iterations : (n_books,) int64
    """

    __repr__ = short_repr
    vm_pu: Floats
    va_degree: Floats
    unbalance_percent: Floats
    from_ka: Floats
    to_ka: Floats
    from_kw: Floats
    to_kw: Floats
    neutral_ka: Floats
    loading_percent: Floats
    losses_kw: Floats
    slack_kw: Floats
    slack_kvar: Floats
    converged: NDArray[np.bool_]
    n_iterations: Ints

    def of(self, books: Ints | NDArray[np.bool_]) -> PhaseFlow:
        """That of some books."""
        return PhaseFlow(**{field.name: getattr(self, field.name)[books] for field in fields(self)})


def phase_flow(
    network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike = 0.0, *, bus: ArrayLike | None = None
) -> PhaseFlow:
    """Three-phase AC power flow of a radial network, with all voltages and currents.

    Parameters
    ----------
    network : Network
        Radial, loaded with ``phases=3``.
    injection_kw, injection_kvar : (n_books, n_bus, 3) or (n_bus, 3) float, kW and kvar
        Constant power between each phase and neutral; feeding the grid is positive. The external grids balance.
    bus : (n_columns,) int, optional
        Where only some buses inject: their positions, each once; the axis of buses is theirs alone then.

    Returns
    -------
    PhaseFlow

    Raises
    ------
    InputError
        A network of one phase, a meshed one, or one without an AC model; arrays that do not fit or are not finite.

    Notes
    -----
    A book has converged when its voltages are within 1e-9 p.u. of the solution, estimated from the last two steps.
    """
    at, p, q = checked_phases(network, injection_kw, injection_kvar, bus)
    feeder = phase_feeder(network, at)
    summary, n_iterations = summarise_phases(network, at, p, q)
    voltage, current = phasors(network, feeder, p, q, n_iterations)
    (from_ka, to_ka), (from_kw, to_kw), neutral_ka, loading_percent = _branches(network, feeder, voltage, current)
    assert network.zero is not None
    if not network.zero.is_plain:
        voltage[:, ~network.zero.has_phase] = loading_percent[:, ~network.zero.branch_has_phase] = np.nan
    positive, negative = (sum(voltage[..., f] * OF_SEQUENCES[1, one] ** f for f in range(3)) for one in (2, 1))
    return PhaseFlow(
        vm_pu=np.abs(voltage),
        va_degree=np.degrees(np.angle(voltage)),
        unbalance_percent=100.0 * np.abs(negative) / np.abs(positive),
        from_ka=from_ka,
        to_ka=to_ka,
        from_kw=from_kw,
        to_kw=to_kw,
        neutral_ka=neutral_ka,
        loading_percent=loading_percent,
        losses_kw=summary.losses_kw,
        slack_kw=summary.slack_kw,
        slack_kvar=summary.slack_kvar,
        converged=n_iterations > 0,
        n_iterations=n_iterations,
    )


def phasors(network: Network, feeder: PhaseFeeder, p: Floats, q: Floats, n_iterations: Ints) -> tuple[Complexes, Floats]:
    """Voltages (n_books, n_bus, 3), and currents by place as `flow_phases` gives them; NaN of books without iterations."""
    shape = (len(p), network.n_bus, 3)
    voltage, current = np.full((2, *shape), np.nan), np.full((2, 2, *shape), np.nan)
    for least, most in pairwise((0, *STEPS)):
        books = np.flatnonzero((n_iterations > least) & (n_iterations <= most))
        if not len(books):
            continue
        is_all = len(books) == len(p)
        v, i = voltage, current
        if not is_all:
            v, i = np.empty((2, len(books), *shape[1:])), np.empty((2, 2, len(books), *shape[1:]))
        flow_phases(
            *((p, q) if is_all else (p[books], q[books])), feeder.few, feeder.column_of_few, feeder.places,
            feeder.every, feeder.column, feeder.limits, _control(most, len(books)), v, i, np.empty(len(books), np.int64),
        )  # fmt: skip
        if not is_all:
            voltage[:, books], current[:, :, books] = v, i
    of_bus = np.empty(shape, np.complex128)
    of_bus[:, feeder.order] = voltage[0] + 1j * voltage[1]
    return of_bus, current


def _branches(
    network: Network, feeder: PhaseFeeder, voltage: Complexes, current: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Of every branch: kA and kW at `from_bus` and `to_bus`, (2, n_books, n_branch, 3); the neutral's kA; loading, percent."""
    shape = (len(voltage), network.n_branch, 3)
    ka, kw, neutral, loading = np.empty((2, *shape)), np.empty((2, *shape)), np.empty(shape[:2]), np.empty(shape)
    base_ka = 1e-3 / (np.sqrt(3.0) * network.base_kv)
    percent = feeder.limits.percent
    describe_branches(voltage, current, feeder.order, network.tree, percent, base_ka, ka, kw, neutral, loading)
    loading[:, ~np.isfinite(network.limit_kw)] = np.nan
    return ka, kw, neutral, loading


def phase_summary(
    network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike = 0.0, *, bus: ArrayLike | None = None
) -> PhaseSummary:
    """What three-phase AC power flows say of voltages, unbalance, loading and losses, in a few numbers for each of many books.

    Parameters
    ----------
    network, injection_kw, injection_kvar, bus : as for `phase_flow`

    Returns
    -------
    PhaseSummary

    Raises
    ------
    InputError
        See `phase_flow`.
    """
    return summarise_phases(network, *checked_phases(network, injection_kw, injection_kvar, bus))[0]


def summarise_phases(network: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats) -> tuple[PhaseSummary, Ints]:
    """What the three-phase power flow of every book says, as `phase_summary` gives it, without checks.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    injection_kw, injection_kvar : (n_books, n_columns, 3) float64

    Returns
    -------
    PhaseSummary
    n_iterations : (n_books,) int64
        0 where it did not converge.
    """
    feeder, p, q = phase_feeder(network, bus), injection_kw, injection_kvar
    summary, n_iterations = PhaseSummary.unknown(len(p)), np.zeros(len(p), np.int64)
    left = np.arange(len(p))
    for most in STEPS:
        some = (p, q) if most == STEPS[0] else (p[left], q[left])
        more, steps = PhaseSummary.unknown(len(left)), np.empty(len(left), np.int64)
        audit_phases(
            *some, feeder.few, feeder.column_of_few, feeder.few_limits, feeder.inside, _control(most, len(left)), more, steps,
        )  # fmt: skip
        solved = np.flatnonzero(steps > 0)
        summary.put(left[solved], more.of(solved))
        n_iterations[left[solved]] = steps[solved]
        left = left[steps == 0]
        if not len(left):
            break
    solved = np.flatnonzero(n_iterations > 0)
    for at in (summary.lowest_bus, summary.highest_bus, summary.unbalance_bus):
        at[solved] = feeder.order[at[solved]]
    if not network.has_band.any():  # no bus but external grids
        summary.lowest_vm_pu[:] = summary.highest_vm_pu[:] = network.slack_vm_pu[0]
    return summary, n_iterations


PHASE_SWEEPS = AcSolver(summarise_phases, phase_flow)


def _control(most: int, n_books: int) -> tuple[float, int, int]:
    """Tolerance, most iterations, and books of a block: of few books no more than there are."""
    return TOLERANCE, most, min(BOOKS_PER_BLOCK, max(1, n_books))


def checked_phases(
    network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike, bus: ArrayLike | None
) -> tuple[Ints, Floats, Floats]:
    """The bus of every column, and the injections as (n_books, n_columns, 3)."""
    refuse_other_kinds(network=(network, Network))
    refuse(phase_faults(network))
    p, q = floats("injection_kw", injection_kw), floats("injection_kvar", injection_kvar)
    at = network.columns(bus)
    faults = []
    if p.ndim not in (2, 3) or p.shape[-2:] != (len(at), 3):
        faults.append(f"injection_kw has shape {p.shape}; it must be (n_books, n_bus, 3) or (n_bus, 3) with n_bus = {len(at)}")
    elif q.shape not in ((1,), (), p.shape):
        faults.append(f"injection_kvar has shape {q.shape}; it must be a number or, like injection_kw, {p.shape}")
    refuse(faults + finite_faults("injection_kw", p, "book") + finite_faults("injection_kvar", q, "book"))
    refuse(absent_faults(network, at, *np.broadcast_arrays(p, q)))
    p, q = (np.ascontiguousarray(one if one.ndim == 3 else one[None]) for one in np.broadcast_arrays(p, q))
    return at, p, q
