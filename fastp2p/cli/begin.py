"""The commands to begin with: `fastp2p new`, a study of one's own files, and `fastp2p networks`, the networks by name."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from fastp2p.cli.console import cell, errors, fault_exit, make_table, say
from fastp2p.errors import InputError, refuse
from fastp2p.io.files import kind_of, replace_file
from fastp2p.io.paths import expanded
from fastp2p.text import LONGEST_NAME, nearest, shown_text

if TYPE_CHECKING:
    from fastp2p.io.network_facts import NetworkFacts

PATIENCE_S = 3.0
"""For so long networks are read that nobody asked for by name; most take a second, once."""
QUICK = "`fastp2p networks WORD` reads those that contain the word; each call without one reads a few more"
SLOW = "each takes ten seconds, once; `fastp2p networks NAME` reads one"


@fault_exit
def new(
    study: Annotated[Path, typer.Argument(help="File to write, such as street.toml.")],
    network: Annotated[str, typer.Option(help="Network: a name (`fastp2p networks`), or a .json, .xlsx or .dss file.")],
    profiles: Annotated[
        list[str] | None,
        typer.Option(help="Load or PV profiles: a file, or a folder of files; may be given several times."),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Clock, such as Europe/Berlin, of times without an offset to UTC.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Begin a study of your own network and profiles."""
    from fastp2p.sweep.begin import begin_study

    path = expanded(study)
    faults = _place_faults(path, overwrite)
    try:
        text = begin_study(path, network, profiles or [], zone)
    except InputError as error:
        raise InputError([*faults, *error.faults]) from None
    refuse(faults)
    replace_file(path, lambda file: file.write(text.encode()), "nothing else was changed")
    console, name = Console(highlight=False), shlex.quote(str(path))
    say(console, "wrote", "", str(path))
    say(console, "next:", "", f"fastp2p check {name}; fastp2p run {name}")


def _place_faults(path: Path, overwrite: bool) -> list[str]:
    """Why a study file cannot be written there."""
    kind, faults = kind_of(path), []
    if path.suffix != ".toml":
        faults.append(f"{path}: a study file must end in .toml")
    if kind == "file" and not overwrite:
        faults.append(f"{path} exists; --overwrite replaces it")
    elif kind not in ("file", "nothing"):
        faults.append(f"{path} is a {kind}, not a file")
    if not path.parent.is_dir():
        faults.append(f"{path.parent}: no such folder")
    return faults


@fault_exit
def list_networks(
    word: Annotated[str | None, typer.Argument(help="List those whose name or family contains it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, of all networks.")] = False,
) -> None:
    """List the networks that have a name, and what they hold."""
    from fastp2p.io.network_facts import SIMBENCH, families

    found = families()
    if word is not None:
        found = {family: [name for name in names if _matches(word, name, family)] for family, names in found.items()}
        found = {family: names for family, names in found.items() if names}
        if not found:
            near = nearest(word, [name for names in families().values() for name in names], n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "`fastp2p networks` lists them all"
            raise InputError(f"no network by name contains {shown_text(word, LONGEST_NAME)!r}; {hint}")
    named = word is not None or as_json
    several = sum(map(len, found.values())) > 1
    simbench = found.pop(SIMBENCH, [])
    facts = _read(found, None if named else monotonic() + PATIENCE_S)
    if word is not None and simbench:
        found[SIMBENCH] = simbench
        facts |= _read({SIMBENCH: simbench}, 0.0 if several else None)
    if as_json:
        rows = [
            {"name": name, "family": family, **(one._asdict() if (one := facts.get(name)) else {})}
            for family, names in (found | ({SIMBENCH: simbench} if simbench else {})).items()
            for name in names
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    _print_networks(found, facts)
    if simbench and word is None:
        say(Console(highlight=False), f"{len(simbench)} more:", "", "of SimBench; `fastp2p networks simbench` lists them")


def _matches(word: str, name: str, family: str) -> bool:
    return word.lower() in name.lower() or word.lower() in family


def _read(found: dict[str, list[str]], until: float | None) -> dict[str, NetworkFacts | None]:
    """Facts of networks: of those that are kept, and of others until a time, or of all."""
    from fastp2p.io.network_facts import facts_of

    facts: dict[str, NetworkFacts | None] = {}
    with errors.status(Text("reading networks")) as status:
        for name in (name for names in found.values() for name in names):
            if (one := facts_of(name, kept_only=True)) is None and (until is None or monotonic() < until):
                status.update(Text(f"reading {name}"))
                one = facts[name] = facts_of(name)
            if one is not None:
                facts[name] = one
    return facts


def _print_networks(found: dict[str, list[str]], facts: dict[str, NetworkFacts | None]) -> None:
    """A table of the networks that were read, family by family, and the names of the others."""
    table = make_table("network", "buses", "loads", "lines", "trafos", "form", "lowest kV", "three-phase", caption="")
    table.columns[0].justify = "left"
    console = Console(highlight=False)
    for family, names in found.items():
        read = {name: one for name in names if (one := facts.get(name))}
        if read:
            table.add_section()
            table.add_row(Text(family, "bold"))
        for name, one in read.items():
            table.add_row(cell(name), *_cells(one))
    if table.rows:
        console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
        console.print(table)
        say(console, "three-phase:", "", "network.phases = 3 runs without further data")
    unread = {family: [name for name in names if name not in facts] for family, names in found.items()}
    if any(unread.values()):
        say(console, "not read yet:", "", SLOW if list(found) == ["simbench"] else QUICK)
    for family, names in unread.items():
        if names:
            console.print(Text.assemble("  ", (family, "bold"), ": ", ", ".join(map(shown_text, names))))


def _cells(one: NetworkFacts) -> list[str]:
    counts = [f"{count:,}" for count in (one.buses, one.loads, one.lines, one.transformers)]
    return [*counts, "radial" if one.is_radial else "meshed", f"{one.lowest_kv:.3g}", "yes" if one.is_three_phase else "no"]
