"""What a pandapower network may hold: every reference is checked, what injects is left out, what is constant is kept."""

import random

import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pandas as pd
import pytest

import fastp2p
from fastp2p.clearing.limits import limit_faults
from fastp2p.grid.ac import ac_flow
from fastp2p.grid.feeder import ac_faults
from fastp2p.grid.network import Network
from fastp2p.io import network_sources
from fastp2p.io import pandapower as conversion
from fastp2p.io.runpp import runpp_voltages
from tests.support.chains import chain, refused


def leaves(net):
    network = Network.from_pandapower(net)
    return network.bus_id[network.leaf_buses()].tolist()


# --- who takes part


def test_a_ring_without_ends_says_so():
    net = chain()
    pp.create_line(net, 2, 4, 0.1, "NAYY 4x150 SE")
    network, day = Network.from_pandapower(net), fastp2p.studies()["pv-sweep"].with_(network={"ampacity_ka_by_std_type": None})
    for buses, none in (("leaves", "end (leaf bus)"), ("loads", "load in service")):
        with pytest.raises(fastp2p.InputError) as error:
            fastp2p.run(day.with_(participants={"buses": buses}), network=network)
        assert f"give no bus: the network has no {none}; name the buses, or choose 'all'" in str(error.value)


@pytest.mark.parametrize("slack", [np.nan, None, 1, 1.0, "True", "gone"])
def test_what_says_whether_a_generator_is_an_external_grid(slack):
    """Scripts that append rows leave NaN in the column, those that write CSV files leave 1."""
    net = chain()
    pp.create_gen(net, 4, 0.0)
    net.gen["slack"] = pd.Series([slack], index=net.gen.index, dtype=object if isinstance(slack, str | None) else None)
    if slack == "gone":
        net.gen = net.gen.drop(columns="slack")
        refused(net, "table gen: has no column slack")
    elif slack == "True":
        refused(net, "gen 0: slack is 'True'; it must be true or false")
    else:
        network = Network.from_pandapower(net)
        assert network.bus_id[network.reference_bus].tolist() == ([0, 4] if slack == 1 else [0])


def test_columns_of_pandas_own_types():
    net = chain()
    net.line["in_service"] = pd.array([True, pd.NA, True], dtype="boolean")
    refused(net, "line 1: in_service is <NA>; it must be true or false")
    net = chain()
    whole = Network.from_pandapower(net)
    for column in (
        pd.array([0.27, pd.NA, 0.27], dtype="Float64"),
        np.array([0.27, None, 0.27], object),
        np.array([0.27, np.nan, 0.27]),
    ):
        net.line["max_i_ka"] = column
        limit = Network.from_pandapower(net).limit_kw
        np.testing.assert_allclose(limit, [np.sqrt(3) * 400 * 0.27, np.inf, np.sqrt(3) * 400 * 0.27, whole.limit_kw[3]])


def test_every_bus_may_be_an_external_grid():
    net = pp.create_empty_network()
    for angle in (0.0, 1.0):
        pp.create_ext_grid(net, pp.create_bus(net, 20.0), va_degree=angle)
    pp.create_line_from_parameters(net, 0, 1, 1.0, 0.1, 4.0, 0.0, 0.2)
    network = Network.from_pandapower(net)
    # 20 kV squared over 4 ohm is 100 MW per radian; a degree from bus 1 to bus 0
    np.testing.assert_allclose(network.flow_kw(np.zeros((2, 2))), [[-1e5 * np.pi / 180]] * 2, rtol=1e-9)


def test_an_external_grid_is_no_leaf():
    assert leaves(chain()) == [4]
    net = chain()
    pp.create_ext_grid(net, 4)  # fed from both ends: no end is left
    assert leaves(net) == []
    net = chain()
    pp.create_gen(net, 4, 0.0, slack=True)
    assert leaves(net) == []


def test_the_last_buses_before_an_open_ring_switch_are_leaves():
    """1-2-3-4 and 1-5-6 with a line 4-6 that is open at 4: it hangs on 6, and both 4 and 6 are ends."""
    net = chain()
    five, six = pp.create_bus(net, 0.4), pp.create_bus(net, 0.4)
    for f, t in ((1, five), (five, six), (4, six)):
        pp.create_line(net, f, t, 0.1, "NAYY 4x150 SE")
    ring = int(net.line.index[-1])
    pp.create_switch(net, 4, ring, et="l", closed=False)
    assert leaves(net) == [4, 6]
    pp.create_switch(net, six, ring, et="l", closed=False)  # open at both ends
    assert leaves(net) == [4, 6]


def test_a_bus_behind_an_open_switch_is_no_leaf():
    """Line 3-4 is open at its end 4: bus 4 is dead, and 3 is the end."""
    net = chain()
    pp.create_switch(net, 4, 2, et="l", closed=False)
    assert leaves(net) == [3]
    net = chain()
    net.bus.loc[4, "in_service"] = False
    assert leaves(net) == [3]


def test_feeder_ends_of_cigre_mv():
    """Its three open switches part bus 6 from 7, 4 from 11 and 14 from 8; ends are 6, 11 (of 3-8-9-10-11), 7 and 14."""
    assert leaves(pn.create_cigre_network_mv()) == [6, 7, 11, 14]


def test_what_hangs_on_a_leaf_leaves_it_one():
    net = chain()
    pp.create_xward(net, 4, 0.001, 0.0, 0.0, 0.0, 0.1, 0.1, 1.0)  # pandapower gives it an inner bus
    assert leaves(net) == [4]
    net = chain()
    pp.create_line(net, 3, 4, 0.1, "NAYY 4x150 SE")  # two cables to one house
    assert leaves(net) == [4]


@pytest.mark.parametrize("element", ["line", "trafo"])
def test_a_branch_whose_ends_a_closed_switch_joins_is_no_loop(element):
    """Its ends are one bus: the network is a tree, 4 an end, and what its capacitance draws stays."""
    net = chain()
    if element == "line":
        pp.create_bus(net, 0.4)
        pp.create_line(net, 4, 5, 0.2, "NAYY 4x150 SE")
    else:
        pp.create_bus(net, 0.4)
        pp.create_transformer_from_parameters(net, 4, 5, 0.1, 0.4, 0.4, 1.0, 4.0, 0.5, 1.0)
    pp.create_switch(net, 4, 5, et="b")
    network = Network.from_pandapower(net)
    assert network.is_radial
    assert ac_faults(network) == []
    assert network.branch_name.tolist() == ["line 0", "line 1", "line 2", "trafo 0"]
    assert leaves(net) == [4]
    expected = -1.28 - (0.5 if element == "trafo" else 0.0)
    assert network.fixed_kw.sum() == pytest.approx(expected, abs=1e-9)
    flow = ac_flow(network, np.zeros((1, network.n_bus)))
    pp.runpp(net, tolerance_mva=1e-12)
    assert flow.slack_kw[0] == pytest.approx(1e3 * net.res_ext_grid.p_mw.sum(), abs=1e-6)
    assert flow.slack_kvar[0] == pytest.approx(1e3 * net.res_ext_grid.q_mvar.sum(), abs=1e-6)


def test_an_impedance_without_an_ac_model_between_joined_buses_is_named():
    net = chain()
    pp.create_bus(net, 0.4)
    pp.create_impedance(net, 4, 5, 0.01, 0.02, 0.1, rtf_pu=0.03, xtf_pu=0.02)
    pp.create_switch(net, 4, 5, et="b")
    (fault,) = ac_faults(Network.from_pandapower(net))
    assert fault.startswith("both ends of impedance 0 are one bus")


def test_loads_of_every_kind_count():
    net = chain()
    pp.create_load(net, 2, 0.001)
    pp.create_motor(net, 3, 0.001, 0.9)
    pp.create_asymmetric_load(net, 4, 0.001, 0.002, 0.003)
    pp.create_load(net, 4, 0.001)
    pp.create_load(net, 1, 0.001, in_service=False)
    network = Network.from_pandapower(net)
    assert network.bus_id[network.load_bus].tolist() == [2, 3, 4]
    assert network.load_kind.tolist() == ["load", "motor", "load and asymmetric_load"]
    # rundcpp passes over asymmetric loads; 1 + 2 + 3 kW, and 1 kW besides
    assert network.injection_kw(net)[network.positions([4])] == pytest.approx(-7.0)


def test_the_branches_of_a_loop_are_named():
    net = chain(30)
    pp.create_line(net, 9, 6, 0.1, "NAYY 4x150 SE")  # line 5 is 6-7
    (fault,) = ac_faults(Network.from_pandapower(net))
    assert "a loop of line 5, line 6, line 7, line 30;" in fault
    pp.create_line(net, 20, 21, 0.1, "NAYY 4x150 SE")
    (fault,) = ac_faults(Network.from_pandapower(net))
    assert "2 loops, the shortest of line 19, line 31; of line 5, line 6, line 7, line 30;" in fault
    net = chain(3)
    pp.create_ext_grid(net, 4)  # a path between two external grids is a loop too
    (fault,) = ac_faults(Network.from_pandapower(net))
    assert "a loop of line 0, line 1, line 2, trafo 0;" in fault


# --- drawn at random


def test_a_network_drawn_at_random_is_the_same_each_time(tmp_path, monkeypatch):
    found = []
    for folder in ("one", "two"):
        monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path / folder))
        random.seed(len(folder) + len(found))
        found.append(Network.load("create_kerber_landnetz_freileitung_1"))
    for name, array in found[0].__getstate__().items():
        assert np.array_equal(array, getattr(found[1], name), equal_nan=array.dtype.kind in "fc"), name


def test_random_numbers_go_on_as_if_no_network_had_been_built(monkeypatch):
    def draws():
        net = chain()
        net.line["length_km"] = [random.random(), np.random.rand(), np.random.default_rng(1).random()]  # noqa: NPY002
        return net

    monkeypatch.setattr(network_sources, "builders", lambda: {"drawn": draws})
    state, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    first, second = (network_sources.load_network("drawn").line.length_km.tolist() for _ in range(2))
    assert first == second
    assert random.getstate() == state
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), of_numpy, strict=True))  # noqa: NPY002


# --- what is left out


def loaded_net():
    """A ring with everything that pandapower injects by, at every bus."""
    net = chain()
    pp.create_line(net, 4, 1, 0.1, "NAYY 4x150 SE")
    pp.create_bus(net, 0.4)  # joined to bus 2; pandapower lets it stand for both, and orders buses by it, as it has a load
    pp.create_switch(net, 2, 5, et="b")
    pp.create_load(net, 5, 0.03, 0.01)
    pp.create_motor(net, 3, 0.02, 0.9)
    pp.create_asymmetric_load(net, 3, 0.004, 0.005, 0.006)
    pp.create_sgen(net, 4, 0.05)
    pp.create_asymmetric_sgen(net, 4, 0.004, 0.005, 0.006)
    pp.create_storage(net, 2, 0.01, 0.1)
    pp.create_ward(net, 3, 0.07, 0.02, 0.001, 0.0)
    pp.create_gen(net, 4, 0.02, vm_pu=1.01)
    pp.create_dcline(net, 2, 3, 0.01, 1.0, 0.0, 1.0, 1.0)
    return net


def by_pandapower(net, loads_kw):
    """Voltages, p.u., by pandapower of the bare ring with these loads alone."""
    bare = chain()
    pp.create_line(bare, 4, 1, 0.1, "NAYY 4x150 SE")
    for row in net.ward.itertuples():
        pp.create_ward(bare, row.bus, 0.0, 0.0, row.pz_mw, row.qz_mvar)
    for bus, kw in loads_kw.items():
        pp.create_load(bare, bus, kw / 1e3, 0.0)
    pp.runpp(bare, calculate_voltage_angles=True, tolerance_mva=1e-10)
    return bare.res_bus.vm_pu


@pytest.mark.slow
def test_a_sample_is_audited_without_what_the_network_injects_itself(tmp_path):
    """All that is drawn is 5 kW at bus 2 (joined to 5) and 7 kW at bus 4."""
    net = loaded_net()
    pp.to_json(net, tmp_path / "net.json")
    network = Network.load(tmp_path / "net.json")
    assert not network.is_radial
    injection = np.zeros((1, network.n_bus), np.complex128)
    injection[0, network.positions([2, 4])] = -5.0, -7.0
    voltage = runpp_voltages(str(tmp_path / "net.json"), vars(network), injection)
    expected = by_pandapower(net, {2: 5.0, 4: 7.0})
    np.testing.assert_allclose(np.abs(voltage[0, network.positions(range(5))]), expected.loc[range(5)], rtol=0, atol=1e-9)


@pytest.mark.slow
def test_extended_wards_keep_their_voltage_and_nothing_else(tmp_path):
    net = loaded_net()
    net.gen = net.gen.iloc[:0]
    pp.create_xward(net, 3, ps_mw=0.2, qs_mvar=0.1, pz_mw=0.0, qz_mvar=0.0, r_ohm=0.1, x_ohm=0.2, vm_pu=1.0)
    pp.to_json(net, tmp_path / "net.json")
    network = Network.load(tmp_path / "net.json")
    voltage = runpp_voltages(str(tmp_path / "net.json"), vars(network), np.zeros((1, network.n_bus), np.complex128))
    bare = chain()
    pp.create_line(bare, 4, 1, 0.1, "NAYY 4x150 SE")
    pp.create_ward(bare, 3, 0.0, 0.0, 0.001, 0.0)
    pp.create_xward(bare, 3, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 1.0)
    pp.runpp(bare, calculate_voltage_angles=True, tolerance_mva=1e-10)
    np.testing.assert_allclose(np.abs(voltage[0, network.positions(range(5))]), bare.res_bus.vm_pu, rtol=0, atol=1e-9)


def test_generators_that_disagree_do_not_keep_an_ac_model_away():
    """Two voltages at one bus are no AC power flow, but a study leaves both generators out."""
    net = chain()
    pp.create_gen(net, 3, 0.01, vm_pu=1.0)
    pp.create_gen(net, 3, 0.01, vm_pu=1.02)
    assert ac_faults(Network.from_pandapower(net)) == []


def test_why_there_is_no_ac_model():
    net = chain()
    pp.create_ext_grid(net, 0, vm_pu=1.02)
    (fault,) = ac_faults(Network.from_pandapower(net))
    assert fault.startswith("pandapower has no AC model of the network: ")
    assert "different setpoints" in fault


@pytest.mark.parametrize("vm_pu", [np.nan, 0.0, -1.0])
def test_an_external_grid_without_a_voltage_is_named(vm_pu):
    net = chain()
    net.ext_grid.loc[0, "vm_pu"] = vm_pu
    assert ac_faults(Network.from_pandapower(net)) == ["ext_grid 0 has no positive voltage set point (vm_pu)"]
    net.ext_grid = net.ext_grid.drop(columns="vm_pu")
    refused(net, "table ext_grid: has no column vm_pu")


def test_a_network_without_a_state_without_load_is_refused():
    """Half a farad at the end of a line leaves a fiftieth of the voltage there."""
    net = chain()
    net.line["c_nf_per_km"] = 5e9
    network = Network.from_pandapower(net)
    assert limit_faults(network, "dc", 0.9, 1.1) == []
    for physics in ("lindistflow", "ac"):
        (fault,) = limit_faults(network, physics, 0.9, 1.1)
        assert "the AC power flow of the network without any load has no solution" in fault


@pytest.mark.parametrize("table", ["vsc", "vsc_stacked", "vsc_bipolar", "svc", "line_dc", "bus_dc", "load_dc", "of_tomorrow"])
def test_elements_that_a_conversion_does_not_know_are_refused(table, monkeypatch):
    net = chain()
    net["of_tomorrow"] = net.load.copy()
    known = {**conversion.empty_tables(), "of_tomorrow": net.load}
    monkeypatch.setattr(conversion, "empty_tables", lambda: known)
    net[table].loc[0, "in_service"] = True
    refused(net, f"the network has {table} elements, which fastp2p does not model; remove them")


def test_tables_of_ones_own_are_nobodys_business():
    net = chain()
    net["substations"] = net.load.reindex([0, 1])
    assert Network.from_pandapower(net).n_bus == 5


# --- what is constant


def test_iron_losses_are_constant_injections():
    """1.28 kW, half at either side; one end is the external grid itself, and the branch carries the other half."""
    network = Network.from_pandapower(chain())
    assert network.fixed_kw[network.positions([0, 1, 2, 3, 4])] == pytest.approx([-0.64, -0.64, 0, 0, 0], abs=1e-9)
    assert network.slack_kw(np.zeros(5)) == pytest.approx(1.28, abs=1e-9)
    assert network.flow_kw(np.zeros(5)) == pytest.approx([0, 0, 0, 0.64], abs=1e-9)
    # at 21 kV rated and 20 kV, (20 / 21)² of them; two in parallel twice
    two = Network.from_pandapower(chain(vn_hv_kv=21.0, vn_lv_kv=0.42, parallel=2))
    assert two.slack_kw(np.zeros(5)) == pytest.approx(2 * 1.28 * (20 / 21) ** 2, abs=1e-9)
    # what AC has without load, at voltages near nominal
    assert ac_flow(network, np.zeros(5)).losses_kw[0] == pytest.approx(1.28, abs=1e-3)


def test_conductances_of_other_branches_are_constant_too():
    """Two lines of 100 µS/km: 0.4² · 1e-4 S · 0.1 km · 1e3 kW each; a shunt of 1 kW besides."""
    net = chain(2, pfe_kw=0.0)
    net.line["g_us_per_km"] = 100.0
    pp.create_shunt(net, 2, q_mvar=0.0, p_mw=0.001)
    network = Network.from_pandapower(net)
    assert network.slack_kw(np.zeros(4)) == pytest.approx(1.0 + 2 * 0.16 * 1e-4 * 0.1 * 1e3)


def test_slack_energy_holds_iron_losses():
    """A day of paper-80: 24 hours of the village's 0.8 kW."""
    results = fastp2p.run(fastp2p.studies()["paper-80"])
    books = results.books
    assert (books.slack_kwh - books.import_kwh + books.export_kwh).to_numpy() == pytest.approx(np.full(24, 0.8), abs=1e-9)


# --- options of the network itself


def test_open_branches_that_the_network_says_to_neglect():
    """A long cable that is open at its far end: its charging current counts, unless the network says no."""
    net = chain(3)
    pp.create_bus(net, 0.4)
    pp.create_line(net, 4, 5, 5.0, "NAYY 4x150 SE")
    pp.create_switch(net, 5, 3, et="l", closed=False)
    there = Network.from_pandapower(net)
    pp.set_user_pf_options(net, neglect_open_switch_branches=True)
    neglected = Network.from_pandapower(net)
    assert (there.n_branch, neglected.n_branch) == (5, 4)
    for network, neglect in ((there, False), (neglected, True)):
        assert ac_faults(network) == []
        pp.set_user_pf_options(net, overwrite=True)
        pp.runpp(net, neglect_open_switch_branches=neglect, tolerance_mva=1e-12)
        flow = ac_flow(network, np.zeros((1, network.n_bus)))
        assert flow.slack_kvar[0] == pytest.approx(1e3 * net.res_ext_grid.q_mvar.sum(), abs=1e-6)


@pytest.mark.parametrize(
    "options", [{"init": "results"}, {"algorithm": "bfsw"}, {"calculate_voltage_angles": False}, {"tdpf": True}]
)
def test_options_of_how_to_solve_change_nothing(options):
    net = chain()
    expected = Network.from_pandapower(net)
    pp.set_user_pf_options(net, **options)
    network = Network.from_pandapower(net)
    assert len(network.ac_faults) == 0
    assert np.array_equal(network.resistance_pu, expected.resistance_pu)
