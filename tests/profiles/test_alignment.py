"""Several sources on one clock, the days that are chosen of them, and days across a clock change."""

import warnings
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p import InputError, Profiles, Study
from fastp2p.cli.main import app
from fastp2p.errors import InputWarning
from fastp2p.profiles.sources import load_several
from fastp2p.sweep.prepare import prepare
from tests.support.profile_files import count, wall, write, write_gsa_json

pytestmark = pytest.mark.usefixtures("elsewhere")

SUN = [0.0] * 6 + [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1] + [0.0] * 6


def study(source, **profiles):
    """The paper's study on other profiles, of which `home` is the load and solar_1 the sun."""
    paper = fastp2p.studies()["paper-44"].model_dump()
    paper["profiles"] = {"source": source, **profiles}
    paper["load"]["profile"], paper["pv"]["profile"] = "home", "solar_1"
    return Study.model_validate(paper)


def two_days(name, offset, first, heading="home [kWh]", values=None, n=48):
    """Hours of a file, the first one at an instant, written with an offset."""
    stamps = pd.date_range(first, periods=n, freq="h", tz="UTC") + pd.Timedelta(hours=offset)
    sign = "Z" if offset == 0 else f"{offset:+03d}:00"
    return write(name, stamps.strftime("%Y-%m-%dT%H:%M") + sign, count(n) if values is None else values, heading)


@pytest.mark.parametrize("offset", [0, 2, -5, 14, -11])
def test_sources_of_other_offsets_are_aligned_by_instant(offset):
    """Both begin at 2018-05-31 22:00 UTC, midnight at +02:00, and count their hours."""
    two_days("loads.csv", 2, "2018-05-31 22:00")
    two_days("sun.csv", offset, "2018-05-31 22:00", "solar_1 [kWh]")
    found = Profiles.combined([Profiles.load("loads.csv"), Profiles.load("sun.csv", zone="+02:00")])
    assert found.time[0].isoformat() == "2018-06-01T00:00:00+02:00"
    np.testing.assert_array_equal(found.kwh_per_unit, [count(48), count(48)])


@pytest.mark.parametrize("offset", [0, 2, -5])
def test_convert_writes_true_stamps(offset):
    """The hour that a value says is the same instant in both files, and in the file that is written."""
    two_days("loads.csv", 2, "2018-05-31 22:00")
    two_days("sun.csv", offset, "2018-05-31 22:00", "solar_1 [kWh]")
    answer = CliRunner().invoke(app, ["profiles", "convert", "loads.csv", "sun.csv", "--out", "both.csv"])
    assert answer.exit_code == 0, answer.output
    assert "UTC+02:00" in answer.stdout
    written = pd.read_csv("both.csv")
    instants = pd.to_datetime(written.time, utc=True)
    assert (instants == pd.date_range("2018-05-31 22:00", periods=48, freq="h", tz="UTC")).all()
    for column in written.columns[1:]:
        np.testing.assert_array_equal(written[column], count(48))
    again = Profiles.load("both.csv")
    assert (again.time == instants).all()


def test_days_that_begin_apart_are_left_out_at_the_ends():
    """Loads of 1 to 4 June at +02:00; sun of the same dates in UTC, two hours later: whole days of both are 2 to 4 June."""
    two_days("loads.csv", 2, "2018-05-31 22:00", n=96)
    two_days("sun.csv", 0, "2018-06-01 00:00", "solar_1 [kWh]", n=96)
    with pytest.warns(InputWarning) as told:
        found = Profiles.combined([Profiles.load("loads.csv"), Profiles.load("sun.csv")])
    assert found.time[0].isoformat() == "2018-06-02T00:00:00+02:00"
    assert found.time[-1].isoformat() == "2018-06-04T23:00:00+02:00"
    # 2 June 00:00+02:00 is hour 24 of the loads (values count from 1), and 22:00 UTC of 1 June: hour 22 of the sun
    np.testing.assert_array_equal(found.kwh_per_unit[0], count(96)[24:])
    np.testing.assert_array_equal(found.kwh_per_unit[1], count(96)[22:94])
    assert ["sun.csv: covers whole days from 2018-06-02 on" in str(one.message) for one in told] == [True]
    with pytest.raises(InputError, match=r"sun.csv: covers 2018-06-02 .* none of that is from 2018-06-01"):
        Profiles.combined([Profiles.load("loads.csv"), Profiles.load("sun.csv")], first_day=date(2018, 6, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        day = Profiles.combined([Profiles.load("loads.csv"), Profiles.load("sun.csv")], first_day=date(2018, 6, 3), days=1)
    np.testing.assert_array_equal(day.kwh_per_unit, [count(96)[48:72], count(96)[46:70]])


@pytest.mark.parametrize(("offset", "last"), [(-5, "2018-06-04"), (9, "2018-06-03")])
def test_days_that_end_apart(offset, last):
    """Sun of 1 to 4 June on another clock: at -05:00 it ends 7 h after the loads, at +09:00 7 h before."""
    two_days("loads.csv", 2, "2018-05-31 22:00", n=96)
    stamps = pd.date_range("2018-06-01", periods=96, freq="h", tz=f"Etc/GMT{-offset:+d}")
    write("sun.csv", stamps.strftime("%Y-%m-%dT%H:%M%z"), count(96), "solar_1 [kWh]")
    with pytest.warns(InputWarning):
        found = Profiles.combined([Profiles.load("loads.csv"), Profiles.load("sun.csv")])
    loads, sun = (Profiles.load(one) for one in ("loads.csv", "sun.csv"))
    assert found.time[-1].isoformat() == f"{last}T23:00:00+02:00"
    for row, one in zip(found.kwh_per_unit, (loads, sun), strict=True):
        by_instant = dict(zip(one.time.tz_convert("UTC"), one.kwh_per_unit[0], strict=True))
        assert row.tolist() == [by_instant[instant] for instant in found.time.tz_convert("UTC")]


@pytest.mark.filterwarnings("ignore::fastp2p.errors.InputWarning")
@pytest.mark.parametrize(
    ("start", "n", "told"),
    [
        ("2018-06-02", 48, "a: covers no whole day"),  # a ends before b's first midnight
        ("2018-06-01 01:00", 22, "a: covers no whole day that all sources have"),  # b ends within the first day of both
    ],
)
def test_no_day_that_all_sources_cover(start, n, told):
    a, b = (
        Profiles((name,), ("load",), np.ones((1, n)), 1.0, pd.date_range(start, periods=n, freq="h", tz=tz), name)
        for name, start, n, tz in (("a", "2018-06-01", 24, "UTC"), ("b", start, n, "+01:00"))
    )
    with pytest.raises(InputError, match=told):
        Profiles.combined([a, b])


def test_steps_of_other_lengths_on_other_clocks():
    """Half hours in UTC and hours at +05:30, of which the study asks for hours, or for halves."""
    utc = pd.date_range("2018-06-01 18:30", periods=96, freq="30min", tz="UTC")
    sun = Profiles(("sun",), ("pv",), np.arange(96.0)[None], 0.5, utc.tz_convert("Asia/Kolkata"), "sun")
    early = pd.date_range("2018-06-01 00:00", periods=133, freq="30min", tz="UTC")
    loads = Profiles(("home",), ("load",), np.arange(133.0)[None], 0.5, early, "loads")
    hours = Profiles.combined([sun, loads], step_hours=1.0)
    assert hours.time[0] == utc[0]
    # 18:30 UTC is half hour 37 of the loads
    np.testing.assert_array_equal(hours.kwh_per_unit[:, :2], [[0 + 1, 2 + 3], [37 + 38, 39 + 40]])
    whole = Profiles(("home",), ("load",), np.arange(67.0)[None], 1.0, early[::2], "loads")
    halves = Profiles.combined([sun, whole])
    np.testing.assert_array_equal(halves.kwh_per_unit[1, :3], [18 / 2, 19 / 2, 19 / 2])


def test_other_years_on_other_clocks():
    """The same days of the year, each at the same time of the day on one clock."""
    loads = Profiles(
        ("a",), ("load",), np.arange(8760.0)[None], 1.0, pd.date_range("2018", periods=8760, freq="h", tz="Etc/GMT+5"), "2018"
    )
    sun = Profiles(
        ("b",), ("pv",), np.arange(8784.0)[None], 1.0, pd.date_range("2016", periods=8784, freq="h", tz="Etc/GMT-1"), "2016"
    )
    found = Profiles.combined([loads, sun], first_day=date(2018, 7, 1), days=7)
    assert found.time[0].isoformat() == "2018-07-01T00:00:00-05:00"
    # 1 July is day 181 of 2018 and 182 of 2016; 00:00-05:00 is 06:00+01:00
    np.testing.assert_array_equal(found.kwh_per_unit[:, 0], [181 * 24, 182 * 24 + 6])


def test_one_that_says_nothing_beside_one_that_does():
    two_days("loads.csv", 2, "2018-05-31 22:00")
    write("sun.csv", wall("2018-06-01", "2018-06-03", "h", None), 1.0, "solar_1 [kWh]")
    with pytest.raises(InputError, match=r"sun.csv: has no clock .*and loads.csv has one; give its zone"):
        prepare(study(["loads.csv", "sun.csv"]))
    with pytest.raises(InputError, match=r"sun.csv: has no clock .*and loads.csv has one"):
        prepare(study(["sun.csv", "loads.csv"], zone="Europe/Berlin"))
    with pytest.raises(InputError, match=r"sun.csv: has no clock .*the axis is to be on the clock of Europe/Berlin"):
        prepare(study("sun.csv", zone="Europe/Berlin"))
    write("pv.csv", wall("2018-06-01", "2018-06-03", "h", None), SUN * 2, "solar_1 [kWh/kWp]")
    _, found = prepare(study(["loads.csv", {"file": "pv.csv", "zone": "Europe/Berlin"}]))
    np.testing.assert_array_equal(found.kwh_per_unit, [count(48), SUN * 2])


def test_the_zone_of_a_study_and_of_a_source_in_a_file(tmp_path):
    """Both say nothing of a summer day in Berlin and in UTC; the study's clock is Berlin's."""
    folder = tmp_path / "there"
    folder.mkdir()
    two_days(folder / "loads.csv", 0, "2018-05-31 22:00")
    write(folder / "pv.csv", wall("2018-06-01", "2018-06-03", "h", None), SUN * 2, "solar_1 [kWh/kWp]")
    text = study("typical_day").to_toml()
    start, end = text.index("[profiles]"), text.index("[participants]")
    profiles = """[profiles]
source = ["loads.csv", { file = "pv.csv", zone = "Europe/Berlin" }]
zone = "Europe/Berlin"

"""
    (folder / "study.toml").write_text(text[:start] + profiles + text[end:])
    one = Study.from_toml(folder / "study.toml")
    assert [source.file for source in one.profiles.sources] == [str(folder / name) for name in ("loads.csv", "pv.csv")]
    _, found = prepare(one)
    assert found.time[0].isoformat() == "2018-06-01T00:00:00+02:00"
    np.testing.assert_array_equal(found.kwh_per_unit, [count(48), SUN * 2])
    (folder / "again.toml").write_text(one.to_toml())
    assert Study.from_toml(folder / "again.toml") == one


def test_the_zone_of_the_first_source_is_the_clock():
    """Stamps in UTC that are to be on Berlin's clock: 22:00 UTC is midnight, as `Profiles.load` with a zone has it."""
    two_days("utc.csv", 0, "2018-05-31 22:00")
    write("sun.csv", wall("2018-05-31 22:00", "2018-06-02 22:00", "h", "UTC", "%Y-%m-%dT%H:%MZ"), SUN * 2, "solar_1 [kWh/kWp]")
    own = {"file": "utc.csv", "zone": "Europe/Berlin"}
    for source in (own, [own, "sun.csv"], ["sun.csv", own]):
        if source == ["sun.csv", own]:
            with pytest.raises(InputError, match=r"sun.csv: the first step starts at 22:00 on UTC\+00:00"):
                prepare(study(source))
            continue
        found = load_several([(one.file, one.model_dump(exclude={"file"})) for one in study(source).profiles.sources])
        assert found.time[0].isoformat() == "2018-06-01T00:00:00+02:00"
        np.testing.assert_array_equal(found.kwh_per_unit[0], count(48))
        np.testing.assert_array_equal(found.kwh_per_unit[0], Profiles.load("utc.csv", zone="Europe/Berlin").kwh_per_unit[0])


@pytest.mark.parametrize(
    ("profiles", "told"),
    [
        ({"source": [{"file": "a.csv", "zoen": "x"}]}, "zoen"),
        ({"source": {"zone": "x"}}, "file"),
        ({"source": []}, "profiles.source"),
        (
            {"source": "typical_day", "zone": "Europe/Berlin"},
            "typical_day: has no dates; the zone Europe/Berlin does not apply",
        ),
        ({"source": {"file": "typical_day", "zone": "Europe/Berlin"}}, "zone does not apply"),
        ({"source": {"file": "typical_day", "cumulative": True}}, "cumulative does not apply"),
    ],
)
def test_sources_that_are_wrong(profiles, told, tmp_path):
    text = study("typical_day").to_toml()
    start, end = text.index("[profiles]"), text.index("[participants]")
    import tomli_w

    (tmp_path / "study.toml").write_text(text[:start] + tomli_w.dumps({"profiles": profiles}) + text[end:])
    with pytest.raises(InputError, match=told):
        prepare(Study.from_toml(tmp_path / "study.toml"))


def test_an_unknown_zone():
    two_days("loads.csv", 2, "2018-05-31 22:00")
    for zone in ("Mars/Base", "", "-06", "CET+1", "tzlocal()", "dateutil/Europe/Berlin", "+00:00:30"):
        with pytest.raises(InputError, match="is unknown; use one such as Europe/Berlin"):
            Profiles.load("loads.csv", zone=zone)
        with pytest.raises(InputError, match="is unknown; use one such as Europe/Berlin"):
            Profiles.combined([Profiles.load("loads.csv")], zone=zone)


def test_a_zone_brings_stamped_files_to_its_clock():
    two_days("loads.csv", 0, "2018-05-31 22:00")  # begins at midnight in Berlin only
    with pytest.raises(InputError, match=r"row 2: the first step starts at 22:00, not at midnight"):
        Profiles.load("loads.csv")
    read = Profiles.load("loads.csv", zone="Europe/Berlin")
    assert read.time[0].isoformat() == "2018-06-01T00:00:00+02:00"
    np.testing.assert_array_equal(read.kwh_per_unit[0], count(48))
    with pytest.warns(InputWarning, match="begins at 2018-05-31 18:00 on UTC-04:00; the steps before midnight are left out"):
        west = Profiles.load("loads.csv", zone="America/New_York")
    assert west.time[0].isoformat() == "2018-06-01T00:00:00-04:00"
    np.testing.assert_array_equal(west.kwh_per_unit[0], count(48)[6:])
    with pytest.raises(InputError, match="no step of 60 min starts at midnight on UTC"):
        Profiles.load("loads.csv", zone="Asia/Kolkata")


def test_what_all_sources_lose_is_warned_of_once():
    for name, heading in (("loads.csv", "home [kWh]"), ("sun.csv", "solar_1 [kWh]")):
        two_days(name, 0, "2018-06-01 00:00", heading)
    with pytest.warns(InputWarning) as told:
        found = Profiles.combined([Profiles.load(name) for name in ("loads.csv", "sun.csv")], zone="Europe/Berlin")
    assert ["loads.csv: begins at 2018-06-01 02:00 on UTC+02:00" in str(one.message) for one in told] == [True]
    np.testing.assert_array_equal(found.kwh_per_unit, [count(48)[22:], count(48)[22:]])


def test_stamps_that_end_their_steps_are_not_taken_for_another_clocks():
    two_days("loads.csv", 0, "2018-06-01 01:00")
    with pytest.raises(InputError, match=r"the first step starts at 01:00.*use period_ending"):
        Profiles.load("loads.csv", zone="Europe/Berlin")
    two_days("loads.csv", 0, "2018-06-01 00:00")
    assert Profiles.load(two_days("azores.csv", 0, "2018-01-01 01:00"), zone="Atlantic/Azores").time[0].hour == 0


def test_typical_days_have_no_clock():
    """A day without dates goes by the clock of the axis, whatever it is."""
    two_days("loads.csv", 2, "2018-05-31 22:00")
    _, found = prepare(study(["loads.csv", "typical_day"]))
    sun = Profiles.load().kwh_per_unit[Profiles.load().row("solar_1", "pv")]
    np.testing.assert_array_equal(found.kwh_per_unit[found.row("solar_1", "pv")], np.tile(sun, 2))
    both = Profiles.combined([Profiles.load(), Profiles(("x",), ("load",), np.ones((1, 24)))])
    assert (both.time, both.n_steps) == (None, 24)


@pytest.mark.parametrize(("zone", "offset"), [("Australia/Sydney", 10), ("Europe/Berlin", 1), ("Etc/GMT+7", -7)])
def test_the_atlas_is_on_its_sites_time_without_summer_time(zone, offset, tmp_path):
    write_gsa_json(tmp_path / "sun.json")
    read = Profiles.load("sun.json", year=2018, zone=zone)
    assert read.time[0] == pd.Timestamp("2018-01-01", tz=f"Etc/GMT{-offset:+d}")
    assert read.n_steps == 8_760
    with pytest.raises(InputError, match="typical days have no dates; zone needs a year"):
        Profiles.load("sun.json", zone=zone)


def test_sun_at_night_is_looked_for_on_the_clock_of_the_axis():
    """Sun of New York in UTC, where it still shines at 00:00; on the loads' clock it is day."""
    stamps = pd.date_range("2018-06-01 04:00", periods=48, freq="h", tz="UTC")  # midnight in New York
    late = np.roll(SUN * 2, 3)  # from 9 to 21 o'clock
    write("sun.csv", stamps.strftime("%Y-%m-%dT%H:%MZ"), late, "sun [kWh/kWp]")
    write("loads.csv", stamps.tz_convert("America/New_York").strftime("%Y-%m-%dT%H:%M%z"), count(48))
    load_several([("loads.csv", {}), ("sun.csv", {})])
    write("sun.csv", stamps.strftime("%Y-%m-%dT%H:%MZ"), np.roll(late, 4), "sun [kWh/kWp]")
    with pytest.warns(InputWarning, match="PV profile sun has"):
        load_several([("loads.csv", {}), ("sun.csv", {})])


def test_readings_of_a_meter_in_a_study():
    """Readings at 25 hours: the study's 24 steps have what the meter counted in between."""
    kwh = np.arange(24.0)[::-1]
    stamps = pd.date_range("2018-06-01", periods=25, freq="h").strftime("%Y-%m-%d %H:%M+02:00")
    write("meter.csv", stamps, 500.0 + np.r_[0.0, np.cumsum(kwh)])
    _, found = prepare(study([{"file": "meter.csv", "cumulative": True}, "typical_day"]))
    np.testing.assert_array_equal(found.kwh_per_unit[found.row("home", "load")], kwh)
    (Path("study.toml")).write_text(study(["meter.csv", "typical_day"]).to_toml())
    answer = CliRunner().invoke(app, ["check", "study.toml"])
    assert "home never falls, like a meter" in " ".join(answer.stderr.split())


# --- first_day


def test_a_first_day_outside_the_data_is_refused_as_select_does():
    two_days("loads.csv", 2, "2018-05-31 22:00")
    for first in (date(2019, 6, 1), date(2017, 6, 2), date(2018, 6, 3)):
        with pytest.raises(InputError) as by_select:
            Profiles.load("loads.csv").select(first_day=first)
        for sources in ("loads.csv", ["loads.csv", "typical_day"]):
            with pytest.raises(InputError) as by_study:
                prepare(study(sources, first_day=first))
            assert set(by_select.value.faults) <= set(by_study.value.faults)
    _, found = prepare(study(["loads.csv", "typical_day"], first_day=date(2018, 6, 2)))
    assert found.time[0].date() == date(2018, 6, 2)


# --- days across a clock change


@pytest.mark.parametrize(
    ("zone", "start", "n"),
    [
        *(("Europe/Berlin", "2018-03-19", 335), ("Europe/Berlin", "2018-10-22", 337)),
        *(("America/New_York", "2018-03-05", 335), ("America/New_York", "2018-10-29", 337)),
    ],
)
def test_two_weeks_across_a_clock_change(zone, start, n):
    """Hour t of the axis is t hours after midnight; its hour of the day is t % 24 on the clock of the first stamp."""
    end = (pd.Timestamp(start) + pd.Timedelta(days=14)).strftime("%Y-%m-%d")
    stamps = wall(start, end, "h", zone)
    assert len(stamps) == n
    write("loads.csv", stamps, count(n))
    tariff = [0.20 + 0.01 * hour for hour in range(24)]
    chosen = study([{"file": "loads.csv", "zone": zone}, "typical_day"]).model_dump()
    chosen["market"]["retail_per_kwh"] = {"series": tariff}
    one = Study.model_validate(chosen)
    network, found = prepare(one)
    sun = Profiles.load().kwh_per_unit[Profiles.load().row("solar_1", "pv")]
    assert found.n_steps == n
    assert (found.time == pd.date_range(start, periods=n, freq="h", tz=zone)).all()
    assert len({stamp.utcoffset() for stamp in found.time}) == 1
    for t in range(n):
        assert found.time[t].hour == t % 24
        assert found.kwh_per_unit[found.row("solar_1", "pv"), t] == sun[t % 24]
        assert found.kwh_per_unit[found.row("home", "load"), t] == count(n)[t]
    drawn = fastp2p.scenarios(one, range(1), network=network, profiles=found)
    assert drawn.retail_per_kwh.tolist() == [tariff[t % 24] for t in range(n)]


def test_a_run_of_two_weeks_has_the_energy_of_every_hour():
    stamps = wall("2018-03-19", "2018-04-02", "h", "Europe/Berlin")
    write("loads.csv", stamps, count(335) / 1000)
    one = study([{"file": "loads.csv", "zone": "Europe/Berlin"}, "typical_day"])
    homes = fastp2p.scenarios(one, range(1)).homes.sum()
    results = fastp2p.run(one)
    due = homes * count(335) / 1000
    np.testing.assert_allclose(results.books.load_kwh, due, rtol=1e-12)
    by_hour = [due[hour::24].mean() for hour in range(24)]  # hour 23 is there 13 times
    np.testing.assert_allclose(results.hours.load_kwh, by_hour, rtol=1e-12)


def test_a_local_fortnight_beside_one_on_winter_time():
    """The local one ends at 22:00 UTC, an hour before the other, on the first stamp's clock: 13 days are whole in both."""
    write("loads.csv", wall("2018-03-19", "2018-04-02", "h", "Europe/Berlin"), count(335))
    write("sun.csv", wall("2018-03-19", "2018-04-02", "h", "Etc/GMT-1"), SUN * 14, "solar_1 [kWh/kWp]")
    parts = [Profiles.load(name, zone=zone) for name, zone in (("loads.csv", "Europe/Berlin"), ("sun.csv", "Etc/GMT-1"))]
    with pytest.warns(InputWarning, match=r"loads.csv: ends at 2018-04-01 23:00 .* the steps from 2018-04-01 on are left out"):
        found = Profiles.combined(parts)
    np.testing.assert_array_equal(found.kwh_per_unit, [count(335)[:312], SUN * 13])
    chosen = Profiles.combined(parts, days=10)
    np.testing.assert_array_equal(chosen.kwh_per_unit, [count(335)[:240], SUN * 10])


@pytest.mark.parametrize("zone", [None, "+01:00"])
def test_a_day_is_chosen_by_date_or_datetime(zone):
    stamps = pd.date_range("2018-06-01", periods=48, freq="h", tz=zone)
    found = Profiles(("a",), ("load",), np.ones((1, 48)), 1.0, stamps)
    for choose in (found.select, lambda **choice: Profiles.combined([found], **choice)):
        chosen = [choose(first_day=day).time for day in (date(2018, 6, 2), datetime(2018, 6, 2, 12))]
        assert chosen[0].equals(chosen[1])
        assert len(chosen[0]) == 24
        with pytest.raises(InputError, match=r"first_day = '2018-06-02'.*\n.*months = 5.*\n.*days = 0"):
            choose(first_day="2018-06-02", months=5, days=0)


def test_days_that_a_change_has_made_short_repeat_whole():
    """335 hours are 13 days and 23 hours: 14 days are these 13 and the first one again."""
    stamps = wall("2018-03-19", "2018-04-02", "h", "Europe/Berlin")
    read = Profiles.load(write("loads.csv", stamps, count(335)), zone="Europe/Berlin")
    with pytest.warns(InputWarning, match="covers 13 whole days, which repeat to 14 without dates; the 23 h after them"):
        found = read.select(days=14)
    assert found.time is None
    np.testing.assert_array_equal(found.kwh_per_unit[0], np.r_[count(335)[:312], count(335)[:24]])


# --- what check says


def test_check_says_where_the_steps_are_in_time(tmp_path):
    two_days("loads.csv", 2, "2018-05-31 22:00")
    (tmp_path / "study.toml").write_text(study(["loads.csv", "typical_day"]).to_toml())
    answer = CliRunner().invoke(app, ["check", "study.toml"])
    assert answer.exit_code == 0, answer.output
    assert "48 of 1 h, 2 days" in answer.output
    assert "2018-06-01 00:00 to 2018-06-03 00:00, UTC+02:00" in answer.output
    write("loads.csv", wall("2018-06-01", "2018-06-03", "h", None), count(48))
    answer = CliRunner().invoke(app, ["check", "study.toml"])
    assert "a clock that the source does not name" in " ".join(answer.output.split())
    answer = CliRunner().invoke(app, ["check", "paper-44"])
    assert "no dates: typical days" in answer.output
