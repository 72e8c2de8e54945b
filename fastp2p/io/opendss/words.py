"""A line of OpenDSS as the engine takes it apart: words, some of them with a name, ``name=value``."""

import re
from typing import NamedTuple

SPACE = " \t"
VARIABLE = re.compile(r"(^|[\s,=])@")
QUOTES = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'"}


class Word(NamedTuple):
    """A word of a line. A quoted one may be an array, or numbers with operators behind them."""

    name: str
    """Before its equals sign; '' without one."""
    value: str
    quote: str
    """The quote that opens it; '' without one."""

    @property
    def text(self) -> str:
        """As it is handed on."""
        shown = f"{self.quote}{self.value}{QUOTES[self.quote]}" if self.quote else self.value
        return f"{self.name}={shown}" if self.name else shown


def words_of(line: str) -> list[Word]:
    """The words of a line, comments (``!``, ``//``) left out.

    Raises
    ------
    ValueError
        A quote without an end, a name without a value, a variable (``@name``).
    """
    words: list[Word] = []
    name, at = "", _skip(line, 0)
    while at < len(line):  # ends: every turn moves on by a character at least
        if _is_comment(line, at):
            break
        value, quote, at = _word(line, at)
        if VARIABLE.search(value):
            raise ValueError(f"{value[:40]} is a variable, which is not read; write the value itself")
        at = _skip(line, at)
        if line[at : at + 1] == "=":
            if name or quote or not value:
                raise ValueError(f"the equals sign after {value[:40]!r} has no name before it")
            name, at = value, _skip(line, at + 1)
            continue
        if not value and not quote:
            raise ValueError(f"{name[:40] or 'the word before a comma'} has no value")
        words.append(Word(name, value, quote))
        name = ""
        if line[at : at + 1] == ",":
            at = _skip(line, at + 1)
    if name:
        raise ValueError(f"{name[:40]} has no value")
    return words


def _word(line: str, at: int) -> tuple[str, str, int]:
    """The value that begins here, the quote that opens it, and where it ends."""
    quote = line[at] if line[at] in QUOTES else ""
    if quote:
        end = line.find(QUOTES[quote], at + 1)
        if end == -1:
            raise ValueError(f"{line[at : at + 40]} is not closed by {QUOTES[quote]}")
        return line[at + 1 : end], quote, end + 1
    end = at
    while end < len(line) and line[end] not in SPACE + ",=" and not _is_comment(line, end):  # ends: goes on by one
        end += 1
    return line[at:end], "", end


def _is_comment(line: str, at: int) -> bool:
    return line[at] == "!" or line.startswith("//", at)


def _skip(line: str, at: int) -> int:
    while at < len(line) and line[at] in SPACE:  # ends: goes on by one
        at += 1
    return at
