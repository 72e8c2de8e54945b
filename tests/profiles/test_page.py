"""What docs/profiles.md tells readers to type, on the example inputs in data/."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fastp2p import Study
from fastp2p.cli.main import app
from fastp2p.profiles.sources import CALLED, DATED, load_several
from fastp2p.study.sections import ProfilesPart

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "profiles.md").read_text()
BLOCKS = re.findall(r"```(sh|toml)\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(autouse=True)
def _beside_the_data(tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_commands():
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if " profiles " in line]
    assert len(lines) == 7
    for line in lines:
        answer = CliRunner().invoke(app, shlex.split(line)[1:])
        assert answer.exit_code == 0, (line, answer.output)
    assert {"office.parquet", "roof.csv", "summer.parquet", "typical.csv"} <= {path.name for path in Path().iterdir()}


def test_sections_of_profiles():
    tables = [tomllib.loads(text) for kind, text in BLOCKS if kind == "toml"]
    parts = [ProfilesPart.model_validate(table["profiles"]) for table in tables if table.keys() == {"profiles"}]
    assert parts
    for part in parts:
        sources = [(one.file, one.model_dump(exclude={"file"})) for one in part.sources]
        found = load_several(sources, **part.model_dump(exclude={"source"}))
        assert found.names == ("xx-single-family_detached", "house_1", "house_2")
        assert (found.clock, found.n_steps, found.step_hours) == ("UTC+01:00", 7 * 96, 0.25)


def test_whole_studies():
    studies = [table for kind, text in BLOCKS if kind == "toml" if "name" in (table := tomllib.loads(text))]
    assert [Study.model_validate(table).name for table in studies] == ["week"]


def test_the_table_of_options_is_that_of_the_readers():
    rows = re.search(r"\| source \| options of .*?\n\|---\|---\|\n(.*?)\n\n", PAGE, flags=re.DOTALL)[1].splitlines()
    message = {row.split("|")[1].strip(): set(re.findall(r"`(\w+)`", row.split("|")[2])) for row in rows}
    readers = {"typical_day": "the typical day", "NREL's": "an NREL End-Use Load Profile", "plain tables": "a table"}
    readers |= {
        "Global Solar Atlas": "a Global Solar Atlas report",
        "SimBench": "a SimBench network",
        "OpenDSS": "an OpenDSS file",
        "PVGIS": "hourly data of PVGIS",
    }
    for reader, called in CALLED.items():
        name = next(name for name, one in readers.items() if one == called)
        own = set(reader.__kwdefaults__ or ()) - {"at_midnight"} | ({"zone"} if reader in DATED else set())
        assert message[name if name in message else f"`{name}`"] == own
