"""Tables of a pandapower network that hold what pandapower would take for something else: every reference is checked."""

import copy
import functools
import json
import warnings

import numpy as np
import pandapower as pp
import pytest

import fastp2p
from fastp2p.grid.network import Network
from tests.support.chains import chain, refused
from tests.support.shipped import shipped


def set_cell(table, column, value):
    def change(net):
        net[table][column] = net[table][column].astype(object)
        net[table].loc[net[table].index[1], column] = value

    return change


def set_index(table, value):
    def change(net):
        net[table].index = [net[table].index[0], value, *net[table].index[2:]]

    return change


def rename_column(table, column, name):
    def change(net):
        net[table].columns = [name if one == column else one for one in net[table].columns]

    return change


def no_grid(net):
    net.ext_grid = net.ext_grid.iloc[:0]


def change(table, rows, column, value):
    def changed(net):
        net[table].loc[rows, column] = value

    return changed


@functools.cache
def populated():
    net = chain()
    for bus in (2, 3, 4):
        pp.create_load(net, bus, 0.001)
        pp.create_asymmetric_load(net, bus)
        pp.create_switch(net, bus, bus - 2, et="l")
    return net


BUSES = [-1, 1e8, 2**40, 0.7, np.nan, None, "a", "1", True, 999]


@pytest.mark.parametrize("value", BUSES)
@pytest.mark.parametrize(
    ("table", "column"), [("line", "to_bus"), ("load", "bus"), ("switch", "bus"), ("asymmetric_load", "bus")]
)
def test_a_bus_that_does_not_exist_is_named(table, column, value):
    net = copy.deepcopy(populated())
    set_cell(table, column, value)(net)
    faults = refused(net, f"{table} 1: {column} is ", "and there is no such bus")
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [("a", "not an integer"), (0.7, "not an integer"), (None, "not an integer"), (True, "not an integer"), (-1, "negative"),
     (0, "appears 2 times"), (2**70, "above")],
)  # fmt: skip
@pytest.mark.parametrize("table", ["bus", "line", "load"])
def test_an_index_that_is_none_is_named(table, value, message):
    net = copy.deepcopy(populated())
    set_index(table, value)(net)
    refused(net, f"{table} ", message)


def test_a_bus_index_that_would_take_gigabytes():
    net = chain()
    set_index("bus", 10**9)(net)
    refused(net, "bus 1000000000: its index is above 10,000,000; renumber the elements (pandapower.toolbox")
    net = chain()
    set_index("line", 2**40)(net)  # nothing looks lines up
    assert 2**40 in Network.from_pandapower(net).element_id


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_cell("line", "in_service", None), "line 1: in_service is None; it must be true or false"),
        (set_cell("line", "length_km", "far"), "line 1: length_km is 'far'; it must be a finite number"),
        (set_cell("line", "max_i_ka", "thick"), "line 1: max_i_ka is 'thick'; it must be a number, or missing"),
        (set_cell("bus", "vn_kv", -0.4), "bus 1: vn_kv is -0.4; it must be positive"),
        (lambda net: net.line.drop(columns="x_ohm_per_km", inplace=True), "table line: has no column x_ohm_per_km"),
        (
            lambda net: net.update(load=net.load.iloc[:, [0, 1, 1, *range(2, net.load.shape[1])]]),
            "table load: has two columns bus",
        ),
        (rename_column("load", "name", [1, 2]), "table load: has a column named [1, 2]; a name must be a text"),
        (lambda net: net.update(vsc=1), "table vsc: is 1, not a table"),
        (lambda net: net.update(sn_mva=None), "sn_mva = None: must be a positive number"),
        (lambda net: net.update(bus=net.bus.iloc[:0]), "the network has no bus"),
    ],
)
def test_malformed_tables(change, message):
    net = chain()
    change(net)
    refused(net, message)


@pytest.mark.parametrize(
    ("et", "element", "message"),
    [("l", 1, "switch 0: bus 1 is not an end of line 1"), ("l", 7, "switch 0: element is 7, and there is no such line"),
     ("b", 9, "no such bus"), ("t", 3, "no such trafo"), ("x", 0, "et is 'x'; it must be one of b, l, t, t3")],
)  # fmt: skip
def test_switches_that_refer_to_nothing(et, element, message):
    net = chain()
    pp.create_switch(net, 1, 0, et="l", closed=False)
    net.switch.loc[0, ["et", "element"]] = et, element
    refused(net, message)


def test_all_faults_at_once_and_many_of_a_kind_in_few_lines():
    net = chain(30)
    net.line["from_bus"] = 99
    net.line.loc[3, "in_service"] = False
    net.trafo["lv_bus"] = 98
    faults = refused(net, "line 0: from_bus is 99", "trafo 0: lv_bus is 98", "(and 25 more like this)")
    assert len(faults) == 6


@pytest.mark.parametrize("table", ["load", "gen", "vsc", "storage"])
def test_tables_without_columns(table):
    net = chain()
    net[table] = net[table].iloc[:0, :0]
    assert Network.from_pandapower(net).n_bus == 5


def test_no_external_grid_and_no_columns_for_one():
    net = chain()
    net.ext_grid = net.ext_grid.iloc[:0, :0]
    refused(net, "reference bus")


def test_whole_numbers_stored_as_floats_are_whole_numbers():
    net = chain()
    expected = Network.from_pandapower(net)
    net.line = net.line.astype({"from_bus": float, "to_bus": object, "in_service": int})
    net.trafo["hv_bus"] = net.trafo.hv_bus.astype(float)
    net.bus.index = net.bus.index.astype(float)
    network = Network.from_pandapower(net)
    assert np.array_equal(network.from_bus, expected.from_bus)
    assert np.array_equal(network.known_id, expected.known_id)


@pytest.mark.parametrize("suffix", ["json", "xlsx"])
def test_what_pandapower_casts_away_is_found_in_the_file(suffix, tmp_path):
    """Its reader makes another bus of -1 and 2**40, and 0 of 0.7; nothing of that shows in the network."""
    path = tmp_path / f"net.{suffix}"
    net = chain()
    if suffix == "json":
        pp.to_json(net, path)
        content = json.loads(path.read_text())
        table = json.loads(content["_object"]["line"]["_object"])
        for row, bus in enumerate((-1, 2**40, 0.7)):
            table["data"][row][table["columns"].index("from_bus")] = bus
        content["_object"]["line"]["_object"] = json.dumps(table)
        path.write_text(json.dumps(content))
    else:
        net.line["from_bus"] = [-1, 2**40, 0.7]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pp.to_excel(net, path)
    with pytest.raises(fastp2p.InputError) as error:
        Network.load(path)
    for row, bus in enumerate(("-1", "1099511627776", "0.7")):
        assert f"line {row}: from_bus is {bus}" in str(error.value)


@pytest.mark.parametrize(
    ("table", "column"), [("switch", "bus"), ("switch", "et"), ("switch", "element"), ("line", "to_bus"), ("load", "bus")]
)
def test_a_column_that_a_file_lacks_is_named(table, column, tmp_path):
    """Whatever else refers to it: a switch at a line whose ends are not all there."""
    net = chain()
    pp.create_load(net, 4, 0.001)
    pp.create_switch(net, 2, 0, et="l")
    net[table] = net[table].drop(columns=column)
    pp.to_json(net, tmp_path / "net.json")
    with pytest.raises(fastp2p.InputError, match=f"table {table}: has no column {column}"):
        Network.load(tmp_path / "net.json")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_grid, ["no reference bus", "no ext_grid is in service", "create_ext_grid(net, bus)"]),
        (change("ext_grid", 0, "in_service", False), ["reference bus", "ext_grid"]),
        (change("ext_grid", 0, "bus", 999), ["ext_grid 0: bus is 999, and there is no such bus"]),
        (change("line", 3, "to_bus", 999), ["line 3: to_bus is 999, and there is no such bus"]),
        (change("load", 3, "bus", 999), ["load 3: bus is 999, and there is no such bus"]),
        (change("line", [3, 7], "x_ohm_per_km", 0.0), ["line 3 has zero reactance", "line 7 has zero reactance", "switch"]),
        (change("line", 9, "length_km", 0.0), ["line 9 has zero reactance"]),
        (change("line", 3, "x_ohm_per_km", np.nan), ["line 3: x_ohm_per_km is not finite"]),
        (change("load", 3, "p_mw", np.nan), ["not finite"]),
        (change("trafo", 0, "vk_percent", 0.0), ["trafo 0 has no finite reactance"]),
        (change("trafo", 0, "sn_mva", 0.0), ["trafo 0"]),
        (change("bus", [3, 4], "vn_kv", 0.0), ["bus 3: vn_kv is 0.0; it must be positive", "bus 4: vn_kv"]),
    ],
)
def test_networks_that_cannot_be_converted(spoil, message):
    net = shipped("cigre_lv")
    spoil(net)
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.Network.from_pandapower(net)
    assert all(piece in str(error.value) for piece in message), error.value


def test_elements_without_a_place_in_a_dc_power_flow():
    net = shipped("cigre_lv")
    pp.create_svc(net, 12, 1.0, -10.0, 1.0, 90.0)
    with pytest.raises(fastp2p.InputError, match="svc elements"):
        fastp2p.Network.from_pandapower(net)


@pytest.mark.parametrize("net", ["cigre_lv", {}, [], None, 5])
def test_what_is_no_pandapower_network(net):
    with pytest.raises(fastp2p.InputError, match="not a pandapower network"):
        fastp2p.Network.from_pandapower(net)
