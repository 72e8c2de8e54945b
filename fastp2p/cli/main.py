"""Command line: parse, call, print."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from fastp2p.cli.begin import list_networks, new
from fastp2p.cli.console import errors, fault_exit, say, say_not_cached
from fastp2p.cli.documents import summary_of
from fastp2p.cli.export import export
from fastp2p.cli.figures import figures
from fastp2p.cli.print_results import failed_feeders, print_comparison, print_results, say_failed_feeders, say_failures
from fastp2p.cli.profiles import profiles_app
from fastp2p.cli.report import check as check_reports
from fastp2p.cli.report import report
from fastp2p.cli.report import write as write_report
from fastp2p.cli.signals import exit_code, in_order
from fastp2p.errors import FastP2PError, InputError, refuse
from fastp2p.io.paths import expanded
from fastp2p.study.model import Study, studies, study_files
from fastp2p.text import nearest, shown_text

if TYPE_CHECKING:
    from fastp2p.results.results import Results

PAPER = ("paper-44", "paper-80")
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
Device = Annotated[str | None, typer.Option(help="cuda: run the books on a GPU; see docs/gpu.md.")]
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
    device: Device = None,
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
        bar = (one.n_cases > 1 or one.network.sources is not None) and not (quiet or as_json)
        results = _run_until_interrupted(one, folder, overwrite, resume, workers, dask, device, bar, scenarios)
        failed += len(results.failures) + len(failed_feeders(results.feeders))
        if as_json:
            summaries.append(summary_of(results, folder))
        elif not quiet:
            print_results(results, folder)
        if with_report:
            write_report([folder], None, overwrite=overwrite or resume, quiet=quiet or as_json)
        say_failures(results)
    if as_json:
        typer.echo(json.dumps(summaries if study is None else summaries[0], indent=2))
    if failed:
        raise typer.Exit(1)


def _run_until_interrupted(
    study: Study,
    folder: Path,
    overwrite: bool,
    resume: bool,
    workers: int | None,
    dask: str | None,
    device: str | None,
    bar: bool,
    scenarios: str | None,
) -> "Results":
    from fastp2p.cli.feeder_pool import FEEDERS_FROM, count_feeders
    from fastp2p.kernels.jit import cache_fault
    from fastp2p.sweep.chosen import choose, n_cases, numbers_in
    from fastp2p.sweep.executors import connect, has_workers
    from fastp2p.sweep.run import run as run_study
    from fastp2p.sweep.workers import count_workers, start_processes

    if dask is not None and workers is not None:
        raise InputError("either --workers of this machine or a cluster with --dask, not both")
    if dask is not None and device is not None:
        raise InputError("either a GPU of this machine with --device or a cluster with --dask, not both")
    numbers = None if scenarios is None else numbers_in(scenarios, study.scenarios.count)
    n_feeders = count_feeders(study)
    n_run = n_feeders * n_cases(study, choose(study, numbers))
    count = count_workers(workers, n_run)
    large = device is None and (n_run * (study.profiles.days or 1) >= PROCESSES_FROM or n_feeders >= FEEDERS_FROM) and count > 1

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
            threads = workers if device else count if executor is None else None
            results = run_study(
                study, out=folder, overwrite=overwrite, resume=resume, workers=threads, executor=executor, progress=bar,
                scenarios=numbers, device=device,
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
        print_comparison(one, table, folder)
    if one.network.sources:
        from fastp2p.io.parquet import read_table

        failed = failed_feeders(read_table(folder, "feeders"))
        say_failed_feeders(one, failed)
        if failed:
            raise typer.Exit(1)


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
