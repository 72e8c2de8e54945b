"""The device: whether there is one, its name and memory, and arrays that go there and come back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numba.core.errors import NumbaPerformanceWarning
from numpy.typing import NDArray

from fastp2p.errors import InputError

THREADS = 128
"""Of a block: as many as leave each of them all the registers that it can have."""
INSTALL = "pip install 'fastp2p[cuda]'"


def device_name() -> str:
    """The name of the card.

    Raises
    ------
    InputError
        If numba-cuda is not installed, or there is no card or no driver that it can use.
    """
    try:
        cuda = _numba_cuda()
    except ImportError as error:
        raise InputError(f"device = 'cuda' needs numba-cuda, which cannot be imported ({error}); {INSTALL}") from error
    if not hasattr(cuda, "config_default_cc"):  # the target that numba itself has
        raise InputError(f"device = 'cuda' needs numba-cuda, which is not installed; {INSTALL}")
    if is_simulated():
        return "simulator"
    try:
        if not cuda.is_available():
            raise InputError(
                f"device = 'cuda': no GPU can be used here{_why_not()}; leave the device out to run on the processors"
            )
        name = cuda.get_current_device().name
    except InputError:
        raise
    except Exception as error:  # of the driver, whatever it raises
        raise InputError(f"device = 'cuda': the GPU cannot be used ({_first_line(error)})") from error
    return str(name.decode() if isinstance(name, bytes) else name)


def _numba_cuda() -> Any:
    """The module `numba.cuda`, which numba-cuda replaces; without types, like the rest of numba."""
    return import_module("numba.cuda")


def is_simulated() -> bool:
    """Whether numba's simulator runs kernels (NUMBA_ENABLE_CUDASIM=1): plain Python, for tests."""
    return bool(_numba_cuda().config.ENABLE_CUDASIM)


def put(array: NDArray[Any]) -> Any:
    """An array on the device; the simulator takes it as it is."""
    whole = np.ascontiguousarray(array)
    with _failures():
        return whole if is_simulated() else _numba_cuda().to_device(whole)


def get(array: Any) -> NDArray[Any]:
    """An array of the device."""
    with _failures():
        found: NDArray[Any] = array if is_simulated() else array.copy_to_host()
    return found


def room(shape: int | tuple[int, ...], dtype: Any = np.float64) -> Any:
    """An array on the device that holds anything."""
    with _failures():
        return np.empty(shape, dtype) if is_simulated() else _numba_cuda().device_array(shape, dtype)


def launch(kernel: Any, n: int, *arguments: Any) -> None:
    """Run a kernel with so many threads, at least, that each of n things has one.

    Raises
    ------
    InputError
        If the device has too little memory, or fails.
    """
    threads = min(n, 2) if is_simulated() else THREADS
    with _failures(), warnings.catch_warnings(category=NumbaPerformanceWarning, action="ignore"):  # of few scenarios
        kernel[-(-n // threads), threads](*arguments)


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what the driver raises into an error of one line.

    Raises
    ------
    InputError
        If the device has too little memory, or fails.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("numba.cuda", "numba_cuda", "cuda.")):
            raise
        said = _first_line(error)
        why = "has too little memory for this study" if "OUT_OF_MEMORY" in said else f"failed ({said})"
        raise InputError(f"device = 'cuda': the GPU {why}; leave the device out to run without it") from error


def free_bytes(of_thread: int = 0) -> float:
    """Memory of the device that nobody uses; what the simulator has is little.

    Parameters
    ----------
    of_thread : int
        Bytes of work space of a thread. A card sets it aside for all threads that it could ever run at once, when a kernel
        first needs it, and keeps it.
    """
    if is_simulated():
        return 1e9
    cuda = _numba_cuda()
    free, total = cuda.current_context().get_memory_info()
    card = cuda.get_current_device()
    n_threads = card.MULTIPROCESSOR_COUNT * card.MAX_THREADS_PER_MULTIPROCESSOR
    return float(min(free, total - n_threads * of_thread))


def _why_not() -> str:
    """What the driver says, where it says anything."""
    error = getattr(_numba_cuda(), "cuda_error", lambda: None)()
    return f" ({_first_line(error)})" if error else ""


def _first_line(error: object) -> str:
    lines = [line for line in str(error).splitlines() if line.strip(" :")]
    return (lines or [type(error).__name__])[0].strip(" .:")[:200]
