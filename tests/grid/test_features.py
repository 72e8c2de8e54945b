"""What a planner asks about a feeder: by hand on a chain, and beside a plain-Python oracle on networks that ship."""

import math

import numpy as np
import pandapower as pp
import pytest

import fastp2p
from fastp2p.grid.features import FEATURES, feeder_features
from tests.oracles.features import features
from tests.support.chains import chain
from tests.support.shipped import shipped


def test_a_chain_by_hand():
    net = chain(3)
    net.line.loc[1, "max_i_ka"] = 0.1  # no first line
    network = fastp2p.Network.from_pandapower(net)
    found = feeder_features(network, network.positions([3, 4]))
    ohm = [0.012 * 0.4**2 / 0.4, *[0.1 * 0.208] * 3]
    assert list(found) == [one.name for one in FEATURES]
    assert found == pytest.approx(
        {
            "n_bus": 5, "n_homes": 2, "length_km": 0.3, "furthest_km": 0.3, "furthest_ohm": sum(ohm), "trafo_kva": 400.0,
            "kva_per_home": 200.0, "first_line_a": 270.0,
            "rise_percent": 100.0 * np.dot(ohm, [2, 2, 2, 1]) * 1e3 / 400.0**2,
        },
        rel=2e-5,  # pandapower makes a π of the transformer's T
    )  # fmt: skip


@pytest.mark.parametrize("name", ["create_kerber_landnetz_kabel_1", "cigre_lv", "case33bw"])
def test_networks_that_ship_beside_an_oracle(name):
    network = fastp2p.Network.from_pandapower(shipped(name))
    homes = network.leaf_buses()
    found, expected = feeder_features(network, homes), features(network, homes)
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-9, nan_ok=True), key


def test_a_transformer_off_its_ratio_and_turned_around():
    """Resistance is seen from the homes' side, whichever way a transformer is written."""
    net = chain(
        2, tap_pos=2, tap_neutral=0, tap_min=-2, tap_max=2, tap_step_percent=2.5, tap_side="hv", tap_changer_type="Ratio"
    )
    network = fastp2p.Network.from_pandapower(net)
    homes = network.positions([3])
    assert feeder_features(network, homes)["furthest_ohm"] == pytest.approx(features(network, homes)["furthest_ohm"], rel=1e-9)


def test_a_meshed_network_has_what_needs_no_tree():
    net = chain(3)
    pp.create_line(net, 1, 4, 0.15, "NAYY 4x150 SE")
    found = feeder_features(*_with_homes(net, [3, 4]))
    assert (found["length_km"], found["furthest_km"]) == pytest.approx((0.45, 0.2))
    assert (found["trafo_kva"], found["n_homes"]) == (400.0, 2)
    assert all(math.isnan(found[key]) for key in ("furthest_ohm", "rise_percent", "first_line_a"))


def test_what_is_unknown_is_no_number():
    network, homes = _with_homes(chain(3), [3, 4])
    unknown = fastp2p.Network(**{**network.__getstate__(), "length_km": np.full(network.n_branch, np.nan)})
    found = feeder_features(unknown, homes)
    assert math.isnan(found["length_km"])
    assert math.isnan(found["furthest_km"])
    assert found["furthest_ohm"] > 0.0
    nobody = feeder_features(network, homes[:0])
    assert nobody["n_homes"] == 0
    assert all(
        math.isnan(nobody[key]) for key in ("furthest_km", "furthest_ohm", "kva_per_home", "rise_percent", "first_line_a")
    )


def _with_homes(net, buses):
    network = fastp2p.Network.from_pandapower(net)
    return network, network.positions(buses)
