"""A column of a table: what is wrong with it, by row."""

import pytest

import fastp2p
from fastp2p.io.readers.series import read_series
from fastp2p.ranges import PRICE


def read(tmp_path, text, column="eur", zone=None):
    path = tmp_path / "prices.csv"
    path.write_text(text, encoding="utf-8")
    return read_series(path, column, PRICE, zone)


def faults(*arguments, **options):
    with pytest.raises(fastp2p.InputError) as caught:
        read(*arguments, **options)
    return [fault.rpartition("prices.csv")[2].lstrip(":, ") for fault in caught.value.faults]


def test_columns_that_are_not_there(tmp_path):
    assert faults(tmp_path, "eur_per_kwh,co2\n1,2\n", "eur_per_kw") == ["no column 'eur_per_kw'; did you mean 'eur_per_kwh'?"]
    assert faults(tmp_path, "price,co2\n1,2\n") == ["no column 'eur'; it has price, co2"]
    assert faults(tmp_path, "time,Date,eur\n2024-01-01,2024-01-01,1\n") == [
        "columns time and Date are all times; keep one of them"
    ]
    assert faults(tmp_path, "hour,eur\n0,1\n", zone="UTC") == [
        "has no times (time, timestamp, datetime, date_time, date); zone does not apply to it"
    ]
    with pytest.raises(fastp2p.InputError, match="not found"):
        read_series(tmp_path / "no.csv", "eur", PRICE)


def test_cells_that_are_no_numbers(tmp_path):
    assert faults(tmp_path, "x,eur\n1,\n2,dear\n3,-0.5\n4,inf\n5,1e7\n") == [
        "row 3: eur = 'dear' must be a finite number",
        "row 5: eur = 'inf' must be a finite number",
        "row 6: eur = 1e+07 must lie in -1,000,000…1,000,000 per kWh",
        "row 2: eur has no value",
    ]
    assert faults(tmp_path, "eur\n1\n\n3\n") == ["row 3: eur has no value"]
    assert faults(tmp_path, "time,eur\n2024-01-01,1\n2024-01-02,\n") == ["row 3: eur has no value"]
    assert len(faults(tmp_path, "eur\n" + "x\n" * 9)) == 6
    assert read(tmp_path, "eur\n1\n-2.5\n\n").values.tolist() == [1.0, -2.5]
    assert read(tmp_path, "time;eur\n2024-01-01;0,25\n").values.tolist() == [0.25]


def test_times_rise(tmp_path):
    rows = "2024-01-01 00:00,1\n2024-01-01 02:00,2\n2024-01-01 01:00,3\n2024-01-01 01:00,4\n"
    assert faults(tmp_path, f"time,eur\n{rows}") == [
        "column time, row 4: 2024-01-01 01:00 comes after 2024-01-01 02:00; sort the rows by time (a clock that changes for "
        "summer needs its zone)",
        "column time, row 5: 2024-01-01 01:00 appears twice; keep one of them (a clock that changes for summer needs its zone)",
    ]
    assert "is a number, not a date and time" in faults(tmp_path, "time,eur\n7.5,1\n")[0]
    assert faults(tmp_path, "hour,eur\n0,1\n1,2\n3,4\n") == ["row 4: the table has hour 3 where 2 is due (a gap, or unsorted)"]
    assert faults(tmp_path, "hour,eur\n0,1\nnoon,2\n") == ["row 3: hour = 'noon' must be a finite number"]
