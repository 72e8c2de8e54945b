"""Networks that docs/other-formats.md takes to pandapower: its code runs here, and both power flows are alike."""

import re
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandapower as pp
import pytest
from pandapower.converter.matpower import to_mpc

from fastp2p import Network, ac_flow
from fastp2p.io.network_sources import quiet
from tests.support.cgmes import write_cgmes

PAGE = (Path(__file__).parents[2] / "docs" / "other-formats.md").read_text(encoding="utf-8")
UCTE = """##C 2026.11.28
##N
##ZDE
DTOP  5  Infeed       0 3 112.00    0.00    0.00    0.00    0.00
DBAR  G  Bar          0 0           0.00    0.00    0.00    0.00
DEND  G  End          0 0           4.00    1.00    0.00    0.00
DFAR  G  Far          0 0           2.00    0.50   -1.00    0.00
##L
DBAR  G  DEND  G  1 0 1.5000 1.2000 50.00000    300 Cable 1
DEND  G  DFAR  G  1 0 2.0000 1.6000 40.00000    200 Cable 2
##T
DBAR  G  DTOP  5  1 0 20.00 112.0  40.0 0.0200 1.2000 0.000000 0.0000    210 Station
##R
##TT
"""
pytestmark = [pytest.mark.usefixtures("elsewhere"), pytest.mark.filterwarnings("ignore")]  # those of converters


def of_page(section):
    """The network that the code of a section makes of the files in this folder."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names = {}
    with quiet():
        exec("".join(blocks), names)
    return names["net"]


def same_flows(net, *, ac=True):
    """DC flows of lines and transformers, and AC voltages: pandapower's, from memory and after a file."""
    pp.to_json(net, "net.json")
    balanced = deepcopy(net)
    pp.rundcpp(net)
    if ac:
        pp.runpp(balanced, tolerance_mva=1e-10)
    for network in (Network.from_pandapower(net), Network.load("net.json")):
        flow_kw = network.flow_kw(network.injection_kw(net))
        iron_kw = np.abs(network.fixed_kw).sum()  # rundcpp has none
        for table, column in (("line", "p_from_mw"), ("trafo", "p_hv_mw")):
            ours = network.element == table
            theirs_kw = net[f"res_{table}"].loc[network.element_id[ours], column].to_numpy() * 1000
            np.testing.assert_allclose(flow_kw[ours], theirs_kw, atol=1e-6 + iron_kw)
        if ac:
            injection_kva = network.phase_injection_kva(net).sum(axis=1)
            found = ac_flow(network, injection_kva.real, injection_kva.imag)
            np.testing.assert_allclose(found.vm_pu[0], balanced.res_bus.vm_pu[network.bus_id], atol=1e-9)
    return network, found if ac else None


def test_cgmes():
    Path("cgmes").mkdir()
    write_cgmes(Path("cgmes"))
    network, found = same_flows(of_page("CGMES"))
    assert network.n_branch == 4
    assert network.ampacity_ka[network.element == "line"].tolist() == [0.145] * 3
    assert 1.0 < found.vm_pu[0, -1] < 1.02  # the set point of the control, less what is lost
    stated = {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "vector_group": "Dyn", "trafo_z0_per_z1": 1.0, "grid": "ideal"}
    assert Network.load("net.json", phases=3, zero_sequence=stated).zero is not None


def test_ucte():
    Path("grid.uct").write_text(UCTE, encoding="ascii")
    network, found = same_flows(of_page("UCTE-DEF"))
    np.testing.assert_allclose(network.ampacity_ka[network.element == "line"], [0.3, 0.2])
    assert network.load_bus.size == 2
    assert found.vm_pu[0, network.slack_bus] == pytest.approx(112 / 110)


def test_matpower_tables(monkeypatch):
    """A radial case that pandapower itself writes, in the binary format, which needs no further package."""
    monkeypatch.setitem(globals(), "PAGE", PAGE.replace("case.m", "case.mat"))
    net = pp.create_empty_network()
    bus = pp.create_buses(net, 4, 0.4)
    pp.create_ext_grid(net, bus[0], vm_pu=1.01)
    pp.create_lines(net, bus[:-1], bus[1:], 0.1, "NAYY 4x50 SE")
    pp.create_loads(net, bus[2:], [0.004, 0.006], [0.001, 0.002])
    pp.runpp(net)
    to_mpc(net, "case.mat")
    _, found = same_flows(of_page("MATPOWER"))
    np.testing.assert_allclose(found.vm_pu[0], net.res_bus.vm_pu, atol=1e-6)


@pytest.mark.slow  # its package is installed then
def test_matpower_file():
    pytest.importorskip("matpowercaseframes")
    shipped = find_spec("lightsim2grid")
    case = shipped and Path(shipped.origin).parent / "tests" / "case_14_matpower" / "grid.m"
    if not (case and case.is_file()):
        pytest.skip("lightsim2grid, which ships a case, is not installed")
    Path("case.m").write_bytes(case.read_bytes())
    network, _ = same_flows(of_page("MATPOWER"), ac=False)
    assert (network.n_bus, network.n_branch, network.is_radial) == (14, 20, False)


@pytest.mark.slow  # its package is installed then
def test_pypsa():
    pypsa = pytest.importorskip("pypsa")
    source = pypsa.Network()
    source.add("Bus", "mv", v_nom=20.0, v_mag_pu_set=1.02)
    source.add("Bus", ["bar", "a", "b"], v_nom=0.4)
    source.add("Transformer", "t", bus0="mv", bus1="bar", type="0.25 MVA 20/0.4 kV", tap_position=1)
    source.add("Line", "typed", bus0="bar", bus1="a", type="NAYY 4x50 SE", length=0.05, s_nom=0.1)
    source.add("Line", "plain", bus0="a", bus1="b", r=0.02, x=0.005, b=1e-4, s_nom=0.08)
    source.add("Generator", "grid", bus="mv", control="Slack")
    source.add("Load", ["a", "b"], bus=["a", "b"], p_set=[0.005, 0.006], q_set=[0.001, 0.002])
    source.export_to_csv_folder("street")
    net = of_page("PyPSA")
    network, found = same_flows(net)
    source.lpf()
    source.pf(use_seed=True)
    theirs = source.buses_t.v_mag_pu.loc["now", net.bus.name[network.bus_id]].to_numpy()
    np.testing.assert_allclose(found.vm_pu[0], theirs, atol=1e-6)
    np.testing.assert_allclose(network.limit_kw, [100.0, 80.0, 250.0])


@pytest.mark.slow  # its package is installed then
def test_power_grid_model():
    pgm = pytest.importorskip("power_grid_model")
    from power_grid_model.utils import json_serialize_to_file

    rows = {
        "node": {"id": [1, 2, 3, 4], "u_rated": [20e3, 400.0, 400.0, 400.0]},
        "line": {
            "id": [11, 12], "from_node": [2, 3], "to_node": [3, 4], "r1": [0.02, 0.03], "x1": [0.004, 0.005],
            "c1": [1e-8, 2e-8], "tan1": [0.01, 0.0], "r0": [0.08, 0.12], "x0": [0.016, 0.02], "c0": [1e-8, 2e-8], "tan0": 0.0,
            "i_n": [145.0, 120.0],
        },
        "transformer": {
            "id": [21], "from_node": 1, "to_node": 2, "u1": 20e3, "u2": 400.0, "sn": 250e3, "uk": 0.04, "pk": 3e3, "i0": 0.005,
            "p0": 500.0, "winding_from": 2, "winding_to": 1, "clock": 5, "tap_side": 0, "tap_pos": 1, "tap_min": -2,
            "tap_max": 2, "tap_nom": 0, "tap_size": 500.0,
        },
        "sym_load": {"id": [31, 32], "node": [3, 4], "type": 0, "p_specified": [5e3, 6e3], "q_specified": [1e3, 2e3]},
        "source": {"id": [41], "node": 1, "u_ref": 1.02, "sk": 1e18, "rx_ratio": 0.1, "z01_ratio": 1.0},
    }  # fmt: skip
    data = {}
    for table, columns in rows.items():
        data[table] = pgm.initialize_array("input", table, len(columns["id"]))
        on = [name for name in ("status", "from_status", "to_status") if name in data[table].dtype.names]
        for name, values in {**dict.fromkeys(on, 1), **columns}.items():
            data[table][name] = values
    json_serialize_to_file(Path("street_pgm.json"), data)
    net = of_page("power-grid-model")
    network, found = same_flows(net)
    theirs = pgm.PowerGridModel(data).calculate_power_flow(error_tolerance=1e-12)["node"]
    np.testing.assert_allclose(found.vm_pu[0], theirs["u_pu"][network.bus_id], atol=1e-8)
    np.testing.assert_allclose(network.ampacity_ka[:2], [0.145, 0.12])
    zero = Network.load("net.json", phases=3, zero_sequence={"trafo_z0_per_z1": 1.0})  # the rest came with the file
    assert zero.zero is not None
