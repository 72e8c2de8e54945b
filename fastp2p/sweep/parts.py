"""A sweep cut into parts, and the run of one part: what a worker does, on this machine or another."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from platform import node
from typing import NamedTuple, overload

import numpy as np

from fastp2p.clearing.answer import FAILED
from fastp2p.errors import FastP2PError, InputError, NumberError
from fastp2p.grid.network import Network
from fastp2p.io.manifest import MANIFEST, Failure, FileRecord
from fastp2p.io.parquet import write_part
from fastp2p.pipeline.background_draws import find_background
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.devices import run_devices
from fastp2p.pipeline.draws import Scenarios, draw_scenarios
from fastp2p.pipeline.members import find_members
from fastp2p.pipeline.reduce import Columns, Reduced, join_scenarios, join_steps, reduce_batch
from fastp2p.pipeline.stages import asks_for_pairs
from fastp2p.pipeline.trading_storage import batteries_trade, run_storage
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import UNITS
from fastp2p.results.tables import join_pieces, make_columns, make_frames
from fastp2p.study.model import Study
from fastp2p.study.points import Point, points_of
from fastp2p.sweep.chosen import Stretches, kept_tables
from fastp2p.sweep.feeders import Feeder, Work, of_feeder

PART_BOOKS = 12_000
"""Books of a part: a second of work at most, and few enough part files. A part is at least one scenario."""
DEVICE_BOOKS = 2**30
"""Books of a part on a GPU: a second of work."""
DEVICE_SCENARIOS = 2**18
"""Scenarios of such a part, at most: their table takes 120 MB."""
SIDE_BY_SIDE = 128
"""Scenarios of a part, at least, where batteries trade: books of one step are cleared together."""
STORED_CELLS = 16_000_000
"""Scenarios times steps times participants of which is known what batteries store that trade: 128 MB."""
CONSUMED_CELLS = 2_000_000
"""The same where other devices run before these batteries: up to eight arrays of 16 MB."""
BATCH_CELLS = 50_000
"""Books times buses with participants or background of a stretch of a long scenario: arrays of under half a megabyte."""
TOGETHER_CELLS = 160_000
"""The same of scenarios that are run together, a whole part of 13 homes: a batch costs 0.3 ms however few books it has."""
DRAWN_CELLS = 25_000
"""Scenarios times such buses that are drawn at a time, but at least those of a batch: some ten arrays of 0.2 MB."""
BATCH_PAIRS = 1_000_000
"""Pairs of a batch, at most, where trades name them: some 100 MB."""
KEPT_BYTES = 30_000_000
"""A block of memory that is taken and given back, see `keep_memory`."""


@dataclass(frozen=True)
class Part:
    """Some scenarios of one point, or on one of many feeders of several points."""

    number: int
    points: tuple[Point, ...]
    scenarios: range
    """At each of these points."""
    tables: tuple[str, ...] | None = None
    """Those that are kept of it; None: those that the study keeps."""
    feeder: Feeder | None = None
    """In a study of many."""


@dataclass(frozen=True)
class Done:
    """What is reported of a finished part."""

    number: int
    n_books: int
    n_congested: int
    failures: list[Failure]
    failed_feeder: tuple[str, str] | None = None
    """Of several: which one could not be run, and why; there are no tables then."""


class Finished(Sequence[Done]):
    """What is reported of the parts that are done, in their order; a few bytes each, since there may be millions."""

    def __init__(self) -> None:
        self._counts = array("q")
        self._failures: dict[int, list[Failure]] = {}

    def add(self, done: Done) -> None:
        """Add one more."""
        if done.failures:
            self._failures[len(self)] = done.failures
        self._counts.extend((done.number, done.n_books, done.n_congested))

    def __len__(self) -> int:
        return len(self._counts) // 3

    @overload
    def __getitem__(self, at: int) -> Done: ...
    @overload
    def __getitem__(self, at: slice) -> list[Done]: ...
    def __getitem__(self, at: int | slice) -> Done | list[Done]:
        if isinstance(at, slice):
            return [self[one] for one in range(len(self))[at]]
        at = range(len(self))[at]
        number, n_books, n_congested = self._counts[3 * at : 3 * at + 3]
        return Done(number, n_books, n_congested, self._failures.get(at, []))


@dataclass(frozen=True)
class Round:
    """Parts after which a study may stop, each made when it is asked for: there may be millions."""

    first: int
    points: tuple[Point, ...]
    scenarios: Stretches
    size: int
    """Scenarios of a part."""
    tables: tuple[str, ...]
    feeders: Sequence[Feeder | None] = (None,)

    def __len__(self) -> int:
        return len(self.feeders) * len(self._points) * sum(-(-len(one) // self.size) for one in self.scenarios)

    def __iter__(self) -> Iterator[Part]:
        blocks = (
            (points, numbers, self.tables, feeder)
            for feeder in self.feeders
            for points in self._points
            for one in self.scenarios
            for numbers in _blocks(one, self.size)
        )
        return (Part(number, *block) for number, block in enumerate(blocks, self.first))

    @property
    def _points(self) -> list[tuple[Point, ...]]:
        """Those of each part. Of feeders, whose files are many anyway, as many as it has room for with all their scenarios."""
        together = 1
        if self.feeders != (None,) and len(self.scenarios) == 1:
            together = max(1, self.size // len(self.scenarios[0]))
        return [self.points[first : first + together] for first in range(0, len(self.points), together)]


def cut_into_rounds(
    study: Study,
    n_steps: int,
    chosen: Stretches | None = None,
    feeders: Sequence[Feeder | None] = (None,),
    on_device: bool = False,
) -> list[Round]:
    """The parts of a study, or of chosen scenarios of it, in rounds after which it may stop.

    They depend on nothing but the study, its steps and what is chosen, so that a later run finds them again; a round has the
    same scenarios at every point. Chosen scenarios are all run. On a GPU parts are larger, but a study of several stays one.
    """
    size = max(SIDE_BY_SIDE if batteries_trade(study) else 1, PART_BOOKS // n_steps)
    sweep, tables = study.scenarios, kept_tables(study, chosen)
    if on_device:
        size = max(size, min(DEVICE_SCENARIOS, DEVICE_BOOKS // n_steps, -(-sweep.count // 2)))
    if chosen is not None:
        return [Round(0, points_of(study), chosen, size, tables, feeders)]
    looks = sweep.stop.checkpoints(sweep.count) if sweep.stop else [sweep.count]
    rounds: list[Round] = []
    for begin, end in pairwise([0, *looks]):
        first = rounds[-1].first + len(rounds[-1]) if rounds else 0
        rounds.append(Round(first, points_of(study), (range(begin, end),), size, tables, feeders))
    return rounds


def run_part(work: Work, part: Part, batch_scenarios: int | None = None) -> tuple[Done, dict[str, Columns]]:
    """Run one part, batch by batch; the columns of its tables, of which `make_frames` makes those of one part or of many.

    Parameters
    ----------
    work : (Study, Network or Networks, Profiles)
        What all parts have in common.
    part : Part
    batch_scenarios : int, optional
        Scenarios at a time; by default as many as keep the arrays in the processor's cache. A scenario of so many steps
        that it alone does not fit is run alone, one stretch of steps after the other.
    """
    study, network, profiles = of_feeder(work, part.feeder)
    kept = part.tables or study.tables
    keep_memory()
    who = find_members(study, network, []).participant
    connected = len(np.union1d(who, find_background(study, network)))
    most = books_at_a_time(study, len(who), connected)
    # sums over several stretches of steps have bits of their own, so no number of scenarios may decide whether there are any,
    # nor may what is kept of chosen scenarios
    together = max(1, books_at_a_time(study, len(who), connected, kept, TOGETHER_CELLS) // profiles.n_steps)
    size = 1 if profiles.n_steps > most else batch_scenarios or together
    drawn_together = _drawn_together(study, profiles.n_steps, len(who), connected, size, batch_scenarios)
    n_congested = 0
    failures, pieces = [], []
    for point in part.points:
        at_point = (point.of(study), network, profiles)
        for numbers in _blocks(part.scenarios, drawn_together):
            ran = _run_drawn(at_point, draw_scenarios(*at_point, point.share, numbers), size, most, kept)
            pieces.append(make_columns(ran, network, kept))
            n_congested += int(np.count_nonzero(ran.books["is_cut"]))
            failures += _failures(ran, part.feeder)
    name = part.feeder.name if part.feeder else None
    try:
        columns = join_pieces(pieces, name)
    except NumberError as error:
        raise NumberError(f"{study.name}{f', feeder {name}' * bool(part.feeder)}: {error}") from None
    n_books = len(part.points) * len(part.scenarios) * profiles.n_steps
    return Done(part.number, n_books, n_congested, failures), columns


def keep_memory() -> None:
    """Have this process keep the memory that a batch or a table needs, which costs page faults each time it is asked for.

    glibc gives freed memory back to the system beyond twice the largest block it has seen freed. Page faults to get it again
    cost a third of a part's time, and half of the time in which the parts of worker processes become one table.
    """
    np.empty(KEPT_BYTES, np.uint8)


def run_or_tell(work: Work, part: Part, batch_scenarios: int | None = None) -> tuple[Done, dict[str, Columns]]:
    """`run_part`; what goes wrong on one of many feeders is reported, so that the others go on."""
    try:
        return run_part(work, part, batch_scenarios)
    except FastP2PError as error:
        if part.feeder is None:
            raise
        return Done(part.number, 0, 0, [], (part.feeder.name, str(error))), {}


def books_at_a_time(
    study: Study, members: int, connected: int = 0, tables: Sequence[str] = (), cells: int | None = None
) -> int:
    """Books of a batch that makes these tables, by default those of the study; `cells` instead of `BATCH_CELLS`.

    At one price half the members may sell to the other half, and all to all if orders are gross.
    """
    most = (cells or BATCH_CELLS) // max(members, connected)
    if asks_for_pairs(study) or "trades" in (tables or study.tables):
        columns = 2 * members if batteries_trade(study) else members
        pairs = columns**2 if study.market.orders == "gross" else columns**2 // 4
        most = min(most, BATCH_PAIRS // max(pairs, 1))
    return max(1, most)


def write_and_report(
    work: Work, part: Part, folder: Path, batch_scenarios: int | None = None
) -> tuple[Done, dict[str, FileRecord]]:
    """Run one part and write its tables into `folder`; what was written, by table.

    Raises
    ------
    InputError
        If this worker does not find the folder that the run has begun, or the disk refuses.
    """
    if not (folder / MANIFEST).exists():
        raise InputError(f"{folder} on {node()} is not the folder of this run; workers must reach it under the same path")
    done, columns = run_or_tell(work, part, batch_scenarios)
    tables = make_frames([columns], work[2].time)
    return done, write_part(tables, folder, part.number, UNITS)


class Jobs(NamedTuple):
    """What is done with each part: it is run, or run and written into a folder."""

    run: Callable[[Work, Part], tuple[Done, dict[str, Columns]]]
    write: Callable[..., tuple[Done, dict[str, FileRecord]]]
    """Takes the folder as `folder`."""


def jobs_of(batch_scenarios: int | None) -> Jobs:
    """Those of processors."""
    return Jobs(
        partial(run_or_tell, batch_scenarios=batch_scenarios), partial(write_and_report, batch_scenarios=batch_scenarios)
    )  # fmt: skip


def _drawn_together(study: Study, n_steps: int, members: int, connected: int, size: int, asked: int | None) -> int:
    """Scenarios that are drawn, and made tables of, in one go: both cost some tenths of a millisecond however few there are."""
    if batteries_trade(study):
        cells = STORED_CELLS if study.ev is None and study.heat_pump is None else CONSUMED_CELLS
        return max(1, cells // (n_steps * members))
    return asked or max(size, DRAWN_CELLS // connected)


def _run_drawn(
    work: tuple[Study, Network, Profiles], scenarios: Scenarios, size: int, most: int, tables: tuple[str, ...]
) -> Reduced:
    """Scenarios through all steps: at most `size` scenarios and `most` books at a time; state goes on from step to step."""
    study, network, profiles = work
    stored_kwh = run_storage(study, network, profiles, scenarios) if batteries_trade(study) else None
    n_scenarios = len(scenarios.number)
    n_blocks = -(-n_scenarios // size)
    pieces = []
    for block in _blocks(range(n_scenarios), -(-n_scenarios // n_blocks)):  # alike, so that none of them is small
        part = slice(block.start, block.stop)
        some = scenarios.some(part)
        devices = run_devices(study, profiles, some)
        if devices and stored_kwh is not None:
            devices = replace(devices, before_kwh=stored_kwh[part])
        stretches = (
            run_batch(study, network, profiles, some, steps, devices) for steps in _blocks(range(profiles.n_steps), most)
        )
        pieces.append(join_steps([reduce_batch(batch, network, tables) for batch in stretches]))
    return join_scenarios(scenarios, pieces)


def _blocks(numbers: range, size: int) -> Iterator[range]:
    for first in range(numbers.start, numbers.stop, size):
        yield range(first, min(first + size, numbers.stop))


def _failures(ran: Reduced, feeder: Feeder | None) -> list[Failure]:
    failed = np.flatnonzero(ran.status_code == FAILED)
    numbers, share, devices = ran.scenarios.number, ran.scenarios.share, ran.scenarios.device_shares
    keys: tuple[float | str, ...] = (*([] if feeder is None else [feeder.name]), share, *devices.values())
    at = keys if len(keys) > 1 else share
    return [(at, int(numbers[k // ran.n_steps]), k % ran.n_steps) for k in failed.tolist()]
