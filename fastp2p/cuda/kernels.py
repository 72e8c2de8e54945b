"""What runs on the device: kernels made for the sizes and rules of a study, one thread for each scenario.

All that they compute is in `fastp2p.kernels`, compiled for the processor and for the device alike. Work space is local to a
thread, so its sizes are constants of the compilation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import bool_, float64, int16, int32, int64
from numba import cuda as numba_cuda

from fastp2p.kernels.clearing.levels import Limits, Sellers
from fastp2p.kernels.clearing.limits import Screen
from fastp2p.kernels.clearing.nested import FillRoom, Items
from fastp2p.kernels.cuda.accounts import settle_book
from fastp2p.kernels.cuda.audit import (
    N_AUDITED,
    N_TOLD,
    VERDICT,
    begin_audits,
    find_reactive,
    inject_book,
    is_idle,
    judge_book,
    note_audit,
    note_band,
    tell_balanced,
    write_audits,
)
from fastp2p.kernels.cuda.books import LISTED, SPILL, Homes, Rules, Work, clear_book, trade_book
from fastp2p.kernels.cuda.draws import amount_of, has_pv
from fastp2p.kernels.cuda.linear import screen_book_linearly
from fastp2p.kernels.cuda.ranks import find_ranks
from fastp2p.kernels.cuda.sample import is_drawn
from fastp2p.kernels.cuda.sums import (
    N_ACCOUNTS,
    N_COUNTED,
    N_COUNTS,
    N_KEPT,
    N_LISTED,
    N_MOST,
    N_SUMS,
    add_hour,
    begin_sums,
    find_bins,
    note_book,
    take_homes,
    write_sums,
)
from fastp2p.kernels.grid.inside import N_BEST
from fastp2p.kernels.jit import source_stamp
from fastp2p.kernels.market.matching import MatchRoom
from fastp2p.kernels.philox import NONE
from fastp2p.kernels.pipeline.uniforms import draw_uniforms
from fastp2p.kernels.settlement.settle import Accounts, BookAccounts

N_STREAMS = 8
cuda: Any = numba_cuda  # without types, like the rest of numba
PV_STREAM = 0
"""As `fastp2p.pipeline.draws.STREAMS` has it."""
LISTED_MARK = -1.0
"""In place of the loading of a book that the CPU is to run."""


class Sizes(NamedTuple):
    """Sizes of work space: columns of participants, buses, branches, limits, trades of a book."""

    n: int
    n_bus: int
    n_branch: int
    n_limits: int
    room: int


class Checking(NamedTuple):
    """What books are checked by besides, or in place of, DC flows.

    Attributes
    ----------
    n_linear : int or None
        Buses of the tree that LinDistFlow screens books on; None for DC flows.
    audit : device function or None
        The balanced AC power flow of one book (`fastp2p.cuda.ac.AuditOfBook.function`), which is to keep all limits.
    phases : device function or None
        What checks a book on three phases in place of all that (`fastp2p.cuda.phase_books.phase_check`).
    every : int
        One book in so many is audited: 1 for all, 0 for none.
    """

    n_linear: int | None = None
    audit: Any = None
    phases: Any = None
    every: int = 0


class Seed(NamedTuple):
    """What draws depend on beside the amounts."""

    key0: np.uint64
    key1: np.uint64
    first: int
    """The first scenario."""
    n_bus: int
    pv_mode: int
    share: float
    n_with_pv: int
    c2: np.uint64 = NONE
    c3: np.uint64 = NONE
    """Upper words of the counter: what is drawn."""
    n_streams: int = N_STREAMS


def device_kernel(function: Callable[..., Any]) -> Any:
    """Compile for the device on first launch: ``kernel[blocks, threads](...)``.

    Machine code is kept where numba keeps it, and compiled again once its file or a kernel file that this imports has changed.
    """
    kernel = cuda.jit(function)
    if not cuda.config.ENABLE_CUDASIM:
        with contextlib.suppress(RuntimeError, OSError):  # there is no folder for it
            kernel.enable_caching()
            kept = kernel._cache._cache_file
            kept._source_stamp = (kept._source_stamp, source_stamp(Path(function.__code__.co_filename)))
    return kernel


@lru_cache(maxsize=64)
def make_pv_draw(n: int) -> Any:
    """The kernel that draws who of n columns has PV: ``kernel[blocks, threads](seed, bus, may, has)``, tuples of one array."""

    @device_kernel
    def draw(seed: Any, bus: Any, may: Any, has: Any) -> None:
        s = cuda.grid(1)
        if s >= has[0].shape[1]:
            return
        u, here = cuda.local.array(n, float64), cuda.local.array(n, bool_)
        draw_uniforms(seed.key0, seed.key1, NONE, NONE, seed.first + s, PV_STREAM, N_STREAMS, seed.n_bus, bus[0], u)
        has_pv(seed.pv_mode, seed.share, seed.n_with_pv, may[0], u, here)
        for c in range(n):
            has[0][c, s] = here[c]

    return draw


@lru_cache(maxsize=64)
def make_amount_draw(n: int) -> Any:
    """The kernel that draws an amount: ``kernel[blocks, threads](seed, stream, bus, of, has, absent, drawn)``.

    `absent` is what it is at columns that have none; `bus`, `has` and `drawn` are tuples of one array.
    """

    @device_kernel
    def draw(seed: Any, stream: int, bus: Any, of: Any, has: Any, absent: float, drawn: Any) -> None:
        s = cuda.grid(1)
        if s >= drawn[0].shape[1]:
            return
        u = cuda.local.array(n, float64)
        draw_uniforms(seed.key0, seed.key1, seed.c2, seed.c3, seed.first + s, stream, seed.n_streams, seed.n_bus, bus[0], u)
        for c in range(n):
            drawn[0][c, s] = amount_of(of, c, u[c]) if has[0][c, s] else absent

    return draw


def place_type(sizes: Sizes) -> Any:
    """Whole numbers of work space: short ones take less of the memory that a thread waits for."""
    if cuda.config.ENABLE_CUDASIM:
        return int64  # as the processor has them
    return int16 if max(*sizes, sizes.n + sizes.room) < 2**15 else int64


@lru_cache(maxsize=64)
def make_books(sizes: Sizes, rules: Rules, with_hours: bool, n_slots: int, n_bins: int, checking: Checking) -> Any:
    """The kernel that runs scenarios: ``kernel[blocks, threads](drawn, clock, grid, slot, edges, checks, sums)``.

    Histograms, of so many slots and bins (0: none), are counted in memory that the threads of a block share, and then added up.
    `checks` are a `fastp2p.kernels.cuda.audit.Checks`, a `fastp2p.kernels.cuda.linear.LinearGrid` or a
    `fastp2p.kernels.cuda.phases.PhaseGrid`, the data of the audit and of the balanced one beside it, and a
    `fastp2p.kernels.cuda.sample.Sample`, as far as there are such. A kernel with an audit, or of three phases, is not kept on
    disk.
    """
    n_linear, audit, phases, every = checking
    n, room = sizes.n, sizes.room
    side, ranks, three, four, pools = (2, n), (2, 1, n), (3, n + 1), (4, n), (2, 2 * n)
    prices, energies, traders, trades = (4 if rules.pool else 2, 1, n), (10, 1, n), (3, room), (7, room)
    place, n_items, n_above = place_type(sizes), room + n, n + 1
    values, cuttings, n_limits = (2, 1, sizes.n_branch), (1, sizes.n_branch), sizes.n_limits
    nodes, flows, accounts, of_buses, n_pools = (sizes.n_bus, 2), (sizes.n_branch, 2), (N_ACCOUNTS, 1), (4, 1, n), 2 * n
    margins, with_histograms, n_counted = (4, 1), n_bins > 0, max(1, n_slots * N_COUNTED * n_bins)
    injections, bests, n_flows = (n, 1), (N_BEST, 1), 2 if rules.surplus == SPILL else 1
    linear, sampled = None if n_linear is None else (6, n_linear, 1), every if every > 1 else None

    def run(drawn: Any, clock: Any, grid: Any, slot: Any, edges: Any, checks: Any, out: Any) -> None:
        shared, first, threads = cuda.shared.array(n_counted, int32), cuda.threadIdx.x, cuda.blockDim.x
        for i in range(first, n_counted, threads):
            shared[i] = 0
        cuda.syncthreads()
        s = cuda.grid(1)
        homes = Homes(
            cuda.local.array(n, place), cuda.local.array(n, place), cuda.local.array(n, float64), cuda.local.array(n, float64),
            cuda.local.array(prices, float64), cuda.local.array(ranks, place), s,
        )  # fmt: skip
        sellers = Sellers(
            cuda.local.array(n_above, place), cuda.local.array(n, float64), cuda.local.array(n_above, float64),
            cuda.local.array(n, float64), cuda.local.array(n, place), cuda.local.array(n, place),
        )  # fmt: skip
        limits = Limits(
            cuda.local.array(n_limits, place), cuda.local.array(n_limits, place), cuda.local.array(n_limits, place),
            cuda.local.array(n_limits, float64), cuda.local.array(n_limits, float64), cuda.local.array(n_limits, bool_),
        )  # fmt: skip
        items = Items(
            cuda.local.array(n_items, place), cuda.local.array(n_items, place), cuda.local.array(n_items, place),
            cuda.local.array(n_items, float64), cuda.local.array(n_items, float64), cuda.local.array(n_items, float64),
        )  # fmt: skip
        work = Work(
            cuda.local.array(energies, float64), cuda.local.array(2, int64), cuda.local.array(2, int64),
            cuda.local.array(traders, place), cuda.local.array(trades, float64), cuda.local.array(side, place),
            cuda.local.array(side, float64), cuda.local.array(margins, float64), cuda.local.array(nodes, float64),
            cuda.local.array(flows, float64), cuda.local.array(1, float64), cuda.local.array(values, float64),
            cuda.local.array(cuttings, bool_), cuda.local.array(1, bool_), cuda.local.array(1, int64),
            FillRoom(sellers, limits, items, cuda.local.array(n_items, place)), cuda.local.array(accounts, float64),
        )  # fmt: skip
        match_room = MatchRoom(
            cuda.local.array(n, place), cuda.local.array(n, place), cuda.local.array(n, float64), cuda.local.array(n, float64),
            cuda.local.array(n, float64), cuda.local.array(n, float64), cuda.local.array(n, float64),
            cuda.local.array(n, float64), cuda.local.array(three, place), cuda.local.array(four, float64),
            cuda.local.array(four, float64), cuda.local.array(pools, place), cuda.local.array(n_pools, float64),
        )  # fmt: skip
        screen = Screen(
            cuda.local.array(1, int64), cuda.local.array(1, int64), cuda.local.array(1, float64), cuda.local.array(1, float64)
        )
        kept, total = cuda.local.array(of_buses, float64), cuda.local.array(N_SUMS, float64)
        most, count, bins = (
            cuda.local.array(N_MOST, float64), cuda.local.array(N_COUNTS, int64), cuda.local.array(N_COUNTED, int64)
        )  # fmt: skip
        # accounts of homes that no table needs go into one row
        load, bill, alone, spare = kept[0], kept[1], kept[2], kept[3]
        bus = Accounts(load, spare, spare, spare, spare, spare, spare, spare, spare, spare, spare, spare, bill, alone)
        a = work.account
        book = BookAccounts(
            a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16], a[17],
            a[18],
        )  # fmt: skip
        begin_sums(s, kept, total, most, count, out.hourly)
        if linear is not None:
            states = cuda.local.array(linear, float64)
        if audit is not None:
            p, q = cuda.local.array(injections, float64), cuda.local.array(injections, float64)
            best = cuda.local.array(bests, float64)
        told, audited = cuda.local.array(N_TOLD, float64), cuda.local.array(N_AUDITED, float64)
        begin_audits(s, audited, out.band)
        work.book[0] = 0
        n_steps = 0
        if s < out.loading.shape[1]:  # others only help with the counts
            n_steps = out.loading.shape[0]
            take_homes(s, drawn, homes, rules, total, count)
        for t in range(n_steps):
            ends, looked = trade_book(t, homes, clock, rules, work, match_room), every == 1
            if sampled is not None:
                looked = is_drawn(checks[4], t, s)
            if phases is not None:
                if ends != LISTED:
                    ends = phases(s, checks, work, screen, looked, told)
            elif linear is not None:
                if ends != LISTED:
                    find_reactive(rules, checks[0], work)
                    ends = screen_book_linearly(rules, checks[1], work, states, screen)
            elif ends != LISTED:
                ends = clear_book(grid, rules, work, screen)
                if looked and screen.congested[0] == 1:
                    ends = LISTED
                if looked and ends != LISTED:
                    find_reactive(rules, checks[0], work)
            if audit is not None:
                for flow in range(n_flows):  # the last one is of what is executed, one before of what is spilled as well
                    if looked and ends != LISTED:
                        inject_book(rules, checks[0], flow < n_flows - 1, work, p, q)
                        if audit(p, q, checks[2], best) == 0:
                            ends = LISTED
                        tell_balanced(best, told)
                        if not judge_book(checks[0], is_idle(work), told):
                            ends = LISTED
            if ends == LISTED:
                out.loading[t, s] = LISTED_MARK
                count[N_LISTED] += 1
                continue
            settle_book(t, homes, clock, rules, work, screen, bus, book)
            out.loading[t, s] = screen.loading_percent[0]
            if looked:
                note_audit(t, rules, clock, work, told, every == 1, screen, audited)
                count[N_KEPT + int(told[VERDICT])] += 1
                if with_hours:
                    note_band(slot[0][t], s, told, out.band)
            note_book(t, ends, rules, clock, grid, work, screen, total, most, count)
            if with_hours:
                add_hour(slot[0][t], s, work.account, out.hourly)
            if with_histograms:
                find_bins(work.account, screen.loading_percent[0], edges[0], edges[1], bins)
                for i in range(N_COUNTED):
                    cuda.atomic.add(shared, (slot[0][t] * N_COUNTED + i) * n_bins + bins[i], 1)
        if n_steps > 0:
            write_sums(s, homes, kept, total, most, count, out)
            if every > 0:
                write_audits(s, audited, out.audited)
        cuda.syncthreads()
        for i in range(first, n_counted, threads):
            if shared[i] > 0:
                cuda.atomic.add(out.bins, i, shared[i])

    if audit is None and phases is None:
        return device_kernel(run)
    return cuda.jit(run)  # the functions are in no file that would tell of their changes


@device_kernel
def list_books(loading: Any, offset: Any, step: Any) -> None:
    """The steps of the listed books of every scenario, one scenario after the other; each argument is a tuple of one array."""
    s = cuda.grid(1)
    if s >= loading[0].shape[1]:
        return
    end = offset[0][s]
    if end == offset[0][s + 1]:
        return
    for t in range(loading[0].shape[0]):
        if loading[0][t, s] == LISTED_MARK:
            step[0][end] = t
            end += 1


@device_kernel
def put_loading(step: Any, scenario: Any, percent: Any, loading: Any) -> None:
    """Put the loading of listed books, which the CPU has run, into its place; each argument is a tuple of one array."""
    k = cuda.grid(1)
    if k < len(step[0]):
        loading[0][step[0][k], scenario[0][k]] = percent[0][k]


@lru_cache(maxsize=8)
def make_ranks(n_ranks: int) -> Any:
    """The kernel that finds order statistics: ``kernel[blocks, threads](loading, bits, rank, found)``, tuples of one array."""
    of_ranks = (4, n_ranks)

    @device_kernel
    def find(loading: Any, bits: Any, rank: Any, found: Any) -> None:
        s = cuda.grid(1)
        if s >= loading[0].shape[1]:
            return
        find_ranks(bits[0], loading[0], s, rank[0], cuda.local.array(of_ranks, int64), found[0])

    return find
