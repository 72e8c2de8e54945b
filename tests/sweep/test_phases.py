"""Studies of three phases before they run: their networks, and everything that keeps them from running."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pandapower as pp
import pytest

import fastp2p
from bench.peers.asymmetric import STATED
from fastp2p.cli.check import check_study
from fastp2p.sweep.folder import describe_run
from fastp2p.sweep.prepare import prepare
from tests.support.commands import call
from tests.support.numbering import pandapower_net
from tests.support.shipped import shipped
from tests.support.studies import refused, study_text
from tests.support.sweeps import SWEEP

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")
EUROPEAN = "ieee_european_lv_asymmetric"
THREE = SWEEP.with_(network={"phases": 3, "zero_sequence": STATED}, connection={"phases": "random"})
OF_LOADS = THREE.with_(
    network={"source": EUROPEAN, "zero_sequence": None},
    participants={"buses": "loads"},
    connection={"phases": "as_connected"},
)


def faults(study, network=None):
    with pytest.raises(fastp2p.InputError) as caught:
        prepare(study, network)
    return list(caught.value.faults)


def test_the_network_of_a_study_of_three_phases():
    network, _ = prepare(THREE)
    plain, _ = prepare(SWEEP)
    for name, array in plain.__getstate__().items():
        assert getattr(network, name).tobytes() == array.tobytes(), name
    direct = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    assert plain.zero is None
    for field in dataclasses.fields(direct.zero):
        np.testing.assert_array_equal(getattr(network.zero, field.name), getattr(direct.zero, field.name))


def test_a_given_network_has_three_phases_or_is_refused():
    three = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    assert prepare(THREE.with_(network={"zero_sequence": None}), three)[0].zero is three.zero
    assert faults(THREE, fastp2p.Network.load("cigre_lv")) == [
        "network.phases = 3: the network has one phase; load it with phases=3 for its zero-sequence model, or set "
        "network.phases = 1"
    ]
    assert len(faults(OF_LOADS, fastp2p.Network.load(EUROPEAN))) == 1  # said once, whatever needs it


def test_a_network_of_three_phases_is_balanced_in_a_study_of_one():
    three = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    drawn = fastp2p.scenarios(SWEEP, range(3), network=three)
    assert drawn.load_phase is drawn.pv_phase is None
    few = SWEEP.with_(scenarios={"count": 2})
    for name, table in fastp2p.run(few).tables().items():
        assert table.equals(fastp2p.run(few, network=three).tables()[name]), name


def test_how_homes_are_connected_must_be_said():
    (fault,) = faults(THREE.with_(connection=None))
    assert fault.startswith("connection.phases is missing: with network.phases = 3 it must say how homes are connected:")
    for choice in ("balanced", "random", "as_connected", "a", "b", "c"):
        assert f'"{choice}"' in fault
        assert prepare(OF_LOADS.with_(connection={"phases": choice}))[0].zero is not None


def test_keys_of_three_phases_in_a_study_of_one():
    study = THREE.with_(network={"phases": 1, "zero_sequence": {"grid": None}}, pv={"three_phase_above_kw": 4.6})
    stated = {key: value for key, value in STATED.items() if key != "grid"}
    way = ": has no effect on a balanced network; set network.phases = 3, or leave it out"
    found = faults(study)
    assert found[0].startswith("network.zero_sequence = {'r0_per_r1': 4.0, ")
    assert study.network.stated == stated
    assert [fault.partition(" = ")[0] for fault in found] == [
        "network.zero_sequence", "pv.three_phase_above_kw", "connection.phases",
    ]  # fmt: skip
    assert found[1:] == [f"pv.three_phase_above_kw = 4.6{way}", f"connection.phases = 'random'{way}"]


def test_missing_data_are_named_with_the_key_that_states_them():
    found = faults(THREE.with_(network={"zero_sequence": None}))
    assert len(found) == 8
    for start, end in (
        ("network cigre_lv: line 0, 1, 2", "no r0_ohm_per_km; fill it in, or set network.zero_sequence.r0_per_r1"),
        ("network cigre_lv: trafo 0:", "no vector_group; fill it in, or set network.zero_sequence.vector_group"),
        ("network cigre_lv: ext_grid 0", 'set network.zero_sequence.grid = "ideal" for grids that hold each phase'),
    ):
        assert any(fault.startswith(start) and fault.endswith(end) for fault in found), (start, found)


def test_every_fault_is_named_at_once():
    """A meshed network without data, limits that it does not have, profiles and lists: each says what to do."""
    pp.to_json(pandapower_net("cigre_lv ring"), "ring.json")
    told = refused(
        study_text(
            network='source = "ring.json"\nphases = 3\nampacity_ka_by_std_type = { X = 1.0 }\nzero_sequence.x0_per_x1 = 4.0',
            load='profile = "residential_9"\nhomes = [1.0, 2.0]',
            clearing='physics = "ac"',
        ),
        "connection.phases is missing",
        "no r0_ohm_per_km; fill it in, or set network.zero_sequence.r0_per_r1",
        "ampacity for std_type 'X': no line has it",
        "no load profile 'residential_9'",
        "load.homes lists 2 values for ",
        "network.phases = 3: the network is meshed: 2 loops",
        "open switches or lines until it is, or set network.phases = 1",
    )
    assert told.count("the network is meshed") == 1


def test_elements_that_have_no_model_are_refused_with_the_way_out():
    net = shipped("cigre_lv")
    net.trafo["vector_group"] = "YNd5"
    pp.to_json(net, "net.json")
    found = faults(THREE.with_(network={"source": "net.json"}))
    told = "vector group YNd5 is not modelled; it must be Dyn, YNyn or Yzn, or set network.phases = 1"
    assert found == [f"network net.json: trafo {trafo}: {told}" for trafo in range(3)]
    net = shipped("cigre_lv")
    net.trafo.loc[0, ["hv_bus", "lv_bus", "vn_hv_kv", "vn_lv_kv"]] = net.trafo.loc[
        0, ["lv_bus", "hv_bus", "vn_lv_kv", "vn_hv_kv"]
    ].to_numpy()
    network = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=STATED)
    (fault,) = faults(THREE.with_(network={"limits": []}), network)
    assert fault.startswith("network.phases = 3: trafo 0 is fed at its star side;")
    assert fault.endswith(", or set network.phases = 1")


def test_loads_in_delta_have_no_phase_to_take():
    net = shipped(EUROPEAN)
    net.asymmetric_load.loc[2, "type"] = "delta"
    pp.to_json(net, "net.json")
    study = OF_LOADS.with_(network={"source": "net.json"})
    (fault,) = faults(study)
    assert fault.startswith("connection.phases = 'as_connected': loads are in delta at bus 70; connect them between phase and")
    assert prepare(study.with_(connection={"phases": "random"}))[0].n_bus == 907  # a study has loads of its own


def test_the_digest_of_a_network_has_its_zero_sequence():
    """And is as ever without one."""
    profiles = fastp2p.Profiles.load()

    def digest(network):
        return describe_run(SWEEP, network, profiles, tables=(), parts=1, files={}).sha256.network

    plain = fastp2p.Network.load("cigre_lv")
    three, other = (
        fastp2p.Network.load("cigre_lv", phases=3, zero_sequence={**STATED, "r0_per_r1": ratio}) for ratio in (4.0, 3.0)
    )
    arrays = [array.tobytes() for name, array in plain.__getstate__().items() if name != "reverse_kw"]
    assert digest(plain) == hashlib.sha256(b"".join(arrays)).hexdigest()
    names = (field.name for field in dataclasses.fields(three.zero)[:7])  # matrices would be more
    zero = [getattr(three.zero, name).tobytes() for name in names]
    assert digest(three) == hashlib.sha256(b"".join(arrays + zero)).hexdigest()
    assert digest(other) != digest(three)


def test_scenarios_show_the_phases():
    drawn = fastp2p.scenarios(OF_LOADS, range(4), share=0.5)
    codes = drawn.load_phase
    assert [int((codes[0] == code).sum()) for code in range(3)] == [21, 19, 15]
    assert drawn.pv_phase.shape == drawn.load_phase.shape == drawn.kwp.shape
    assert "load_phase=int8 4 x 55" in repr(drawn)


def test_check_says_how_homes_are_connected():
    end = "; PV of more than 4.6 kWp on all of them"
    assert check_study(OF_LOADS)[0]["phases"] == "three, of 55 buses 21 on a, 19 on b, 15 on c" + end
    assert check_study(THREE)[0]["phases"] == "three, one drawn for each bus" + end
    listed = THREE.with_(
        participants={"buses": [12, 16, 18]}, connection={"phases": ["c", "balanced", "c"]}, pv={"three_phase_above_kw": 3.68}
    )
    told = "three, of 3 buses 2 on c, 1 balanced; PV of more than 3.68 kWp on all of them"
    assert check_study(listed)[0]["phases"] == told
    Path("mine.toml").write_text(listed.to_toml())
    shown = call("check", "mine.toml")
    assert told in " ".join(shown.stdout.split())
