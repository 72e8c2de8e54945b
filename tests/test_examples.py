"""The studies in examples/."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd

import fastp2p
from data.make import solar_days

ROOT = Path(__file__).parents[1]


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
