"""First studies of files: that they run as they are, and choose what the files hold."""

import re
import shutil
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p import InputError, InputWarning
from fastp2p.cli.check import check_study
from fastp2p.sweep.begin import begin_study

DATA = Path(__file__).parents[2] / "data"
STREET = str(DATA / "street.json")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def save(file, n, days, first="2024-02-01", step="15min", unit="kWh", names=None):
    time = pd.date_range(first, periods=days * round(pd.Timedelta("1D") / pd.Timedelta(step)), freq=step, name="time")
    hour = np.asarray(time.hour)
    evening = (
        np.clip(np.cos((hour - 12) * np.pi / 12), 0, 1) if "kWp" in unit else 0.1 + 0.1 * np.exp(-(((hour - 19) / 3) ** 2))
    )
    names = names or [f"home {at}" for at in range(n)]
    pd.DataFrame({f"{name} [{unit}]": evening * (1 + at / n) for at, name in enumerate(names)}, index=time).to_csv(file)
    return str(file)


def begun(network, *sources, path="first.toml", zone=None):
    """The study that is written, once it is checked as `fastp2p check` does; and its text."""
    text = begin_study(Path(path), network, sources, zone)
    Path(path).write_text(text, encoding="utf-8")
    study = fastp2p.Study.from_toml(path)
    facts, _ = check_study(study)
    assert "study" in facts
    return study, text


def test_without_files_it_is_the_typical_day_and_every_key_is_explained():
    study, text = begun("cigre_lv")
    assert (study.name, study.participants.buses, study.pv.buses) == ("first", "loads", "odd")
    assert (study.profiles.source, study.load.profile.choice[0]) == ("typical_day", "residential_0")
    assert study.clearing.audit is True
    lines = text.splitlines()
    keys = [at for at, line in enumerate(lines) if re.match(r"\w+ = ", line)]
    assert len(keys) > 18
    assert [lines[at] for at in keys if not lines[at - 1].startswith("# ")] == []
    assert re.search(r"NOTE: all 37 lines .* have the ampacity 1 kA", text.replace("\n#", ""))
    assert "# Further keys: sources, phases, zero_sequence, limits" in text
    found = fastp2p.run(study)
    assert found.scenarios["executed_kwh"].item() > 0


def test_a_profile_for_each_bus_and_a_week_of_many_days():
    save("homes.csv", 24, days=60)
    study, text = begun(STREET, "homes.csv", str(DATA / "GSA_Report_Somewhere.xlsx"))
    assert study.load.profile == tuple(f"home {at}" for at in range(24))
    assert (study.pv.profile, study.profiles.first_day, study.profiles.days) == ("Mar", date(2024, 3, 2), 7)
    assert "24 load profiles: home 0, home 1" in text
    assert Path(study.network.source) == DATA / "street.json"


def test_columns_of_buses_and_paths_from_the_folder_of_the_study():
    ids = [3, 5, 7, 99]
    Path("in").mkdir()
    Path("studies").mkdir()
    save("in/own.csv", 4, days=2, step="1h", names=[f"bus_{bus}" for bus in ids])
    save("in/sun.csv", 1, days=2, step="1h", unit="kWh/kWp", names=["bus_5"])
    shutil.copy(STREET, "in/net.json")
    with pytest.warns(InputWarning, match="without a bus in the network that could have them: bus_99"):
        study, text = begun("in/net.json", "in/own.csv", "in/sun.csv", path="studies/own.toml")
    assert (study.load.profile, study.participants.buses) == ("by_bus", (3, 5, 7))
    assert (study.pv.profile, study.pv.buses) == ("by_bus", (5,))
    assert 'source = "../in/net.json"' in text
    assert 'source = ["../in/own.csv", "../in/sun.csv"]' in text


def test_a_folder_with_other_files_and_names_of_any_kind():
    Path("in").mkdir()
    save('in/ho"mes [1] #.csv', 2, days=1, step="1h", names=['a "b"', "c\u202ed é"])
    Path("in/prices.csv").write_text("time,eur\n2024-01-01 00:00,0.2\n")
    shutil.copy(STREET, "in/net.json")
    with suppress(OSError):  # of file systems that take text alone
        save("in/\udcff.csv", 1, days=1)
    with pytest.warns(InputWarning, match="left out in/") as told:
        study, text = begun("in/net.json", "in", path='se"x é [1].toml')
    assert any(
        "in/prices.csv, which is no file of profiles: in/prices.csv: column eur has no unit" in str(one.message) for one in told
    )
    assert study.name == 'se"x é [1]'
    assert study.load.profile.choice == ('a "b"', "c\u202ed é")
    assert "\u202e" not in text


def test_sources_of_other_years_and_clocks():
    """Meters of 2023 in Berlin, an American year of 2018, two weeks of PVGIS in 2018: the days that all have."""
    sources = [str(DATA / "meters.csv"), str(DATA / "eulp" / "xx-single-family_detached.parquet"), str(DATA / "pvgis.csv")]
    study, _ = begun(STREET, *sources, zone="Europe/Berlin")
    assert [one.zone for one in study.profiles.sources] == ["Europe/Berlin", None, None]
    assert study.profiles.zone == "Europe/Berlin"
    assert study.profiles.days == 13
    assert study.load.profile.choice == ("house_1", "house_2", "xx-single-family_detached")


def test_a_network_without_loads_and_one_that_is_meshed():
    import pandapower as pp

    net = pp.from_json(STREET)
    net.load = net.load.iloc[:0]
    pp.to_json(net, "empty.json")
    study, text = begun("empty.json")
    assert study.participants.buses == "leaves"
    assert "these, since loads are too few" in text.replace("\n# ", " ")
    pp.create_line(net, 2, 26, 0.1, "NAYY 4x150 SE")
    pp.to_json(net, "loop.json")
    study, text = begun("loop.json")
    assert study.clearing.audit is False
    assert "it takes a radial network" in text.replace("\n# ", " ")


def test_all_faults_at_once():
    Path("empty.csv").touch()
    Path("nothing").mkdir()
    save("long.csv", 2, days=3)
    with pytest.raises(InputError) as error:
        begin_study(Path("a.toml"), "nope.json", ["gone.csv", "empty.csv", "nothing", "long.csv"])
    message = "\n".join(error.value.faults)
    for part in ("nope.json: not found", "gone.csv: not found", "empty.csv: could not be read", "nothing: the folder holds no"):
        assert part in message
    assert len(error.value.faults) == 4
    save("april.csv", 2, days=3, first="2024-04-01", unit="kWh/kWp")
    with pytest.raises(InputError, match="no days of the year that all sources have: long"):
        begin_study(Path("a.toml"), STREET, ["long.csv", "april.csv"])
