"""The cells of an .xlsx file, within limits: one megabyte may unpack to gigabytes, or say that it is a million columns wide.

The parts that are needed are unpacked and read in one pass each, which ends at the first limit. Nothing in them is followed,
expanded or run: no entities, no links, no formulas, no macros. Numbers are numbers, also where a format shows them as dates.
"""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

from fastp2p.errors import InputError

Cell = str | int | float | bool | None
Attributes = dict[str, str]

MOST_PARTS = 2_000
MOST_UNPACKED = 150_000_000
"""Bytes of all parts that are read."""
MOST_ELEMENTS = 5_000_000
"""XML elements of all parts that are read; a cell has two."""
MOST_COLUMNS = 1_000
MOST_CELLS = 5_000_000
"""Cells of all sheets that are read as rectangles, the empty ones counted; sheets may share what they hold."""
SMALLER = "leave out what is not needed"
DIGITS = 18
"""Whole numbers up to this length fit into 64 bits; longer ones are floats."""
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, NotImplementedError, expat.ExpatError)
"""What archives and parts raise that are broken, beside RuntimeError for one with a password."""


def workbook_cells(content: bytes, wanted: Callable[[str], bool]) -> dict[str, dict[int, list[Cell]]]:
    """Rows by number of the sheets that are wanted by name: all of one sheet equally long, those without a value left out.

    Raises
    ------
    InputError
        What is no workbook, or one beyond the limits above.
    """
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError("is protected by a password, or from before Excel 2007; save it as an .xlsx without a password")
    if content.count(b"PK\x01\x02") > MOST_PARTS:  # before zipfile makes an object of each
        raise InputError(f"is an archive of more than {MOST_PARTS:,} files, not a workbook")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return dict(_sheets(_Parts(archive), wanted))
    except RuntimeError as error:
        raise InputError("is protected by a password; save it without one") from error
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"is not a workbook, or a broken one ({type(error).__name__}: {str(error)[:80]})") from error


class _Parts:
    """Parts of a workbook, and what is left of the limits."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._bytes, self._elements = MOST_UNPACKED, MOST_ELEMENTS
        self.cells = MOST_CELLS

    def read(
        self,
        name: str,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] = lambda _: None,
        text: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Call a function for every start and end of an element, without its namespace, and for every text."""

        def started(element: str, attributes: Attributes) -> None:
            self._elements -= 1
            if self._elements < 0:
                raise InputError(f"holds more than {MOST_ELEMENTS // 2:,} cells; {SMALLER}")
            start(element.rpartition(" ")[2], attributes)

        def refuse_type(*_: Any) -> None:
            raise InputError("defines XML entities, which no workbook needs")

        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = started
        parser.EndElementHandler = lambda element: end(element.rpartition(" ")[2])
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = refuse_type
        parser.Parse(self._unpacked(name), True)  # as a whole: expat reads a long tag again with every piece that it is given

    def _unpacked(self, name: str) -> bytes:
        about = self._archive.getinfo(name)
        if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError("is packed in a way that workbooks are not")
        with self._archive.open(about) as packed:
            content = packed.read(self._bytes + 1)
        self._bytes -= len(content)
        if self._bytes < 0:
            raise InputError(f"unpacks to more than {MOST_UNPACKED / 1e6:,.0f} MB; {SMALLER}")
        return content


def _sheets(parts: _Parts, wanted: Callable[[str], bool]) -> Iterator[tuple[str, dict[int, list[Cell]]]]:
    (book, _), *_ = [one for one in _targets(parts, "").values() if one[1] == "officeDocument"] or [("", "")]
    targets, ids = _targets(parts, book), {}

    def start(element: str, attributes: Attributes) -> None:
        if element == "sheet":
            ids[attributes["name"]] = next(one for key, one in attributes.items() if key.endswith(" id"))

    parts.read(book, start)
    texts = [text for path, kind in targets.values() if kind == "sharedStrings" for text in _shared_texts(parts, path)]
    for name, key in ids.items():
        path, kind = targets[key]
        if kind == "worksheet" and wanted(name):
            yield name, _rows(parts, path, texts, name)


def _targets(parts: _Parts, part: str) -> dict[str, tuple[str, str]]:
    """Path and kind of the parts that a part refers to, by the id that it uses for them."""
    folder, name = posixpath.split(part)
    found = {}

    def start(element: str, attributes: Attributes) -> None:
        if element == "Relationship" and attributes.get("TargetMode") != "External":
            path = posixpath.normpath(posixpath.join("/", folder, attributes["Target"])).lstrip("/")
            found[attributes["Id"]] = (path, attributes["Type"].rpartition("/")[2])

    parts.read(posixpath.join(folder, "_rels", f"{name}.rels"), start)
    return found


def _shared_texts(parts: _Parts, path: str) -> list[str]:
    texts: list[str] = []
    pieces: list[str] = []
    inside = {"t": False, "rPh": False}  # a text, and one that says how another is spoken

    def start(element: str, _: Attributes) -> None:
        if element in inside:
            inside[element] = True

    def end(element: str) -> None:
        if element in inside:
            inside[element] = False
        elif element == "si":
            texts.append("".join(pieces))
            pieces.clear()

    def text(piece: str) -> None:
        if inside["t"] and not inside["rPh"]:
            pieces.append(piece)

    parts.read(path, start, end, text)
    return texts


def _rows(parts: _Parts, path: str, texts: list[str], sheet: str) -> dict[int, list[Cell]]:
    rows: dict[int, dict[int, Cell]] = {}
    cell: dict[str, Any] = {"row": 0, "column": -1, "kind": "n", "inside": False}
    pieces: list[str] = []

    def start(element: str, attributes: Attributes) -> None:
        if element == "c":
            cell["column"] = _column(attributes["r"]) if "r" in attributes else cell["column"] + 1
            if cell["column"] >= MOST_COLUMNS:
                raise InputError(f"sheet {sheet[:40]}: is wider than {MOST_COLUMNS:,} columns")
            cell["kind"] = attributes.get("t", "n")
            pieces.clear()
        elif element == "row":
            number = attributes.get("r", "")
            cell["row"] = int(number) if number.isdecimal() and len(number) <= DIGITS else cell["row"] + 1
            cell["column"] = -1
        elif element in ("v", "t"):
            cell["inside"] = True

    def end(element: str) -> None:
        if element in ("v", "t"):
            cell["inside"] = False
        elif element == "c":
            value = _value(cell["kind"], "".join(pieces), texts)
            if value is not None:
                rows.setdefault(cell["row"], {})[cell["column"]] = value

    def text(piece: str) -> None:
        if cell["inside"]:
            pieces.append(piece)

    parts.read(path, start, end, text)
    width = 1 + max((max(row) for row in rows.values()), default=-1)
    parts.cells -= width * len(rows)
    if parts.cells < 0:
        raise InputError(f"sheet {sheet[:40]}: brings the tables to more than {MOST_CELLS:,} cells, most of them empty")
    return {number: [row.get(column) for column in range(width)] for number, row in rows.items()}


def _column(reference: str) -> int:
    """Position of a column by the letters that a cell's place begins with, as in AB12."""
    column = 0
    for letter in reference[:4].upper():
        if not "A" <= letter <= "Z":
            break
        column = 26 * column + ord(letter) - ord("A") + 1
    return column - 1


def _value(kind: str, text: str, texts: list[str]) -> Cell:
    """What a cell holds; None for one that is empty or shows an error."""
    if kind == "e" or not text:
        return None
    if kind == "s":
        place = int(text) if text.isdecimal() and len(text) <= DIGITS else len(texts)
        if place >= len(texts):
            raise InputError(f"is a broken workbook: a cell names text number {text[:40]} of {len(texts):,}")
        return texts[place]
    if kind == "b":
        return text.strip() == "1"
    if kind != "n":
        return text
    if text.lstrip("-").isdecimal() and len(text) <= DIGITS:
        return int(text)
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
