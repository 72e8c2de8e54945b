"""The tables of docs/performance.md from a results file: what stands between ``<!-- bench NAME KIND -->`` and ``<!-- end -->``.

The page has tables of several kinds of processor; results fill those whose kind is a word in the name of theirs.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import phases, scale
from bench.contests import HOMES
from bench.networks import SOURCES

Results = dict[str, Any]

HOME_FLOW_TARGETS = {"44": 1.5, "80": 2.5, "129": 3.0, "907": 15.0}
FREE, FREE_US = "no limit binds", 1.2
WORKER_TARGETS = {FREE: 1.8, "LP-heavy": 1.6}


def write(results: Results, docs: Path) -> None:
    """Fill the tables of the page, and draw its figure.

    Raises
    ------
    ValueError
        If the page names a table that there is none of.
    """
    page, processor = docs / "performance.md", results["machine"].split(",")[0]
    made = set()

    def filled(found: re.Match[str]) -> str:
        name, kind = found.groups()
        if name not in TABLES:
            raise ValueError(f"{page}: there is no table {name!r}; there are {', '.join(TABLES)}")
        if kind not in processor:
            return found.group(0)
        made.add(name)
        taken = "" if name == "machine" else f"*{processor}, {results['date']}*\n\n"
        return f"<!-- bench {name} {kind} -->\n{taken}{TABLES[name](results).rstrip()}\n<!-- end -->"

    text = re.sub(r"<!-- bench (\w+) (\w+) -->\n.*?<!-- end -->", filled, page.read_text(encoding="utf-8"), flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
    if "growth" in made:
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
    for key, goal in HOME_FLOW_TARGETS.items():
        found = _ratio(contests.get("home_flows", []), "NumPy", key)
        yield f"flow of {HOMES} homes, {key} buses, beside NumPy's PTDF product", goal, found, " ×", False
    for sweep, goal in WORKER_TARGETS.items():
        ways = [row for row in contests["workers"] if row["sweep"] == sweep]
        best = max(1.0 / row["ratio"] for row in ways if row["what"] != "1 worker")
        yield f"two workers beside one, {sweep} (the better of threads and processes)", goal, best, " ×", False
        if sweep == FREE:
            one = next(row["us"] for row in ways if row["what"] == "1 worker")
            yield f"a book of a sweep in which {sweep}, one worker", FREE_US, one, " µs", True
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


def _ratio(rows: list[dict[str, Any]], what: str, key: str | None = None) -> float:
    there = (row for row in rows if row["what"].startswith(what) and "ratio" in row and row.get("network") == key)
    return next((row["ratio"] for row in there), math.nan)


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


def home_flows(results: Results) -> str:
    rows = [
        (row["network"], row["what"], spread(row), "" if row["what"] == "fastp2p" else times(row))
        for row in results["contests"]["home_flows"]
    ]
    return table(("network", "way", "µs per book", "times ours"), rows)


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
    "home_flows": home_flows,
    "lps": lps,
    "grid": grid,
    "floor": floor,
    "workers": workers,
    "memory": memory,
    "growth": growth,
}
