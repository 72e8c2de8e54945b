"""Compile all that runs on a GPU without one: ``python -m bench.ptx [STUDY]`` prints registers and memory of each kernel.

It needs ``pip install 'numba-cuda[cu12]' nvidia-cuda-nvcc-cu12``, and neither card nor driver. Kernels are made for the
arguments that a run of the study launches them with.
"""

import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np

import fastp2p
from fastp2p.sweep.prepare import prepare

CAPABILITY = (9, 0)
"""Of an H100 and an H200."""


@contextmanager
def _pretended_device():
    """What numba-cuda asks of a card to compile for it."""

    def get():
        return SimpleNamespace(compute_capability=CAPABILITY)

    with patch("numba.cuda.compiler.get_current_device", get), patch("numba.cuda.dispatcher.get_current_device", get):
        yield


def launches(study, n=2):
    """The kernels that a part of a study launches, by name, each with its arguments; nothing is run."""
    from fastp2p.cuda import device_draws, devices, draws, engine

    found = {}

    def record(kernel, n_threads, *arguments):
        found[f"{kernel.py_func.__qualname__.partition('.')[0]}"] = (kernel, arguments)

    def listed(loading, n_listed, n):
        record(engine.list_books, n, (loading,), (np.zeros(n + 1, np.int64),), (np.zeros(1, np.int64),))
        record(engine.put_loading, 1, (np.zeros(1, np.int64),), (np.zeros(1, np.int64),), (np.zeros(1),), (loading,))
        return np.empty(0, np.int64), np.empty(0, np.int64)

    changes = {"launch": record, "put": np.asarray, "room": np.zeros}
    with (
        patch.multiple(draws, **changes),
        patch.multiple(device_draws, **changes),
        patch.multiple(devices, **changes, get=np.asarray, refuse=lambda faults: None),
        patch.multiple(engine, **changes, get=np.asarray, free_bytes=lambda of_thread: 1e9, _listed_books=listed),
        patch("fastp2p.cuda.inputs.put", np.asarray),
        patch("fastp2p.cuda.checks.put", np.asarray),
        patch("fastp2p.cuda.ac.put", np.asarray),
    ):
        list(engine.run_scenarios(study, *prepare(study), 0.5, range(n), ("scenarios", "hours", "histograms")))
    return found


def compile_to_ptx(study):
    """PTX of every kernel that a part of a study launches, by name."""
    from numba import cuda
    from numba.cuda.typing.typeof import typeof

    texts = {}
    with _pretended_device():
        for name, (kernel, arguments) in launches(study).items():
            types = tuple(typeof(one) for one in arguments)
            texts[name] = cuda.compile_ptx(kernel.py_func, types, cc=CAPABILITY)[0]
    return texts


def assemble(ptx):
    """What ptxas says of a kernel; it lies in the package nvidia-cuda-nvcc-cu12."""
    import nvidia.cuda_nvcc

    ptxas = Path(next(iter(nvidia.cuda_nvcc.__path__))) / "bin" / "ptxas"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(ptx)
        target = f"-arch=sm_{CAPABILITY[0]}{CAPABILITY[1]}"
        done = subprocess.run([ptxas, target, "-v", source, "-o", Path(folder) / "out"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stderr


def main():
    study = fastp2p.studies()[sys.argv[1] if len(sys.argv) > 1 else "pv-sweep"]
    for name, ptx in compile_to_ptx(study).items():
        clock = time.perf_counter()
        said = assemble(ptx)
        numbers = re.search(r"(\d+) bytes stack.*?(\d+) bytes spill stores.*?Used (\d+) registers", said, re.DOTALL)
        stack, spilled, registers = numbers.groups()
        print(f"{name:<18} {registers:>3} registers, {stack} bytes of local memory, {spilled} spilled, "
              f"{len(ptx):,} bytes of PTX, ptxas {time.perf_counter() - clock:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
