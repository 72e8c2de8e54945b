"""AC power flows on numba's CUDA simulator against the CPU's, in a process of their own."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("numba_cuda")


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_books_are_those_of_the_processor(compiled):
    """To the bit but for where the last digit of a square root or an angle is the library's: 1e-12."""
    simulated = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": str(int(not compiled)), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.ac_on_simulator"],
        env=os.environ | simulated, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {name: wrong for name, (wrong, _) in answer["gaps"].items() if wrong} == {}
    assert answer["straight by default"]
    assert len(answer["gaps"]) == 5
    assert [count > 0 for count in answer["gaps"]["balanced, straight = True"][1]] == [True] * 4 + [False] * 2
    assert all(counts[2] == 0 < counts[0] for name, (_, counts) in answer["gaps"].items() if "balanced" not in name)
