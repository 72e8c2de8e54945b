"""PV sized by the transformer that feeds a bus, and profiles that belong to a bus."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p import InputError, Network, Profiles, Study
from fastp2p.grid.topology import pass_down
from tests.support.studies import refused, study_text


def sized(part=0.02, **others):
    parts = {
        "name": "sized",
        "network": {"source": "cigre_lv"},
        "load": {"profile": "residential_0"},
        "pv": {"profile": "solar_0", "kwp": {"of_transformer": part}},
        **others,
    }
    return Study.model_validate(parts)


def test_each_system_is_a_part_of_its_transformer():
    network = Network.load("cigre_lv")
    drawn = fastp2p.scenarios(sized(), range(1))
    kva = {"R": 500.0, "I": 150.0, "C": 300.0}  # CIGRE's residential, industrial and commercial feeders
    names = pn.create_cigre_network_lv().bus.name
    for column, bus in enumerate(drawn.participant.tolist()):
        if (feeder := names[network.bus_id[bus]].split()[1][0]) in kva:
            assert drawn.kwp[0, column] == pytest.approx(0.02 * kva[feeder])


def test_the_share_draws_who_has_it():
    study = sized(scenarios={"count": 50, "shares": [0.5]}, participants={"buses": [12, 16, 18, 19]})
    kwp = fastp2p.scenarios(study, range(50), share=0.5).kwp
    assert set(kwp.ravel().tolist()) == {0.0, 10.0}
    assert 40 < (kwp > 0).sum() < 160


def test_the_nearest_of_two_transformers_counts_and_parallel_ones_together():
    net = pp.create_empty_network()
    high, middle, low, lower = (pp.create_bus(net, vn_kv) for vn_kv in (110.0, 20.0, 0.4, 0.4))
    pp.create_ext_grid(net, high)
    pp.create_transformer(net, high, middle, "25 MVA 110/20 kV")
    for _ in range(2):
        pp.create_transformer(net, middle, low, "0.4 MVA 20/0.4 kV")
    pp.create_line(net, low, lower, 0.1, "NAYY 4x50 SE")
    network = Network.from_pandapower(net)
    rating = dict(zip(network.bus_id.tolist(), network.feeding_rating_kw().tolist(), strict=True))
    assert np.isnan(rating.pop(high))
    assert rating == pytest.approx({middle: 25_000.0, low: 800.0, lower: 800.0})


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 14), st.integers(0, 2**32 - 1))
def test_values_are_passed_down_the_tree(n_bus, seed):
    random = np.random.default_rng(seed)
    parent = np.array([0, *(random.integers(bus) for bus in range(1, n_bus))])
    child = np.arange(1, n_bus)
    flipped = random.random(n_bus - 1) < 0.5
    from_bus, to_bus = np.where(flipped, child, parent[1:]), np.where(flipped, parent[1:], child)
    value = np.where(random.random(n_bus - 1) < 0.5, random.random(n_bus - 1), np.nan)
    tree = nx.Graph()
    tree.add_edges_from((int(f), int(t), {"value": v}) for f, t, v in zip(from_bus, to_bus, value, strict=True))
    for bus, passed in enumerate(pass_down(n_bus, from_bus, to_bus, value, np.array([0]))):
        path = nx.shortest_path(tree, bus, 0)
        on_the_way = [tree.edges[edge]["value"] for edge in pairwise(path)]
        known = [one for one in on_the_way if not np.isnan(one)]
        assert np.isnan(passed) if not known else passed == known[0]


def test_what_cannot_be_sized_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(study_text(pv="kwp = { of_transformer = 0 }"), "pv.kwp.of_transformer = 0: must lie in 1e-06…10 kWp per kVA")
    refused(study_text(pv='kwp = { of_transformer = "much" }'), "pv.kwp")
    refused(study_text(pv="kwp = { of_trafo = 0.1 }"), "pv.kwp")
    refused(
        study_text(participants="buses = [0]", pv="kwp = { of_transformer = 0.1 }"),
        "pv.kwp.of_transformer: no transformer with a rating feeds bus 0; give kWp instead",
    )


def test_joined_buses_have_one_profile_of_any_of_their_names():
    net = pp.create_empty_network()
    grid, home, a, b = (pp.create_bus(net, 0.4) for _ in range(4))
    pp.create_ext_grid(net, grid)
    for one, other in ((grid, home), (home, a)):
        pp.create_line(net, one, other, 0.1, "NAYY 4x50 SE")
    pp.create_switch(net, a, b, "b")
    for bus in (home, b):
        pp.create_load(net, bus, 0.001)
    network = Network.from_pandapower(net)
    study = sized(load={"profile": "by_bus"}, participants={"buses": "loads"}, pv={"profile": "solar_0"})
    kwh = np.ones((3, 24)) * [[1], [2], [5]]

    def run(names):
        own = Profiles(names, ("load",) * len(names), kwh[: len(names)])
        return fastp2p.run(study, network=network, profiles=Profiles.combined([Profiles.load(), own]))

    assert run((f"bus_{home}", f"bus_{b}")).books.load_kwh.sum() == pytest.approx(24 * 3)
    with pytest.raises(InputError, match=f"load.profile: bus_{a}, bus_{b} belong to one bus, joined by closed switches"):
        run((f"bus_{home}", f"bus_{a}", f"bus_{b}"))


def test_each_bus_has_a_profile_of_its_own():
    buses = [12, 16, 18]
    kwh = np.arange(72.0).reshape(3, 24)
    own = Profiles(tuple(f"bus_{bus}" for bus in buses), ("load",) * 3, kwh)
    study = sized(load={"profile": "by_bus"}, participants={"buses": buses}, pv={"profile": "solar_0"})
    results = fastp2p.run(study, profiles=Profiles.combined([Profiles.load(), own]))
    load = results.participants.set_index("bus").load_kwh
    np.testing.assert_allclose([load[bus] for bus in buses], kwh.sum(axis=1))
    with pytest.raises(InputError, match="no load profile 'bus_16'"):
        fastp2p.run(study, profiles=Profiles.combined([Profiles.load(), Profiles(("bus_12",), ("load",), kwh[:1])]))
