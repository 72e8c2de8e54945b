"""The one way kernels are compiled: serial, cached on disk, free of the GIL, IEEE arithmetic."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile `function` on first call; `NUMBA_DISABLE_JIT=1` leaves it plain Python."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy", fastmath=False)(function))
