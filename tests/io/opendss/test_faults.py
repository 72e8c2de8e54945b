"""What of a circuit cannot be mapped: one tiny circuit for each reason, and all of them at once."""

from pathlib import Path

import pytest

import fastp2p
from fastp2p import InputError, Network
from tests.support.opendss_circuits import BASES, STREET, needs_engine, write

pytestmark = needs_engine

BEHIND = "behind it nothing can be connected between phase and neutral"
REASONS = {
    "regulator": ("New RegControl.r transformer=main winding=2 vreg=120 ptratio=2", "RegControl.r: a regulator that acts"),
    "capacitor control": (
        "New Capacitor.c bus1=second kvar=5 kv=0.4\nNew CapControl.k element=line.two capacitor=c type=kvar",
        "CapControl.k: a control that switches",
    ),
    "switch control": ("New SwtControl.s switchedobj=line.two switchedterm=1", "SwtControl.s: a control that switches"),
    "fuse": ("New Fuse.f monitoredobj=line.two", "Fuse.f: a fuse that may act"),
    "recloser": ("New Recloser.r monitoredobj=line.two", "Recloser.r: a recloser that may act"),
    "relay": ("New Relay.r monitoredobj=line.two", "Relay.r: a relay that may act"),
    "second source": ("New Vsource.other bus1=second basekv=0.4", "Vsource.other: a second source"),
    "source of one phase": ("Edit Vsource.source phases=1 bus1=grid.1", "Vsource.source: a source of other than three"),
    "source with Z2": ("Edit Vsource.source Z1=[0.1 0.4] Z0=[0.2 0.9] Z2=[0.2 0.5]", "negative-sequence impedance Z2"),
    "no source": ("Vsource.source.enabled=no", "has no source"),
    "delta load": ("Load.c.conn=delta", "Load.c: connected in delta"),
    "load between phases": ("Load.a.bus1=first.1.2", "Load.a: connected between two phases"),
    "load on no phase": ("Load.a.bus1=first.4.0", "Load.a: connected to no phase"),
    "load with a phase on no phase": ("Load.c.bus1=second.1.2.0", "Load.c: not all of its phases are at nodes 1, 2, 3"),
    "load of four phases": ("Load.c.phases=4", "Load.c: not all of its phases"),
    "load with two phases on one node": ("Load.c.bus1=second.1.2.2", "Load.c: not all of its phases"),
    "load whose neutral floats": ("Load.a.bus1=first.1.4", "Load.a: its neutral is at a node that nothing else"),
    "PV between phases": ("New PVSystem.p bus1=first.1.2 phases=1 kv=0.4 pmpp=3 kva=3", "PVSystem.p: connected between two"),
    "generator in delta": ("New Generator.g bus1=first kv=0.4 kw=3 conn=delta", "Generator.g: connected in delta"),
    "battery between phases": ("New Storage.s bus1=first.1.2 phases=1 kv=0.4 kwrated=3", "Storage.s: connected between two"),
    "load without supply of its phase": (
        "New Line.tap phases=1 bus1=second.1 bus2=house.1 r1=0.3 x1=0.1\nNew Load.h bus1=house.2 phases=1 kv=0.23 kw=1",
        "Load.h: phase 2 is not fed at bus house",
    ),
    "line without supply of its phase": (
        "New Line.tap phases=1 bus1=second.1 bus2=house.1\nNew Line.on phases=2 bus1=house.1.2 bus2=shed.1.2",
        "Line.on: phase 2 is not fed at bus house",
    ),
    "center-tapped transformer": (
        "New Transformer.t phases=1 windings=3 buses=[grid.1 h.1.0 h.0.2] kvs=[5.8 .12 .12] kvas=[9 9 9] xhl=2 xht=2 xlt=1",
        "Transformer.t: a center-tapped transformer",
    ),
    "three windings": (
        "New Transformer.t phases=3 windings=3 buses=[grid x y] kvs=[10 .4 .4] kvas=[9 9 9] xhl=2 xht=2 xlt=1",
        "Transformer.t: a transformer of 3 windings",
    ),
    "open-delta bank": (
        "New Transformer.t phases=1 windings=2 buses=[grid.1 x.1.2] kvs=[5.8 .4] kvas=[9 9] conns=[wye delta]",
        "Transformer.t: one of an open-wye or open-delta bank",
    ),
    "fed between phases": (
        "New Transformer.t phases=1 windings=2 buses=[grid.1.2 x.1] kvs=[10 .23] kvas=[9 9]",
        "Transformer.t: one of an open-wye or open-delta bank, or fed between two phases",
    ),
    "delta secondary": (
        "New Transformer.t phases=3 windings=2 buses=[grid x] conns=[wye delta] kvs=[10 .4] kvas=[9 9]",
        f"Transformer.t: its secondary is unearthed, so {BEHIND}",
    ),
    "delta on both sides": (
        "New Transformer.t phases=3 windings=2 buses=[grid x] conns=[delta delta] kvs=[10 .4] kvas=[9 9]",
        f"Transformer.t: its secondary is unearthed, so {BEHIND}",
    ),
    "star that floats": (
        "New Transformer.t phases=3 windings=2 buses=[grid.1.2.3.4 x] conns=[wye wye] kvs=[10 .4] kvas=[9 9]",
        "Transformer.t: its star is not earthed at one side",
    ),
    "transformer turned by its nodes": (
        "New Transformer.t phases=3 windings=2 buses=[grid x.2.3.1] conns=[wye wye] kvs=[10 .4] kvas=[9 9]",
        "Transformer.t: it connects other phases at its ends",
    ),
    "delta turned by its nodes": (
        "New Transformer.t phases=3 windings=2 buses=[grid x.2.3.1.0] conns=[delta wye] kvs=[10 .4] kvas=[9 9]",
        "Transformer.t: its phases are not in the order 1, 2, 3",
    ),
    "line turned by its nodes": ("New Line.t bus1=second.1.2.3 bus2=x.2.3.1", "Line.t: it connects other phases at its ends"),
    "line at one bus": ("New Line.t bus1=second bus2=second", "Line.t: both its ends are at one bus"),
    "line of no phase": ("New Line.t phases=1 bus1=second.4 bus2=x.4", "Line.t: has no phase among the nodes"),
    "conductors at one node": ("New Line.t phases=2 bus1=second.1.1 bus2=x.1.1", "Line.t: two of its conductors"),
    "one phase open": ("Open Line.two 2 1", "Line.two: some of its phases are open"),
    "transformer open": ("Open Transformer.main 1", "Transformer.main: some of its phases are open"),
    "loop": ("New Line.back bus1=second bus2=board", "Line.two, Line.back, Line.one: a loop of 3 elements"),
    "line beside a line": ("New Line.again bus1=first bus2=second", "Line.two, Line.again: side by side on a phase"),
    "line beside a transformer": ("New Line.by bus1=grid bus2=board", "Line.by, Transformer.main: side by side between"),
    "series capacitor": ("New Capacitor.c bus1=second bus2=x kvar=10 kv=0.4", "Capacitor.c: a capacitor between two buses"),
    "capacitor on a phase that is not there": (
        "New Line.tap phases=1 bus1=second.1 bus2=house.1\nNew Capacitor.c bus1=house.2 phases=1 kvar=1 kv=0.23",
        "Capacitor.c: phase 2 is not fed at bus house",
    ),
    "capacitor open": ("New Capacitor.c bus1=second kvar=5 kv=0.4\nOpen Capacitor.c 1", "Capacitor.c: some of its"),
}  # fmt: skip


def faults_of(folder: Path, more: str) -> tuple[str, ...]:
    with pytest.raises(InputError) as error:
        Network.load(write(folder, STREET + more + "\n" + BASES), phases=3)
    return error.value.faults


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_names_its_element(reason: str, tmp_path: Path):
    more, told = REASONS[reason]
    faults = faults_of(tmp_path, more)
    assert any(told in fault for fault in faults), faults
    assert all("; " in fault for fault in faults)  # the way out


def test_all_reasons_come_at_once(tmp_path: Path):
    several = ("regulator", "fuse", "delta load", "load between phases", "three windings", "loop")
    faults = faults_of(tmp_path, "\n".join(REASONS[one][0] for one in several))
    for told in ("RegControl.r", "Fuse.f", "Load.c: connected in delta", "Load.a: connected", "3 windings", "a loop of 3"):
        assert any(told in fault for fault in faults), told


def test_controls_that_do_not_act_are_no_fault(tmp_path: Path):
    more = REASONS["regulator"][0]
    assert Network.load(write(tmp_path, STREET + more + "\nSet ControlMode=OFF\n"), phases=3).n_bus == 5
    assert Network.load(write(tmp_path, STREET + more + "\nRegControl.r.enabled=no\n"), phases=3).n_bus == 5


def test_buses_without_a_phase_need_three_phases(tmp_path: Path):
    path = write(tmp_path, STREET + "New Line.tap phases=1 bus1=second.2 bus2=house.2 r1=0.3 x1=0.1\n" + BASES)
    with pytest.raises(InputError, match=r"bus 4 \(phases b\); .*phases = 3"):
        Network.load(path)
    network = Network.load(path, phases=3)
    assert network.zero is not None
    assert network.zero.phases.tolist() == [7, 7, 7, 7, 2, 7]


def test_a_grid_is_not_made_ideal(tmp_path: Path):
    with pytest.raises(InputError, match="an OpenDSS source has an impedance of its own"):
        Network.load(write(tmp_path, STREET), phases=3, zero_sequence={"grid": "ideal"})


def test_a_study_names_the_reason_also_where_there_is_no_balanced_model(tmp_path: Path):
    path = write(tmp_path, STREET + "New Line.tap phases=1 bus1=second.2 bus2=house.2 r1=0.3 x1=0.1\n" + BASES)
    with pytest.raises(InputError) as error:
        fastp2p.run(three_phases(source=str(path)))
    (fault,) = error.value.faults
    assert "an OpenDSS source has an impedance of its own; leave this out" in fault


def test_what_a_region_states_is_for_its_feeders_of_pandapower(tmp_path: Path):
    path = write(tmp_path, STREET + BASES)
    results = fastp2p.run(three_phases(sources=("cigre_lv", {"file": str(path), "name": "street"})))
    assert results.feeders is not None
    assert results.feeders["fault"].tolist() == ["", ""]
    alone = results.of_feeder("street")
    assert alone.study.network.zero_sequence is None
    assert fastp2p.run(alone.study.with_(scenarios={"keep": []})).scenarios.equals(alone.scenarios)


def three_phases(**network: object) -> fastp2p.Study:
    stated = {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "vector_group": "Dyn", "trafo_z0_per_z1": 1.0, "grid": "ideal"}
    return fastp2p.Study(
        name="area",
        network={"phases": 3, "zero_sequence": stated, **network},
        connection={"phases": "random"},
        load={"profile": "residential_0"},
        pv={"profile": "solar_0", "kwp": 3.0},
        scenarios={"count": 2},
    )
