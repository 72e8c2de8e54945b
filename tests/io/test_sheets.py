"""Tables as CSV files and as a workbook: numbers, times, texts that look like formulas, and sheets that are too short."""

import sys
from io import BytesIO

import numpy as np
import openpyxl
import pandas as pd
import pytest

from fastp2p.errors import InputError
from fastp2p.io import sheets

TIME = pd.date_range("2024-03-31", periods=4, freq="h", tz="Europe/Berlin")
FORMULAS = ["=1+1", '+HYPERLINK("x")', "-2", "@SUM(A1)"]
UNITS = {"energy_kwh": "kWh", "paid": "=EUR"}
ABOUT = {"made_by": "fastp2p", "study": "=cmd"}


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "time": TIME,
            "winter": TIME.tz_convert("+01:00"),
            "energy_kwh": [0.1 + 0.2, np.nan, np.inf, -1e-300],
            "paid": [1 / 3, 2 / 3, 1e22, 5e-324],
            "n": pd.array([1, None, 3, 2**53 + 1], "Int64"),
            "sure": pd.array([True, None, False, True], "boolean"),
            "branch": FORMULAS,
            "status": pd.Categorical(["free", None, "cleared", "free"]),
        }
    )


def test_pandas_reads_the_same_numbers_from_csv(table, tmp_path):
    sheets.write_csv_files({"books": table}, tmp_path, UNITS, ABOUT)
    back = pd.read_csv(tmp_path / "books.csv", float_precision="round_trip", dtype={"n": "Int64", "sure": "boolean"})
    assert list(back) == ["time", "winter", "energy_kwh [kWh]", "paid [=EUR]", "n", "sure", "branch", "status"]
    np.testing.assert_array_equal(back["energy_kwh [kWh]"], table.energy_kwh)
    np.testing.assert_array_equal(back["paid [=EUR]"], table.paid)
    pd.testing.assert_series_equal(back["n"], table["n"])
    pd.testing.assert_series_equal(back["sure"], table["sure"])
    assert back["branch"].tolist() == [f"'{one}" for one in FORMULAS]
    assert back["status"].tolist()[2:] == ["cleared", "free"]
    assert back["time"].tolist()[1:3] == ["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"]
    assert list(pd.to_datetime(back["time"], utc=True)) == list(TIME.tz_convert("UTC"))
    assert (tmp_path / "run.csv").read_text() == "key,value\nmade_by,fastp2p\nstudy,'=cmd\n"


def test_a_workbook_has_units_times_and_no_formulas(table):
    file = BytesIO()
    sheets.write_workbook(file, {"books": table}, UNITS, ABOUT, ['name = "x"', "=1"])
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["run", "study", "books"]
    heads, *rows = book["books"].iter_rows(values_only=True)
    assert heads[:4] == ("time [UTC]", "winter [UTC+0100]", "energy_kwh [kWh]", "paid [=EUR]")
    assert [row[0].hour for row in rows] == [23, 0, 1, 2]
    assert [row[1].hour for row in rows] == [0, 1, 2, 3]
    assert [row[2] for row in rows] == [pytest.approx(0.3), None, "inf", -1e-300]
    assert [row[4] for row in rows][:3] == [1, None, 3]
    assert [row[5] for row in rows] == [True, None, False, True]
    assert [row[6] for row in rows] == FORMULAS
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"n", "s", "b", "d"}
    assert [row[0] for row in book["study"].iter_rows(values_only=True)] == ['name = "x"', "=1"]


def test_a_table_longer_than_a_sheet_is_refused(table, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_ROWS", 4)
    with pytest.raises(InputError, match=r"books has 4 rows, and a sheet of Excel 4; leave it out \(--tables\), or export csv"):
        sheets.write_workbook(BytesIO(), {"books": table}, UNITS, ABOUT, [])


def test_without_xlsxwriter_the_extra_is_named(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(InputError, match=r'xlsxwriter is not installed .*; pip install "fastp2p\[export\]"'):
        sheets.write_workbook(BytesIO(), {"books": table}, UNITS, ABOUT, [])
