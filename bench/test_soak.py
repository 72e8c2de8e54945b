"""The soak: that it runs, and tells what grows from what does not."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.soak import COLUMNS, verdicts


def test_a_leak_is_told_from_noise():
    random = np.random.default_rng(1)
    hours = np.linspace(0.0, 0.5, 400)
    flat = [300.0 + random.normal(0.0, 2.0, 400), *(np.full(400, value) for value in (20.0, 4.0, 0.0, 12.0))]
    assert not any(grows for *_, grows in verdicts(np.column_stack([hours, *flat])))
    for at in range(len(COLUMNS)):
        leaking = [values + (30.0 * hours if n == at else 0.0) for n, values in enumerate(flat)]
        assert [name for name, *_, grows in verdicts(np.column_stack([hours, *leaking])) if grows] == [COLUMNS[at]]


@pytest.mark.slow
def test_a_short_soak_runs():
    command = [sys.executable, "-m", "bench.soak", "--minutes", "0.1"]
    ran = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stderr
    assert ran.stderr == ""
    assert [line.split("  ")[0] for line in ran.stdout.splitlines()[1:]] == list(COLUMNS)
