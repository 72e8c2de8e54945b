"""Workbooks (.xlsx) before they are read: what they unpack to, and how far their sheets reach."""

import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.parsers import expat

from fastp2p.errors import InputError
from fastp2p.io.paths import check_file

MOST_MEMBERS = 1_000
"""Files in the archive; one per sheet, and some ten beside."""
PIECE = 1_000_000
"""Bytes that are unpacked at once."""
PLACE = re.compile(r"\$?([A-Za-z]{0,3})\$?(\d{1,7})")


def check_workbook(
    path: Path, what: str, *, most_bytes: int, most_unpacked: int, most_rows: int = 1_048_576, most_columns: int = 16_384
) -> None:
    """That a workbook is no more than it should be, before a reader unpacks it and fills the cells between those it has.

    Parameters
    ----------
    path : Path
    what : str
        What it should be, such as ``network file``.
    most_bytes, most_unpacked : int
        Of the file, and of all that is in it.
    most_rows, most_columns : int
        Of a sheet.

    Raises
    ------
    InputError
        What is no workbook, larger than that, encrypted, or has XML that declares entities.
    """
    check_file(path, what, most_bytes)
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            unpacked = sum(one.file_size for one in members)
            if len(members) > MOST_MEMBERS:
                raise ValueError(f"{len(members):,} files in it, where {MOST_MEMBERS:,} are read")
            if unpacked > most_unpacked:
                told = f"unpacks to {unpacked / 1e6:,.0f} MB; at most {most_unpacked / 1e6:,.0f} MB are read"
                raise InputError(f"{what} {path}: {told}")
            for member in members:
                rows, columns = _reach(packed, member)
                if rows > most_rows or columns > most_columns:
                    told = f"{member.filename} reaches to row {rows:,} and column {columns:,}"
                    most = f"a sheet may have {most_rows:,} rows and {most_columns:,} columns"
                    raise InputError(f"{what} {path}: {told}; {most}")
    except InputError:
        raise
    except Exception as error:  # of zipfile, zlib and expat, of several bases
        raise InputError(f"{what} {path}: could not be read ({error})") from None


def _reach(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int]:
    """The last row and column that the cells, rows or the stated dimension of a sheet name, or that its cells come to."""
    rows = columns = row = column = 0

    def started(tag: str, attributes: dict[str, str]) -> None:
        nonlocal rows, columns, row, column
        kind = tag.rpartition(":")[2]
        if kind == "row":
            row, column = row + 1, 0
        elif kind == "c":
            column += 1
        elif kind != "dimension":
            return
        for letters, number in PLACE.findall(attributes.get("r", "") + " " + attributes.get("ref", "")):
            row = int(number) if kind == "row" else row
            column = _column(letters) if kind == "c" else column
            rows, columns = max(rows, int(number)), max(columns, _column(letters))
        rows, columns = max(rows, row), max(columns, column)

    def refused(*_: Any) -> None:
        raise ValueError(f"{member.filename} declares entities, which no workbook does")

    parser = expat.ParserCreate()
    parser.StartElementHandler = started
    parser.EntityDeclHandler = refused
    with packed.open(member) as file, suppress(expat.ExpatError):  # a picture, or XML that its reader will refuse
        while piece := file.read(PIECE):
            parser.Parse(piece, False)
    return rows, columns


def _column(letters: str) -> int:
    """1 for A, 27 for AA; 0 for none."""
    number = 0
    for one in letters.upper():
        number = 26 * number + ord(one) - 64
    return number
