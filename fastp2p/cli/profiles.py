"""The commands `fastp2p profiles …`: look at profiles, bring them to a file of their own, find typical days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from fastp2p.cli.console import cell, errors, fault_exit, make_table, say
from fastp2p.errors import InputError
from fastp2p.io.files import kind_of
from fastp2p.io.ours import is_ours
from fastp2p.io.paths import expanded
from fastp2p.text import LONGEST_NAME, shown_text

if TYPE_CHECKING:
    from fastp2p.profiles.profiles import Profiles
    from fastp2p.profiles.typical_days import Clusters

MOST_ROWS = 20
COUNTS = range(2, 9)

profiles_app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Load and PV profiles from their sources."
)


Sources = Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, `typical_day` or simbench:CODE.")]
OF_SOURCES = {
    "unit": (str | None, typer.Option(help="Unit of a table's columns without one, such as kW or kWh/kWp.")),
    "zone": (
        str | None,
        typer.Option(help="Clock, such as Europe/Berlin, of times without an offset to UTC; others are converted to it."),
    ),
    "period_ending": (bool, typer.Option("--period-ending", help="A table's times are the ends of their steps.")),
    "cumulative": (bool, typer.Option("--cumulative", help="A table's values are cumulative meter readings.")),
    "floor_area_sqft": (float | None, typer.Option(help="Floor area of one ComStock customer, square feet.")),
    "units_represented": (
        float | None,
        typer.Option(help="Units that an NREL file sums over, if it does not state them."),
    ),
    "net": (bool, typer.Option("--net", help="NREL: electricity net of PV.")),
    "year": (int | None, typer.Option(help="Global Solar Atlas: a calendar year of its typical days.")),
}
"""The options of `Profiles.load`, each for the sources whose reader has it."""
StepHours = Annotated[float | None, typer.Option(help="Convert to steps of this many hours.")]
FirstDay = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Begin on this day.")]
Months = Annotated[str | None, typer.Option(help="Keep these months, such as 12,1,2.")]
NoLeapDay = Annotated[bool, typer.Option("--no-leap-day", help="Leave out 29 February.")]
Days = Annotated[int | None, typer.Option(min=1, help="Number of days; shorter profiles repeat.")]
Out = Annotated[Path, typer.Option(help="File to write, .csv or .parquet.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that fastp2p has written.")]


def with_options_of_sources(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of sources as Typer sees them, in place of its `**options`."""
    own = [one for one in signature(command, eval_str=True).parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=False if kind is bool else None, annotation=Annotated[kind, option])
        for name, (kind, option) in OF_SOURCES.items()
    ]
    command.__signature__ = Signature([*own, *added])  # type: ignore[attr-defined]  # which functions may have
    return command


@profiles_app.command()
@fault_exit
@with_options_of_sources
def show(sources: Sources, **options: Any) -> None:
    """List the profiles of a source."""
    from fastp2p.profiles.profiles import Profiles

    for source in sources:
        _print_profiles(Profiles.load(source, **options))


@profiles_app.command()
@fault_exit
@with_options_of_sources
def convert(
    sources: Sources,
    out: Out,
    step_hours: StepHours = None,
    first_day: FirstDay = None,
    months: Months = None,
    no_leap_day: NoLeapDay = False,
    days: Days = None,
    overwrite: Overwrite = False,
    **options: Any,
) -> None:
    """Bring profiles of one or several sources to one file on one time axis, for `profiles.source` of a study."""
    from fastp2p.profiles.sources import load_several

    out = expanded(out)
    _check_out([out], overwrite)
    first = None if first_day is None else first_day.date()
    found = load_several(
        [(source, {} if source == "typical_day" and len(sources) > 1 else options) for source in sources],
        zone=options["zone"],
        step_hours=step_hours,
        first_day=first,
        months=_months(months),
        leap_day=not no_leap_day,
        days=days,
    )
    found.save(out)
    _print_profiles(found)
    say(Console(highlight=False), "wrote", "", str(out))


@profiles_app.command()
@fault_exit
def cluster(
    source: Annotated[str, typer.Argument(help="File, `typical_day` or simbench:CODE; `convert` files that need options.")],
    k: Annotated[int | None, typer.Option(min=1, help="Number of clusters; if left out, 2 to 8 are compared.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the typical days, .csv or .parquet; a figure and a table of the days go beside it."),
    ] = None,
    kind: Annotated[
        Literal["load", "pv", "net"] | None, typer.Option(help="Kind of profiles; needed if the source has several.")
    ] = None,
    centre: Annotated[Literal["median", "mean", "medoid"], typer.Option(help="The typical day of a cluster.")] = "median",
    normalise: Annotated[
        bool, typer.Option("--normalise", help="Compare days by shape: each is divided by its energy.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Find typical days among the days of profiles."""
    from fastp2p.profiles.profiles import Profiles
    from fastp2p.profiles.typical_days import cluster_days, compare_cluster_counts

    if (k is None) != (out is None):
        raise InputError("give --k and --out together, or neither to compare the numbers of clusters")
    out = None if out is None else expanded(out)
    beside = [] if out is None else [out, *(out.with_name(out.stem + end) for end in ("-days.csv", ".png", ".pdf"))]
    _check_out(beside, overwrite)
    profiles = Profiles.load(source)
    console = Console(highlight=False)
    if k is None or out is None:
        with errors.status(Text(f"clustering the days of {shown_text(source, LONGEST_NAME)}")):
            counts = compare_cluster_counts(profiles, COUNTS, kind=kind, normalise=normalise, seed=seed)
        table = make_table("k", "inertia", "silhouette", "smallest", caption="")
        for row in counts.itertuples():
            table.add_row(str(row.k), f"{row.inertia:.4g}", f"{row.silhouette:.3f}", str(row.smallest_days))
        console.print(table)
        say(console, "smallest:", "", "days in the smallest cluster; the larger the silhouette, the better")
        return
    from fastp2p.io.files import replace_file
    from fastp2p.sweep.drawing import replace_typical

    with errors.status(Text(f"clustering the days of {shown_text(source, LONGEST_NAME)}")):
        found = cluster_days(profiles, k, kind=kind, centre=centre, normalise=normalise, seed=seed)
    found.profiles.save(out)
    replace_file(beside[1], partial(found.days().to_csv, index=False), f"{out} is whole")
    replace_typical(found, out.with_suffix(""))
    _print_clusters(found, console)
    say(console, "wrote", "", ", ".join(str(path) for path in beside))


def _check_out(files: list[Path], overwrite: bool) -> None:
    """That files can be written, before anything is read."""
    faults = []
    if files and files[0].suffix.lower() not in (".csv", ".parquet"):
        faults.append(f"{files[0]}: profiles are written to a .csv or .parquet file")
    kinds = {path: kind_of(path) for path in files}
    faults += [f"{path} exists; --overwrite replaces it" for path in files if kinds[path] == "file" and not overwrite]
    foreign = [path for path in files if kinds[path] == "file" and overwrite and not is_ours(path)]
    faults += [f"{path} was not written by fastp2p and is not overwritten; move it, or choose another name" for path in foreign]
    faults += [f"{path} is a {kind}, not a file" for path, kind in kinds.items() if kind not in ("file", "nothing")]
    faults += [f"{folder}: no such folder" for folder in {path.parent for path in files} if not folder.is_dir()]
    if faults:
        raise InputError(faults)


def _months(text: str | None) -> tuple[int, ...]:
    try:
        months = tuple(int(one) for one in (text or "").split(",") if one.strip())
    except ValueError:
        months = (0,)
    if not all(1 <= month <= 12 for month in months) or (text is not None and not months):
        raise InputError(f"--months {text}: must list months 1 to 12, such as 12,1,2")
    return months


def _print_profiles(profiles: Profiles) -> None:
    days = profiles.n_steps * profiles.step_hours / 24.0
    steps = f"{profiles.n_steps:,} steps of {profiles.step_hours * 60:g} min"
    if profiles.time is not None:
        steps += f", {profiles.time[0]:%Y-%m-%d %H:%M} to {profiles.time[-1]:%Y-%m-%d %H:%M}, {profiles.clock}"
    table = make_table("profile", "unit", "sum", "a day", "peak kW", caption="")
    power = profiles.kwh_per_unit / profiles.step_hours
    for name, unit, row, kwh in list(zip(profiles.names, profiles.units, power, profiles.kwh_per_unit, strict=True))[
        :MOST_ROWS
    ]:
        table.add_row(cell(name), unit, f"{kwh.sum():,.2f}", f"{kwh.sum() / days:.3f}", f"{row.max():.3f}")
    console = Console(highlight=False)
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)
    if len(profiles.names) > MOST_ROWS:
        say(console, "and", "", f"{len(profiles.names) - MOST_ROWS} more profiles")
    say(console, steps, "", "")


def _print_clusters(clusters: Clusters, console: Console) -> None:
    table = make_table("cluster", "days", "share", "kWh a day", caption=f"inertia {clusters.inertia:.4g}")
    energy = clusters.profiles.kwh_per_unit.sum(axis=1)
    for name, size, kwh in zip(clusters.profiles.names, clusters.size, energy, strict=True):
        table.add_row(cell(name), str(size), f"{size / clusters.size.sum():.0%}", f"{kwh:.3f}")
    console.print(table)
    names = ", ".join(f'"{name}"' for name in clusters.profiles.names)
    weights = ", ".join(str(size) for size in clusters.size)
    say(console, "draw them", "", f"in a study with profile = {{ choice = [{names}], weights = [{weights}] }}")
