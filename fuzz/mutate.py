"""Mutations that every target shares: of bytes, of lines, of trees of dicts and lists, and values from a JSON schema."""

import contextlib
import copy
import os
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

NUMBERS = [0, 1, 2, 3, 5, 24, 0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.95, 1.0, 1.5, 4.0, 50.0, 1e3]
"""That studies and networks may well have."""
TEXTS = ["", " ", "a", "nan", "0", "-1", "1,5", "1.000,5", "x" * 3000, "ä☀", "\x1b[31m", "\u202e", "\0", "a\nb", "../..", "/"]
TEXTS += ["[red]x[/red]", "[/]", "$x^2$", "$\\frac$", "{0}", "%s", "C:\\x", "load:2018", ".", "True", "1e999", "٣", "\ud7ff"]
STRANGE = [*TEXTS, -1, 2**31, 2**40, 2**63, 2**64, -(2**63), 10**30, 10**400, -0.5, -0.0, 1e-300, 1e12, 1e300, float("nan")]
STRANGE += [float("inf"), float("-inf"), True, False, None, [], {}, [[]], [1, "a", None], {"a": {}}, [0.5] * 400]
EXTREMES = [1e6, 1e9, 1e12, 1e300, 1.7e308, -1e300, 1e-300, 5e-324, 10**9, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**12]
"""Numbers that a type allows and nobody means."""
CONTROLS = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x08" * 9,
    "\r",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e",
    "\u2066",
    "\u200f",
    "\0",
]
"""What a terminal obeys."""
DATES = [
    date(1677, 9, 21),
    date(1677, 9, 22),
    date(2262, 4, 11),
    date(2262, 4, 12),
    date(2018, 1, 1),
    date(1, 1, 1),
    date(9999, 12, 31),
    datetime(2018, 3, 25, 2, 30),
    time(1, 2),
]
HEADINGS = ["hour", "time", "profile", "timestamp", "load_kwh_per_home", "pv_kwh_per_kwp", "units_represented", "00:00"]
HEADINGS += ["home [kW]", "a [kWh/kWp]", "home [Wh]", "home [MW]", "out.electricity.total.energy_consumption..kwh", "bus"]
STAMPS = ["2018-10-28T02:30+02:00", "2018-01-01T00:00:00.000000001", "0001-01-01", "1677-09-21", "2018-01-01T00:00-06"]
STAMPS += ["2018-03-25 02:30", "31.12.2016 23:45", "2018-01-01 24:00", "9999-12-31 23:59", "2018-01-01 00:00 +01:00"]
JUNK = [bytes([one]) for one in b"\0\r\n\t \"',;=-#[]{}\\\xe2"]
JUNK += [b"\xff\xfe", b"\xef\xbb\xbf", b"1e999", b"nan", b"9" * 5000, b"[" * 3000, b"2" * 19]

Rows = list[list[Any]]


class Case(NamedTuple):
    """An input: files by name, the mutated one first, and the arguments of the command line."""

    files: dict[str, bytes | str]
    arguments: list[str]


class Finding(NamedTuple):
    """What is wrong, and where: two findings with the same words are one."""

    kind: str
    place: str


def put(path: Path, what: bytes | str) -> None:
    """Write a file; or make what is none, named by a text: a pipe, a folder, a link to somewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(what, bytes):
        path.write_bytes(what)
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir(exist_ok=True)
    else:
        path.symlink_to(what.removeprefix("link to "))


class Turns:
    """Mutations of one input, each with a random stream of its own, so that a shrinker may leave out some."""

    def __init__(self, random: Random, skip: frozenset[int]) -> None:
        self.random, self.skip, self.count = random, skip, 0

    def mutate(self, thing: Any, mutations: list[Callable[[Random, Any], Any]], most: int) -> Any:
        """At most `most` mutations of a thing, mostly one or two; each returns it changed, or changes it in place."""
        for _ in range(min(most, int(self.random.expovariate(0.7)) + 1)):
            turn = Random(self.random.getrandbits(64))
            self.count += 1
            if self.count - 1 not in self.skip:
                with contextlib.suppress(
                    IndexError, KeyError, TypeError, ValueError, AttributeError
                ):  # nothing there to change
                    thing = turn.choice(mutations)(turn, thing)
        return thing


def flip_byte(turn: Random, data: bytes) -> bytes:
    at = turn.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << turn.randrange(8)]) + data[at + 1 :]


def insert_junk(turn: Random, data: bytes) -> bytes:
    at = turn.randrange(len(data) + 1)
    return data[:at] + turn.choice(JUNK) + data[at + turn.choice([0, 0, 1]) :]


def cut_bytes(turn: Random, data: bytes) -> bytes:
    at = turn.randrange(len(data))
    return data[:at] + (b"" if turn.random() < 0.2 else data[at + turn.randrange(1, 40) :])


def copy_bytes(turn: Random, data: bytes) -> bytes:
    start, at = turn.randrange(len(data)), turn.randrange(len(data))
    return data[:at] + data[start : start + turn.randrange(1, 200)] + data[at:]


def change_lines(turn: Random, data: bytes) -> bytes:
    """Leave out, double or swap lines."""
    lines = data.splitlines(keepends=True)
    one, other = turn.randrange(len(lines)), turn.randrange(len(lines))
    how = turn.randrange(3)
    if how == 0:
        del lines[one]
    elif how == 1:
        lines.insert(other, lines[one])
    else:
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def recode(turn: Random, data: bytes) -> bytes:
    encoding = turn.choice(["utf-16", "latin-1", "utf-8-sig", "cp437"])
    return turn.choice([data, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r")]).decode().encode(encoding, "replace")


BYTES = [flip_byte, insert_junk, cut_bytes, copy_bytes]
LINES = [*BYTES, change_lines, change_lines, recode]


def strange(turn: Random) -> Any:
    return copy.deepcopy(turn.choice(STRANGE))  # later mutations may change it


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container and key in a tree of dicts and lists."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else []
    return [place for key in keys for place in ((tree, key), *places(tree[key]))]


def replace_value(turn: Random, tree: Any) -> Any:
    where, key = turn.choice(places(tree))
    where[key] = strange(turn)
    return tree


def drop_key(turn: Random, tree: Any) -> Any:
    where, key = turn.choice(places(tree))
    del where[key]
    return tree


def misspell_key(turn: Random, tree: Any) -> Any:
    where, key = turn.choice([place for place in places(tree) if isinstance(place[0], dict)])
    at = turn.randrange(len(key) + 1)
    where[turn.choice([key[:at] + key[at + 1 :], key.upper(), key + " ", f"{key}.a", turn.choice(TEXTS)])] = where.pop(key)
    return tree


def nest_value(turn: Random, tree: Any) -> Any:
    where, key = turn.choice(places(tree))
    where[key] = turn.choice([[where[key]], {"a": where[key]}, [where[key]] * 3, str(where[key])])
    return tree


def set_extreme(turn: Random, tree: Any) -> Any:
    """Another number where there is one."""
    where, key = turn.choice([(where, key) for where, key in places(tree) if isinstance(where[key], (int, float))])
    where[key] = turn.choice(EXTREMES)
    return tree


def set_control(turn: Random, tree: Any) -> Any:
    """A text, or a name, that would do something to a terminal."""
    where, key = turn.choice(places(tree))
    if isinstance(where[key], str) and turn.random() < 0.8:
        at = turn.randrange(len(where[key]) + 1)
        where[key] = where[key][:at] + turn.choice(CONTROLS) + where[key][at:]
    elif isinstance(where, dict):
        where[f"{key}{turn.choice(CONTROLS)}"] = where.pop(key)
    return tree


TREE = [replace_value, replace_value, drop_key, misspell_key, nest_value]


def any_cell(turn: Random) -> Any:
    kinds = [lambda: strange(turn), lambda: turn.choice(NUMBERS), lambda: turn.choice(STAMPS), lambda: turn.choice(DATES)]
    return turn.choice(kinds)()


def set_cell(turn: Random, rows: Rows) -> Rows:
    row = turn.choice(rows)
    row[turn.randrange(len(row))] = turn.choice([any_cell(turn), turn.choice(turn.choice(rows))])
    return rows


def set_number(turn: Random, rows: Rows) -> Rows:
    """Another number where there is one."""
    row = turn.choice(rows[1:])
    row[turn.choice([at for at, cell in enumerate(row) if isinstance(cell, float)])] = turn.choice(NUMBERS)
    return rows


def set_heading(turn: Random, rows: Rows) -> Rows:
    rows[0][turn.randrange(len(rows[0]))] = turn.choice([*HEADINGS, *TEXTS, turn.choice(rows[0])])
    return rows


def change_rows(turn: Random, rows: Rows) -> Rows:
    """Leave rows out, double one, swap two, lengthen or shorten one."""
    one, other = turn.randrange(len(rows)), turn.randrange(len(rows))
    how = turn.randrange(5)
    if how == 0:
        del rows[one : one + turn.choice([1, 1, 2, 1000])]
    elif how == 1:
        rows.insert(other, [*rows[one]])
    elif how == 2:
        rows[one], rows[other] = rows[other], rows[one]
    elif how == 3:
        rows[one].append(any_cell(turn))
    else:
        del rows[one][-1]
    return rows


def change_columns(turn: Random, rows: Rows) -> Rows:
    """Leave a column out, double it, fill it with one value, or keep two equal rows only."""
    column, how, value = turn.randrange(len(rows[0])), turn.randrange(4), any_cell(turn)
    for row in rows if how < 2 else rows[1:] if how == 2 else []:
        if how == 0:
            del row[column]
        elif how == 1:
            row.append(row[column])
        else:
            row[column] = value
    return [rows[0], rows[1], [*rows[1]]] if how == 3 else rows


ROWS = [set_cell] * 2 + [set_number] * 3 + [set_heading, change_rows, change_rows, change_columns]


def sample(turn: Random, schema: dict[str, Any], whole: dict[str, Any], words: list[str]) -> Any:
    """A value that a JSON schema allows, or nearly: bounds may be missed, texts are among `words`."""
    if "$ref" in schema:
        return sample(turn, whole["$defs"][schema["$ref"].rpartition("/")[2]], whole, words)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return sample(turn, turn.choice([one for one in schema[several] if one.get("type") != "null"]), whole, words)
    if "const" in schema or "enum" in schema:
        return turn.choice(schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind == "object":
        if "properties" not in schema:
            return {turn.choice(words): sample(turn, schema.get("additionalProperties", {}), whole, words)}
        named = schema["properties"].items()
        given = {name: one for name, one in named if name in schema.get("required", ()) or turn.random() < 0.3}
        return {name: sample(turn, one, whole, words) for name, one in given.items()}
    if kind == "array":
        return [sample(turn, schema.get("items", {}), whole, words) for _ in range(turn.choice([0, 1, 1, 2, 2, 3, 24]))]
    if kind in ("number", "integer"):
        ends = [schema[name] for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if name in schema]
        found = turn.choice([*NUMBERS, *NUMBERS, *ends]) * turn.choice([1, 1, 1, 1, -1])
        return int(found) if kind == "integer" else float(found)
    if kind == "boolean":
        return turn.random() < 0.5
    if schema.get("format") == "date":
        return turn.choice(DATES)
    return turn.choice(words if turn.random() < 0.9 else TEXTS)
