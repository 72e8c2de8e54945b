"""Checks under numba's CUDA simulator, in processes of their own: numba-cuda asks for it as it is loaded."""

import json
import os
import subprocess
import sys
from typing import Any


def simulated(module: str, *, compiled: bool = False) -> Any:
    """What a module of `tests.support` prints as JSON under the simulator, the processors' kernels compiled or plain Python."""
    how = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": str(int(not compiled)), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", f"tests.support.{module}"], env=os.environ | how, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
