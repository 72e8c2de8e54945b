from collections.abc import Callable

on_compile: list[Callable[[], None]] = []
"""Called before a kernel is compiled whose machine code is not cached. It is set from here without importing numba."""
