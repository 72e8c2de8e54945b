"""Circuits as arrays: three-phase AC power flows equal the engine's own, with its controls off."""

import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fastp2p import InputError, Network, ac_flow, phase_flow
from fastp2p.io.coordinates import bus_coordinates
from fastp2p.io.opendss.engine import read_compiled
from fastp2p.io.opendss.script import Statement
from fastp2p.io.opendss.source import circuit_read
from fastp2p.io.stated import BALANCED, NO_LOAD, UNEQUAL
from tests.support.opendss_circuits import BASES, LOADS, SOURCE, STREET, engine_states, needs_engine, write

pytestmark = needs_engine

TOLERANCE_PU = 1e-7
CIRCUITS = {
    "delta-star transformer": "",
    "lead": "Transformer.main.LeadLag=lead",
    "delta second": (
        "Disable Transformer.main\nNew Transformer.other phases=3 windings=2 buses=[board.1.2.3.0 grid] conns=[wye delta] "
        "kvs=[0.4 10] kvas=[250 250] taps=[1.02 1] xhl=4 %r=0.6"
    ),
    "star-star transformer with a tap": "Transformer.main.conns=[wye wye] taps=[1 1.05]",
    "matrices": (
        "New LineCode.m nphases=3 units=km rmatrix=[.4|.1 .42|.09 .1 .41] xmatrix=[.3|.12 .31|.1 .12 .3] "
        "cmatrix=[300|-20 310|-10 -20 305]\nLine.two.linecode=m"
    ),
    "laterals": (
        "New LineCode.two nphases=2 units=km rmatrix=[.6|.1 .62] xmatrix=[.3|.12 .31] cmatrix=[9|-2 9]\n"
        "New Line.tap phases=2 bus1=second.3.1 bus2=corner.3.1 linecode=two length=.1 units=km\n"
        "New Line.end phases=1 bus1=corner.3 bus2=end.3 r1=.7 x1=.1 r0=.7 x0=.1 length=.06\n"
        "New Load.d bus1=end.3 phases=1 kv=.23 kw=2 kvar=1\nNew Load.e bus1=corner.3.1.0 phases=2 kv=.4 kw=3 kvar=1"
    ),
    "neutral": (
        "New LineCode.four nphases=4 units=km rmatrix=[.4|.1 .4|.1 .1 .4|.1 .1 .1 .5] xmatrix=[.3|.1 .3|.1 .1 .3|.1 .1 .1 .3] "
        "cmatrix=[9|0 9|0 0 9|0 0 0 9]\nNew Line.four phases=4 bus1=second.1.2.3.4 bus2=far.1.2.3.4 linecode=four length=.1 "
        "units=km\nNew Reactor.near phases=1 bus1=second.4 r=1e-7 x=0\nNew Reactor.far phases=1 bus1=far.4 r=1e-7 x=0\n"
        "New Load.f bus1=far.2.4 phases=1 kv=.23 kw=3"
    ),
    "geometry": (
        "New WireData.w rac=.3 runits=km gmrac=4 gmrunits=mm radius=5 radunits=mm\n"
        "New LineGeometry.g nconds=4 nphases=3 units=m cond=1 wire=w x=-.4 "
        "h=8\n~ cond=2 wire=w x=0 h=8\n~ cond=3 wire=w x=.4 h=8\n~ cond=4 wire=w x=0 h=7 reduce=yes\n"
        "New Line.air bus1=second bus2=far geometry=g length=.2 units=km\nNew Load.f bus1=far.1 phases=1 kv=.23 kw=3"
    ),
    "bank of single-phase transformers": (
        "New Transformer.b1 phases=1 windings=2 buses=[second.1 out.1] kvs=[.23 .23] kvas=[9 9] taps=[1 1.03] xhl=2 "
        "%noloadloss=1\n"
        "New Transformer.b3 phases=1 windings=2 buses=[second.3 out.3] kvs=[.23 .23] kvas=[9 9] taps=[1 .98] xhl=2\n"
        "New Load.f bus1=out.3 phases=1 kv=.23 kw=3\nNew Load.g bus1=out.1 phases=1 kv=.23 kw=2"
    ),
    "single-phase lines side by side": (
        "New Line.s1 phases=1 bus1=second.1 bus2=out.1 r1=.2 x1=.1 r0=.2 x0=.1\n"
        "New Line.s2 phases=1 bus1=second.2 bus2=out.2 r1=.3 x1=.1 r0=.3 x0=.1\nNew Load.f bus1=out.2 phases=1 kv=.23 kw=3"
    ),
    "capacitors and reactors": (
        "New Capacitor.c bus1=second kvar=6 kv=.4\nNew Capacitor.d bus1=first.2 phases=1 kvar=2 kv=.23\n"
        "New Capacitor.e bus1=first kvar=3 kv=.4 conn=delta\nNew Capacitor.u bus1=second.1.2.3 bus2=second.4.4.4 kvar=3 kv=.4\n"
        "New Reactor.r bus1=second kvar=4 kv=.4\nNew Reactor.series bus1=second bus2=far r=.01 x=.05\n"
        "New Load.f bus1=far.1 phases=1 kv=.23 kw=3"
    ),
    "neutral of a transformer through an impedance": "Transformer.main.wdg=2 Rneut=2 Xneut=1 bus=board.1.2.3.4",
    "switches": (
        "New Line.closed bus1=second bus2=far switch=y\nNew Line.opened bus1=board bus2=far switch=y\nOpen Line.opened 2\n"
        "New Load.f bus1=far.1 phases=1 kv=.23 kw=3"
    ),
}


def test_earth_models_do_not_reach_the_next_circuit(tmp_path: Path):
    wires = (
        "New WireData.w rac=.3 runits=km gmrac=4 gmrunits=mm radius=5 radunits=mm\n"
        "New LineSpacing.s nconds=4 nphases=3 units=m x=[-.4 0 .4 0] h=[8 8.2 8 7]\n"
    )
    spaced = wires + "New Line.air bus1=second bus2=far spacing=s wires=[w w w w] length=1 units=km\n"
    shaped = (
        wires + "New LineGeometry.g nconds=4 nphases=3 spacing=s wires=[w w w w] reduce=yes\n"
        "New Line.air bus1=second bus2=far geometry=g length=1 units=km\n"
    )
    carson = SOURCE + "Set EarthModel=Carson\n"
    names = ("spaced", "shaped", "carson", "again")
    texts = (SOURCE + spaced, SOURCE + shaped, carson + shaped, SOURCE + "! again\n" + spaced)
    impedance = [
        circuit_read(write(tmp_path, text + BASES, f"{name}.dss"))[1].tree.links[-1].series[0, 1]
        for name, text in zip(names, texts, strict=True)
    ]
    assert impedance[0] == pytest.approx(impedance[1], rel=1e-9)
    assert impedance[0] == impedance[3]
    assert abs(impedance[2] - impedance[0]) > 1e-4 * abs(impedance[0])
    with pytest.raises(InputError, match=r"line \d+: a line with a Spacing does not follow EarthModel"):
        circuit_read(write(tmp_path, carson + spaced + BASES))


@pytest.mark.parametrize("name", CIRCUITS)
def test_voltages_are_the_engine_s(name: str, tmp_path: Path):
    path = write(tmp_path, SOURCE + LOADS + CIRCUITS[name] + "\n" + BASES)
    network = Network.load(path, phases=3)
    p, q, voltage = engine_states(path, network, 4)
    flow = phase_flow(network, p, q)
    ours = flow.vm_pu * np.exp(1j * np.radians(flow.va_degree))
    known = np.isfinite(voltage)
    assert known.sum() >= 4 * 12
    assert np.abs(ours - voltage)[known].max() < TOLERANCE_PU
    assert network.zero is not None
    assert (np.isfinite(voltage).any(axis=0)[:-1] == network.zero.has_phase[:-1]).all()


def test_balanced_network_is_the_positive_sequence(tmp_path: Path):
    path = write(tmp_path, STREET)
    one, three = Network.load(path), Network.load(path, phases=3)
    assert one.zero is None
    kw = np.zeros((1, one.n_bus))
    kw[0, 3] = -30.0
    balanced, phases = ac_flow(one, kw), phase_flow(three, np.repeat(kw[..., None] / 3.0, 3, axis=2))
    assert np.abs(balanced.vm_pu[..., None] - phases.vm_pu).max() < 1e-8
    assert balanced.losses_kw[0] == pytest.approx(phases.losses_kw[0], rel=1e-6)
    assert one.constant_kw[1] == pytest.approx(0.003 * 250, rel=0.02)  # no-load losses at 1.02 of the voltage or so


def test_names_numbers_and_ratings(tmp_path: Path):
    more = "New Load.d bus1=first.2 phases=1 kv=.23 kw=1\nNew Line.dead bus1=nowhere bus2=apart\nBuscoords places.csv\n"
    write(tmp_path, "first, 4.5, 50\nsecond 4.6 51\n", "places.csv")
    path = write(tmp_path, STREET + more)
    network = Network.load(path, phases=3)
    names = circuit_read(path)[1].circuit.bus
    assert names == ["grid", "board", "first", "second", "nowhere", "apart"]
    assert network.bus_id.tolist() == [0, 1, 2, 3, 6]  # 6: the ideal source
    assert network.known_position.tolist() == [0, 1, 2, 3, -1, -1, 4]
    assert network.reference_bus.tolist() == [4]
    assert network.branch_name.tolist() == ["impedance 0", "trafo 0", "line 0", "line 1"]
    assert network.std_type.tolist() == ["", "", "cable", "cable"]
    assert network.rating_kw.tolist() == [np.inf, 250.0, np.inf, np.inf]
    assert network.limit_kw[2] == pytest.approx(np.sqrt(3.0) * 0.4 * 200.0)
    assert network.length_km.tolist()[2:] == pytest.approx([0.12, 0.2])
    assert network.load_bus.tolist() == [2, 3]
    assert network.load_kind.tolist() == ["asymmetric_load", "asymmetric_load and load"]
    assert network.zero is not None
    assert network.zero.load_phase.tolist() == [NO_LOAD, NO_LOAD, UNEQUAL, UNEQUAL, NO_LOAD]
    assert network.base_kv.tolist() == pytest.approx([10.0, 0.4, 0.4, 0.4, 10.0])
    bus, place = bus_coordinates(str(path))
    assert bus.tolist() == [2, 3]
    assert place.tolist() == [[4.5, 50.0], [4.6, 51.0]]


def test_each_conductor_has_its_own_rating(tmp_path: Path):
    more = (
        "New Line.tap phases=1 bus1=second.2 bus2=h.2 r1=.03 x1=.01 length=.05 normamps=60\n"
        "New Line.pair phases=2 bus1=h2.1.2 bus2=second.1.2 r1=.03 x1=.01 length=.05 normamps=70\n"
        "New Transformer.b1 phases=1 windings=2 buses=[second.1 out.1] kvs=[.23 .23] kvas=[9 9] xhl=2\n"
        "New Transformer.b3 phases=1 windings=2 buses=[second.3 out.3] kvs=[.23 .23] kvas=[12 12] xhl=2\n"
    )
    path = write(tmp_path, SOURCE + LOADS + more + BASES)
    network, bus = Network.load(path, phases=3), circuit_read(path)[1].circuit.bus
    kw = np.zeros((network.n_bus, 3))
    kw[[bus.index("h"), bus.index("h2"), bus.index("out")], [1, 0, 0]] = -10.0, -5.0, -3.0
    flow = phase_flow(network, kw)
    ampere, percent = flow.from_ka[0] * 1e3, flow.loading_percent[0]
    name = {one: at for at, one in enumerate(network.branch_name.tolist())}
    assert percent[name["line 2"], 1] == pytest.approx(ampere[name["line 2"], 1] / 60 * 100, rel=1e-3)
    assert percent[name["line 3"], 0] == pytest.approx(flow.to_ka[0, name["line 3"], 0] * 1e3 / 70 * 100, rel=1e-3)
    assert percent[name["trafo 1"], 0] == pytest.approx(3.0 / 9.0 * 100, rel=0.03)  # the least of the bank, on each phase
    assert network.rating_kw[name["trafo 1"]] == pytest.approx(18.0)


def test_base_voltages_follow_from_ratings_where_none_are_set(tmp_path: Path):
    network = Network.load(write(tmp_path, SOURCE + LOADS), phases=3)
    assert network.base_kv.tolist() == pytest.approx([10.0, 0.4, 0.4, 0.4, 10.0])
    only = Network.load(write(tmp_path, SOURCE + "New Load.c bus1=second kv=.4 kw=9\n" + BASES), phases=3)
    assert only.zero is not None
    assert only.zero.load_phase[3] == BALANCED


def test_networks_are_kept_until_a_file_changes(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path / "cache"))
    part = write(tmp_path, LOADS, "loads.dss")
    path = write(tmp_path, SOURCE + "Redirect loads.dss\n" + BASES)
    first = Network.load(path, phases=3)
    monkeypatch.setattr("fastp2p.io.cache.network_of", None)
    assert pickle.dumps(Network.load(path, phases=3).zero) == pickle.dumps(first.zero)
    monkeypatch.undo()
    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path / "cache"))
    part.write_text(LOADS + "New Load.z bus1=board kv=.4 kw=1\n")
    assert Network.load(path, phases=3).load_bus.tolist() == [1, 2, 3]


def test_threads_read_side_by_side(tmp_path: Path):
    paths = [write(tmp_path, STREET.replace("kw=4", f"kw={n + 1}").replace("0.12", f"0.{n + 1}"), f"{n}.dss") for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(lambda path: Network.load(path, phases=3), paths))
    assert [network.length_km[2] for network in networks] == pytest.approx([(n + 1) / 10 for n in range(8)])


def test_one_thread_has_the_engine():
    circuit = [Statement("new circuit.x", "x.dss", 1, "new circuit.x")]

    def thread(_: object) -> str:
        return read_compiled(circuit, lambda _: threading.current_thread().name)

    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(thread, range(8)))
    assert set(names) == {thread(None)}
    assert names[0].startswith("opendss")


def test_the_process_stays_as_it_is(tmp_path: Path, monkeypatch):
    folder, elsewhere = tmp_path / "circuit", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    path = write(folder, STREET)
    from dss import DSS

    DSS.Text.Command = "new circuit.of_the_user basekv=3"
    before = Path.cwd(), dict(os.environ), signal.getsignal(signal.SIGINT)
    Network.load(path, phases=3)
    assert (Path.cwd(), dict(os.environ), signal.getsignal(signal.SIGINT)) == before
    assert DSS.ActiveCircuit.Name == "of_the_user"
    DSS.ClearAll()
    assert list(elsewhere.iterdir()) == []
    assert list(folder.iterdir()) == [path]


def test_a_circuit_leaves_nothing_to_the_next(tmp_path: Path):
    """The engine takes the frequency of the last circuit for one that states none."""
    reactor = "New Reactor.r bus1=second bus2=far Lmh=1 R=0.1\n"
    plain = write(tmp_path, STREET.replace("Clear", "") + reactor, "plain.dss")
    first = Network.load(plain, phases=3)
    other = write(
        tmp_path, "Set DefaultBaseFrequency=50\n" + STREET.replace("Clear\n", "") + reactor + "Set EarthModel=Carson\n"
    )
    assert Network.load(other, phases=3).reactance_pu[-1] == pytest.approx(first.reactance_pu[-1] * 50 / 60)
    again = write(tmp_path, plain.read_text(), "again.dss")
    assert Network.load(again, phases=3).reactance_pu[-1] == first.reactance_pu[-1]
