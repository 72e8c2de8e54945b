"""Numbers of profile files: nothing is guessed; headings; what Parquet and paths may be."""

import contextlib
import decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data.make import gsa_sheets
from fastp2p import InputError, Network, Profiles
from fastp2p.cli.main import app
from tests.support.profile_files import BELL, HOURS, write_workbook

pytestmark = pytest.mark.usefixtures("elsewhere")


def write(cells, heading="home [kWh]", separator=";", name="a.csv"):
    """A file of 24 hours: each cell a text, or a list of the texts of a row; the last one goes on."""
    rows = [one if isinstance(one, list) else [one] for one in cells]
    rows += [rows[-1]] * (24 - len(rows))
    lines = [separator.join([f"{stamp:%Y-%m-%d %H:%M}", *row]) for stamp, row in zip(HOURS, rows, strict=True)]
    Path(name).write_text("\n".join([f"time{separator}{heading}", *lines]) + "\n")
    return Profiles.load(name)


def refused(cells, *message, **options):
    with pytest.raises(InputError) as error:
        write(cells, **options)
    faults = "\n".join(error.value.faults)
    assert [piece for piece in message if piece not in faults] == [], faults
    return error.value.faults


# --- cells whose reading would be a guess


@pytest.mark.parametrize("point", ["1.000", "1.5", "1.234,5", "12.345.678", "0.5"])
def test_points_beside_decimal_commas(point):
    """1.000 is a thousand here, or one: in the same column as 999,5, in the next one, before it or after it."""
    message = f"row 3: home [kWh] = '{point}' has a point where the file's decimals have commas"
    refused(["999,5", point, "2"], "a.csv", message)
    refused(["2", point, "999,5"], message)
    refused([["2", "999,5"], [point, "2"], ["2", "2"]], message, heading="home [kWh];other [kWh]")
    refused([["2", "0,25"], [point, "2"], [point, "2"]], message, heading="home [kWh];other [kWh]")
    refused([["999,5", "2"], ["2", point], ["2", "2"]], message.replace("home", "other"), heading="home [kWh];other [kWh]")


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
    with pytest.raises(InputError, match=f"columns date and {second} are all times; make them one column"):
        Profiles.load("a.csv")
    stamped = [f"{stamp:%Y-%m-%d %H:%M},{stamp.hour},1" for stamp in HOURS]
    Path("a.csv").write_text("\n".join([f"date,{second},home", *stamped]))
    with pytest.raises(InputError, match=f"columns date and {second} are all times"):
        Profiles.load("a.csv", unit="kWh")


def test_a_parquet_file_whose_index_has_no_name():
    pd.DataFrame({"home [kWh]": BELL}, index=HOURS).to_parquet("a.parquet")
    with pytest.raises(InputError, match=r"it has home \[kWh\]; its index has no name: give it one of these"):
        Profiles.load("a.parquet")


def test_forty_columns_without_a_unit_are_one_message():
    names = [f"home_{i}" for i in range(40)]
    way_out = "name them 'home_0 [kW]', or state it once, with `fastp2p profiles convert --unit kW`"
    faults = refused([["1"] * 40], "40 columns (home_0, home_1", f"have no unit; {way_out}", heading=";".join(names))
    assert len(faults) == 1
    faults = refused([["1"] * 40], "40 columns", "kVAh", heading=";".join(f"{name} [kVAh]" for name in names))
    assert len(faults) == 1
    doubled = ";".join(f"{name} [{unit}]" for name in names for unit in ("kW", "kWh"))
    assert len(refused([["1"] * 80], "two load columns are named home_0, and so are 39 more", heading=doubled)) == 1


def test_forty_columns_with_the_same_fault_are_few_messages():
    names = ";".join(f"home_{i} [kWh]" for i in range(40))
    for cell, message in (("x", "row 3: home_0 [kWh] = 'x'"), ("", "row 3: home_0 [kWh] has no value")):
        faults = (
            refused([["1"] * 40, [*[cell] * 39, cell or '""'], ["2"] * 40], heading=names)
            if cell
            else refused([["1"] * 40, [""] * 39 + ["1"], ["2"] * 40], heading=names)
        )
        assert faults[0].endswith(message.split(": ", 1)[1]) or message in faults[0]
        assert len(faults) == 6
        assert "more such cells in" in faults[-1]


def test_forty_profiles_that_are_not_there_are_one_message():
    [fault] = Profiles.load().missing(tuple(f"bus_{i}" for i in range(40)), "load")
    assert "no load profiles bus_0, bus_1" in fault
    assert "(40)" in fault


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
    ("sheet", "message"), [("parameters", "sheet parameters: has an entry named 2"), ("bus", "table bus: has a column named 2")]
)
def test_network_workbooks_with_numbers_as_headings(sheet, message, tmp_path):
    import openpyxl
    import pandapower

    pandapower.to_excel(pandapower.networks.simple_four_bus_system(), str(tmp_path / "net.xlsx"))
    book = openpyxl.load_workbook(tmp_path / "net.xlsx")
    for column in range(1, book[sheet].max_column + 1):
        book[sheet].cell(1, column).value = column
    book.save(tmp_path / "net.xlsx")
    with pytest.raises(InputError, match=rf"network file net\.xlsx: {message}; a name must be a text"):
        Network.load("net.xlsx")
