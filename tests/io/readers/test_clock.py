"""Where sources are in time: offsets as people write them, several sources on one clock, days across a clock change."""

import numpy as np
import pandas as pd
import pytest

from fastp2p import InputError, Profiles
from tests.support.profile_files import count, wall, write

pytestmark = pytest.mark.usefixtures("elsewhere")


# --- offsets as people write them


@pytest.mark.parametrize(
    ("offset", "hours"),
    [
        *(
            ("-06", -6),
            ("-0500", -5),
            (" +01:00", 1),
            ("+01:00", 1),
            ("Z", 0),
            ("z", 0),
            (" UTC", 0),
            (" GMT", 0),
            ("+00:00", 0),
        ),
        *(
            (" -0600", -6),
            ("+0530", 5.5),
            ("+05:45", 5.75),
            ("+1", 1),
            ("\N{MINUS SIGN}05:00", -5),
            ("UTC+02:00", 2),
            ("-00:00", 0),
        ),
        ("+01:00[Europe/Berlin]", 1),
    ],
)
@pytest.mark.parametrize(
    "face", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M", "%Y%m%dT%H%M%S", "%Y-%m-%dT%H:%M:%S.000"]
)
def test_offsets_as_people_write_them(offset, hours, face):
    stamps = pd.date_range("2018-01-06", periods=48, freq="30min")  # 01-06: no offset of -06
    read = Profiles.load(write("a.csv", stamps.strftime(face) + offset, 1.0))
    assert (read.time.tz_localize(None) == stamps).all()
    assert read.time[0].utcoffset() == pd.Timedelta(hours=hours)


def test_dates_alone_have_no_offset():
    read = Profiles.load(write("a.csv", [f"2018-01-{day:02d}" for day in range(1, 11)], 1.0))
    assert (read.time.tz, read.step_hours) == (None, 24.0)


@pytest.mark.parametrize("zone", ["America/Chicago", "Europe/Berlin"])
@pytest.mark.parametrize("change", ["2018-03-04", "2018-03-19", "2018-10-20"])
@pytest.mark.parametrize("how", ["%z", "%:z", " %:z", "%h"])
def test_offsets_across_a_clock_change(zone, change, how):
    local = pd.date_range(change, periods=336, freq="h", tz=zone)
    offsets = local.strftime("%z")
    offsets = {"%z": offsets, "%:z": offsets.str[:3] + ":" + offsets.str[3:], "%h": offsets.str[:3]}.get(
        how, " " + offsets.str[:3] + ":" + offsets.str[3:]
    )
    read = Profiles.load(write("a.csv", local.strftime("%Y-%m-%d %H:%M") + offsets, count(336)))
    assert (read.time == local).all()
    assert len({stamp.utcoffset() for stamp in read.time}) == 1


@pytest.mark.parametrize("other", ["2018-01-01 01:00", "2018-01-01", "01.01.2018 01:00"])
@pytest.mark.parametrize("offset", ["+01", "+01:00", " -0500", "Z"])
def test_stamps_of_which_some_have_an_offset(offset, other):
    with pytest.raises(InputError, match="row 3: some stamps have an offset to UTC and some have none"):
        Profiles.load(write("a.csv", [f"2018-01-01 00:00{offset}", other, f"2018-01-01 02:00{offset}"], 1.0))


@pytest.mark.parametrize(
    ("stamp", "message"),
    [
        ("2018-02-30 00:00", "'2018-02-30 00:00' is not a date and time"),
        ("2018-01-01 00:00+99:00", "is not a date and time"),
        ("2018-01-01 00:15-00:30", "is not a date and time"),
        ("2018-01-01 00:00 CET", "is not a date and time"),
        ("2018-01-01 12:15 AM", "is not a date and time"),
        ("01/02/2018 00:00", "may have its day or its month first"),
        ("1-2-2018 00:00", "may have its day or its month first"),
        ("1514764800", "1514764800 is a number, not a date and time"),
        ("43101.5", "43101.5 is a number, not a date and time"),
        ("", "no time"),
    ],
)
def test_stamps_that_are_none(stamp, message):
    with pytest.raises(InputError, match=rf"a.csv, column time, row 2: .*{message}"):
        Profiles.load(write("a.csv", [stamp, stamp, stamp], 1.0))


def test_the_end_of_a_day_is_24_00():
    stamps = [f"2018-01-0{day} {hour:02d}:00" for day in (1, 2) for hour in range(1, 25)]
    read = Profiles.load(write("a.csv", stamps, count(48)), period_ending=True)
    assert (read.time == pd.date_range("2018-01-01", periods=48, freq="h")).all()


@pytest.mark.parametrize("stamps", [["2018-01-01 00:00"] * 2, ["2018-01-01 00:00"] * 30, ["2018-01-01", "2018-01-01 00:00"]])
def test_a_stamp_that_is_there_twice(stamps):
    with pytest.raises(InputError, match="row 3: 2018-01-01 00:00 appears twice; keep one of them"):
        Profiles.load(write("a.csv", stamps, 1.0))


# --- local clocks whose stamps end their steps


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
@pytest.mark.parametrize("freq", ["15min", "30min", "60min"])
@pytest.mark.parametrize("start", ["2018-03-05", "2018-03-19", "2018-03-26", "2018-09-29", "2018-10-22", "2018-10-29"])
@pytest.mark.parametrize("on_the_wall", [True, False])
def test_local_stamps_that_end_their_steps(zone, freq, start, on_the_wall):
    """A fortnight; on the wall: the start on that clock and a step, so 03:00 comes twice in autumn; else what it shows then."""
    starts = pd.date_range(start, periods=14 * 24 * 60 // int(freq[:-3]), freq=freq, tz=zone)
    step = pd.Timedelta(freq)
    ends = starts.tz_localize(None) + step if on_the_wall else (starts + step).tz_localize(None)
    read = Profiles.load(write("a.csv", ends.strftime("%Y-%m-%d %H:%M"), count(len(ends))), zone=zone, period_ending=True)
    assert (read.time == starts).all()
    np.testing.assert_array_equal(read.kwh_per_unit[0], count(len(ends)))


@pytest.mark.parametrize(
    ("first", "message"),
    [("2018-03-24", "2018-03-25 02:00 is skipped by it"), ("2018-10-27", "2018-10-28 02:00 is shown twice by it, and is not")],
)
@pytest.mark.parametrize("ending", [False, True])
def test_days_of_24_hours_where_the_clock_changes(first, message, ending):
    """Meters that fill in, or sum up, the hour of the change; or a file on winter time all year."""
    stamps = pd.date_range(first, periods=72, freq="h") + pd.Timedelta(hours=int(ending))
    write("a.csv", stamps.strftime("%Y-%m-%d %H:%M"), count(72))
    with pytest.raises(InputError) as error:
        Profiles.load("a.csv", zone="Europe/Berlin", period_ending=ending)
    assert f"the stamps do not fit the clock of Europe/Berlin: {message}" in str(error.value)
    assert str(error.value).endswith("one that stays on winter time has the zone +01:00")


def test_local_stamps_of_a_wrong_clock_are_refused():
    stamps = wall("2018-10-22", "2018-11-05", "15min", "Europe/Berlin")
    with pytest.raises(InputError, match=r"do not fit the clock of America/New_York|comes after"):
        Profiles.load(write("a.csv", stamps, count(len(stamps))), zone="America/New_York")
    spring = wall("2018-03-19", "2018-04-02", "15min", "Europe/Berlin")
    with pytest.raises(
        InputError, match=r"a gap of 4 steps between 2018-03-25 01:45 .* a clock that changes for summer needs its zone"
    ):
        Profiles.load(write("a.csv", spring, count(len(spring))))
