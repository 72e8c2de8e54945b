"""Interactive figures of a region: what each feeder hosts, which part of them hosts how much, what tells of it, and where."""

from __future__ import annotations

import numpy as np

from fastp2p.grid.features import FEATURES
from fastp2p.report.facts import length_of
from fastp2p.report.figures import ALONG_SHARES, Trace, axes_of, axis_of, curve_with_interval, share_axis
from fastp2p.report.numbers import EVENTS, point_words
from fastp2p.report.plain import Chart, chart_text, plotted
from fastp2p.report.region_numbers import NONE_FIRST, Answers
from fastp2p.results.points import POINT_KEYS, point_keys
from fastp2p.results.ranking import limiting_events, share_words
from fastp2p.results.region import caution_of, of_event
from fastp2p.text import LONGEST_NAME

MOST_NAMED = 40
"""Feeders whose names stand at the axis."""
LONGEST_LABEL = 18
DISTRIBUTION = {"share": 0.0, "part": 100.0, "part_low": 100.0, "part_high": 100.0}
"""Columns of a curve, and where it begins."""
COLOURS = {"voltage": "c0", "cable": "c3", "unbalance": "c4", "cut": "c1", None: "c2"}
"""By what limits a feeder first."""


def region_charts(answers: Answers) -> list[Chart]:
    """The figures of a region, as far as it has what they show."""
    found = []
    if len(answers.ranked):
        found += [feeders_chart(answers), distribution_chart(answers)]
    totals = totals_chart(answers)
    found += [totals] if totals else []
    if len(answers.ranked):
        found += [chart for chart in (features_chart(answers), map_chart(answers)) if chart]
    return found


def _at(answers: Answers) -> str:
    """At which shares of swept devices hosting capacities are."""
    return f" {point_words(answers.devices)}" if answers.devices else ""


def feeders_chart(answers: Answers) -> Chart:
    """The hosting capacity of every feeder, the lowest first, coloured by what limits it."""
    ranked = answers.ranked
    names = [chart_text(name, LONGEST_NAME) for name in ranked["feeder"]]
    is_named = len(names) <= MOST_NAMED
    place = np.arange(1, len(names) + 1)
    low, high = (100.0 * ranked[name].to_numpy(np.float64) for name in ("hosting_share", "next_share"))
    sure, perhaps = (100.0 * ranked[name].to_numpy(np.float64) for name in ("hosting_share_low", "next_share_high"))
    ends, perhaps = np.nan_to_num(high, nan=100.0), np.nan_to_num(perhaps, nan=100.0)
    texts = [
        f"{name}: {share_words(*of)}"
        for name, of in zip(names, ranked[["hosting_share", "next_share"]].itertuples(index=False, name=None), strict=True)
    ]
    pale = {"marker": {"color": "ink~"}, "name": "95 % confidence of the draws", "hoverinfo": "skip"}
    traces: list[Trace] = [{"type": "bar", "x": place.tolist(), "y": plotted(perhaps - sure), "base": plotted(sure), **pale}]
    limits = ranked["limited_by"].where(ranked["limited_by"].notna(), None)
    for limit in (*limiting_events(answers.tables["hosting"]), None):
        here = np.flatnonzero([one is None if limit is None else one == limit for one in limits])
        if len(here):
            traces.append(
                {
                    "type": "bar", "x": place[here].tolist(), "y": plotted((ends - low)[here]), "base": plotted(low[here]),
                    "hovertext": [texts[one] for one in here.tolist()], "hoverinfo": "text",
                    "marker": {"color": COLOURS[limit]},
                    "name": NONE_FIRST if limit is None else EVENTS[limit][0],
                }
            )  # fmt: skip
    layout = axes_of(
        "" if is_named else "Feeders, those that host least first", "Share of PV (%)", barmode="overlay", bargap=0.15
    )
    layout["yaxis"] |= {"range": [0, 103]}
    if is_named:
        layout["xaxis"] |= {
            "tickvals": place.tolist(),
            "ticktext": [chart_text(name, LONGEST_LABEL) for name in ranked["feeder"]],
            "tickangle": -60,
        }
    known = "; ".join(f"{EVENTS[event][0]}: {EVENTS[event][1]}" for event in limiting_events(answers.tables["hosting"]))
    caption = (
        "A bar reaches from the last share of PV that was tried and that the feeder hosts to the first that it does not, or to "
        f"100 % where it hosts all of them{_at(answers)}. Coloured by what happens first in more than 5 % of the scenarios. "
        f"{known}."
    )
    return Chart("feeders", "What each feeder hosts", caption, {"all": {"data": traces, "layout": layout}})


def distribution_chart(answers: Answers) -> Chart:
    """Which part of the feeders, and of the homes, hosts at least a share of PV."""
    found, views = answers.tables["distribution"], {}
    events = dict.fromkeys((*limiting_events(answers.tables["hosting"]), "cut"))
    for of in ("feeders", "homes"):
        rows = found[found["of"] == of]
        traces = []
        for event in events:
            here = rows[rows["event"] == event].sort_values("share")
            if len(here):
                # everybody hosts nothing
                share, part, low, high = ([at, *(100.0 * here[name])] for name, at in DISTRIBUTION.items())
                curve = curve_with_interval(share, part, low, high, EVENTS[event][0], COLOURS[event])
                traces.append(curve | {"line": curve["line"] | {"shape": "vh"}})
        if traces:
            layout = axes_of("Share of PV (%)", f"{of.capitalize()} that host it (%)")
            layout["yaxis"] |= {"range": [-3, 103]}
            views[of.capitalize()] = {"data": traces, "layout": layout}
    caption = (
        f"The part of all feeders, and of all homes, by weight, whose hosting capacity is at least a share{_at(answers)}. "
        "Bars: 95 % intervals that take the feeders as a sample of more. Steps lie at the shares that were tried."
    )
    return Chart("distribution", "How many feeders host how much", caption, views)


def totals_chart(answers: Answers) -> Chart | None:
    """Energy of all feeders together along the shares; None where there is one."""
    totals = answers.totals[answers.totals["region"].isna()]
    keys = point_keys(totals)
    if len(totals[keys].drop_duplicates()) < 2:
        return None
    views = {}
    for others, _ in axis_of(totals[keys].drop_duplicates())[1]:
        traces, along = [], axis_of(totals[keys].drop_duplicates())[0]
        for place, (name, label) in enumerate(ALONG_SHARES.items()):
            rows = totals[totals["indicator"] == name]
            for key, value in others.items():
                rows = rows[rows[key] == value]
            rows = rows.sort_values(along)
            middle, low, high = (rows[end] for end in ("estimate", "estimate_low", "estimate_high"))
            traces.append(curve_with_interval(100.0 * rows[along], middle, low, high, label, f"c{place}"))
        layout = axes_of(share_axis(along), f"Energy in {length_of(answers.run.results)} (kWh)")
        views[point_words(others) if others else "all"] = {"data": traces, "layout": layout}
    caption = "All feeders together, by their weights; bars: 95 % intervals that take them as a sample of more."
    return Chart("totals", "Energy by share", caption, views)


def _telling(answers: Answers) -> str:
    """What limits most feeders first, if they differ by it; else the first event by which they do."""
    hosting, limits = answers.tables["hosting"], answers.ranked["limited_by"].value_counts()
    known: dict[str, None] = dict.fromkeys((*map(str, limits.index), *limiting_events(hosting), "cut"))
    events = [event for event in known if (hosting["event"] == event).any()]
    return next((one for one in events if of_event(hosting, one)["hosting_share"].nunique() > 1), events[0])


def features_chart(answers: Answers) -> Chart | None:
    """How strongly each feature goes with the hosting capacity, and the one that tells most of it."""
    hosting, ranks = answers.tables["hosting"], answers.tables["ranks"]
    if ranks.empty:
        return None
    event, about = _telling(answers), {one.name: one for one in FEATURES}
    rows = ranks[(ranks["event"] == event) & ranks["rank_correlation"].notna()]
    if rows.empty:
        return None
    first = about[str(rows["feature"].iloc[0])]
    shown = rows.iloc[::-1]
    middle, low, high = (shown[f"rank_correlation{end}"].to_numpy(np.float64) for end in ("", "_low", "_high"))
    bars = {
        "type": "data", "symmetric": False, "color": "ink", "thickness": 1,
        "array": [one or 0.0 for one in plotted(high - middle)], "arrayminus": [one or 0.0 for one in plotted(middle - low)],
    }  # fmt: skip
    names = [about[str(name)].words for name in shown["feature"]]
    bar = {"type": "bar", "orientation": "h", "x": plotted(middle), "y": names, "error_x": bars, "marker": {"color": "c0"}}
    ranking = axes_of("Rank correlation with the hosting capacity", "", showlegend=False)
    ranking["xaxis"] |= {"range": [-1.05, 1.05]}
    points = of_event(hosting, event).merge(answers.feeders[["feeder", first.name]], on="feeder").dropna(subset=[first.name])
    dots = {
        "type": "scatter", "mode": "markers", "x": plotted(points[first.name]), "y": plotted(100.0 * points["hosting_share"]),
        "text": [chart_text(name, LONGEST_NAME) for name in points["feeder"]], "hoverinfo": "text+x+y",
        "marker": {"color": "c0~" if len(points) > 200 else "c0", "size": 7},
    }  # fmt: skip
    unit = f" ({first.unit})" if first.unit else ""
    views = {
        "All features": {"data": [bar], "layout": ranking},
        first.words: {
            "data": [dots],
            "layout": axes_of(f"{first.words}{unit}", "Largest share that is hosted (%)", showlegend=False),
        },
    }
    caption = f"Limited by: {EVENTS[event][0].lower()}{_at(answers)}. Spearman's rank correlation, bars: 95 % intervals. "
    caption += f"A correlation is no cause. {caution_of(len(points), len(rows))}"
    return Chart("features", "What tells most of the hosting capacity", caption.strip(), views)


def map_chart(answers: Answers) -> Chart | None:
    """Where the feeders are, coloured by what they host; None without coordinates."""
    if "x" not in answers.feeders:
        return None
    rows = answers.ranked.merge(answers.feeders[["feeder", "x", "y"]], on="feeder").dropna(subset=["x", "y"])
    if rows.empty:
        return None
    traces = []
    shares = sorted(rows["hosting_share"].unique())
    for share, here in rows.groupby("hosting_share", sort=True):
        at = {"x": plotted(here["x"], 8), "y": plotted(here["y"], 8), "type": "scatter", "mode": "markers"}
        words = [share_words(*of) for of in here[["hosting_share", "next_share"]].itertuples(index=False, name=None)]
        named = [f"{chart_text(name, LONGEST_NAME)}: {of}" for name, of in zip(here["feeder"], words, strict=True)]
        colour = f"r{round(100 * shares.index(share) / max(1, len(shares) - 1))}"
        look = {"marker": {"color": colour, "size": 9}, "text": named, "hoverinfo": "text"}
        traces.append({**at, **look, "name": words[0]})
    layout = axes_of("", "", legend={"title": {"text": f"Share of {POINT_KEYS['share']}"}})
    layout["yaxis"] |= {"rangemode": "normal", "scaleanchor": "x"}
    caption = f"The middle of each feeder's buses that have coordinates; colours: what it hosts{_at(answers)}."
    missing = len(answers.feeders) - len(rows)
    caption += f" {missing:,} feeders have none." if missing else ""
    return Chart("map", "Where the feeders are", caption, {"all": {"data": traces, "layout": layout}})
