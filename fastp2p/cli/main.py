"""Command line: parse, call, print."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from fastp2p.cli.begin import list_networks, new
from fastp2p.cli.console import errors, fault_exit, known, make_table, say, say_not_cached
from fastp2p.cli.day_table import make_day_table
from fastp2p.cli.documents import summary_of
from fastp2p.cli.export import export
from fastp2p.cli.figures import figures
from fastp2p.cli.profiles import profiles_app
from fastp2p.cli.report import check as check_reports
from fastp2p.cli.report import report
from fastp2p.cli.report import write as write_report
from fastp2p.cli.signals import exit_code, in_order
from fastp2p.cli.sweep_table import (
    battery_text,
    ev_text,
    heat_pump_text,
    hosting_capacity,
    make_chosen_table,
    make_hosting_table,
    make_sweep_table,
    share_headings,
)
from fastp2p.errors import FastP2PError, InputError, refuse
from fastp2p.io.paths import expanded
from fastp2p.results.columns import COMPARED, columns_of
from fastp2p.study.model import Study, studies, study_files
from fastp2p.text import LONGEST_UNIT, nearest, shown_text

if TYPE_CHECKING:
    import pandas as pd

    from fastp2p.results.results import Results

PAPER = ("paper-44", "paper-80")
COMPARISON = {
    f"{column.heading}\nkWh" if column.unit == "kWh" else column.heading: name
    for name, column in ((name, columns_of("scenarios")[name]) for name in COMPARED)
    if column.heading
}
MOST_FAILURES = 10
"""Books without an answer that are named one by one."""
PROCESSES_FROM = 40_000
"""Scenario-days from which workers are processes: those scale better than threads, and a second to start them is little."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(profiles_app, name="profiles")
app.command()(figures)
app.command()(export)
app.command()(report)
StudyArgument = Annotated[str | None, typer.Argument(help="Built-in study or TOML file; both paper studies if left out.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to; results/STUDY if left out.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the folder, if it holds only what fastp2p wrote.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run of this study that was stopped.")]
Workers = Annotated[int | None, typer.Option(help="Threads, or processes for a large sweep; all processors if left out.")]
Dask = Annotated[str | None, typer.Option(help="Scheduler of a Dask cluster, tcp://HOST:PORT, to run on instead.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Chosen = Annotated[str | None, typer.Option(help="Run these alone, such as 17 or 3,10-19, and keep all their tables.")]
Report = Annotated[bool, typer.Option("--report", help="Also write DIR.html, a report that any browser opens.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False) -> None:
    """Peer-to-peer electricity trading on low-voltage networks."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"fastp2p {installed('fastp2p')}")
        raise typer.Exit


@app.command()
@fault_exit
def run(
    study: StudyArgument = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    dask: Dask = None,
    scenarios: Chosen = None,
    with_report: Report = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a study and write its tables and figures."""
    chosen = [_study(name) for name in ([study] if study else PAPER)]
    folders = [_folder(out, one.name + "-scenarios" * bool(scenarios), alone=study is not None) for one in chosen]
    _check_all(folders, overwrite, resume)
    if with_report:
        check_reports(folders, overwrite=overwrite or resume)
    summaries = []
    failed = 0
    for one, folder in zip(chosen, folders, strict=True):
        bar = one.n_cases > 1 and not (quiet or as_json)
        results = _run_until_interrupted(one, folder, overwrite, resume, workers, dask, bar, scenarios)
        failed += len(results.failures)
        if as_json:
            summaries.append(summary_of(results, folder))
        elif not quiet:
            _print_results(results, folder)
        if with_report:
            write_report([folder], None, overwrite=overwrite or resume, quiet=quiet or as_json)
        _say_failures(results)
    if as_json:
        typer.echo(json.dumps(summaries if study is None else summaries[0], indent=2))
    if failed:
        raise typer.Exit(1)


def _say_failures(results: "Results") -> None:
    """The first books without an answer, and how many there are."""
    from fastp2p.results.points import point_keys

    time = results.profiles.time
    kept = "only the part that was filled is" if results.study.clearing.objective == "pro_rata" else "nothing is"
    keys = point_keys(results.scenarios)
    for at, scenario, step in results.failures[:MOST_FAILURES]:
        shares = zip(keys, at if isinstance(at, tuple) else (at,), strict=True)
        point = ", ".join(f"{key.replace('_', ' ')} {share:g}" for key, share in shares)
        when = f"step {step}" if time is None else f"step {step} ({time[step]:%Y-%m-%d %H:%M})"
        where = f"{results.study.name}, {point}, scenario {scenario}, {when}"
        say(errors, "failed:", "red", f"{where}: no proven optimum; {kept} executed there")
    if len(results.failures) > MOST_FAILURES:
        say(errors, "failed:", "red", f"{len(results.failures) - MOST_FAILURES:,} more books; manifest.json lists them all")


def _run_until_interrupted(
    study: Study,
    folder: Path,
    overwrite: bool,
    resume: bool,
    workers: int | None,
    dask: str | None,
    bar: bool,
    scenarios: str | None,
) -> "Results":
    from fastp2p.kernels.jit import cache_fault
    from fastp2p.sweep.chosen import choose, n_cases, numbers_in
    from fastp2p.sweep.executors import connect, has_workers
    from fastp2p.sweep.run import run as run_study
    from fastp2p.sweep.workers import count_workers, start_processes

    if dask is not None and workers is not None:
        raise InputError("either --workers of this machine or a cluster with --dask, not both")
    numbers = None if scenarios is None else numbers_in(scenarios, study.scenarios.count)
    n_run = n_cases(study, choose(study, numbers))
    count = count_workers(workers, n_run)
    large = n_run * (study.profiles.days or 1) >= PROCESSES_FROM and count > 1

    def kept(what: str) -> str:
        begun = (folder / "manifest.json").exists()
        return f"{what}; finished parts are kept, and --resume continues from there" if begun else what

    try:
        with (
            in_order("stopping when the parts in progress are done; a second signal ends at once", lambda: kept("stopped")),
            connect(dask) if dask is not None else start_processes(count) if large else nullcontext() as executor,
        ):
            if dask is not None and executor and not has_workers(executor):
                say(errors, "waiting:", "yellow", f"the scheduler at {dask} has no workers yet")
            threads = count if executor is None else None
            results = run_study(
                study, out=folder, overwrite=overwrite, resume=resume, workers=threads, executor=executor, progress=bar,
                scenarios=numbers,
            )  # fmt: skip
            if bar and executor is not None and dask is None:
                say_not_cached(executor.submit(cache_fault).result())  # it was they who compiled
            return results
    except KeyboardInterrupt as stop:
        errors.print(kept("stopped"), soft_wrap=True)
        raise typer.Exit(exit_code(stop)) from None
    except InputError:
        raise
    except FastP2PError as error:
        raise FastP2PError(kept(str(error))) from error


def _check_all(folders: list[Path], overwrite: bool, resume: bool) -> None:
    """That no folder is in the way, before anything is run."""
    if len(folders) == 1:
        return
    from fastp2p.io.folders import check_folder
    from fastp2p.io.manifest import read_manifest

    faults: list[str] = []
    for folder in folders:
        try:
            if resume and folder.exists():
                read_manifest(folder)
            else:
                check_folder(folder, overwrite)
        except InputError as error:
            faults += error.faults
    refuse(faults)


@app.command()
@fault_exit
def compare(
    study: Annotated[str, typer.Argument(help="Built-in study or TOML file.")],
    rules: Annotated[str, typer.Option(help="Market rules to compare, separated by commas.")] = "ask,uniform,mid_market_rate",
    out: Annotated[Path | None, typer.Option(help="Folder to write to; results/STUDY-rules if left out.")] = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run the same draws of a study under several market rules, and compare who gains what."""
    from fastp2p.sweep.compare import compare_rules

    one = _study(study)
    folder = expanded(out) if out else Path("results") / f"{one.name}-rules"
    names = [name.strip() for name in rules.split(",")]
    table = compare_rules(one, names, out=folder, overwrite=overwrite, workers=workers)
    if as_json:
        typer.echo(table.to_json(orient="records", double_precision=15, indent=2))
    elif not quiet:
        _print_comparison(one, table, folder)


def _print_comparison(study: Study, comparison: "pd.DataFrame", folder: Path) -> None:
    from fastp2p.results.points import point_keys

    keys = point_keys(comparison)
    table = make_table(
        *share_headings(comparison),
        "rule",
        *COMPARISON,
        caption=f"means over the scenarios; money in {shown_text(study.currency, LONGEST_UNIT)}",
    )
    wide = comparison.pivot(index=[*keys, "rule"], columns="indicator", values="mean")
    order = comparison[[*keys, "rule"]].drop_duplicates().itertuples(index=False, name=None)
    last = None
    for *point, rule in order:
        row = wide.loc[(*point, rule)]
        cells = [known(row[column], 2) for column in COMPARISON.values()]
        if last not in (None, point):
            table.add_section()
        table.add_row(*("" if point == last else f"{share:.0%}" for share in point), rule, *cells)
        last = point
    _print_table(study.name, study.description, [table], folder)


app.command()(new)
app.command(name="networks")(list_networks)


@app.command(name="studies")
@fault_exit
def list_studies(name: Annotated[str | None, typer.Argument(help="Study to print.")] = None) -> None:
    """List the built-in studies, or print one as TOML."""
    found = study_files()
    if name is None:
        for key, one in studies().items():
            typer.echo(f"{key:<16} {one.description}")
    elif name in found:
        typer.echo(found[name], nl=False)
    else:
        raise InputError(f"no built-in study {name!r}; there are {', '.join(found)}")


@app.command()
@fault_exit
def check(
    subject: Annotated[str, typer.Argument(metavar="NETWORK|STUDY", help="Network or study, built-in or file.")],
    as_json: AsJson = False,
) -> None:
    """Describe a network or a study, and warn of likely mistakes."""
    from fastp2p.cli.check import check_network, check_study

    is_study = subject in study_files() or subject.endswith(".toml")
    try:
        facts, warnings = check_study(_study(subject)) if is_study else check_network(subject)
    except InputError as error:
        if is_study or not (near := nearest(subject, study_files())):
            raise
        raise InputError([*error.faults, f"nor is {subject!r} a built-in study; did you mean {near[0]}?"]) from None
    if as_json:
        typer.echo(json.dumps({"facts": facts, "warnings": warnings}, indent=2))
        return
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        typer.echo(f"{key:<{width}}  {shown_text(value)}")
    console = Console(highlight=False)
    for warning in warnings:
        say(console, "warning:", "yellow", warning)
    if not warnings:
        console.print("[green]nothing looks wrong[/]")


def _study(name: str) -> Study:
    if name in study_files():
        return studies()[name]
    if not name.endswith(".toml"):
        raise InputError(f"no built-in study {name!r}; there are {', '.join(study_files())}; a file must end in .toml")
    return Study.from_toml(name)


def _folder(out: Path | None, name: str, *, alone: bool) -> Path:
    if out is None:
        return Path("results") / name
    return expanded(out) if alone else expanded(out) / name


def _print_results(results: "Results", folder: Path) -> None:
    from fastp2p.results.indicators import is_audited_whole
    from fastp2p.results.points import point_keys
    from fastp2p.results.statistics import too_few_audited

    if results.chosen and len(results.scenarios) > 1:
        _print_table(results.study.name, results.study.description, [make_chosen_table(results)], folder, _remarks(results))
        return
    is_sweep = results.study.n_cases > 1 and not results.chosen
    table = make_sweep_table(results) if is_sweep else make_day_table(results)
    further = []
    notes = {}
    if results.stopped_at and (stop := results.study.scenarios.stop):
        notes["stopped:"] = (
            f"{results.stopped_at:,} scenarios per share estimate {stop.indicator} to within {stop.within:.1%} of its mean"
        )
    if results.study.scenarios.shares and not results.chosen and is_audited_whole(results.scenarios):
        if results.study.network.phases == 3:
            further = [make_hosting_table(results.scenarios)]
        else:
            of = "uncontrolled, at 5 %, by AC: between the shares tried, and with 95 % confidence of the draws"
            notes["hosting capacity"] = f"({of}): {hosting_capacity(results.scenarios)}"
    if "n_audited" in results.scenarios and is_sweep and (few := too_few_audited(results.scenarios)):
        notes["audit:"] = few
    if "losses_kwh" in results.scenarios:
        means = results.scenarios.groupby(point_keys(results.scenarios))[["losses_kwh", "spilled_kwh"]].mean()
        parts = [f"{known(losses, 1)} and {spilled:.1f}" for losses, spilled in means.itertuples(index=False)]
        notes["losses and spilled PV"] = f"(means{' by share' * (len(parts) > 1)}): {', '.join(parts)} kWh"
    if "heat_pump_kwh" in results.scenarios:
        notes["heat pumps"] = heat_pump_text(results.scenarios)
    if "ev_kwh" in results.scenarios:
        notes["electric vehicles"] = ev_text(results.scenarios)
    if "charged_kwh" in results.scenarios:
        notes["batteries"] = battery_text(results.scenarios)
    notes |= _remarks(results)
    _print_table(results.study.name, results.study.description, [table, *further], folder, notes)


def _remarks(results: "Results") -> dict[str, str]:
    """Why nothing was traded, where nothing was; and how voltages are to be read, where there are any."""
    from fastp2p.pipeline.draws import draw_scenarios
    from fastp2p.study.points import points_of
    from fastp2p.sweep.plausible import LOOKED_AT, asks_for_voltages, voltages_text, why_no_trades

    study, remarks = results.study, {}
    if not results.scenarios["matched_kwh"].any():
        point = max(points_of(study), key=lambda point: point.share or 0.0)  # the first such: of the smallest shares of devices
        study, looked_at = point.of(study), range(min(study.scenarios.count, LOOKED_AT))
        drawn = draw_scenarios(study, results.network, results.profiles, point.share, looked_at)
        why = why_no_trades(study, results.profiles, drawn)
        remarks["no trades:"] = why or "no two orders of one step match under this market rule"
    if asks_for_voltages(study):
        remarks["voltages:"] = voltages_text(study, results.network)
    return remarks


def _print_table(name: str, description: str, tables: list[Table], folder: Path, notes: dict[str, str] | None = None) -> None:
    """Tables, with their title above and the path of the files below."""
    console = Console(highlight=False)
    say(console, f"{name}:" if description else name, "bold", description)
    for table in tables:
        console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
        console.print(table)
    for word, note in (notes or {}).items():
        say(console, word, "", note)
    written = ", ".join(sorted(path.name + "/" * path.is_dir() for path in folder.iterdir()))
    say(console, "wrote", "", f"{folder}/: {written}")
    console.print()
