"""A part of a sweep on a GPU: the same tables as `fastp2p.sweep.parts.run_part` makes on the processors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastp2p.cuda.device import device_name
from fastp2p.cuda.refusals import CPU, device_faults
from fastp2p.errors import InputError, NumberError, refuse
from fastp2p.grid.network import Network
from fastp2p.io.manifest import Failure, FileRecord
from fastp2p.io.parquet import write_part
from fastp2p.pipeline.members import find_members
from fastp2p.pipeline.reduce import Columns
from fastp2p.results.columns import UNITS
from fastp2p.results.tables import join_pieces, make_frames
from fastp2p.study.model import Study
from fastp2p.sweep.chosen import Stretches, kept_tables
from fastp2p.sweep.feeders import Networks, Work, of_feeder
from fastp2p.sweep.parts import Done, Jobs, Part

WORKERS = 4
"""Threads: while one has the device, others make and write tables of the parts before; Parquet takes most of a row's time."""


def find_card(study: Study, device: str | None, chosen: Stretches | None, **others: object) -> str | None:
    """The name of the GPU that a study is to run on; None where it is to run on the processors.

    Parameters
    ----------
    study : Study
    device : str or None
        As `fastp2p.run` is given it.
    chosen : ranges of scenarios, or None
    **others
        Arguments of `fastp2p.run` that are for the processors alone.

    Raises
    ------
    InputError
        If there is no GPU, or the study or the call asks for what it does not do.
    """
    if device is None:
        return None
    if not isinstance(device, str) or device != "cuda":
        raise InputError(f"device = {device!r}: must be 'cuda', or left out to run on the processors")
    given = [name for name, value in others.items() if value is not None]
    faults = [f"{name}: is not for device = 'cuda'; leave out one of the two" for name in given]
    refuse(faults + device_faults(study, kept_tables(study, chosen)))
    return device_name()


def refuse_network(study: Study, network: Network | Networks) -> None:
    """Refuse a network that a GPU does not do, with those who take part in it.

    Raises
    ------
    InputError
    """
    if not isinstance(network, Network):
        return
    wrong, buses = [], find_members(study, network, []).participant
    if not network.is_radial:
        wrong.append("network.source: device = 'cuda' does not do meshed networks")
    if np.isin(buses, network.reference_bus).all():
        wrong.append("participants.buses: device = 'cuda' does not do communities at external grids alone")
    refuse([f"{one}; {CPU}" for one in wrong])


def run_part_cuda(work: Work, part: Part) -> tuple[Done, dict[str, Columns]]:
    """Run one part on the GPU: draws and counts as on the processors, sums to 1e-9 of them; the columns of its tables.

    Parameters
    ----------
    work : (Study, Network, Profiles)
        A study in which `fastp2p.cuda.refusals.device_faults` finds nothing.
    part : Part

    Raises
    ------
    InputError
        If the device has too little memory, or fails.
    """
    from fastp2p.cuda.engine import run_scenarios  # where numba-cuda is installed

    study, network, profiles = of_feeder(work, part.feeder)
    kept = part.tables or study.tables
    n_books = n_cut = 0
    failures, pieces = list[Failure](), []
    for point in part.points:
        for ran in run_scenarios(point.of(study), network, profiles, point.share, part.scenarios, kept):
            pieces.append(ran.columns)
            n_books, n_cut = n_books + ran.n_books, n_cut + ran.n_cut
            failures += [
                (0.0 if point.share is None else point.share, scenario, step) for scenario, step in ran.failed.tolist()
            ]
    try:
        columns = join_pieces(pieces)
    except NumberError as error:
        raise NumberError(f"{study.name}: {error}") from None
    return Done(part.number, n_books, n_cut, failures), columns


def write_part_cuda(work: Work, part: Part, folder: Path) -> tuple[Done, dict[str, FileRecord]]:
    """Run one part on the GPU and write its tables into `folder`; what was written, by table."""
    done, columns = run_part_cuda(work, part)
    return done, write_part(make_frames([columns], work[2].time), folder, part.number, UNITS)


JOBS = Jobs(run_part_cuda, write_part_cuda)
