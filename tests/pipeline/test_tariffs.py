"""Tariffs on the axis of a study: against one computed minute by minute, and from files."""

import pickle
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastp2p
from fastp2p.pipeline.tariffs import by_step, days_of_steps, hold_tariffs
from fastp2p.study.sections import Series
from fastp2p.study.tariffs import ByHours, FromFile
from tests.oracles.tariffs import MONDAY, tariff_by_hours
from tests.support.sweeps import SWEEP

KEY = "market.retail_per_kwh"
WEEK = 7 * 1440


def profiles_of(n_steps, step_minutes, time=None):
    return fastp2p.Profiles(("a",), ("load",), np.ones((1, n_steps)), step_minutes / 60.0, time)


def dated(first, days, step_minutes, zone=None):
    time = pd.date_range(first, periods=days * 1440 // step_minutes, freq=f"{step_minutes}min", tz=zone)
    return profiles_of(len(time), step_minutes, time)


def values_of(tariff, profiles):
    faults = []
    values = by_step(tariff, KEY, profiles, faults)
    assert faults == []
    assert values.shape == (profiles.n_steps,)
    return values.tolist()


def faults_of(tariff, profiles, key=KEY):
    faults = []
    assert not by_step(tariff, key, profiles, faults).any()
    return faults


@st.composite
def spans_and_text(draw, step_minutes):
    """Spans that lie between steps, the last of them over midnight or not, and how a study may write them."""
    edge = st.integers(0, 1440 // step_minutes - 1)
    edges = sorted(draw(st.sets(edge, min_size=2, max_size=8)))
    edges = [step_minutes * one for one in edges[: len(edges) // 2 * 2]]
    if draw(st.booleans()):
        edges = [*edges[1:], edges[0]]
    spans = list(zip(edges[::2], edges[1::2], strict=True))

    def written(minute, is_end):
        if minute == 0 and is_end and draw(st.booleans()):
            return "24"
        hour = f"{minute // 60:02d}" if draw(st.booleans()) else f"{minute // 60}"
        return hour if minute % 60 == 0 and draw(st.booleans()) else f"{hour}:{minute % 60:02d}"

    return spans, draw(st.sampled_from([",", ", "])).join(f"{written(a, False)}-{written(b, True)}" for a, b in spans)


@pytest.mark.parametrize("step_minutes", [5, 15, 60])
@given(data=st.data(), weekend=st.sampled_from([None, 0.1]), day=st.integers(0, 6))
def test_hours_of_a_week(step_minutes, data, weekend, day):
    spans, text = data.draw(spans_and_text(step_minutes))
    first, more = MONDAY + timedelta(days=day), {} if weekend is None else {"weekend": weekend}
    tariff = ByHours(hours=text, value=-0.38, **{"else": 0.22}, **more)
    n_steps = WEEK // step_minutes
    expected = tariff_by_hours(spans, -0.38, 0.22, weekend, first, n_steps, step_minutes)
    assert values_of(tariff, dated(first, 7, step_minutes)) == expected
    if weekend is None:
        assert values_of(tariff, profiles_of(n_steps, step_minutes)) == expected


def test_a_week_by_hand():
    tariff = ByHours(hours="7-10,22-6", value=3.0, weekend=2.0, **{"else": 1.0})
    weekday = [3.0] * 6 + [1.0] + [3.0] * 3 + [1.0] * 12 + [3.0] * 2
    friday_on = values_of(tariff, dated("2024-03-01", 4, 60))
    assert friday_on == weekday + [2.0] * 48 + weekday
    assert values_of(ByHours(hours="0-24", value=3.0, **{"else": 1.0}), profiles_of(2, 1440)) == [3.0, 3.0]


def test_the_clock_does_not_change_for_summer():
    """Clocks change on 31 March 2024; the axis stays on UTC+01:00."""
    tariff = ByHours(hours="7-10", value=1.0, **{"else": 0.0})
    profiles = dated("2024-03-30", 4, 60, "Europe/Berlin")
    assert np.flatnonzero(values_of(tariff, profiles)).tolist() == [24 * day + hour for day in range(4) for hour in (7, 8, 9)]
    assert values_of(tariff, dated("2024-06-01 06:00", 1, 60))[:5] == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_a_span_that_ends_inside_a_step():
    tariff = ByHours(hours="6:30-8,9-10:15", value=1.0, **{"else": 0.0})
    assert faults_of(tariff, profiles_of(24, 60)) == [
        f"{KEY}.hours = '6:30-8,9-10:15': 6:30, 10:15 lie inside steps of 60 min; name times at which steps begin, or shorten "
        "the steps (profiles.step_hours)"
    ]
    assert "10:15 lies inside a step of 30 min" in faults_of(tariff, profiles_of(48, 30))[0]
    assert sum(values_of(tariff, profiles_of(96, 15))) == 11.0
    assert (
        "8:00 lies inside a step of 1440 min"
        in faults_of(ByHours(hours="8-24", value=1.0, **{"else": 0.0}), profiles_of(3, 1440))[0]
    )


def test_a_weekend_without_dates():
    tariff = ByHours(hours="6:20-8", value=1.0, weekend=0.5, **{"else": 0.0})
    found = faults_of(tariff, profiles_of(24, 60))
    assert "6:20 lies inside a step" in found[0]
    assert found[1] == (
        f"{KEY}.weekend = 0.5: the profiles have no dates, so no day is a Saturday or Sunday; leave weekend out, or choose "
        "profiles with dates"
    )


def test_numbers_and_series_are_as_ever():
    profiles = profiles_of(48, 60)
    assert values_of(0.3, profiles) == [0.3] * 48
    assert values_of(Series(series=tuple(map(float, range(24)))), profiles) == [*range(24), *range(24)]
    assert values_of(Series(series=tuple(map(float, range(48)))), profiles) == [*range(48)]
    assert faults_of(Series(series=(1.0, 2.0)), profiles) == [
        f"{KEY} lists 2 values; it must be one for each of the 48 steps, or for each of the 24 steps of a day"
    ]


@pytest.fixture
def table(tmp_path):
    """Write columns to a file, and name it as a study does."""

    def write(suffix=".csv", zone=None, **columns):
        path, frame = tmp_path / f"prices{suffix}", pd.DataFrame(columns)
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        return FromFile(file=str(path), column="eur", zone=zone)

    return write


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_row_for_each_step(table, suffix):
    day, whole = [0.1 * hour - 1.0 for hour in range(24)], [float(step) for step in range(72)]
    profiles = profiles_of(72, 60)
    assert values_of(table(suffix, eur=day, other=range(24)), profiles) == day * 3
    assert values_of(table(suffix, eur=whole), profiles) == whole
    assert values_of(table(suffix, hour=range(72), eur=whole), profiles) == whole
    short = table(suffix, eur=range(23))
    assert faults_of(short, profiles) == [
        f"{KEY}: {short.file}: has 23 rows; it must have one for each of the 72 steps, or for each of the 24 steps of a day, "
        "or a column of times"
    ]
    assert (
        "counts steps of 60 min, and the study's have 15 min"
        in faults_of(table(suffix, hour=range(96), eur=range(96)), profiles_of(96, 15))[0]
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("row_minutes", [15, 60, 1440])
def test_times_are_matched_by_instant(table, suffix, row_minutes):
    """A table on another clock, of a longer time; its value is the hour of its instant since a Monday in UTC."""
    monday = pd.Timestamp("2024-01-01", tz="UTC")
    time = pd.date_range("2023-12-25", "2024-01-20", freq=f"{row_minutes}min", tz="UTC")
    hours = (time - monday).total_seconds() / 3600.0
    tariff = table(suffix, time=time.tz_convert("-05:00"), eur=hours)
    profiles = dated("2024-01-05", 7, 15, "Europe/Berlin")
    expected = [((stamp - monday) // pd.Timedelta(minutes=row_minutes)) * row_minutes / 60.0 for stamp in profiles.time]
    assert values_of(tariff, profiles) == expected


def test_a_local_clock_is_declared(table):
    """Local times over the change to summer time, beside an axis that stays on winter time."""
    profiles = dated("2024-03-30", 3, 60, "Europe/Berlin")
    local = pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin").tz_localize(None)
    tariff = table(time=local, eur=range(72), zone="Europe/Berlin")
    assert values_of(tariff, profiles) == [*range(72)]
    [found] = faults_of(table(time=local, eur=range(72)), profiles)
    assert "has no clock (no offset to UTC), and the profiles have one; give its zone" in found
    [found] = faults_of(table(time=profiles.time, eur=range(72)), dated("2024-03-30", 3, 60))
    assert "has a clock (UTC+01:00), and the profiles have none" in found
    winter = profiles.time.tz_localize(None)
    assert values_of(table(time=winter, eur=range(72)), profiles_of(72, 60, winter)) == [*range(72)]


def test_steps_that_no_row_covers(table):
    profiles = dated("2024-01-01", 2, 60)
    time = pd.date_range("2024-01-01 03:00", periods=60, freq="h").delete([10, 11])
    short = table(time=time, eur=range(58))
    assert faults_of(short, profiles) == [
        f"{KEY}: {short.file}: has no value for 5 of the study's 48 steps of 60 min: 2024-01-01 00:00, "
        "2024-01-01 01:00, 2024-01-01 02:00, 2024-01-01 13:00 and 1 more; it covers 2024-01-01 03:00 to 2024-01-03 14:00 in "
        "steps of 60 min"
    ]
    other_year = pd.date_range("2023-01-01", periods=48, freq="h")
    assert "has no value for 48 of the study's 48 steps" in faults_of(table(time=other_year, eur=range(48)), profiles)[0]
    late = pd.date_range("2024-01-01 00:30", periods=48, freq="h")
    assert (
        "has a time inside 48 of the study's 48 steps of 60 min: 2024-01-01 00:00, "
        in faults_of(table(time=late, eur=range(48)), profiles)[0]
    )
    quarters = pd.date_range("2024-01-01", periods=192, freq="15min")
    assert (
        "has steps of 15 min, and the study's have 60 min; average them first"
        in faults_of(table(time=quarters, eur=range(192)), profiles)[0]
    )
    assert (
        "its rows have times, and the profiles have no dates"
        in faults_of(table(time=quarters, eur=range(192)), profiles_of(192, 15))[0]
    )
    one_day = dated("2024-01-01", 1, 1440)
    assert values_of(table(time=[pd.Timestamp("2024-01-01")], eur=[0.4]), one_day) == [0.4]


def test_values_keep_the_range_of_their_key(table):
    profiles = profiles_of(24, 60)
    [found] = faults_of(table(eur=[0.0] * 23 + [2e6]), profiles)
    assert found.endswith("row 25: eur = 2e+06 must lie in -1,000,000…1,000,000 per kWh")
    tariff = table(eur=[-0.1] + [0.0] * 23)
    assert values_of(tariff, profiles)[0] == -0.1
    [found] = faults_of(tariff, profiles, "market.co2_kg_per_kwh")
    assert found.endswith("row 2: eur = -0.1 must lie in 0…10,000 kg per kWh")


def test_a_run_reads_a_table_once(table):
    study = SWEEP.with_(
        market={"bid_per_kwh": table(eur=range(24)), "retail_per_kwh": {"hours": "7-8", "value": 1.0, "else": 0.0}}
    )
    profiles = profiles_of(48, 60)
    held = hold_tariffs(study, profiles)
    table(eur=[7.0] * 24)
    there = pickle.loads(pickle.dumps(held))
    assert values_of(there.market.bid_per_kwh, profiles) == [*range(24), *range(24)]
    assert values_of(study.market.bid_per_kwh, profiles) == [7.0] * 48
    assert np.flatnonzero(there.market.retail_per_kwh.per_step).tolist() == [7, 31]
    assert held == study
    assert hold_tariffs(SWEEP, profiles) is SWEEP


@pytest.mark.parametrize("zone", [None, "Etc/GMT-5"])
def test_days_are_those_of_the_clock(zone):
    """A series that begins at 22:00; days that are left out do not join those beside them."""
    time = pd.date_range("2023-03-24 22:00", periods=60, freq="h", tz=zone)
    time = time[time.date != pd.Timestamp("2023-03-25").date()]
    days = days_of_steps(profiles_of(len(time), 60, time))
    assert np.flatnonzero(np.diff(days)).tolist() == [1, 25]


@pytest.mark.parametrize(("step_minutes", "of_a_day"), [(60, 24), (15, 96), (6, 240), (1440, 1)])
def test_days_without_dates_have_24_hours(step_minutes, of_a_day):
    days = days_of_steps(profiles_of(3 * of_a_day, step_minutes))
    assert days.tolist() == [0] * of_a_day + [1] * of_a_day + [2] * of_a_day
