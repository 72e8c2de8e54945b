"""Workers of pytest-xdist compile no kernel at the same time: the second one waits and reads what the first one has kept."""

import fcntl
import os
import tempfile
import time
import zlib
from pathlib import Path

from fastp2p.kernels import jit

LONGEST_S = 120.0
"""A worker whose compilation failed holds its lock until it ends; the other then compiles for itself."""


def take_turns(run):
    """From now on; `run` is the same for all workers of one run."""
    file = os.open(Path(tempfile.gettempdir()) / f"fastp2p-{run}.lock", os.O_RDWR | os.O_CREAT)
    load, save = jit._Cache.load_overload, jit._Cache.save_overload

    def place(cache, signature):
        """A byte of the file for each kernel and its types."""
        return zlib.crc32(f"{cache.cache_path} {cache._py_func.__qualname__} {signature}".encode())

    def load_or_lock(cache, signature, context):
        kept, waited, end = load(cache, signature, context), False, time.monotonic() + LONGEST_S
        while kept is None and time.monotonic() < end:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place(cache, signature))
            except OSError:
                waited = True
                time.sleep(0.05)
            else:
                break
        if waited and (kept := load(cache, signature, context)) is not None:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, place(cache, signature))
        return kept

    def save_and_unlock(cache, signature, data):
        save(cache, signature, data)
        fcntl.lockf(file, fcntl.LOCK_UN, 1, place(cache, signature))

    jit._Cache.load_overload, jit._Cache.save_overload = load_or_lock, save_and_unlock
