"""Numbers of profile files: nothing is guessed; meters that count on; a row a day; what Parquet and paths may be."""

import contextlib
import decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from profile_files import gsa_sheets, write_workbook
from typer.testing import CliRunner

from fastp2p import InputError, Network, Profiles
from fastp2p.cli import app
from fastp2p.errors import InputWarning

HOURS = pd.date_range("2018-01-01", periods=24, freq="h")
BELL = np.r_[np.arange(1.0, 13), np.arange(12.0, 0, -1)]


def write(cells, heading="home [kWh]", separator=";", name="a.csv"):
    """A file of 24 hours: each cell a text, or a list of the texts of a row; the last one goes on."""
    rows = [one if isinstance(one, list) else [one] for one in cells]
    rows += [rows[-1]] * (24 - len(rows))
    lines = [separator.join([f"{stamp:%Y-%m-%d %H:%M}", *row]) for stamp, row in zip(HOURS, rows, strict=True)]
    Path(name).write_text("\n".join([f"time{separator}{heading}", *lines]) + "\n")
    return Profiles.load(name)


def refused(cells, *told, **options):
    with pytest.raises(InputError) as error:
        write(cells, **options)
    faults = "\n".join(error.value.faults)
    assert [piece for piece in told if piece not in faults] == [], faults
    return error.value.faults


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# --- cells whose reading would be a guess


@pytest.mark.parametrize("point", ["1.000", "1.5", "1.234,5", "12.345.678", "0.5"])
def test_points_beside_decimal_commas(point):
    """1.000 is a thousand here, or one: in the same column as 999,5, in the next one, before it or after it."""
    told = f"row 3: home [kWh] = '{point}' has a point where the file's decimals have commas"
    refused(["999,5", point, "2"], "a.csv", told)
    refused(["2", point, "999,5"], told)
    refused([["2", "999,5"], [point, "2"], ["2", "2"]], told, heading="home [kWh];other [kWh]")
    refused([["2", "0,25"], [point, "2"], [point, "2"]], told, heading="home [kWh];other [kWh]")
    refused([["999,5", "2"], ["2", point], ["2", "2"]], told.replace("home", "other"), heading="home [kWh];other [kWh]")


def test_a_decimal_comma_far_down_counts():
    refused(["1.000"] * 23 + ["0,5"], "row 2: home [kWh] = '1.000' has a point")


@pytest.mark.parametrize("cell", ["1,000", "1.000", "12,345", "999.999"])
def test_decimals_or_thousands(cell):
    """No cell says whether the sign is for decimals or thousands."""
    readings = f"{cell[:-4]}{cell[-3:]} or {cell[:-4]}.{cell[-3:]}"
    faults = refused([cell, "17"], f"row 2: home [kWh] = '{cell}' may be {readings}, and no cell of the file shows which")
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,000", "0,5", "2"], [1.0, 0.5, 2.0]),
        (["1,000", "12,34", "2"], [1.0, 12.34, 2.0]),
        (["1.000", "0.523", "2"], [1.0, 0.523, 2.0]),
        (["1.000", "2.5", "2"], [1.0, 2.5, 2.0]),
        (["1234,567", "1,000", "7"], [1234.567, 1.0, 7.0]),
        (["1,5e3", "2,0E-1", "1e2"], [1500.0, 0.2, 100.0]),
        (["1000", "2", "3"], [1000.0, 2.0, 3.0]),
        (["+1", " 2 ", "3."], [1.0, 2.0, 3.0]),
        (['"1,5"', '"2"', "3"], [1.5, 2.0, 3.0]),
    ],
)
def test_numbers_that_are_certain(cells, values):
    np.testing.assert_array_equal(write(cells).kwh_per_unit[0, :3], values)


def test_a_file_separated_by_commas_has_decimal_points():
    np.testing.assert_array_equal(write(["1.000", "2.000", "0"], separator=",").kwh_per_unit[0, :3], [1.0, 2.0, 0.0])
    refused(["1", '"1,000"', "0"], "row 3: home [kWh] = '1,000' must be a finite number", separator=",")


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize(
    "cell",
    [
        *(
            "True",
            "FALSE",
            "true",
            "1 000",
            "1\N{NO-BREAK SPACE}000",
            "1\N{THIN SPACE}000",
            "1'000",
            "1\N{RIGHT SINGLE QUOTATION MARK}000",
        ),
        *(
            "-",
            "--",
            "inf",
            "-inf",
            "Infinity",
            "1_000",
            "12%",
            "0x10",
            "1d3",
            "1e400",
            "1.2.3",
            "\N{MINUS SIGN}1",
            "-1",
            "1/2",
            "1e",
            ".",
        ),
        *("\N{ARABIC-INDIC DIGIT ONE}", "\N{FULLWIDTH DIGIT ONE}", "1 kWh", "#REF!", "1h", "one", "1e13"),
    ],
)
def test_cells_that_are_no_numbers(cell, separator):
    refused(["2", cell, "3"], "row 3: home [kWh] = ", separator=separator)


@pytest.mark.parametrize("cell", ["", "n/a", "NaN", "NA", "null"])
def test_cells_without_a_value(cell):
    refused([["2", "1"], [cell, "1"], ["3", "1"]], "row 3: home [kWh] has no value", heading="home [kWh];other [kWh]")


@pytest.mark.parametrize("cells", [["True"], ["True", "False"], ["1", "True"], ["True", "1"]])
def test_true_is_not_one(cells):
    refused(cells, "= True" if set(cells) <= {"True", "False"} else "= 'True'", "must be a finite number")
    lines = ["profile,hour,load_kwh_per_home,pv_kwh_per_kwp", *(f"a,{hour},{cells[hour % len(cells)]}," for hour in range(24))]
    Path("tidy.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="must be a finite number"):
        Profiles.load("tidy.csv")


# --- headings


@pytest.mark.parametrize("heading", [" home [kW]", "home [kW] ", "\thome [ kW ]", "\N{NO-BREAK SPACE}home[kW]"])
def test_spaces_around_a_heading(heading):
    assert write(["1", "2"], heading=heading, separator=",").names == ("home",)
    Path("a.csv").write_text(Path("a.csv").read_text().replace("time", " Time "))
    assert Profiles.load("a.csv").names == ("home",)
    pq.write_table(pa.table({" time": pa.array(HOURS), heading: BELL}), "a.parquet")
    assert Profiles.load("a.parquet").names == ("home",)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_spaces_around_the_names_of_a_tidy_table(name):
    frame = pd.DataFrame({"profile": [" home", "shop "] * 24, "hour": np.repeat(np.arange(24), 2), "v [kWh]": BELL.repeat(2)})
    frame.to_csv(name, index=False) if name == "a.csv" else frame.to_parquet(name)
    assert Profiles.load(name).names == ("home", "shop")


def test_headings_that_differ_in_spaces_only():
    refused([["1", "1"]], "2 columns are headed 'home [kW]'", heading="home [kW]; home [kW]")


@pytest.mark.parametrize("second", ["time", "hour", "Timestamp"])
def test_a_date_and_a_time_in_two_columns(second):
    """Smart meters write them; taken for a profile, the hour would be read as one of 0 to 23 kWh."""
    rows = [f"2018-01-01,{stamp.hour if second == 'hour' else f'{stamp:%H:%M}'},1" for stamp in HOURS]
    Path("a.csv").write_text("\n".join([f"date,{second},home [kWh]", *rows]))
    with pytest.raises(InputError, match=f"columns date and {second} all say when; make them one column"):
        Profiles.load("a.csv")
    stamped = [f"{stamp:%Y-%m-%d %H:%M},{stamp.hour},1" for stamp in HOURS]
    Path("a.csv").write_text("\n".join([f"date,{second},home", *stamped]))
    with pytest.raises(InputError, match=f"columns date and {second} all say when"):
        Profiles.load("a.csv", unit="kWh")


def test_a_parquet_file_whose_index_has_no_name():
    pd.DataFrame({"home [kWh]": BELL}, index=HOURS).to_parquet("a.parquet")
    with pytest.raises(InputError, match=r"it has home \[kWh\]; its index has no name: give it one of these"):
        Profiles.load("a.parquet")


def test_forty_columns_without_a_unit_are_one_message():
    names = [f"home_{i}" for i in range(40)]
    faults = refused([["1"] * 40], "40 columns (home_0, home_1", "say no unit", "--unit kW", heading=";".join(names))
    assert len(faults) == 1
    faults = refused([["1"] * 40], "40 columns", "kVAh", heading=";".join(f"{name} [kVAh]" for name in names))
    assert len(faults) == 1
    doubled = ";".join(f"{name} [{unit}]" for name in names for unit in ("kW", "kWh"))
    assert len(refused([["1"] * 80], "two load columns are named home_0, and so are 39 more", heading=doubled)) == 1


def test_forty_columns_with_the_same_fault_are_few_messages():
    names = ";".join(f"home_{i} [kWh]" for i in range(40))
    for cell, told in (("x", "row 3: home_0 [kWh] = 'x'"), ("", "row 3: home_0 [kWh] has no value")):
        faults = (
            refused([["1"] * 40, [*[cell] * 39, cell or '""'], ["2"] * 40], heading=names)
            if cell
            else refused([["1"] * 40, [""] * 39 + ["1"], ["2"] * 40], heading=names)
        )
        assert faults[0].endswith(told.split(": ", 1)[1]) or told in faults[0]
        assert len(faults) == 6
        assert "more such cells in" in faults[-1]


def test_forty_profiles_that_are_not_there_are_one_message():
    [fault] = Profiles.load().missing(tuple(f"bus_{i}" for i in range(40)), "load")
    assert "no load profiles bus_0, bus_1" in fault
    assert "(40)" in fault


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
    with pytest.raises(InputError, match=r"24 columns .* say no unit"):
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
    with pytest.raises(InputError, match=r"a gap of 48 steps|is there twice|comes after"):
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
    assert "warning: meter.csv: home never falls" in answer.stderr
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
    assert told[0].startswith("counters.csv: yield, day fall at midnight only, as a counter that is set back every day")
    assert told[1].startswith("counters.csv: anew falls once only, as a meter that was set back")
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
    with pytest.raises(InputError, match="row 15: other falls from 12 to 11; a meter that starts anew must be split there"):
        Profiles.load("meter.csv", cumulative=True)
    with pytest.raises(InputError, match="readings of a meter are of an instant; period_ending does not apply"):
        Profiles.load("meter.csv", cumulative=True, period_ending=True)
    meter(heading="home [kW]")
    with pytest.raises(InputError, match="home: a power is no reading of a meter; cumulative takes kWh or Wh"):
        Profiles.load("meter.csv", cumulative=True)


# --- Parquet columns and odd names


NUMBERS = {
    "float16": pa.array(BELL.astype(np.float16)),
    "float32": pa.array(BELL, pa.float32()),
    "decimal": pa.array([decimal.Decimal(int(one)) for one in BELL]),
    "int8": pa.array(BELL.astype(np.int8)),
    "uint64": pa.array(BELL.astype(np.uint64)),
    "dictionary": pa.array(BELL).dictionary_encode(),
    "large_string": pa.array([f"{one:g}" for one in BELL], pa.large_string()),
    "string_view": pa.array([f"{one:g}" for one in BELL], pa.string_view()),
}


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("tidy", [True, False])
def test_parquet_columns_of_numbers(kind, tidy):
    columns = {"profile": pa.array(["home"] * 24)} if tidy else {}
    columns |= {"time": pa.array(HOURS), "home [kWh]": NUMBERS[kind]}
    pq.write_table(pa.table(columns), "a.parquet")
    read = Profiles.load("a.parquet")
    assert read.names == ("home",)
    np.testing.assert_array_equal(read.kwh_per_unit[0], BELL)


@pytest.mark.parametrize(
    "name", [pa.array(np.ones(24, np.float16)), pa.array([1] * 24), pa.array(["1"] * 24).dictionary_encode()]
)
def test_parquet_columns_of_names(name):
    pq.write_table(pa.table({"profile": name, "time": pa.array(HOURS), "home [kWh]": BELL}), "a.parquet")
    assert Profiles.load("a.parquet").n_steps == 24


@pytest.mark.parametrize(
    "column",
    [
        *(pa.array([True] * 24), pa.array([b"1"] * 24, pa.binary_view()), pa.array([b"1"] * 24, pa.binary(1))),
        *(
            pa.array([b"1"] * 24).dictionary_encode(),
            pa.array([pd.Timestamp("2018-01-01").time()] * 24),
            pa.array([[1.0]] * 24),
        ),
        *(pa.array(HOURS), pa.array([True] * 24).dictionary_encode()),
    ],
)
@pytest.mark.parametrize("tidy", [True, False])
def test_parquet_columns_that_are_no_numbers(column, tidy):
    columns = {"profile": pa.array(["home"] * 24)} if tidy else {}
    pq.write_table(pa.table(columns | {"time": pa.array(HOURS), "home [kWh]": column}), "a.parquet")
    with pytest.raises(InputError, match=r"not numbers, times or names|must be a finite number"):
        Profiles.load("a.parquet")


@pytest.mark.parametrize(
    "name",
    [
        "load:2018.parquet",
        "day:1.csv",
        "C:\\x.csv",
        "s3:x.parquet",
        "file:a.csv",
        "http:a.parquet",
        "a b%20c.csv",
        "hdfs:x.csv",
        "~x.csv",
    ],
)
def test_names_that_look_like_addresses(name):
    before = Profiles.load()
    before.save(name)
    assert Path(name).is_file()
    after = Profiles.load(name)
    np.testing.assert_array_equal(after.kwh_per_unit, before.kwh_per_unit)
    answer = CliRunner().invoke(app, ["profiles", "convert", name, "--out", f"again-{name}"])
    assert answer.exit_code == 0, answer.output
    assert Path(f"again-{name}").is_file()
    if name.endswith("csv"):
        answer = CliRunner().invoke(
            app, ["profiles", "cluster", name, "--kind", "load", "--k", "2", "--out", f"typical-{name}"]
        )
        assert answer.exit_code == 0, answer.output


# --- what show takes, and odd workbooks


def test_show_takes_what_needs_to_be_said():
    Path("a.csv").write_text("\n".join(["time,home", *(f"{stamp:%Y-%m-%d %H:%M},1" for stamp in HOURS)]))
    answer = CliRunner().invoke(app, ["profiles", "show", "a.csv"])
    assert answer.exit_code == 2
    assert "--unit kW" in answer.stderr
    answer = CliRunner().invoke(app, ["profiles", "show", "a.csv", "--unit", "kW", "--zone", "Europe/Berlin"])
    assert answer.exit_code == 0, answer.output
    assert "UTC+01:00" in answer.stdout


@pytest.mark.parametrize("sheet", ["Hourly_profiles", "PV_config", "Monthly_averages"])
@pytest.mark.parametrize("row", range(8))
def test_workbooks_with_numbers_as_headings(sheet, row, tmp_path):
    sheets = gsa_sheets()
    sheets[sheet][row : row + 1] = (
        [[2018, 3.5, None, True, pd.Timestamp("2018-01-01").to_pydatetime()]] if row < len(sheets[sheet]) else []
    )
    write_workbook(tmp_path / "sun.xlsx", sheets)
    with contextlib.suppress(InputError):
        assert Profiles.load("sun.xlsx").n_steps == 24


@pytest.mark.parametrize(
    ("sheet", "told"), [("parameters", "entries 2, .* have numbers for names"), ("bus", "table bus: has no column in_service")]
)
def test_network_workbooks_with_numbers_as_headings(sheet, told, tmp_path):
    import openpyxl
    import pandapower

    pandapower.to_excel(pandapower.networks.simple_four_bus_system(), str(tmp_path / "net.xlsx"))
    book = openpyxl.load_workbook(tmp_path / "net.xlsx")
    for column in range(1, book[sheet].max_column + 1):
        book[sheet].cell(1, column).value = column
    book.save(tmp_path / "net.xlsx")
    with pytest.raises(InputError, match=rf"network net\.xlsx: .*{told}"):
        Network.load("net.xlsx")
