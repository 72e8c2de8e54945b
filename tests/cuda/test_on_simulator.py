"""Parts on numba's CUDA simulator against the same parts on the processor, in a process of their own."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("numba_cuda")


def test_parts_and_draws_are_those_of_the_processor():
    simulated = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.on_simulator"],
        env=os.environ | simulated, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
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
