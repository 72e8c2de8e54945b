"""A sweep cut into parts, and the run of one part: what a worker does, on this machine or another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fastp2p.batch import BatchResult, run_batch
from fastp2p.io.parquet import write_part
from fastp2p.network import Network
from fastp2p.profiles import Profiles
from fastp2p.study import Study
from fastp2p.tables import make_tables
from fastp2p.trades import FAILED, STATUS

PART_BOOKS = 12_000
"""Books of a part: a second of work at most, and few enough part files. A part is at least one scenario."""
BATCH_CELLS = 100_000
"""Books times buses of a batch: arrays of under a megabyte."""


@dataclass(frozen=True)
class Part:
    """Some scenarios of one share."""

    number: int
    share: float | None
    scenarios: range


@dataclass(frozen=True)
class Done:
    """What is reported of a finished part."""

    number: int
    n_books: int
    n_congested: int
    failures: list[tuple[float, int, int]]


def cut_into_parts(study: Study, n_steps: int) -> list[Part]:
    """The parts of a study; they depend on nothing but the study and its steps, so that a later run finds them again."""
    size = max(1, PART_BOOKS // n_steps)
    count = study.scenarios.count
    return [
        Part(number, share, range(first, min(first + size, count)))
        for number, (share, first) in enumerate(
            (share, first) for share in study.scenarios.shares or (None,) for first in range(0, count, size)
        )
    ]


def run_part(
    study: Study, network: Network, profiles: Profiles, part: Part, batch_scenarios: int | None = None
) -> tuple[Done, dict[str, pd.DataFrame]]:
    """Run one part, batch by batch.

    Parameters
    ----------
    study, network, profiles : as for `fastp2p.batch.run_batch`
    part : Part
    batch_scenarios : int, optional
        Scenarios at a time; by default as many as keep the arrays in the processor's cache.
    """
    size = batch_scenarios or max(1, BATCH_CELLS // (profiles.n_steps * network.n_bus))
    n_congested, failures, pieces = 0, [], []
    for numbers in _blocks(part.scenarios, size):
        batch = run_batch(study, network, profiles, part.share, numbers)
        pieces.append(make_tables(batch, network, study.tables))
        n_congested += int((batch.clearing.status != STATUS[0]).sum())
        failures += _failures(batch)
    tables = {name: pd.concat([piece[name] for piece in pieces], ignore_index=True) for name in study.tables}
    return Done(part.number, len(part.scenarios) * profiles.n_steps, n_congested, failures), tables


def write_and_report(
    study: Study, network: Network, profiles: Profiles, part: Part, folder: Path, batch_scenarios: int | None = None
) -> Done:
    """Run one part and write its tables into `folder`."""
    done, tables = run_part(study, network, profiles, part, batch_scenarios)
    write_part(tables, folder, part.number)
    return done


def _blocks(numbers: range, size: int) -> Iterator[range]:
    for first in range(numbers.start, numbers.stop, size):
        yield range(first, min(first + size, numbers.stop))


def _failures(batch: BatchResult) -> list[tuple[float, int, int]]:
    failed = np.flatnonzero(batch.clearing.status == STATUS[FAILED])
    numbers = batch.scenarios.number
    return [(batch.scenarios.share, int(numbers[k // batch.n_steps]), k % batch.n_steps) for k in failed.tolist()]
