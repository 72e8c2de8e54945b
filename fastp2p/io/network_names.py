"""The classes that a network file may name: pandapower's reader imports and calls whatever it finds as `_module` and `_class`.

No objects are made of the allowed ones either: `network_files` hands on tables, numbers and texts only. Any other name comes
from a file that was made to run something, or from a program that is unknown here.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastp2p.errors import InputError
from fastp2p.io.elements import first_faults, short

NET = ("pandapower.auxiliary", "pandapowerNet")
FRAMES = {("pandas.core.frame", "DataFrame"), ("pandas", "DataFrame")}
_NUMPY = {
    "array", "bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
    "float64", "longlong", "ulonglong",
}  # fmt: skip
_NAMES: Mapping[str, set[str]] = {
    "builtins": {"complex", "tuple", "set", "frozenset"},
    "numpy": _NUMPY,
    "pandas": {"Series", "Index", "RangeIndex", "DatetimeIndex", "MultiIndex", "Int64Index", "UInt64Index", "Float64Index"},
    "pandas.core.series": {"Series"},
    "geopandas.geodataframe": {"GeoDataFrame"},
    "shapely": {"Point", "LineString", "Polygon"},
    "networkx": {"MultiGraph"},
    "pandapower.control.basic_controller": {"BasicCtrl", "Controller"},
    "pandapower.control.controller.DERController.der_control": {"DERController"},
    "pandapower.control.controller.characteristic_control": {"CharacteristicControl"},
    "pandapower.control.controller.const_control": {"ConstControl"},
    "pandapower.control.controller.dmr_control": {"DmrControl"},
    "pandapower.control.controller.pq_control": {"PQController"},
    "pandapower.control.controller.shunt_control": {"DiscreteShuntController", "ShuntController"},
    "pandapower.control.controller.station_control": {
        "BinarySearchControl", "ControlModusEnum", "DroopControl", "VDroopControl_local",
    },
    "pandapower.control.controller.trafo.ContinuousTapControl": {"ContinuousTapControl"},
    "pandapower.control.controller.trafo.DiscreteTapControl": {"DiscreteTapControl"},
    "pandapower.control.controller.trafo.TapDependentImpedance": {"TapDependentImpedance"},
    "pandapower.control.controller.trafo.USetTapControl": {"USetTapControl"},
    "pandapower.control.controller.trafo.VmSetTapControl": {"VmSetTapControl"},
    "pandapower.control.controller.trafo_control": {"TrafoController"},
    "pandapower.control.util.characteristic": {"Characteristic", "LogSplineCharacteristic", "SplineCharacteristic"},
    "pandapower.protection.protection_devices.fuse": {"Fuse"},
    "pandapower.protection.protection_devices.ocrelay": {"OCRelay"},
    "pandapower.timeseries.data_sources.frame_data": {"DFData"},
    "pandapower.timeseries.output_writer": {"OutputWriter"},
}  # fmt: skip
ALLOWED = {NET, *FRAMES, *((module, name) for module, names in _NAMES.items() for name in names)}
"""Exact pairs of module and class."""
DEEPEST = 60
"""Levels of lists, objects and texts of JSON inside one another; networks have a dozen."""


def parsed(text: str) -> Any:
    """What a JSON text says.

    Raises
    ------
    json.JSONDecodeError
        A text that is no JSON.
    InputError
        JSON that readers would take differently, or that none should try.
    """
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_int=_whole)
    except (json.JSONDecodeError, InputError):
        raise
    except RecursionError as error:
        raise InputError(f"is nested more than {DEEPEST} levels deep, which no network is") from error
    except ValueError as error:  # of Python's limit on digits
        raise InputError("holds a whole number of thousands of digits") from error


def foreign_names(thing: Any, place: str) -> list[str]:
    """Where a document names a module or class that no network needs: the first few, and how many more."""
    return first_faults(_foreign(thing, place, 0))


def _whole(digits: str) -> int | float:
    """A whole number; one of more than 64 bits as a float, which may be infinite: Python has them of any length."""
    number = int(digits)
    return number if abs(number) < 2**64 else float(digits)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, _ in pairs)
        twice = next(key for key, n in times.items() if n > 1)
        raise InputError(f"has the key {short(twice)} twice; keep one")
    return found


def _foreign(thing: Any, place: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        yield f"{place}: is nested more than {DEEPEST} levels deep, which no network is"
    elif isinstance(thing, str):
        try:
            yield from _foreign(parsed(thing), place, depth + 1)
        except json.JSONDecodeError:
            return  # a text like any other
        except InputError as error:
            yield f"{place}: {error}"
    elif isinstance(thing, list):
        for one in filter(_may_name, thing):
            yield from _foreign(one, place, depth + 1)
    elif isinstance(thing, dict):
        pair = (thing.get("_module"), thing.get("_class"))
        if ("_module" in thing or "_class" in thing) and not (all(isinstance(one, str) for one in pair) and pair in ALLOWED):
            named = short(".".join(one if isinstance(one, str) else repr(one) for one in pair), quoted=False)
            yield f"{place or 'the file'}: names {named}, which no network needs; remove it and save the network again"
            return
        for key, one in _placed(thing, place):
            if _may_name(one):
                yield from _foreign(one, key, depth + 1)


def _placed(thing: dict[str, Any], place: str) -> Iterable[tuple[str, Any]]:
    """What an object holds, each with its place: of a table, the row by its index and the column."""
    columns, index, data = (thing.get(key) for key in ("columns", "index", "data"))
    if isinstance(columns, list) and isinstance(index, list) and isinstance(data, list):
        for number, row in zip(index, data, strict=False):
            if isinstance(row, list):
                for column, one in zip(columns, row, strict=False):
                    if _may_name(one):
                        yield f"{place} {short(number)}, {short(column, quoted=False)}", one
    for key, one in thing.items():
        hidden = key in ("_object", "data", "columns", "index")
        yield place if hidden else f"{place}, {short(key, quoted=False)}" if place else short(key, quoted=False), one


def _may_name(one: Any) -> bool:
    """Whether there may be a name in it: in a text there is none without `_module`, spelt out or with escapes."""
    return ("_module" in one or "\\" in one) if isinstance(one, str) else isinstance(one, list | dict)
