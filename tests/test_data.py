"""The example inputs in data/: that data/make.py makes them, and that the package reads them."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastp2p
from data.make import DAYS, MONTHS, make, solar_days
from fastp2p import InputError, Network, Profiles

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
INPUTS = sorted(path for path in DATA.rglob("*") if path.suffix in (".parquet", ".xlsx", ".csv", ".json", ".toml"))
TOTAL = "out.electricity.total.energy_consumption..kwh"


def test_make_writes_the_same_bytes_again(tmp_path):
    make(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(DATA): path.read_bytes() for path in INPUTS}
    assert made.keys() == kept.keys()
    assert [str(name) for name in kept if made[name] != kept[name]] == []  # python -m data.make writes them again


def test_inputs_and_examples_are_small():
    assert sum(path.stat().st_size for folder in ("data", "examples") for path in (ROOT / folder).rglob("*.*")) < 4e6


def test_the_page_has_every_file():
    message = (DATA / "README.md").read_text()
    assert [path.name for path in INPUTS if f"`{path.relative_to(DATA)}`" not in message] == []


@pytest.mark.parametrize("path", sorted((DATA / "eulp").iterdir()), ids=lambda path: path.stem)
def test_a_year_of_a_type_of_building(path):
    raw = pd.read_parquet(path)
    is_office = "floor_area_represented" in raw
    share = 5_000 / raw.floor_area_represented[0] if is_office else 1 / raw.units_represented[0]
    read = Profiles.load(path, floor_area_sqft=5_000 if is_office else None)
    assert (read.names, read.kinds, read.n_steps, read.clock) == ((path.stem,), ("load",), 35_040, "UTC-05:00")
    np.testing.assert_allclose(read.kwh_per_unit[0], raw[TOTAL] * share, rtol=1e-12)
    net = Profiles.load(path, floor_area_sqft=5_000 if is_office else None, net=True)
    assert 0 < read.kwh_per_unit.sum() - net.kwh_per_unit.sum() < 0.2 * read.kwh_per_unit.sum()
    a_year = read.kwh_per_unit.sum() / (5_000 if is_office else 1)
    assert 5 < a_year < 20 if is_office else 2_000 < a_year < 8_000  # kWh per square foot, or per home


def test_a_report_of_the_atlas():
    days = Profiles.load(DATA / "GSA_Report_Somewhere.xlsx")
    assert (days.names, days.n_steps) == (tuple(MONTHS), 24)
    year = Profiles.load(DATA / "GSA_Report_Somewhere.xlsx", year=2018, zone="Europe/Berlin")
    assert year.kwh_per_unit.sum() == pytest.approx(days.kwh_per_unit.sum(axis=1) @ DAYS)
    assert 1_000 < year.kwh_per_unit.sum() < 1_500


def test_hours_of_pvgis():
    read = Profiles.load(DATA / "pvgis.csv")
    assert (read.names, read.kinds, read.n_steps, read.clock) == (("pvgis",), ("pv",), 336, "UTC+00:00")
    assert 14 * 0.4 < read.kwh_per_unit.sum() / (solar_days(1.0)[6].sum() / 1e3) < 14


def test_meters_over_both_changes_of_the_clock():
    path = DATA / "meters.csv"
    raw = pd.read_csv(path, sep=";", decimal=",")
    assert "2023-03-26 02:00" not in set(raw.time)
    assert (raw.time == "2023-10-29 02:00").sum() == 2
    with pytest.raises(InputError, match="needs its zone"):
        Profiles.load(path)
    read = Profiles.load(path, zone="Europe/Berlin")
    assert (read.names, read.clock) == (("house_1", "house_2"), "UTC+01:00")
    assert read.time.equals(pd.date_range("2023-01-01", periods=8_760, freq="h", tz=read.time.tz))
    np.testing.assert_array_equal(read.kwh_per_unit, raw.iloc[:, 1:].to_numpy().T)


def test_a_street_of_24_houses():
    network = Network.load(DATA / "street.json")
    assert network.is_radial
    assert (network.n_bus, network.n_branch) == (50, 49)
    assert network.limit_kw.max() == pytest.approx(250.0)


@pytest.mark.parametrize("name", ["flat", "two_rate", "time_of_use"])
def test_a_tariff_is_what_a_study_takes(name):
    tariffs = tomllib.loads((DATA / "tariffs.toml").read_text())
    study = fastp2p.studies()["paper-44"].with_(market=tariffs[name])
    for key, prices in tariffs[name].items():
        assert getattr(study.market, key).series == tuple(prices["series"])
        assert len(prices["series"]) == 24
    assert tariffs.keys() == {"flat", "two_rate", "time_of_use"}
