"""pandapower's element tables: which of them the conversion knows, and checks of their content.

pandapower looks buses up by position in an array, without a check: an index of -1 ends in the process, 0.7 counts as 0. So
everything that refers to something is checked here, before pandapower sees it.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BUS_COLUMNS = {
    "line": ("from_bus", "to_bus"),
    "trafo": ("hv_bus", "lv_bus"),
    "trafo3w": ("hv_bus", "mv_bus", "lv_bus"),
    "impedance": ("from_bus", "to_bus"),
    "dcline": ("from_bus", "to_bus"),
    **dict.fromkeys(
        (
            "ext_grid", "gen", "switch", "shunt", "ward", "xward", "load", "asymmetric_load", "motor", "sgen",
            "asymmetric_sgen", "storage",
        ),
        ("bus",),
    ),
}  # fmt: skip
"""What a conversion knows, and the columns in which each element names its buses."""
WITHOUT_FLOWS = {"bus", "measurement", "pwl_cost", "poly_cost", "controller", "group"}
"""Known too; no power flow depends on them."""
LOADS = ("load", "asymmetric_load", "motor")
"""Tables of consumers."""
INJECTING = (*LOADS, "sgen", "asymmetric_sgen", "storage", "dcline")
"""Tables of nothing but injections, which a study replaces by its own; generators and wards are so in part."""
INJECTING_AT_A_BUS = (*(table for table in INJECTING if table != "dcline"), "gen")
SWITCHED = {"b": "bus", "l": "line", "t": "trafo", "t3": "trafo3w"}
"""The table that a switch's `element` refers to, by its `et`."""
FLAGS = {"switch": ("closed",), "gen": ("in_service", "slack")}
"""Columns that must be true or false, though `slack` may be missing; those of the other elements are `in_service`."""
NUMBERS = {
    "bus": ("vn_kv",),
    "line": ("length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "g_us_per_km", "parallel"),
    "trafo": (
        "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree", "parallel",
    ),
    "trafo3w": (
        *(f"{name}_{side}_{unit}" for name, unit in (("sn", "mva"), ("vn", "kv"), ("vk", "percent"), ("vkr", "percent"))
          for side in ("hv", "mv", "lv")), "pfe_kw", "i0_percent", "shift_mv_degree", "shift_lv_degree",
    ),
    "impedance": ("rft_pu", "xft_pu", "rtf_pu", "xtf_pu", "sn_mva"),
    "shunt": ("p_mw", "q_mvar", "step"),
    "ward": ("ps_mw", "qs_mvar", "pz_mw", "qz_mvar"),
    "xward": ("ps_mw", "qs_mvar", "pz_mw", "qz_mvar", "r_ohm", "x_ohm", "vm_pu"),
    "ext_grid": ("va_degree",),
    "load": ("p_mw", "scaling"), "sgen": ("p_mw", "scaling"), "storage": ("p_mw", "scaling"), "gen": ("p_mw",),
}  # fmt: skip
"""Columns that must hold a finite number where the element is in service."""
POSITIVE = {
    "bus": ("vn_kv",),
    "line": ("parallel",),
    "trafo": ("vn_hv_kv", "vn_lv_kv", "parallel"),
    "trafo3w": ("vn_hv_kv", "vn_mv_kv", "vn_lv_kv"),
}
MAY_LACK = {"line": ("max_i_ka", "df"), "trafo": ("df", "tap_pos", "tap_neutral", "tap_step_percent", "tap_step_degree")}
"""Columns of numbers, some or all of which may be missing."""
LOOKED_UP = {"bus", "gen", "ext_grid", "xward"}
"""Tables for which pandapower allocates an array as long as the largest index."""
RANGES = {"sn_mva": (1e-6, 1e6), "f_hz": (1.0, 1000.0)}
MOST_LOOKED_UP, MOST = 10**7, 2**62
RENUMBER = "renumber the elements (pandapower.toolbox.create_continuous_elements_index)"
SHOWN, SHORT = 5, 40
"""Faults of one kind that are spelt out, the rest is a number; characters of a value that are shown."""


def element_faults(tables: Mapping[str, Any], known_to_pandapower: Iterable[str], *, complete: bool = True) -> list[str]:
    """What is wrong with the tables of a network: one sentence per fault, with element, index and column.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        A pandapower network is one, and so is what a file holds before pandapower casts its columns.
    known_to_pandapower : names of tables
        Those with a row that are not known here are refused: nobody has thought about them.
    complete : bool
        Whether all columns must be there, and their numbers be right; a file of an older pandapower may name them otherwise.
    """
    known = set(BUS_COLUMNS) | WITHOUT_FLOWS
    names = [name for name in known_to_pandapower if name in tables]
    faults = [
        f"table {name}: is {short(tables[name])}, not a table" for name in names if not isinstance(tables[name], pd.DataFrame)
    ]
    if faults:
        return faults
    for name in names:
        columns = Counter(one if isinstance(one, str) else repr(one) for one in tables[name].columns)  # a list has no hash
        doubled = ", ".join(column for column, n in columns.items() if n > 1)
        odd = ", ".join(repr(one) for one in tables[name].columns if not isinstance(one, Hashable))
        faults += [f"table {name}: has two columns {doubled}; keep one"] * bool(doubled)
        faults += [f"table {name}: has a column named {odd}; a name must be a text"] * bool(odd)
    if faults:
        return faults
    foreign = [name for name in names if name not in known and len(tables[name])]
    faults += [f"the network has {name} elements, which fastp2p does not model; remove them" for name in foreign]
    used = {name: tables[name] for name in ("bus", *BUS_COLUMNS) if name in tables and len(tables[name])}
    if "bus" not in used:
        return [*faults, *(["the network has no bus"] if complete else [])]
    faults += _index_faults("bus", used["bus"].index)
    if faults:
        return faults  # what refers to buses makes no sense then
    for name, table in used.items():
        faults += _index_faults(name, table.index) if name != "bus" else []
    ids = {name: {_integer(one) for one in table.index} for name, table in used.items()}
    for name, table in used.items():
        wanted = (*BUS_COLUMNS.get(name, ()), *FLAGS.get(name, ("in_service",)), *NUMBERS.get(name, ()))
        wanted += ("vm_pu",) * (name in ("ext_grid", "gen"))  # where it may lack a number
        missing = [column for column in wanted if complete and column not in table]
        faults += [f"table {name}: has no column {column}" for column in missing]
        if not missing:
            found = _reference_faults(name, table, ids["bus"])
            faults += found or (_number_faults(name, table) if complete else [])
    if "switch" in used and not faults:
        faults += _switch_faults(used, ids)
    return faults


def network_faults(net: Mapping[str, Any]) -> list[str]:
    """What is wrong with the numbers that a network has besides its tables, and with the names of its entries."""
    names = ", ".join(str(name) for name in net if not isinstance(name, str))
    return [f"the network's entries {names} have numbers as names; names must be texts"] * bool(names) + [
        f"the network's {name} = {short(net.get(name))}: must be a positive number, from {least:g} to {most:g}"
        for name, (least, most) in RANGES.items()
        if not (_is_number(net.get(name)) and least <= net[name] <= most)
    ]


def made_regular(net: Any, empty: Mapping[str, pd.DataFrame]) -> None:
    """Indices and bus columns of a checked network as integers, flags as Booleans, as pandapower takes them; in place.

    Tables without a row become the `empty` ones, as pandapower asks for their columns too.
    """
    for name, table in empty.items():
        if not len(net.get(name, ())):
            net[name] = table.copy()
    for name in ("bus", *BUS_COLUMNS):
        if len(net[name]):
            table = net[name] = net[name].copy()
            table.index = pd.Index(np.array([_integer(one) for one in table.index], np.int64), name=table.index.name)
            references = (*BUS_COLUMNS.get(name, ()), *(("element",) if name == "switch" else ()))
            for column in references:
                table[column] = np.array([_integer(one) for one in table[column]], np.int64)
            for column in FLAGS.get(name, ("in_service",)):
                table[column] = np.array([not _is_missing(one) and bool(one) for one in table[column]], bool)
            for column in MAY_LACK.get(name, ()):
                if column in table and not (isinstance(table[column].dtype, np.dtype) and table[column].dtype.kind in "iuf"):
                    table[column] = pd.to_numeric(table[column], errors="coerce").to_numpy(float, na_value=np.nan)


def left_alone(net: Any) -> None:
    """Remove every injection that a study replaces by its own: all but those of the external grids; in place.

    What draws power as an admittance stays, as do the voltages that extended wards hold.
    """
    for name in INJECTING:
        net[name] = net[name].iloc[:0]
    if len(net.gen):
        net["gen"] = net.gen[net.gen.slack.to_numpy().astype(bool)]
    for name in ("ward", "xward"):
        if len(net[name]):
            net[name] = net[name].assign(ps_mw=0.0, qs_mvar=0.0)


def load_buses(
    loads: dict[str, NDArray[np.int64]], known_id: NDArray[np.int64], known_position: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Where something consumes, and which tables of pandapower's say so."""
    tables: dict[int, list[str]] = {}
    for table, ids in loads.items():
        for position in np.unique(known_position[np.searchsorted(known_id, ids)]).tolist():
            tables.setdefault(position, []).append(table)
    tables.pop(-1, None)
    at = sorted(tables)
    return {"load_bus": np.array(at, np.int64), "load_kind": np.array([" and ".join(tables[bus]) for bus in at], str)}


def _index_faults(name: str, index: pd.Index) -> list[str]:
    most = MOST_LOOKED_UP if name in LOOKED_UP else MOST
    numbers = [_integer(one) for one in index]
    times = pd.Series(numbers, dtype=object).value_counts()

    def faults() -> Iterator[str]:
        for one, number in zip(index, numbers, strict=True):
            if number is None:
                yield f"{name} {one!r}: its index is not an integer; {RENUMBER}"
            elif number < 0:
                yield f"{name} {number}: its index is negative; {RENUMBER}"
            elif number > most:
                yield f"{name} {number}: its index is above {most:,}; {RENUMBER}"

    doubled = (f"{name} {one}: the index appears {n} times; {RENUMBER}" for one, n in times.items() if n > 1)
    return first_faults(faults()) + first_faults(doubled)


def _reference_faults(name: str, table: pd.DataFrame, buses: set[int | None]) -> list[str]:
    """Flags, and buses that do not exist."""
    found: list[str] = []
    for column in FLAGS.get(name, ("in_service",)):
        if column in table and (table[column].dtype.kind != "b" or table[column].isna().any()):
            no_flag = _no_slack_flag if column == "slack" else _no_flag
            found += first_faults(_each(name, table, column, no_flag, "is {!r}; it must be true or false"))
    for column in BUS_COLUMNS.get(name, ()):
        if column in table:
            unknown = "is {!r}, and there is no such bus"
            found += first_faults(
                _each(name, table, column, lambda one: _integer(one) is None or _integer(one) not in buses, unknown)
            )
    return found


def _number_faults(name: str, table: pd.DataFrame) -> list[str]:
    """Numbers of the elements in service that are none, or make no sense."""
    found: list[str] = []
    in_use = table[table.in_service.to_numpy().astype(bool)] if "in_service" in table else table
    for column in NUMBERS.get(name, ()):
        numeric = in_use[column].dtype.kind in "iuf"
        wrong = "is not finite ({!r})" if numeric else "is {!r}; it must be a finite number"
        faults = first_faults(_each(name, in_use, column, lambda one: not (_is_number(one) and math.isfinite(one)), wrong))
        if not faults and column in POSITIVE.get(name, ()):
            faults = first_faults(_each(name, in_use, column, lambda one: one <= 0, "is {!r}; it must be positive"))
        found += faults
    for column in MAY_LACK.get(name, ()):
        if column in table and in_use[column].dtype.kind not in "iuf":
            wrong = "is {!r}; it must be a number, or missing"
            found += first_faults(_each(name, in_use, column, lambda one: not (_is_number(one) or _is_missing(one)), wrong))
    return found


def _switch_faults(used: Mapping[str, pd.DataFrame], ids: Mapping[str, set[int | None]]) -> list[str]:
    """What switches refer to: an element that exists, and an end of it."""
    switch = used["switch"]
    faults = [f"table switch: has no column {column}" for column in ("bus", "et", "element") if column not in switch]
    if faults:
        return faults

    def each() -> Iterator[str]:
        rows = zip(switch.index, switch.bus, switch.et, switch.element, strict=True)
        for index, bus, et, element in rows:
            table = SWITCHED.get(et) if isinstance(et, str) else None
            number = _integer(element)
            if table is None:
                yield f"switch {index}: et is {et!r}; it must be one of {', '.join(SWITCHED)}"
            elif number is None or number not in ids.get(table, set()):
                yield f"switch {index}: element is {element!r}, and there is no such {table}"
            elif table != "bus":
                there = [column for column in BUS_COLUMNS[table] if column in used[table]]
                ends = [_integer(used[table][column].loc[element]) for column in there]
                if len(ends) == len(BUS_COLUMNS[table]) and _integer(bus) not in ends:
                    yield f"switch {index}: bus {bus} is not an end of {table} {number}"

    return first_faults(each())


def _each(name: str, table: pd.DataFrame, column: str, wrong: Callable[[Any], bool], what: str) -> Iterator[str]:
    for index, one in zip(table.index, table[column].tolist(), strict=True):
        if wrong(one):
            yield f"{name} {index}: {column} {what.format(one)}"


def first_faults(faults: Iterable[str]) -> list[str]:
    """The first few of one kind, the last of them with the number of the rest."""
    found = list(faults)
    if len(found) <= SHOWN:
        return found
    return [*found[: SHOWN - 1], f"{found[SHOWN - 1]} (and {len(found) - SHOWN} more like this)"]


def _integer(one: Any) -> int | None:
    """A whole number as an int, however it is stored; None for anything else."""
    if isinstance(one, bool | np.bool_) or not isinstance(one, int | float | np.integer | np.floating):
        return None
    return int(one) if math.isfinite(one) and int(one) == one else None


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float | np.integer | np.floating) and not isinstance(one, bool | np.bool_)


def _is_flag(one: Any) -> bool:
    return isinstance(one, bool | np.bool_) or (_is_number(one) and one in (0, 1))


def _no_flag(one: Any) -> bool:
    return not _is_flag(one)


def _no_slack_flag(one: Any) -> bool:
    return not (_is_flag(one) or _is_missing(one))


def short(one: Any, *, quoted: bool = True) -> str:
    """A value as a message shows it."""
    text = repr(one) if quoted else str(one)
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def _is_missing(one: Any) -> bool:
    return one is None or one is pd.NA or one != one
