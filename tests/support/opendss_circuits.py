"""Small OpenDSS circuits, and how the engine itself solves them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastp2p import Network
from fastp2p.io.opendss.circuit import Circuit, circuit_of
from fastp2p.io.opendss.conductors import phases_of
from fastp2p.io.opendss.engine import read_compiled
from fastp2p.io.opendss.script import read_script

SOURCE = """\
Clear
New Circuit.street bus1=grid basekv=10 pu=1.02 R1=0.1 X1=0.4 R0=0.2 X0=0.9
New LineCode.cable nphases=3 R1=0.32 X1=0.08 R0=1.2 X0=0.3 C1=250 C0=120 units=km normamps=200
New Transformer.main phases=3 windings=2 buses=[grid.1.2.3 board.1.2.3.0] conns=[delta wye] kvs=[10 0.4] kvas=[250 250]
~ xhl=4 %r=0.6 %noloadloss=0.3 %imag=1.1
New Line.one bus1=board bus2=first linecode=cable length=0.12 units=km
New Line.two bus1=first bus2=second linecode=cable length=0.2 units=km
"""
LOADS = """\
New Load.a bus1=first.1 phases=1 kv=0.23 kw=4 kvar=1
New Load.b bus1=second.2 phases=1 kv=0.23 kw=3 pf=0.95
New Load.c bus1=second.1.2.3 phases=3 kv=0.4 kw=9 kvar=2
"""
BASES = "Set VoltageBases=[10 0.4]\nCalcVoltageBases\n"
STREET = SOURCE + LOADS + BASES

needs_engine = pytest.mark.skipif(find_spec("dss") is None, reason="DSS-Python is not installed")


def write(folder: Path, text: str, name: str = "street.dss") -> Path:
    """A file of commands."""
    path = folder / name
    path.write_text(text)
    return path


def engine_states(path: Path, network: Network, n_states: int, seed: int = 1) -> tuple[Any, Any, Any]:
    """Random states of a circuit's loads, and the engine's voltages with all controls off.

    Returns
    -------
    injection_kw, injection_kvar : (n_states, n_bus, 3) float64
    voltage : (n_states, n_bus, 3) complex128
        Per unit of the network's base voltages; NaN of phases that a bus lacks, and of the ideal source.
    """
    script = read_script(path)
    assert not script.faults
    p, q = np.zeros((2, n_states, network.n_bus, 3))
    voltage = np.full((n_states, network.n_bus, 3), np.nan, np.complex128)
    random = np.random.default_rng(seed)

    def solve(context: Any) -> None:
        circuit = circuit_of(context)
        _make_exact(context, circuit)
        for state in range(n_states):
            _draw_loads(context, circuit, network, random, p[state], q[state])
            context.ActiveCircuit.Solution.Solve()
            assert context.ActiveCircuit.Solution.Converged
            voltage[state] = _voltages(context, circuit, network)

    read_compiled(script.statements, solve)
    return p, q, voltage


def _make_exact(context: Any, circuit: Circuit) -> None:
    """Loads of constant power at any voltage, nothing else that injects, no control, and a tight tolerance."""
    for command in ("set controlmode=off", "set tolerance=1e-10", "set maxiterations=1000", "set loadmult=1"):
        context.Text.Command = command
    for load in circuit.elements["Load"]:
        context.Text.Command = f'edit "load.{load.name}" model=1 vminpu=0.01 vmaxpu=10 status=fixed'
    for kind in ("PVSystem", "Generator", "Storage"):
        for one in circuit.elements[kind]:
            context.Text.Command = f'edit "{one.full_name}" enabled=no'


def _draw_loads(context: Any, circuit: Circuit, network: Network, random: Any, p: Any, q: Any) -> None:
    """Load levels of a state, some of them reverse, in the engine and as our injections."""
    loads = context.ActiveCircuit.Loads
    for load in circuit.elements["Load"]:
        kw, kvar = load.about["kw"] * random.uniform(-0.6, 1.0), load.about["kvar"] * random.uniform(-0.3, 1.0)
        loads.Name = load.name
        loads.kW, loads.kvar = kw, kvar
        phases = [phase - 1 for phase in phases_of(load, 0) if phase]
        at = network.known_position[circuit.bus.index(load.ends[0].bus)]
        p[at, phases] -= kw / len(phases)
        q[at, phases] -= kvar / len(phases)


def _voltages(context: Any, circuit: Circuit, network: Network) -> Any:
    found = np.full((network.n_bus, 3), np.nan, np.complex128)
    volts = np.asarray(context.ActiveCircuit.AllBusVolts).view(np.complex128)
    for name, volt in zip(context.ActiveCircuit.AllNodeNames, volts, strict=True):
        bus, node = name.rsplit(".", 1)
        at = network.known_position[circuit.bus.index(bus)]
        if at >= 0 and 1 <= int(node) <= 3:
            found[at, int(node) - 1] = volt / (network.base_kv[at] * 1e3 / np.sqrt(3.0))
    return found
