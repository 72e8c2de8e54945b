"""Tables from CSV and Parquet files that may be of any size, separator or spelling."""

import csv
import re
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fastp2p.errors import InputError, refuse
from fastp2p.io.paths import check_file

MAX_BYTES = 1_000_000_000
"""Of a file: a year of quarter hours of 500 homes is a third of it."""
MAX_VALUES = 200_000_000
"""Of a Parquet file, which may unpack to far more than it weighs."""
CHUNK = 2_000_000
"""Characters that are searched at once."""
NAMELESS = "__index_level_"
"""How pandas begins the name of a Parquet column that holds an index without one."""
NUMBER = r"[-+]?(?:\d+(?:{0}\d*)?|{0}\d+)(?:[eE][-+]?\d+)?"
"""A number with one decimal sign."""
THOUSANDS = r"[-+]?[1-9]\d{{0,2}}(?:{0}\d{{3}})+"
"""1.000: one or a thousand, as the sign is for decimals or for thousands."""


class Cells(NamedTuple):
    """Columns of a file; the index is the row in the file, its header being row 1."""

    frame: pd.DataFrame
    decimal: str = "."
    doubtful: str = ""
    """A sign that may be for decimals or for thousands, wherever it occurs."""

    def numbers(self, column: str) -> pd.Series:
        """A column as float64; missing where a cell is empty or no number, or one whose reading would be a guess."""
        given = self.frame[column]
        if pd.api.types.is_bool_dtype(given) or pd.api.types.is_datetime64_any_dtype(given):
            return pd.Series(np.nan, given.index)
        if pd.api.types.is_numeric_dtype(given):
            return given.astype(np.float64)
        text = given.astype(str).str.strip()
        good = text.str.fullmatch("(?a)" + NUMBER.format(re.escape(self.decimal)))
        if self.doubtful:
            good &= ~text.str.contains(self.doubtful, regex=False)
        return text.where(good, "nan").str.replace(self.decimal, ".", regex=False).astype(np.float64)

    def fault(self, column: str, value: Any) -> str:
        """Why a cell is no number that counts: its value and the way out."""
        shown = repr(value) if isinstance(value, str) else str(value)
        text = str(value).strip()
        sign = next((one for one in ".," if re.fullmatch("(?a)" + THOUSANDS.format(re.escape(one)), text)), "")
        if sign and sign == self.doubtful:
            readings = f"{text.replace(sign, '')} or {text.replace(sign, '.')}" if text.count(sign) == 1 else "several numbers"
            way_out = "write it without a separator, or with another number of decimals"
            return f"{column} = {shown} may be {readings}, and no cell of the file shows which; {way_out}"
        if self.decimal == "," and "." in text and re.fullmatch("(?a)" + r"[-+]?[\d.,]+", text):
            return (
                f"{column} = {shown} has a point where the file's decimals have commas; write it without thousands separators"
            )
        return f"{column} = {shown} must be a finite number, not negative"


def column_names(path: Path) -> list[str]:
    """The columns of a CSV or Parquet file without the spaces around them, its index among them if that has a name.

    Raises
    ------
    InputError
        A file that is not there, too large, of another kind, or whose headings are missing or doubled.
    """
    check_file(path, "profile file", MAX_BYTES)
    try:
        if path.suffix.lower() == ".parquet":
            with path.open("rb") as packed:
                names = [name for name in pq.read_schema(packed).names if not name.startswith(NAMELESS)]
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                names = next(csv.reader(file, delimiter=_separator(path)), [])
    except Exception as error:
        raise unreadable(path, error) from error
    names = [name.strip() for name in names]
    faults = [f"profile file {path}: could not be read (no headings in its first row)"] if not any(names) else []
    if any(names) and not all(names):
        faults.append(f"{path}: column {names.index('') + 1} has no heading; name it, or leave it out")
    faults += [
        f"{path}: {names.count(name)} columns are headed {name!r}" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    refuse(faults)
    return names


def has_nameless_index(path: Path) -> bool:
    """Whether a Parquet file holds the index of a pandas table that has no name."""
    if path.suffix.lower() != ".parquet":
        return False
    with path.open("rb") as packed:
        return any(name.startswith(NAMELESS) for name in pq.read_schema(packed).names)


def read_cells(path: Path, columns: Sequence[str]) -> Cells:
    """Some columns of a CSV or Parquet file; blank rows are left out.

    Raises
    ------
    InputError
        A file that cannot be read, or holds no row.
    """
    check_file(path, "profile file", MAX_BYTES)
    try:
        cells = Cells(_read_parquet(path, columns)) if path.suffix.lower() == ".parquet" else _read_csv(path, columns)
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error
    frame = cells.frame
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    blank = frame.isna() | (frame == "")
    frame = frame[~blank.all(axis=1)]
    if frame.empty:
        raise InputError(f"profile file {path}: is empty")
    return cells._replace(frame=frame)


def unreadable(path: Path, error: Exception) -> InputError:
    """That a file could not be read, and why, in a line."""
    return InputError(f"profile file {path}: could not be read ({' '.join(str(error).split())})")


def _read_parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    with path.open("rb") as file:  # by its path, pyarrow takes a:b.parquet for a scheme
        about = pq.read_metadata(file)
        schema = about.schema.to_arrow_schema()
        spelt = {name.strip(): name for name in schema.names}
        if about.num_rows * len(columns) > MAX_VALUES:
            raise InputError(
                f"profile file {path}: holds {about.num_rows:,} rows; it must have fewer than {MAX_VALUES:,} values"
            )
        kinds = {name: schema.field(spelt[name]).type for name in columns}
        refuse(
            [
                f"{path}: column {name} holds {kind}, not numbers, times or names"
                for name, kind in kinds.items()
                if not _is_known(kind)
            ]
        )
        table = pq.read_table(file, columns=[spelt[name] for name in columns])
    for at, field in enumerate(table.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
            kind = pa.float64()
        table = table.set_column(at, field.name.strip(), table.column(at).cast(kind))
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame[list(columns)]


def _is_known(kind: pa.DataType) -> bool:
    """Whether Parquet columns of a type are read."""
    if pa.types.is_dictionary(kind):
        return _is_known(kind.value_type)
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    others = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_timestamp, pa.types.is_date)
    return any(is_(kind) for is_ in (*numbers, *others))


def _read_csv(path: Path, columns: Sequence[str]) -> Cells:
    separator, names = _separator(path), column_names(path)
    decimal, doubtful = _decimal_sign(path) if separator == ";" else (".", "")
    _check_lengths(path, separator, len(names))
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("error")  # such as columns of several types
        frame = pd.read_csv(
            file,
            sep=separator,
            decimal=decimal,
            encoding="utf-8-sig",
            float_precision="round_trip",
            index_col=False,
            skip_blank_lines=False,
            header=0,
            names=names,
            usecols=list(columns),
            converters={"profile": str} if "profile" in columns else None,
            dtype={name: str for name in columns if name != "profile"} if doubtful == "." else None,
            low_memory=False,
        )[list(columns)]
    return Cells(frame, decimal, doubtful)


def _decimal_sign(path: Path) -> tuple[str, str]:
    """The decimal sign of a file separated by semicolons, and a sign of which no cell says what it is for."""
    for sign in ",.":
        if _has_cell(path, _only_decimal(sign)):
            return sign, ""
    for sign in ",.":
        if _has_cell(path, THOUSANDS.format(re.escape(sign))):
            return ".", sign
    return ".", ""


def _only_decimal(sign: str) -> str:
    """Numbers in which a sign can only be for decimals: 0,5 or 12,34 or 1234,567; and 1.234,5."""
    one, other = re.escape(sign), re.escape("." if sign == "," else ",")
    grouped = rf"[-+]?\d{{1,3}}(?:{other}\d{{3}})+{one}\d+"
    return rf"(?:(?!{THOUSANDS.format(one)}\s*\"?\s*(?:;|$))[-+]?\d*{one}\d+(?:[eE][-+]?\d+)?|{grouped})"


def _has_cell(path: Path, pattern: str) -> bool:
    """Whether some cell below the header of a file separated by semicolons is of a pattern."""
    cell = re.compile(rf"(?:^|;)\s*\"?\s*{pattern}\s*\"?\s*(?:;|$)", re.MULTILINE | re.ASCII)
    with path.open(encoding="utf-8-sig") as file:
        file.readline()
        return any(cell.search("".join(lines)) for lines in iter(partial(file.readlines, CHUNK), []))


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
