"""No table holds a number that is none: what may be unknown is listed, anything else ends the run and is told."""

import numpy as np
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.errors import NumberError
from fastp2p.pipeline import batch
from fastp2p.results.tables import number_faults
from fastp2p.sweep import parts


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_told_with_its_place(value):
    columns = {"share": np.full(4, 0.5), "scenario": np.arange(4), "step": np.arange(4), "bill": np.ones(4)}
    assert number_faults("books", columns) == []
    columns["bill"][2:] = value
    (message,) = number_faults("books", columns)
    assert message.startswith(f"table books, column bill: {value} in 2 of 4 rows")
    assert "share 0.5 scenario 2 step 2; share 0.5 scenario 3 step 3" in message


def test_what_is_unknown_may_be_null_and_nothing_infinite():
    columns = {"lowest_vm_pu": np.array([np.nan, 1.0]), "bill": np.ones(2)}
    assert number_faults("books", columns) == []
    assert number_faults("trades", columns) != []
    columns["slack_kwh"] = np.array([np.nan, 1.0])
    assert number_faults("books", columns) != []
    assert number_faults("books", columns | {"ac_status": np.zeros(2, np.int8)}) == []
    columns = {"lowest_vm_pu": np.array([np.nan, np.inf])}
    assert number_faults("books", columns) != []
    assert number_faults("histograms", {"to_value": np.array([1.0, np.inf])}) == []
    assert number_faults("histograms", {"to_value": np.array([1.0, np.nan])}) != []


STUDY = """name = "broken"
network.source = "cigre_lv"
load = { profile = "residential_0" }
pv = { profile = "solar_0" }
scenarios = { count = 1000, keep = ["hours"] }
"""


@pytest.fixture
def broken(monkeypatch):
    """A fault of our own, put into the books of scenario 700 and those after it; more parts than one come before it."""
    real = batch.run_batch

    def faulty(study, network, profiles, scenarios, steps, devices):
        ran = real(study, network, profiles, scenarios, steps, devices)
        ran.clearing.slack_kw.reshape(len(scenarios.number), -1)[scenarios.number >= 700, 3] = np.nan
        return ran

    monkeypatch.setattr(parts, "run_batch", faulty)
    return monkeypatch


def test_a_run_that_makes_such_numbers_ends_and_keeps_what_is_whole(tmp_path, broken, no_figures):
    broken.chdir(tmp_path)
    study = fastp2p.Study.from_toml(write(tmp_path))
    message = "^broken: table scenarios, column slack_kwh: nan in .* scenario 700"
    with pytest.raises(NumberError, match=message):
        fastp2p.run(study.with_(scenarios={"keep": None}))
    with pytest.raises(NumberError, match=message):
        fastp2p.run(study, out="out", workers=1)
    whole = fastp2p.open_results("out")["scenarios"].to_table().to_pandas()
    assert whole.scenario.tolist() == list(range(500))
    broken.setattr(parts, "run_batch", batch.run_batch)
    assert len(fastp2p.run(study, out="out", resume=True, workers=1).scenarios) == 1000


def test_the_command_ends_with_1(tmp_path, broken):
    broken.chdir(tmp_path)
    done = CliRunner().invoke(app, ["run", str(write(tmp_path)), "--out", "out", "--workers", "1"])
    assert done.exit_code == 1
    assert "broken: table scenarios, column slack_kwh" in " ".join(done.stderr.split())


def write(folder):
    path = folder / "broken.toml"
    path.write_text(STUDY)
    return path
