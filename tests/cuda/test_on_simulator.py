"""Parts on numba's CUDA simulator against the same parts on the processor, in a process of their own."""

import pytest

from tests.support.simulator import simulated

pytest.importorskip("numba_cuda")


def test_parts_and_draws_are_those_of_the_processor():
    answer = simulated("on_simulator")
    assert {name: wrong for name, (wrong, *_) in answer["parts"].items() if wrong} == {}
    assert {name: wrong for name, wrong in answer["draws"].items() if wrong} == {}
    assert sum(cut for _, cut, *_ in answer["parts"].values()) > 20
    assert sum(overloaded for _, _, overloaded, *_ in answer["parts"].values()) > 20
    audits = {name: kept for name, (*_, kept, _) in answer["parts"].items() if kept}
    assert audits["audited, wide"] == [16, 0]
    with_both = ("audited, exports", "audited, curtailable", "ac, exports", "three phases, audited, spilled")
    assert all(min(audits[name]) > 2 for name in with_both)
    assert 0 < sum(audits["a sample"]) < 16
    assert len(audits) == 9
    # where nothing trades and no surplus is left over, a broken limit is the base's: the device says so itself
    assert answer["parts"]["three phases, audited, spilled"][-1] < audits["three phases, audited, spilled"][1]
