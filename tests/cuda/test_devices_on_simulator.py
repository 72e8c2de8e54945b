"""Parts with devices on numba's CUDA simulator against the same parts on the processor, in a process of their own."""

import pytest

from tests.support.simulator import simulated

pytest.importorskip("numba_cuda")


def test_parts_and_draws_are_those_of_the_processor():
    answer = simulated("devices_on_simulator")
    assert {name: wrong for name, (wrong, *_) in answer["parts"].items() if wrong} == {}
    assert {name: wrong for name, (wrong, _) in answer["draws"].items() if wrong} == {}
    assert all(min(sums) != 0.0 for _, sums in answer["draws"].values())
    assert answer["parts"]["all"][1] > 0  # cut books
