"""Interactive figures of a run as plotly's JSON: plain data, with colours by number, which the page's theme fills in.

A curve names its colour as "c0", "c1", …, and the ramp from light to dark as "r0" … "r100"; `templates/report.js` knows them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.report.facts import currency_of, length_of, period_of
from fastp2p.report.numbers import EVENTS, is_swept, point_words
from fastp2p.report.plain import Chart, chart_text, plotted
from fastp2p.report.runs import Run
from fastp2p.results.indicators import is_audited_whole
from fastp2p.results.points import POINT_KEYS, by_point, one_scenario, point_keys
from fastp2p.results.results import Results
from fastp2p.results.statistics import CONFIDENCE, find_hour_quantiles

Trace = dict[str, Any]
Floats = NDArray[np.float64]

MOST_CURVES, MOST_VIEWS = 6, 12
"""Points that have a curve of their own in one panel, and that have a panel of their own."""
MOST_STEPS = 1_500
"""Of a curve over time; what is longer is summed by day."""
MOST_BARS = 150
ALONG_SHARES = {
    "executed_kwh": "Traded",
    "import_kwh": "Bought from the retailer",
    "export_kwh": "Exported",
    "spilled_kwh": "Spilled",
}
SOURCES = {
    "self_kwh": ("Used by who makes it", "c2"),
    "executed_kwh": ("Bought from neighbours", "c1"),
    "import_kwh": ("Bought from the retailer", "c0"),
    "shed_kwh": ("Not served", "c3"),
}
BY_HOUR = {
    "executed_kwh": "Traded",
    "import_kwh": "Bought from the retailer",
    "export_kwh": "Exported",
}


def charts_of(run: Run) -> list[Chart]:
    """The figures that a run has tables for."""
    results = run.results
    swept = is_swept(results)
    found: list[Chart | None] = []
    if swept:
        found += [probability_chart(run) if run.is_sample else None, shares_chart(run)]
    if results.books is not None:
        found += [supply_chart(results), state_chart(results)]
    if results.hours is not None and (swept or len(results.scenarios) > 1):
        found.append(hours_chart(results))
    if results.hours is not None and "highest_vm_pu" in results.hours and len(results.scenarios) > 1:
        found.append(voltage_chart(results))
    if len(results.scenarios) > 1:
        found.append(loading_chart(results))
    if results.participants is not None:
        found.append(bills_chart(results))
    return [chart for chart in found if chart is not None]


def axes_of(x: str, y: str, **more: Any) -> dict[str, Any]:
    """The layout of a figure with these titles of axes."""
    return {
        "xaxis": {"title": {"text": chart_text(x)}},
        "yaxis": {"title": {"text": chart_text(y)}, "rangemode": "tozero"},
        **more,
    }


def axis_of(table: pd.DataFrame) -> tuple[str, list[tuple[dict[str, float], pd.DataFrame]]]:
    """The share along which curves run, and the rows of each curve: all other shares are the same in them."""
    keys = point_keys(table)
    along = max(keys, key=lambda key: table[key].nunique())
    others = [key for key in keys if key != along and table[key].nunique() > 1]
    if not others:
        return along, [({}, table.sort_values(along))]
    curves = [
        (dict(zip(others, values if isinstance(values, tuple) else (values,), strict=True)), rows.sort_values(along))
        for values, rows in table.groupby(others)
    ]
    return along, _some(curves, MOST_VIEWS)


def _some(curves: list[Any], most: int = MOST_CURVES) -> list[Any]:
    """Not more curves than can be told apart: the first, the last and some evenly between."""
    places = np.unique(np.linspace(0, len(curves) - 1, min(len(curves), most)).round().astype(np.int64))
    return [curves[place] for place in places.tolist()]


def curve_names(points: list[dict[str, float]]) -> list[str]:
    """The shares in which points differ, for a legend; nothing where there is one point."""
    differ = [key for key in points[0] if len({point[key] for point in points}) > 1]
    return [point_words({key: point[key] for key in differ}).removeprefix("at ") for point in points]


def _ramp(place: int, n: int) -> str:
    """A colour from light to dark."""
    return "c0" if n == 1 else f"r{round(100 * place / (n - 1))}"


def share_axis(along: str) -> str:
    """The title of an axis of shares."""
    return f"Share of {POINT_KEYS[along]} (%)"


def curve_with_interval(x: Any, y: Any, low: Any, high: Any, name: str, colour: str, **more: Any) -> Trace:
    """Points on a line with bars from low to high."""
    middle, low, high = (np.asarray(one, np.float64) for one in (y, low, high))
    bars = {
        "type": "data",
        "symmetric": False,
        "array": [one or 0.0 for one in plotted(high - middle)],
        "arrayminus": [one or 0.0 for one in plotted(middle - low)],
        "color": colour,
        "thickness": 1,
    }
    look = {"line": {"color": colour}, "marker": {"color": colour}, "mode": "lines+markers", "error_y": bars}
    return {"type": "scatter", "x": plotted(x), "y": plotted(middle), "name": chart_text(name), **look, **more}


def probability_chart(run: Run) -> Chart:
    """How probable each event is, along the shares."""
    found = run.probabilities
    along, curves = axis_of(found)
    events = [event for event in EVENTS if f"{event}_probability" in found and not event.startswith("balanced")]
    views = {}
    for others, rows in curves:
        traces = [_event_curve(rows, along, event, f"c{place}") for place, event in enumerate(events)]
        line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 5, "y1": 5, "line": {"color": "ink", "dash": "dot"}}
        layout = axes_of(share_axis(along), "Scenarios with such a book (%)", shapes=[line])
        layout["yaxis"] |= {"range": [-3, 103]}
        views[point_words(others) if others else "all"] = {"data": traces, "layout": layout}
    named = "; ".join(f"{EVENTS[event][0]}: {EVENTS[event][1]}" for event in events)
    caption = f"{named}. Bars: exact {100 * CONFIDENCE:g} % intervals from the draws. "
    caption += "Dotted: 5 %." if along != "share" else "Dotted: 5 %, the threshold of the hosting capacity."
    if not is_audited_whole(run.results.scenarios):
        caption += " Voltage and cable are told apart where every book is audited (clearing.audit = true)."
    return Chart("probability", "How often limits are reached", caption, views)


def _event_curve(rows: pd.DataFrame, along: str, event: str, colour: str) -> Trace:
    """The probability of an event along a share."""
    middle, low, high = (100.0 * rows[f"{event}_{end}"] for end in ("probability", "low", "high"))
    return curve_with_interval(100.0 * rows[along], middle, low, high, EVENTS[event][0], colour)


def shares_chart(run: Run) -> Chart:
    """Mean energy along the shares."""
    results, found = run.results, run.summary.set_index("indicator")
    views = {}
    for others, _ in axis_of(results.scenarios[point_keys(results.scenarios)].drop_duplicates())[1]:
        traces = []
        for place, (name, label) in enumerate(ALONG_SHARES.items()):
            rows = found.loc[[name]]
            for key, value in others.items():
                rows = rows[rows[key] == value]
            along = axis_of(results.scenarios)[0]
            rows = rows.sort_values(along)
            x, middle, low, high = 100.0 * rows[along], rows["mean"], rows["mean_low"], rows["mean_high"]
            traces.append(curve_with_interval(x, middle, low, high, label, f"c{place}"))
        layout = axes_of(share_axis(along), f"Energy in {length_of(results)} (kWh)")
        views[point_words(others) if others else "all"] = {"data": traces, "layout": layout}
    bars = "; bars: 95 % confidence intervals of the means" * run.is_sample
    caption = f"Means over the scenarios, in {period_of(results)}{bars}."
    return Chart("shares", "Energy by share", caption, views)


def _time(results: Results, steps: Any) -> tuple[Any, str]:
    """Where these steps begin and the last of all ends: dates of the profiles' clock, or hours from the first."""
    profiles, begin = results.profiles, np.asarray(steps)
    if profiles.time is None:
        return plotted(np.append(begin, profiles.n_steps) * profiles.step_hours), "Hour"
    local = profiles.time.tz_localize(None)
    edges = local[begin].append(local[-1:] + pd.Timedelta(hours=profiles.step_hours))
    return [f"{edge:%Y-%m-%dT%H:%M}" for edge in edges], "Time"


def _to_the_end(values: Any, digits: int = 4) -> list[float | None]:
    """Values of steps with the last one once more, where its step ends."""
    return plotted(np.append(np.asarray(values, np.float64), np.asarray(values, np.float64)[-1:]), digits)


def _by_period(results: Results, books: pd.DataFrame) -> tuple[NDArray[np.int64], str]:
    """The period of each book, counted from 0: its step, or its day where there are too many; and what it is called."""
    steps = books["step"].to_numpy(np.int64)
    if len(books) <= MOST_STEPS:
        return steps, _per(results.profiles.step_hours)
    return np.floor(steps * results.profiles.step_hours / 24.0 + 1e-9).astype(np.int64), "day"


def _per(step_hours: float) -> str:
    """What energy of a step is per."""
    return "hour" if step_hours == 1.0 else f"{60.0 * step_hours:g} min"


def supply_chart(results: Results) -> Chart:
    """Who supplies the load, over time."""
    assert results.books is not None
    books = one_scenario(results.books)
    period, per = _by_period(results, books)
    names = [*SOURCES, "load_kwh", "pv_kwh"]
    books, own, line_of = _with_batteries(books)
    sums = books[names].groupby(period).sum()
    x, title = _time(results, books["step"].groupby(period).first())
    traces: list[Trace] = []
    for name, (label, colour) in (SOURCES | {"self_kwh": (own, SOURCES["self_kwh"][1])}).items():
        if sums[name].sum() > 0.0:
            share = f"{100.0 * sums[name].sum() / max(sums['load_kwh'].sum(), 1e-12):.3g} %"
            look = {"mode": "lines", "stackgroup": "supply", "line": {"width": 0, "shape": "hv"}, "fillcolor": colour}
            traces.append({"type": "scatter", "x": x, "y": _to_the_end(sums[name]), "name": f"{label}, {share}", **look})
    for name, label, dash in (("load_kwh", line_of, "solid"), ("pv_kwh", "PV", "dot")):
        line = {"color": "ink" if name == "load_kwh" else "c4", "width": 1.5, "shape": "hv", "dash": dash}
        total = f"{label}, {sums[name].sum():,.1f} kWh"
        traces.append({"type": "scatter", "mode": "lines", "x": x, "y": _to_the_end(sums[name]), "name": total, "line": line})
    layout = axes_of(title, f"Energy per {per} (kWh)", hovermode="x unified")
    caption = f"{_of_scenario(results, books)}. Areas add up to the {line_of[0].lower()}{line_of[1:]}."
    return Chart("supply", "Who supplies the load", caption, {"all": {"data": traces, "layout": layout}})


def _with_batteries(books: pd.DataFrame) -> tuple[pd.DataFrame, str, str]:
    """Books whose sources add up to a line, and the names of what is used oneself and of the line."""
    own = SOURCES["self_kwh"][0]
    if "charged_kwh" not in books:
        return books, own, "Load"
    charged = books["charged_kwh"]
    if (charged <= books["self_kwh"] + 1e-9 * charged).all():  # what batteries take serves the load when they give it back
        return books.assign(self_kwh=books["self_kwh"] - charged), "Own PV and battery", "Load"
    return books.assign(load_kwh=books["load_kwh"] + charged), own, "Load and charging"  # they take what is bought, too


def _of_scenario(results: Results, rows: pd.DataFrame) -> str:
    """Which scenario a figure is of."""
    if len(results.scenarios) == 1:
        return f"The one scenario, {period_of(results)}"
    point = {key: float(rows[key].iloc[0]) for key in point_keys(rows)}
    where = f" {point_words(point)}" if is_swept(results) else ""
    return f"Scenario {int(rows['scenario'].iloc[0])}{where}, {period_of(results)}"


def state_chart(results: Results) -> Chart:
    """The worst branch loading over time, and where audited the lowest and highest voltage."""
    assert results.books is not None
    books = one_scenario(results.books)
    period, per = _by_period(results, books)
    grouped = books.groupby(period)
    x, title = _time(results, grouped["step"].first())
    power = "active power" if results.study.clearing.physics == "dc" else "apparent power"
    loading = grouped["worst_loading_percent"].max()
    line = {"color": "c3", "shape": "hv", "width": 1.2}
    traces = [{"type": "scatter", "mode": "lines", "x": x, "y": _to_the_end(loading), "name": "Largest loading", "line": line}]
    views = {"Loading": {"data": traces, "layout": axes_of(title, f"Largest branch loading ({power}, %)")}}
    caption = f"{_of_scenario(results, books)}; of the worst branch in each {per}"
    if "highest_vm_pu" in books and books["highest_vm_pu"].notna().any():
        part = results.study.network
        ends = (("highest_vm_pu", "max", "Highest", "c1"), ("lowest_vm_pu", "min", "Lowest", "c0"))
        voltages = [
            {
                "type": "scatter", "mode": "lines" if results.study.audited_every == 1 else "markers", "x": x,
                "y": _to_the_end(grouped[name].agg(kind), 5), "name": f"{label} voltage",
                "line": {"color": colour, "shape": "hv", "width": 1.2}, "marker": {"color": colour, "size": 4},
            }
            for name, kind, label, colour in ends
        ]  # fmt: skip
        layout = axes_of(title, "Voltage (p.u.)", shapes=band_lines(part.v_min_pu, part.v_max_pu))
        layout["yaxis"]["rangemode"] = "normal"
        views["Voltage"] = {"data": voltages, "layout": layout}
        caption += "; of the lowest and highest bus, by AC; dotted: the study's band"
        caption += "" if results.study.audited_every == 1 else "; a sample of the books"
    return Chart("state", "Loading and voltage over time", f"{caption}.", views)


def band_lines(*levels: float) -> list[dict[str, Any]]:
    """Dotted lines across a figure."""
    line = {"color": "ink", "dash": "dot", "width": 1}
    return [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": line} for level in levels]


def hours_chart(results: Results) -> Chart:
    """Energy by hour of the mean day: medians over the scenarios, and quantiles at the smallest and largest share."""
    assert results.hours is not None
    quantiles = find_hour_quantiles(results.hours, BY_HOUR)
    points = _some([point for point, _ in by_point(results.hours)])
    step_hours = max(1.0, results.profiles.step_hours)
    names = curve_names(points)
    views = {}
    for name, label in BY_HOUR.items():
        traces = []
        for place, point in enumerate(points):
            rows = quantiles.xs(tuple(point.values()), level=list(range(len(point))))
            rows = closed(rows, step_hours)
            hour, colour = plotted(rows.index), _ramp(place, len(points))
            title = names[place] or label
            if place == len(points) - 1:
                traces += band(hour, rows[name, 0.05], rows[name, 0.95], colour)
            look = {"mode": "lines", "line": {"color": colour, "shape": "hv"}}
            traces.append({"type": "scatter", "x": hour, "y": plotted(rows[name, 0.5], 4), "name": title, **look})
        views[label] = {"data": traces, "layout": axes_of("Hour of the day", f"Energy per {_per(step_hours)} (kWh)")}
    of = "" if len(points) == 1 else " at each share" if len(points) < MOST_CURVES else " at some of the shares"
    caption = f"The mean day: medians over the scenarios{of}. Band: 5th to 95th percentile"
    return Chart("hours", "Energy by hour of the day", f"{caption}{', at the largest share' * (len(points) > 1)}.", views)


def closed(by_hour: Any, step_hours: float) -> Any:
    """Values by hour with the last one once more at its end: after an hour, or a longer step."""
    last = by_hour.iloc[[-1]].copy()
    last.index = last.index + max(1.0, step_hours)
    return pd.concat([by_hour, last])


def band(x: Any, low: Any, high: Any, colour: str) -> list[Trace]:
    """A pale band between two curves, without a name."""
    look: Trace = {"type": "scatter", "mode": "lines", "x": x, "showlegend": False, "hoverinfo": "skip"}
    line = {"width": 0, "shape": "hv"}
    fill = {"fill": "tonexty", "fillcolor": f"{colour}~"}
    return [{**look, "y": plotted(low, 4), "line": line}, {**look, "y": plotted(high, 4), "line": line, **fill}]


def voltage_chart(results: Results) -> Chart | None:
    """Lowest and highest voltage by hour of the day, over the scenarios."""
    assert results.hours is not None
    hours = results.hours.dropna(subset=["highest_vm_pu"])
    if hours.empty:
        return None
    points = _some([point for point, _ in by_point(hours)])
    traces, names = [], curve_names(points)
    for place, point in enumerate(points):
        rows = hours[(hours[list(point)] == pd.Series(point)).all(axis=1)].groupby("hour")
        colour, name = _ramp(place, len(points)), names[place] or "Voltage"
        for column, kind in (("highest_vm_pu", "max"), ("lowest_vm_pu", "min")):
            extreme = closed(rows[column].agg(kind), results.profiles.step_hours)
            look = {"legendgroup": name, "showlegend": column == "highest_vm_pu", "line": {"color": colour, "shape": "hv"}}
            one = {"type": "scatter", "mode": "lines", "x": plotted(extreme.index), "y": plotted(extreme), "name": name, **look}
            traces.append(one)
    part = results.study.network
    layout = axes_of("Hour of the day", "Voltage (p.u.)", shapes=band_lines(part.v_min_pu, part.v_max_pu))
    layout["yaxis"]["rangemode"] = "normal"
    model = "balanced model" if part.phases == 1 else "three phases, between phase and neutral"
    of = "" if results.study.audited_every == 1 else ", a sample"
    caption = f"The highest and the lowest voltage of any bus in any scenario, of the audited books{of} ({model}). "
    return Chart(
        "voltage",
        "Voltage by hour of the day",
        f"{caption}Dotted: the study's band.",
        {"all": {"data": traces, "layout": layout}},
    )


def loading_chart(results: Results) -> Chart:
    """Which part of the scenarios stays below a worst branch loading."""
    points = _some(list(by_point(results.scenarios)))
    traces, names = [], curve_names([point for point, _ in points])
    for place, (_, rows) in enumerate(points):
        worst = np.sort(rows["worst_loading_percent"].to_numpy(np.float64))
        part = 100.0 * np.arange(1, len(worst) + 1) / len(worst)
        some = np.unique(np.linspace(0, len(worst) - 1, min(len(worst), 200)).round().astype(np.int64))
        name = names[place] or "Scenarios"
        line = {"color": _ramp(place, len(points)), "shape": "hv"}
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": plotted(worst[some], 4),
                "y": plotted(part[some], 4),
                "name": name,
                "line": line,
            }
        )
    power = "active" if results.study.clearing.physics == "dc" else "apparent"
    layout = axes_of("Largest branch loading (%)", "Scenarios at or below it (%)")
    caption = f"Of each scenario the worst branch in the worst step of {length_of(results)}, by {power} power."
    return Chart("loading", "Branch loading", caption, {"all": {"data": traces, "layout": layout}})


def bills_chart(results: Results) -> Chart | None:
    """What each household saves, at the largest shares."""
    assert results.participants is not None
    *_, (point, rows) = by_point(results.participants)
    mean = rows.groupby("bus")["saving"].mean().sort_values(ascending=False)
    if mean.empty:
        return None
    n = rows["scenario"].nunique()
    shown = mean if len(mean) <= MOST_BARS else pd.concat([mean.iloc[: MOST_BARS // 2], mean.iloc[-MOST_BARS // 2 :]])
    bar = {"type": "bar", "x": [f"bus {bus}" for bus in shown.index.tolist()], "y": plotted(shown), "name": "Saving"}
    layout = axes_of("", f"Saving in {length_of(results)} ({currency_of(results.study)})", showlegend=False)
    layout["yaxis"]["rangemode"] = "normal"
    layout["xaxis"] |= {"type": "category", "showticklabels": len(shown) <= 60}
    of = f"Mean of {n:,} scenarios" if n > 1 else "Of the one scenario"
    where = f", {point_words(point)}" if is_swept(results) else ""
    caption = f"{of}{where}: bill without trading less bill, so above zero is a gain."
    caption += f" The {MOST_BARS // 2} greatest and least of {len(mean):,}." if len(shown) < len(mean) else ""
    return Chart(
        "bills", "Saving of each household", caption, {"all": {"data": [{**bar, "marker": {"color": "c2"}}], "layout": layout}}
    )
