"""The files of a circuit, read here: what builds it is handed on, and everything else is refused before the engine sees it.

Commands are taken apart and put together again from words that are known, so the engine sees nothing that was not understood.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fastp2p.errors import InputError, some
from fastp2p.io.opendss.allowed import (
    BUILDS_NOTHING,
    COMMANDS,
    IDLE_OPTIONS,
    MEASURES,
    OPTIONS,
    PROPERTIES,
    SENT,
    SENT_OPTIONS,
    WHY,
    full_name,
)
from fastp2p.io.opendss.places import Places, engine_path, script_bytes
from fastp2p.io.opendss.values import checked_words, is_count
from fastp2p.io.opendss.words import SPACE, Word, words_of
from fastp2p.text import shown_text

DEEPEST, MOST_READS, MOST_LINES = 20, 10_000, 20_000_000
"""Files within files, files, and lines."""
NAMES_A_FILE = tuple("rRcCbBlL\"'([{/")
"""What lines begin with that name a file (Redirect, Compile, BusCoords, LatLongCoords, in quotes too) or begin a comment."""
MORE = {"more", "m", "~"}
CURVES = {"loadshape", "xycurve", "tshape", "growthshape"}
REASONS = {command: why for why, commands in WHY.items() for command in commands.split()}


class Statement(NamedTuple):
    """A command that the engine is given."""

    text: str
    file: str
    line: int
    bare: str
    """The same without the numbers of load shapes, which no network needs; '' where nothing is left. Other curves have none in
    `text` either."""


@dataclass
class Script:
    """What the files of a circuit say.

    Attributes
    ----------
    statements : list of Statement
    passed : Counter of str
        Commands, options and classes that build nothing, and how often.
    contents : dict of Path to bytes
        The files of commands that were read.
    coordinates, data : dict of Path
        Other files that the engine reads: places of buses, numbers such as those of load shapes.
    faults : list of str
    """

    places: Places
    only_files: bool = False
    statements: list[Statement] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    contents: dict[Path, bytes] = field(default_factory=dict)
    coordinates: dict[Path, None] = field(default_factory=dict)
    data: dict[Path, None] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    reads: int = 0
    lines: int = 0
    n_parts: float | None = None
    last_class: str = ""
    last: Word | None = None
    """Class and name of the element that was made or changed last; None where these are several."""
    circuits: int = 0


def read_script(path: Path, *, only_files: bool = False) -> Script:
    """Everything that a circuit's files say, whatever is wrong with them in `faults`.

    With `only_files`, which files these are, and no more: most lines are passed over.

    Raises
    ------
    InputError
        If the first file cannot be read.
    """
    script = Script(Places(path), only_files)
    script_bytes(path)
    _read(script, path, path.parent, ())
    if not script.circuits and not script.faults:
        script.faults.append(f"{path.name}: builds no circuit; it has no New Circuit")
    return script


def _read(script: Script, path: Path, folder: Path, above: tuple[Path, ...]) -> Path:
    """Take in a file; the folder that paths after a Compile of it start from."""
    script.reads += 1
    if path in above or len(above) >= DEEPEST or script.reads > MOST_READS:
        raise InputError(f"{script.places.shown(path)} is read from within itself, or too many files are")
    if path not in script.contents:
        script.contents[path] = script_bytes(path)
    in_block, shown = False, script.places.shown(path)
    text = script.contents[path].decode("utf-8-sig", errors="replace")
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        script.lines += 1
        if script.lines > MOST_LINES:
            raise InputError(f"{shown} line {number}: more than {MOST_LINES:,} lines")
        in_block = in_block or line.startswith("/*")  # as the engine has it: whole lines, from one that begins so
        if script.only_files and not in_block and not line.lstrip(SPACE).startswith(NAMES_A_FILE):
            continue
        if not in_block:
            try:
                folder = _take(script, line, folder, (*above, path), shown, number)
            except (InputError, ValueError) as error:
                script.faults += [f"{shown} line {number}: {one}" for one in getattr(error, "faults", (str(error),))]
        elif "*/" in line:
            in_block = False
    return folder


def _take(script: Script, line: str, folder: Path, above: tuple[Path, ...], shown: str, number: int) -> Path:
    """Take in a line; the folder that the next one's paths start from."""
    if "\0" in line or len(line) > 100_000_000:
        raise InputError("is no text")
    words = words_of(line)
    if not words or (len(words) == 1 and not words[0].name and not words[0].value):
        return folder
    first, rest = words[0], words[1:]
    if first.name:
        _add(script, _implicit(script, first, rest, folder), shown, number)
        return folder
    verb = full_name(first.value, COMMANDS)
    if verb in ("redirect", "compile"):
        path = script.places.find(_only(rest), folder)
        inner = _read(script, path, path.parent, above)
        return inner if verb == "compile" else folder
    if verb in ("clear", "clearall"):
        script.statements.clear()
        script.circuits = 0
    elif verb in BUILDS_NOTHING:
        script.passed[str(verb)] += 1
    elif verb in MORE:
        if script.last_class not in MEASURES:
            if not script.last_class:
                raise InputError(f"{first.value}: nothing was made before it")
            if script.last is None:
                raise InputError(f"{first.value}: goes on with an element, but a pattern precedes it; write it there")
            # by name: an element that the engine could not make is not the one that it has before it
            more = checked_words(script, script.last_class, rest, folder)
            _add(script, _text("edit", [script.last, *more]) if more else "", shown, number)
    elif verb in ("new", "edit", "batchedit"):
        _add(script, _object(script, str(verb), rest, folder), shown, number)
    elif verb == "set":
        _add(script, _options(script, rest), shown, number)
    elif verb in ("buscoords", "latlongcoords"):
        path = script.places.find(_only(rest), folder)
        script.coordinates[path] = None
        _add(script, f'{verb} "{engine_path(path)}"', shown, number)
    elif verb in SENT:
        _refuse_inner(rest)
        _add(script, _text(str(verb), rest), shown, number)
    else:
        raise InputError(_refusal(first.value, verb))
    return folder


def _add(script: Script, text: str, shown: str, number: int) -> None:
    if not text:
        return
    verb, name = text.split(" ", 1)[0], script.last_class
    bare = text
    if name in CURVES and verb in ("new", "edit", "batchedit"):
        bare = " ".join(word.text for word in words_of(text)[:2]) if verb == "new" else ""
    script.statements.append(Statement(text if name == "loadshape" else bare, shown, number, bare))


def _text(verb: str, words: list[Word]) -> str:
    return " ".join([verb, *(word.text for word in words)]) if words else "" if verb == "set" else verb


def _refuse_inner(words: list[Word]) -> None:
    """That no value names a file."""
    for word in words:
        if "=" in word.value:
            raise InputError(f"{shown_text(word.value, 40)} has an equals sign, which no value has; correct it")


def _refusal(written: str, verb: str | None) -> str:
    """Why a command is not run, and what to do."""
    if verb is None and written.lower() not in REASONS:
        return f"{shown_text(written, 60)} is no command of OpenDSS; correct or delete the line"
    why = REASONS.get(verb or written.lower())
    what = f"{written} ({verb})" if verb and verb != written.lower() else written
    if why is None:
        return f"{what}: builds no circuit and is not run; delete the line"
    if why.startswith("changes a circuit"):
        return f"{what}: {why}, which is not run; write the circuit that it leads to"
    if why.startswith("puts"):
        return f"{what}: {why}, which is not read; write the value itself"
    return f"{what}: {why}, which is not run; delete the line"


def _only(words: list[Word]) -> str:
    """The one word that names a file; a path with spaces may stand without quotes."""
    if not words or words[0].name:
        raise InputError("names no file")
    if len(words) > 1:
        raise InputError("names more than one file; put a name with spaces into quotes")
    return words[0].value.strip()


def _object(script: Script, verb: str, words: list[Word], folder: Path) -> str:
    """A command that makes or changes an element; '' of one that builds nothing."""
    if not words or (words[0].name and not "object".startswith(words[0].name.lower())):
        raise InputError(f"{verb}: Class.Name must come first")
    kind, dot, name = words[0].value.partition(".")
    kind = kind.strip().lower()
    if not dot or not name:
        raise InputError(f"{verb} {shown_text(words[0].value, 60)}: must be Class.Name")
    if kind == "circuit" and verb == "new":
        script.circuits += 1
        if script.circuits > 1:
            raise InputError("a second circuit; a network is one, so write each into a file of its own")
    of = "vsource" if kind == "circuit" else kind
    script.last_class = of
    script.n_parts = {"linegeometry": 3.0, "transformer": 2.0, "xfmrcode": 2.0}.get(of) if verb == "new" else None
    if of in MEASURES:
        script.passed[of] += 1
        return ""
    if of not in PROPERTIES:
        raise InputError(
            f"{shown_text(words[0].value, 60)}: elements of class {shown_text(kind, 40)} are not read; the classes are "
            f"{some(sorted(PROPERTIES), 40)}"
        )
    head = words[0]._replace(name="")
    script.last = None if verb == "batchedit" else head._replace(value=f"{of}.{'source' if kind == 'circuit' else name}")
    return _text(verb, [head, *checked_words(script, of, words[1:], folder)])


def _implicit(script: Script, first: Word, rest: list[Word], folder: Path) -> str:
    """A change of an element without a command: ``Class.Name.Property=value``."""
    kind, _, more = first.name.partition(".")
    name, dot, word = more.rpartition(".")
    of = kind.lower()
    if not dot or not name:
        raise InputError(f"{shown_text(first.name, 60)}: is neither a command nor Class.Name.Property=value; correct it")
    if of in MEASURES:
        script.passed[of] += 1
        return ""
    if of not in PROPERTIES:
        raise InputError(f"{shown_text(first.name, 60)}: elements of this class are not read; delete the line")
    script.last_class, script.n_parts, script.last = of, None, Word("", f"{of}.{name}", "")
    words = checked_words(script, of, [Word(word, first.value, first.quote), *rest], folder)
    return _text("edit", [Word("", f"{of}.{name}", ""), *words]) if words else ""


def _options(script: Script, words: list[Word]) -> str:
    """The options that say what the circuit is; the others say how to solve and draw it, or are refused."""
    sent, faults = [], []
    for word in words:
        option = full_name(word.name, OPTIONS)
        if option in SENT_OPTIONS:
            _refuse_inner([word])
            if option == "defaultbasefrequency" and not is_count(word.value, 10_000, 1):
                raise InputError(f"set {option}: {shown_text(word.value, 40)} must be a number of 1…10,000")
            sent.append(word._replace(name=option))
        elif option in IDLE_OPTIONS:
            script.passed[f"set {option}"] += 1
        else:
            written = shown_text(word.name or word.value, 60)
            what = f"set {written}" + f" ({option})" * (option not in (None, word.name.lower()))
            faults.append(f"{what}: builds no circuit and is not run; delete it")
    if faults:
        raise InputError(faults)
    return _text("set", sent)
