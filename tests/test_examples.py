"""The studies in examples/."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastp2p
from data.make import solar_days
from examples.own.make import make
from tests.support.commands import call

ROOT = Path(__file__).parents[1]
OWN = ROOT / "examples" / "own"


def test_the_street():
    study = fastp2p.Study.from_toml(ROOT / "examples" / "street.toml")
    found = fastp2p.run(study.with_(scenarios={"count": 3})).scenarios
    assert len(found) == 9
    week = []
    for name in study.load.profile.choice:
        raw = pd.read_parquet(ROOT / "data" / "eulp" / f"{name}.parquet")
        quarter = raw.timestamp - pd.Timedelta(minutes=15)
        days = (quarter >= "2018-07-02") & (quarter < "2018-07-09")
        week.append((raw["out.electricity.total.energy_consumption..kwh"] / raw.units_represented)[days].sum())
    one, other = week
    houses = (found.load_kwh - 24 * other) / (one - other)  # of the first kind, among 24
    np.testing.assert_allclose(houses, houses.round(), atol=1e-6)
    assert houses.between(0, 24).all()
    roofs = found.pv_kwh / (0.03 * 250 * 7 * solar_days(1_000.0)[6].sum() / 1e6)
    np.testing.assert_allclose(roofs, roofs.round(), atol=1e-6)
    assert (found.executed_kwh > 0).all()


def test_the_street_has_the_tariff_that_it_names():
    market = tomllib.loads((ROOT / "examples" / "street.toml").read_text())["market"]
    tariff = tomllib.loads((ROOT / "data" / "tariffs.toml").read_text())["time_of_use"]
    assert {key: market[key] for key in tariff} == tariff


def test_the_own_files_are_made_again_equal_to_the_byte(tmp_path):
    make(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name for name, data in made.items() if (OWN / name).read_bytes() != data} == set()
    assert max(map(len, made.values())) < 70_000
    assert len(made["network.json"]) < 50_000


def test_the_own_study_has_what_the_files_hold():
    study = fastp2p.Study.from_toml(OWN / "lane.toml")
    results = fastp2p.run(study.with_(scenarios={"count": 1, "keep": ["participants"], "shares": [1.0]}))
    homes = pd.read_csv(OWN / "homes.csv", index_col="time").sum()
    assert [f"bus_{bus} [kWh]" for bus in results.participants.bus] == list(homes.index)
    np.testing.assert_allclose(results.participants.load_kwh, homes, rtol=1e-12)
    sun = pd.read_csv(OWN / "sun.csv", index_col="time").sum()
    per_kwp = results.participants.pv_kwh.to_numpy()[:, None] / sun.to_numpy()  # kWp, if the roof has this direction
    assert ((per_kwp > 4.0) & (per_kwp < 10.0)).any(axis=1).all()


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path, monkeypatch):
    """In this process: ten that begin anew would take half a minute to import the same."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("results", "*.ipynb"))
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "examples" / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    (cd, folder), *commands = (shlex.split(line) for line in "".join(blocks).splitlines())
    assert (cd, {words[0] for words in commands}) == ("cd", {"fastp2p"})
    monkeypatch.chdir(tmp_path / folder)
    for _, *arguments in commands:
        assert "warning" not in call(*arguments).stderr
    results = tmp_path / "examples" / "own" / "results"
    assert {"first", "lane", "lane-rules"} <= {folder.name for folder in results.iterdir()}
    assert (results / "first" / "supply.png").stat().st_size > 10_000
