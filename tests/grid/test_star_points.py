"""Voltages count at the buses of the network, not at the star points of its three-winding transformers, which are no places."""

import numpy as np
import pandapower as pp
import pytest

import fastp2p

WINDINGS = {
    "vn_hv_kv": 110.0, "vn_mv_kv": 20.0, "vn_lv_kv": 10.0, "sn_hv_mva": 0.04, "sn_mv_mva": 0.04, "sn_lv_mva": 0.04,
    "vk_hv_percent": 10.0, "vk_mv_percent": 11.0, "vk_lv_percent": 30.0, "vkr_hv_percent": 0.3, "vkr_mv_percent": 0.3,
    "vkr_lv_percent": 0.3, "pfe_kw": 0.0, "i0_percent": 0.0,
}  # fmt: skip
"""The winding of 20 kV is between the two others: its reactance seen from the star point, (10 + 11 - 30)/2 %, is negative."""


def network_with_a_star_point():
    net = pp.create_empty_network()
    grid, mv, lv = (pp.create_bus(net, kv) for kv in (110.0, 20.0, 10.0))
    pp.create_ext_grid(net, grid)
    pp.create_transformer3w_from_parameters(net, grid, mv, lv, **WINDINGS)
    for bus in (mv, lv):
        pp.create_load(net, bus, 1.0)
    return net


def study_of(path, **clearing):
    """20 kW are fed in at the bus of 20 kV with reactive power, which a third of it needs at the bus of 10 kV."""
    return fastp2p.Study(
        name="star",
        network={"source": str(path), "v_max_pu": 1.029},
        participants={"buses": [1, 2]},
        load={"profile": "home", "buses": [2], "homes": 7.0},
        pv={"profile": "roof", "buses": [1], "kwp": 20.0, "power_factor": 0.9},
        clearing=clearing,
        scenarios={"keep": ["books", "trades"]},
    )


@pytest.mark.parametrize("clearing", [{"audit": True}, {"physics": "lindistflow", "audit": True}, {"physics": "ac"}])
def test_star_points_have_neither_extremes_nor_limits(clearing, tmp_path):
    net = network_with_a_star_point()
    pp.to_json(net, tmp_path / "star.json")
    profiles = fastp2p.Profiles(("home", "roof"), ("load", "pv"), np.ones((2, 1)), 1.0)
    results = fastp2p.run(study_of(tmp_path / "star.json", **clearing), profiles=profiles)
    book = results.books.iloc[0]
    net.load.drop(net.load.index, inplace=True)
    pp.create_sgen(net, 1, 0.02, 0.02 * np.tan(np.arccos(0.9)))
    pp.create_load(net, 2, 0.007, 0.007 * np.tan(np.arccos(0.99)))
    pp.runpp(net, tolerance_mva=1e-9)
    inner = net.res_bus.vm_pu.loc[[1, 2]]
    assert inner.max() < 1.029 < net.res_trafo3w.vm_internal_pu[0]
    assert (book.status, book.ac_status, book.full_breaks_voltage) == ("free", "kept", False)
    assert (book.lowest_vm_bus, book.highest_vm_bus) == (inner.idxmin(), inner.idxmax())
    assert book.highest_vm_pu == pytest.approx(inner.max(), abs=1e-8)
    assert book.lowest_vm_pu == pytest.approx(inner.min(), abs=1e-8)
