"""Runs of days and weeks with dates: what is printed of them, and the times in their tables."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.cli.day_table import find_periods
from tests.support.commands import call

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")

STUDY = """
name = "weeks"
[network]
source = "cigre_lv"
[participants]
buses = [16, 18]
[load]
profile = "home"
[pv]
profile = "roof"
buses = [16]
kwp = 9
"""


def quarter_hours(n_days, first="2018-03-20"):
    """A home that draws 1 kW, a roof that gives 1 kW per kWp from 10 to 14 h, in quarter hours."""
    time = pd.date_range(first, periods=96 * n_days, freq="15min")
    sun = np.where((time.hour >= 10) & (time.hour < 14), 0.25, 0.0)
    return fastp2p.Profiles(("home", "roof"), ("load", "pv"), np.array([np.full(len(time), 0.25), sun]), 0.25, time, "made")


def study_of(profiles):
    profiles.save("made.parquet")
    Path("weeks.toml").write_text(f'{STUDY}\n[profiles]\nsource = "made.parquet"\n', encoding="utf-8")
    return fastp2p.Study.from_toml("weeks.toml")


def test_periods_of_the_table():
    time = pd.date_range("2018-03-20", periods=96 * 400, freq="15min")
    day = find_periods(96, 0.25, time[:96])
    assert day.labels[:2] == ["2018-03-20 00:00", "2018-03-20 01:00"]
    assert (len(day.labels), day.heading, day.of_step[[0, 3, 4, 95]].tolist()) == (24, "hour", [0, 0, 1, 23])
    assert find_periods(24, 1.0, None).labels == [str(hour) for hour in range(24)]
    weeks = find_periods(96 * 14, 0.25, time[: 96 * 14])
    assert (weeks.labels[0], weeks.labels[-1], len(weeks.labels)) == ("2018-03-20", "2018-04-02", 14)
    year = find_periods(24 * 365, 1.0, None)
    assert (len(year.labels), year.labels[:2], year.labels[-1]) == (53, ["1", "8"], "365")
    assert len(find_periods(24 * 10_000, 1.0, None).labels) == 28  # 10,000/364 = 27.5
    # a day from six to six is two of the calendar's; a summer and a winter leave out what lies between
    shifted = find_periods(30, 1.0, pd.date_range("2018-01-01 06:00", periods=30, freq="h"))
    assert (shifted.labels, np.bincount(shifted.of_step).tolist()) == (["2018-01-01", "2018-01-02"], [18, 12])
    gap = time[(time.month == 6) | (time.month == 12)][::4]
    assert len(find_periods(len(gap), 1.0, gap).labels) <= 53


def test_two_weeks_are_printed_by_the_day():
    study_of(quarter_hours(14))
    message = call("run", "weeks.toml", "--out", "x").stdout.splitlines()
    days = [line.split() for line in message if line.strip().startswith("2018-")]
    assert len(message) < 40
    assert [day[0] for day in days] == [f"{date:%Y-%m-%d}" for date in pd.date_range("2018-03-20", periods=14)]
    # two homes of 24 kWh; 3 kW from 10 to 14 h: 4 kWh for itself, 4 for the neighbour, 4 are left of 3 x 3 kWp x 4 h
    assert all(day[1] == "48.00" for day in days)
    books = pd.read_parquet("x/books.parquet")
    by_day = books.groupby(books.time.dt.date).executed_kwh.sum()
    assert [day[5] for day in days] == [f"{kwh:.2f}" for kwh in by_day]
    whole = next(line.split() for line in message if line.strip().startswith("all "))
    assert whole[1] == f"{14 * 48:.2f}"


def test_hours_of_a_dated_day_carry_the_date():
    study_of(quarter_hours(1))
    message = call("run", "weeks.toml", "--out", "x").stdout.splitlines()
    hours = [line.split() for line in message if line.strip().startswith("2018-")]
    assert [hour[:2] for hour in hours] == [["2018-03-20", f"{hour:02d}:00"] for hour in range(24)]
    assert {hour[2] for hour in hours} == {"2.000"}


def test_failed_books_are_counted_after_the_first_ten(monkeypatch):
    from fastp2p.cli import print_results as cli

    failures = [(1.0, 0, step) for step in range(1200)]
    results = fastp2p.run(study_of(quarter_hours(14)))
    object.__setattr__(results, "failures", failures)
    said = []
    monkeypatch.setattr(cli, "say", lambda *words: said.append(words[-1]))
    cli.say_failures(results)
    assert len(said) == 11
    assert "step 4 (2018-03-20 01:00)" in said[4]
    assert said[-1].startswith("1,190 more books")


# times in tables


def test_tables_have_the_time_of_their_steps():
    study = study_of(quarter_hours(2))
    study = study.model_copy(update={"clearing": study.clearing.model_copy(update={"audit": True})})
    results = fastp2p.run(study, out="x")
    read = {name: one.to_table().to_pandas() for name, one in fastp2p.open_results("x").items()}
    start = pd.Timestamp("2018-03-20")
    assert len(results.trades)
    for tables in (results.tables(), read):
        for name, step, time in (
            ("books", "step", "time"),
            ("trades", "step", "time"),
            ("branches", "worst_step", "worst_time"),
            ("scenarios", "lowest_vm_step", "lowest_vm_time"),
            ("scenarios", "highest_vm_step", "highest_vm_time"),
        ):
            table = tables[name]
            assert table.columns.tolist().index(time) == table.columns.tolist().index(step) + 1
            assert (table[time] == start + table[step] * pd.Timedelta(minutes=15)).all()
    for name, table in results.tables().items():
        pd.testing.assert_frame_equal(read[name], table, check_exact=True)


def test_json_has_the_times(monkeypatch):
    study_of(quarter_hours(1))
    printed = json.loads(call("run", "weeks.toml", "--out", "x", "--json").stdout)
    assert [book["time"] for book in printed["books"]][:2] == ["2018-03-20T00:00:00", "2018-03-20T00:15:00"]


def test_a_sweep_has_times_in_every_part():
    study = study_of(quarter_hours(1))
    sweep = study.scenarios.model_copy(update={"count": 300, "keep": ("books", "trades")})
    study = study.model_copy(update={"scenarios": sweep})
    results = fastp2p.run(study, out="x")
    read = fastp2p.open_results("x")
    assert len(list(Path("x/books").iterdir())) == 3
    assert str(read["books"].schema.field("time").type).startswith("timestamp")
    assert (results.books.time.dt.hour == results.books.step // 4).all()
    assert read["trades"].to_table().to_pandas().time.equals(results.trades.time)
    assert json.loads(call("run", "paper-44", "--out", "y", "--json").stdout)["totals"]["load_kwh"] > 0


def test_profiles_without_dates_give_no_times(paper_44):
    assert not any("time" in column for table in paper_44.tables().values() for column in table)


def test_a_folder_is_not_gone_on_with_at_other_times():
    study = study_of(quarter_hours(1))
    fastp2p.run(study, out="x", profiles=quarter_hours(1))
    with pytest.raises(fastp2p.InputError, match="was started with other profiles"):
        fastp2p.run(study, out="x", resume=True, profiles=quarter_hours(1, "2019-03-20"))
