"""Figures of audited studies, panel by panel; books whose voltages no table keeps are run again."""

from __future__ import annotations

from typing import Literal, get_args

import pandas as pd
from matplotlib.axes import Axes

from fastp2p.arguments import described
from fastp2p.errors import InputError
from fastp2p.figures.voltages import End, draw_voltage_hours
from fastp2p.plot.sources import Source, axes_for, one_network, table_of
from fastp2p.results.results import Results
from fastp2p.sweep.again import run_worst_book, run_worst_day, sample_errors
from fastp2p.sweep.voltage_pages import (
    draw_errors_of,
    draw_feeder_of,
    draw_phases_of,
    draw_voltage_of,
    has_steps,
    has_voltages,
)

Kind = Literal["feeders", "phases"]
Quantity = Literal["voltage", "loading"]


def voltage(source: Source | pd.DataFrame, ax: Axes | None = None, end: End = "lowest") -> Axes:
    """Draw the lowest or the highest voltage of the network: through one scenario, or by the hour of the day and share.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results, their folder, or the table `hours`.
    ax : Axes, optional
    end : {"lowest", "highest"}

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, it was not audited, or the table of hours was not kept.
    """
    _check("end", end, get_args(End))
    if isinstance(source, pd.DataFrame):
        hours, _ = table_of(source, "hours", ("share", "scenario", "hour", f"{end}_vm_pu"))
        axes = axes_for(ax)
        draw_voltage_hours(axes, hours, end=end)
        return axes
    results = _audited(source)
    if not has_steps(results):
        table_of(results, "hours")
    axes = axes_for(ax)
    draw_voltage_of(axes, results, end)
    return axes


def feeder(source: Source, ax: Axes | None = None, kind: Kind | None = None) -> Axes:
    """Draw voltages over the distance from the external grid, in the book that goes farthest towards a limit of the voltage.

    Parameters
    ----------
    source : Results or path
    ax : Axes, optional
    kind : {"feeders", "phases"}, optional
        Feeders told apart, by AC beside LinDistFlow (balanced models), or the phases; by default what the study has.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, was not audited, is meshed, or has one phase where several are asked for.
    """
    if kind is not None:
        _check("kind", kind, get_args(Kind))
    results = _radial(source)
    if kind == "phases":
        _check_phases(results)
    axes = axes_for(ax)
    if results.study.network.phases == 3:
        day = run_worst_day(results)
        draw_feeder_of(axes, results, day.balanced if kind == "feeders" else day)
    else:
        draw_feeder_of(axes, results, run_worst_book(results))
    return axes


def ac_error(source: Source, ax: Axes | None = None, quantity: Quantity = "voltage") -> Axes:
    """Draw the errors of simpler models over the values of an AC power flow, in books drawn at random.

    Parameters
    ----------
    source : Results or path
    ax : Axes, optional
    quantity : {"voltage", "loading"}

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, was not audited, or is meshed.
    """
    _check("quantity", quantity, get_args(Quantity))
    results = _radial(source)
    axes = axes_for(ax)
    draw_errors_of(axes, results, sample_errors(results), quantity)
    return axes


def phases(source: Source, ax: Axes | None = None, end: End = "highest") -> Axes:
    """Draw the lowest or the highest voltage of each phase, through the day of the book that goes farthest towards a limit.

    Parameters
    ----------
    source : Results or path
    ax : Axes, optional
    end : {"lowest", "highest"}

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, was not audited, or has one phase.
    """
    _check("end", end, get_args(End))
    results = _audited(source)
    _check_phases(results)
    axes = axes_for(ax)
    draw_phases_of(axes, results, run_worst_day(results), end)
    return axes


def _check(name: str, value: object, known: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{name} must be one of {', '.join(map(repr, known))}, not {described(value)}")


def _audited(source: Source) -> Results:
    results = one_network(source)
    if not has_voltages(results):
        why = "every book collapses" if results.study.audited_every else "clearing.audit = true in the study has them computed"
        raise InputError(f"these results have no voltages; {why}")
    return results


def _radial(source: Source) -> Results:
    results = _audited(source)
    if not results.network.is_radial:
        raise InputError("a meshed network has no feeders along which voltages could be drawn, nor LinDistFlow")
    return results


def _check_phases(results: Results) -> None:
    if results.study.network.phases != 3:
        raise InputError("this study has one phase; network.phases = 3 has the three told apart")
