"""Sums, extremes and counts over the steps of a scenario, in the order of the steps."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.limits import Screen
from fastp2p.kernels.cuda.books import CLEARED, FREE, OVERLOAD, Clock, Grid, Homes, Rules, Work, is_cut, sort_prices
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_ACCOUNTS = 19
"""Fields of the accounts of a book, which come first among the sums."""
SLACK, N_TRADES, CO2, BASELINE_CO2, IMPORT_KW, KWP = range(N_ACCOUNTS, N_ACCOUNTS + 6)
"""Further sums, in kWh, pairs, kg, kg, kW; and what PV a scenario has, kWp."""
N_SUMS = N_ACCOUNTS + 6
PEAK_IMPORT, PEAK_EXPORT, BASELINE_IMPORT, BASELINE_EXPORT, LOADING = range(5)
"""Extremes, in kW and percent."""
N_MOST = 5
N_CLEARED, N_OVERLOAD, N_CUT, N_LISTED, N_ABOVE_100, N_PV, N_KEPT, N_BASE_BROKEN = range(8)
"""Counts: books, and buses with PV; the last two are of audits, by their verdict (`kernels.cuda.audit.judge_book`)."""
N_COUNTS = 8
ABOVE_100 = 100.0 * (1.0 + 1e-6)
"""Percent from which a branch counts as overloaded."""
LOAD, PV, SELF, BOUGHT, SOLD, RETAIL, EXPORTED, SPILLED, SHED = range(9)
BASELINE_RETAIL, BASELINE_EXPORTED, CUT = 14, 15, 16
"""Places of accounts in `fastp2p.kernels.settlement.settle.BookAccounts`."""
N_HOURLY, N_COUNTED, N_OF_HOMES = 8, 4, 4
"""Columns of the table of hours, quantities of histograms, and what is kept of a home: sums of load, bill, and bill without
trading; and its kWp."""


class Drawn(NamedTuple):
    """Draws of scenarios, (n, n_scenarios) float64 each; see `fastp2p.kernels.cuda.books.Homes`."""

    load_row: Floats
    pv_row: Floats
    homes: Floats
    kwp: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats


class Sums(NamedTuple):
    """What the books of scenarios come to.

    Attributes
    ----------
    loading : (n_steps, n_scenarios) float64
        The worst loading of every book, percent; negative where it is listed.
    total : (N_SUMS, n_scenarios) float64; most : (N_MOST, n_scenarios) float64; counts : (N_COUNTS, n_scenarios) int64
    of_homes : (N_OF_HOMES, n, n_scenarios) float64
    hourly : (N_HOURLY, n_slots, n_scenarios) float64
        Empty where nobody asks for it.
    bins : (n_slots * N_COUNTED * n_bins,) int64
        Of a histogram for each quantity and slot, over all scenarios; zero at first.
    audited : (N_AUDITED, n_scenarios) float64; band : (2, n_slots, n_scenarios) float64
        What audits say, and the lowest and highest voltage of every hour (`kernels.cuda.audit`); empty without.
    """

    loading: Floats
    total: Floats
    most: Floats
    counts: Ints
    of_homes: Floats
    hourly: Floats
    bins: Ints
    audited: Floats
    band: Floats


@kernel
def begin_sums(s: int, kept: Floats, total: Floats, most: Floats, count: Ints, hourly: Floats) -> None:
    """Zeros: sums of a thread, and of the hours of its scenario."""
    kept[:] = 0.0
    total[:] = 0.0
    most[:] = 0.0
    count[:] = 0
    if s < hourly.shape[2]:
        for i in range(hourly.shape[0]):
            for h in range(hourly.shape[1]):
                hourly[i, h, s] = 0.0


@kernel
def take_homes(s: int, drawn: Drawn, homes: Homes, rules: Rules, total: Floats, count: Ints) -> None:
    """The participants of scenario s, and how much PV they have."""
    for c in range(len(homes.homes)):
        homes.load_row[c], homes.pv_row[c] = int(drawn.load_row[c, s]), int(drawn.pv_row[c, s])
        homes.homes[c], homes.kwp[c] = drawn.homes[c, s], drawn.kwp[c, s]
        homes.price[0, 0, c], homes.price[1, 0, c] = drawn.bid_per_kwh[c, s], drawn.ask_per_kwh[c, s]
        total[KWP] += homes.kwp[c]
        count[N_PV] += 1 if homes.pv_row[c] >= 0 and homes.kwp[c] > 0.0 else 0
    sort_prices(homes, rules.by_volume, rules.pool)


@kernel
def write_sums(s: int, homes: Homes, kept: Floats, total: Floats, most: Floats, count: Ints, out: Sums) -> None:
    """What scenario s comes to."""
    for i in range(N_SUMS):
        out.total[i, s] = total[i]
    for i in range(N_MOST):
        out.most[i, s] = most[i]
    for i in range(N_COUNTS):
        out.counts[i, s] = count[i]
    for c in range(len(homes.kwp)):
        for i in range(N_OF_HOMES - 1):
            out.of_homes[i, c, s] = kept[i, 0, c]
        out.of_homes[N_OF_HOMES - 1, c, s] = homes.kwp[c]


@kernel
def note_book(
    t: int, ends: int, rules: Rules, clock: Clock, grid: Grid, work: Work, screen: Screen, total: Floats, most: Floats,
    count: Ints,
) -> None:  # fmt: skip
    """Add a book that has run.

    Parameters
    ----------
    t, ends : int
        Its step, and what `clear_book` has returned.
    rules, clock, grid, work, screen : as for `clear_book`
    total : (N_SUMS,) float64; most : (N_MOST,) float64; count : (N_COUNTS,) int64
        Outputs.
    """
    account, hours = work.account, rules.step_hours
    for i in range(N_ACCOUNTS):
        total[i] += account[i, 0]
    slack_kwh, co2 = screen.slack_kw[0] * hours, clock.co2_kg_per_kwh[t]
    total[SLACK] += slack_kwh
    total[N_TRADES] += work.pair_offset[1]
    total[CO2] += account[RETAIL, 0] * co2
    total[BASELINE_CO2] += account[BASELINE_RETAIL, 0] * co2
    slack_kw = slack_kwh / hours
    without_kw = (account[BASELINE_RETAIL, 0] - account[BASELINE_EXPORTED, 0]) / hours - grid.fixed_kw
    total[IMPORT_KW] += max(slack_kw, 0.0)
    most[PEAK_IMPORT] = max(most[PEAK_IMPORT], slack_kw)
    most[PEAK_EXPORT] = max(most[PEAK_EXPORT], -slack_kw)
    most[BASELINE_IMPORT] = max(most[BASELINE_IMPORT], without_kw)
    most[BASELINE_EXPORT] = max(most[BASELINE_EXPORT], -without_kw)
    most[LOADING] = max(most[LOADING], screen.loading_percent[0])
    count[N_ABOVE_100] += 1 if screen.loading_percent[0] > ABOVE_100 else 0
    count[N_OVERLOAD] += 1 if ends == OVERLOAD else 0
    count[N_CLEARED] += 1 if ends == CLEARED else 0
    if ends != FREE and screen.congested[0] == 1 and is_cut(work):
        count[N_CUT] += 1


@kernel
def add_hour(slot: int, s: int, account: Floats, hourly: Floats) -> None:
    """Add a book to the sums of its hour of the day, (N_HOURLY, n_slots, n_scenarios)."""
    hourly[0, slot, s] += account[LOAD, 0]
    hourly[1, slot, s] += account[PV, 0]
    hourly[2, slot, s] += account[SELF, 0]
    hourly[3, slot, s] += account[BOUGHT, 0] + account[CUT, 0]
    hourly[4, slot, s] += account[BOUGHT, 0]
    hourly[5, slot, s] += account[RETAIL, 0]
    hourly[6, slot, s] += account[EXPORTED, 0]
    hourly[7, slot, s] += account[SHED, 0]


@kernel
def find_bins(account: Floats, loading_percent: float, energy_edge: Floats, loading_edge: Floats, place: Ints) -> None:
    """The bins of a book's quantities, (N_COUNTED,): traded, imported, exported energy, and the worst loading."""
    place[0] = bin_of(energy_edge, account[BOUGHT, 0])
    place[1] = bin_of(energy_edge, account[RETAIL, 0])
    place[2] = bin_of(energy_edge, account[EXPORTED, 0])
    place[3] = bin_of(loading_edge, loading_percent)


@kernel
def bin_of(edge: Floats, value: float) -> int:
    """How many of the edges, which rise, are not above a value."""
    low, high = 0, len(edge)
    while low < high:  # ends: the two draw together
        middle = (low + high) // 2
        if edge[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low
