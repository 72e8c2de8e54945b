"""Zero-sequence data of pandapower networks: what is stated, what is refused, and what networks inject on each phase."""

import dataclasses

import numpy as np
import pandapower as pp
import pytest

import fastp2p
from bench.peers.asymmetric import STATED
from fastp2p.grid.zero_sequence import PHASES
from fastp2p.io.stated import BALANCED, DELTA, NO_LOAD, UNEQUAL
from tests.support.shipped import shipped

EUROPEAN = "ieee_european_lv_asymmetric"


def small_net(**trafo):
    """A transformer and a line, with all zero-sequence data; pandapower's indices 4, 7 and 9."""
    net = pp.create_empty_network()
    for index, kv in ((4, 10.0), (7, 0.4), (9, 0.4)):
        pp.create_bus(net, kv, index=index)
    pp.create_ext_grid(net, 4, s_sc_max_mva=100.0, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1)
    given = {
        "sn_mva": 0.16, "vn_hv_kv": 10.0, "vn_lv_kv": 0.4, "vkr_percent": 1.4, "vk_percent": 4.0, "pfe_kw": 0.0,
        "i0_percent": 0.0, "shift_degree": 150.0, "vector_group": "Dyn", "vk0_percent": 4.0, "vkr0_percent": 1.4,
        "mag0_percent": 100.0, "mag0_rx": 0.0, "si0_hv_partial": 0.9,
    }  # fmt: skip
    pp.create_transformer_from_parameters(net, 4, 7, **{**given, **trafo})
    pp.create_line_from_parameters(
        net, 7, 9, 0.5, 0.3, 0.08, 200.0, max_i_ka=0.2, r0_ohm_per_km=1.2, x0_ohm_per_km=0.3, c0_nf_per_km=100.0
    )
    return net


def converted(net, **stated):
    return fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)


def refusal(call, *arguments, **options):
    with pytest.raises(fastp2p.InputError) as caught:
        call(*arguments, **options)
    return caught.value.faults


def test_the_zero_sequence_of_a_line_and_a_transformer_by_hand():
    """Per unit of 1 kVA, 1 kVA / U² an ohm. Dyn: the leakage, of which nine tenths lie beside the magnetising branch."""
    network = converted(small_net())
    zero, line, trafo = network.zero, list(network.element).index("line"), list(network.element).index("trafo")
    ohm = 1e-3 / 0.4**2
    assert zero.series_pu[line] == pytest.approx(0.5 * complex(1.2, 0.3) * ohm)
    assert zero.from_shunt_pu[line] == zero.to_shunt_pu[line] == pytest.approx(1j * np.pi * 50 * 100e-9 * 0.5 / ohm)
    z = complex(0.014, np.sqrt(0.04**2 - 0.014**2)) / 160.0
    assert zero.series_pu[trafo] == pytest.approx(0.1 * z + 1 / (1 / (0.9 * z) + 1 / (1j * abs(z))), rel=1e-9)
    assert zero.to_ground.tolist() == [name == "trafo" for name in network.element]
    x = 1.1 / 100e3 / np.hypot(0.1, 1.0)
    assert zero.grid_negative_pu == pytest.approx(x * complex(0.1, 1.0))
    assert zero.grid_zero_pu == pytest.approx(x * complex(0.1, 1.0))
    assert converted(small_net(), grid="ideal").zero.grid_zero_pu == 0.0


def test_what_is_stated_holds_where_there_are_no_data():
    net = small_net()
    whole = converted(net).zero
    net.line[["r0_ohm_per_km", "x0_ohm_per_km", "c0_nf_per_km"]] = np.nan
    net.trafo["vk0_percent"] = np.nan
    stated = {"r0_per_r1": 4.0, "x0_per_x1": 3.75, "c0_per_c1": 0.5, "trafo_z0_per_z1": 0.8}
    zero = converted(net, **stated).zero
    line, trafo = whole.to_ground == 0, whole.to_ground
    assert zero.series_pu[line] == pytest.approx(whole.series_pu[line])
    assert zero.to_shunt_pu[line] == pytest.approx(whole.to_shunt_pu[line])
    assert zero.series_pu[trafo] == pytest.approx(0.8 * complex(0.014, np.sqrt(0.04**2 - 0.014**2)) / 160.0)
    kept = converted(small_net(), **{**stated, "r0_per_r1": 9.0, "vector_group": "Yzn"}).zero
    for field in dataclasses.fields(kept):
        np.testing.assert_array_equal(getattr(kept, field.name), getattr(whole, field.name))


def test_what_is_missing_is_named_with_the_way_out():
    """All of it in one message: nothing is assumed."""
    faults = refusal(fastp2p.Network.load, "cigre_lv", phases=3)
    assert len(faults) == 8
    for start, end in (
        ("network cigre_lv: line 0, 1, 2", "no r0_ohm_per_km; fill it in, or state zero_sequence.r0_per_r1"),
        ("network cigre_lv: line 0, 1, 2", "no x0_ohm_per_km; fill it in, or state zero_sequence.x0_per_x1"),
        ("network cigre_lv: trafo 0", "no vector_group; fill it in, or state zero_sequence.vector_group"),
        ("network cigre_lv: trafo 0, 1, 2", "or state zero_sequence.trafo_z0_per_z1"),
        ("network cigre_lv: ext_grid 0", 'state zero_sequence.grid = "ideal" for grids that hold each phase'),
    ):
        assert any(fault.startswith(start) and fault.endswith(end) for fault in faults), (start, faults)
    assert fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED).zero is not None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"vector_group": "YNd"}, "trafo 0: vector group YNd is not modelled; it must be Dyn, YNyn or Yzn"),
        ({"vector_group": "Dyn11"}, "trafo 0: vector group Dyn11 and shift_degree 150 contradict one another"),
        ({"vector_group": "YNyn"}, "trafo 0: a YNyn transformer turns by 0 or 180 degrees, not by shift_degree 150"),
        ({"vector_group": None}, "trafo 0: no vector_group"),
        ({"vk0_percent": -4.0}, "trafo 0: no zero sequence has these numbers; vk0_percent and mag0_percent positive"),
        ({"vkr0_percent": 5.0}, "trafo 0: no zero sequence has these numbers"),
        ({"si0_hv_partial": 1.0}, "trafo 0: no zero sequence has these numbers"),
    ],
)
def test_transformers_that_are_not_modelled(change, named):
    assert any(fault.startswith(named) for fault in refusal(converted, small_net(**change)))


def test_grids_of_no_impedance():
    net = small_net()
    net.ext_grid["rx_max"], net.ext_grid["r0x0_max"] = 0.0, 0.0
    assert converted(net).zero.grid_negative_pu == pytest.approx(1.1j / 100e3)
    for column, bound in (("s_sc_max_mva", "positive"), ("x0x_max", "positive"), ("rx_max", "not negative")):
        wrong = small_net()
        wrong.ext_grid[column] = -1.0
        (fault,) = refusal(converted, wrong)
        assert fault.startswith(f"ext_grid 0: no {column} that is {bound}; fill it in, or state zero_sequence.grid")
        assert converted(wrong, grid="ideal").zero.grid_zero_pu == 0.0


def test_a_clock_number_is_read():
    whole, numbered = converted(small_net()).zero, converted(small_net(vector_group="dyn5")).zero
    np.testing.assert_array_equal(whole.series_pu, numbered.series_pu)


def test_elements_that_are_not_modelled():
    net = small_net()
    pp.create_impedance(net, 7, 9, 0.1, 0.1, 1.0)
    pp.create_bus(net, 0.4, index=12)
    pp.create_switch(net, 9, 12, et="b", z_ohm=0.1)
    faults = refusal(converted, net)
    assert "impedance 0: no zero-sequence model of impedance elements; remove them or use phases = 1" in faults
    assert any("bus-bus switches with an impedance (z_ohm)" in fault for fault in faults)


def test_a_branch_of_one_bus_is_refused():
    net = small_net()
    pp.create_line_from_parameters(
        net, 9, 7, 0.5, 0.3, 0.08, 0.0, max_i_ka=0.2, r0_ohm_per_km=1.2, x0_ohm_per_km=0.3, c0_nf_per_km=0.0
    )
    pp.create_switch(net, 7, 9, et="b")
    assert refusal(converted, net)[0].startswith("some branch has both ends at one bus")


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("r0_ohm_per_km", -1.0, "line 0: r0_ohm_per_km is negative"),
        (["r0_ohm_per_km", "x0_ohm_per_km"], 0.0, "line 0: r0_ohm_per_km and x0_ohm_per_km are both zero"),
    ],
)
def test_lines_of_no_impedance(column, value, named):
    net = small_net()
    net.line[column] = value
    assert named in refusal(converted, net)


def test_open_ends_and_parallel_lines_are_as_in_the_balanced_model():
    net = small_net()
    pp.create_bus(net, 0.4, index=12)
    net.line["parallel"] = 2
    line = pp.create_line_from_parameters(
        net, 9, 12, 0.5, 0.3, 0.08, 200.0, max_i_ka=0.2, r0_ohm_per_km=1.2, x0_ohm_per_km=0.3, c0_nf_per_km=100.0
    )
    pp.create_switch(net, 12, line, et="l", closed=False)
    network = converted(net)
    assert network.n_branch == 3
    lines = network.element == "line"
    ohm = 1e-3 / 0.4**2
    assert network.zero.series_pu[lines] == pytest.approx(0.5 * complex(1.2, 0.3) * ohm / np.array([2, 1]))
    kw = np.zeros((network.n_bus, 3))
    assert fastp2p.phase_flow(network, kw).converged.all()


def test_phase_injections_of_a_network():
    net = small_net()
    pp.create_load(net, 9, 3e-3, 1.5e-3, scaling=2.0)
    pp.create_sgen(net, 9, 6e-3)
    pp.create_storage(net, 7, 3e-3, 1.0)
    pp.create_asymmetric_load(net, 9, p_a_mw=1e-3, q_b_mvar=2e-3, p_c_mw=1.0, scaling=0.5)
    pp.create_asymmetric_load(net, 9, p_a_mw=1.0, in_service=False)
    pp.create_asymmetric_sgen(net, 7, p_b_mw=4e-3)
    network = converted(net)
    own = network.phase_injection_kva(net)
    assert own[network.positions([9])[0]] == pytest.approx([-2 - 1j + 2 - 0.5, -2 - 1j + 2 - 1j, -2 - 1j + 2 - 500])
    assert own[network.positions([7])[0]] == pytest.approx([-1, -1 + 4, -1])
    assert own[network.positions([4])[0]] == pytest.approx([0, 0, 0])
    assert own.sum(axis=1).real == pytest.approx(network.injection_kw(net))


def test_how_the_networks_own_loads_are_connected():
    """By the phases on which they draw anything; what is scaled to nothing, or out of service, too, or not."""
    net = small_net()
    for bus in range(10, 22):
        pp.create_bus(net, 0.4, index=bus)
        pp.create_line_from_parameters(
            net, 9, bus, 0.1, 0.3, 0.08, 0.0, max_i_ka=0.2, r0_ohm_per_km=1.2, x0_ohm_per_km=0.3, c0_nf_per_km=0.0
        )
    pp.create_asymmetric_load(net, 10, p_a_mw=1e-3)
    pp.create_asymmetric_load(net, 11, q_b_mvar=1e-3)
    pp.create_asymmetric_load(net, 12, p_c_mw=1e-3, scaling=0.0)
    pp.create_load(net, 13, 0.0)
    pp.create_motor(net, 14, 1e-3, 0.9)
    for phase in "abc":
        pp.create_asymmetric_load(net, 15, **{f"p_{phase}_mw": 0.1e-3 * 3})
    pp.create_asymmetric_load(net, 16, p_a_mw=1e-3, p_b_mw=1e-3)
    pp.create_asymmetric_load(net, 17, p_a_mw=1e-3, p_b_mw=1e-3, p_c_mw=2e-3)
    pp.create_load(net, 18, 1e-3)
    pp.create_asymmetric_load(net, 18, p_a_mw=1e-3)
    pp.create_load(net, 19, 1e-3, type="delta")
    pp.create_asymmetric_load(net, 20, p_b_mw=1e-3, in_service=False)
    pp.create_asymmetric_load(net, 21)
    network = converted(net)
    ids = [*range(10, 22), 9]
    codes = dict(zip(ids, network.zero.load_phase[network.positions(ids)].tolist(), strict=True))
    assert codes == {
        10: 0, 11: 1, 12: 2, 13: BALANCED, 14: BALANCED, 15: BALANCED, 16: UNEQUAL, 17: UNEQUAL, 18: UNEQUAL, 19: DELTA,
        20: NO_LOAD, 21: NO_LOAD, 9: NO_LOAD,
    }  # fmt: skip
    assert network.zero.load_phase.dtype == np.int8
    assert PHASES == ("a", "b", "c", "balanced")
    assert PHASES[BALANCED] == "balanced"


def test_loads_of_buses_that_closed_switches_join_are_of_one_bus():
    net = small_net()
    pp.create_bus(net, 0.4, index=12)
    pp.create_switch(net, 9, 12, et="b")
    pp.create_asymmetric_load(net, 12, p_b_mw=1e-3)
    network = converted(net)
    assert network.zero.load_phase[network.positions([9])[0]] == 1
    pp.create_asymmetric_load(net, 9, p_c_mw=1e-3)
    assert converted(net).zero.load_phase[network.positions([12])[0]] == UNEQUAL


def test_the_european_feeder_has_its_homes_on_three_phases():
    net, network = shipped(EUROPEAN), fastp2p.Network.load(EUROPEAN, phases=3)
    at = network.positions(net.asymmetric_load.bus.to_numpy())
    of_phase = net.asymmetric_load[["p_a_mw", "p_b_mw", "p_c_mw"]].to_numpy() > 0.0
    np.testing.assert_array_equal(network.zero.load_phase[at], of_phase.argmax(axis=1))
    counted = [int((network.zero.load_phase == code).sum()) for code in (0, 1, 2, NO_LOAD)]
    assert counted == [21, 19, 15, network.n_bus - 55]


def test_loads_that_have_no_phase_and_neutral():
    net = small_net()
    pp.create_load(net, 9, 3e-3, type="delta")
    pp.create_asymmetric_load(net, 9, p_a_mw=1e-3, type="delta")
    pp.create_gen(net, 9, 1e-3)
    network = converted(net)
    faults = refusal(network.phase_injection_kva, net)
    assert [fault.split(":")[0] for fault in faults] == ["load 0", "asymmetric_load 0", "gen 0"]
    assert "loads in delta are not modelled; connect them between phase and neutral (type wye)" in faults[0]
    net.bus = net.bus.drop(9)
    net.line, net.load, net.asymmetric_load, net.gen = (net[t].iloc[:0] for t in ("line", "load", "asymmetric_load", "gen"))
    assert "call from_pandapower again" in refusal(network.phase_injection_kva, net)[0]


@pytest.mark.parametrize(
    ("phases", "stated", "named"),
    [
        (2, None, "phases = 2: must be 1 or 3"),
        (True, None, "phases = True: must be 1 or 3"),
        (1, {"r0_per_r1": 4.0}, "zero_sequence is of networks with phases = 3"),
        (3, {"r0_per_r": 4.0}, "zero_sequence has no key 'r0_per_r'; did you mean r0_per_r1?"),
        (3, {"something": 4.0}, "zero_sequence has no key 'something'"),
        (3, {"r0_per_r1": 0.0}, "zero_sequence.r0_per_r1 = 0.0: must be a number, 1e-06…1,000,000"),
        (3, {"x0_per_x1": "4"}, "zero_sequence.x0_per_x1 = '4': must be a number"),
        (3, {"c0_per_c1": -1.0}, "zero_sequence.c0_per_c1 = -1.0: must be a number, 0…1,000,000"),
        (3, {"vector_group": "Dd"}, "zero_sequence.vector_group = 'Dd': must be Dyn, YNyn or Yzn"),
        (3, {"grid": "real"}, "zero_sequence.grid = 'real': must be \"ideal\""),
        (3, [4.0], "zero_sequence = [4.0]: must be a mapping"),
        (np.array([1, 3]), {"r0_per_r1": 4.0}, "phases = array([1, 3]): must be 1 or 3"),
        (3, {"vector_group": np.array(["Dyn", "Dyn"])}, "zero_sequence.vector_group = array(['Dyn', 'Dyn']"),
        (3, {"vector_group": ["Dyn"]}, "zero_sequence.vector_group = ['Dyn']: must be Dyn, YNyn or Yzn"),
        (3, {"grid": np.array(["ideal", "ideal"])}, "zero_sequence.grid = array(['ideal', 'ideal']"),
    ],
)
def test_what_cannot_be_stated(phases, stated, named):
    faults = refusal(fastp2p.Network.load, "cigre_lv", phases=phases, zero_sequence=stated)
    assert any(fault.startswith(named) for fault in faults), faults


def test_networks_are_kept_by_what_is_stated(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path))
    one = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    other = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence={**STATED, "r0_per_r1": 2.0})
    again = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    assert len(list(tmp_path.iterdir())) == 4  # one of the balanced model, one of the coordinates
    np.testing.assert_array_equal(one.zero.series_pu, again.zero.series_pu)
    assert not np.array_equal(one.zero.series_pu, other.zero.series_pu)


def test_the_balanced_model_is_the_same_with_three_phases():
    plain, three = fastp2p.Network.load(EUROPEAN), fastp2p.Network.load(EUROPEAN, phases=3)
    direct = fastp2p.Network.from_pandapower(shipped(EUROPEAN), phases=3)
    assert plain.zero is None
    assert "zero" not in plain.__getstate__()
    for name, array in plain.__getstate__().items():
        assert getattr(three, name).tobytes() == getattr(direct, name).tobytes() == array.tobytes(), name
    for field in dataclasses.fields(three.zero):
        np.testing.assert_array_equal(getattr(three.zero, field.name), getattr(direct.zero, field.name))
    narrower = three.with_limits(ampacity_ka=0.1)
    assert narrower.zero is three.zero


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"series_pu": lambda a: a[1:]}, r"zero.series_pu has shape \(905,\); it must be \(906,\)"),
        ({"grid_zero_pu": lambda a: np.append(a, 1.0)}, r"zero.grid_zero_pu has shape \(2,\); it must be \(1,\)"),
        ({"series_pu": lambda a: 0.0 * a}, r"zero.series_pu\[0\] = 0: a branch needs an impedance"),
        ({"to_shunt_pu": lambda a: a + np.nan}, r"zero.to_shunt_pu\[0\] is not finite"),
        ({"to_shunt_pu": lambda a: a.astype(str)}, "zero.to_shunt_pu holds texts"),
        ({"load_phase": lambda a: a[1:]}, r"zero.load_phase has shape \(906,\); it must be \(907,\)"),
        ({"load_phase": lambda a: a + 5}, r"zero.load_phase\[0\] = 4: must be -3…3"),
        ({"load_phase": lambda a: a + 0.5}, "zero.load_phase must be an array of whole numbers"),
    ],
)
def test_arrays_of_no_network_are_refused(change, named):
    network = fastp2p.Network.load(EUROPEAN, phases=3)
    with pytest.raises(fastp2p.InputError, match=named):
        dataclasses.replace(
            network, zero=dataclasses.replace(network.zero, **{k: f(getattr(network.zero, k)) for k, f in change.items()})
        )
