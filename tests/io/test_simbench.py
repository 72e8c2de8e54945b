"""SimBench: a network, its year, and a study on both."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p import InputError, Profiles
from fastp2p.cli.main import app
from fastp2p.io.simbench import simbench_net

simbench = pytest.importorskip("simbench")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
CODE = "1-LV-rural3--0-sw"
SOURCE = f"simbench:{CODE}"
STUDY = f"""
name = "week"
seed = 4

[network]
source = "{SOURCE}"

[profiles]
source = "{SOURCE}"
first_day = 2016-07-04
days = 7

[participants]
buses = "loads"

[load]
profile = "by_bus"

[pv]
profile = {{ choice = ["PV1", "PV3", "PV4", "PV7"], per = "scenario" }}
kwp = {{ of_transformer = 0.02 }}

[scenarios]
count = 2
shares = [0.5]
keep = ["books", "participants"]
"""


@pytest.fixture(scope="module")
def net():
    return simbench_net(SOURCE)


@pytest.fixture(scope="module")
def year():
    return Profiles.load(SOURCE)


@pytest.mark.slow
def test_the_whole_year(year):
    assert (year.n_steps, year.step_hours) == (35_136, 0.25)
    assert year.time.is_unique
    assert set(np.diff(year.time.asi8)) == {900 * 10**9}
    assert year.time[0] == pd.Timestamp("2016-01-01", tz="Europe/Berlin")
    assert year.time[-1] == pd.Timestamp("2016-12-31 23:45", tz="Europe/Berlin")
    assert year.source == SOURCE


def test_every_stamp_is_the_local_clock_of_simbench(year, net):
    local = year.time.tz_convert("Europe/Berlin").tz_localize(None)
    assert local.tolist() == pd.to_datetime(net.profiles["load"]["time"], format="%d.%m.%Y %H:%M").tolist()


def test_loads_are_simbenchs_own_absolute_values(year, net):
    absolute_mw = simbench.get_absolute_values(net, profiles_instead_of_study_cases=True)[("load", "p_mw")]
    loads = [name for name, kind in zip(year.names, year.kinds, strict=True) if kind == "load"]
    assert net.load.bus.nunique() == 118
    assert set(loads) == {*(f"bus_{bus}" for bus in net.load.bus), *net.load.profile}
    for name in net.load.profile.unique():
        relative = net.profiles["load"][f"{name}_pload"]
        np.testing.assert_allclose(year.kwh_per_unit[year.row(name, "load")] / 0.25, relative, rtol=1e-12)
    for bus, of_bus in net.load.groupby("bus"):
        kw = year.kwh_per_unit[year.row(f"bus_{bus}", "load")] / 0.25
        np.testing.assert_allclose(kw, absolute_mw[of_bus.index].sum(axis=1) * 1e3, rtol=1e-9, atol=1e-12)


def test_pv_is_per_kwp(year, net):
    suns = [name for name, kind in zip(year.names, year.kinds, strict=True) if kind == "pv"]
    assert suns == ["PV1", "PV3", "PV4", "PV7"]
    for name in suns:
        np.testing.assert_allclose(year.kwh_per_unit[year.row(name, "pv")], net.profiles["renewables"][name] / 4, rtol=1e-12)


@pytest.mark.slow
def test_a_week_of_trading_from_a_study_file(year, net, tmp_path, monkeypatch, no_figures):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "week.toml").write_text(STUDY)
    answer = CliRunner().invoke(app, ["run", "week.toml", "--out", "out", "--quiet"])
    assert answer.exit_code == 0, answer.output
    tables = {name: part.to_table().to_pandas() for name, part in fastp2p.open_results("out").items()}
    books = tables["books"]
    assert len(books) == 2 * 7 * 96
    start = int(np.flatnonzero(year.time == pd.Timestamp("2016-07-04", tz="Etc/GMT-1"))[0])
    loads = np.char.startswith(np.array(year.names), "bus_")
    due = year.kwh_per_unit[loads, start : start + 672].sum(axis=0)
    np.testing.assert_allclose(books.load_kwh.to_numpy().reshape(2, 672), [due, due], rtol=1e-9)
    assert books.executed_kwh.sum() > 0
    np.testing.assert_allclose(
        books.load_kwh, books.self_kwh + books.executed_kwh + books.import_kwh + books.shed_kwh, atol=1e-9
    )
    kwp = tables["participants"].kwp
    assert set(np.round(kwp, 9)) == {0.0, 0.02 * 1e3 * net.trafo.sn_mva.sum()}


def test_a_check_of_the_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "week.toml").write_text(STUDY)
    answer = CliRunner().invoke(app, ["check", "week.toml"])
    assert answer.exit_code == 0, answer.output
    assert "672 of 0.25 h" in answer.output
    assert "the bus's own" in answer.output
    assert "with 0.02 times the transformer's kVA as kWp of " in answer.output


def test_buses_without_a_profile_of_their_own(year):
    study = fastp2p.studies()["paper-44"].with_(load={"profile": "by_bus"})
    with pytest.raises(InputError, match="no load profiles bus_"):
        fastp2p.scenarios(study, range(1))


def test_unknown_codes_name_the_nearest():
    with pytest.raises(InputError, match="SimBench has no network '1-LV-rural3'; the nearest are 1-LV-rural3--"):
        Profiles.load("simbench:1-LV-rural3")
    with pytest.raises(InputError, match="SimBench has no network 'x'"):
        fastp2p.Network.load("simbench:x")


def test_without_simbench(monkeypatch):
    monkeypatch.setattr("fastp2p.io.simbench.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"need SimBench, which is not installed; pip install 'fastp2p\[simbench\]'"):
        Profiles.load("simbench:1-LV-urban6--0-sw")


def test_memory_that_runs_out_in_its_tables_is_told(monkeypatch):
    def greedy(_):
        raise pd.errors.ParserError("Error tokenizing data. C error: out of memory")

    simbench_net.cache_clear()
    monkeypatch.setattr(simbench, "get_simbench_net", greedy)
    result = CliRunner().invoke(app, ["check", SOURCE])
    simbench_net.cache_clear()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: there was not enough memory: the tables of {SOURCE} could not be read")
