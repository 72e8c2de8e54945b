"""Studies with tariffs from files: what a run makes of them, and that a folder knows its tables."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.sweep.again import run_again
from tests.support.commands import call
from tests.support.studies import refused, study_text
from tests.support.sweeps import SWEEP, assert_same

PRICES = [round(0.05 * np.sin(hour) - 0.01, 3) for hour in range(24)]


@pytest.fixture
def study(tmp_path):
    pd.DataFrame({"eur": PRICES}).to_csv(tmp_path / "prices.csv", index=False)
    return SWEEP.with_(
        market={
            "feed_in_per_kwh": {"file": str(tmp_path / "prices.csv"), "column": "eur"},
            "retail_per_kwh": {"hours": "7-10,22-6", "value": 0.38, "else": 0.22},
        },
        scenarios={"count": 12, "shares": [0.6]},
    )


def test_a_run_is_that_of_the_same_series(study, tmp_path):
    peak = [0.38 if hour in (7, 8, 9, 22, 23, 0, 1, 2, 3, 4, 5) else 0.22 for hour in range(24)]
    listed = study.with_(market={"feed_in_per_kwh": {"series": PRICES}, "retail_per_kwh": {"series": peak}})
    results = fastp2p.run(study, workers=1)
    assert_same(results.tables(), fastp2p.run(listed, workers=1).tables())
    assert results.study == study
    drawn = fastp2p.scenarios(study, range(2))
    assert drawn.feed_in_per_kwh.tolist() == PRICES
    (tmp_path / "prices.csv").unlink()
    assert run_again(results, results.scenarios.iloc[0], 1).scenarios.feed_in_per_kwh.tolist() == PRICES


@pytest.mark.usefixtures("elsewhere")
def test_the_example_of_the_page():
    """Quarter hours of a week in which clocks change, and hourly prices by local time: the hour of the year, on that clock."""
    root = Path(__file__).parents[2]
    page = (root / "docs" / "study.md").read_text(encoding="utf-8")
    [text] = [block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "feed_in_per_kwh = { file" in block]
    local = pd.date_range("2023-01-01", "2023-12-31 23:00", freq="h", tz="Europe/Berlin").tz_localize(None)
    pd.DataFrame({"time": local, "eur_per_kwh": range(8760)}).to_csv("prices.csv", index=False)
    Path("data").symlink_to(root / "data")
    Path("mine.toml").write_text(study_text().replace("[profiles]\n", "").replace("[market]\n", "") + text)
    study = fastp2p.Study.from_toml("mine.toml").with_(load={"profile": "house_1"})
    drawn = fastp2p.scenarios(study, range(1))
    first = 24 * (31 + 28 + 23)
    assert drawn.feed_in_per_kwh.tolist() == [first + quarter // 4 for quarter in range(7 * 96)]
    working_day = [0.22] * 28 + [0.38] * 12 + [0.22] * 30 + [0.38] * 14 + [0.22] * 12
    weekend = [0.22] * 96
    assert drawn.retail_per_kwh.tolist() == working_day + 2 * weekend + 4 * working_day
    results = fastp2p.run(study.with_(scenarios={"keep": ["books"]}, market={"feed_in_per_kwh": 0.0}))
    assert len(results.books) == 7 * 96


@pytest.mark.usefixtures("no_figures")
def test_resume_notices_another_table(study, tmp_path):
    fastp2p.run(study, out=tmp_path / "out")
    fastp2p.run(study, out=tmp_path / "out", resume=True)
    hashes = json.loads((tmp_path / "out" / "manifest.json").read_text())["sha256"]
    assert hashes.keys() == {"study", "network", "profiles", "tariffs"}
    assert fastp2p.Study.from_toml(tmp_path / "out" / "study.toml") == study
    pd.DataFrame({"eur": [*PRICES[:-1], 0.5]}).to_csv(tmp_path / "prices.csv", index=False)
    with pytest.raises(fastp2p.InputError, match="was started with other tariffs or temperatures; choose another folder"):
        fastp2p.run(study, out=tmp_path / "out", resume=True)


@pytest.mark.usefixtures("no_figures")
def test_studies_without_tables_are_noted_as_ever(tmp_path):
    fastp2p.run(SWEEP.with_(scenarios={"count": 2, "shares": [0.2]}), out=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["sha256"].keys() == {"study", "network", "profiles"}


@pytest.mark.usefixtures("elsewhere")
def test_check_says_what_tariffs_are():
    pd.DataFrame({"eur": PRICES}).to_csv("prices.csv", index=False)
    market = (
        'retail_per_kwh = { hours = "7-10", value = 38.0, else = 22.0 }\n'
        'feed_in_per_kwh = { file = "prices.csv", column = "eur" }'
    )
    Path("mine.toml").write_text(study_text(market=market))
    said = " ".join(call("check", "mine.toml").stdout.split())
    assert "retail 38 at 7-10, else 22, feed-in -0.06…0.04 (eur of a file) USD per kWh" in said
    assert "market.retail_per_kwh = 30 USD per kWh: probably in hundredths of USD" in said
    wrong = study_text(market=market.replace('"eur"', '"euro"').replace("7-10", "7:30-10"))
    refused(wrong, "no column 'euro'; did you mean 'eur'?", "7:30 lies inside a step of 60 min")
