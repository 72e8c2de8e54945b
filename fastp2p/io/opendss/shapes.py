"""Load shapes of OpenDSS files as profiles: each by its name, per kW, and the load and PV of every bus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse
from fastp2p.io.opendss.circuit import Circuit, Element, circuit_of
from fastp2p.io.opendss.engine import read_compiled
from fastp2p.io.opendss.script import read_script
from fastp2p.io.readers.axis import ProfileTable

Floats = NDArray[np.float64]

CONSTANT_HOURS = 24
"""Steps of an hour, where no load follows a shape."""
MOST_STEPS = 10_000_000


def read_opendss(path: Path) -> ProfileTable:
    """The load of every bus, ``bus_N``, and its PV per kWp, and by their names the shapes that loads and PV follow, per kW.

    A load follows its yearly shape, else its daily one, else its kW all the time; N is the place of the bus in the engine's
    order. Shapes of a day are repeated, and those of longer steps hold for the shorter ones, as OpenDSS does. There are no
    dates.

    Raises
    ------
    InputError
        Files that cannot be read, commands that are not run, shapes that have no common steps.
    """
    script = read_script(path)
    refuse([f"profiles {path}: {fault}" for fault in script.faults])
    circuit, shapes, actual_kw = read_compiled(script.statements, _circuit_and_shapes, shapes=True)
    loads, suns = circuit.elements["Load"], circuit.elements["PVSystem"]
    faults = [f"profiles {path}: {why}" for why in _step_faults(shapes)]
    refuse(faults)
    hours = min((step for step, _ in shapes.values()), default=1.0)
    n = max((round(len(mult) * step / hours) for step, mult in shapes.values()), default=CONSTANT_HOURS)
    spread = {name: _spread(mult, step, hours, n) for name, (step, mult) in shapes.items()}
    rows = [
        *_of_buses(circuit, loads, spread, "load", n, actual_kw),
        *_of_shapes(loads, spread, "load"),
        *_of_buses(circuit, suns, spread, "pv", n, {}),
        *_of_shapes(suns, spread, "pv"),
    ]
    if not rows:
        raise InputError(f"profiles {path}: the circuit has neither loads nor PV")
    names, kinds, values = zip(*rows, strict=True)
    return ProfileTable(tuple(names), tuple(kinds), np.array(values) * hours, hours, None, str(path))


def _followed(element: Element) -> str:
    """The shape that an element follows; '' of loads that are fixed."""
    if element.about.get("is_fixed", False):
        return ""
    shape: str = element.about["yearly"] or element.about["daily"]
    return "" if shape == "none" else shape


def _circuit_and_shapes(context: Any) -> tuple[Circuit, dict[str, tuple[float, Floats]], dict[str, float]]:
    """The circuit, and the shapes that its loads and PV follow, by name; of actual kW also the largest."""
    circuit = circuit_of(context)
    names = sorted({_followed(one) for kind in ("Load", "PVSystem") for one in circuit.elements[kind]} - {""})
    actual_kw = {name: kw for name in names if (kw := _actual_kw(context, name)) is not None}
    return circuit, {name: _shape(context, name) for name in names}, actual_kw


def _shape(context: Any, name: str) -> tuple[float, Floats]:
    """Length of a step in hours, 0 where steps differ, and the multipliers; of actual kW, those of its largest one."""
    shape = context.ActiveCircuit.LoadShapes
    shape.Name = name
    mult = np.array(shape.Pmult, np.float64).reshape(-1)
    if shape.UseActual and mult.size and np.abs(mult).max() > 0.0:
        mult = mult / np.abs(mult).max()
    return float(shape.HrInterval), mult


def _actual_kw(context: Any, name: str) -> float | None:
    """The largest kW of a shape of actual kW, which stands in for those of its loads and for LoadMult; None of others."""
    shape = context.ActiveCircuit.LoadShapes
    shape.Name = name
    return float(np.abs(shape.Pmult).max(initial=0.0)) if shape.UseActual else None


def _step_faults(shapes: dict[str, tuple[float, Floats]]) -> list[str]:
    """Why shapes have no common steps."""
    faults = [f"Loadshape.{name}: its steps differ; give it an Interval" for name, (step, _) in shapes.items() if step <= 0.0]
    faults += [f"Loadshape.{name}: has no numbers" for name, (_, mult) in shapes.items() if not mult.size]
    faults += [f"Loadshape.{name}: over {MOST_STEPS:,} numbers" for name, (_, mult) in shapes.items() if mult.size > MOST_STEPS]
    if faults or not shapes:
        return faults
    least = min(step for step, _ in shapes.values())
    longest = max(len(mult) * step for step, mult in shapes.values())
    for name, (step, mult) in shapes.items():
        if not _is_whole(step / least) or not _is_whole(longest / (len(mult) * step)):
            faults.append(
                f"Loadshape.{name}: {len(mult)} steps of {step:g} h have no whole number of the {least:g} h steps, or of their "
                f"repetitions in the {longest:g} h of others; give all shapes steps and lengths that fit"
            )
    return faults


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6 * number


def _spread(mult: Floats, step: float, hours: float, n: int) -> Floats:
    """A shape on the common steps: each of its own held, all of it repeated."""
    held = np.repeat(mult, round(step / hours))
    return np.tile(held, round(n / len(held)))


def _of_shapes(elements: list[Element], spread: dict[str, Floats], kind: str) -> list[tuple[str, str, Floats]]:
    return [(name, kind, spread[name]) for name in sorted({_followed(one) for one in elements} - {""})]


def _of_buses(
    circuit: Circuit, elements: list[Element], spread: dict[str, Floats], kind: str, n: int, actual_kw: dict[str, float]
) -> list[tuple[str, str, Floats]]:
    """Of each bus the kW of its loads, or the power of its PV per kWp."""
    number = {bus: at for at, bus in enumerate(circuit.bus)}
    kw: dict[int, Floats] = {}
    size: dict[int, float] = {}
    for one in elements:
        shape = _followed(one)
        if kind == "pv" and not shape:
            continue
        at = number[one.ends[0].bus]
        kw[at] = kw.get(at, np.zeros(n)) + actual_kw.get(shape, one.about["kw"]) * (spread[shape] if shape else np.ones(n))
        size[at] = size.get(at, 0.0) + one.about["kw"]
    if kind == "pv":
        return [(f"bus_{at}", kind, kw[at] / size[at]) for at in sorted(kw) if size[at] > 0.0]
    return [(f"bus_{at}", kind, kw[at]) for at in sorted(kw)]
