"""Text from elsewhere (files, arguments, other packages) as it may be shown: on one line, of stated length, hiding nothing."""

import difflib
import re
import unicodedata
from collections.abc import Iterable

LONGEST = 1_000
"""Characters of one message; of a longer one its beginning and end are kept."""
HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories that are shown as escapes: control, format and direction, private, surrogates, line ends."""
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Letters and marks that show nothing."""
MOST_MARKS = 4
"""Combining marks upon one letter, of which any number could be stacked over the lines around."""
LONGEST_UNIT = 20
LONGEST_NAME, MOST_NAMES = 100, 2_000
"""Of names that are compared: the time that this takes grows with the product of both."""


def printable(text: str) -> str:
    """A text on one line, with what would steer a terminal or is not seen as escapes; escaping it again changes nothing."""
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for one in text:
        kind = unicodedata.category(one)
        marks = marks + 1 if kind[0] == "M" else 0
        if "\udc80" <= one <= "\udcff":  # a byte of a file name that is no text
            shown.append(f"\\x{ord(one) - 0xDC00:02x}")
        elif kind in HIDDEN or one in BLANK or marks > MOST_MARKS:
            shown.append(one.encode("unicode_escape").decode())
        else:
            shown.append(one)
    return "".join(shown)


def shown_text(text: str, most: int = LONGEST) -> str:
    """A text as `printable`, its middle left out where it is longer than that."""
    return _shortened(printable(_shortened(text, most)), most)


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head = 2 * most // 3
    return f"{text[:head]} … {text[len(text) - (most - head - 3) :]}"


def nearest(word: str, known: Iterable[str], n: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known words that are most like one, of those that can be compared in a moment."""
    if len(word) > LONGEST_NAME:
        return []
    short = [one for one, _ in zip(known, range(MOST_NAMES), strict=False) if len(one) <= LONGEST_NAME]
    return difflib.get_close_matches(word, short, n=n, cutoff=cutoff)


def escaped_toml(text: str) -> str:
    """A TOML document that has no multi-line texts, with what `printable` escapes as escapes of TOML."""
    return re.sub(r"[^\n -~]", _toml_escape, text)


def _toml_escape(found: re.Match[str]) -> str:
    one = found[0]
    return one if printable(one) == one else f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"
