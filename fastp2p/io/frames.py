"""Tables from CSV and Parquet files that may be of any size, separator or spelling."""

import csv
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fastp2p.errors import InputError, refuse
from fastp2p.io.paths import is_file

MAX_BYTES = 1_000_000_000
"""Of a file: a year of quarter hours of 500 homes is a third of it."""
MAX_VALUES = 200_000_000
"""Of a Parquet file, which may unpack to far more than it weighs."""
SNIFFED = 2_000_000
"""Characters in which a decimal comma is looked for: PV is whole zeros for a night, or for a winter."""
DECIMAL_COMMA = r"([-+]?\d*),(\d+(?:[eE][-+]?\d+)?)"


def column_names(path: Path) -> list[str]:
    """The columns of a CSV or Parquet file, its index among them if that has a name.

    Raises
    ------
    InputError
        A file that is not there, too large, of another kind, or whose headings are missing or doubled.
    """
    check_file(path)
    try:
        if path.suffix.lower() == ".parquet":
            names = [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                names = next(csv.reader(file, delimiter=_separator(path)), [])
    except Exception as error:
        raise unreadable(path, error) from error
    faults = [f"profile file {path}: could not be read (no headings in its first row)"] if not any(names) else []
    if any(names) and not all(name.strip() for name in names):
        faults.append(
            f"{path}: column {[bool(n.strip()) for n in names].index(False) + 1} has no heading; name it, or leave it out"
        )
    faults += [
        f"{path}: {names.count(name)} columns are headed {name!r}" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    refuse(faults)
    return names


def read_frame(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a CSV or Parquet file; the index is the row in the file, its header being row 1.

    Blank rows are left out.

    Raises
    ------
    InputError
        A file that cannot be read, or holds no row.
    """
    check_file(path)
    try:
        frame = _read_parquet(path, columns) if path.suffix.lower() == ".parquet" else _read_csv(path, columns)
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    blank = frame.isna() | (frame == "")
    frame = frame[~blank.all(axis=1)]
    if frame.empty:
        raise InputError(f"profile file {path}: is empty")
    return frame


def check_file(path: Path) -> None:
    """That a file is there, and not too large to be what it should be.

    Raises
    ------
    InputError
    """
    if not is_file(path):
        raise InputError(f"profile file {path}: not found")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"profile file {path}: {size / 1e6:,.0f} MB; files over {MAX_BYTES / 1e6:,.0f} MB are not read")


def unreadable(path: Path, error: Exception) -> InputError:
    """That a file could not be read, and why, in a line."""
    return InputError(f"profile file {path}: could not be read ({' '.join(str(error).split())})")


def _read_parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    about, schema = pq.read_metadata(path), pq.read_schema(path)
    if about.num_rows * len(columns) > MAX_VALUES:
        raise InputError(f"profile file {path}: holds {about.num_rows:,} rows; it must have fewer than {MAX_VALUES:,} values")
    kinds = {name: schema.field(name).type for name in columns}
    wrong = (pa.types.is_nested, pa.types.is_boolean, pa.types.is_duration, pa.types.is_binary, pa.types.is_large_binary)
    refuse(
        [
            f"{path}: column {name} holds {kind}, not numbers, times or names"
            for name, kind in kinds.items()
            if any(is_(kind) for is_ in wrong)
        ]
    )
    frame: pd.DataFrame = pq.read_table(path, columns=list(columns)).to_pandas(ignore_metadata=True)
    return frame[list(columns)]


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    separator, names = _separator(path), column_names(path)
    comma = separator == ";" and _has_decimal_commas(path)
    _check_lengths(path, separator, len(names))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as columns of several types
        frame = pd.read_csv(
            path,
            sep=separator,
            decimal="," if comma else ".",
            encoding="utf-8-sig",
            float_precision="round_trip",
            index_col=False,
            skip_blank_lines=False,
            usecols=list(columns),
            converters={"profile": str} if "profile" in columns else None,
            low_memory=False,
        )[list(columns)]
    for name in frame.select_dtypes(object) if comma else ():  # some cell is no number: the others still are
        frame[name] = frame[name].str.replace(rf"^\s*{DECIMAL_COMMA}\s*$", r"\1.\2", regex=True)
    return frame


def _check_lengths(path: Path, separator: str, length: int) -> None:
    """That every row is as long as the header; pandas tells only where all columns are read.

    Raises
    ------
    InputError
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        quoted = any('"' in line for line in file)
        file.seek(0)
        rows = csv.reader(file, delimiter=separator) if quoted else None
        lengths = map(len, rows) if rows else (line.count(separator) + 1 if line.strip() else 0 for line in file)
        for row, found in enumerate(lengths, 1):
            if found not in (0, length):
                told = f"row {rows.line_num if rows else row} has {found} fields where the header has {length}"
                raise InputError(f"profile file {path}: could not be read ({told})")


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    return ";" if header.count(";") > header.count(",") else ","


def _has_decimal_commas(path: Path) -> bool:
    with path.open(encoding="utf-8-sig") as file:
        return re.search(rf"(?:^|;)\s*\"?{DECIMAL_COMMA}\"?\s*(?:;|$)", file.read(SNIFFED), re.MULTILINE) is not None
