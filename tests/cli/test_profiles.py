"""The commands `fastp2p profiles …`."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from data.make import gsa_sheets
from fastp2p import Profiles
from fastp2p.cli.main import app
from tests.support.profile_files import eulp_frame, write_workbook


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def call(*arguments, code=0):
    answer = CliRunner().invoke(app, ["profiles", *map(str, arguments)])
    assert answer.exit_code == code, answer.output
    return answer


def test_show():
    message = call("show", "typical_day").stdout
    assert "residential_0 kWh per home" in message
    assert "24 steps of 60 min" in message


def test_convert_puts_sources_on_one_axis(tmp_path):
    eulp_frame(n_days=365).to_csv("co.csv", index=False)
    write_workbook(tmp_path / "sun.xlsx", gsa_sheets())
    message = call("convert", "co.csv", "--out", "homes.parquet", "--step-hours", 1).stdout
    assert "8,760 steps of 60 min, 2018-01-01 00:00 to 2018-12-31 23:00, UTC-05:00" in message
    call("convert", "sun.xlsx", "--year", 2018, "--zone", "Etc/GMT+5", "--out", "sun.csv")
    call("convert", "homes.parquet", "sun.csv", "--out", "both.parquet", "--months", "6,7,8", "--days", 30)
    both = Profiles.load("both.parquet")
    assert (both.names, both.kinds, both.n_steps) == (("co", "sun"), ("load", "pv"), 720)
    assert both.time[0] == pd.Timestamp("2018-06-01", tz="Etc/GMT+5")


def test_convert_declares_what_a_file_does_not_say():
    local = pd.date_range("2019-01-01 00:15", "2020-01-01 00:00", freq="15min", tz="Europe/Madrid")
    frame = pd.DataFrame({"time": local.tz_localize(None), "a": 1.0})
    frame.to_csv("a.csv", index=False)
    call("convert", "a.csv", "--out", "b.csv", "--unit", "kW", "--zone", "Europe/Madrid", "--period-ending")
    read = Profiles.load("b.csv")
    assert read.kwh_per_unit.sum() == pytest.approx(8_760)
    assert read.time[0] == pd.Timestamp("2019-01-01", tz="Europe/Madrid")


def test_options_are_for_files_beside_the_typical_day():
    local = pd.date_range("2018-06-01", periods=48, freq="h").strftime("%Y-%m-%d %H:%M")
    pd.DataFrame({"time": local, "home": np.r_[np.arange(47.0), 0.0]}).to_csv("a.csv", index=False)
    message = call("convert", "a.csv", "typical_day", "--unit", "kW", "--zone", "Europe/Berlin", "--out", "b.csv").stdout
    assert "48 steps of 60 min, 2018-06-01 00:00 to 2018-06-02 23:00, UTC+02:00" in message
    assert Profiles.load("b.csv").time[0] == pd.Timestamp("2018-06-01", tz="Europe/Berlin")


def test_cluster_says_what_speaks_for_each_number_and_then_writes():
    eulp_frame(n_days=60).to_csv("co.csv", index=False)
    assert "silhouette" in call("cluster", "co.csv").stdout
    message = call("cluster", "co.csv", "--k", 3, "--out", "typical.csv").stdout
    typical, days = Profiles.load("typical.csv"), pd.read_csv("typical-days.csv")
    sizes = days.cluster.value_counts().sort_index().tolist()
    assert f"weights = {sizes}" in message
    assert typical.names == ("cluster_0", "cluster_1", "cluster_2")
    assert (len(days), typical.step_hours) == (60, 0.25)
    for path in ("typical.png", "typical.pdf"):
        assert Path(path).stat().st_size > 5_000
    before = Profiles.load("co.csv").kwh_per_unit.reshape(60, 96)
    np.testing.assert_allclose(typical.kwh_per_unit[1], np.median(before[days.cluster == 1], axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nope.csv"], ["nope.csv: not found"]),
        (["convert", "typical_day", "--out", "a.txt"], ["a.txt: profiles are written to a .csv or .parquet"]),
        (["convert", "typical_day", "--out", "there.csv"], ["there.csv exists; --overwrite replaces it"]),
        (["convert", "typical_day", "--out", "far/a.csv"], ["far: no such folder"]),
        (["convert", "typical_day", "--out", "a.csv", "--months", "13"], ["--months 13: must list months 1 to 12"]),
        (["convert", "typical_day", "--out", "a.csv", "--months", ","], ["--months ,: must list months 1 to 12"]),
        (
            ["convert", "typical_day", "--out", "a.csv", "--days", "1000000000"],
            ["days = 1000000000: must be a whole number in 1…10,000"],
        ),
        (["convert", "typical_day", "--out", "a.csv", "--step-hours", "1e-9"], ["step_hours = 1e-09: must divide a day"]),
        (
            ["convert", "typical_day", "--out", "a.csv", "--step-hours", "24"],
            ["a table of one step does not show how long it is"],
        ),
        (["convert", "typical_day", "--out", "a.csv", "--overwrite", "--unit", "kW"], ["unit does not apply"]),
        (["convert", "typical_day", "--out", "a.csv", "--first-day", "2018-01-01"], ["typical_day: has no dates"]),
        (["convert", "typical_day", "--out", "a.csv", "--net"], ["typical_day is the typical day; net does not apply"]),
        (["convert", "typical_day", "--out", "a.csv", "--step-hours", "0.7"], ["step_hours = 0.7: must divide a day"]),
        (["cluster", "typical_day", "--k", "2"], ["give --k and --out together"]),
        (["cluster", "typical_day", "--k", "2", "--out", "a.csv"], ["kind is missing: must be load or pv"]),
        (["cluster", "typical_day", "--k", "9", "--out", "a.csv", "--kind", "load"], ["there are only 5 different days"]),
        (["cluster", "typical_day", "--k", "2", "--out", "there.csv"], ["there.csv exists"]),
    ],
)
def test_bad_input_is_told_and_nothing_written(arguments, message, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    answer = call(*arguments, code=2)
    assert [piece for piece in message if piece not in answer.stderr] == [], answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_only_what_fastp2p_wrote_is_overwritten():
    convert = ("convert", "typical_day", "--out", "b.parquet")
    cluster = ("cluster", "typical_day", "--kind", "load", "--k", 2, "--out", "a.csv")
    for command, written in ((convert, ["b.parquet"]), (cluster, ["a.csv", "a-days.csv", "a.png", "a.pdf"])):
        call(*command)
        ours = {name: Path(name).read_bytes() for name in written}
        assert "exists; --overwrite replaces it" in call(*command, code=2).stderr
        call(*command, "--overwrite")
        assert {name: Path(name).read_bytes() for name in written} == ours
        for name in written:
            for foreign in (b"mine", b"", b"time,kWh\n1,2\n", b"\xff\x00" * 100):
                Path(name).write_bytes(foreign)
                refused = call(*command, "--overwrite", code=2).stderr
                assert f"{name} was not written by fastp2p and is not overwritten" in refused
                assert Path(name).read_bytes() == foreign
            Path(name).write_bytes(ours[name])


def test_links_and_pipes_are_not_replaced():
    Path("real.csv").write_text("mine")
    Path("link.csv").symlink_to("real.csv")
    Path("nowhere.csv").symlink_to("gone.csv")
    os.mkfifo("pipe.csv")
    for name, kind in (("link.csv", "link"), ("nowhere.csv", "link"), ("pipe.csv", "pipe or device")):
        for extra in ((), ("--overwrite",)):
            assert f"{name} is a {kind}, not a file" in call("convert", "typical_day", "--out", name, *extra, code=2).stderr
    assert Path("real.csv").read_text() == "mine"
    assert not Path("gone.csv").exists()
