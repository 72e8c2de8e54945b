"""Results folders read again: the same tables, network and profiles as the run returned, or a sentence why not."""

import shutil

import numpy as np
import pandas as pd
import pytest

import fastp2p
from tests.support.results_folders import DAY, STUDY, flip, interrupted, part


@pytest.mark.parametrize(("name", "study"), [("day", DAY), ("sweep", STUDY)])
def test_a_folder_gives_back_what_the_run_returned(name, study, made):
    ran, read = fastp2p.run(study), fastp2p.read_results(made / name)
    assert read.study == ran.study
    assert read.tables().keys() == ran.tables().keys()
    for table, frame in ran.tables().items():
        pd.testing.assert_frame_equal(read.tables()[table], frame, check_exact=True)
    np.testing.assert_array_equal(read.network.limit_kw, ran.network.limit_kw)
    np.testing.assert_array_equal(read.profiles.kwh_per_unit, ran.profiles.kwh_per_unit)


@pytest.fixture
def own(tmp_path, no_figures):
    """A folder of a study with a network and dated profiles of its own, beside their files."""
    axis = pd.date_range("2025-06-01", periods=48, freq="30min", name="time")
    pd.DataFrame({"home [kW]": 1.0, "sun [kW/kWp]": 0.5 * (abs(axis.hour - 12) < 3)}, index=axis).to_csv(tmp_path / "own.csv")
    study = 'name = "own"\nnetwork.source = "cigre_lv"\nprofiles.source = { file = "own.csv", zone = "Europe/Berlin" }\n'
    study += 'participants.buses = "leaves"\nload.profile = "home"\npv.profile = "sun"\n'
    study += 'market.retail_per_kwh = { file = "own.csv", column = "home [kW]", zone = "Europe/Berlin" }\n'
    (tmp_path / "own.toml").write_text(study)
    fastp2p.run(fastp2p.Study.from_toml(tmp_path / "own.toml"), out=tmp_path / "out")
    return tmp_path


def test_dates_and_prices_of_files_come_back(own):
    read = fastp2p.read_results(own / "out")
    assert str(read.books["time"].iloc[0]) == "2025-06-01 00:00:00+02:00"
    assert read.books["time"].dt.tz == read.profiles.time.tz


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [(",0.5\n", ",0.6\n", "profiles that the study names are not those of the run"), ("1.0,", "1.5,", "tariffs")],
)
def test_inputs_that_have_changed_since_are_told(old, new, why, own):
    path = own / "own.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(fastp2p.InputError, match=why):
        fastp2p.read_results(own / "out")


def test_inputs_that_are_gone_are_told(own):
    (own / "own.csv").unlink()
    with pytest.raises(fastp2p.InputError, match=r"own\.csv"):
        fastp2p.read_results(own / "out")


def test_what_was_given_in_python_is_given_again(cigre, tmp_path, no_figures):
    network = fastp2p.Network.load("create_kerber_landnetz_freileitung_1")
    study = fastp2p.studies()["paper-44"].with_(participants={"buses": "all"}, network={"limits": ()})
    ran = fastp2p.run(study, out=tmp_path / "out", network=network)
    with pytest.raises(fastp2p.InputError, match=r"is not the one of the run.*give what it ran with in Python"):
        fastp2p.read_results(tmp_path / "out")
    read = fastp2p.read_results(tmp_path / "out", network=network)
    assert read.network.n_bus == ran.network.n_bus != cigre.n_bus


def test_other_folders_are_refused(made, small_parts, tmp_path, no_figures):
    with pytest.raises(fastp2p.InputError, match="comparison of market rules"):
        fastp2p.read_results(made / "rules")
    with pytest.raises(fastp2p.InputError, match="not a results folder"):
        fastp2p.read_results(tmp_path / "nothing")
    with pytest.raises(fastp2p.InputError, match="must be the path of a results folder"):
        fastp2p.read_results(7)
    shutil.copytree(made / "sweep", tmp_path / "sweep")
    flip(tmp_path / "sweep" / part(2))
    with pytest.raises(fastp2p.InputError, match="part-000002"):
        fastp2p.read_results(tmp_path / "sweep")


def test_a_run_that_was_stopped_has_its_finished_parts(small_parts, tmp_path, no_figures):
    interrupted(tmp_path / "half")
    read = fastp2p.read_results(tmp_path / "half")
    assert 0 < len(read.scenarios) < STUDY.n_cases
