"""The balanced AC sweep of one feeder as straight-line code: one local variable for each voltage and current, no arrays.

It is what the kernels of `fastp2p.kernels.grid.ac` do for a block of one book, written out (`fastp2p.cuda.trace`), and runs as
plain Python too.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.cuda.trace import Tape, names, traced
from fastp2p.kernels.grid.ac import LONG, _add_behind, _summarise_block, _sweep_backward, _sweep_forward, has_converged
from fastp2p.kernels.grid.inside import HIGHEST, LOADING, LOSSES, LOWEST, N_BEST, SLACK_P, Inside, look_inside
from fastp2p.kernels.grid.structs import Feeder

Ints = NDArray[np.int64]

FRAME = """\
def audit(p, q, data, work, runs, best):
    {names}
    {start}
    before, count = inf, 0
    for iteration in range(1, {most} + 2):
        {backward}
        {forward}
        if count > 0 or iteration > {most}:
            break
        if has_converged(change, before, iteration, {tolerance!r}):
            count = iteration
        before = change
    {summary}
    {look}
    {roots}
    return count if isfinite({checked}) else 0
"""


class StraightCode(NamedTuple):
    """The source of a function ``audit(p, q, data, work, runs, best)`` of one book.

    It takes injections (n_columns, 1), `data` with a feeder and its `Inside`, and work space as `kernels.grid.ac.audit_block`
    does, and gives the rows of `best` (8, 1) and the sweeps that were needed: 0 where they were not enough.

    Attributes
    ----------
    source : str
    n_sweep, n_summary : int
        Operations of floats in a step of the iteration, and in what follows the last one.
    """

    source: str
    n_sweep: int
    n_summary: int

    def function(self) -> Callable[..., Any]:
        """As plain Python, which a compiler may take."""
        space = {"inf": math.inf, "sqrt": math.sqrt, "isfinite": math.isfinite}
        space |= {"has_converged": has_converged, "look_inside": look_inside}
        name = f"<straight-line code {abs(hash(self.source)):x}>"
        linecache.cache[name] = len(self.source), None, self.source.splitlines(True), name  # for the messages of compilers
        exec(compile(self.source, name, "exec"), space)
        return space["audit"]  # type: ignore[return-value]


def straight_code(feeder: Feeder, column: Ints, inside: Inside, tolerance: float) -> StraightCode:
    """Write the sweep of a feeder.

    Parameters
    ----------
    feeder, column, inside, tolerance : as for `fastp2p.kernels.grid.ac.audit_books`

    Notes
    -----
    The code gives up after `LONG` steps, where the kernel begins to look for lost voltages: such books are left to the CPU.
    What lies inside of chains is looked at by the kernel itself, which searches; it finds its places in `work`.
    """
    parent, coefficient, root_v = feeder.parent, feeder.coefficient, feeder.root_v
    columns = sorted(set(column.tolist()) - {-1})
    below = [i for i, up in enumerate(parent.tolist()) if up != -1]

    tape, p, q, work = _names(feeder, column)
    traced(_sweep_backward)(p, q, column, parent, coefficient, work)
    currents = {f"{kind}{i}": work[part, i, 0] for i in range(len(parent)) for part, kind in ((2, "j"), (3, "k"))}
    backward, n_sweep = tape.lines(currents, "b"), tape.n_operations(currents.values())

    tape, p, q, work = _names(feeder, column)
    step, change = np.ones(1), np.zeros(1, object)
    traced(_sweep_forward)(parent, coefficient, step, change, work)
    voltages = {f"{kind}{i}": work[part, i, 0] for i in below for part, kind in ((0, "v"), (1, "w"))} | {"change": change[0]}
    forward = tape.lines(voltages, "f")
    n_sweep += tape.n_operations(voltages.values())

    tape, p, q, work = _names(feeder, column)
    best = np.empty((N_BEST, 1), object)
    traced(_add_behind)(coefficient, work)
    traced(_summarise_block)(parent, coefficient, inside, work, best)
    found = {f"best[{row}, 0]": best[row, 0] for row in range(N_BEST)}
    places = _places_inside(parent, inside)
    there = {f"work[{part}, {i}, 0]": work[part, i, 0] for i in places for part in range(4)}
    source = FRAME.format(
        names=_block((f"{kind}{c} = {kind}[{c}, 0]" for c in columns for kind in "pq"), 1),
        start=_block((f"{kind}{i} = {float(root_v[i, part])!r}" for i in below for part, kind in enumerate("vw")), 1),
        backward=_block(backward, 2),
        forward=_block(forward, 2),
        summary=_block(tape.lines(found | there, "s"), 1),
        look="look_inside(data.feeder.parent, data.inside, 1, work, runs, best)" if places else "pass",
        roots=_block((f"best[{row}, 0] = sqrt(best[{row}, 0])" for row in (LOWEST, HIGHEST, LOADING)), 1),
        checked=f"best[{SLACK_P}, 0] + best[{LOSSES}, 0]",
        most=LONG,
        tolerance=tolerance,
    )
    return StraightCode(source, n_sweep, tape.n_operations(found.values()))


def _names(feeder: Feeder, column: Ints) -> tuple[Tape, Any, Any, Any]:
    """A tape, and p, q and a block's work space as names; where a grid holds a voltage it is known."""
    tape, n = Tape(), len(feeder.parent)
    p, q = (names(tape, *(f"{kind}{c}" for c in range(max(column) + 1))) for kind in "pq")
    work = np.empty((4, n, 1), object)
    for part, kind in enumerate("vwjk"):
        work[part] = names(tape, *(f"{kind}{i}" for i in range(n)))
    for i in np.flatnonzero(feeder.parent == -1).tolist():
        work[0, i, 0], work[1, i, 0] = feeder.root_v[i]
    return tape, p, q, work


def _places_inside(parent: Ints, inside: Inside) -> list[int]:
    """Places whose voltages and currents `look_inside` reads: ends of chains that have a form, and of dead ends."""
    has_form = np.diff([one.first for one in (inside.low, inside.high, inside.loaded)], axis=1).any(axis=0)
    looked_at = {*np.flatnonzero(has_form).tolist(), *inside.waste_at.tolist()}
    return sorted(looked_at | {up for i in looked_at if (up := int(parent[i])) != -1})


def _block(lines: Any, depth: int) -> str:
    return ("\n" + "    " * depth).join(lines) or "pass"
