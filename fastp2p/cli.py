"""Command line: parse, call, print."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from fastp2p.errors import FastP2PError, InputError
from fastp2p.results import Results
from fastp2p.study import Study, studies, study_files

PAPER = ("paper-44", "paper-80")
COLUMNS = {
    "load": "load_kwh",
    "PV": "pv_kwh",
    "self-\nused": "self_kwh",
    "matched": "matched_kwh",
    "executed": "executed_kwh",
    "import": "import_kwh",
    "export": "export_kwh",
}

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
errors = Console(stderr=True, highlight=False)

Command = TypeVar("Command", bound=Callable[..., Any])
StudyArgument = Annotated[str | None, typer.Argument(help="Built-in study or TOML file; both paper studies if left out.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to; results/STUDY if left out.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the folder if it exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]


def main() -> None:
    """Entry point of the `fastp2p` command."""
    app()


def _fault_exit(command: Command) -> Command:
    """Turn errors into a message and an exit code: 2 for input, 1 for anything that went wrong later."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except InputError as error:
            for fault in error.faults:
                errors.print(f"[red]error:[/] {_plain(fault)}", soft_wrap=True)
            raise typer.Exit(2) from None
        except FastP2PError as error:
            errors.print(f"[red]error:[/] {_plain(str(error))}", soft_wrap=True)
            raise typer.Exit(1) from None

    return wrapped  # type: ignore[return-value]  # same signature, by functools.wraps


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False) -> None:
    """Peer-to-peer electricity trading on low-voltage networks."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"fastp2p {installed('fastp2p')}")
        raise typer.Exit


@app.command()
@_fault_exit
def run(
    study: StudyArgument = None,
    out: Out = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a study and write its tables and figures."""
    from fastp2p.runner import run as run_study

    chosen = [_study(name) for name in ([study] if study else PAPER)]
    folders = [_folder(out, one.name, alone=study is not None) for one in chosen]
    summaries = []
    failed = 0
    for one, folder in zip(chosen, folders, strict=True):
        results = run_study(one, out=folder, overwrite=overwrite)
        failed += len(results.failures)
        if as_json:
            summaries.append(_summary(results, folder))
        elif not quiet:
            _print_results(results, folder)
        for scenario, step in results.failures:
            errors.print(
                f"[red]failed:[/] {one.name}, scenario {scenario}, step {step}: no proven optimum; nothing executed there"
            )
    if as_json:
        typer.echo(json.dumps(summaries if study is None else summaries[0], indent=2))
    if failed:
        raise typer.Exit(1)


@app.command(name="studies")
@_fault_exit
def list_studies(name: Annotated[str | None, typer.Argument(help="Study to print.")] = None) -> None:
    """List the built-in studies, or print one as the TOML file it is."""
    found = study_files()
    if name is None:
        for key, one in studies().items():
            typer.echo(f"{key:<16} {one.description}")
    elif name in found:
        sys.stdout.write(found[name])
    else:
        raise InputError(f"no built-in study {name!r}; there are {', '.join(found)}")


@app.command()
@_fault_exit
def check(
    subject: Annotated[str, typer.Argument(metavar="NETWORK|STUDY", help="Network or study, built-in or file.")],
    as_json: AsJson = False,
) -> None:
    """Say what a network or a study is, what it would do, and what looks wrong."""
    from fastp2p.checks import check_network, check_study

    is_study = subject in study_files() or subject.endswith(".toml")
    facts, warnings = check_study(_study(subject)) if is_study else check_network(subject)
    if as_json:
        typer.echo(json.dumps({"facts": facts, "warnings": warnings}, indent=2))
        return
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        typer.echo(f"{key:<{width}}  {value}")
    console = Console(highlight=False)
    for warning in warnings:
        console.print(f"[yellow]warning:[/] {_plain(warning)}", soft_wrap=True)
    if not warnings:
        console.print("[green]nothing looks wrong[/]")


def _study(name: str) -> Study:
    if name in study_files():
        return studies()[name]
    if not name.endswith(".toml"):
        raise InputError(f"no built-in study {name!r} (there are {', '.join(study_files())}), and not a .toml file")
    return Study.from_toml(name)


def _folder(out: Path | None, name: str, *, alone: bool) -> Path:
    if out is None:
        return Path("results") / name
    return out if alone else out / name


def _summary(results: Results, folder: Path) -> dict[str, Any]:
    scenario = results.scenarios.iloc[0].to_dict()
    books = results.books.drop(columns=["share", "scenario"])
    return {
        "study": results.study.name,
        "out": str(folder),
        "totals": scenario,
        "books": json.loads(books.to_json(orient="records", double_precision=15)),
        "failures": results.failures,
    }


def _print_results(results: Results, folder: Path) -> None:
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption="energy in kWh, loading of the worst branch in %"
    )
    for heading in ("hour", *COLUMNS, "load-\ning"):
        table.add_column(heading, justify="right")
    table.add_column("status")
    hours = results.profiles.step_hours
    for book in results.books.to_dict("records"):
        cells = [f"{book['step'] * hours:g}", *(f"{book[column]:.3f}" for column in COLUMNS.values())]
        table.add_row(*cells, f"{book['worst_loading_percent']:.1f}", str(book["status"]))
    table.add_section()
    total = results.scenarios.iloc[0]
    sums = [f"{total[column]:.2f}" for column in COLUMNS.values()]
    table.add_row("day", *sums, f"{total['worst_loading_percent']:.1f}", "", style="bold")
    console = Console(highlight=False)
    console.print(f"[bold]{_plain(results.study.name)}[/]: {_plain(results.study.description)}", soft_wrap=True)
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)
    written = ", ".join(sorted(path.name for path in folder.iterdir()))
    console.print(f"wrote {folder}/: {written}\n", soft_wrap=True)


def _plain(text: str) -> str:
    """Text that rich must not take for markup."""
    return text.replace("[", "\\[")
