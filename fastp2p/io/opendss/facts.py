"""What was read of OpenDSS files, for people: counts, sizes, phases, and what was passed over."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from fastp2p.errors import some
from fastp2p.io.opendss.arrays import Converted
from fastp2p.io.opendss.circuit import Circuit, Element
from fastp2p.io.opendss.conductors import has_neutral, phases_of
from fastp2p.io.opendss.faults import is_left_out, is_series
from fastp2p.io.opendss.source import circuit_read
from fastp2p.text import LONGEST_NAME, shown_text

NAMED = 12
"""Buses that are named with their numbers."""
CONSTANT_POWER = 1


def opendss_facts(source: str | Path) -> dict[str, str]:
    """Facts about the circuit of OpenDSS files by what they are of.

    Raises
    ------
    InputError
        See `fastp2p.io.opendss.source.circuit_read`.
    """
    script, converted = circuit_read(source)
    circuit = converted.circuit
    files = f"{len(script.contents)} file{'s' * (len(script.contents) != 1)}"
    passed = [f"{what} ({n})" for what, n in sorted(script.passed.items())]
    return {
        "buses": f"{len(converted.tree.buses)} of {len(circuit.bus)} have a path to the source",
        "circuit": f"{shown_text(circuit.name, LONGEST_NAME)}, {len(script.statements):,} commands in {files}",
        **({"passed over": f"{some(passed, 20)}: they build nothing"} if passed else {}),
        "bus numbers": _numbers(converted),
        "phases": _phases(converted),
        "source": _source(circuit),
        **_branches(converted),
        **_loads(circuit),
        **_generation(circuit),
        **_reduction(converted),
        **_left_out(converted),
    }


def _numbers(converted: Converted) -> str:
    names = converted.circuit.bus
    listed = ", ".join(f"{at} {shown_text(name, LONGEST_NAME)}" for at, name in enumerate(names[:NAMED]))
    more = f", … {len(names) - 1} {shown_text(names[-1], LONGEST_NAME)}" if len(names) > NAMED else ""
    return f"in the engine's order: {listed}{more}; {len(names)} is the ideal source behind the impedance of the Vsource"


def _phases(converted: Converted) -> str:
    count = Counter(int(has.sum()) for has in converted.tree.has[converted.tree.buses])
    few = [f"{count[n]} have {'one' if n == 1 else 'two'}" for n in (2, 1) if count[n]]
    unlike = len(converted.zero["matrix_series_pu"])
    by_matrix = f"; {unlike} branches are given by matrices, since their phases are not alike" * bool(unlike)
    return f"{count[3]} buses have three" + "".join(f", {one}" for one in few) + by_matrix


def _source(circuit: Circuit) -> str:
    about = circuit.elements["Vsource"][0].about
    z = np.linalg.inv(circuit.elements["Vsource"][0].y[:3, :3])
    one, zero = z[0, 0] - z[0, 1], z[0, 0] + 2.0 * z[0, 1]
    return f"{about['pu']:g} x {about['kv']:g} kV at {about['degree']:g} degrees, behind Z1 = {one:.3g} and Z0 = {zero:.3g} ohm"


def _branches(converted: Converted) -> dict[str, str]:
    elements = converted.circuit.elements
    lines = [one for one in elements["Line"] if not is_left_out(one)]
    of_phases = Counter(sum(phase > 0 for phase in phases_of(one, 0)) for one in lines)
    shares = ", ".join(f"{of_phases[n]} of {n} phase{'s' * (n != 1)}" for n in (3, 2, 1) if of_phases[n])
    switches = sum(one.about["is_switch"] for one in lines)
    trafos = elements["Transformer"]
    banks = sum(len(link.elements) > 1 and link.elements[0].kind == "Transformer" for link in converted.tree.links)
    taps = sum(any(winding["tap"] != 1.0 for winding in one.about["windings"]) for one in trafos)
    shunts = [one for kind in ("Capacitor", "Reactor") for one in elements[kind] if not is_series(one)]
    return {
        "lines": f"{len(lines)}: {shares}" + f"; closed switches among them: {switches}" * bool(switches),
        "transformers": (
            f"{len(trafos)}" + f"; banks of single-phase ones: {banks}" * bool(banks)
            + f"; {taps} with a tap off 1, which stays as it stands" * bool(taps)
        ),
        **({"shunts": f"{len(shunts)} capacitors and reactors to earth"} if shunts else {}),
    }  # fmt: skip


def _loads(circuit: Circuit) -> dict[str, str]:
    loads = circuit.elements["Load"]
    kw, of_phase = sum(one.about["kw"] for one in loads), np.zeros(3)
    for one in loads:
        phases = [phase - 1 for phase in phases_of(one, 0) if phase]
        of_phase[phases] += one.about["kw"] / len(phases)
    shapes = sorted({one.about["yearly"] or one.about["daily"] for one in loads} - {"", "none"})
    other = sum(one.about["model"] != CONSTANT_POWER for one in loads)
    told = f"; {other} have a model other than constant power, which a study's loads are" * bool(other)
    by_phase = ", ".join(f"{one:,.4g}" for one in of_phase)
    text = f"{len(loads)} of {kw:,.4g} kW in all; on phases a, b, c {by_phase} kW"
    return {
        "loads in the file": text + told,
        "load shapes": f"{len(shapes)}: {some(shapes)}; profiles.source takes the file" if shapes else "no load follows one",
    }


def _generation(circuit: Circuit) -> dict[str, str]:
    """PV, generators and batteries: a study says which there are, so these are sizes to take over."""
    facts, names = {}, {"PVSystem": "PV in the file", "Generator": "generators in the file", "Storage": "batteries in the file"}
    for kind, name in names.items():
        found = circuit.elements[kind]
        if found:
            kwh = f" and {sum(one.about['kwh'] for one in found):,.4g} kWh" if kind == "Storage" else ""
            facts[name] = f"{len(found)} of {sum(one.about['kw'] for one in found):,.4g} kW{kwh}; a study has its own instead"
    return facts


def _reduction(converted: Converted) -> dict[str, str]:
    with_neutral = [one for one in converted.circuit.elements["Line"] if has_neutral(one)]
    if not with_neutral:
        return {}
    return {
        "reduction": (
            f"{len(with_neutral)} lines have a neutral of their own ({some([one.full_name for one in with_neutral], 4)}); it "
            "is taken as earthed at both ends, so voltages of the neutral are left out, and what returns through earth"
        )
    }


def _left_out(converted: Converted) -> dict[str, str]:
    circuit = converted.circuit
    is_open = [one.full_name for one in circuit.elements["Line"] if is_left_out(one)]
    dead = [bus for at, bus in enumerate(circuit.bus) if at not in set(converted.tree.buses)]
    grounds = [one.full_name for one in _earthing(circuit)]
    return {
        **({"open lines": f"{some(is_open)}: left out"} if is_open else {}),
        **({"buses without supply": f"{some(dead)}: left out"} if dead else {}),
        **({"earthing": f"{some(grounds)}: between a neutral and earth, left out"} if grounds else {}),
    }


def _earthing(circuit: Circuit) -> list[Element]:
    """Reactors between a neutral and earth."""
    return [one for one in circuit.elements["Reactor"] if not any(phases_of(one, 0))]
