"""Parts with devices on numba's CUDA simulator against the same parts on the processor, in a process of their own."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("numba_cuda")


def test_parts_and_draws_are_those_of_the_processor():
    simulated = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.devices_on_simulator"],
        env=os.environ | simulated, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {name: wrong for name, (wrong, *_) in answer["parts"].items() if wrong} == {}
    assert {name: wrong for name, (wrong, _) in answer["draws"].items() if wrong} == {}
    assert all(min(sums) != 0.0 for _, sums in answer["draws"].values())
    assert answer["parts"]["all"][1] > 0  # cut books
