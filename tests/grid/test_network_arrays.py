"""Networks whose numbers are no network's: refused by the element's name, whether made of a pandapower network or of arrays."""

import copy
import dataclasses
import functools
import warnings

import numpy as np
import pandapower as pp
import pytest

import fastp2p


def grid():
    """An external grid, a transformer, two lines."""
    return copy.deepcopy(built())


@functools.cache
def built():
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, kv) for kv in (20.0, 0.4, 0.4, 0.4)]
    pp.create_ext_grid(net, buses[0])
    pp.create_transformer(net, buses[0], buses[1], "0.25 MVA 20/0.4 kV")
    for a, b in ((1, 2), (2, 3)):
        pp.create_line(net, buses[a], buses[b], 0.1, "NAYY 4x50 SE")
    pp.create_load(net, buses[3], 0.001)
    return net


CHANGED = [
    *(("line", column, 1e300) for column in ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "length_km")),
    ("line", "length_km", 1e-300),
    ("line", "x_ohm_per_km", 1e-300),
    ("line", "max_i_ka", 1e300),
    ("line", "df", 1e300),
    ("line", "parallel", 10**18),
    ("trafo", "vk_percent", 1e300),
    ("trafo", "vk_percent", 1e-300),
    ("trafo", "sn_mva", 1e300),
    ("trafo", "sn_mva", 1e-300),
    ("trafo", "pfe_kw", 1e300),
    ("trafo", "i0_percent", 1e300),
    ("trafo", "tap_step_percent", 1e300),
    ("trafo", "tap_pos", 10**15),
    ("trafo", "shift_degree", 1e300),
    ("trafo", "vn_lv_kv", 1e-300),
    ("trafo", "vn_hv_kv", 1e300),
    ("bus", "vn_kv", 1e300),
    ("bus", "vn_kv", 1e-300),
    ("bus", "vn_kv", 5e-324),
    ("ext_grid", "vm_pu", 1e300),
    ("ext_grid", "vm_pu", 1e-300),
    ("ext_grid", "va_degree", 1e300),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "value"), CHANGED)
def test_numbers_of_no_network_are_refused_or_harmless(table, column, value):
    """An error names what is wrong; a network that is made has finite flows and limits that are numbers."""
    net = grid()
    net[table][column] = net[table][column].astype(type(value))
    net[table].loc[net[table].index[-1], column] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            network = fastp2p.Network.from_pandapower(net)
        except fastp2p.InputError:
            return
        assert not np.isnan(network.limit_kw).any()
        assert np.isfinite(network.constant_kw).all()
        assert np.isfinite(network.flow_kw(np.full((1, network.n_bus), -1.0))).all()
        if not len(network.ac_faults):
            summary = fastp2p.ac_flow(network, np.zeros((1, network.n_bus)))
            assert np.isfinite(summary.vm_pu[summary.converged]).all()


@pytest.fixture(scope="module")
def network():
    return fastp2p.Network.from_pandapower(grid())


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("susceptance_kw", lambda a: a * [np.inf, 1, 1], r"susceptance_kw of line 0 inf: must have a size of 1e-06…1e\+18"),
        ("susceptance_kw", lambda a: a * [1, 1e-300, 1], "susceptance_kw of line 1 .*e-29"),
        ("susceptance_kw", lambda a: a * [1, 1, np.nan], "susceptance_kw of trafo 0 nan"),
        (
            "susceptance_kw",
            lambda a: a[:2],
            r"susceptance_kw has shape \(2,\); it must be \(3,\), with a value for each branch",
        ),
        ("fixed_kw", lambda a: a * [np.nan, 1, 1, 1], "fixed_kw of bus 0 nan"),
        ("fixed_kw", lambda a: a[:-1], r"fixed_kw has shape \(3,\)"),
        ("shift_rad", lambda a: a + 1e9, "shift_rad of .*trafo 0 "),
        ("resistance_pu", lambda a: a * 1e300, r"resistance_pu of .*line 0 .*e\+29"),
        ("tap_ratio", lambda a: a * 0, "tap_ratio of line 0 0.0"),
        ("bus_shunt_pu", lambda a: a + 1e200j, "bus_shunt_pu of bus 0 "),
        ("slack_vm_pu", lambda a: a * 1e9, "slack_vm_pu of the external grid at bus 0 "),
        ("base_kv", lambda a: a * 1e-9, "base_kv of bus 0 "),
        ("limit_kw", lambda a: a * 1e300, "limit_kw of .*line 0 .*or inf for no limit"),
        ("rating_kw", lambda a: np.where(np.isinf(a), a, 1e300), "rating_kw of trafo 0 "),
        ("from_bus", lambda a: a + 99, "from_bus.0. = .*must be a position of a bus, 0…3"),
        ("to_bus", lambda a: a * 0 - 1, "to_bus.0. = -1"),
        ("reference_bus", lambda a: a + 4, "reference_bus.0. = 4"),
        ("reference_bus", lambda a: a[:0], "reference_angle_rad has shape"),
        ("known_position", lambda a: a - 5, "known_position.0. = -5"),
        ("known_id", lambda a: a[::-1], "known_id must rise"),
        ("from_bus", lambda a: a + 0.5, "from_bus must be an array of whole numbers"),
        ("rated_kv", lambda a: a[:, 0], r"rated_kv has shape \(3,\); it must be \(3, 2\)"),
    ],
)
def test_arrays_of_no_network_are_refused(network, name, change, message):
    with pytest.raises(fastp2p.InputError, match=message):
        dataclasses.replace(network, **{name: change(getattr(network, name))})


def test_arrays_of_other_types_are_made_right(network):
    """Lists, other widths and orders of bytes; the kernels get what they are compiled for."""
    given = network.__getstate__()
    given |= {name: given[name].tolist() for name in ("from_bus", "susceptance_kw", "element", "bus_shunt_pu")}
    given |= {"to_bus": given["to_bus"].astype(np.int8), "fixed_kw": given["fixed_kw"].astype(">f4")}
    made = fastp2p.Network(**given)
    for name, before in network.__getstate__().items():
        array = getattr(made, name)
        assert array.dtype == before.dtype
        assert array.flags.c_contiguous
        if name != "fixed_kw":
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("injection", [None, 0.0, np.zeros(3), np.zeros((41, 2)), np.zeros((0,))])
def test_flows_of_other_shapes_are_refused(injection, cigre):
    message = "injection_kw holds objects" if injection is None else "its last axis must be the 41 buses"
    with pytest.raises(fastp2p.InputError, match=message):
        cigre.flow_kw(injection)


def test_faults_from_python_are_a_list():
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.Network.load("cigre_lv").positions([99, 12, -1])
    assert error.value.faults == ("bus 99 does not exist in the network", "bus -1 does not exist in the network")


@pytest.mark.parametrize("ids", [[1.7], ["12"], [10**30], [True], [None], [float("nan")]])
def test_positions(ids, cigre):
    with pytest.raises(fastp2p.InputError):
        cigre.positions(ids)


@pytest.mark.parametrize(
    "kw",
    [
        {"families": ("thermel",)},
        {"factor": -1},
        {"factor": np.nan},
        {"angle_deg": -1},
        {"angle_deg": np.nan},
        {"ampacity_ka": np.nan},
        {"ampacity_ka": -1},
        {"ampacity_ka_by_line": {0: -1}},
    ],
)
def test_with_limits(kw, cigre):
    with pytest.raises(fastp2p.InputError):
        cigre.with_limits(**kw)
