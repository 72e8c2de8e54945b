"""The tables of docs/performance.md from a results file: what stands between ``<!-- bench NAME -->`` and ``<!-- end -->``."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import phases, scale
from bench.networks import SOURCES

Results = dict[str, Any]

FLOW_TARGETS = {"44": 1.0, "80": 1.5, "129": 2.0, "907": 2.0}


def write(results: Results, docs: Path) -> None:
    """Fill the tables of the page, and draw its figure.

    Raises
    ------
    ValueError
        If the page names a table that there is none of.
    """
    page = docs / "performance.md"

    def filled(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in TABLES:
            raise ValueError(f"{page}: there is no table {name!r}; there are {', '.join(TABLES)}")
        return f"<!-- bench {name} -->\n{TABLES[name](results).rstrip()}\n<!-- end -->"

    text = re.sub(r"<!-- bench (\w+) -->\n.*?<!-- end -->", filled, page.read_text(encoding="utf-8"), flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
    scale.draw(results["scale"], docs / "images" / "scale.png")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures(value: float) -> str:
    """Three figures, with separators."""
    if not math.isfinite(value):
        return "–"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{round(value, 2 - math.floor(math.log10(abs(value)))) if value else 0:,.{digits}f}"


def spread(row: dict[str, Any]) -> str:
    """µs: median (spread)."""
    return f"{figures(row['us'])} ({figures(row['us_low'])}–{figures(row['us_high'])})"


def times(row: dict[str, Any]) -> str:
    """A ratio: median (spread)."""
    return f"{figures(row['ratio'])} ({figures(row['ratio_low'])}–{figures(row['ratio_high'])})"


def machine(results: Results) -> str:
    rates = results["rates"]
    in_memory, in_cache = rates["memory_bytes_per_s"] / 1e9, rates["cache_bytes_per_s"] / 1e9
    return (
        f"{results['date']}. {results['machine']}. {results['python']}. {results['threads']}.\n\n"
        f"One core copies {in_memory:.1f} GB/s in memory and {in_cache:.0f} GB/s in its cache (bytes read plus bytes written) "
        f"and does {rates['operations_per_s'] / 1e9:.1f} · 10⁹ scalar operations per second. Everything took "
        f"{results['seconds'] / 60:.0f} minutes."
    )


def targets(results: Results) -> str:
    rows = [
        (what, f"{'≤' if at_most else '≥'} {figures(goal)}{unit}", f"{figures(found)}{unit}", _verdict(found, goal, at_most))
        for what, goal, found, unit, at_most in _targets(results["contests"])
    ]
    return table(("target", "asked", "measured", ""), rows)


def _targets(contests: dict[str, Any]) -> Iterator[tuple[str, float, float, str, bool]]:
    """What was asked for, how much, what was found, its unit, and whether less is better."""
    by_notebook, by_grid = (
        _ratio(contests["whole_book"], what) for what in ("the notebook's way", "lightsim2grid DC, flow alone")
    )
    yield "whole book, 44 buses, beside the notebook's way", 50_000, by_notebook, " ×", False
    yield "whole book, 44 buses, beside lightsim2grid's DC flow alone", 2, by_grid, " ×", False
    for key, goal in FLOW_TARGETS.items():
        yield (
            f"flow, {key} buses, beside NumPy's PTDF product",
            goal,
            _ratio(contests.get(f"flows_{key}", []), "NumPy"),
            " ×",
            False,
        )
    for sweep in dict.fromkeys(row["sweep"] for row in contests["workers"]):
        two = [row for row in contests["workers"] if row["sweep"] == sweep and row["what"] != "1 worker"]
        best = max(1.0 / row["ratio"] for row in two)
        yield f"two workers beside one, {sweep} (the better of threads and processes)", 1.6, best, " ×", False
    for row in contests.get("lps_44", []):
        if row["what"].startswith("HiGHS, expressions, angles") and "ratio" in row:
            yield (
                f"LP book, 44 buses, {row['trades']} trades, beside the angle LP in expressions",
                20,
                row["ratio"],
                " ×",
                False,
            )
    yield "the command `fastp2p run pv-sweep`", 6, contests["command"][0]["us"] / 1e6, " s", True


def _ratio(rows: list[dict[str, Any]], what: str) -> float:
    return next((row["ratio"] for row in rows if row["what"].startswith(what) and "ratio" in row), math.nan)


def _verdict(found: float, goal: float, at_most: bool) -> str:
    if math.isnan(found):
        return "not measured"
    return "met" if (found <= goal if at_most else found >= goal) else "missed"


def whole_book(results: Results) -> str:
    return _compared(results["contests"]["whole_book"], "times ours")


def flows(results: Results) -> str:
    """Peers down, networks across; ratios to ours below the µs."""
    by_key = {key: results["contests"].get(f"flows_{key}", []) for key in SOURCES}
    physics = {row["what"]: row["physics"] for rows in by_key.values() for row in rows if "physics" in row}
    gaps = sorted({f"{row['what']}: {row['gap']}" for rows in by_key.values() for row in rows if "gap" in row})
    cells = {(row["what"], key): row for key, rows in by_key.items() for row in rows if "us" in row}

    def cell(what: str, key: str) -> str:
        row = cells.get((what, key))
        if row is None:
            return "–"
        return figures(row["us"]) if what == "fastp2p" else f"{figures(row['us'])} ({figures(row['ratio'])} ×)"

    rows = [(what, physics[what], *(cell(what, key) for key in SOURCES)) for what in physics]
    return table(("µs per book", "physics", *SOURCES), rows) + "".join(f"\n\nGap: {gap}." for gap in gaps)


def lps(results: Results) -> str:
    rows = []
    for key in SOURCES:
        for row in results["contests"].get(f"lps_{key}", []):
            if "gap" in row:
                rows.append((key, "", row["what"], row["gap"], ""))
            else:
                rows.append((key, str(row["trades"]), row["what"], spread(row), "" if row["what"] == "fastp2p" else times(row)))
    return table(("network", "trades", "way", "µs per book", "times ours"), rows)


def grid(results: Results) -> str:
    """Phases down, networks and sizes across."""
    cells = {(row["phase"], row["network"], row["books"]): row for row in results["phases"]}
    sizes = sorted({row["books"] for row in results["phases"]})
    columns = [(key, n) for key in SOURCES for n in sizes if ("match", key, n) in cells]
    rows = [(phase, *(figures(cells[phase, *column].get("us", math.nan)) for column in columns)) for phase in phases.PHASES]
    return table(("µs per book", *(f"{key}: {n:,}" for key, n in columns)), rows)


def floor(results: Results) -> str:
    """What must move and be computed, how long that takes at the measured rates, and what was measured; 8,760 books."""
    rates, rows = results["rates"], []
    for row in results["phases"]:
        if row["books"] != 8_760 or "gap" in row or math.isnan(row["moved_bytes"]):
            continue
        moving = row["moved_bytes"] / rates["memory_bytes_per_s"] * 1e6
        computing = row["operations"] / rates["operations_per_s"] * 1e6
        least = max(moving, computing)
        rows.append(
            (
                row["phase"],
                row["network"],
                *(f"{row[name]:,.0f}" for name in ("moved_bytes", "operations")),
                *(figures(us) for us in (moving, computing, row["us"], row["us"] / least)),
            )
        )
    headings = ("phase", "network", "bytes", "operations", "µs to move", "µs to compute", "µs measured", "times the floor")
    return table(headings, rows)


def workers(results: Results) -> str:
    rows = [
        (
            row["sweep"],
            f"{row['books']:,}",
            f"{row['lp_share']:.1%}",
            row["what"],
            figures(row["us"]),
            figures(1.0 / row["ratio"]),
        )
        for row in results["contests"]["workers"]
    ]
    return table(("sweep", "books", "LP books", "way", "µs per book", "times as fast as one"), rows)


def memory(results: Results) -> str:
    rows = [(row["network"], f"{row['books']:,}", f"{row['megabytes']:.0f}") for row in results["memory"]]
    return table(("network", "books of a sweep", "peak MB"), rows)


def growth(results: Results) -> str:
    found = results["scale"]
    rows = [
        (scale.TITLES[axis], f"{min(values['size']):,} – {max(values['size']):,}", f"{values['exponent']:.2f}")
        for axis, values in found.items()
    ]
    hours, books = scale.country_hours(found), scale.FEEDERS * scale.STEPS_PER_YEAR * scale.SCENARIOS
    text = (
        f"A country of {scale.FEEDERS:,} feeders like CIGRE LV (an assumed number), a year, {scale.SCENARIOS} scenarios: that "
        f"is {books / 1e9:,.0f} billion books. At the {figures(hours * 3.6e9 / books)} µs a book of the longest study above, "
        f"that is {figures(hours)} hours of one core, {figures(hours / 64)} hours of 64: a multiplication, as long studies "
        "cost in proportion. It is one share of PV, in memory, and nothing binds; add the LP books at their price, and files."
    )
    return table(("cost of", "from – to", "exponent"), rows) + f"\n\n{text}"


def _compared(rows: list[dict[str, Any]], heading: str) -> str:
    cells = [
        (row["what"], row["gap"], "") if "gap" in row else (row["what"], spread(row), times(row) if row["ratio"] != 1.0 else "")
        for row in rows
    ]
    return table(("what", "µs per book", heading), cells)


TABLES: dict[str, Callable[[Results], str]] = {
    "machine": machine,
    "targets": targets,
    "whole_book": whole_book,
    "flows": flows,
    "lps": lps,
    "grid": grid,
    "floor": floor,
    "workers": workers,
    "memory": memory,
    "growth": growth,
}
