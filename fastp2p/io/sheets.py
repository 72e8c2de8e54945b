"""Tables for other programs: CSV files, and a workbook for Excel."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from fastp2p.errors import InputError, refuse

MOST_ROWS = 1_048_576
"""Of a sheet of Excel, its heading among them."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula begins with one of these."""
UTC = "UTC"
ABOUT = "run"
"""The file, or the sheet, that says what the tables are of."""


def heading(name: str, units: Mapping[str, str]) -> str:
    """The heading of a column: its name, and its unit if it has one."""
    return f"{name} [{units[name]}]" if name in units else name


def write_csv_files(
    tables: Mapping[str, pd.DataFrame], folder: Path, units: Mapping[str, str], about: Mapping[str, str]
) -> None:
    """One CSV file per table into a folder that nobody reads yet, and `run.csv`.

    Numbers have all their digits: pandas gives them back to the bit with ``float_precision="round_trip"``. Times are ISO 8601
    with their offset from UTC. Texts that a spreadsheet would take for formulas get an apostrophe before them.
    """
    pd.Series(about, name="value").map(_harmless).to_csv(folder / f"{ABOUT}.csv", index_label="key")
    for name, table in tables.items():
        shown = pd.DataFrame({column: _as_text(table[column]) for column in table}, copy=False)
        shown.columns = [heading(str(column), units) for column in table]
        with (folder / f"{name}.csv").open("wb") as file, TextIOWrapper(file, "utf-8", newline="") as text:
            shown.to_csv(text, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)


def _as_text(column: pd.Series) -> pd.Series:
    """A column whose times and texts are as a CSV file has them."""
    if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.map({one: one.isoformat() for one in column.dropna().unique()})
    if column.dtype.kind == "O" and not pd.api.types.is_extension_array_dtype(column.dtype):
        return column.map({one: _harmless(one) for one in column.dropna().unique()})
    return column


def _harmless(text: str) -> str:
    return f"'{text}" if str(text).startswith(FORMULA) else text


def row_faults(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Tables that are longer than a sheet of Excel."""
    return [
        f"{name} has {len(table):,} rows, and a sheet of Excel {MOST_ROWS:,}; leave it out (--tables), or export csv or netcdf"
        for name, table in tables.items()
        if len(table) >= MOST_ROWS
    ]


def write_workbook(
    file: BinaryIO, tables: Mapping[str, pd.DataFrame], units: Mapping[str, str], about: Mapping[str, str], study: Sequence[str]
) -> None:
    """A workbook: a sheet about the run, a sheet with the lines of its study, and one per table.

    Texts are written as texts, whatever they begin with. Excel has no time zones: times are those of the clock of the profiles,
    and the heading names its offset. A number has 16 digits, one less than it may need.

    Raises
    ------
    InputError
        Without xlsxwriter, and for tables that are longer than a sheet.
    """
    refuse(row_faults(tables))
    try:
        import xlsxwriter
    except ImportError as error:
        raise InputError(f'xlsxwriter is not installed ({error}); pip install "fastp2p[export]"') from error
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    book.set_properties({"author": "fastp2p", "title": about["study"]})
    bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    texts = {ABOUT: [list(pair) for pair in about.items()], "study": [[line] for line in study]}
    for name, lines in texts.items():
        sheet = book.add_worksheet(name)
        sheet.set_column(0, 1, 24)
        for row, line in enumerate(lines):
            for place, text in enumerate(line):
                sheet.write_string(row, place, text, bold if name == ABOUT and place == 0 else None)
    for name, table in tables.items():
        _write_sheet(book.add_worksheet(name), table, units, bold, moment)
    book.close()


def _write_sheet(sheet: Any, table: pd.DataFrame, units: Mapping[str, str], bold: Any, moment: Any) -> None:
    """A table below its headings, which stay in sight."""
    sheet.freeze_panes(1, 0)
    columns, writers = [], []
    for place, name in enumerate(table):
        values, unit = _cells(table[name])
        head = heading(str(name), {**units, **unit})
        sheet.set_column(place, place, max(10, len(head) + 1))
        sheet.write_string(0, place, head, bold)
        columns.append(values)
        writers.append(_writer(sheet, table[name], moment))
    for row, cells in enumerate(zip(*columns, strict=True), 1):
        for place, (write, value) in enumerate(zip(writers, cells, strict=True)):
            if value is not None:
                write(row, place, value)


def _cells(column: pd.Series) -> tuple[list[Any], dict[str, str]]:
    """The values of a column, None for unknown ones; of times those of a clock, and which clock that is."""
    unit = {}
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        offsets = column.dropna().map(lambda one: one.utcoffset()).unique()
        column = column if len(offsets) == 1 else column.dt.tz_convert(UTC)
        unit = {str(column.name): str(pd.Timestamp(column.dropna().iloc[0]).strftime("UTC%z")) if len(offsets) == 1 else UTC}
        column = column.dt.tz_localize(None)
    values = column.astype(object).where(column.notna(), None)
    return values.tolist(), unit


def _writer(sheet: Any, column: pd.Series, moment: Any) -> Any:
    """What writes a value of a column into a cell."""
    if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        return lambda row, place, value: sheet.write_datetime(row, place, value, moment)
    if column.dtype.kind == "b":
        return sheet.write_boolean
    if column.dtype.kind in "iu":
        return sheet.write_number
    if column.dtype.kind == "f":
        return lambda row, place, value: (
            sheet.write_number(row, place, value) if isfinite(value) else sheet.write_string(row, place, str(value))
        )
    return sheet.write_string
