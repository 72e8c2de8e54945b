"""Tables from CSV and Parquet files that may be of any size, separator or spelling."""

import csv
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fastp2p.errors import InputError, refuse
from fastp2p.io.paths import check_file
from fastp2p.ranges import ENERGY_KWH
from fastp2p.text import LONGEST_NAME, shown_text

MAX_BYTES = 1_000_000_000
"""Of a file: a year of quarter hours of 500 homes is a third of it."""
MAX_VALUES = 50_000_000
"""Rows times columns that are read: quarter hours of a year for 1,400 homes."""
MAX_COLUMNS = 10_000
MAX_LINE = 1_000_000
"""Bytes of a row of a CSV file."""
MAX_TEXT = 1_000
"""Characters of a name or a time."""
MAX_UNPACKED = 1_000_000_000
"""Bytes of a Parquet file, which may unpack to far more than it weighs."""
MAX_FOOTER, MAX_ROW_GROUPS = 50_000_000, 10_000
"""Bytes of what a Parquet file says of itself, and pieces that it is in."""
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

    def fault(self, column: str, value: Any, *, signed: bool = False) -> str:
        """Why a cell is no number that counts: its value and the way out; `signed` where negative ones count."""
        shown = shown_text(repr(value) if isinstance(value, str) else str(value), LONGEST_NAME)
        text = str(value).strip()
        is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if is_number and ENERGY_KWH.most < value < float("inf"):
            return f"{column} = {shown} is more than {ENERGY_KWH.most:,.0f}; check its unit"
        sign = next((one for one in ".," if re.fullmatch("(?a)" + THOUSANDS.format(re.escape(one)), text)), "")
        if sign and sign == self.doubtful:
            readings = f"{text.replace(sign, '')} or {text.replace(sign, '.')}" if text.count(sign) == 1 else "several numbers"
            way_out = "write it without a separator, or with another number of decimals"
            return f"{column} = {shown} may be {readings}, and no cell of the file shows which; {way_out}"
        if self.decimal == "," and "." in text and re.fullmatch("(?a)" + r"[-+]?[\d.,]+", text):
            return (
                f"{column} = {shown} has a point where the file's decimals have commas; write it without thousands separators"
            )
        return f"{column} = {shown} must be a finite number{'' if signed else ', not negative'}"


def column_names(path: Path) -> list[str]:
    """The columns of a CSV or Parquet file without the spaces around them, its index among them if that has a name.

    Raises
    ------
    InputError
        A file that is not there, too large, of another kind, or whose headings are missing or doubled.
    """
    with _read_faults(path):
        if path.suffix.lower() == ".parquet":
            with _parquet(path) as packed:
                names = [name for name in packed.schema_arrow.names if not name.startswith(NAMELESS)]
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                names = next(_rows(file, _separator(path)), (0, list[str]()))[1]
        if len(names) > MAX_COLUMNS:
            raise InputError(f"profile file {path}: has {len(names):,} columns; it may have up to {MAX_COLUMNS:,}")
    names = [name.strip() for name in names]
    times = Counter(names)
    faults = [f"profile file {path}: could not be read (no headings in its first row)"] if not any(names) else []
    if any(names) and not all(names):
        faults.append(f"{path}: column {names.index('') + 1} has no heading; name it, or leave it out")
    faults += [f"{path}: {count} columns are headed {name!r}" for name, count in times.items() if count > 1]
    refuse(faults)
    return names


def has_nameless_index(path: Path) -> bool:
    """Whether a Parquet file holds the index of a pandas table that has no name."""
    if path.suffix.lower() != ".parquet":
        return False
    with _read_faults(path), _parquet(path) as packed:
        return any(name.startswith(NAMELESS) for name in packed.schema_arrow.names)


def read_cells(path: Path, columns: Sequence[str], texts: Sequence[str] = ("profile",)) -> Cells:
    """Some columns of a CSV or Parquet file; blank rows are left out. Of `texts`, CSV's "007" and "NA" stay what they are.

    Raises
    ------
    InputError
        A file that cannot be read, or holds no row.
    """
    with _read_faults(path):
        cells = Cells(_read_parquet(path, columns)) if path.suffix.lower() == ".parquet" else _read_csv(path, columns, texts)
    frame = cells.frame
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    blank = frame.isna() | (frame == "")
    frame = frame[~blank.all(axis=1)]
    if frame.empty:
        raise InputError(f"profile file {path}: is empty")
    return cells._replace(frame=frame)


@contextmanager
def _read_faults(path: Path) -> Iterator[None]:
    """Check the size of a file, and turn whatever a reader raises into a message of one line."""
    check_file(path, "profile file", MAX_BYTES)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> InputError:
    """That a file could not be read, and why, in a line."""
    return InputError(f"profile file {path}: could not be read ({' '.join(str(error).split())})")


@contextmanager
def _parquet(path: Path, packed_texts: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """A Parquet file, opened where what it says of itself is of a size that can be read in a moment."""
    with path.open("rb") as file:  # by its path, pyarrow takes a:b.parquet for a scheme
        file.seek(max(0, path.stat().st_size - 8))
        footer = int.from_bytes(file.read(4), "little")
        if footer > MAX_FOOTER:
            raise ValueError(f"{footer:,} bytes of metadata, where {MAX_FOOTER:,} are read")
        file.seek(0)
        limits = {"thrift_string_size_limit": MAX_FOOTER, "thrift_container_size_limit": MAX_VALUES}
        yield pq.ParquetFile(file, read_dictionary=list(packed_texts), **limits)


def _read_parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    with _parquet(path) as packed:
        schema = packed.schema_arrow
        spelt = {name.strip(): name for name in schema.names}
        kinds = {name: schema.field(spelt[name]).type for name in columns}
        refuse(
            [
                f"{path}: column {name} holds {kind}, not numbers, times or names"
                for name, kind in kinds.items()
                if not _is_known(kind)
            ]
        )
        _check_size(path, packed, len(columns))
    # texts stay as they are packed, one of each: a row more is a number more
    texts = [spelt[name] for name, kind in kinds.items() if _is_text(kind)]
    with _parquet(path, texts) as packed:
        # in this thread: those of pyarrow may still be at work on a spoilt file when the process ends, and abort it
        table = packed.read([spelt[name] for name in columns], use_threads=False)
    series = {name: _unpacked(path, name, table.column(spelt[name])) for name in columns}
    return pd.DataFrame(series, copy=False)


def _check_size(path: Path, packed: pq.ParquetFile, n_columns: int) -> None:
    """That a Parquet file is not more than is read, once it is unpacked.

    Raises
    ------
    InputError
    """
    about = packed.metadata
    if about.num_rows * n_columns > MAX_VALUES:
        raise InputError(f"profile file {path}: holds {about.num_rows:,} rows; it must have fewer than {MAX_VALUES:,} values")
    if about.num_row_groups > MAX_ROW_GROUPS:
        raise InputError(f"profile file {path}: is in {about.num_row_groups:,} row groups; it may have {MAX_ROW_GROUPS:,}")
    # not column by column: of a spoilt file, what pyarrow says of a column may end the process
    size = sum(about.row_group(at).total_byte_size for at in range(about.num_row_groups))
    if not 0 <= size <= MAX_UNPACKED:
        raise InputError(f"profile file {path}: unpacks to {size / 1e6:,.0f} MB; it may have {MAX_UNPACKED / 1e6:,.0f} MB")


def _unpacked(path: Path, name: str, column: pa.ChunkedArray) -> pd.Series:
    """A column as pandas has it; equal texts are one object."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_dictionary(column.type) and _is_text(kind):
        longest = max((max(map(len, one.dictionary.to_pylist()), default=0) for one in column.chunks), default=0)
        if longest > MAX_TEXT:
            raise InputError(f"{path}: column {name} holds a text of {longest:,} characters; it may have {MAX_TEXT:,}")
        texts = [pd.Series(one.to_pandas(), dtype=object) for one in column.chunks]
        return pd.concat(texts or [pd.Series(dtype=object)], ignore_index=True)
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        kind = pa.float64()
    return pd.Series(column.cast(kind).to_pandas())


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return any(is_(kind) for is_ in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _is_known(kind: pa.DataType) -> bool:
    """Whether Parquet columns of a type are read."""
    if pa.types.is_dictionary(kind):
        return _is_known(kind.value_type)
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return _is_text(kind) or any(is_(kind) for is_ in (*numbers, pa.types.is_timestamp, pa.types.is_date))


def _read_csv(path: Path, columns: Sequence[str], texts: Sequence[str]) -> Cells:
    separator, names = _separator(path), column_names(path)
    _check_rows(path, separator, len(names), len(columns))
    decimal, doubtful = _decimal_sign(path) if separator == ";" else (".", "")
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
            converters={name: str for name in columns if name in texts},
            dtype={name: str for name in columns if name not in texts} if doubtful == "." else None,
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


def _check_rows(path: Path, separator: str, length: int, n_read: int) -> None:
    """That every row is as long as the header, as pandas tells only where all columns are read; and that they are not too many.

    Raises
    ------
    InputError
        Also lines that are longer than any row, and bytes that are no text.
    """
    quoted, n_lines = False, 0
    with path.open("rb") as file:
        for line in iter(partial(file.readline, MAX_LINE + 1), b""):
            n_lines += 1
            if len(line) > MAX_LINE:
                raise ValueError(f"line {n_lines:,} is longer than {MAX_LINE:,} bytes")
            if b"\0" in line:
                raise ValueError(f"line {n_lines:,} holds a NUL byte; save it as UTF-8 text")
            if n_lines * n_read > MAX_VALUES:
                raise InputError(
                    f"profile file {path}: has over {n_lines:,} rows; it must have fewer than {MAX_VALUES:,} values"
                )
            quoted = quoted or b'"' in line
    with path.open(encoding="utf-8-sig", newline="") as file:
        lengths = (
            ((at, len(row)) for at, row in _rows(file, separator))
            if quoted
            else ((at, line.count(separator) + 1 if line.strip() else 0) for at, line in enumerate(file, 1))
        )
        for row, found in lengths:
            if found not in (0, length):
                message = f"row {row} has {found} fields where the header has {length}"
                raise InputError(f"profile file {path}: could not be read ({message})")


def _rows(file: TextIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, and the line that each ends in; quoted cells may go over several lines."""
    length = 0

    def lines() -> Iterator[str]:
        nonlocal length
        for line in iter(partial(file.readline, MAX_LINE + 1), ""):
            length += len(line)
            if length > MAX_LINE:
                raise ValueError(f"a row is longer than {MAX_LINE:,} characters")
            yield line

    rows = csv.reader(lines(), delimiter=separator)
    for row in rows:
        length = 0
        yield rows.line_num, row


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline(MAX_LINE)
    return ";" if header.count(";") > header.count(",") else ","
