"""Results folders of many kinds, made once for all tests of reports; the figures of the run are left out."""

import pytest

import fastp2p
from fastp2p.report.page import make_page
from fastp2p.report.runs import read_run
from fastp2p.sweep import parts
from tests.support.drawing import undrawn
from tests.support.reports import AUDITED, HOSTILE
from tests.support.results_folders import interrupted
from tests.support.sweeps import SWEEP


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A day with hostile texts, an audited sweep over PV and batteries, a run that stopped, and one that kept nothing."""
    place = tmp_path_factory.mktemp("folders")
    columns = [f"{HOSTILE.load.profile} [kWh/home]", f"{HOSTILE.pv.profile} [kWh/kWp]"]
    rows = [f"{hour},{0.5 + 0.1 * (hour > 16)},{max(0.0, 6 - abs(hour - 12)) / 8}" for hour in range(24)]
    (place / "profiles.csv").write_text("\n".join([",".join(["hour", *columns]), *rows]), encoding="utf-8")
    with undrawn() as patch:
        patch.setattr(parts, "PART_BOOKS", 240)
        fastp2p.run(HOSTILE.with_(profiles={"source": str(place / "profiles.csv")}), out=place / "hostile", workers=1)
        fastp2p.run(AUDITED, out=place / "sweep", workers=1)
        fastp2p.run(AUDITED.with_(scenarios={"count": 3, "sweep": None, "keep": []}), out=place / "bare", workers=1)
        interrupted(place / "stopped", SWEEP)
    return place


@pytest.fixture(scope="session")
def page(folders):
    """The HTML of a report of some of the folders, made once for each."""
    made = {}

    def page_of(*names):
        if names not in made:
            made[names] = make_page([read_run(folders / name) for name in names])
        return made[names]

    return page_of
