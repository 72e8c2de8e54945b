"""Parts of a study of any length: their numbers, and what is refused for want of memory."""

import resource
import tracemalloc
from pathlib import Path

import pytest

import fastp2p
from fastp2p.sweep import parts
from tests.support.results_folders import STUDY, interrupted
from tests.support.sweeps import SWEEP

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture
def little_memory():
    """Half a gigabyte more than there is now."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + 500_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.filterwarnings("ignore::fastp2p.InputWarning")
@pytest.mark.usefixtures("made", "little_memory")  # what is compiled is not counted
def test_a_thousand_million_scenarios_take_no_more_memory(tmp_path):
    peaks = []
    for count, resume in ((1_000, False), (10**9, False), (10**9, True)):
        tracemalloc.start()
        interrupted(tmp_path / str(count), STUDY.with_(scenarios={"count": count}), resume=resume)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < peaks[0] + 10_000_000


def test_a_round_knows_its_parts_without_making_them():
    for one in parts.cut_into_rounds(SWEEP.with_(scenarios={"count": 25, "shares": [0.1, 0.2]}), 24):
        made = list(one)
        assert len(one) == len(made) == 6
        assert [part.number for part in made] == list(range(6))
        assert [len(part.scenarios) for part in made] == [10, 10, 5] * 2
    assert sum(len(one) for one in parts.cut_into_rounds(SWEEP.with_(scenarios={"count": 10**9}), 24)) == 2 * 10**8


def test_tables_that_do_not_fit_into_memory_are_told_before_the_run(tmp_path):
    huge = SWEEP.with_(scenarios={"count": 10**9, "keep": ["books"]})
    with pytest.raises(fastp2p.InputError, match=r"small-sweep take 12,[\d,]+ GB in memory, and this machine has"):
        fastp2p.run(huge)
    with pytest.warns(fastp2p.InputWarning, match="all parts will be written, but no statistics"):
        interrupted(tmp_path / "out", huge)


def test_so_many_draws_at_once_are_refused():
    study = SWEEP.with_(scenarios={"count": 10**9})
    with pytest.raises(fastp2p.InputError, match=r"these draws take [\d,]+ GB in memory, .*; ask for fewer at a time"):
        fastp2p.scenarios(study, range(10**9))


@pytest.mark.parametrize(("orders", "most"), [("net", 4), ("gross", 1)])
def test_batches_are_small_where_trades_name_their_pairs(orders, most):
    """A thousand members have 250,000 pairs in a book of one price at most, or a million."""
    pooled = SWEEP.with_(scenarios={"keep": []})
    assert parts.books_at_a_time(pooled, 1_000) == parts.BATCH_CELLS // 1_000
    for change in (
        {"clearing": {"unserved": "shed"}},
        {"market": {"branch_charge_per_kwh": 0.01}},
        {"scenarios": {"keep": ["trades"]}},
    ):
        assert parts.books_at_a_time(pooled.with_(market={"orders": orders}).with_(**change), 1_000) == most
    assert parts.books_at_a_time(pooled.with_(clearing={"unserved": "shed"}), 10_000_000) == 1
