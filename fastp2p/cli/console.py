"""Printing for all commands: tables, styled words and errors."""

import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastp2p.cli.signals import exit_code, in_order
from fastp2p.errors import FastP2PError, InputError, InputWarning
from fastp2p.io.paths import absolute_path
from fastp2p.kernels import on_compile
from fastp2p.text import shown_text

LONGEST_CELL = 60
errors = Console(stderr=True, highlight=False)

Command = TypeVar("Command", bound=Callable[..., Any])


def fault_exit(command: Command) -> Command:
    """Turn errors into a message and an exit code: 2 for input, 1 for anything that went wrong later."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", InputWarning)
                warnings.showwarning = _show_warning  # put back by catch_warnings
                on_compile[:] = [] if kwargs.get("quiet") or not errors.is_terminal else [_say_compiling]
                absolute_path(".")  # where the working folder is gone, numba compiles nothing
                with in_order():
                    return command(*args, **kwargs)
        except InputError as error:
            for fault in error.faults:
                say(errors, "error:", "red", fault)
            raise typer.Exit(2) from None
        except FastP2PError as error:
            say(errors, "error:", "red", str(error))
            raise typer.Exit(1) from None
        except MemoryError as error:
            say(errors, "error:", "red", f"there was not enough memory{': ' * bool(str(error))}{error}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt as stop:
            errors.print("stopped")
            raise typer.Exit(exit_code(stop)) from None
        finally:
            on_compile.clear()
            kernels = sys.modules.get("fastp2p.kernels.jit")
            if kernels is not None and not kwargs.get("quiet"):
                say_not_cached(kernels.cache_fault())

    return wrapped  # type: ignore[return-value]  # same signature, by functools.wraps


def _say_compiling() -> None:
    """Say once why the command seems to stand still; through sys.stderr, which a progress bar has make way for the line."""
    on_compile.clear()
    print("note: compiling, once after an installation or an update; this takes up to half a minute", file=sys.stderr)


def say_not_cached(fault: str) -> None:
    """If there is a fault that kept kernels from being cached, that they will be compiled again, and what to do about it."""
    if fault:
        advice = "set NUMBA_CACHE_DIR to a folder that you may write to, and the next run starts faster"
        say(errors, "note:", "yellow", f"kernels were compiled for this run alone: {fault}; {advice}")


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
) -> None:
    """Print an `InputWarning` as errors are printed, other warnings as Python does."""
    if issubclass(category, InputWarning):
        say(errors, "warning:", "yellow", str(message))
    else:
        formatted = warnings.formatwarning(message, category, filename, lineno, line)
        errors.print("\n".join(map(shown_text, formatted.split("\n"))), markup=False, soft_wrap=True)


def make_table(*headings: str, caption: str) -> Table:
    """An empty table with a caption; its columns to the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0, caption=Text(caption))
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def say(console: Console, word: str, style: str, text: str) -> None:
    """Print a styled word and a text that rich must not take for markup."""
    console.print(Text.assemble((shown_text(word), style), " ", shown_text(text)), soft_wrap=True)


def cell(text: str) -> Text:
    """A name from elsewhere as a cell of a table, which rich must not take for markup."""
    return Text(shown_text(text, LONGEST_CELL))


def known(value: float, digits: int) -> str:
    """A number as people read it; a dash where it is unknown."""
    return "-" if value != value else f"{value:.{digits}f}"
