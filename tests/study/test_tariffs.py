"""Tariffs by hours and from files in a study: what they may say, how they are written, and paths beside the study."""

from pathlib import Path

import numpy as np
import pytest

import fastp2p
from fastp2p.study.tariffs import ByHours, FromFile, spans_of
from tests.support.studies import study_text
from tests.support.sweeps import SWEEP

PEAK = {"hours": "7-10,17-21", "value": 0.38, "else": 0.22}
IN_FILE = {"file": "/somewhere/prices.csv", "column": "eur_per_kwh", "zone": "Europe/Berlin"}
KEYS = ("bid_per_kwh", "ask_per_kwh", "retail_per_kwh", "feed_in_per_kwh", "co2_kg_per_kwh")


def faults(**market):
    with pytest.raises(fastp2p.InputError) as caught:
        SWEEP.with_(market=market)
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("hours", "spans"),
    [
        ("7-10,17-21", [(420, 600), (1020, 1260)]),
        (" 07:00 - 10 , 17-21:00", [(420, 600), (1020, 1260)]),
        ("22-6", [(1320, 360)]),
        ("6:30-8:45", [(390, 525)]),
        ("22–24", [(1320, 1440)]),
        ("22-0", [(1320, 0)]),
        ("0-24", [(0, 1440)]),
        ("6-7,7-8", [(360, 420), (420, 480)]),
    ],
)
def test_hours_are_read(hours, spans):
    assert spans_of(hours) == spans


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ("", "a span is missing"),
        ("7-10,", "a span is missing"),
        ("7", "'7' is no span of hours"),
        ("7 to 10", "'7 to 10' is no span of hours"),
        ("7-10;17-21", "'7-10;17-21' is no span of hours"),
        ("7:5-10", "'7:5-10' is no span"),
        ("٧-10", "is no span"),
        ("7-25", "'7-25' goes beyond the day, 0:00 to 24:00"),
        ("24-6", "'24-6' goes beyond the day"),
        ("7-24:30", "'7-24:30' goes beyond the day"),
        ("7:60-9", "'7:60-9' goes beyond the day"),
        ("7-7", "'7-7' begins where it ends; all day is 0-24"),
        ("7-10,9-12", "'7-10' and '9-12' overlap"),
        ("22-6,5-7", "'22-6' and '5-7' overlap"),
        ("x,7-7,8-30", "'x' is no span of hours; '7-7' begins where it ends; all day is 0-24; '8-30' goes beyond"),
        ("7-8," * 400, "must have at most 1,000 characters"),
    ],
)
def test_hours_that_cannot_be_read(hours, told):
    found = faults(retail_per_kwh={**PEAK, "hours": hours})
    assert len(found) == 1
    assert found[0].startswith("market.retail_per_kwh.hours = ")
    assert told in found[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"hours": "7-10", "value": 0.3}, ["market.retail_per_kwh.else is missing"]),
        ({**PEAK, "weekends": 0.2}, ["unknown key market.retail_per_kwh.weekends; did you mean weekend?"]),
        ({"hour": "7-10", "value": 0.3, "else": 0.2}, ["unknown key market.retail_per_kwh.hour; did you mean hours?"]),
        ({**PEAK, "hours": 7}, ["market.retail_per_kwh.hours = 7: must be a text"]),
        ({**PEAK, "value": "dear"}, ["market.retail_per_kwh.value = 'dear': must be a number"]),
        ({**PEAK, "else": True}, ["market.retail_per_kwh.else = True: must be a number"]),
        ({"file": "prices.csv"}, ["market.retail_per_kwh.column is missing"]),
        (
            {"file": "prices.csv", "colum": "eur"},
            ["unknown key market.retail_per_kwh.colum; did you mean column?"],
        ),
        (
            {"file": "prices.xlsx", "column": "eur"},
            ["market.retail_per_kwh.file = 'prices.xlsx': must be a .csv or .parquet file"],
        ),
    ],
)
def test_keys_are_checked(given, told):
    assert faults(retail_per_kwh=given) == told


def test_values_keep_their_range():
    [found] = faults(retail_per_kwh={**PEAK, "weekend": -2e6})
    assert "market.retail_per_kwh = " in found
    assert "values must lie in -1,000,000…1,000,000 per kWh; these reach from -2e+06 to 0.38" in found
    [found] = faults(co2_kg_per_kwh={**PEAK, "else": -0.1})
    assert "values must lie in 0…10,000 kg per kWh" in found


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("given", [PEAK, {**PEAK, "weekend": 0.2}, IN_FILE])
def test_a_study_is_written_and_read_again(key, given, tmp_path):
    study = SWEEP.with_(market={key: given})
    (tmp_path / "mine.toml").write_text(study.to_toml())
    again = fastp2p.Study.from_toml(tmp_path / "mine.toml")
    assert again == study
    assert again.to_toml() == study.to_toml()
    assert study.validated() == study
    assert hash(again.market) == hash(study.market)
    assert study.with_(seed=3).market == study.market
    assert study.with_(market={key: None}) == SWEEP.with_(market={key: None})
    assert "per_step" not in study.to_toml() + repr(study)


def test_what_a_run_holds_is_not_part_of_a_study():
    tariff = ByHours(**PEAK)
    held = tariff.holding(np.ones(24))
    assert held == tariff
    assert hash(held) == hash(tariff)
    assert tariff.per_step is None
    assert held != FromFile(file="a.csv", column="a")
    assert ByHours(**{**PEAK, "value": 0.4}) != tariff
    study = SWEEP.with_(market={"retail_per_kwh": PEAK})
    market = study.market.model_copy(update={"retail_per_kwh": held})
    ran = study.model_copy(update={"market": market})
    assert ran == study
    assert ran.validated().market.retail_per_kwh.per_step is None


def test_a_table_lies_beside_its_study(tmp_path):
    (tmp_path / "in").mkdir()
    text = study_text(market='retail_per_kwh = { file = "prices.csv", column = "eur" }\nfeed_in_per_kwh = 0.1')
    (tmp_path / "in" / "mine.toml").write_text(text)
    study = fastp2p.Study.from_toml(tmp_path / "in" / "mine.toml")
    assert Path(study.market.retail_per_kwh.file) == (tmp_path / "in" / "prices.csv").resolve()
    assert study.market.feed_in_per_kwh == 0.1
