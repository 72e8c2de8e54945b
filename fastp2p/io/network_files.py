"""Network files: read once, checked whole, and handed to pandapower as plain tables, numbers and texts.

pandapower's readers decode objects, call what a file names, follow paths in it, and cast columns without a word. So they never
see a file: they get text that is written again from the checked content, and holds only what a power flow reads. Controllers,
results, profiles, costs, coordinates and the library of standard types are left out.
"""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.io.parsers import TextParser  # type: ignore[attr-defined]  # not in the stubs

from fastp2p.errors import InputError, refuse
from fastp2p.io.elements import BUS_COLUMNS, WITHOUT_FLOWS, element_faults, short
from fastp2p.io.network_names import FRAMES, NET, foreign_names, parsed
from fastp2p.io.paths import network_content
from fastp2p.io.workbook import DIGITS, workbook_cells

MOST_BRACKETS = 5_000_000
"""Lists and objects of a JSON file: empty ones take twenty times their text in memory."""
MOST_COLUMNS, MOST_TEXT = 1_000, 40
"""Columns of a table; characters of a version."""
CURVES = ("trafo_characteristic_table", "shunt_characteristic_table")
TABLES = ("bus", *BUS_COLUMNS, *CURVES)
"""What power flows read."""
NUMBERS = ("f_hz", "sn_mva", "sn_kva")
VERSIONS = ("version", "format_version")
DTYPES = {
    "object", "str", "string", "category", "bool", "boolean",
    *(f"{kind}{bits}" for kind in ("int", "uint", "Int", "UInt") for bits in (8, 16, 32, 64)), "float16", "float32", "float64",
    "Float32", "Float64",
}  # fmt: skip
"""Types of columns that are handed on; pandapower finds out the others."""
Entries = dict[str, Any]


def network_text(path: Path, empty: Mapping[str, pd.DataFrame]) -> str:
    """The JSON text that ``pandapower.from_json_string`` shall read for a .json or .xlsx file.

    Parameters
    ----------
    path : Path
    empty : mapping of name to DataFrame
        Tables that pandapower has for a network; those that have no place in a power flow here are refused, if they have rows.

    Raises
    ------
    InputError
        What cannot be read, or is malformed, or names what no network needs, with its place.
    """
    content = network_content(path) or b""
    try:
        entries = _of_workbook(content) if path.suffix.lower() == ".xlsx" else _of_json(content)
        known = [*TABLES, *(name for name in empty if name not in TABLES and name not in WITHOUT_FLOWS)]
        entries |= {name: _table(name, entries[name]) for name in known if name in entries}
        tables = {name: _frame(name, entries[name]) for name in known if name in entries}
        refuse([*_number_faults(entries), *element_faults(tables, [one for one in known if one not in CURVES], complete=False)])
        return json.dumps(_typed(NET, _handed_on(entries)))
    except InputError as error:
        raise InputError([f"network file {path}: {fault}" for fault in error.faults]) from error


def _of_json(content: bytes) -> Entries:
    """What a JSON network holds by name, once it names nothing foreign; objects as they are in the file."""
    if content.count(b"[") + content.count(b"{") > MOST_BRACKETS:
        raise InputError(f"has more than {MOST_BRACKETS:,} lists and objects; leave out results and profiles")
    try:
        document = parsed(content.decode("utf-8-sig"))
        refuse(foreign_names(document, ""))
        text = document.get("_object") if isinstance(document, dict) else None
        if isinstance(text, str):  # as early versions of pandapower wrote it
            document = {**document, "_object": parsed(text)}
    except UnicodeDecodeError as error:
        raise InputError(f"could not read it as UTF-8 text ({error}); save it with pandapower.to_json") from error
    except json.JSONDecodeError as error:
        raise InputError(f"could not read it as JSON ({error})") from error
    if not isinstance(document, dict):
        raise InputError(f"holds {short(document)}, not a pandapower network")
    if (document.get("_module"), document.get("_class")) == NET and isinstance(document.get("_object"), dict):
        return dict(document["_object"])
    if "bus" in document and "_module" not in document:  # before version 1.4; its numbers are in a table of their own
        parameters = document.get("parameters")
        numbers = parameters.get("parameter") if isinstance(parameters, dict) else None
        return {**document, **(numbers if isinstance(numbers, dict) else {})}
    raise InputError("holds no pandapower network; save it with pandapower.to_json")


def _of_workbook(content: bytes) -> Entries:
    """What a workbook holds by name, once its cells name nothing foreign: tables, and the numbers among the parameters."""
    cells = workbook_cells(content, lambda name: not (name.startswith("res_") or name.endswith("_profiles")))
    sheets: Entries = {}
    for name, rows in cells.items():
        frame = TextParser(list(rows.values()), header=0, index_col=0).read() if rows else pd.DataFrame()
        plain = frame.astype(object).where(frame.notna(), None)
        sheets[name] = {"columns": list(plain.columns), "index": plain.index.tolist(), "data": plain.to_numpy().tolist()}
    refuse(foreign_names(sheets, ""))
    if "bus" not in sheets:
        raise InputError("holds no pandapower network: it has no sheet bus; save it with pandapower.to_excel")
    for element, column, dtype in (row for row in sheets.pop("dtypes", {"data": []})["data"] if len(row) == 3):
        if element in sheets:
            sheets[element].setdefault("dtype", {})[column] = dtype
    options, numbers = (_first_row(name, sheets.pop(name, None)) for name in ("user_pf_options", "parameters"))
    return {**sheets, **numbers, "user_pf_options": options}


def _first_row(sheet: str, table: Any) -> Entries:
    """The values of a sheet of one row by name; those of a sheet of one column, as early versions have it, by its index."""
    if not table or not table["data"]:
        return {}
    is_column = table["columns"] == ["parameter"]
    names, values = (table["index"], [row[0] for row in table["data"]]) if is_column else (table["columns"], table["data"][0])
    odd = [one for one in names if not isinstance(one, str)]
    refuse([f"sheet {sheet}: has an entry named {short(one)}; a name must be a text" for one in odd[:1]])
    return dict(zip(names, values, strict=True))


def _table(name: str, entry: Any) -> Any:
    """A table as its columns, index and rows, with the types of its columns; what is none, as it is."""
    content, dtype = entry, entry.get("dtype") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and (entry.get("_module"), entry.get("_class")) in FRAMES:
        try:
            content = parsed(entry["_object"])
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise InputError(f"table {name}: could not read its rows as JSON ({error})") from error
    if not isinstance(content, dict):
        return entry
    if not {"columns", "index", "data"} <= set(content):  # column by column
        if not all(isinstance(one, dict) for one in content.values()):
            return entry
        index = list(next(iter(content.values()), {}))
        if any(len(column) != len(index) for column in content.values()):  # one long and many empty ones would be little text
            raise InputError(f"table {name}: has columns that are longer or shorter than others")
        numbers = [int(one) if one.isdecimal() and len(one) <= DIGITS else one for one in index]
        rows = [[column.get(one) for column in content.values()] for one in index]
        content = {"columns": list(content), "index": numbers, "data": rows}
    dtype = (
        {key: one for key, one in dtype.items() if isinstance(one, str) and one in DTYPES} if isinstance(dtype, dict) else {}
    )
    return {key: content[key] for key in ("columns", "index", "data")} | {"dtype": dtype}


def _frame(name: str, table: Any) -> Any:
    """A table of `_table` as a frame, nothing cast; what is none, as it is."""
    if not isinstance(table, dict) or "data" not in table:
        return table
    columns, index, data = table["columns"], table["index"], table["data"]
    if not all(isinstance(one, list) for one in (columns, index, data)):
        raise InputError(f"table {name}: its columns, index and data must be lists")
    odd = [one for one in columns if not isinstance(one, str)]
    faults = [f"table {name}: has a column named {short(one)}; a name must be a text" for one in odd[:1]]
    if len(columns) > MOST_COLUMNS:
        faults.append(f"table {name}: has {len(columns):,} columns; more than {MOST_COLUMNS:,} are not read")
    if any(isinstance(one, list | dict) for one in index):
        faults.append(f"table {name}: its index holds lists; number the elements")
    if len(index) != len(data) or any(not isinstance(row, list) or len(row) != len(columns) for row in data):
        faults.append(f"table {name}: has rows that are longer or shorter than its columns or its index")
    refuse(faults)
    return pd.DataFrame(data, index=pd.Index(index, dtype=object), columns=columns, dtype=object)


def _number_faults(entries: Entries) -> list[str]:
    """Numbers and versions that pandapower would stumble over, or not stumble over."""
    numbers = [name for name in NUMBERS if name in entries and not isinstance(_scalar(entries[name]), int | float)]
    given = {name: _scalar(entries[name]) for name in VERSIONS if name in entries}
    versions = [name for name, one in given.items() if not (isinstance(one, int | float | str) and len(str(one)) <= MOST_TEXT)]
    return [f"the network's {name} = {short(entries[name])}: must be a number" for name in numbers] + [
        f"the network's {name} = {short(entries[name])}: must be the number of a version, as in 3.5.4" for name in versions
    ]


def _handed_on(entries: Entries) -> Entries:
    """The entries that power flows read, without an object in them."""
    found: Entries = {name: _scalar(entries[name]) for name in (*NUMBERS, *VERSIONS) if name in entries}
    if isinstance(entries.get("name"), str):
        found["name"] = entries["name"]
    options = entries.get("user_pf_options")
    if isinstance(options, dict):
        found["user_pf_options"] = {key: one for key, one in options.items() if isinstance(one, str | int | float)}
    for name in TABLES:
        if name in entries:
            table = entries[name]
            dtype = table.pop("dtype")
            table["data"] = [[_cell(one) for one in row] for row in table["data"]]
            table["index"] = [_cell(one) for one in table["index"]]
            found[name] = _typed(("pandas.core.frame", "DataFrame"), json.dumps(table)) | {"orient": "split", "dtype": dtype}
    return found


def _typed(pair: tuple[str, str], thing: Any) -> Entries:
    return {"_module": pair[0], "_class": pair[1], "_object": thing}


def _scalar(one: Any) -> Any:
    """A value, also where pandapower says that it is one of NumPy's."""
    return one.get("_object") if isinstance(one, dict) and one.get("_module") == "numpy" else one


def _cell(one: Any) -> Any:
    """A cell as every reader of JSON takes it: finite numbers of 64 bits, texts; None for the rest, such as coordinates."""
    if isinstance(one, str) or one is None or isinstance(one, bool):
        return one
    if isinstance(one, int):
        return one if abs(one) < 2**63 else float(one)
    if not isinstance(one, float) or math.isnan(one):
        return None
    return one if abs(one) >= sys.float_info.min else 0.0  # pandas' reader takes no smaller ones
