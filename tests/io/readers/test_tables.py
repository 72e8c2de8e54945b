"""Plain tables of profiles and their time axis."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastp2p import InputError, Profiles
from fastp2p.errors import InputWarning


def hours(n=24, start="2018-01-01", freq="h", **kwargs):
    return pd.date_range(start, periods=n, freq=freq, **kwargs)


def load(frame, path, **options):
    write = frame.to_parquet if path.suffix == ".parquet" else lambda where: frame.to_csv(where, index=False)
    write(path)
    return Profiles.load(path, **options)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize(
    ("unit", "kind", "factor"),
    [
        *(("kWh", "load", 1.0), ("Wh", "load", 1e-3), ("kW", "load", 0.25), ("W", "load", 0.25e-3), ("kW/home", "load", 0.25)),
        *(("kWh/kWp", "pv", 1.0), ("Wh/kWp", "pv", 1e-3), ("kW/kWp", "pv", 0.25), ("W/kWp", "pv", 0.25e-3)),
    ],
)
def test_units(name, unit, kind, factor, tmp_path):
    values = np.zeros(96)
    values[40:60] = np.arange(20) * 10.0
    read = load(pd.DataFrame({"time": hours(96, freq="15min"), f"south [{unit}]": values}), tmp_path / name)
    assert (read.names, read.kinds, read.step_hours) == (("south",), (kind,), 0.25)
    np.testing.assert_allclose(read.kwh_per_unit[0], values * factor, rtol=1e-12)
    declared = load(pd.DataFrame({"time": hours(96, freq="15min"), "south": values}), tmp_path / name, unit=unit)
    np.testing.assert_array_equal(declared.kwh_per_unit, read.kwh_per_unit)


@pytest.mark.parametrize(
    "stamps", [hours(48, freq="30min").strftime("%d.%m.%Y %H:%M"), hours(48, freq="30min").strftime("%Y-%m-%dT%H:%MZ")]
)
def test_written_times(stamps, tmp_path):
    read = load(pd.DataFrame({"Date": stamps, "a [kW]": 1.0}), tmp_path / "a.csv")
    assert (read.step_hours, read.time[0].hour, read.time[-1].minute) == (0.5, 0, 30)


def test_tidy_and_wide_say_the_same(tmp_path):
    values = np.random.default_rng(1).random((2, 48))
    wide = load(pd.DataFrame({"time": hours(48), "a [kWh]": values[0], "b [kWh]": values[1]}), tmp_path / "wide.csv")
    rows = [{"profile": "ab"[i], "time": t, "use [kWh]": values[i, s]} for i in range(2) for s, t in enumerate(hours(48))]
    tidy = load(pd.DataFrame(rows), tmp_path / "tidy.parquet")
    assert tidy.names == wide.names
    np.testing.assert_array_equal(tidy.kwh_per_unit, wide.kwh_per_unit)
    assert tidy.time.equals(wide.time)


def test_a_clock_that_changes_for_summer(tmp_path):
    local = pd.date_range("2016-01-01", "2017-01-01", freq="15min", inclusive="left", tz="Europe/Berlin")
    frame = pd.DataFrame({"time": local.tz_localize(None).strftime("%d.%m.%Y %H:%M"), "a [kW]": 1.0})
    with pytest.raises(InputError, match=r"row 29098: 2016-10-30 02:00 comes after 2016-10-30 02:45.*give the zone of a clock"):
        load(frame, tmp_path / "a.csv")
    read = load(frame, tmp_path / "a.csv", zone="Europe/Berlin")
    assert read.n_steps == 35_136
    assert read.time.is_unique
    assert (read.time == local).all()
    assert set(np.diff(read.time.asi8)) == {900 * 10**9}
    assert read.time[0].isoformat() == "2016-01-01T00:00:00+01:00"
    with pytest.raises(InputError, match="zone 'Mars/Base' is unknown"):
        load(frame, tmp_path / "a.csv", zone="Mars/Base")
    with pytest.raises(InputError, match="do not fit the clock of Europe/Berlin"):
        load(frame.drop_duplicates("time"), tmp_path / "a.csv", zone="Europe/Berlin")


def test_stamps_at_the_end_of_their_steps(tmp_path):
    falling = np.arange(24.0)[::-1]
    frame = pd.DataFrame({"time": hours(24, "2018-01-01 01:00"), "a [kWh]": falling})
    with pytest.raises(InputError, match=r"row 2: the first step starts at 01:00.*use period_ending"):
        load(frame, tmp_path / "a.csv")
    read = load(frame, tmp_path / "a.csv", period_ending=True)
    assert read.time[0] == pd.Timestamp("2018-01-01")
    np.testing.assert_array_equal(read.kwh_per_unit[0], falling)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("step", [1.0, 0.5, 0.25])
@pytest.mark.parametrize("zone", [None, "Etc/GMT+5", "no dates"])
def test_what_is_saved_is_read_again_to_the_bit(name, step, zone, tmp_path):
    kwh = np.random.default_rng(2).random((3, round(48 / step))) / 3
    kwh[1:, hour_of(kwh.shape[1], step) < 6] = 0
    kwh[1:, hour_of(kwh.shape[1], step) >= 20] = 0
    time = None if zone == "no dates" else hours(kwh.shape[1], freq=f"{int(60 * step)}min", tz=zone)
    before = Profiles(("a", "a", 'größe ☀, "x"'), ("load", "pv", "pv"), kwh, step, time)
    before.save(tmp_path / name)
    after = Profiles.load(tmp_path / name)
    assert (after.names, after.kinds, after.step_hours) == (before.names, before.kinds, step)
    np.testing.assert_array_equal(after.kwh_per_unit, kwh)
    assert (after.time is None) if time is None else (after.time == time).all()


def hour_of(n, step):
    return np.arange(n) * step % 24


def test_profiles_are_saved_as_csv_or_parquet_only(tmp_path):
    with pytest.raises(InputError, match=r"a\.xlsx: profiles are written to a \.csv or \.parquet"):
        Profiles.load().save(tmp_path / "a.xlsx")


def with_value(row, value):
    frame = pd.DataFrame({"time": hours(), "a [kWh]": np.ones(24, object)})
    frame.loc[row, "a [kWh]"] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (with_value(5, None), r"row 7: a \[kWh\] has no value"),
        (with_value(5, -0.5), r"row 7: a \[kWh\] = '?-0\.5'? must be a finite number, not negative"),
        (with_value(5, "x"), r"row 7: a \[kWh\] = 'x' must be"),
        (with_value(5, np.inf), r"row 7: a \[kWh\] = '?inf'? must be"),
        (pd.DataFrame({"time": hours(), "a [kVAh]": 1.0}), r"column a \[kVAh\] has the unknown unit 'kVAh'; known are kWh, Wh"),
        (pd.DataFrame({"time": hours(), "a": 1.0}), r"column a has no unit; name it 'a \[kW\]'"),
        (pd.DataFrame({"time": hours()}), "no column of values beside the time"),
        (pd.DataFrame({"when": hours(), "a [kW]": 1.0}), "no column hour, or a time .*; it has when, a"),
        (pd.DataFrame({"time": hours(), "a [kW]": 1.0, "a [kWh]": 1.0}), "two load columns are named a"),
        (pd.DataFrame({"time": hours(24, freq="7min"), "a [kW]": 1.0}), "a step of 7 min does not divide a day"),
        (pd.DataFrame({"time": hours().delete(3), "a [kW]": 1.0}), "row 5: a gap of 1 steps between 2018-01-01 02:00 and"),
        (pd.DataFrame({"hour": [0, 1, 3], "a [kW]": 1.0}), "row 4: the table has hour 3 where 2 is due"),
        (
            pd.DataFrame({"time": ["2018-01-01 00:00+01:00", "2018-01-01 01:00"], "a [kW]": 1.0}),
            "row 3: some stamps have an offset",
        ),
    ],
)
def test_faults_name_file_column_and_row(frame, message, tmp_path):
    with pytest.raises(InputError, match=message) as error:
        load(frame, tmp_path / "mine.csv")
    assert "mine.csv" in str(error.value)


def test_faults_of_times_and_of_values_are_told_together(tmp_path):
    frame = with_value(5, -0.5).drop(index=[8]).assign(**{"b [kW]": 1.0})
    with pytest.raises(InputError) as error:
        load(frame, tmp_path / "mine.csv")
    assert ["row 7: a" in error.value.faults[0], "a gap of 1 steps" in error.value.faults[1]] == [True, True]


@pytest.mark.parametrize("option", [{"zone": "UTC"}, {"period_ending": True}])
def test_hours_have_no_clock(option, tmp_path):
    with pytest.raises(InputError, match="hours count from 0; zone and period_ending do not apply"):
        load(pd.DataFrame({"hour": np.arange(24), "a [kW]": 1.0}), tmp_path / "a.csv", **option)


def test_many_faults_are_counted(tmp_path):
    frame = pd.DataFrame({"time": hours(), "a [kWh]": -1.0})
    with pytest.raises(InputError) as error:
        load(frame, tmp_path / "mine.csv")
    assert len(error.value.faults) == 6
    assert error.value.faults[-1].endswith("and 19 more rows")


def test_blank_lines_do_not_shift_the_rows(tmp_path):
    lines = ["time,a [kW]", *(f"2018-01-01 {hour:02d}:00,1" for hour in range(24))]
    lines[4:4] = ["", ""]
    (tmp_path / "a.csv").write_text("\ufeff" + "\r\n".join([*lines, "", ""]))
    assert Profiles.load(tmp_path / "a.csv").n_steps == 24
    (tmp_path / "a.csv").write_text("\n".join(lines).replace("05:00,1", "05:00,-1"))
    with pytest.raises(InputError, match="row 9: a"):
        Profiles.load(tmp_path / "a.csv")


def test_pv_at_night_is_warned_of(tmp_path):
    sun = np.roll(np.clip(np.sin((np.arange(24) - 6) / 12 * np.pi), 0, None), 8)
    frame = pd.DataFrame({"time": hours(), "south [kWh/kWp]": sun, "a [kWh]": 1.0})
    with pytest.warns(InputWarning, match=r"PV profile south has 0\.866 kWh per kWp at 22 h \(step 22\); is its clock"):
        load(frame, tmp_path / "a.csv")
    frame["south [kWh/kWp]"] = np.roll(sun, -8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(frame, tmp_path / "a.csv")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([0.25, 0.5, 1.0]), st.sampled_from([0.25, 0.5, 1.0]), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_resampling_keeps_energy(before, after, days, seed):
    kwh = np.random.default_rng(seed).random((2, round(24 * days / before)))
    time = hours(kwh.shape[1], freq=f"{int(60 * before)}min", tz="Etc/GMT-1")
    one = Profiles(("a", "b"), ("load", "pv"), kwh, before, time)
    other = one.resampled(after)
    assert other.step_hours == after
    np.testing.assert_allclose(other.kwh_per_unit.sum(axis=1), kwh.sum(axis=1), rtol=1e-9)
    by_hour = [part.kwh_per_unit.reshape(2, 24 * days, -1).sum(axis=2) for part in (one, other)]
    np.testing.assert_allclose(*by_hour, rtol=1e-9)
    assert (other.time == hours(other.n_steps, freq=f"{int(60 * after)}min", tz="Etc/GMT-1")).all()


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, 0.4, 7.0, "1"])
def test_steps_that_do_not_fit(step):
    with pytest.raises(InputError, match="step"):
        Profiles.load().resampled(step)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("per_hour", [12, 6, 60])
def test_short_steps_are_read_again(per_hour, name, tmp_path):
    kwh = np.random.default_rng(4).random((1, 14 * 24 * per_hour))
    Profiles(("a",), ("load",), kwh, 1 / per_hour).save(tmp_path / name)
    after = Profiles.load(tmp_path / name)
    assert after.step_hours == pytest.approx(1 / per_hour, rel=1e-15)
    np.testing.assert_array_equal(after.kwh_per_unit, kwh)


@pytest.mark.parametrize("digits", [3, 6, 9])
def test_hours_that_are_rounded(digits, tmp_path):
    read = load(pd.DataFrame({"hour": np.round(np.arange(288) / 12, digits), "a [kW]": 1.0}), tmp_path / "a.csv")
    assert read.step_hours == pytest.approx(1 / 12, rel=1e-15)
    assert read.kwh_per_unit.sum() == pytest.approx(24.0, rel=1e-9)


def test_a_table_does_not_tell_the_length_of_one_step(tmp_path):
    with pytest.raises(InputError, match="a table of one step does not show how long it is"):
        Profiles.load().resampled(24.0).save(tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/Santiago", "Europe/Dublin", "America/New_York", "UTC"])
def test_clocks_of_the_whole_world(zone, tmp_path):
    local = pd.date_range("2018-01-01", "2019-01-01", freq="15min", inclusive="left", tz=zone)
    frame = pd.DataFrame({"time": local.tz_localize(None), "a [kW]": 1.0})
    read = load(frame, tmp_path / "a.csv", zone=zone)
    assert (read.time == local).all()
    assert (read.n_steps, read.time[0].hour) == (35_040, 0)
    aware = load(frame.assign(time=local), tmp_path / "a.parquet")
    assert (aware.time == local).all()
    assert (Profiles.load(tmp_path / "a.parquet", zone=zone).time == local).all()  # brought to the clock that it is on


def test_decimal_commas_after_a_night_of_zeros(tmp_path):
    sun = np.clip(np.sin((np.arange(24) - 6) / 12 * np.pi), 0, None)
    cells = [f"{value:.6g}".replace(".", ",") if value > 1e-9 else "0" for value in sun]
    lines = ["time;south [kWh/kWp]", *(f"01.06.2018 {hour:02d}:00;{cell}" for hour, cell in enumerate(cells))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    np.testing.assert_allclose(Profiles.load(tmp_path / "a.csv").kwh_per_unit[0], sun, atol=1e-6)
    (tmp_path / "a.csv").write_text("\n".join(lines).replace("17:00;0,258819", "17:00;much"))
    with pytest.raises(InputError) as error:
        Profiles.load(tmp_path / "a.csv")
    assert error.value.faults[0].endswith("row 19: south [kWh/kWp] = 'much' must be a finite number, not negative")
    assert len(error.value.faults) == 1


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (",time,a [kWh]", "column 1 has no heading"),
        ("time,a [kWh],a [kWh]", r"2 columns are headed 'a \[kWh\]'"),
        ("", "no headings in its first row"),
    ],
)
def test_headings(header, message, tmp_path):
    cells = header.count(",")
    (tmp_path / "a.csv").write_text("\n".join([header, *(f"2018-01-01 {h:02d}:00{',1' * cells}" for h in range(24))]))
    with pytest.raises(InputError, match=message):
        Profiles.load(tmp_path / "a.csv", unit="kW")


def test_a_parquet_file_with_its_times_as_index(tmp_path):
    frame = pd.DataFrame({"time": hours(), "a [kWh]": 1.0}).set_index("time")
    frame.to_parquet(tmp_path / "a.parquet")
    assert (Profiles.load(tmp_path / "a.parquet").time == hours()).all()


@pytest.mark.parametrize("values", [[[1.0, 2.0]] * 24, [True] * 24, pd.to_timedelta(np.arange(24), "s"), [b"1"] * 24])
def test_parquet_columns_that_are_no_numbers(values, tmp_path):
    with pytest.raises(InputError, match=r"column a \[kWh\] holds .*, not numbers"):
        load(pd.DataFrame({"time": hours(), "a [kWh]": values}), tmp_path / "a.parquet")


def test_rows_of_another_length(tmp_path):
    lines = ["time,a [kWh],other [kW]", *(f"2018-01-01 {hour:02d}:00,1,2" for hour in range(24))]
    lines[5] += ",3"
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="row 6 has 4 fields where the header has 3"):
        Profiles.load(tmp_path / "a.csv")


@pytest.mark.parametrize("path", ["folder.csv", "/dev/full/a.parquet"])
def test_a_disk_that_refuses_is_told(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="could not be written"):
        Profiles.load().save(path)
    assert not list((tmp_path / "folder.csv").iterdir())


@pytest.mark.parametrize("source", [[], ["typical_day"], 3, None])
def test_sources_are_names_or_paths(source):
    with pytest.raises(InputError, match="loaded by name or path"):
        Profiles.load(source)


# net load: what a meter of a whole customer or transformer says, negative where more is fed in than drawn


NET = "time,feeder [kW net],shop [kWh]\n2018-01-01 00:00,1.5,2\n2018-01-01 00:15,-0.5,2\n2018-01-01 00:30,-1000,2\n"


def test_net_load_may_be_negative(tmp_path):
    (tmp_path / "a.csv").write_text(NET, encoding="utf-8")
    read = Profiles.load(tmp_path / "a.csv")
    assert (read.names, read.kinds, read.units) == (("feeder", "shop"), ("net", "load"), ("kWh net", "kWh per home"))
    np.testing.assert_allclose(read.kwh_per_unit, [[0.375, -0.125, -250.0], [2.0, 2.0, 2.0]])
    for name in ("b.csv", "b.parquet"):
        read.save(tmp_path / name)
        again = Profiles.load(tmp_path / name)
        assert again.kinds == read.kinds
        np.testing.assert_array_equal(again.kwh_per_unit, read.kwh_per_unit)


def test_net_load_of_tidy_tables_declared_units_and_meters(tmp_path):
    tidy = pd.DataFrame({"profile": "a", "hour": range(3), "net_kwh": [1.0, -2.0, 3.0]})
    wide = pd.DataFrame({"hour": range(3), "a": [1.0, -2.0, 3.0]})
    meter = pd.DataFrame({"hour": range(4), "a [Wh net]": [5000.0, 6000.0, 4000.0, 7000.0]})
    for frame, options in ((tidy, {}), (wide, {"unit": "kWh Net"}), (meter, {"cumulative": True})):
        frame.to_csv(tmp_path / "a.csv", index=False)
        read = Profiles.load(tmp_path / "a.csv", **options)
        assert read.kinds == ("net",)
        np.testing.assert_allclose(read.kwh_per_unit, [[1.0, -2.0, 3.0]])


def test_what_is_no_net_load_is_refused_with_a_way_out(tmp_path):
    (tmp_path / "a.csv").write_text("hour,a [kW],b [kW net],c [kW/kWp net]\n0,-1,2,0\n1,1,x,0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"column c \[kW/kWp net\] has the unknown unit 'kW/kWp net'; known are .* kW net"):
        Profiles.load(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("hour,a [kW],b [kW net]\n0,-1,2\n1,1,x\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Profiles.load(tmp_path / "a.csv")
    first, second = caught.value.faults
    assert first.endswith("a [kW] = -1 must be a finite number, not negative; load less generation, which may be, has the "
                          "unit kWh net")  # fmt: skip
    assert second.endswith("b [kW net] = 'x' must be a finite number")
    with pytest.raises(InputError, match=r"not negative \(but of net\).*profile 'a' holds -1 in step 1"):
        Profiles(("n", "a"), ("net", "load"), np.array([[-1.0, 2.0], [1.0, -1.0]]))
    with pytest.raises(InputError, match="'n' holds nan in step 0"):
        Profiles(("n",), ("net",), np.array([[np.nan]]))
