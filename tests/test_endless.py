"""Every loop ends and stays within its arrays, whatever floats these hold: even where ``check=False`` looks at no value."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastp2p

SCRIPT = Path(__file__).parent / "hostile_floats.py"
anything = st.floats(allow_subnormal=True) | st.sampled_from([np.nan, np.inf, 1.7e308, 5e-324, 1.0])


def test_every_stage_ends_on_any_floats():
    """In a process of its own: what does not end, or writes elsewhere, must not take the tests with it."""
    done = subprocess.run([sys.executable, SCRIPT, "1", "60"], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr[-2000:]


@pytest.mark.small
@settings(max_examples=60, deadline=None)
@given(
    kwh=arrays(np.float64, (2, 2, 5), elements=anything),
    per_kwh=arrays(np.float64, (2, 1, 5), elements=anything),
    priority=st.sampled_from(["price", "volume"]),
    ties=st.sampled_from(["pro_rata", "order"]),
)
def test_the_auction_ends_on_any_floats(kwh, per_kwh, priority, ties):
    with np.errstate(all="ignore"):
        trades = fastp2p.match_orders(*kwh, *per_kwh, priority=priority, ties=ties, check=False)
    assert not trades.shape_faults(2, 5)
