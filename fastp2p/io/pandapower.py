"""pandapower networks as arrays: the only file that knows pandapower and its units.

pandapower converts and validates (`rundcpp` on a copy); its internal bus, branch and generator tables are then read
out once, in kW. Nothing of pandapower is kept.
"""

import copy
import difflib
import hashlib
import inspect
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pandas as pd
from numpy.typing import NDArray
from pandapower.auxiliary import _init_runpp_options
from pandapower.pd2ppc import _pd2ppc
from pandapower.pypower.idx_brch import (
    BR_B,
    BR_B_ASYM,
    BR_G,
    BR_G_ASYM,
    BR_R,
    BR_R_ASYM,
    BR_STATUS,
    BR_X,
    BR_X_ASYM,
    F_BUS,
    SHIFT,
    T_BUS,
    TAP,
)
from pandapower.pypower.idx_bus import BASE_KV, BS, GS, PD, VA
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, PG, VG

from fastp2p.errors import InputError
from fastp2p.io.branches import KW_PER_MW, branch_elements
from fastp2p.io.paths import is_file
from fastp2p.io.simbench import PREFIX, simbench_net

VILLAGES = ("village_1", "village_2")
MODULES = {"pandapower", "pandas", "numpy", "networkx", "shapely", "geopandas", "builtins", ""}
_one_at_a_time = threading.Lock()
PICKLES = {".p", ".pkl", ".pickle"}


def network_names() -> list[str]:
    """Names that `load_network` knows besides file paths."""
    return ["cigre_lv", *VILLAGES, *sorted(_builders())]


def load_network(source: str | Path) -> Any:
    """A pandapower network by built-in name, `pandapower.networks` function name, or JSON/Excel path.

    Raises
    ------
    InputError
        Unknown name (with the nearest ones), missing or unreadable file, or a pickle.
    """
    name = str(source)
    if name == "cigre_lv":
        return pn.create_cigre_network_lv()
    if name in VILLAGES:
        return pn.create_synthetic_voltage_control_lv_network(network_class=name)
    if name in _builders():
        return _build(name)
    if name.startswith(PREFIX):
        return simbench_net(name)
    path = Path(name)
    if path.suffix.lower() in PICKLES:
        raise InputError(f"{name}: a pickle can run code when it is opened and is refused; save it with pandapower.to_json")
    readers = {".json": pp.from_json, ".xlsx": pp.from_excel}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        near = difflib.get_close_matches(name, network_names(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise InputError(
            f"network {name!r} is neither a built-in network, nor a function of pandapower.networks, "
            f"nor a .json or .xlsx file, nor simbench:CODE{hint}"
        )
    if not is_file(path):
        raise InputError(f"network file {name}: not found")
    if path.suffix.lower() == ".json":
        _refuse_foreign_modules(path)
    try:
        with _quiet():
            net = reader(str(path))
    except Exception as error:
        raise InputError(f"network file {name}: pandapower could not read it ({_first_line(error)})") from error
    if not isinstance(net, pp.pandapowerNet):
        raise InputError(f"network file {name}: holds a {type(net).__name__}, not a pandapower network")
    return net


def _refuse_foreign_modules(path: Path) -> None:
    """Pandapower imports the modules that a JSON file names; only those of its own kind are let in."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"network file {path}: could not be read ({error})") from error
    named = {module.split(".")[0] for module in re.findall(r'_module\\*"\s*:\s*\\*"([^"\\]*)', text)}
    if foreign := sorted(named - MODULES):
        raise InputError(f"network file {path}: names the modules {', '.join(foreign)}, which no network needs, and is refused")


def network_arrays(net: Any) -> dict[str, NDArray[Any]]:
    """Everything `fastp2p.Network` keeps of a pandapower network, as arrays by field name.

    Raises
    ------
    InputError
        No external grid, zero-impedance branches, or anything else that pandapower refuses to convert.
    """
    net, tables = _converted(net)
    bus, branch = tables["bus"], tables["branch"]
    known_id = np.sort(net.bus.index.to_numpy(np.int64))
    known_position = net._pd2ppc_lookups["bus"][known_id].astype(np.int64)
    known_position[(known_position < 0) | (known_position >= len(bus))] = -1
    bus_id = np.full(len(bus), -1, np.int64)
    alive = known_position >= 0
    bus_id[known_position[alive][::-1]] = known_id[alive][::-1]  # fused buses go by their smallest id

    tap = np.where(branch[:, TAP] == 0, 1.0, branch[:, TAP])
    susceptance_pu = branch[:, BR_STATUS] / branch[:, BR_X] / tap
    base_kw = float(net.sn_mva) * KW_PER_MW
    elements = branch_elements(net).loc[net._ppc["internal"]["branch_is"]]
    loads = net._pd2ppc_lookups["bus"][np.unique(net.load.bus.to_numpy(np.int64)[net.load.in_service.to_numpy(bool)])]
    return {
        "load_bus": np.unique(loads[(loads >= 0) & (loads < len(bus))]).astype(np.int64),
        "bus_id": bus_id,
        "known_id": known_id,
        "known_position": known_position,
        "reference_bus": np.asarray(tables["ref"], np.int64),
        "reference_angle_rad": np.deg2rad(tables["reference_angle_degree"]),
        "fixed_kw": -bus[:, GS] * KW_PER_MW,
        "from_bus": branch[:, F_BUS].astype(np.int64),
        "to_bus": branch[:, T_BUS].astype(np.int64),
        "susceptance_kw": susceptance_pu * base_kw,
        "shift_rad": np.deg2rad(branch[:, SHIFT]),
        "limit_kw": np.fmin(
            elements.ampacity_ka.to_numpy(float) * elements.kw_per_ka.to_numpy(float), elements.rating_kw.to_numpy(float)
        ),
        **_ac_arrays(net, bus, branch, tables["ref"], elements),
        **{
            name: elements[name].to_numpy(kind)
            for name, kind in (
                ("element", str),
                ("element_id", np.int64),
                ("winding", str),
                ("std_type", str),
                ("ampacity_ka", float),
                ("kw_per_ka", float),
                ("rating_kw", float),
                ("length_km", float),
            )
        },
    }


def _ac_arrays(
    net: Any, bus: NDArray[Any], branch: NDArray[Any], reference: NDArray[Any], elements: pd.DataFrame
) -> dict[str, NDArray[Any]]:
    """What an AC power flow needs besides, per unit of 1 kVA; NaN where pandapower has no AC model of the network."""
    base_kva = float(net.sn_mva) * KW_PER_MW
    rated_kv = elements[["from_kv", "to_kv"]].to_numpy(float)
    ends_kv = bus[branch[:, [F_BUS, T_BUS]].astype(np.int64), BASE_KV]
    arrays = {
        "base_kv": bus[:, BASE_KV].astype(float),
        "rated_kv": np.where(np.isnan(rated_kv), ends_kv, rated_kv),
        **{name: np.full(len(branch), np.nan) for name in ("resistance_pu", "reactance_pu", "tap_ratio")},
        **{name: np.full(len(branch), np.nan, np.complex128) for name in ("from_shunt_pu", "to_shunt_pu")},
        "bus_shunt_pu": np.full(len(bus), np.nan, np.complex128),
        "slack_vm_pu": np.full(len(reference), np.nan),
    }
    model = _ac_model(net)
    if model is None or model["bus"].shape[0] != len(bus) or model["branch"].shape[0] != len(branch):
        return arrays
    branch, bus, gen = np.real(model["branch"]), model["bus"], model["gen"]
    of_bus = dict(zip(gen[::-1, GEN_BUS].astype(np.int64).tolist(), gen[::-1, VG].tolist(), strict=True))
    one_way = (branch[:, [BR_R_ASYM, BR_X_ASYM]] != 0.0).any(axis=1)  # impedances that differ by direction
    closed = branch[:, BR_STATUS]
    charge, more = branch[:, BR_G] + 1j * branch[:, BR_B], branch[:, BR_G_ASYM] + 1j * branch[:, BR_B_ASYM]
    return arrays | {
        "resistance_pu": np.where(one_way, np.nan, branch[:, BR_R] / base_kva),
        "reactance_pu": branch[:, BR_X] / base_kva,
        "tap_ratio": np.where(branch[:, TAP] == 0, 1.0, branch[:, TAP]),
        "from_shunt_pu": closed * charge / 2.0 * base_kva,
        "to_shunt_pu": closed * (charge + more) / 2.0 * base_kva,
        "bus_shunt_pu": (bus[:, GS] + 1j * bus[:, BS]) * KW_PER_MW,
        "slack_vm_pu": np.array([of_bus.get(int(one), np.nan) for one in reference]),
    }


def _ac_model(net: Any) -> dict[str, Any] | None:
    """Internal tables of pandapower for an AC power flow; `net` is a copy that may be changed."""
    try:
        with _quiet():
            _init_runpp_options(
                net, "nr", True, "flat", "auto", 1e-8, "t", "current", False, False, True, True, passed_parameters={}
            )
            return dict(_pd2ppc(net)[1])
    except Exception:
        return None  # its DC model is of use without


def network_injection_kw(net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64]) -> NDArray[np.float64]:
    """What the network's own loads, generators and storages inject, per bus position.

    Raises
    ------
    InputError
        If the network does not have the buses, fused and connected as `known_position` says.
    """
    net, tables = _converted(net)
    ids = np.sort(net.bus.index.to_numpy(np.int64))
    positions = net._pd2ppc_lookups["bus"][ids].astype(np.int64) if np.array_equal(ids, known_id) else None
    n_bus = len(tables["bus"])
    if positions is not None:
        positions[(positions < 0) | (positions >= n_bus)] = -1
    if positions is None or not np.array_equal(positions, known_position):
        raise InputError(
            "the network's buses or switches differ from those this Network was made from; call from_pandapower again"
        )
    gen = tables["gen"]
    ours = gen[:, GEN_STATUS] > 0
    ours[tables["ref_gens"]] = False
    injection_mw = -tables["bus"][:, PD]
    np.add.at(injection_mw, gen[ours, GEN_BUS].astype(np.int64), gen[ours, PG])
    injection_kw: NDArray[np.float64] = injection_mw * KW_PER_MW
    return injection_kw


@lru_cache(maxsize=2)
def _loaded_once(source: str, content: str) -> tuple[Any, dict[str, NDArray[Any]]]:
    """The network of a source and its arrays; `content` tells one state of a file from the next."""
    net = load_network(source)
    return net, network_arrays(net)


def load_same(source: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """A copy of the network that `source` names.

    Raises
    ------
    InputError
        If it is not the one that these arrays of a `Network` are of.
    """
    path = Path(source)
    net, found = _loaded_once(source, hashlib.sha256(path.read_bytes()).hexdigest() if is_file(path) else "")
    same = ("known_id", "known_position", "from_bus", "to_bus", "resistance_pu", "reactance_pu", "tap_ratio", "slack_vm_pu")
    if not all(np.array_equal(found[name], arrays[name], equal_nan=True) for name in (*same, "from_shunt_pu", "bus_shunt_pu")):
        raise InputError(f"a sample is audited on network.source, and {source!r} is another network than the one of the run")
    return copy.deepcopy(net)


def runpp_voltages(
    source: str, arrays: dict[str, NDArray[Any]], injection_kva: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Voltages of every state by ``pandapower.runpp``, p.u.; NaN where it does not converge.

    Parameters
    ----------
    source : str
        As for `load_network`; its own loads and generators are left out, but for those that are external grids.
    arrays : dict
        The `Network` that the states are of, by field name.
    injection_kva : (n_states, n_bus) complex128, kW + j kvar

    Raises
    ------
    InputError
        If the network that `source` names is another one.
    """
    with _one_at_a_time:  # what keeps pandapower quiet is of the whole process
        net = load_same(source, arrays)
        for table in ("load", "sgen", "storage", "motor", "asymmetric_load", "asymmetric_sgen", "dcline"):
            if len(net[table]):
                net[table]["in_service"] = False
        if len(net.gen):
            net.gen["in_service"] &= net.gen.slack.astype(bool)
        if len(net.ward):
            net.ward[["ps_mw", "qs_mvar"]] = 0.0
        return _run_states(net, arrays["known_id"], arrays["known_position"], injection_kva)


def _run_states(
    net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64], injection_kva: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    there, first = np.unique(known_position[known_position >= 0], return_index=True)
    rows = pp.create_loads(net, known_id[known_position >= 0][first].tolist(), p_mw=0.0, q_mvar=0.0)
    voltage = np.full(injection_kva.shape, np.nan, np.complex128)
    for state, injection in enumerate(injection_kva):
        net.load.loc[rows, "p_mw"] = -injection.real[there] / KW_PER_MW
        net.load.loc[rows, "q_mvar"] = -injection.imag[there] / KW_PER_MW
        try:
            with _quiet():
                pp.runpp(net, calculate_voltage_angles=True, tolerance_mva=1e-9, max_iteration=30)
        except pp.LoadflowNotConverged:
            continue
        voltage[state] = net._ppc["internal"]["V"]
    return voltage


def disconnected_elements(net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64]) -> list[str]:
    """Loads and generators in service that sit on a bus without a path to an external grid."""
    dead = set(known_id[known_position < 0].tolist())
    found = []
    for table in ("load", "sgen", "gen", "storage"):
        rows = net[table]
        for index, bus in rows.loc[rows.in_service.astype(bool), "bus"].items():
            if int(bus) in dead:
                found.append(f"{table} {index} at bus {bus}")
    return found


def _builders() -> dict[str, Any]:
    return {
        name: function
        for name, function in inspect.getmembers(pn, inspect.isfunction)
        if not name.startswith("_") and function.__module__.startswith("pandapower.networks")
    }


def _build(name: str) -> Any:
    """The network that a `pandapower.networks` function builds without arguments (of a pair, the first)."""
    try:
        with _quiet():
            built = _builders()[name]()
    except Exception as error:
        raise InputError(f"pandapower.networks.{name}() could not be built without arguments ({_first_line(error)})") from error
    net = built[0] if isinstance(built, (tuple, list)) else built
    if not isinstance(net, pp.pandapowerNet):
        raise InputError(f"pandapower.networks.{name}() gives a {type(net).__name__}, not a network")
    return net


def _converted(net: Any) -> tuple[Any, dict[str, Any]]:
    """A converted copy of `net` and pandapower's internal tables (in-service parts only)."""
    if not isinstance(net, pp.pandapowerNet):
        raise InputError(f"a {type(net).__name__} is no pandapower network")
    for table in ("vsc", "svc", "ssc", "tcsc", "line_dc"):
        if table in net and len(net[table]):
            raise InputError(f"the network has {table} elements, which have no place in a DC power flow here; remove them")
    net = copy.deepcopy(net)
    try:
        with _quiet():
            pp.rundcpp(net)
    except FloatingPointError as error:
        raise InputError(_zero_impedances(net)) from error
    except Exception as error:
        raise InputError(f"pandapower could not convert the network: {_first_line(error)}") from error
    internal = net._ppc["internal"]
    tables = {name: internal[name] for name in ("bus", "branch", "gen", "ref", "ref_gens")}
    tables["branch"] = np.real(tables["branch"])
    tables["reference_angle_degree"] = tables["bus"][tables["ref"], VA]
    if not np.all(np.isfinite(tables["bus"][:, VA])):
        raise InputError(_zero_impedances(net))
    return net, tables


def _zero_impedances(net: Any) -> list[str]:
    """One fault per in-service branch without reactance."""
    branch = np.real(net._ppc["branch"])
    elements = branch_elements(net)
    zero = ((branch[:, BR_X] == 0) | ~np.isfinite(branch[:, BR_X])) & (branch[:, BR_STATUS] > 0)
    reason = np.where(branch[zero, BR_X] == 0, "zero reactance", "no finite reactance")
    return [
        f"{row.element} {row.element_id} has {why}, so its flow is not defined; "
        "give it a reactance or replace it by a closed bus-bus switch"
        for row, why in zip(elements.loc[zero].itertuples(), reason, strict=True)
    ] or ["pandapower's DC power flow of the network is not finite; run pandapower.diagnostic on it"]


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pandapower's warnings and log lines from the user's terminal; our own checks speak instead."""
    logger = logging.getLogger("pandapower")
    level, propagate, nowhere = logger.level, logger.propagate, logging.NullHandler()
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False  # pandapower.io_utils has a level of its own
    logger.addHandler(nowhere)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(nowhere)
        logger.setLevel(level)
        logger.propagate = propagate
