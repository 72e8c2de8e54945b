"""What electric vehicles add to the tables: energy that is charged and missing, how many there are, balances."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.cli.sweep_table import ev_text
from fastp2p.results.columns import DEVICE_INDICATORS, INDICATORS, columns_of
from fastp2p.results.statistics import summarise
from tests.support.sweeps import SWEEP

STUDY = SWEEP.with_(
    name="vehicles",
    scenarios={"count": 3, "shares": [0.2, 0.8]},
    ev={"share": 0.7, "kw": 3.0, "kwh": {"distribution": "uniform", "low": 4.0, "high": 50.0}},
)
SUMS = ["ev_kwh", "ev_unmet_kwh"]


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(STUDY, workers=1)


@pytest.fixture(scope="module")
def plain():
    return fastp2p.run(STUDY.with_(ev=None), workers=1)


def test_load_has_what_is_charged_in_every_table(ran, plain):
    for name in ("scenarios", "hours", "books", "participants"):
        one, other = ran.tables()[name], plain.tables()[name]
        np.testing.assert_allclose(one["load_kwh"], other["load_kwh"] + one["ev_kwh"], rtol=1e-12, atol=1e-9)
        assert set(one) - set(other) == {column for column, of in columns_of(name).items() if of.device == "ev"}
    rows = ran.scenarios
    served = rows[["self_kwh", "executed_kwh", "import_kwh", "shed_kwh"]].sum(axis=1)
    np.testing.assert_allclose(served, rows["load_kwh"], rtol=1e-12)


def test_sums_go_over_books_hours_and_participants(ran):
    expected = ran.scenarios.set_index(["share", "scenario"])[SUMS]
    for name in ("books", "hours", "participants"):
        found = ran.tables()[name].groupby(["share", "scenario"])[SUMS].sum()
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_is_charged_and_missing_is_what_was_needed(ran):
    for share, rows in ran.participants.groupby("share"):
        drawn = fastp2p.scenarios(STUDY, range(3), share=share)
        kwh = drawn.ev.kwh
        np.testing.assert_allclose(rows[SUMS].sum(axis=1), kwh.ravel(), atol=1e-9)
        of_share = ran.scenarios[ran.scenarios["share"] == share]
        assert of_share["n_ev"].tolist() == (kwh > 0.0).sum(axis=1).tolist()
        missing = (kwh > 39.0).sum(axis=1) / (kwh > 0.0).sum(axis=1)  # 13 h of 3 kW
        assert of_share["ev_unmet_share"].tolist() == missing.tolist()


def test_nobody_has_a_share_of_none():
    rows = fastp2p.run(STUDY.with_(ev={"share": 0.0}, scenarios={"count": 1, "shares": [0.2]}), workers=1).scenarios
    assert rows["n_ev"].tolist() == [0]
    assert rows["ev_unmet_share"].isna().all()


def test_statistics_have_them_in_the_order_of_the_table(ran):
    summary = summarise(ran.scenarios)
    assert summary["indicator"].unique().tolist() == [name for name in ran.scenarios if name not in ("share", "scenario")]
    assert set(summary["indicator"]) == {*INDICATORS, *DEVICE_INDICATORS["ev"]}


def test_shares_of_vehicles_are_swept_beside_those_of_pv_and_batteries(ran):
    """A point is the study with these shares; at none, all other columns are those of a study without vehicles."""
    sweep = {"ev": [0.0, 0.7], "battery": [0.0, 0.5]}
    swept = fastp2p.run(STUDY.with_(battery={"kwh": 8.0}, scenarios={"sweep": sweep}), workers=1)
    for name in ("scenarios", "books", "participants"):
        table, expected = swept.tables()[name], ran.tables()[name]
        found = table[(table["ev_share"] == 0.7) & (table["battery_share"] == 0.0)].reset_index(drop=True)
        pd.testing.assert_frame_equal(found[expected.columns], expected, check_exact=True, check_categorical=False)
    none = swept.scenarios[swept.scenarios["ev_share"] == 0.0]
    assert not none[["n_ev", *SUMS]].any(axis=None)
    assert none["ev_unmet_share"].isna().all()


def test_the_terminal_has_means(tmp_path, no_figures):
    scenarios = pd.DataFrame(
        {"share": [0.1, 0.1, 0.9], "ev_kwh": [1.0, 3.0, 5.0], "ev_unmet_kwh": [0.0, 2.0, 0.0], "ev_unmet_share": [0, 0.5, 0]}
    )
    assert (
        ev_text(scenarios) == "(charged and unmet; means by share): 2.0 and 1.0; 5.0 and 0.0 kWh; 25% are not charged in time"
    )
    several = scenarios.assign(share=0.1, ev_share=[0.0, 0.0, 0.5])
    assert ev_text(several).startswith("(charged and unmet; means by share): 2.0 and 1.0; 5.0 and 0.0 kWh")
    assert ev_text(scenarios[2:]) == "(charged and unmet; means): 5.0 and 0.0 kWh"
    (tmp_path / "study.toml").write_text(STUDY.with_(scenarios={"count": 1}).to_toml(), encoding="utf-8")
    printed = CliRunner().invoke(app, ["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out")])
    assert printed.exit_code == 0, printed.output
    assert "electric vehicles (charged and unmet; means by share): " in " ".join(printed.output.split())
