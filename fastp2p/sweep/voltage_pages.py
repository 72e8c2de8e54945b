"""Pages of an audited study: voltages by the hour, along the feeder, of three phases, and the errors of simpler models."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fastp2p.figures.errors import ModelErrors, draw_ac_error
from fastp2p.figures.feeder import AlongFeeder, draw_feeder, draw_phase_feeder
from fastp2p.figures.pages import USUAL, Look, join_legends, new_page, time_edges
from fastp2p.figures.phases import PhaseVoltages, draw_phases
from fastp2p.figures.shares import points_of, shares_text
from fastp2p.figures.voltages import ENDS, End, draw_voltage_hours, draw_voltage_steps
from fastp2p.results.results import Results
from fastp2p.results.statistics import count_audited
from fastp2p.sweep.again import find_feeders, run_worst_book, run_worst_day, sample_errors
from fastp2p.sweep.sweep_pages import of_scenarios

QUANTITIES = ("voltage", "loading")


def draw_voltage_pages(results: Results, look: Look = USUAL) -> dict[str, Figure]:
    """Figures of an audited study.

    Parameters
    ----------
    results : Results
        Of a study with ``clearing.audit`` or ``clearing.physics = "ac"``.
    look : Look

    Returns
    -------
    dict of Figure
        ``voltage``, left out without the table of hours, or of books where there is one scenario; ``feeder`` and ``ac_error``,
        left out for a meshed network; of three phases also ``phases``. None of them where every book collapses.
    """
    figures: dict[str, Figure] = {}
    if not has_voltages(results):
        return figures
    if results.hours is not None or has_steps(results):
        figures["voltage"], panels = new_page(results.study, look, 2, 2.9, of=of_scenarios(results.scenarios))
        for axes, end in zip(panels, ENDS, strict=True):
            draw_voltage_of(axes, results, end)
        join_legends(figures["voltage"], panels)
    has_phases = results.study.network.phases == 3
    if has_phases:
        day = run_worst_day(results)
        figures["phases"], panels = new_page(results.study, look, 2, 2.9)
        for axes, end in zip(panels, ENDS, strict=True):
            draw_phases_of(axes, results, day, end)
        join_legends(figures["phases"], panels)
    if results.network.is_radial:
        figures["feeder"], (axes,) = new_page(results.study, look, height=3.4)
        draw_feeder_of(axes, results, day if has_phases else run_worst_book(results))
        join_legends(figures["feeder"], [axes])
        figures["ac_error"], panels = new_page(results.study, look, 2, 2.9)
        sample = sample_errors(results)
        for axes, quantity in zip(panels, QUANTITIES, strict=True):
            draw_errors_of(axes, results, sample, quantity)
    return figures


def draw_voltage_of(axes: Axes, results: Results, end: End) -> None:
    """A panel of ``voltage``: through one scenario, or by the hour of the day."""
    part, profiles = results.study.network, results.profiles
    limit = part.v_min_pu if end == "lowest" else part.v_max_pu
    facts: dict[str, Any] = {
        "end": end,
        "limit_pu": limit,
        "has_phases": part.phases == 3,
        "books": count_audited(results.scenarios),
    }
    if results.books is not None and has_steps(results):
        vm_pu = results.books.sort_values("step")[f"{end}_vm_pu"].to_numpy(np.float64)
        draw_voltage_steps(axes, vm_pu, time_edges(profiles.n_steps, profiles.step_hours, profiles.time), **facts)
    else:
        assert results.hours is not None
        days = max(1, round(profiles.n_steps * profiles.step_hours / 24.0))
        draw_voltage_hours(axes, results.hours, **facts, days=days, step_hours=profiles.step_hours)


def draw_phases_of(axes: Axes, results: Results, worst: PhaseVoltages, end: End) -> None:
    """A panel of ``phases``."""
    part, profiles, step = results.study.network, results.profiles, worst.step
    vm_pu, limit = (worst.lowest_vm_pu, part.v_min_pu) if end == "lowest" else (worst.highest_vm_pu, part.v_max_pu)
    edges = time_edges(len(step), profiles.step_hours, None if profiles.time is None else profiles.time[step])
    at = worst.balanced.step - int(step[0]) if worst.balanced.is_high == (end == "highest") else None
    draw_phases(axes, vm_pu, edges, end=end, limit_pu=limit, worst=at, book=book_of(results, worst.balanced))


def draw_feeder_of(axes: Axes, results: Results, worst: AlongFeeder | PhaseVoltages) -> None:
    """The panel of ``feeder``: of AC and LinDistFlow, or of each phase."""
    part, feeders = results.study.network, find_feeders(results.network)
    limits = (part.v_min_pu, part.v_max_pu)
    if isinstance(worst, AlongFeeder):
        draw_feeder(axes, feeders, worst, limits_pu=limits, book=book_of(results, worst))
    else:
        book = book_of(results, worst.balanced)
        draw_phase_feeder(axes, feeders, worst.balanced, worst.vm_pu, worst.participant, limits_pu=limits, book=book)


def draw_errors_of(axes: Axes, results: Results, sample: ModelErrors, quantity: str) -> None:
    """A panel of ``ac_error``."""
    n, is_swept = sample.n_scenarios, len(points_of(results.scenarios)) > 1
    where = f" at PV {shares_text(sample.share, sample.devices)}" if is_swept else ""
    books = f"{sample.n_books:,} books of {n:,} scenario{'s' * (n > 1)}{where}"
    draw_ac_error(axes, sample.voltage if quantity == "voltage" else sample.loading, quantity=quantity, books=books)


def has_voltages(results: Results) -> bool:
    """Whether the audit found any."""
    return "highest_vm_pu" in results.scenarios and bool(results.scenarios["highest_vm_pu"].notna().any())


def has_steps(results: Results) -> bool:
    """Whether it is one scenario, whose voltages of every step are known."""
    return len(results.scenarios) == 1 and results.books is not None


def book_of(results: Results, worst: AlongFeeder) -> str:
    """Which book it is among which: its share and scenario where there are several, and when it begins."""
    places = []
    if len(points_of(results.scenarios)) > 1:
        places.append(f"PV {shares_text(worst.share, worst.devices)}")
    if results.scenarios["scenario"].nunique() > 1:
        places.append(f"scenario {worst.scenario}")
    which = "highest" if worst.is_high else "lowest"
    return f"{which} voltage {count_audited(results.scenarios)} ({', '.join([*places, when(results, worst.step)])})"


def when(results: Results, step: int) -> str:
    """When a step begins: a date, or the hour and the day where profiles have none."""
    profiles = results.profiles
    if profiles.time is not None:
        return f"{profiles.time[step]:%Y-%m-%d %H:%M}"
    day, hour = divmod(step * profiles.step_hours, 24.0)
    return f"hour {hour:g}" + f" of day {day + 1:.0f}" * (profiles.n_steps * profiles.step_hours > 24.0)
