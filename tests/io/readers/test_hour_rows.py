"""Profile files with a row for each profile and hour: which rows are refused, and how they are named."""

from pathlib import Path

import pandas as pd
import pytest

from tests.support.commands import call
from tests.support.studies import refused, run_text, study_text

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")
HEADER = "profile,hour,load_kwh_per_home,pv_kwh_per_kwp\n"


def rows(name="residential_0", n=24, value="1.0", pv=False):
    return [f"{name},{hour},{'' if pv else value},{value if pv else ''}" for hour in range(n)]


def with_line(at, line):
    lines = rows()
    lines[at : at + 1] = [line] if line else []
    return HEADER + "\n".join(lines + rows("solar_1", pv=True)) + "\n"


def read(content, name="mine.csv"):
    """A study that reads this file."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return study_text(profiles=f'source = "{name}"')


@pytest.mark.slow
def test_good_profiles_from_csv_and_parquet():
    text = with_line(0, rows()[0])
    run_text(read(text))
    pd.read_csv("mine.csv").to_parquet("mine.parquet")
    Path("mine.toml").write_text(study_text(profiles='source = "mine.parquet"'))
    call("run", "mine.toml", "--out", "other")
    assert Path("out/books.parquet").read_bytes() == Path("other/books.parquet").read_bytes()


@pytest.mark.parametrize(
    ("at", "line", "message"),
    [
        (3, "", ["row 5", "residential_0 has hour 4 where 3 is due"]),
        (3, "residential_0,2,1.0,", ["row 5", "hour 2 where 3 is due"]),
        (3, "residential_0,3.5,1.0,", ["row 5", "hour 3.5 where 3 is due"]),
        (3, "residential_0,noon,1.0,", ["row 5", "hour = 'noon'"]),
        (3, "residential_0,,1.0,", ["row 5", "where 3 is due"]),
        (3, "residential_0,-3,1.0,", ["row 5", "hour = "]),
        (3, "residential_0,3,-0.5,", ["row 5", "load_kwh_per_home = ", "-0.5", "not negative"]),
        (3, "residential_0,3,much,", ["row 5", "load_kwh_per_home = 'much'"]),
        (3, "residential_0,3,inf,", ["row 5", "load_kwh_per_home = ", "finite"]),
        (3, "residential_0,3,nan,", ["residential_0 has no value at hour 3"]),
        (3, "residential_0,3,,", ["residential_0 has no value at hour 3"]),
        (3, "residential_0,3,1.0,1.0", ["residential_0 must fill one of", "not 2"]),
        (23, "", ["residential_0 23, solar_1 24", "same hours"]),
    ],
)
def test_profile_rows(at, line, message):
    refused(read(with_line(at, line)), "mine.csv", *message)


def test_faults_of_several_rows_are_named_at_once():
    lines = rows()
    lines[2], lines[5], lines[9] = "residential_0,2,-1,", "residential_0,5,x,", "residential_0,nine,1.0,"
    refused(read(HEADER + "\n".join(lines) + "\n"), "row 4: load", "row 7: load", "row 11: hour")


def test_faults_of_several_profiles_are_named_at_once():
    lines = rows()[:5] + rows()[6:] + rows("b")[1:] + rows("c", value="") + rows("d")
    refused(read(HEADER + "\n".join(lines) + "\n"), "residential_0 has hour 6", "profile b has hour 1", "profile c must fill")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "could not be read"),
        (HEADER, "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "could not be read"),
        (HEADER.encode() + "für,0,1,\n".encode("latin-1"), "could not be read"),
        ("profile,hour\na,0\n", "no column load_kwh_per_home, pv_kwh_per_kwp, net_kwh; it has profile, no values"),
        ("a,b\n1,2\n", "no column hour, or a time (time, timestamp, datetime, date_time, date); it has a, b"),
        (HEADER.replace("hour", "h"), "no column hour, or a time"),
        (HEADER.replace(",", ";") + "a;0;1;2\n", "profile a must fill one of load_kwh_per_home or pv_kwh_per_kwp, not 2"),
        ('{"profile": [1]}\n{}\n', "no column hour, or a time"),
    ],
)
def test_files_that_hold_no_profiles(content, message):
    refused(read(content), "mine.csv", message)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("typical_dya", "neither 'typical_day' nor a .csv or .parquet file"),
        ("nope.csv", "nope.csv: not found"),
        ("folder.csv", "folder.csv: is a folder, not a file"),
        ("mine.txt", "neither 'typical_day' nor"),
    ],
)
def test_profile_files_that_are_not_there(source, message):
    Path("folder.csv").mkdir()
    Path("mine.txt").write_text(HEADER)
    refused(study_text(profiles=f'source = "{source}"'), message)


def test_a_parquet_file_that_is_none():
    refused(read("hello", "mine.parquet"), "mine.parquet: could not be read")


def test_profiles_with_odd_names():
    lines = rows("[red]größe 'q' ☀[/red]") + rows("solar_1", pv=True)
    text = read(HEADER + "\n".join(lines) + "\n")
    run_text(text.replace("residential_0", "[red]größe 'q' ☀[/red]"))


def test_one_field_too_many_in_every_row():
    refused(read(HEADER + "\n".join("x," + row for row in rows() + rows("solar_1", pv=True)) + "\n"), "mine.csv")


def test_rows_without_a_profile_name():
    refused(read(HEADER + "\n".join([*rows(), *rows("solar_1", pv=True), ",0,1,"]) + "\n"), "row 50", "profile")


def test_profile_called_NA():
    text = read(HEADER + "\n".join(rows("NA") + rows("solar_1", pv=True)) + "\n")
    run_text(text.replace("residential_0", "NA"))


@pytest.mark.parametrize("dup", [True, False])
def test_parquet_index(dup):
    Path("mine.csv").write_text(with_line(3, "residential_0,3,-1,"))
    table = pd.read_csv("mine.csv")
    table.index = [0] * len(table) if dup else [f"r{i}" for i in range(len(table))]
    table.to_parquet("mine.parquet")
    refused(study_text(profiles='source = "mine.parquet"'), "row 5")


def test_row_and_gap_faults_together():
    lines = rows()
    lines[10] = "residential_0,10,-5,"
    refused(read(HEADER + "\n".join(lines + rows("b")[1:]) + "\n"), "row 12", "profile b has hour 1 where 0")
