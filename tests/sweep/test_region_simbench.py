"""The built-in study of a region: SimBench's low-voltage grids."""

import csv
import re
from pathlib import Path

import pytest

import fastp2p

STUDY = fastp2p.studies()["region-simbench"]


def test_without_simbench_it_says_so_once(monkeypatch):
    monkeypatch.setattr("fastp2p.io.simbench.find_spec", lambda _: None)
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.run(STUDY)
    assert list(error.value.faults) == [
        "networks simbench:CODE need SimBench, which is not installed; pip install 'fastp2p[simbench]'"
    ]


def test_weights_are_the_numbers_of_grids_in_the_whole_data_set():
    simbench = pytest.importorskip("simbench")
    path = Path(simbench.__file__).parent / "networks" / "1-complete_data-mixed-all-0-sw" / "Node.csv"
    with path.open(encoding="utf-8") as file:
        grids = {row["subnet"] for row in csv.DictReader(file, delimiter=";") if row["subnet"].startswith("LV")}
    for feeder in STUDY.network.sources:
        kind = re.search(r"\d$", feeder.name)[0]
        assert feeder.weight == sum(grid.startswith(f"LV{kind}.") for grid in grids), feeder.name


@pytest.mark.slow
def test_all_six_grids_run_on_three_phases():
    pytest.importorskip("simbench")
    results = fastp2p.run(STUDY.with_(scenarios={"count": 2, "shares": [1.0]}))
    assert list(results.feeders["fault"]) == [""] * 6
    assert list(results.feeders["n_homes"]) == [13, 93, 118, 39, 104, 53]
    assert results.failures == []
    n_cut = results.scenarios.groupby("feeder")["n_cut"].min()
    assert set(n_cut.index[n_cut > 0]) == {"rural2", "rural3"}
