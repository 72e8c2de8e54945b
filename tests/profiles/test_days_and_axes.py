"""Profiles: days that are chosen, several sources on one axis, and profiles made in Python."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from fastp2p import InputError, Profiles
from fastp2p.errors import InputWarning


def hours(n=24, start="2018-01-01", freq="h", **kwargs):
    return pd.date_range(start, periods=n, freq=freq, **kwargs)


@pytest.fixture(scope="module")
def leap_year():
    time = hours(8_784, "2016-01-01")
    return Profiles(("day",), ("load",), time.dayofyear.to_numpy(float)[None, :], 1.0, time, "a year")


def test_choosing_days(leap_year):
    week = leap_year.select(first_day=date(2016, 7, 4), days=7)
    assert (week.n_steps, week.time[0], week.time[-1].day) == (168, pd.Timestamp("2016-07-04"), 10)
    winter = leap_year.select(months=(12, 1, 2))
    assert winter.n_steps == 24 * (31 + 31 + 29)
    assert set(winter.time.month) == {12, 1, 2}
    assert leap_year.select(leap_day=False).n_steps == 8_760
    assert 60.0 not in leap_year.select(leap_day=False).kwh_per_unit
    repeated = leap_year.select(first_day=date(2016, 12, 30), days=5)
    assert (repeated.n_steps, repeated.time) == (120, None)
    np.testing.assert_array_equal(repeated.kwh_per_unit[0, ::24], [365, 366, 365, 366, 365])
    assert leap_year.select().n_steps == 8_784
    assert Profiles.load().select(days=365).n_steps == 8_760


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"first_day": date(2017, 1, 1)}, "covers 2016-01-01 to 2016-12-31; none of that is from 2017-01-01"),
        ({"first_day": date(2015, 1, 1)}, "none of that is from 2015-01-01"),
        ({"first_day": date(2016, 6, 1), "months": (2,)}, "from 2016-06-01 and in months 2"),
    ],
)
def test_days_that_are_not_there(choice, message, leap_year):
    with pytest.raises(InputError, match=message):
        leap_year.select(**choice)
    with pytest.raises(InputError, match="typical_day: has no dates"):
        Profiles.load().select(**choice)


def test_several_sources_on_one_axis(leap_year):
    sun = Profiles(("sun",), ("pv",), np.arange(48.0)[None, :], 0.5, None, "a day")
    both = Profiles.combined([leap_year, sun])
    assert (both.names, both.kinds, both.step_hours, both.n_steps) == (("day", "sun"), ("load", "pv"), 0.5, 2 * 8_784)
    np.testing.assert_allclose(both.kwh_per_unit.sum(axis=1), [leap_year.kwh_per_unit.sum(), 366 * np.arange(48).sum()])
    assert (both.time[:3] == hours(3, "2016-01-01", "30min")).all()
    assert both.source == "a year; a day"


def test_sources_that_do_not_fit(leap_year):
    days = 24 * np.array([59, 365])
    march = Profiles(("march",), ("load",), np.ones((1, 8_784 - days[0])), 1.0, leap_year.time[days[0] :], "from march")
    plain = Profiles(("plain",), ("load",), np.ones((1, days[1])), 1.0, None, "365 days")
    with pytest.raises(InputError, match="two load profiles 'day'"):
        Profiles.combined([leap_year, leap_year])
    with pytest.raises(InputError) as error:
        Profiles.combined([leap_year, march, plain])
    assert error.value.faults[0].startswith("from march: covers 7368 of 8784 steps with dates, 2016-02-29 00:00 to 2016-12-31")
    assert "choose days that all sources have" in error.value.faults[0]
    assert "365 days: 8760 steps do not repeat to 8784; it must be whole days that divide the whole" in error.value.faults
    six_hours = Profiles(("six",), ("load",), np.ones((1, 6)), 1.0, None, "six hours")
    with pytest.raises(InputError, match="six hours: 6 steps do not repeat to 24"):
        Profiles.combined([six_hours, Profiles.load()])


def test_other_days_of_the_year_are_not_put_together(leap_year):
    def of(name, **choice):
        chosen = leap_year.select(**choice)
        return Profiles((name,), ("load",), chosen.kwh_per_unit, 1.0, chosen.time)

    with pytest.raises(InputError, match=" has 01 December 00:00 where  has 01 March 00:00"):
        Profiles.combined([of("a", months=(1, 3)), of("b", months=(1, 12))])
    with pytest.raises(InputError, match="has 01 March 00:00 where  has 29 February 00:00"):
        Profiles.combined([of("a", days=365), of("b", leap_day=False)])


def test_a_leap_year_and_another_year(leap_year, tmp_path):
    time = hours(8_760, "2018-01-01")
    other = Profiles(("other",), ("load",), time.dayofyear.to_numpy(float)[None, :], 1.0, time, "2018")
    with pytest.raises(InputError, match="2018: covers 8760 of 8784 steps with dates"):
        Profiles.combined([leap_year, other])
    both = Profiles.combined([leap_year, other], leap_day=False)
    assert both.n_steps == 8_760
    week = Profiles.combined([leap_year, other], first_day=date(2018, 3, 5), leap_day=False, days=7)
    assert (week.n_steps, week.time[0]) == (168, pd.Timestamp("2016-03-05"))
    np.testing.assert_array_equal(week.kwh_per_unit[:, 0], [65, 64])  # day of the year, 29 February among the first's
    both.save(tmp_path / "both.parquet")
    with pytest.warns(InputWarning, match="never fall"):  # a day of the year as kWh
        again = Profiles.load(tmp_path / "both.parquet")
    assert again.time is None  # dates with a gap are counted as hours
    np.testing.assert_array_equal(again.kwh_per_unit, both.kwh_per_unit)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"months": 13}, "months = 13: must list months"),
        ({"months": (0,)}, r"months = \(0,\): must list"),
        ({"first_day": "2016-02-01"}, "first_day = '2016-02-01': must be a date"),
        ({"days": -1}, "days = -1: must be a whole number"),
        ({"days": 1.5}, "days = 1.5: must be a whole number"),
    ],
)
def test_choices_of_the_wrong_kind(choice, message, leap_year):
    with pytest.raises(InputError, match=message):
        leap_year.select(**choice)


@pytest.mark.parametrize("parts", [[], None, [1], "typical_day"])
def test_combined_takes_profiles(parts):
    with pytest.raises(InputError, match="combined takes a list of one or several Profiles"):
        Profiles.combined(parts)


def test_time_must_match_the_steps():
    with pytest.raises(InputError, match="time has 3 stamps for 24 steps"):
        Profiles(("a",), ("load",), np.ones((1, 24)), 1.0, hours(3))


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ([f"2018-01-01 {hour:02d}:00" for hour in range(24)], "time must be a pandas.DatetimeIndex, not a list"),
        (hours(24).to_numpy(), "time must be a pandas.DatetimeIndex, not a ndarray"),
        (hours(24).to_series(), "time must be a pandas.DatetimeIndex, not a Series"),
        (pd.period_range("2018-01-01", periods=24, freq="h"), "time must be a pandas.DatetimeIndex, not a PeriodIndex"),
        (pd.DatetimeIndex([pd.NaT] * 24), "time has missing stamps"),
        (hours(24)[::-1], "time[1] = 2018-01-01 22:00:00 does not come a step of 1 h, or whole days more, after"),
        (hours(1).repeat(24), "time[1] = 2018-01-01 00:00:00 does not come a step of 1 h"),
        (pd.date_range("2018-01-01", periods=24, freq="15min"), "time[1] = 2018-01-01 00:15:00 does not come a step of 1 h"),
        (pd.date_range("2018-01-01", periods=24, freq="2h"), "time[1] = 2018-01-01 02:00:00 does not come a step of 1 h"),
        (hours(24).delete(6).union(hours(25)[-1:]), "time[6] = 2018-01-01 07:00:00 does not come a step of 1 h"),
    ],
)  # fmt: skip
def test_times_of_profiles_made_in_python(time, message):
    with pytest.raises(InputError) as error:
        Profiles(("a",), ("load",), np.ones((1, 24)), 1.0, time)
    assert message in str(error.value)


def test_days_made_in_python_start_at_midnight():
    """A tariff by the clock would begin at 6 o'clock with the price of midnight."""
    late = Profiles(("a",), ("load",), np.ones((1, 24)), 1.0, hours(30)[6:], "mine")
    with pytest.raises(InputError, match="mine: the first step starts at 06:00, not at midnight"):
        Profiles.combined([late])


def test_a_clock_that_changes_is_brought_to_one_offset_in_python_too():
    # 25 March 2018 in Berlin has 23 hours; the 24th from midnight is 23:00 in winter time
    summer = pd.date_range("2018-03-25", periods=24, freq="h", tz="Europe/Berlin")
    read = Profiles(("a",), ("load",), np.ones((1, 24)), 1.0, summer)
    assert str(read.time[-1]) == "2018-03-25 23:00:00+01:00"
    assert (read.time == summer).all()
