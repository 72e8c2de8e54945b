"""A sweep's scenarios on the device: launches, memory, and the books that the CPU runs beside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import FAILED
from fastp2p.clearing.audit_sample import audited_by_hour, draw_places
from fastp2p.cuda.audits import AuditKind, audits_of
from fastp2p.cuda.checks import checks_of
from fastp2p.cuda.device import free_bytes, get, launch, put, room
from fastp2p.cuda.devices import bytes_of_devices, run_devices_on_device
from fastp2p.cuda.draws import draw_on_device
from fastp2p.cuda.inputs import clock_of, grid_of, most_trades, rules_of, sizes_of
from fastp2p.cuda.kernels import list_books, make_books, make_ranks, put_loading
from fastp2p.cuda.listed import Listed, run_listed
from fastp2p.cuda.totals import HOURLY, PERCENTILES, Totals, add_listed, make_columns, ranks_of, totals_of
from fastp2p.errors import InputError
from fastp2p.grid.network import Network
from fastp2p.kernels.cuda.audit import N_AUDITED
from fastp2p.kernels.cuda.sums import N_BASE_BROKEN, N_COUNTED, N_COUNTS, N_KEPT, N_LISTED, N_MOST, N_OF_HOMES, N_SUMS, Sums
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.reduce import Columns
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.tables import HISTOGRAMS, hours_of_day
from fastp2p.study.model import Study

Ints = NDArray[np.int64]

ONE_AT_A_TIME = threading.Lock()
"""Blocks are on the device one at a time; tables are made beside."""
USED = 0.8
"""The part of the memory that a block of scenarios may take, of what the work space of threads leaves."""


@dataclass(frozen=True, eq=False)
class Ran:
    """A block of scenarios that has run.

    Attributes
    ----------
    share : float
        Of PV.
    columns : dict of Columns
        By table.
    n_books, n_cut : int
    failed : (n, 2) int64
        Scenario and step of the books that could not be solved.
    """

    share: float
    columns: dict[str, Columns]
    n_books: int
    n_cut: int
    failed: Ints


def run_scenarios(
    study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range, tables: tuple[str, ...]
) -> Iterator[Ran]:
    """Run scenarios of a study at a point, as many at a time as the memory of the device holds.

    Parameters
    ----------
    study, network, profiles, share, numbers : as for `fastp2p.pipeline.draws.draw_scenarios`
        Of a study in which `fastp2p.cuda.refusals.device_faults` finds nothing.
    tables : tuple of str

    Raises
    ------
    InputError
        If the device has too little memory, or fails.
    """
    drawn = draw_scenarios(study, network, profiles, share, numbers[:1])
    n_columns = len(drawn.participant)
    n_bytes = _bytes_of_scenario(n_columns, profiles.n_steps, tables)
    n_bytes += bytes_of_devices(study, n_columns, profiles.n_steps, 24 if "hours" in tables else 0)
    with ONE_AT_A_TIME:  # else memory of a block that is there would count as taken
        n_free = free_bytes(_bytes_of_thread(study, n_columns))
    size = int(USED * n_free / n_bytes)
    if size < 1:
        raise InputError(
            f"device = 'cuda': the GPU has {max(n_free, 0.0) / 1e9:.1f} GB free beside the work space of its threads, which a "
            f"scenario of {n_columns:,} participants and {profiles.n_steps:,} steps exceeds; choose fewer days "
            "(profiles.days), or leave the device out to run without it"
        )
    for first in range(numbers.start, numbers.stop, size):
        some = range(first, min(first + size, numbers.stop))
        with ONE_AT_A_TIME:
            totals, ranked, failed = _run_block(study, network, profiles, share, some, tables)
        columns = make_columns(totals, ranked, some, drawn, profiles.n_steps, profiles.step_hours, tables)
        yield Ran(drawn.share, columns, len(some) * profiles.n_steps, int(totals.n_cut.sum()), failed)


def _run_block(
    study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range, tables: tuple[str, ...]
) -> tuple[Totals, NDArray[np.float64], Ints]:
    """What the books of some scenarios come to, loading at the ranks of percentiles, and which books failed."""
    drawn = draw_scenarios(study, network, profiles, share, numbers[:1])
    n, n_steps, n_columns, hours = len(numbers), profiles.n_steps, len(drawn.participant), profiles.step_hours
    of_day, slot = hours_of_day(n_steps, hours)
    shown = "hours" in tables, "histograms" in tables
    n_bins = max(len(edge) for edge in HISTOGRAMS.values()) + 1 if shown[1] else 0
    sums = _room_for_sums(n, n_steps, n_columns, len(of_day), n_bins, shown[0], bool(study.audited_every))
    edges = tuple(put(HISTOGRAMS[name]) for name in ("executed_kwh", "worst_loading_percent"))
    grid, drawings = grid_of(network, drawn), (study, network, profiles, share, numbers)
    homes, kwh_per_unit = draw_on_device(*drawings), put(profiles.kwh_per_unit)
    *made, devices = run_devices_on_device(*drawings, drawn, homes, kwh_per_unit, slot, len(of_day) if shown[0] else 0)
    clock = clock_of(study, drawn, kwh_per_unit, *made)
    sizes, rules = sizes_of(study, grid), rules_of(study, network, hours)
    checking, checks = checks_of(*drawings, homes, sizes, rules)
    run = make_books(sizes, rules, shown[0], len(of_day), n_bins, checking)
    launch(run, n, homes, clock, grid, (put(slot),), edges, checks, sums)
    total, most, counts, of_homes, hourly, bins, audited, band = (np.array(get(array)) for array in sums[1:])
    audits = None
    if study.audited_every:
        of_slot = _audited_books(study, profiles, numbers, slot)
        kind = AuditKind(study.audited_every == 1, study.network.phases == 3, network.is_balanced)
        n_books = n_steps - counts[N_LISTED], counts[N_KEPT], counts[N_BASE_BROKEN]
        audits = audits_of(kind, *n_books, audited, band, of_slot)
    bins = bins.reshape(len(of_day), N_COUNTED, n_bins)
    totals = totals_of(n_steps, total, most, counts, of_homes, hourly, bins, audits, devices)
    failed = [np.empty((0, 2), np.int64)]
    for listed in run_listed(*drawings, *_listed_books(sums.loading, totals.count[N_LISTED], n)):
        add_listed(totals, listed, slot, hours, float(network.fixed_kw.sum()))
        _put_loading(sums.loading, listed)
        at = np.flatnonzero(listed.status_code == FAILED)
        failed.append(np.stack([numbers.start + listed.scenario[at], listed.step[at]], axis=1))
    return totals, _find_percentiles(sums.loading, n, n_steps), np.concatenate(failed)


def _audited_books(study: Study, profiles: Profiles, numbers: range, slot: Ints) -> Ints:
    """(n_slots, n_scenarios) how many books of each hour of the day are audited."""
    every, steps = study.audited_every, (profiles.n_steps, profiles.step_hours)
    if every == 1:
        return np.tile(np.bincount(slot)[:, None], len(numbers))
    places = draw_places(study.seed, every, numbers.start, numbers.stop, *steps)
    return audited_by_hour(places, every, numbers.start, numbers.stop)[hours_of_day(*steps)[0]]


def _room_for_sums(
    n: int, n_steps: int, n_columns: int, n_hours: int, n_bins: int, with_hours: bool, with_audits: bool
) -> Sums:
    return Sums(
        loading=room((n_steps, n)),
        total=room((N_SUMS, n)),
        most=room((N_MOST, n)),
        counts=room((N_COUNTS, n), np.int64),
        of_homes=room((N_OF_HOMES, n_columns, n)),
        hourly=room((len(HOURLY), n_hours, n)) if with_hours else put(np.empty((0, 0, 0))),
        bins=put(np.zeros(n_hours * N_COUNTED * n_bins, np.int64)),
        audited=room((N_AUDITED, n)) if with_audits else put(np.empty((0, 0))),
        band=room((2, n_hours, n)) if with_hours and with_audits else put(np.empty((0, 0, 0))),
    )


def _bytes_of_scenario(n_columns: int, n_steps: int, tables: tuple[str, ...]) -> int:
    """On the device, with its draws and what is listed of it at most."""
    of_hours = (len(HOURLY) + 2) * min(24, n_steps) if "hours" in tables else 0
    numbers = N_SUMS + N_MOST + N_COUNTS + N_AUDITED + (N_OF_HOMES + 17) * n_columns + of_hours + 2 * len(PERCENTILES)
    return 8 * (4 * n_steps + numbers)


def _bytes_of_thread(study: Study, n_columns: int) -> int:
    """Of the work space of a thread that runs books, at most: what compilers have said of 13 homes, by home and by trade."""
    of_audit, of_phases = 20 if study.audited_every else 0, 90 if study.network.phases == 3 else 0
    n_trades = most_trades(study, n_columns)
    return 8 * ((60 + of_audit + of_phases) * n_columns + 10 * n_trades) + 2 * (28 * n_columns + 7 * n_trades)


def _listed_books(loading: Any, n_listed: Ints, n: int) -> tuple[Ints, Ints]:
    """Scenario and step of the listed books, scenario by scenario."""
    offset = np.append(0, np.cumsum(n_listed))
    if offset[-1] == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    step = room(int(offset[-1]), np.int64)
    launch(list_books, n, (loading,), (put(offset),), (step,))
    return np.repeat(np.arange(n), n_listed), np.array(get(step))


def _put_loading(loading: Any, listed: Listed) -> None:
    percent = np.asarray(listed.books["worst_loading_percent"], np.float64)
    books = tuple((put(array),) for array in (listed.step, listed.scenario, percent))
    launch(put_loading, len(percent), *books, (loading,))


def _find_percentiles(loading: Any, n: int, n_steps: int) -> NDArray[np.float64]:
    """(2, n_percentiles, n_scenarios) loading at the ranks around the percentiles."""
    found, (rank, _) = room((2, len(PERCENTILES), n)), ranks_of(n_steps)
    bits = loading.view(np.int64)
    launch(make_ranks(len(PERCENTILES)), n, (loading,), (bits,), (put(rank),), (found,))
    return get(found)
