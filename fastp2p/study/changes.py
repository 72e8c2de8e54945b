"""Changing a study from Python: sections merged key by key, values as a study file would hold them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from fastp2p.study.faults import shown


def as_tables(value: Any) -> Any:
    """A value as a study file holds it: models as tables, arrays as lists, paths as texts; what is unknown stays as it is."""
    if type(value) in (float, int, str, bool):
        return value
    if isinstance(value, BaseModel):
        return {key: as_tables(one) for key, one in vars(value).items()}
    if isinstance(value, Mapping):
        return {key: as_tables(one) for key, one in value.items()}
    if isinstance(value, list | tuple | range):
        return [as_tables(one) for one in value]
    if hasattr(value, "tolist"):  # of NumPy and pandas, numbers as well as arrays
        return value.tolist()
    return str(value) if isinstance(value, Path) else value


def merge(model: BaseModel, changes: Mapping[str, Any], where: str = "") -> tuple[dict[str, Any], list[str]]:
    """The tables of a model with some keys changed, and faults in the form of the changes.

    Parameters
    ----------
    model : BaseModel
    changes : mapping
        By key. A table changes the keys that it names of a section; any other value is replaced whole. None brings a key,
        or a whole section, back to its default.
    where : str
        Section that the keys are of, for messages.
    """
    tables, faults = {key: as_tables(one) for key, one in vars(model).items()}, []
    for key, value in changes.items():
        before = getattr(model, str(key), None)
        section = section_type(type(model), key)
        if value is None and key in type(model).model_fields:
            tables.pop(key, None)
        elif isinstance(before, BaseModel) and section and isinstance(value, Mapping):
            tables[key], inside = merge(before, value, f"{where}{key}.")
            faults += inside
        elif section and not isinstance(value, Mapping | section):
            first = next(iter(section.model_fields))
            faults.append(
                f"{where}{key} = {shown(value)}: is a section; name the keys to change in it, as in {key}={{{first!r}: …}}"
            )
        else:
            tables[key] = as_tables(value)
    return tables, faults


def section_type(model: type[BaseModel], key: str) -> Any:
    """The model of a section, and of an optional one; None for a key that holds a value, such as a distribution."""
    kind: Any = model.model_fields[key].annotation if key in model.model_fields else None
    kinds = [one for one in get_args(kind) or (kind,) if one is not type(None)]
    return kinds[0] if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel) else None
