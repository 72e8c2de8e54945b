"""The bench of the GPU where there is none, and under numba's simulator."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import gpu
from fastp2p.errors import InputError
from fastp2p.kernels.grid.structs import AcSummary

ROOT = Path(__file__).parent.parent


def test_without_a_card_there_is_one_line(capsys, monkeypatch):
    def no_card():
        raise InputError("device = 'cuda': no GPU can be used here")

    monkeypatch.setattr(gpu, "device_name", no_card)
    assert gpu.main() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "bench.gpu measures a GPU. device = 'cuda': no GPU can be used here\n"


def test_differences_are_named():
    expected = AcSummary.unknown(3)
    for array in expected:
        array[:2] = 1
    found = AcSummary._make(array.copy() for array in expected)
    assert gpu.difference(found, expected) == ""
    found.losses_kw[0] += 1e-7
    found.loading_percent[2] = 5.0
    assert gpu.difference(found, expected) == "losses_kw by 1e-07, loading_percent by 0"


def test_the_line_of_a_stage():
    """No seconds of a device, so no ratios."""
    stage = gpu.Stage("AC", lambda: None, 4, None, "", 8.0, np.nan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu, "seconds_of", lambda run: 2e-9)
        assert gpu.line_of(stage, 1e9, 1e12) == "| AC | 0.5 | 2e+09 | – | – | 8 | – |"


@pytest.mark.slow
def test_all_stages_agree_under_the_simulator():
    pytest.importorskip("numba_cuda")
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(
        [sys.executable, "-m", "bench.gpu", "sweeps"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    page = (ROOT / "docs" / "gpu.md").read_text()
    lines = re.findall(r"^\| [^|]+ \|", ran.stdout, re.MULTILINE)
    assert len(lines) == 12
    assert all(line in page for line in lines)


@pytest.mark.slow
def test_kernels_of_power_flows_compile_without_a_card():
    pytest.importorskip("numba_cuda")
    pytest.importorskip("nvidia.cuda_nvcc")
    from bench.gpu_code import cases, compile_kernel

    found = {title: compile_kernel(kernel, *arguments) for title, kernel, arguments in cases()}
    assert len(found) == 4
    for title, numbers in found.items():
        assert numbers["registers"] <= 255
        assert numbers["spilled_bytes"] < 1_000 if "straight" in title else numbers["spilled_bytes"] == 0, title
