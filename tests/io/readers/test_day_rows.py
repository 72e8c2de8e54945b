"""Profile files with a row a day, and readings of meters that count on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fastp2p import InputError, Profiles
from fastp2p.cli.main import app
from fastp2p.errors import InputWarning
from tests.support.profile_files import BELL, HOURS

pytestmark = pytest.mark.usefixtures("elsewhere")


# --- a row a day


def days_file(labels, date="2018-01-0{}", heading="{}", n=3, separator=",", cell="{}"):
    rows = [
        separator.join([date.format(day), *(cell.format(9_000 - 100 * day - i) for i in range(len(labels)))])
        for day in range(1, n + 1)
    ]
    Path("days.csv").write_text("\n".join([separator.join(["date", *map(heading.format, labels)]), *rows]))
    return np.concatenate([9_000.0 - 100 * day - np.arange(len(labels)) for day in range(1, n + 1)])


def clock(n, first=0, how="{:02d}:{:02d}"):
    minutes = (np.arange(n) + first) * (1440 // n)
    return [how.format(m // 60, m % 60) for m in minutes]


@pytest.mark.parametrize("n", [24, 48, 96, 288])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("how", ["{:02d}:{:02d}", "{}:{:02d}", "{:02d}:{:02d}:00"])
def test_a_row_a_day_with_clock_times_as_headings(n, first, how):
    """Headings are the starts of the steps, or, from 00:30 to 24:00, their ends."""
    values = days_file(clock(n, first, how), heading="{} [kWh]")
    read = Profiles.load("days.csv")
    assert (read.names, read.kinds, read.step_hours, read.n_steps) == (("days",), ("load",), 24 / n, 3 * n)
    assert (read.time == pd.date_range("2018-01-01", periods=3 * n, freq=f"{1440 // n}min")).all()
    np.testing.assert_array_equal(read.kwh_per_unit[0], values)


def test_a_row_a_day_in_other_forms():
    values = days_file([*clock(48, 1)[:-1], "00:00"], date="0{}.01.2018", separator=";")
    np.testing.assert_array_equal(Profiles.load("days.csv", unit="kWh").kwh_per_unit[0], values)
    np.testing.assert_array_equal(Profiles.load("days.csv", unit="kW").kwh_per_unit[0], values / 2)
    with pytest.warns(InputWarning, match="PV profile days"):  # at night
        assert Profiles.load("days.csv", unit="Wh/kWp").kinds == ("pv",)
    local = Profiles.load("days.csv", unit="kWh", zone="Europe/Berlin")
    assert local.time[0].isoformat() == "2018-01-01T00:00:00+01:00"
    lines = [f"{name},2018-01-0{day}," + ",".join([str(day + ord(name))] * 24) for name in "ab" for day in (1, 2)]
    Path("tidy.csv").write_text("\n".join([",".join(["profile,date", *clock(24)]), *lines]))
    read = Profiles.load("tidy.csv", unit="kWh")
    assert (read.names, read.n_steps) == (("a", "b"), 48)
    np.testing.assert_array_equal(read.kwh_per_unit[:, ::24], [[98, 99], [99, 100]])


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (clock(48)[:-1], "do not follow each other over a whole day"),
        ([*clock(24)[:5], *clock(24)[6:], "23:30"], "do not follow each other over a whole day"),
        (clock(24)[::-1], "do not follow each other over a whole day"),
        (["00:15", *clock(24)[1:]], "do not follow each other over a whole day"),
        ([*clock(24), "total"], "some columns are headed by clock times, a row a day, and 'total' is not; leave it out"),
        ([str(hour) for hour in range(24)], "a row a day, and 24 columns 0 … 23 that look like times of the day"),
        ([f"h{hour}" for hour in range(1, 25)], "look like times of the day; head them 00:00"),
        ([f"Hour {hour}" for hour in range(1, 49)], "look like times of the day; head them 00:00"),
        ([f"{hour}:00 AM" for hour in range(24)], "look like times of the day; head them 00:00"),
        ([f"{hour:02d}:00-{hour + 1:02d}:00" for hour in range(24)], "look like times of the day; head them 00:00"),
        ([f"{hour:02d}00" for hour in range(24)], "look like times of the day; head them 00:00"),
        ([f"kWh_{hour}" for hour in range(25)], "look like times of the day; head them 00:00"),
        *(
            ([f"{word}{hour}" for hour in range(1, 25)], "look like times of the day; head them 00:00")
            for word in ("Q", "QH", "V", "Int", "Hour ending ", "load_h", "Stunde ", "Wert ", "Ora ", "Hora", "Heure ", "uur_")
        ),
    ],
)
def test_a_row_a_day_that_cannot_be_read(labels, told):
    days_file(labels)
    with pytest.raises(InputError, match=told):
        Profiles.load("days.csv", unit="kWh")


def test_faults_of_a_row_a_day():
    days_file(clock(24))
    with pytest.raises(InputError, match=r"24 columns .* have no unit"):
        Profiles.load("days.csv")
    with pytest.raises(InputError, match="are the starts of steps, a row a day; period_ending does not apply"):
        Profiles.load("days.csv", unit="kWh", period_ending=True)
    days_file(clock(24, 1))
    assert Profiles.load("days.csv", unit="kWh", period_ending=True).n_steps == 72
    text = Path("days.csv").read_text()
    Path("days.csv").write_text(text.replace("8795", "x"))
    with pytest.raises(InputError, match="row 3: 06:00 = 'x' must be a finite number"):
        Profiles.load("days.csv", unit="kWh")
    Path("days.csv").write_text(text.replace("8795", ""))
    with pytest.raises(InputError, match="row 3: 06:00 has no value"):
        Profiles.load("days.csv", unit="kWh")
    Path("days.csv").write_text(text.replace("2018-01-02", "2018-01-04"))
    with pytest.raises(InputError, match=r"a gap of 48 steps|appears twice|comes after"):
        Profiles.load("days.csv", unit="kWh")
    Path("days.csv").write_text(text.replace("2018-01-02", "2018-01-02 06:00"))
    with pytest.raises(InputError, match="row 3: 2018-01-02 06:00:00 is no date"):
        Profiles.load("days.csv", unit="kWh")
    Path("days.csv").write_text(text.replace("date", "hour"))
    with pytest.raises(InputError, match="each row is a day and needs a date"):
        Profiles.load("days.csv", unit="kWh")


def test_profiles_of_daily_energy_are_still_read():
    days_file([f"home_{i}" for i in range(24)])
    assert Profiles.load("days.csv", unit="kWh").step_hours == 24.0
    days_file(["house", "shop"])
    assert Profiles.load("days.csv", unit="kWh").step_hours == 24.0


# --- meters that count on


def meter(name="meter.csv", heading="home [kWh]", kwh=BELL, first=1000.0):
    readings = first + np.r_[0.0, np.cumsum(kwh)]
    stamps = pd.date_range("2018-01-01", periods=25, freq="h").strftime("%Y-%m-%d %H:%M")
    frame = pd.DataFrame({"time": stamps, heading: readings, "other [kWh]": np.r_[BELL, 1.0]})
    frame.to_csv(name, index=False)
    return frame


def test_a_meter_that_never_falls_is_warned_of():
    meter()
    with pytest.warns(InputWarning, match=r"meter.csv: home never falls.*with cumulative \(--cumulative\)"):
        read = Profiles.load("meter.csv")
    assert read.kwh_per_unit[0, 0] == 1000.0
    answer = CliRunner().invoke(app, ["profiles", "show", "meter.csv"])
    assert "warning: meter.csv: home never falls, like a meter; if it is one, read it with" in answer.stderr
    frame = pd.read_csv("meter.csv")[["time", "home [kWh]"]].assign(**{"b [kWh]": lambda one: one["home [kWh]"]})
    frame.to_csv("two.csv", index=False)
    with pytest.warns(InputWarning, match=r"two.csv: home, b never fall, like meters; if they are, read them with cumulative"):
        Profiles.load("two.csv")
    Path("flat.csv").write_text(
        "\n".join(["time,a [kW],b [kW]", *(f"{stamp:%Y-%m-%d %H:%M},1,{int(stamp.hour > 6)}" for stamp in HOURS)])
    )
    Profiles.load("flat.csv")  # the same all day, or switched on once: no meter


def test_a_counter_that_is_set_back_is_warned_of():
    """Inverters count the yield of the day; a new meter begins at zero."""
    stamps = pd.date_range("2018-01-01", periods=72, freq="h")
    yields, day = np.tile(np.cumsum(np.r_[[0.0] * 8, [1.0] * 8, [0.0] * 8]), 3), np.tile(np.cumsum(BELL), 3)
    anew = np.r_[1000.0 + np.cumsum(np.tile(BELL, 2))[:40], np.arange(32.0)]
    heater, load = np.tile(np.r_[[0.0] * 22, 2.0, 2.0], 3), np.tile(BELL, 3)  # on from 22:00 to midnight; a load
    columns = {"yield [kWh]": yields, "day [kWh]": day, "anew [kWh]": anew, "heater [kWh]": heater, "load [kWh]": load}
    pd.DataFrame({"time": stamps, **columns}).to_csv("counters.csv", index=False)
    with pytest.warns(InputWarning) as found:
        Profiles.load("counters.csv")
    told = [str(one.message) for one in found]
    assert len(told) == 2
    assert told[0].startswith("counters.csv: yield, day fall at midnight only, like meters set back every day")
    assert told[1].startswith("counters.csv: anew falls once only, like a meter set back once")
    days = pd.DataFrame({"date": stamps[::24], "a [kWh]": [1.0, 5.0, 3.0]})
    days.to_csv("days.csv", index=False)
    Profiles.load("days.csv")


@pytest.mark.parametrize("heading", ["home [kWh]", "home [Wh]"])
def test_differences_of_readings(heading):
    meter(heading=heading)
    frame = pd.read_csv("meter.csv").drop(columns="other [kWh]")
    frame.to_csv("meter.csv", index=False)
    read = Profiles.load("meter.csv", cumulative=True)
    factor = 1.0 if "kWh" in heading else 1e-3
    np.testing.assert_allclose(read.kwh_per_unit[0], BELL * factor, rtol=1e-12)
    assert (read.time == HOURS).all()
    answer = CliRunner().invoke(app, ["profiles", "convert", "meter.csv", "--cumulative", "--out", "b.csv"])
    assert answer.exit_code == 0, answer.output
    np.testing.assert_allclose(Profiles.load("b.csv").kwh_per_unit[0], BELL * factor, rtol=1e-12)
    assert "24 steps" in CliRunner().invoke(app, ["profiles", "show", "meter.csv", "--cumulative"]).stdout


def test_differences_of_readings_in_other_layouts():
    readings = np.r_[0.0, np.cumsum(np.tile(BELL, 2))]
    tidy = pd.DataFrame({"profile": "a", "hour": np.arange(49), "load_kwh_per_home": readings, "pv_kwh_per_kwp": np.nan})
    tidy.to_csv("tidy.csv", index=False)
    read = Profiles.load("tidy.csv", cumulative=True)
    assert (read.n_steps, read.time) == (48, None)
    np.testing.assert_allclose(read.kwh_per_unit[0], np.tile(BELL, 2), rtol=1e-12)
    days = [",".join([f"2018-01-0{day}", *(f"{r:g}" for r in readings[24 * day - 24 : 24 * day])]) for day in (1, 2)]
    Path("days.csv").write_text("\n".join([",".join(["date", *clock(24)]), *days]))
    read = Profiles.load("days.csv", unit="kWh", cumulative=True)
    np.testing.assert_allclose(read.kwh_per_unit[0], np.tile(BELL, 2)[:47], rtol=1e-12)


def test_values_that_are_no_readings():
    meter()
    with pytest.raises(InputError, match="row 15: other falls from 12 to 11; split the file where the meter starts again"):
        Profiles.load("meter.csv", cumulative=True)
    with pytest.raises(InputError, match="meter readings belong to an instant; period_ending does not apply"):
        Profiles.load("meter.csv", cumulative=True, period_ending=True)
    meter(heading="home [kW]")
    with pytest.raises(InputError, match="home: a power is not a meter reading; cumulative takes kWh or Wh"):
        Profiles.load("meter.csv", cumulative=True)
