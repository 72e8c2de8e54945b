"""Indicators of a scenario, with and without trading; docs/indicators.md defines each."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.clearing.answer import STATUS
from fastp2p.clearing.audit import AC_STATUS, NOT_AUDITED
from fastp2p.grid.network import Network
from fastp2p.pipeline.devices import STORED
from fastp2p.pipeline.reduce import DRAWN_BESIDE, Columns, Reduced, drawn_beside
from fastp2p.results.columns import AUDIT_INDICATORS, DEVICE_INDICATORS, INDICATORS, PHASE_INDICATORS, columns_of

Floats = NDArray[np.float64]

FURTHEST = {"min": np.fmin, "max": np.fmax}
"""What takes the extreme of the values that are known, by how a column goes over steps."""
FLAGS = (
    "full_breaks_voltage", "full_breaks_current", "needless_cut", "full_breaks_unbalance", "balanced_breaks_voltage",
    "balanced_breaks_current",
)  # fmt: skip
"""What the audit says of a book with yes or no; the last three in three-phase studies alone."""

ROUNDING_KWH = 1e-9
"""Less than this below zero, per kWh that is stored, is no energy."""


def indicators_of(scenarios: pd.DataFrame) -> list[str]:
    """The indicators that a table of scenarios has."""
    # extremes and counts of a sample are none
    of_audit = (*AUDIT_INDICATORS, *PHASE_INDICATORS) if is_audited_whole(scenarios) else ()
    known = {*INDICATORS, *chain.from_iterable(DEVICE_INDICATORS.values()), *of_audit}
    return [name for name in columns_of("scenarios") if name in known and name in scenarios]


def is_audited_whole(scenarios: pd.DataFrame) -> bool:
    """Whether every book was to be audited, and not a sample: only then is known what all losses cost."""
    return "losses_cost" in scenarios


def scenario_columns(ran: Reduced, network: Network) -> Columns:
    """One row per scenario: totals of its books, and indicators that follow from them."""
    scenarios = ran.scenarios
    status, (n_ev, unmet_share) = ran.status_code.reshape(-1, ran.n_steps), _vehicles(ran)
    head = {
        **scenarios.point_columns(len(scenarios.number)),
        "scenario": scenarios.number,
        "n_pv": ((scenarios.pv_profile >= 0) & (scenarios.kwp > 0.0)).sum(axis=1),
        "kwp": scenarios.kwp.sum(axis=1),
        **n_ev,
    }
    extremes = {**unmet_share, **_slack_power(ran, network), **_loading(ran), **_audit(ran)}
    counts = {
        "n_cut": ran.by_step("is_cut").sum(axis=1),
        **{f"n_{name}": (status == code).sum(axis=1) for code, name in enumerate(STATUS.tolist())},
    }
    return indicator_columns(head, _totals(ran, audit=False), _savings(ran), extremes, counts)


def indicator_columns(head: Columns, total: dict[str, Floats], saving: Floats, extremes: Columns, counts: Columns) -> Columns:
    """The columns of scenarios from what their books come to, however that was summed up.

    Parameters
    ----------
    head, counts : Columns
        What stands before and after the indicators.
    total : dict of str to (n_scenarios,) float64
        Sums over the steps, by column.
    saving : (n_scenarios, n_participants) float64
        NaN for who does not count.
    extremes : Columns
        Of the power at the external grids and of the loading, and what an audit says.
    """
    used_kwh = total["self_kwh"] + total["executed_kwh"]
    # with a battery, what a bus uses itself has what it charges, as a load, and what it discharges, as PV
    used_load, used_pv = (_less(used_kwh, total[name]) if name in total else used_kwh for name in STORED)
    return {
        **head,
        **total,
        "saving": total["baseline_bill"] - total["bill"],
        "least_saving": np.fmin.reduce(saving, axis=1),
        "greatest_saving": np.fmax.reduce(saving, axis=1),
        "n_worse_off": (saving < 0.0).sum(axis=1),
        "jain_saving": jain_index(saving),
        "gini_saving": gini_index(saving),
        "welfare": total["buyer_surplus"] + total["seller_surplus"] + total["paid"] - total["received"],
        "self_sufficiency": ratio(used_load, total["load_kwh"]),
        "self_consumption": ratio(used_pv, total["pv_kwh"]),
        "p2p_share": ratio(total["executed_kwh"], total["load_kwh"]),
        "cut_share": ratio(total["cut_kwh"], total["matched_kwh"]),
        **extremes,
        **counts,
    }


def _vehicles(ran: Reduced) -> tuple[Columns, Columns]:
    """How many electric vehicles there are, and the part of them that is not charged in time; nothing without the section."""
    drawn = ran.scenarios.ev
    if drawn is None:
        return {}, {}
    n_ev = (drawn.kwh > 0.0).sum(axis=1)
    n_unmet = (ran.devices["ev_unmet_kwh"] > 0.0).sum(axis=1)
    return {"n_ev": n_ev}, {"ev_unmet_share": ratio(n_unmet.astype(np.float64), n_ev.astype(np.float64))}


def jain_index(values: Floats) -> Floats:
    """Jain's fairness index (Σx)² / (n Σx²) of every row; 1 where all are equal, NaN where all are zero.

    Parameters
    ----------
    values : (n_rows, n) float64
        NaN for who does not count.

    Notes
    -----
    Jain, Chiu, Hawe 1984, A quantitative measure of fairness and discrimination for resource allocation.
    """
    n = np.isfinite(values).sum(axis=1)
    return ratio(np.nansum(values, axis=1) ** 2, n * np.nansum(values**2, axis=1))


def gini_index(values: Floats) -> Floats:
    """Gini's index Σ|x_i - x_j| / (2 n Σ|x|) of every row; 0 where all are equal, NaN where all are zero.

    With |x| below the line it stays within 0…1 where some lose (Chen, Tsaur, Rhai 1982 discuss the choice); with no losers it
    is the usual index.

    Parameters
    ----------
    values : (n_rows, n) float64
        NaN for who does not count.
    """
    n = np.isfinite(values).sum(axis=1, keepdims=True)
    rank_weight = 2.0 * np.arange(1, values.shape[1] + 1) - n - 1.0  # Σ_ij |x_i - x_j| = 2 Σ_i (2 i - n - 1) x_(i)
    spread: Floats = np.nansum(np.sort(values, axis=1) * rank_weight, axis=1)  # NaN come last
    return ratio(spread, n[:, 0] * np.nansum(np.abs(values), axis=1))


def _totals(ran: Reduced, audit: bool) -> dict[str, Floats]:
    """(n_scenarios,) sums over the steps, or values at the end, of columns that an audit knows, or of the others."""
    columns: dict[str, Floats] = {}
    for one in columns_of("scenarios").values():
        if one.over_steps in ("sum", "last") and one.audit == audit and one.source in ran.books:
            by_step = ran.by_step(one.source)
            columns[one.name] = by_step.sum(axis=1) if one.over_steps == "sum" else by_step[:, -1]
    return columns


def _audit(ran: Reduced) -> Columns:
    """What the AC audit says of a scenario: extremes of its books, and how many end how; nothing without an audit."""
    if "ac_status" not in ran.books:
        return {}
    code = ran.books["ac_status"].reshape(-1, ran.n_steps)
    audited = code != NOT_AUDITED
    columns: Columns = {
        **_extremes(ran),
        **(_totals(ran, audit=True) if "losses_cost" in ran.books else {}),
        "n_audited": audited.sum(axis=1),
        "n_books": np.full(len(code), ran.n_steps),
        **{f"n_audit_{name}": (code == place).sum(axis=1) for place, name in enumerate(AC_STATUS.tolist())},
    }
    for name in FLAGS:
        if name in ran.books:
            columns[f"n_{name}"] = _known_count(ran.by_step(name), audited)
    return columns


def _known_count(flags: Floats, audited: NDArray[np.bool_]) -> Floats:
    """(n_scenarios,) in how many audited books a flag is 1; NaN where it is in none and some of them, or all, are unknown."""
    count: Floats = np.nansum(flags, axis=1)
    is_unknown = (np.isnan(flags) & audited).any(axis=1) | ~audited.any(axis=1)
    return np.where((count == 0.0) & is_unknown, np.nan, count)


def _extremes(ran: Reduced) -> Columns:
    """(n_scenarios,) extremes over the audited books, and the first step that has each; NaN where no book has a value."""
    columns: Columns = {}
    here = columns_of("scenarios")
    for one in here.values():
        if one.audit and one.over_steps in FURTHEST and one.source in ran.books:
            values = ran.by_step(one.source)
            extreme = FURTHEST[one.over_steps].reduce(values, axis=1)
            columns[one.name] = extreme
            if (step := f"{one.name.removesuffix('_pu')}_step") in here:
                columns[step] = np.where(np.isnan(extreme), np.nan, (values == extreme[:, None]).argmax(axis=1))
    return columns


def _savings(ran: Reduced) -> Floats:
    """(n_scenarios, n_participants); NaN for who has no load, PV, or a battery in use."""
    has_neither = (ran.buses.load_kwh <= 0.0) & (ran.scenarios.kwp <= 0.0)
    for name in STORED:  # a battery of a tariff trades all by itself
        has_neither &= ran.devices.get(name, np.zeros(1)) <= 0.0
    return savings_of(ran.buses.baseline_bill, ran.buses.bill, has_neither)


def savings_of(baseline_bill: Floats, bill: Floats, does_not_count: NDArray[np.bool_]) -> Floats:
    """What participants save; NaN for those who do not count."""
    saving = baseline_bill - bill
    saving[np.abs(saving) < 1e-9] = 0.0  # rounding is no gain
    saving[does_not_count] = np.nan
    return saving


def _slack_power(ran: Reduced, network: Network) -> Columns:
    """Peaks at the external grids, and the mean import over its peak."""
    with_trading = ran.by_step("slack_kwh") / ran.step_hours
    baseline_kwh = ran.by_step("baseline_retail_kwh") - ran.by_step("baseline_exported_kwh")
    baseline_kwh += drawn_beside({name: ran.by_step(name) for name in DRAWN_BESIDE if name in ran.books})
    without = baseline_kwh / ran.step_hours - network.fixed_kw.sum()
    import_kw = np.maximum(with_trading, 0.0)
    return {
        "peak_import_kw": import_kw.max(axis=1),
        "peak_export_kw": np.maximum(-with_trading, 0.0).max(axis=1),
        "load_factor": np.where(np.isnan(import_kw).any(axis=1), np.nan, ratio(import_kw.mean(axis=1), import_kw.max(axis=1))),
        "baseline_peak_import_kw": np.maximum(without, 0.0).max(axis=1),
        "baseline_peak_export_kw": np.maximum(-without, 0.0).max(axis=1),
    }


def _loading(ran: Reduced) -> Columns:
    """Of the worst branch of each step: percentiles over the steps, the maximum, and how long it was overloaded."""
    loading = ran.by_step("worst_loading_percent")
    p50, p95, p99 = np.percentile(loading, (50.0, 95.0, 99.0), axis=1)
    return {
        "p50_loading_percent": p50,
        "p95_loading_percent": p95,
        "p99_loading_percent": p99,
        "worst_loading_percent": loading.max(axis=1),
        "hours_above_100_percent": (loading > 100.0 * (1.0 + 1e-6)).sum(axis=1) * ran.step_hours,
    }


def _less(used_kwh: Floats, stored_kwh: Floats) -> Floats:
    """What is used less what batteries charge or discharge; negative where they trade with the retailer, not by rounding."""
    left = used_kwh - stored_kwh
    return np.where(np.abs(left) < ROUNDING_KWH * np.maximum(1.0, stored_kwh), np.maximum(left, 0.0), left)


def ratio(part: Floats, whole: Floats) -> Floats:
    """A part of a whole; NaN where there is no whole."""
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
