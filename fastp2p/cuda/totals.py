"""From sums of the device, and of the books that the CPU has run, to the tables of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import BASE_OVERLOAD, CLEARED, FREE, STATUS
from fastp2p.cuda.audits import Audits, add_listed_audits, hour_audits, scenario_audits
from fastp2p.cuda.devices import DeviceSums
from fastp2p.cuda.listed import Listed
from fastp2p.kernels.cuda.audit import LOSSES_COST
from fastp2p.kernels.cuda.sums import (
    ABOVE_100,
    BASELINE_CO2,
    BASELINE_EXPORT,
    BASELINE_IMPORT,
    CO2,
    IMPORT_KW,
    KWP,
    LOADING,
    N_ABOVE_100,
    N_CLEARED,
    N_CUT,
    N_LISTED,
    N_OVERLOAD,
    N_PV,
    N_TRADES,
    PEAK_EXPORT,
    PEAK_IMPORT,
    SLACK,
)
from fastp2p.kernels.settlement.settle import BookAccounts
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.reduce import Columns
from fastp2p.results.columns import columns_of
from fastp2p.results.indicators import indicator_columns, ratio, savings_of
from fastp2p.results.tables import HISTOGRAMS, bin_columns, days_of_hours, hours_of_day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURLY = ("load_kwh", "pv_kwh", "self_kwh", "matched_kwh", "bought_kwh", "retail_kwh", "exported_kwh", "shed_kwh")
"""What the device sums up by hour of the day, in its order."""
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, eq=False)
class Totals:
    """What the books of a block of scenarios come to; see `fastp2p.kernels.cuda.sums.Sums`. `add_listed` changes its arrays.

    `status` are counts (len(STATUS), n_scenarios); `n_cut` is (n_scenarios,); `audits` and `devices` are None in a study
    without. Load and PV of books have what batteries charge and discharge; the tables tell it apart.
    """

    total: Floats
    most: Floats
    count: Ints
    of_homes: Floats
    hourly: Floats
    bins: Ints
    status: Ints
    n_cut: Ints
    audits: Audits | None
    devices: DeviceSums | None


def totals_of(
    n_steps: int, total: Floats, most: Floats, count: Ints, of_homes: Floats, hourly: Floats, bins: Ints,
    audits: Audits | None, devices: DeviceSums | None,
) -> Totals:  # fmt: skip
    """Those of the books that the device has run."""
    status = np.zeros((len(STATUS), total.shape[1]), np.int64)
    status[BASE_OVERLOAD], status[CLEARED] = count[N_OVERLOAD], count[N_CLEARED]
    status[FREE] = n_steps - count[N_LISTED] - count[N_OVERLOAD] - count[N_CLEARED]
    return Totals(total, most, count, of_homes, hourly, bins, status, count[N_CUT], audits, devices)


def add_listed(to: Totals, listed: Listed, slot: Ints, step_hours: float, fixed_kw: float) -> None:
    """Add the books that the CPU has run."""
    at, books = listed.scenario, {name: np.asarray(one, np.float64) for name, one in listed.books.items()}
    loading = books["worst_loading_percent"]
    slack_kw = books["slack_kwh"] / step_hours
    without_kw = (books["baseline_retail_kwh"] - books["baseline_exported_kwh"]) / step_hours - fixed_kw
    sums = {place: books[name] for place, name in enumerate(BookAccounts._fields)}
    sums |= {SLACK: books["slack_kwh"], N_TRADES: books["n_trades"], IMPORT_KW: np.maximum(slack_kw, 0.0)}
    sums |= {CO2: books["co2_kg"], BASELINE_CO2: books["baseline_co2_kg"]}
    for place, one in sums.items():
        np.add.at(to.total[place], at, one)
    extremes = {PEAK_IMPORT: slack_kw, PEAK_EXPORT: -slack_kw, BASELINE_IMPORT: without_kw, BASELINE_EXPORT: -without_kw}
    for place, one in (extremes | {LOADING: loading}).items():
        np.maximum.at(to.most[place], at, one)
    np.add.at(to.count[N_ABOVE_100], at, loading > ABOVE_100)
    np.add.at(to.status, (listed.status_code, at), 1)
    np.add.at(to.n_cut, at, np.asarray(listed.books["is_cut"], np.int64))
    if to.audits is not None:
        add_listed_audits(to.audits, listed, slot)
    homes = listed.homes
    for place, of_books in enumerate((homes.load_kwh, homes.bill, homes.baseline_bill)):
        np.add.at(to.of_homes[place].T, at, of_books)
    books["matched_kwh"] = books["bought_kwh"] + books["cut_kwh"]
    if to.hourly.size:
        for place, name in enumerate(HOURLY):
            np.add.at(to.hourly[place], (slot[listed.step], at), books[name])
    if to.bins.size:
        for place, (name, edge) in enumerate(HISTOGRAMS.items()):
            source = columns_of("books")[name].source
            np.add.at(to.bins[:, place], (slot[listed.step], np.searchsorted(edge, books[source], side="right")), 1)


def ranks_of(n_steps: int) -> tuple[Ints, Floats]:
    """The ranks, from 0, below the percentiles of so many steps, and how far these are from them to the next ones."""
    place = np.array(PERCENTILES) / 100.0 * (n_steps - 1)
    rank = np.floor(place).astype(np.int64)
    return rank, place - rank


def make_columns(
    totals: Totals,
    ranked: Floats,
    numbers: range,
    drawn: Scenarios,
    n_steps: int,
    step_hours: float,
    names: Sequence[str],
) -> dict[str, Columns]:
    """The columns of the tables `names`.

    Parameters
    ----------
    totals : Totals
    ranked : (2, 3, n_scenarios) float64
        Loading at the ranks below and above the percentiles.
    numbers : range
        Of the scenarios.
    drawn : Scenarios
        Any of the same point.
    n_steps, step_hours, names
    """
    makers = {
        "scenarios": partial(_scenario_columns, totals, ranked, numbers, drawn, n_steps, step_hours),
        "hours": partial(_hour_columns, totals, numbers, drawn, n_steps, step_hours),
        "histograms": partial(_histogram_columns, totals, drawn, n_steps, step_hours),
    }
    return {name: makers[name]() for name in names}


def _scenario_columns(
    totals: Totals, ranked: Floats, numbers: range, drawn: Scenarios, n_steps: int, step_hours: float
) -> Columns:
    n, (_, beyond) = len(numbers), ranks_of(n_steps)
    n_ev, unmet_share = totals.devices.vehicles() if totals.devices else ({}, {})
    head = {
        **drawn.point_columns(n),
        "scenario": np.arange(numbers.start, numbers.stop),
        "n_pv": totals.count[N_PV],
        "kwp": totals.total[KWP],
        **n_ev,
    }
    most, low, high = totals.most, ranked[0], ranked[1]
    percentiles = low + (high - low) * beyond[:, None]
    extremes = {
        **unmet_share,
        "peak_import_kw": most[PEAK_IMPORT],
        "peak_export_kw": most[PEAK_EXPORT],
        "load_factor": ratio(totals.total[IMPORT_KW] / n_steps, most[PEAK_IMPORT]),
        "baseline_peak_import_kw": most[BASELINE_IMPORT],
        "baseline_peak_export_kw": most[BASELINE_EXPORT],
        **{f"p{q}_loading_percent": values for q, values in zip(PERCENTILES, percentiles, strict=True)},
        "worst_loading_percent": most[LOADING],
        "hours_above_100_percent": totals.count[N_ABOVE_100] * step_hours,
        **({} if totals.audits is None else scenario_audits(totals.audits, n_steps)),
    }
    counts = {"n_cut": totals.n_cut, **{f"n_{name}": totals.status[code] for code, name in enumerate(STATUS.tolist())}}
    load_kwh, bill, baseline_bill, kwp = (of_home.T for of_home in totals.of_homes)
    has_neither = (load_kwh <= 0.0) & (kwp <= 0.0)
    if totals.devices:
        has_neither &= totals.devices.discharged_kwh.T <= 0.0
    saving = savings_of(np.ascontiguousarray(baseline_bill), bill, has_neither)
    return indicator_columns(head, _sums(totals), saving, cast(Columns, extremes), cast(Columns, counts))


def _sums(totals: Totals) -> dict[str, Floats]:
    """Sums over the steps by the names of the table of scenarios; those that follow from other sums, too."""
    of = dict(zip(BookAccounts._fields, totals.total, strict=False))
    of |= {"slack_kwh": totals.total[SLACK], "n_trades": totals.total[N_TRADES].astype(np.int64)}
    of |= {"co2_kg": totals.total[CO2], "baseline_co2_kg": totals.total[BASELINE_CO2]}
    of["matched_kwh"] = of["bought_kwh"] + of["cut_kwh"]
    whole = totals.audits if totals.audits is not None and totals.audits.kind.is_whole else None
    losses_cost = 0.0 if whole is None else whole.of_scenario[LOSSES_COST]
    of["operator_balance"] = of["paid"] + of["charges"] - of["received"] - losses_cost
    of["retailer_revenue"] = of["bill"] - of["paid"] - of["charges"] + of["received"] + losses_cost
    if totals.devices:
        of |= totals.devices.columns(of["matched_kwh"])
    columns = columns_of("scenarios").values()
    return {one.name: of[one.source] for one in columns if one.over_steps in ("sum", "last") and one.source in of}


def _hour_columns(totals: Totals, numbers: range, drawn: Scenarios, n_steps: int, step_hours: float) -> Columns:
    hours, slot = hours_of_day(n_steps, step_hours)
    n, days = len(numbers), days_of_hours(n_steps, step_hours)
    of = dict(zip(HOURLY, totals.hourly, strict=True))
    if totals.devices:
        of |= totals.devices.columns(of["matched_kwh"], by_hour=True)
    means = {name: (one.T / days).ravel() for name, one in of.items()}
    return {
        **drawn.point_columns(n * len(hours)),
        "scenario": np.repeat(np.arange(numbers.start, numbers.stop), len(hours)),
        "hour": np.tile(hours, n),
        **{one.name: means[one.source] for one in columns_of("hours").values() if one.source in means},
        **({} if totals.audits is None else hour_audits(totals.audits, slot)),
    }


def _histogram_columns(totals: Totals, drawn: Scenarios, n_steps: int, step_hours: float) -> Columns:
    hours, _ = hours_of_day(n_steps, step_hours)
    counts = {name: totals.bins[:, place, : len(edge) + 1] for place, (name, edge) in enumerate(HISTOGRAMS.items())}
    return bin_columns(counts, hours, drawn)
