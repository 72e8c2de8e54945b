"""Faults of a study in words: one sentence per fault, by the key that the user wrote."""

from __future__ import annotations

import math
import types
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from fastp2p.text import nearest, shown_text

GONE = {
    "market.same_bus": 'a bus trades only with others under orders = "net"; leave the key out',
}
"""Former keys of studies, and the way to do without them."""
ELSEWHERE = {"scenarios.sweep.pv": "scenarios.shares"}
"""Keys that one may look for in the wrong section, and the right ones."""
MOST_ENTRIES = 3
"""Wrong entries of one list that are shown one by one."""
LONGEST_VALUE = 100
"""Characters of a value that a message shows."""
MOST_KEYS = 20
"""Of a table that are looked at to see what kind it was meant to be."""
MOST_FAULTS = 200
"""Of one list or table that are put into words."""


def validation_faults(error: ValidationError, model: type[BaseModel], given: Any) -> list[str]:
    """One sentence per fault, by key.

    Where a key takes several kinds of value, such as a number, a list or a table, only the faults of the kind that was
    given are shown.

    Parameters
    ----------
    error : ValidationError
    model : type
        What was validated, such as `Study`.
    given : Any
        The values that were validated, as tables of tables.
    """
    worded: dict[tuple[str, ...], str] = {}
    of_table, further = Counter[tuple[Any, ...]](), Counter[tuple[str, ...]]()
    table_keys: dict[tuple[Any, ...], tuple[str, ...]] = {}
    for fault in error.errors(include_url=False):
        table = fault["loc"][:-1]
        of_table[table] += 1
        if of_table[table] > MOST_FAULTS:
            further[table_keys[table]] += 1
            continue
        keys, sentence = _sentence(fault, model, given)
        table_keys[table] = keys[:-1] if keys[-1].isdigit() else ()
        if sentence:
            worded.setdefault(keys, sentence)
    # a misspelt key is not missing as well
    meant = {(*keys[:-1], near) for keys, sentence in worded.items() if (near := _suggestion(sentence))}
    worded = {keys: sentence for keys, sentence in worded.items() if not (sentence.endswith(" is missing") and keys in meant)}
    return _counted(worded, further)


def _counted(worded: dict[tuple[str, ...], str], further: Counter[tuple[str, ...]]) -> list[str]:
    """The sentences; of a list with many wrong entries the first ones, and how many there are.

    `further` counts those that are not in words, by the keys of their list; without keys those of no list.
    """
    lists = Counter(keys[:-1] for keys in worded if keys[-1].isdigit()) + further
    sentences, so_far = [], Counter[tuple[str, ...]]()
    for keys, sentence in worded.items():
        so_far[keys[:-1]] += 1
        more = lists[keys[:-1]] - MOST_ENTRIES
        if not keys[-1].isdigit() or more <= 1 or so_far[keys[:-1]] <= MOST_ENTRIES:
            sentences.append(sentence)
        elif so_far[keys[:-1]] == MOST_ENTRIES + 1:
            sentences.append(f"{'.'.join(keys[:-1])}: {more:,} further entries are wrong, too")
    return sentences + ([f"and {further[()]:,} further faults"] if further[()] else [])


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, and not longer than a line."""
    if isinstance(value, int) and abs(value) >= 10**LONGEST_VALUE:
        return "a number of more than 100 digits"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # huge numbers in it, or nested too deeply
        return f"a {type(value).__name__}"
    return shown_text(" ".join(text.split()), LONGEST_VALUE)


def _sentence(fault: Any, model: type[BaseModel], given: Any) -> tuple[tuple[str, ...], str]:
    """The keys that a fault is about, and what is wrong; nothing where it is about another kind of value than was given."""
    kind, value, owner = _bare(model), given, model
    keys: list[str] = []
    place = list(fault["loc"])
    while True:  # ends: a round takes a piece off the place, or one of several kinds, or is the last
        alternatives = _alternatives(kind)
        if not place and fault["type"] == "missing":
            return tuple(keys), f"{'.'.join(keys)} is missing"
        if len(alternatives) > 1:
            meant = _meant(alternatives, value)
            if meant is None:
                return tuple(keys), f"{'.'.join(keys)} = {shown(value)}: must be {_listed(_words(alternatives))}"
            if place and not _is_of(meant, str(place.pop(0))):
                return tuple(keys), ""
            kind = meant
            continue
        kind = alternatives[0]
        if not place:
            break
        step = place.pop(0)
        if step == "[key]":
            return tuple(keys), f"{'.'.join(keys)}: the key {keys[-1]!r} must be a whole number"
        if _tag(kind):  # the name of the distribution, which the user wrote as a value
            kind = next(one for one in _members(kind) if step in get_args(one.model_fields[_tag(kind)].annotation))
            continue
        keys.append(str(step))
        value = _inside(value, step)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            owner = kind
            kind = _bare(kind.model_fields[step].annotation) if step in kind.model_fields else None
        else:
            kind = _bare((get_args(kind) or (None,))[-1 if get_origin(kind) is dict else 0])
    return tuple(keys), _fault_text(fault, keys, value, kind, owner, model)


def _fault_text(fault: Any, keys: list[str], value: Any, kind: Any, owner: type[BaseModel], model: type[BaseModel]) -> str:
    """One fault in words."""
    key = ".".join(keys)
    if key in GONE:
        return f"{key} is no longer a key: {GONE[key]}"
    if key in ELSEWHERE:
        return f"unknown key {key}; did you mean {ELSEWHERE[key]}?"
    if fault["type"] in ("extra_forbidden", "invalid_key"):
        return f"unknown key {key or repr(key)}{_way_out(keys[-1], owner, model)}"
    if fault["type"] == "union_tag_not_found":
        return f"{key} = {shown(value)}: needs the key {_tag(kind)}, {_listed([repr(name) for name in _tags(kind)])}"
    if fault["type"] == "union_tag_invalid":
        names = _tags(kind)
        near = nearest(str(value[_tag(kind)]), names)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"{key}.{_tag(kind)} = {shown(value[_tag(kind)])}: must be {_listed([f'{name!r}' for name in names])}{hint}"
    if isinstance(kind, type) and issubclass(kind, BaseModel) and not isinstance(value, Mapping):
        several = f"; write [{key}] in place of [[{key}]]" if isinstance(value, list) and value else ""
        return f"{key} = {shown(value)}: must be a table, with keys such as {key}.{next(iter(kind.model_fields))}{several}"
    if fault["type"] == "too_short":  # or, where entries are wrong, short of these
        return "" if value else f"{key} = {shown(value)}: must not be empty"
    if fault["type"].endswith("_type") or fault["type"].startswith("date_"):
        return f"{key} = {shown(value)}: must be {_listed(_words([kind]))}"
    if fault["type"] == "too_long":
        return (
            f"{key} = {shown(value)}: lists {fault['ctx']['actual_length']:,}; must list {fault['ctx']['max_length']:,} at most"
        )
    if isinstance(value, float) and not math.isfinite(value):
        return f"{key} = {shown(value)}: must be a finite number"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{key} = {shown(value)}: {message[0].lower()}{message[1:]}"


def _way_out(wrong: str, owner: type[BaseModel], model: type[BaseModel]) -> str:
    """The right key, if there is one like it, here or in another section; else all that there are."""
    if near := nearest(wrong, owner.model_fields):
        return f"; did you mean {near[0]}?"
    for section, field in model.model_fields.items():
        kind = _alternatives(_bare(field.annotation))[0]
        is_table = isinstance(kind, type) and issubclass(kind, BaseModel)
        if is_table and wrong.rpartition(".")[2] in kind.model_fields and kind is not owner:
            return f"; did you mean {wrong.rpartition('.')[2]} in the section {section}?"
        if wrong == section:
            return f"; did you mean the section {section}?"
    return f"; known are {', '.join(owner.model_fields)}"


def _suggestion(sentence: str) -> str:
    """The key that a sentence suggests in place of another one."""
    return sentence.rpartition("did you mean ")[2].rstrip("?") if sentence.startswith("unknown key ") else ""


def _bare(kind: Any) -> Any:
    """A type without its constraints, but with the mark of a tagged union."""
    while get_origin(kind) is Annotated and not _tag(kind):
        kind = get_args(kind)[0]
    return kind


def _tag(kind: Any) -> str:
    """The key that distinguishes the kinds of a tagged union; empty for other types."""
    if get_origin(kind) is not Annotated:
        return ""
    return next((one.discriminator for one in get_args(kind)[1:] if getattr(one, "discriminator", None)), "")


def _members(kind: Any) -> list[Any]:
    """The models of a tagged union."""
    return list(get_args(get_args(kind)[0]))


def _tags(kind: Any) -> list[str]:
    """The names that a tagged union takes."""
    return [get_args(one.model_fields[_tag(kind)].annotation)[0] for one in _members(kind)]


def _alternatives(kind: Any) -> list[Any]:
    """The kinds of value that a key takes."""
    if get_origin(kind) in (Union, types.UnionType):
        return [one for part in get_args(kind) if part is not type(None) for one in _alternatives(_bare(part))]
    return [kind]


def _meant(alternatives: list[Any], value: Any) -> Any:
    """The one of several kinds that a value is of, if any."""
    if isinstance(value, Mapping):
        alike = {
            i: sum(bool(nearest(str(key), _table_keys(kind))) for key in islice(value, MOST_KEYS))
            for i, kind in enumerate(alternatives)
        }
        likeliest = max(alike, key=lambda i: alike[i])
        return alternatives[likeliest] if alike[likeliest] else None
    return next((kind for kind in alternatives if not _table_keys(kind) and _fits(kind, value)), None)


def _table_keys(kind: Any) -> list[str]:
    """The keys of a table of this kind; none for other values."""
    models = _members(kind) if _tag(kind) else [kind]
    return [name for one in models if isinstance(one, type) and issubclass(one, BaseModel) for name in one.model_fields]


def _fits(kind: Any, value: Any) -> bool:
    """Whether a value is of a kind, apart from its limits."""
    if get_origin(kind) is Literal:
        return isinstance(value, str)
    if get_origin(kind) is tuple:
        return isinstance(value, Sequence) and not isinstance(value, str)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number if kind in (int, float) else isinstance(value, kind)


def _is_of(kind: Any, label: str) -> bool:
    """Whether pydantic's label of a union's branch is that of a kind."""
    if _tag(kind):
        return label.startswith("tagged-union")
    if _table_keys(kind):  # with a validator of its own a model is labelled "function-after[…, Model]"
        return kind.__name__ in label
    name = {Literal: "literal", tuple: "tuple"}.get(get_origin(kind), getattr(kind, "__name__", ""))
    return label.removeprefix("constrained-").startswith(str(name))


def _words(kinds: list[Any]) -> list[str]:
    """Kinds of value in words."""
    names = {dict: "a table", int: "a whole number", float: "a number", str: "a text", date: "a date such as 2024-06-21"}
    words: list[str] = []
    for kind in kinds:
        if _tag(kind):
            words.append(f"a table with the key {_tag(kind)}")
        elif get_origin(kind) is Literal:
            words += [repr(word) for word in get_args(kind)]
        elif keys := _table_keys(kind):
            words.append(f"a table with the key {keys[0]}")
        elif kind is bool:
            words += ["true", "false"]
        elif get_origin(kind) is tuple:
            words.append("a list")
        else:
            words.append(names.get(get_origin(kind) or kind, "of another kind"))
    return words


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _inside(value: Any, step: Any) -> Any:
    """What a table or list holds at a place, whose key may be a text in the file; the whole where it holds nothing there."""
    for key in (step, str(step)):
        try:
            return value[key]
        except (KeyError, IndexError, TypeError):
            continue
    return value
