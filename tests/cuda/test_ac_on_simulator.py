"""AC power flows on numba's CUDA simulator against the CPU's, in a process of their own."""

import pytest

from tests.support.simulator import simulated

pytest.importorskip("numba_cuda")


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_books_are_those_of_the_processor(compiled):
    """To the bit but for where the last digit of a square root or an angle is the library's: 1e-12."""
    answer = simulated("ac_on_simulator", compiled=compiled)
    assert {name: wrong for name, (wrong, _) in answer["gaps"].items() if wrong} == {}
    assert answer["straight by default"]
    assert len(answer["gaps"]) == 5
    assert [count > 0 for count in answer["gaps"]["balanced, straight = True"][1]] == [True] * 4 + [False] * 2
    assert all(counts[2] == 0 < counts[0] for name, (_, counts) in answer["gaps"].items() if "balanced" not in name)
