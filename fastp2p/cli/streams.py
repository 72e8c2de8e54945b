"""The standard streams of the command: any character can be printed, and a reader may leave."""

import codecs
import os
import re
import sys
import unicodedata
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

PLAIN = "fastp2p.plain"
"""Error handler of encodings, see `_plain`."""
PLAINER = {
    **dict.fromkeys("–—−─━╌╴╶╸╺", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys(map(chr, range(0x2801, 0x2900)), "."),  # of which rich makes its spinners
    **dict.fromkeys("‘’‚′", "'"),
    **dict.fromkeys("“”„″«»", '"'),
    **{"€": "EUR", "£": "GBP", "ß": "ss", "æ": "ae", "œ": "oe", "×": "x", "÷": "/", "·": ".", "•": "*"},
    **{"≤": "<=", "≥": ">=", "≈": "~", "→": "->", "←": "<-", "µ": "u", "°": "deg", "√": "sqrt", "κ": "k", "Δ": "d"},
}
"""What stands for characters that Unicode does not decompose."""


def open_streams() -> None:
    """Make standard output and error of this process safe to print to; those that are closed go nowhere."""
    for number in (0, 1, 2):  # or the next file that is opened would be taken for a stream by whatever writes to it
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error(PLAIN, _plain)
    sys.stdout, sys.stderr = _opened(sys.stdout), _opened(sys.stderr)


def _opened(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8", errors=PLAIN)
    return _Output(stream) if type(stream) is TextIOWrapper else stream


def output_fault() -> str:
    """Why some of what was printed is lost, other than for want of a reader; empty where nothing is."""
    sys.stdout.flush()
    return getattr(sys.stdout, "fault", "")


class _Output(TextIOWrapper):
    """A stream that prints characters of its encoding, plain ones for the rest, and nothing where nothing can be written.

    It raises nothing, so that a run ends as it would have, whatever becomes of its words.
    """

    fault = ""

    def __init__(self, stream: TextIOWrapper) -> None:
        encoding, lines, through = stream.encoding, stream.line_buffering, stream.write_through
        self._ascii = codecs.lookup(encoding).name == "ascii"
        encoding = "latin-1" if self._ascii else encoding  # click would take ASCII for a mistake, and write UTF-8
        super().__init__(stream.detach(), encoding, PLAIN, line_buffering=lines, write_through=through)

    def write(self, text: str) -> int:
        """Write the characters that can be written."""
        try:
            return super().write(text.encode("ascii", PLAIN).decode() if self._ascii else text)
        except OSError as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Write the buffer."""
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        """Let what is buffered and all that follows go nowhere, and note why, unless it is that the reader has left."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            self.fault = f"standard output could not be written: {error.strerror or error}"


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Plain characters instead of those that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plainer, error.object[error.start : error.end])), error.end


def _plainer(character: str) -> str:
    """The nearest ASCII text of a character: e for é, ... for an ellipsis, ? if there is none."""
    if "\udc80" <= character <= "\udcff":  # a byte of a file name that is no text
        return f"\\x{ord(character) - 0xDC00:02x}"
    letter = re.match(r"LATIN (SMALL|CAPITAL) LETTER ([A-Z]) WITH ", unicodedata.name(character, ""))
    if character in PLAINER:
        return PLAINER[character]
    if letter:
        return letter[2].lower() if letter[1] == "SMALL" else letter[2]
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"
