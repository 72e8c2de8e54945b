"""The screen of LinDistFlow for one book of a scenario: what does not keep all limits for certain is listed for the CPU."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.limits import Bounds, Screen, note_linear_block
from fastp2p.kernels.cuda.audit import is_idle
from fastp2p.kernels.cuda.books import FREE, LISTED, NEAR, OVERLOAD, Rules, Work
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class LinearGrid(NamedTuple):
    """A tree as LinDistFlow has it; see `kernels.clearing.limits.screen_linear`.

    Attributes
    ----------
    column, parent, linear, bounds, face : as there
    slack_kw : float
        What the external grids feed in where nobody injects anything.
    """

    column: Ints
    parent: Ints
    linear: Floats
    bounds: Bounds
    face: Floats
    slack_kw: float


@kernel
def screen_book_linearly(rules: Rules, grid: LinearGrid, work: Work, states: Floats, screen: Screen) -> int:
    """`FREE` where a book keeps all limits for certain, executed or not; `OVERLOAD` where nothing could be executed, and some
    are broken for certain; else `LISTED`.

    Parameters
    ----------
    rules, work : as `kernels.cuda.audit.find_reactive` leaves them
    grid : LinearGrid
    states : (6, n_bus, 1) float64
        Work space.
    screen : Screen
        Output, of one book.
    """
    energy, excess = work.energy, work.excess
    floor_kw, full_kw, full_kvar, floor_kvar = energy[3], energy[7], energy[8], energy[9]
    floor, full = (floor_kw, floor_kvar), (full_kw, full_kvar)
    narrow, wide = rules.tolerance * (1.0 - NEAR), rules.tolerance * (1.0 + NEAR)
    _note(floor, full, grid, narrow, states, excess, screen)
    screen.overload[0] = screen.congested[0] = 0
    screen.slack_kw[0] = grid.slack_kw
    for c in range(full_kw.shape[1]):
        screen.slack_kw[0] -= full_kw[0, c]
    if excess[0] <= 0.0:
        return FREE
    if is_idle(work):  # then these are limits that the base breaks
        _note(floor, full, grid, wide, states, excess, screen)
        return OVERLOAD if excess[0] > 0.0 else LISTED
    return LISTED


@kernel
def _note(
    floor: tuple[Floats, Floats], full: tuple[Floats, Floats], grid: LinearGrid, tolerance: float, states: Floats,
    excess: Floats, screen: Screen,
) -> None:  # fmt: skip
    note_linear_block(
        floor, full, grid.column, grid.parent, grid.linear, grid.bounds, grid.face, tolerance, 0, states, excess,
        screen.loading_percent,
    )  # fmt: skip
