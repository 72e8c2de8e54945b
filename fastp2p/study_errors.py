"""What is wrong with a study file, in words: one sentence per fault, by the key that the user wrote."""

from __future__ import annotations

import difflib
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

OTHER_KIND = {"tuple_type", "model_type", "model_attributes_type", "dict_type"}
"""Complaints of a union's other branches; left out where a first one has said what is wrong."""
GONE = {
    "market.same_bus": 'a bus trades only with others under orders = "net"; leave the key out',
}
"""Keys that studies once had, and what to do without them."""


def validation_faults(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One sentence per fault, by key; a union's branches count as one."""
    faults: dict[str, str] = {}
    tables: dict[str, Any] = {}
    for fault in error.errors():
        place = [str(part) for part in fault["loc"]]
        keys = _known_keys(place, model)
        key = ".".join(keys)
        inside = place[-1] != keys[-1]  # of a union's branch
        tables.setdefault(key, fault["input"])
        if _is_of_another_branch(place[len(keys) :], tables[key]):
            continue
        if fault["type"] == "extra_forbidden" and not inside:
            owner = _model_at(keys[:-1], model)
            near = difflib.get_close_matches(keys[-1], list(owner.model_fields), n=1)
            if key in GONE:
                faults[key] = f"{key} is no longer a key: {GONE[key]}"
            elif near:
                faults[key] = f"unknown key {key}; did you mean {near[0]}?"
            else:
                faults[key] = f"unknown key {key}; known are {', '.join(owner.model_fields)}"
        elif fault["type"] == "missing" and not inside:
            faults[key] = f"{key} is missing"
        elif not (fault["type"] in OTHER_KIND and key in faults):
            message = fault["msg"].removeprefix("Value error, ")
            if fault["type"] == "union_tag_not_found":
                message = "needs the key distribution"
            message = message[0].lower() + message[1:] + (f" ({place[-1]})" if inside and place[-1].isidentifier() else "")
            faults[key] = f"{faults[key]}, or {message}" if key in faults else f"{key} = {tables[key]!r}: {message}"
    return list(faults.values())


def _is_of_another_branch(inside: list[str], value: Any) -> bool:
    """Whether a complaint comes from a branch of a union that a table was not meant for."""
    if not isinstance(value, dict) or not inside:
        return False
    branch = inside[0]
    if branch.startswith("tagged-union"):
        return "series" in value or "of_transformer" in value
    if branch in ("Series", "OfTransformer"):
        return "distribution" in value
    return branch.startswith(("constrained-float", "tuple"))


def _known_keys(place: list[str], study: type[BaseModel]) -> list[str]:
    """The part of an error's place that a user wrote (pydantic adds the branch of a union)."""
    keys: list[str] = []
    model: type[BaseModel] | None = study
    for part in place:
        keys.append(part)
        if model is None or part not in model.model_fields:
            break
        kind: Any = model.model_fields[part].annotation
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        if model is None:
            # the entry of a list or table, where pydantic does not put the branch of a union first
            keys += [p for p in place[len(keys) : len(keys) + 1] if p.isdigit() or get_origin(kind) is dict]
            break
    return keys


def _model_at(keys: list[str], model: type[BaseModel]) -> type[BaseModel]:
    for key in keys:
        model = model.model_fields[key].annotation  # type: ignore[assignment]  # keys lead through models only
    return model
