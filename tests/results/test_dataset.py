"""Tables as a Dataset of xarray: the numbers of the tables to the bit, dimensions, units, times, and what is unknown."""

import sys

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.results.dataset import DIMENSIONS, make_dataset
from tests.support.sweeps import SWEEP

BERLIN = pd.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Berlin")
STUDY = SWEEP.with_(
    currency="CHF",
    battery={"kwh": 8.0, "buses": "all"},
    scenarios={"count": 3, "sweep": {"battery": [0.3, 0.8]}},
)


@pytest.fixture(scope="module")
def results():
    rng = np.random.default_rng(1)
    names = ["residential_0", "residential_1", "solar_2"]
    kwh = rng.uniform(0.0, 1.0, (3, 48)) * np.array([[1.0], [1.0], [0.5]])
    profiles = fastp2p.Profiles(names, ["load", "load", "pv"], kwh, 1.0, BERLIN)
    return fastp2p.run(STUDY, profiles=profiles)


def test_the_numbers_are_those_of_the_tables(results):
    dataset = results.to_xarray()
    assert dict(dataset.sizes) == {
        "share": 2, "battery_share": 2, "scenario": 3, "hour": 24, "step": 48, "branch": 40, "bus": 13,
        "bin": len(results.histograms), "trade": len(results.trades),
    }  # fmt: skip
    keys = {"share", "battery_share"}
    for name, table in results.tables().items():
        for column in set(table) - keys - {*DIMENSIONS.get(name, ())} - ({"time"} if name == "books" else set()):
            values = dataset[f"{name}_{column}"].to_numpy().ravel()
            expected = table[column]
            if expected.dtype.kind not in "iufb":
                values, expected = values.astype(str), expected.astype(object).where(expected.notna(), "").astype(str)
            if column in ("time", "worst_time"):
                expected = table[column].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype(str)
            assert values.tolist() == list(expected) or np.array_equal(values, expected, equal_nan=True), (name, column)
    at = {"share": 0.6, "battery_share": 0.3, "scenario": 1, "step": 30}
    row = results.books.query("share == 0.6 and battery_share == 0.3 and scenario == 1 and step == 30").iloc[0]
    assert dataset.books_import_kwh.sel(at).item() == row["import_kwh"]


def test_units_meanings_times_and_the_run_are_attributes(results):
    dataset = results.to_xarray()
    assert dataset.books_bill.attrs["units"] == "CHF"
    assert dataset.trades_price_per_kwh.attrs["units"] == "CHF per kWh"
    assert dataset.scenarios_kwp.attrs == {"long_name": "the peak power of the PV", "units": "kWp"}
    assert dataset.share.attrs["long_name"] == "the share of participants with PV"
    assert "units" not in dataset.books_status.attrs
    assert dataset.attrs["seed"] == "11"
    assert dataset.attrs["study"] == results.study.to_toml()
    local = dataset.time.to_index() + pd.to_timedelta(dataset.utc_offset_hours, unit="h")
    assert list(local) == list(results.profiles.time.tz_localize(None))


def test_what_is_unknown_or_missing_stays_so(results):
    scenarios = results.scenarios.iloc[1:].assign(
        n_cut=pd.array([None, *range(10)], "Int64"), sure=pd.array([None, *[True] * 10], "boolean"), n_free=7
    )
    dataset = make_dataset({"scenarios": scenarios}, STUDY)
    of_first = dataset.isel(share=0, battery_share=0)
    assert np.isnan(of_first.scenarios_n_cut.to_numpy()[:2]).all()
    assert of_first.scenarios_n_cut.to_numpy()[2] == 0.0
    assert of_first.scenarios_n_free.to_numpy()[1:].tolist() == [7.0, 7.0]
    assert np.isnan(of_first.scenarios_sure.to_numpy()[0])
    assert make_dataset({"scenarios": results.scenarios}, STUDY).scenarios_n_pv.dtype == np.int64


def test_without_xarray_the_extra_is_named(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(fastp2p.InputError, match=r'xarray is not installed .*; pip install "fastp2p\[export\]"'):
        results.to_xarray()
