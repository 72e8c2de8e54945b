"""What the engine made of a circuit: buses and elements, with their admittances, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Complexes = NDArray[np.complex128]

KM = {0: np.nan, 1: 1.609344, 2: 0.3048, 3: 1.0, 4: 1e-3, 5: 0.3048e-3, 6: 0.0254e-3, 7: 1e-5, 8: 1e-6}
"""Kilometres per unit of length, by the engine's number of the unit; 0 is none."""
CONTROLS = ("RegControl", "CapControl", "SwtControl", "Fuse", "Recloser", "Relay")
CONTROLS_OFF = -1


class End(NamedTuple):
    """Where a terminal is connected: its bus, and the node of each of its conductors; 0 is the ground."""

    bus: str
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Element:
    """An element that is enabled."""

    kind: str
    name: str
    index: int
    """Of its class, from 0 in the order of the files."""
    n_phases: int
    ends: tuple[End, ...]
    y: Complexes
    """Admittances between the conductors of all terminals, siemens."""
    open_ends: tuple[int, ...]
    """How many phases are open at each terminal."""
    about: dict[str, Any]
    """What its class has besides."""

    @property
    def full_name(self) -> str:
        """As files name it."""
        return f"{self.kind}.{self.name}"


@dataclass(frozen=True)
class Circuit:
    """A circuit that the engine has compiled.

    Attributes
    ----------
    name : str
    bus : list of str
        In the engine's order.
    bus_kv : (n_bus,) float64
        Base voltages between phases; 0 where none is known.
    place : (n_bus, 2) float64
        NaN of buses without coordinates.
    elements : dict of str to list of Element
        By class: Vsource, Line, Transformer, Capacitor, Reactor, Load, PVSystem, Generator, Storage.
    controls : list of str
        Those that would act, such as ``RegControl.reg1``.
    """

    name: str
    bus: list[str]
    bus_kv: NDArray[np.float64]
    place: NDArray[np.float64]
    elements: dict[str, list[Element]]
    controls: list[str]


def circuit_of(context: Any) -> Circuit:
    """Everything that is read of a compiled circuit."""
    of = context.ActiveCircuit
    buses, kv, places = list(of.AllBusNames), [], []
    for at in range(len(buses)):
        of.SetActiveBusi(at)
        bus = of.ActiveBus
        kv.append(bus.kVBase * np.sqrt(3.0))
        places.append((bus.x, bus.y) if bus.Coorddefined else (np.nan, np.nan))
    elements = {kind: list(_elements(of, kind, about)) for kind, about in ABOUT.items()}
    acts = of.Solution.ControlMode != CONTROLS_OFF
    controls = [f"{kind}.{name}" for kind in CONTROLS for name in _names(of, kind) if acts and _is_enabled(of, kind, name)]
    return Circuit(of.Name, buses, np.array(kv, np.float64), np.array(places, np.float64).reshape(-1, 2), elements, controls)


def _names(of: Any, kind: str) -> list[str]:
    of.SetActiveClass(kind)
    return [name for name in of.ActiveClass.AllNames if name and name.upper() != "NONE"]


def _is_enabled(of: Any, kind: str, name: str) -> bool:
    of.SetActiveElement(f"{kind}.{name}")
    return bool(of.ActiveCktElement.Enabled)


def _elements(of: Any, kind: str, about: Any) -> Iterator[Element]:
    for index, name in enumerate(_names(of, kind)):
        if not _is_enabled(of, kind, name):
            continue
        one = of.ActiveCktElement
        n_ends, n_conductors = one.NumTerminals, one.NumConductors
        nodes = np.asarray(one.NodeOrder, np.int64).reshape(n_ends, n_conductors)
        ends = tuple(End(bus.split(".")[0].lower(), tuple(row)) for bus, row in zip(one.BusNames, nodes.tolist(), strict=True))
        y = np.asarray(one.Yprim)
        y = (y if np.iscomplexobj(y) else y.view(np.complex128)).reshape(n_ends * n_conductors, -1).T.copy()
        n_phases = one.NumPhases
        is_open = tuple(sum(bool(one.IsOpen(end + 1, phase + 1)) for phase in range(n_phases)) for end in range(n_ends))
        yield Element(kind, name, index, n_phases, ends, y, is_open, about(of, name))


def _number(of: Any, name: str) -> float:
    """A property of the active element that is a number."""
    return float(of.ActiveCktElement.Properties(name).Val)


def _text(of: Any, name: str) -> str:
    return str(of.ActiveCktElement.Properties(name).Val).strip().lower()


def _source(of: Any, name: str) -> dict[str, Any]:
    one = of.Vsources
    one.Name = name
    return {"kv": one.BasekV, "pu": one.pu, "degree": one.AngleDeg}


def _line(of: Any, name: str) -> dict[str, Any]:
    one = of.Lines
    one.Name = name
    return {
        "code": one.LineCode or one.Geometry or "",
        "km": one.Length * KM.get(int(one.Units), np.nan),
        "amps": one.NormAmps,
        "is_switch": bool(one.IsSwitch),
        "charges": bool(np.any(np.asarray(one.Cmatrix) != 0.0)),
    }


def _transformer(of: Any, name: str) -> dict[str, Any]:
    one = of.Transformers
    one.Name = name
    windings = []
    for winding in range(1, one.NumWindings + 1):
        one.Wdg = winding
        windings.append({"kv": one.kV, "kva": one.kVA, "tap": one.Tap, "is_delta": bool(one.IsDelta), "r_neutral": one.Rneut})
    return {"windings": windings, "code": one.XfmrCode or ""}


def _load(of: Any, name: str) -> dict[str, Any]:
    one = of.Loads
    one.Name = name
    is_fixed = _text(of, "Status").startswith("f")
    scale = 1.0 if is_fixed else of.Solution.LoadMult
    return {
        "kw": one.kW * scale, "kvar": one.kvar * scale, "is_delta": bool(one.IsDelta), "model": int(one.Model),
        "yearly": (one.Yearly or "").lower(), "daily": (one.daily or "").lower(), "is_fixed": is_fixed,
    }  # fmt: skip


def _shunt(of: Any, name: str) -> dict[str, Any]:
    return {"is_delta": _text(of, "Conn").startswith(("d", "ll"))}


def _pv(of: Any, name: str) -> dict[str, Any]:
    return {"kw": _number(of, "Pmpp"), "kva": _number(of, "kVA"), **_shapes(of)}


def _generator(of: Any, name: str) -> dict[str, Any]:
    return {"kw": _number(of, "kW"), **_shapes(of)}


def _storage(of: Any, name: str) -> dict[str, Any]:
    return {"kw": _number(of, "kWRated"), "kwh": _number(of, "kWhRated"), **_shapes(of)}


def _shapes(of: Any) -> dict[str, Any]:
    return {
        "yearly": _text(of, "Yearly"), "daily": _text(of, "Daily"), "is_delta": _text(of, "Conn").startswith(("d", "ll"))
    }  # fmt: skip


ABOUT = {
    "Vsource": _source, "Line": _line, "Transformer": _transformer, "Capacitor": _shunt, "Reactor": _shunt, "Load": _load,
    "PVSystem": _pv, "Generator": _generator, "Storage": _storage,
}  # fmt: skip
"""What is read of each class besides."""
