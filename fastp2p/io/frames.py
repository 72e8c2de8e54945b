"""Tables from CSV and Parquet files that may be of any size, separator or spelling."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from fastp2p.errors import InputError
from fastp2p.io.paths import is_file

MAX_BYTES = 1_000_000_000
"""Of a file: a year of quarter hours of 500 homes is a third of it."""
MAX_VALUES = 200_000_000
"""Of a Parquet file, which may unpack to far more than it weighs."""


def column_names(path: Path) -> list[str]:
    """The columns of a CSV or Parquet file.

    Raises
    ------
    InputError
        A file that is not there, too large, or of another kind.
    """
    check_file(path)
    try:
        if path.suffix.lower() == ".parquet":
            schema = pq.read_schema(path)
            inside = schema.pandas_metadata or {}
            index = {name for name in inside.get("index_columns", []) if isinstance(name, str) and name.startswith("__index")}
            return [name for name in schema.names if name not in index]
        return [str(name) for name in pd.read_csv(path, sep=_separator(path)[0], encoding="utf-8-sig", nrows=0).columns]
    except Exception as error:
        raise unreadable(path, error) from error


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
    about = pq.read_metadata(path)
    if about.num_rows * len(columns) > MAX_VALUES:
        raise InputError(f"profile file {path}: holds {about.num_rows:,} rows; it must have fewer than {MAX_VALUES:,} values")
    return pd.read_parquet(path, columns=list(columns)).reset_index(drop=True)


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    separator, decimal = _separator(path)
    all_of_them = len(columns) == len(column_names(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as rows longer than the header, which are told where all columns are read
        return pd.read_csv(
            path,
            sep=separator,
            decimal=decimal,
            encoding="utf-8-sig",
            float_precision="round_trip",
            index_col=False,
            skip_blank_lines=False,
            usecols=None if all_of_them else list(columns),
            converters={"profile": str} if "profile" in columns else None,
        )[list(columns)]


def _separator(path: Path) -> tuple[str, str]:
    """Separator and decimal mark: commas and points, or semicolons and what the second row has."""
    with path.open(encoding="utf-8-sig") as file:
        header, second = file.readline(), file.readline()
    if header.count(";") <= header.count(","):
        return ",", "."
    return ";", "," if re.search(r"(?:^|;)\s*\"?-?\d+,\d+\"?\s*(?:;|$)", second) else "."
