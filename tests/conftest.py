import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import fastp2p
from tests.support.compile_once import take_turns
from tests.support.drawing import undrawn

if "PYTEST_XDIST_TESTRUNUID" in os.environ:  # a worker; it keeps networks where the others do
    take_turns(os.environ["PYTEST_XDIST_TESTRUNUID"])
else:
    os.environ["FASTP2P_CACHE_DIR"] = tempfile.mkdtemp(prefix="fastp2p-test-")  # each run converts its networks itself
settings.register_profile("few", max_examples=20)
settings.register_profile("many", max_examples=100)
settings.load_profile("few")

LEFT_OUT = pytest.StashKey[int]()


def pytest_deselected(items):
    stash = items[0].config.stash
    stash[LEFT_OUT] = stash.get(LEFT_OUT, 0) + sum(item.get_closest_marker("slow") is not None for item in items)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)  # each worker collects all tests


def pytest_terminal_summary(terminalreporter, config):
    if config.option.markexpr == "not slow":
        terminalreporter.write_line(f"left out: {config.stash.get(LEFT_OUT, 0)} slow tests; make test-slow runs them")


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
def no_figures():
    """For tests that look at something else: drawing takes most of a run."""
    with undrawn():
        yield


@pytest.fixture(scope="module")
def cigre():
    return fastp2p.Network.load("cigre_lv")


@pytest.fixture(scope="module")
def some_trades(cigre):
    bids, asks = np.zeros((2, cigre.n_bus)), np.zeros((2, cigre.n_bus))
    bids[:, 3], bids[1, 7], asks[:, 5] = 2.0, 1.0, 1.0
    return fastp2p.match_orders(bids, asks, np.full(cigre.n_bus, 0.2), np.full(cigre.n_bus, 0.1))
