"""Properties of elements: which of them the engine may see, and the files that their values name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from fastp2p.errors import InputError
from fastp2p.io.opendss.allowed import FILES, PROPERTIES, REFUSED, full_name
from fastp2p.io.opendss.places import Places, engine_path
from fastp2p.io.opendss.words import Word, words_of
from fastp2p.text import shown_text

OF_FILES = ("file", "dblfile", "sngfile")
"""What an array may begin with to stand in a file."""


COUNTS = {
    **dict.fromkeys(("phases", "nphases", "nconds", "windings", "wdg", "cond", "numsteps", "numharm", "winding"), 100),
    **dict.fromkeys(("switchedterm", "monitoredterm", "terminal"), 2),
    **dict.fromkeys(("seasons", "numfast", "shots"), 100),
    **dict.fromkeys(("k", "basefreq"), 10_000),
    "npts": 10_000_000,
}
"""Properties that are numbers of something, and the largest; beyond these the engine ends the process."""
AT_LEAST = {"windings": 2, **dict.fromkeys(("nconds", "nphases", "phases", "basefreq"), 1)}
LONGEST_BUS = 200
"""Characters; of longer names the engine keeps a part."""


COPIES = ("like", "xfmrcode", "spacing")
"""Properties that bring the number of conductors or windings with them."""


class Reads(Protocol):
    """Where files are found, and noted."""

    places: Places
    data: dict[Path, None]
    n_parts: float | None
    """Conductors or windings of the element that was made last; None where they are not known."""


def checked_words(reads: Reads, kind: str, words: list[Word], folder: Path) -> list[Word]:
    """Properties of an element of a class, each with its full name and with files by their full paths.

    Raises
    ------
    InputError
        Properties that the class does not have, or that write files or run programs; files that are not there.
    """
    names, place, checked, faults = PROPERTIES[kind], -1, list[Word](), list[str]()
    for word in words:
        name = full_name(word.name, names) if word.name else names[place + 1] if place + 1 < len(names) else None
        if name is None:
            faults.append(f"{kind} has no property {shown_text(word.name or word.value, 60)}; correct or delete it")
            continue
        place = names.index(name)
        if name in REFUSED[kind]:
            if word.value.lower() not in ("no", "n", "false", "f"):
                faults.append(f"{kind}.{name}: runs a program or writes a file, which is not done; delete it")
            continue
        if name == "action" and kind in ("loadshape", "tshape") and not "normalize".startswith(word.value.lower()):
            faults.append(f"{kind}.action={shown_text(word.value, 40)}: writes a file, which is not done; delete it")
            continue
        if name in COPIES:
            reads.n_parts = None
        elif name in ("nconds", "windings") and is_count(word.value, 100):
            reads.n_parts = float(word.value)
        elif name in ("cond", "wdg") and reads.n_parts is not None and not is_count(word.value, reads.n_parts):
            faults.append(
                f"{kind}.{name} = {shown_text(word.value, 40)}: there are {reads.n_parts:g}; write their number first"
            )
            continue
        if name == "memorymapping":  # reads the same numbers, and ends the process where a file is too short
            continue
        least = AT_LEAST.get(name, 0)
        if name in COUNTS and not is_count(word.value, COUNTS[name], least):
            faults.append(f"{kind}.{name} = {shown_text(word.value, 40)}: must be a number of {least}…{COUNTS[name]:,}")
            continue
        if name in ("bus", "bus1", "bus2", "buses") and any(len(one) > LONGEST_BUS for one in word.value.split()):
            faults.append(f"{kind}.{name}: a name of more than {LONGEST_BUS} characters; shorten it")
            continue
        try:
            checked.append(_with_files(reads, name, word, folder))
        except (InputError, ValueError) as error:
            faults += [f"{kind}.{name}: {one}" for one in getattr(error, "faults", (str(error),))]
    if faults:
        raise InputError(faults)
    return checked


def is_count(text: str, most: float, least: float = 0.0) -> bool:
    """Whether a text is a number between two others; inline mathematics is none."""
    try:
        return least <= float(text) <= most
    except ValueError:
        return False


def _with_files(reads: Reads, name: str, word: Word, folder: Path) -> Word:
    """A property with the full path of the file that its value names, if it names one."""
    if name in FILES:
        if "=" in word.value:
            raise InputError(f"{shown_text(word.value, 40)} is no name of a file")
        return Word(name, _found(reads, word.value, folder), '"')
    if "=" not in word.value:
        return Word(name, word.value, word.quote)
    inner = words_of(word.value)
    of = full_name(inner[0].name, OF_FILES) if inner and inner[0].name else None
    if of is None:
        raise InputError(f"{shown_text(word.value, 40)} has an equals sign, which no value has; correct it")
    rest = [one for one in inner[1:] if full_name(one.name, ("column", "header")) and one.value.isalnum()]
    if len(rest) != len(inner) - 1:
        raise InputError(f"{shown_text(word.value, 60)}: beside the file only column and header are read; delete the rest")
    path = Word(of, _found(reads, inner[0].value, folder), '"')
    return Word(name, " ".join(one.text for one in [path, *rest]), "(")


def _found(reads: Reads, written: str, folder: Path) -> str:
    """The full path of a file of numbers."""
    path = reads.places.find(written.strip(), folder)
    text = engine_path(path)
    if _loses_its_end(path):
        raise InputError(f"{written}: the engine leaves out its last number; end the file with a line break")
    reads.data[path] = None
    return text


def _loses_its_end(path: Path) -> bool:
    """Whether a text ends in a line of one character without a line break, which OpenDSS does not read."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2))
        end = file.read(2)
    return len(end) == 2 and end[:1] == b"\n" and end[1:].isdigit()
