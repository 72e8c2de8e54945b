import copy
import dataclasses
import inspect
import pickle
import warnings

import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pytest
from pandapower.pypower.idx_brch import PF
from pandapower.pypower.idx_bus import GS

import fastp2p
from fastp2p.io.network_sources import network_names
from tests.support.shipped import shipped

RADIAL = "create_cigre_network_lv"


def functions_without_arguments():
    """Every network function of pandapower.networks that can be called as it is."""
    names = []
    for name, function in inspect.getmembers(pn, inspect.isfunction):
        parameters = inspect.signature(function).parameters.values()
        ours = function.__module__.startswith("pandapower.networks") and not name.startswith("_")
        if ours and all(p.default is not p.empty or p.kind == p.VAR_KEYWORD for p in parameters):
            names.append(name)
    return names


def as_symmetric(net):
    """The network with its asymmetric loads and generators as balanced ones, which rundcpp does not pass over."""
    net = copy.deepcopy(net)
    for table, create in (("asymmetric_load", pp.create_load), ("asymmetric_sgen", pp.create_sgen)):
        for row in net[table][net[table].in_service].itertuples():
            create(net, row.bus, row.p_a_mw + row.p_b_mw + row.p_c_mw, scaling=row.scaling)
    return net


def without_branch_losses(net, network):
    """The network as rundcpp has it: of what is constant only what buses draw. (The losses themselves have tests below.)"""
    internal, lookup = net._ppc["internal"]["bus"], net._pd2ppc_lookups["bus"]
    at = np.arange(network.n_bus)  # pandapower's place of each bus; its order depends on what is connected where
    supplied = network.known_position >= 0
    at[network.known_position[supplied]] = lookup[network.known_id[supplied]]
    return dataclasses.replace(network, fixed_kw=-1e3 * internal[at, GS])


def assert_flows_equal_rundcpp(net, network):
    injection = network.injection_kw(net)
    net = as_symmetric(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.rundcpp(net)
    network = without_branch_losses(net, network)
    flow = network.flow_kw(injection) / 1e3
    expected = np.full(network.n_branch, np.nan)
    ends = {"line": "from", "trafo": "hv", "impedance": "from", "switch": "from"}
    for element, end in ends.items():
        rows = network.element == element
        if rows.any():
            expected[rows] = net[f"res_{element}"][f"p_{end}_mw"].loc[network.element_id[rows]]
    for winding, sign in (("hv", 1.0), ("mv", -1.0), ("lv", -1.0)):  # the inner bus feeds medium and low voltage
        rows = (network.element == "trafo3w") & (network.winding == winding)
        if rows.any():
            expected[rows] = sign * net.res_trafo3w[f"p_{winding}_mw"].loc[network.element_id[rows]]
    rows = network.element == "xward"  # no result table has its inner branch; pandapower's own branch table does
    if rows.any():
        first = net._pd2ppc_lookups["branch"]["xward"][0]
        expected[rows] = net._ppc["branch"][first + net.xward.index.get_indexer(network.element_id[rows]), PF].real
    np.testing.assert_allclose(flow, expected, rtol=1e-9, atol=1e-9)
    slack_gens = net.res_gen.p_mw[net.gen.slack.astype(bool)].sum() if len(net.gen) else 0.0
    np.testing.assert_allclose(
        network.slack_kw(injection) / 1e3, net.res_ext_grid.p_mw.sum() + slack_gens, rtol=1e-9, atol=1e-9
    )


FIRST = {"create_cigre_network_lv", "create_kerber_dorfnetz", "case118", "example_multivoltage", "mv_oberrhein"}
"""Networks of every kind of element; the others are in the second tier of the tests."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in FIRST)) for name in functions_without_arguments()]
)
def test_flows_equal_rundcpp(name):
    net = shipped(name)
    assert_flows_equal_rundcpp(net, fastp2p.Network.from_pandapower(net))


@pytest.mark.parametrize("name", ["cigre_lv", "village_1", "village_2"])
def test_built_in_networks(name):
    net = shipped(name)
    network = fastp2p.Network.from_pandapower(net)
    assert network.is_radial
    assert_flows_equal_rundcpp(net, network)


@pytest.mark.parametrize("name", [RADIAL, "example_multivoltage", "mv_oberrhein", "case14"])
def test_constant_parts_and_other_injections(name):
    net = shipped(name)
    network = fastp2p.Network.from_pandapower(net)
    injection = network.injection_kw(net)
    assert network.flow_kw(np.zeros(network.n_bus)) == pytest.approx(network.constant_kw, abs=1e-9)
    many = np.stack([injection, 0 * injection, 2 * injection]).reshape(3, 1, -1)
    flow = network.flow_kw(many)
    assert flow.shape == (3, 1, network.n_branch)
    assert np.array_equal(flow[0, 0], network.flow_kw(injection))
    expected = network.constant_kw + many @ network.ptdf.T
    np.testing.assert_allclose(flow, expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("name", ["cigre_lv", "case14"])
def test_a_books_bits_do_not_depend_on_its_batch(name):
    network = fastp2p.Network.load(name)
    injection = np.random.default_rng(1).normal(size=(200, network.n_bus))
    together = network.flow_kw(injection)
    assert np.array_equal(together, np.vstack([network.flow_kw(block) for block in np.array_split(injection, 7)]))
    assert np.array_equal(together[42], network.flow_kw(injection[42]))


@pytest.mark.parametrize("name", ["cigre_lv", "village_1", "create_cigre_network_mv"])
def test_radial_and_meshed_paths_agree(name, monkeypatch):
    network = fastp2p.Network.load(name)
    injection = np.random.default_rng(2).normal(size=(10, network.n_bus))
    by_tree = network.flow_kw(injection) if network.is_radial else None
    monkeypatch.setattr(fastp2p.Network, "is_radial", False)
    by_factors = pickle.loads(pickle.dumps(network)).flow_kw(injection)
    if by_tree is not None:
        np.testing.assert_allclose(by_factors, by_tree, rtol=1e-9, atol=1e-9)
    conserved = np.zeros((10, network.n_bus))
    np.add.at(conserved.T, network.from_bus, by_factors.T)
    np.subtract.at(conserved.T, network.to_bus, by_factors.T)
    inner = np.setdiff1d(np.arange(network.n_bus), network.reference_bus)
    np.testing.assert_allclose(conserved[:, inner], (injection + network.fixed_kw)[:, inner], atol=1e-9)


def test_switches_parallel_lines_and_parts_out_of_service():
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 0.4) for _ in range(8)]
    pp.create_ext_grid(net, buses[0])
    for f, t in ((0, 1), (1, 2), (2, 3), (3, 1), (4, 5), (6, 7)):
        pp.create_line(net, buses[f], buses[t], 0.1, "NAYY 4x50 SE")
    net.line.loc[1, "parallel"] = 2
    pp.create_switch(net, buses[3], buses[4], et="b")
    pp.create_switch(net, buses[2], 2, et="l", closed=False)
    pp.create_load(net, buses[5], 0.01)
    pp.create_load(net, buses[7], 0.02)
    network = fastp2p.Network.from_pandapower(net)
    assert_flows_equal_rundcpp(net, network)
    three, four = network.positions([3, 4])
    assert three == four
    with pytest.raises(fastp2p.InputError, match="bus 7 has no path") as error:
        network.positions([7, 99, 6])
    assert "bus 99 does not exist" in str(error.value)
    assert "bus 6 has no path" in str(error.value)
    one = net.line.index[1]
    rating = np.sqrt(3) * 0.4 * net.line.max_i_ka[one] * 2 * 1e3
    assert network.branches.set_index(["element", "element_id"]).limit_kw["line", one] == pytest.approx(rating)


def test_leaves_of_the_papers_network():
    network = fastp2p.Network.load("cigre_lv")
    assert network.bus_id[network.leaf_buses()].tolist() == [12, 16, 17, 18, 19, 22, 35, 36, 37, 40, 41, 42, 43]
    for found in (network.leaf_buses, network.feeding_rating_kw):  # both are kept, and a caller's array is the caller's
        before = found()
        found()[:] = 0
        np.testing.assert_array_equal(found(), before)


def test_limits():
    network = fastp2p.Network.load("cigre_lv")
    lines, trafos = network.element == "line", network.element == "trafo"
    assert network.limit_kw[trafos].tolist() == [500.0, 150.0, 300.0]
    assert network.limit_kw[lines] == pytest.approx(np.sqrt(3) * 0.4 * 1e3)
    assert np.isinf(network.with_limits(("thermal",)).limit_kw[trafos]).all()
    assert np.isinf(network.with_limits(("transformer",)).limit_kw[lines]).all()
    std_type = str(network.std_type[lines][0])
    other = network.with_limits(
        factor=0.5, ampacity_ka=0.2, ampacity_ka_by_std_type={std_type: 0.1}, ampacity_ka_by_line={0: 0.05}
    )
    per_ka = 0.5 * np.sqrt(3) * 0.4 * 1e3
    assert other.limit_kw[lines][0] == pytest.approx(0.05 * per_ka)
    assert other.limit_kw[lines & (network.std_type == std_type)][1:] == pytest.approx(0.1 * per_ka)
    assert other.limit_kw[lines & (network.std_type != std_type)] == pytest.approx(0.2 * per_ka)
    angle = network.with_limits((), angle_deg=30.0)
    assert angle.limit_kw == pytest.approx(network.susceptance_kw * np.pi / 6)
    with pytest.raises(fastp2p.InputError, match=r"(?s)'nope'.*line 999"):
        network.with_limits(ampacity_ka_by_std_type={"nope": 1.0}, ampacity_ka_by_line={999: 1.0})


def test_it_travels_to_other_processes():
    network = fastp2p.Network.load("cigre_lv")
    injection = np.ones(network.n_bus)
    flow = network.flow_kw(injection)
    data = pickle.dumps(network)
    assert len(data) < 100_000
    assert np.array_equal(pickle.loads(data).flow_kw(injection), flow)


def test_a_net_with_other_buses_is_refused():
    network = fastp2p.Network.load("cigre_lv")
    net = shipped("cigre_lv")
    pp.create_bus(net, 0.4)
    with pytest.raises(fastp2p.InputError, match="differ from those"):
        network.injection_kw(net)
    with pytest.raises(fastp2p.InputError, match="its last axis must be the 41 buses"):
        network.flow_kw(np.zeros(44))


def test_networks_from_files(tmp_path):
    net = shipped("cigre_lv")
    pp.to_json(net, tmp_path / "net.json")
    pp.to_excel(net, tmp_path / "net.xlsx")
    expected = fastp2p.Network.from_pandapower(net)
    for name in ("net.json", "net.xlsx"):
        network = fastp2p.Network.load(tmp_path / name)
        assert np.array_equal(network.limit_kw, expected.limit_kw)
        assert np.array_equal(network.bus_id, expected.bus_id)
    assert "cigre_lv" in network_names()
