import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

import fastp2p

os.environ["FASTP2P_CACHE_DIR"] = tempfile.mkdtemp(prefix="fastp2p-test-")  # each run converts its networks itself


@pytest.fixture(scope="session")
def reference():
    """The published figures, where they lie beside the project."""
    folder = Path(__file__).parents[2] / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("the published figures are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def paper_44():
    return fastp2p.run(fastp2p.studies()["paper-44"])


@pytest.fixture(scope="session")
def paper_80():
    return fastp2p.run(fastp2p.studies()["paper-80"])


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own to be in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_figures(monkeypatch):
    """For tests that look at something else: drawing takes most of a run."""
    monkeypatch.setattr("fastp2p.figures.day.draw_day", lambda *_: {})


@pytest.fixture(scope="module")
def cigre():
    return fastp2p.Network.load("cigre_lv")


@pytest.fixture(scope="module")
def some_trades(cigre):
    bids, asks = np.zeros((2, cigre.n_bus)), np.zeros((2, cigre.n_bus))
    bids[:, 3], bids[1, 7], asks[:, 5] = 2.0, 1.0, 1.0
    return fastp2p.match_orders(bids, asks, np.full(cigre.n_bus, 0.2), np.full(cigre.n_bus, 0.1))
