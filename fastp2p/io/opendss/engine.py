"""OpenDSS's own engine: it compiles the statements of a circuit, in a context of its own, and solves nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, TypeVar

from fastp2p.errors import InputError
from fastp2p.io.opendss.script import Statement
from fastp2p.text import shown_text

Read = TypeVar("Read")

MOST_ERRORS = 50


def read_compiled(statements: list[Statement], read: Callable[[Any], Read], *, shapes: bool = False) -> Read:
    """What `read` makes of a context of the engine that holds the circuit, its admittances made.

    Without `shapes`, load shapes have names alone: their files may be large.

    The process's working folder and its first context stay as they are. One thread does all of it, one circuit after the
    other: the engine has crashed as threads that came and went called it, though one at a time.

    Raises
    ------
    InputError
        If the engine is not installed; whatever it refuses, with the file and the line.
    """
    if find_spec("dss") is None:
        raise InputError("OpenDSS files are read by DSS-Python, which is not installed; pip install 'fastp2p[opendss]'")

    def work() -> Read:
        with _compiled(statements, shapes) as context:
            return read(context)

    return _thread(os.getpid()).submit(work).result()


@lru_cache(maxsize=1)
def _thread(process: int) -> ThreadPoolExecutor:
    """The engine's thread of this process: a fork has none of its parent's."""
    return ThreadPoolExecutor(1, thread_name_prefix="opendss")


@contextmanager
def _compiled(statements: list[Statement], shapes: bool) -> Iterator[Any]:
    """As for `read_compiled`."""
    from dss import DSS, DSSException

    has_earth_model = any("earthmodel=" in one.text.lower() for one in statements)
    with _staying_here(DSS), _context(DSS, keep=not has_earth_model) as context:
        faults = _earth_faults(statements) if has_earth_model else []
        for statement in statements:
            try:
                if text := statement.text if shapes else statement.bare:
                    context.Text.Command = text
            except DSSException as error:
                faults.append(f"{statement.file} line {statement.line}: {_message(error)}")
                if len(faults) == MOST_ERRORS:
                    break
        if faults:
            raise InputError(faults)
        try:
            context.Text.Command = "MakeBusList"
            if any("linegeometry." in one.text[:60].lower() or "linespacing." in one.text[:60].lower() for one in statements):
                context.Text.Command = "_SolveDirect"  # a wrong geometry ends the process elsewhere; a command tells of it
            context.YMatrix.BuildYMatrixD(0, True)
        except DSSException as error:
            raise InputError(f"OpenDSS makes no admittances of the circuit: {_message(error)}") from error
        try:
            yield context
        except DSSException as error:
            raise InputError(f"OpenDSS does not give what was read: {_message(error)}") from error


def _earth_faults(statements: list[Statement]) -> list[str]:
    """Lines whose earth model would be that of whatever the engine has calculated before them."""
    why = "a line with a Spacing does not follow EarthModel; write a LineGeometry with that spacing, or leave EarthModel out"
    of = re.compile(r"""\w+ ["'(\[{]?line\..* spacing=""", re.IGNORECASE)
    return [f"{one.file} line {one.line}: {why}" for one in statements if of.match(one.text)]


@contextmanager
def _context(engine: Any, *, keep: bool) -> Iterator[Any]:
    """The process's own context beside the first one, empty; DSS-Python never frees one, and each has 1.4 MB.

    One that has seen an earth model is not kept: lines with a spacing would go on with it.
    """
    context = _own_context(engine)
    context.Text.Command = "ClearAll"
    context.Text.Command = "Set DefaultBaseFrequency=60"  # all else that a circuit sets goes with it
    try:
        yield context
    finally:
        context.Text.Command = "ClearAll"
        if not keep:
            _own_context.cache_clear()


@lru_cache(maxsize=1)
def _own_context(engine: Any) -> Any:
    return engine.NewContext()


@contextmanager
def _staying_here(engine: Any) -> Iterator[None]:
    """Keep the engine from changing the process's working folder, which even a new context does."""
    before = engine.AllowChangeDir
    engine.AllowChangeDir = False
    try:
        yield
    finally:
        engine.AllowChangeDir = before


def _message(error: Any) -> str:
    """What the engine says, on a line, without its own preface."""
    text = str(error.args[1] if len(error.args) > 1 else error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = [line for line in lines if "Reported From OpenDSS" not in line and not line.endswith(":")]
    return shown_text(" ".join(kept or lines), 300)
