"""Finished results folders, made once for each file of tests."""

import shutil

import pytest

import fastp2p
from fastp2p.sweep import parts
from tests.support.drawing import undrawn
from tests.support.results_folders import DAY, OTHER, STUDY


@pytest.fixture(scope="module")
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_BOOKS", 240)
        yield


@pytest.fixture(scope="module")
def made(small_parts, tmp_path_factory):
    """Whole folders: of a sweep, of the same with another seed, of a day, of a comparison."""
    place = tmp_path_factory.mktemp("made")
    with undrawn():
        fastp2p.run(STUDY, out=place / "sweep")
        fastp2p.run(OTHER, out=place / "other")
        fastp2p.run(DAY, out=place / "day")
        fastp2p.compare_rules(fastp2p.studies()["paper-44"], ["ask", "k"], out=place / "rules")
    return place


@pytest.fixture(scope="module")
def expected(made):
    return {name: table.to_table().to_pandas() for name, table in fastp2p.open_results(made / "sweep").items()}


@pytest.fixture
def place(made, tmp_path, no_figures):
    """Copies of them, to alter."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path
