"""Where a network is on a map."""

import math

import pandapower as pp
import pytest

from fastp2p.io.coordinates import bus_coordinates, feeder_place
from tests.support.chains import chain


def test_a_feeder_is_in_the_middle_of_its_buses_that_have_coordinates(tmp_path):
    net = chain(2)
    net.bus["geo"] = [
        None,
        '{"coordinates": [11.0, 53.0], "type": "Point"}',
        "?",
        '{"coordinates": [12.0, 53.5], "type": "Point"}',
    ]
    pp.to_json(net, tmp_path / "net.json")
    assert bus_coordinates(str(tmp_path / "net.json"))[0].tolist() == [1, 3]
    assert feeder_place(str(tmp_path / "net.json")) == pytest.approx((11.5, 53.25))
    net.bus["geo"] = None
    pp.to_json(net, tmp_path / "nowhere.json")
    assert all(math.isnan(one) for one in feeder_place(str(tmp_path / "nowhere.json")))
