"""What the kernels of AC power flows become, without a card: seconds of compilation, registers, memory of a thread.

    python -m bench.gpu_code

As bench/ptx.py of a sweep's kernels. A thread keeps its numbers in at most 255 registers of 4 bytes; what has no room there is
*spilled*: stored to memory and loaded again.
"""

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import float64, int64, types

import fastp2p
from bench.networks import load
from bench.ptx import CAPABILITY, _pretended_device, assemble


def compile_kernel(kernel: Any, *arguments: Any) -> dict[str, float]:
    """Compile a kernel for arguments: numbers, numba types, arrays, and tuples of them; `numba_s` is NVVM's time too."""
    from numba import cuda
    from numba.cuda.typing.typeof import typeof

    signature = tuple(one if isinstance(one, types.Type) else typeof(one) for one in arguments)
    clock = time.process_time()
    with _pretended_device():
        code = cuda.compile_ptx(kernel.py_func, signature, cc=CAPABILITY)[0]
    numba_s, clock = time.process_time() - clock, time.perf_counter()
    said = assemble(code)
    patterns = r"Used (\d+) registers", r"(\d+) bytes stack frame", r"(\d+) bytes spill stores", r"(\d+) bytes spill loads"
    registers, stack, stored, loaded = (float(re.findall(pattern, said)[-1]) for pattern in patterns)
    return {
        "numba_s": numba_s, "ptxas_s": time.perf_counter() - clock, "registers": registers, "stack_bytes": stack,
        "spilled_bytes": stored + loaded,
    }  # fmt: skip


def cases() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """What is compiled: a title, the kernel, its arguments."""
    from fastp2p.cuda.ac import audit_of_book, batch_kernel
    from fastp2p.cuda.phases import audit_of_phases, phase_kernel

    def outputs_and(n_axes: int, data: Any) -> tuple[Any, ...]:
        numbers = types.Array(float64, n_axes, "C")
        outputs = types.Tuple((types.Array(float64, 2, "C"), types.Array(int64, 1, "C")))
        return types.UniTuple(numbers, 2), data, outputs

    for key in ("44", "907"):
        network = load(key).network
        bus = network.load_bus[:13].astype(np.int64)
        for straight in (False, True)[: 1 if key == "907" else 2]:
            audit = audit_of_book(network, bus, straight)
            title = f"AC, {len(audit.data.column)} of {network.n_bus} nodes, {'straight-line code' if straight else 'arrays'}"
            yield title, batch_kernel(audit.function, len(bus)), outputs_and(2, audit.data)
    network = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    bus = network.load_bus[:13].astype(np.int64)
    audit = audit_of_phases(network, bus)
    title = f"AC on three phases, {len(audit.data.few.parent)} of {network.n_bus} nodes, arrays"
    yield title, phase_kernel(audit.function, len(bus)), outputs_and(3, audit.data)


STATED = {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "vector_group": "Dyn", "trafo_z0_per_z1": 1.0, "grid": "ideal"}
"""The zero sequence of CIGRE LV, as docs/phases.md has it."""


def main() -> None:
    print(f"{'kernel':<48} {'numba s':>8} {'ptxas s':>8} {'registers':>9} {'stack B':>8} {'spilled B':>9}")
    for title, kernel, arguments in cases():
        numba_s, ptxas_s, *numbers = compile_kernel(kernel, *arguments).values()
        print(f"{title:<48} {numba_s:8.1f} {ptxas_s:8.1f} {numbers[0]:9.0f} {numbers[1]:8.0f} {numbers[2]:9.0f}", flush=True)


if __name__ == "__main__":
    main()
