"""NREL End-Use Load Profiles in the sources' exact layout."""

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p import InputError, Profiles
from tests.support.profile_files import TOTAL, UNITS, eulp_frame

SPELLINGS = [f"{before}{TOTAL}{after}" for before in ("", "baseline.", "upgrade.") for after in ("", ".kwh", "..kwh")]


@pytest.fixture(scope="module")
def year():
    return eulp_frame()


def write(frame, path, separator=","):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep=separator)
    return path


@pytest.mark.parametrize("name", ["co.csv", "co.parquet"])
def test_a_year_of_one_dwelling(year, tmp_path, name):
    path = write(year, tmp_path / name)
    read = Profiles.load(path)
    assert read.names == ("co",)
    assert read.kinds == ("load",)
    assert read.units == ("kWh per home",)
    assert (read.n_steps, read.step_hours) == (35_040, 0.25)
    np.testing.assert_allclose(read.kwh_per_unit[0], year[TOTAL] / UNITS, rtol=1e-12)
    assert read.kwh_per_unit.sum() == pytest.approx(year[TOTAL].sum() / UNITS, rel=1e-9)
    assert read.time[0] == pd.Timestamp("2018-01-01 00:00", tz="Etc/GMT+5")
    assert read.time[-1] == pd.Timestamp("2018-12-31 23:45", tz="Etc/GMT+5")
    assert str(path) in read.source


def test_the_stamp_00_15_ends_the_first_quarter_of_the_first_hour(year, tmp_path):
    hourly = Profiles.load(write(year, tmp_path / "co.csv")).resampled(1.0)
    assert hourly.n_steps == 8_760
    by_hand = year[TOTAL].to_numpy().reshape(-1, 4).sum(axis=1) / UNITS  # rows 00:15, 00:30, 00:45, 01:00
    np.testing.assert_allclose(hourly.kwh_per_unit[0], by_hand, rtol=1e-12)
    assert hourly.time[0].hour == 0
    assert hourly.kwh_per_unit.sum() == pytest.approx(year[TOTAL].sum() / UNITS, rel=1e-9)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("column", SPELLINGS)
def test_every_spelling_of_the_column(column, separator, tmp_path):
    frame = eulp_frame(column, n_days=2)
    if column == TOTAL + "..kwh":
        frame = frame.drop(columns="out.electricity.total.energy_consumption_intensity")
    for name in ("one.csv", "one.parquet"):
        read = Profiles.load(write(frame, tmp_path / name, separator))
        np.testing.assert_allclose(read.kwh_per_unit, [frame[column] / UNITS], rtol=1e-12)


def test_semicolons_with_decimal_commas(tmp_path):
    frame = eulp_frame(n_days=2)
    frame.to_csv(tmp_path / "one.csv", sep=";", decimal=",", index=False)
    np.testing.assert_allclose(Profiles.load(tmp_path / "one.csv").kwh_per_unit, [frame[TOTAL] / UNITS], rtol=1e-12)


def test_net_is_read_where_it_is_asked_for(tmp_path):
    frame = eulp_frame(n_days=2)
    read = Profiles.load(write(frame, tmp_path / "one.csv"), net=True)
    np.testing.assert_allclose(read.kwh_per_unit, [frame["out.electricity.net.energy_consumption"] / UNITS], rtol=1e-12)
    assert read.kwh_per_unit.sum() < Profiles.load(tmp_path / "one.csv").kwh_per_unit.sum()


def test_more_pv_than_load_is_no_load(tmp_path):
    frame = eulp_frame(n_days=2)
    frame["out.electricity.net.energy_consumption"] -= 0.25 * UNITS
    with pytest.raises(InputError, match="read the total instead of the net"):
        Profiles.load(write(frame, tmp_path / "one.csv"), net=True)


def test_comstock_by_floor_area(tmp_path):
    frame = eulp_frame(n_days=2, represented="floor_area_represented")
    path = write(frame, tmp_path / "shop.csv")
    read = Profiles.load(path, floor_area_sqft=5_000.0)
    np.testing.assert_allclose(read.kwh_per_unit, [frame[TOTAL] * 5_000.0 / UNITS], rtol=1e-12)
    with pytest.raises(InputError, match="give floor_area_sqft"):
        Profiles.load(path)


def test_baseline_and_upgrade_side_by_side(tmp_path):
    frame = eulp_frame(f"baseline.{TOTAL}.kwh", n_days=1)
    frame[f"upgrade.{TOTAL}.kwh"] = frame[f"baseline.{TOTAL}.kwh"] / 2
    read = Profiles.load(write(frame, tmp_path / "both.csv"))
    assert read.names == ("both baseline", "both upgrade")
    np.testing.assert_allclose(read.kwh_per_unit[0], 2 * read.kwh_per_unit[1])


def test_a_file_that_does_not_say_what_it_sums_over(tmp_path):
    frame = eulp_frame(n_days=1).drop(columns="units_represented").rename(columns={"timestamp": "Timestamp (EST)"})
    path = write(frame, tmp_path / "viewer.csv")
    with pytest.raises(InputError, match="give units_represented"):
        Profiles.load(path)
    np.testing.assert_allclose(Profiles.load(path, units_represented=10.0).kwh_per_unit, [frame[TOTAL] / 10], rtol=1e-12)


def test_rows_of_another_length_are_told_though_few_columns_are_read(tmp_path):
    path = write(eulp_frame(n_days=1), tmp_path / "one.csv")
    lines = path.read_text().splitlines()
    lines[8] += ",1,2"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="row 9 has 14 fields where the header has 12"):
        Profiles.load(path)


def test_stamps_typed_as_utc_are_eastern_standard_time(tmp_path):
    frame = eulp_frame(n_days=2)
    frame["timestamp"] = pd.to_datetime(frame.timestamp).dt.tz_localize("UTC")
    read = Profiles.load(write(frame, tmp_path / "one.parquet"))
    assert read.time[0] == pd.Timestamp("2018-01-01", tz="Etc/GMT+5")


def test_newer_releases_name_the_unit_of_the_floor_area(tmp_path):
    frame = eulp_frame(n_days=1, represented="floor_area_represented..sqft")
    assert Profiles.load(write(frame, tmp_path / "one.csv"), floor_area_sqft=UNITS).kwh_per_unit.sum() == pytest.approx(
        frame[TOTAL].sum()
    )


def faulty(change, n_days=1):
    frame = eulp_frame(n_days=n_days)
    result = change(frame)
    return frame if result is None else result


def put(row, column, value):
    def change(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(index=[7, 8]), r"row 9: a gap of 2 steps between 2018-01-01 01:45 and 2018-01-01 02:30"),
        (put(7, "timestamp", "2018-01-01 01:45:00"), r"row 9: 2018-01-01 01:45 appears twice"),
        (lambda f: f.iloc[[0, 1, 3, 2, *range(4, 96)]], r"row 5: 2018-01-01 00:45 comes after 2018-01-01 01:00; sort the rows"),
        (lambda f: f.iloc[[*range(48), *range(51, 96, 4)]], r"mixed steps \(15 min at row 3, 60 min at row 50\)"),
        (put(7, "timestamp", "noon"), r"row 9: 'noon' is not a date and time"),
        (put(7, "timestamp", None), r"row 9: no time"),
        (put(7, TOTAL, None), r"row 9: out\.electricity\.total\.energy_consumption has no value"),
        (put(7, TOTAL, -1.0), r"row 9: .* = -1\.0 must be a finite number, not negative"),
        (put(7, TOTAL, "much"), r"row 9: .* = 'much' must be a finite number"),
        (put(7, "units_represented", 5), r"row 9: units_represented = 5.*same in every row"),
        (lambda f: f.assign(units_represented=0), r"row 2: units_represented = 0; it must be positive"),
        (lambda f: f.drop(columns=TOTAL), r"no column out\.electricity\.total\.energy_consumption .* the nearest are out\."),
        (lambda f: f.assign(**{TOTAL + ".kwh": f[TOTAL]}), r"all hold the electricity of the baseline; keep one"),
        (lambda f: f.assign(units_represented=np.inf), r"row 2: units_represented = inf; it must be positive"),
        (put(7, TOTAL, 1e300), r"row 9: .* = 1e\+300 is more than 1,000,000,000; check its unit"),
        (lambda f: f.iloc[:1], r"1 time stamp gives no step length"),
        (lambda f: f.iloc[:0], r"is empty"),
        (lambda f: f.iloc[3:], r"row 2: the first step starts at 00:45, not at midnight"),
    ],
)
@pytest.mark.parametrize("name", ["faulty.csv", "faulty.parquet"])
def test_faults_name_file_column_and_row(change, message, name, tmp_path):
    frame = faulty(change)
    if name.endswith("parquet"):
        for column in frame.select_dtypes(object):
            if frame[column].map(type).nunique() > 1:
                frame[column] = frame[column].astype("string")
    path = write(frame, tmp_path / name)
    with pytest.raises(InputError, match=message) as error:
        Profiles.load(path)
    assert name in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"floor_area_sqft": 100.0}, "has no floor_area_represented"),
        ({"units_represented": 3.0}, "leave out units_represented"),
        ({"units_represented": "10"}, "units_represented = '10'; it must be a positive number"),
        ({"floor_area_sqft": -1.0}, r"floor_area_sqft = -1\.0; it must be a positive number"),
        ({"unit": "kW"}, "unit does not apply"),
        ({"year": 2018, "zone": "UTC"}, "year does not apply"),
    ],
)
def test_options_that_do_not_fit(options, message, tmp_path):
    path = write(eulp_frame(n_days=1), tmp_path / "one.csv")
    with pytest.raises(InputError, match=message):
        Profiles.load(path, **options)


def test_a_file_over_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("fastp2p.io.readers.frames.MAX_BYTES", 1_000)
    with pytest.raises(InputError, match=r"one\.csv: 0 MB; files over 0 MB are not read"):
        Profiles.load(write(eulp_frame(n_days=1), tmp_path / "one.csv"))


def test_a_parquet_file_that_unpacks_to_too_much_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("fastp2p.io.readers.frames.MAX_VALUES", 50)
    with pytest.raises(InputError, match=r"one\.parquet: holds 96 rows"):
        Profiles.load(write(eulp_frame(n_days=1), tmp_path / "one.parquet"))


def test_a_study_runs_on_the_file_as_it_is(year, tmp_path):
    write(year, tmp_path / "co.csv")
    (tmp_path / "study.toml").write_text(
        'name = "co"\n[network]\nsource = "cigre_lv"\n[load]\nprofile = "co"\n[pv]\nprofile = "solar_0"\n'
        '[profiles]\nsource = ["co.csv", "typical_day"]\nfirst_day = 2018-07-01\ndays = 2\nstep_hours = 1.0\n'
    )
    results = fastp2p.run(fastp2p.Study.from_toml(tmp_path / "study.toml"))
    assert len(results.books) == 48
    july = (year[TOTAL].to_numpy().reshape(-1, 96).sum(axis=1) / UNITS)[181:183].sum()
    assert results.books.load_kwh.sum() == pytest.approx(len(results.participants) * july, rel=1e-9)
