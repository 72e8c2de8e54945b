"""Which phase homes and their PV are connected to: drawn, listed, or as the network's own loads are."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

import fastp2p
from fastp2p.grid.zero_sequence import PHASES
from fastp2p.io.stated import BALANCED, DELTA, NO_LOAD, UNEQUAL
from fastp2p.pipeline.draws import STREAMS, draw_scenarios
from tests.oracles.uniforms import uniforms_of
from tests.support.shipped import shipped
from tests.support.sweeps import SWEEP

EUROPEAN = "ieee_european_lv_asymmetric"
ONE = SWEEP.with_(
    network={"source": EUROPEAN, "limit_factor": 1.0},
    participants={"buses": "loads"},
    pv={"kwp": {"distribution": "uniform", "low": 2.0, "high": 8.0}},
    scenarios={"count": 2000, "shares": [0.3, 0.6]},
)
THREE = ONE.with_(network={"phases": 3}, connection={"phases": "random"})
DRAWN_ALIKE = ("load_profile", "pv_profile", "homes", "kwp", "bid_per_kwh", "ask_per_kwh")


@pytest.fixture(scope="module")
def network():
    return fastp2p.Network.load(EUROPEAN, phases=3)


@pytest.fixture(scope="module")
def profiles():
    return fastp2p.Profiles.load()


@pytest.fixture
def draw(network, profiles):
    def drawn(study=THREE, share=0.6, numbers=range(200), network=network):
        return draw_scenarios(study, network, profiles, share, numbers)

    return drawn


def connected(phases, **more):
    return THREE.with_(connection={"phases": phases}, **more)


def test_a_study_of_one_phase_draws_none(draw):
    drawn = draw(ONE)
    assert drawn.load_phase is drawn.pv_phase is None


@pytest.mark.parametrize("phases", ["random", "as_connected", "b", "balanced"])
@pytest.mark.parametrize("share", [None, 0.3])
def test_nothing_else_is_drawn_otherwise(draw, phases, share):
    one, three = draw(ONE, share), draw(connected(phases), share)
    for name in DRAWN_ALIKE:
        assert getattr(one, name).tobytes() == getattr(three, name).tobytes(), name


def test_phases_by_the_definition(draw, network):
    """A uniform number of a stream of its own, in thirds; each scenario and bus by itself."""
    drawn, u = draw(), uniforms_of(THREE.seed, range(200), STREAMS, network.n_bus)[:, STREAMS.index("phase")]
    kwp = draw(share=1.0).kwp  # of all PV that may be
    assert drawn.load_phase.dtype == drawn.pv_phase.dtype == np.int8
    assert drawn.load_phase.shape == drawn.pv_phase.shape == (200, 55)
    for scenario in range(200):
        for column, bus in enumerate(drawn.participant.tolist()):
            phase = int(3.0 * u[scenario, bus])
            assert drawn.load_phase[scenario, column] == phase
            assert drawn.pv_phase[scenario, column] == (3 if kwp[scenario, column] > 4.6 else phase)


@pytest.mark.parametrize("numbers", [range(17, 18), range(10, 31), range(0, 100)])
def test_a_scenario_has_its_phases_in_any_block(draw, numbers):
    whole, some = draw(), draw(numbers=numbers)
    for name in ("load_phase", "pv_phase"):
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name)[numbers.start : numbers.stop])


def test_phases_are_the_same_at_every_share(draw):
    whole = draw(share=None)
    for share in (0.0, 0.1, 0.3, 1.0):
        drawn = draw(share=share)
        np.testing.assert_array_equal(drawn.load_phase, whole.load_phase)
        np.testing.assert_array_equal(drawn.pv_phase, whole.pv_phase)


def test_each_phase_has_a_third(draw):
    drawn = draw(numbers=range(2000))
    codes = drawn.load_phase
    assert set(np.unique(codes)) == {0, 1, 2}
    assert stats.chisquare(np.bincount(codes.ravel())).pvalue > 0.01
    by_bus = np.array([np.bincount(codes[:, bus], minlength=3) for bus in range(codes.shape[1])])
    assert stats.chisquare(by_bus, axis=1).pvalue.min() > 0.01 / codes.shape[1]
    assert abs(np.corrcoef(codes[:, 0], codes[:, 1])[0, 1]) < 0.1
    kwp = drawn.kwp
    assert abs(np.corrcoef(codes.ravel(), kwp.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("above", [None, 0.0, 3.68, 8.0, 1e6])
def test_large_pv_has_three_phases(draw, above):
    drawn = draw(THREE.with_(pv={"three_phase_above_kw": above}), share=1.0)
    is_large = drawn.kwp > (4.6 if above is None else above)
    np.testing.assert_array_equal(drawn.pv_phase, np.where(is_large, BALANCED, drawn.load_phase))
    assert is_large.any() == (above not in (8.0, 1e6))


def test_pv_at_the_threshold_has_one_phase(draw):
    drawn = draw(connected("b", pv={"kwp": 4.6}))
    assert (drawn.pv_phase == 1).all()


@pytest.mark.parametrize("phase", PHASES)
def test_all_homes_on_one_phase_or_balanced(draw, phase):
    drawn = draw(connected(phase, pv={"kwp": 3.0}))
    for codes in (drawn.load_phase, drawn.pv_phase):
        assert (codes == PHASES.index(phase)).all()


def test_lists_go_by_the_list_of_participants(draw, network):
    listed = {34: "c", 47: "a", 70: "balanced", 73: "b"}
    found = []
    for buses in ([34, 47, 70, 73], [73, 34, 70, 47]):
        study = connected([listed[bus] for bus in buses], participants={"buses": buses}, pv={"kwp": 3.0})
        found.append(draw(study))
    np.testing.assert_array_equal(found[0].load_phase, found[1].load_phase)
    np.testing.assert_array_equal(found[0].pv_phase, found[1].pv_phase)
    at = np.searchsorted(found[0].participant, network.positions([34, 47, 70, 73]))
    assert (found[0].load_phase[:, at] == [2, 0, 3, 1]).all()
    assert (found[0].pv_phase[:, at] == [2, 0, 3, 1]).all()


def test_lists_of_the_wrong_length(draw):
    with pytest.raises(fastp2p.InputError, match=r"^connection\.phases lists 2 values for 55 buses$"):
        draw(connected(["a", "b"]))
    with pytest.raises(fastp2p.InputError, match=r"^connection\.phases lists 0 values for 55 buses$"):
        draw(connected([]))


def test_homes_as_the_networks_own_loads_are_connected(draw, network):
    drawn, loads = draw(connected("as_connected")), shipped(EUROPEAN).asymmetric_load
    for phase, count in zip("abc", (21, 19, 15), strict=True):
        at = network.positions(loads.bus[loads[f"p_{phase}_mw"] > 0.0].to_numpy())
        assert len(at) == count
        assert (drawn.load_phase[:, np.isin(drawn.participant, at)] == PHASES.index(phase)).all()
    assert (drawn.load_phase >= 0).all()


def test_loads_that_name_no_phase_are_refused_by_their_buses(draw, network):
    code = network.zero.load_phase.copy()
    code[network.positions([34, 47, 70, 73, 74, 83])] = [UNEQUAL, DELTA, NO_LOAD, UNEQUAL, DELTA, BALANCED]
    odd = dataclasses.replace(network, zero=dataclasses.replace(network.zero, load_phase=code))
    with pytest.raises(fastp2p.InputError) as caught:
        draw(connected("as_connected"), network=odd)
    way = 'list the phase of every participant instead, as in connection.phases = ["a", "balanced"]'
    assert list(caught.value.faults) == [
        "connection.phases = 'as_connected': the network has no load at bus 70; choose participants.buses = \"loads\", or "
        + way,
        "connection.phases = 'as_connected': loads lie on two phases, or unequally on three, at bus 34, 73; " + way,
        "connection.phases = 'as_connected': loads are in delta at bus 47, 74; connect them between phase and neutral "
        "(type wye), or " + way,
    ]
    study = connected("as_connected", participants={"buses": [83, 35]})
    with pytest.raises(fastp2p.InputError, match="the network has no load at bus 35;"):
        draw(study, network=odd)
    drawn = draw(connected("as_connected", participants={"buses": [83]}), network=odd)
    assert (drawn.load_phase == BALANCED).all()


def test_a_network_of_one_phase_does_not_know_how_its_loads_are_connected(draw):
    with pytest.raises(fastp2p.InputError, match="'as_connected': the network has one phase; load it with phases=3"):
        draw(connected("as_connected"), network=fastp2p.Network.load(EUROPEAN))


# ------------------------------------------------------------------------------------------------- buses that lack phases


@pytest.fixture(scope="module")
def lacking(network):
    """The network as if three of its homes were at buses of phases a and c, a and b, and c alone: 34, 47 and 70."""
    phases = network.zero.phases.copy()
    phases[network.positions([34, 47, 70])] = [5, 3, 4]
    return dataclasses.replace(network, zero=dataclasses.replace(network.zero, phases=phases))


def test_random_phases_are_among_those_of_the_bus(draw, network, lacking):
    """One of two: the first half of [0, 1) is the first of them. Elsewhere nothing changes."""
    study = connected("random", pv={"profile": "solar_1", "kwp": 6.0, "three_phase_above_kw": 4.6})
    one, other = draw(study), draw(study, network=lacking)
    u = uniforms_of(study.seed, range(len(one.number)), STREAMS, network.n_bus)[:, STREAMS.index("phase")]
    buses = network.positions([34, 47, 70])
    at = np.searchsorted(one.participant, buses)
    wanted = np.where(u[:, buses] < 0.5, [0, 0, 2], [2, 1, 2])
    np.testing.assert_array_equal(other.load_phase[:, at], wanted)
    np.testing.assert_array_equal(other.pv_phase[:, at], wanted)  # not on three phases, which are not there
    elsewhere = np.setdiff1d(np.arange(len(one.participant)), at)
    np.testing.assert_array_equal(other.load_phase[:, elsewhere], one.load_phase[:, elsewhere])
    np.testing.assert_array_equal(other.pv_phase[:, elsewhere], one.pv_phase[:, elsewhere])


def test_phases_that_a_bus_lacks_are_refused_by_their_buses(draw, lacking):
    way = 'which lacks it; choose "random", one of the phases that the bus has, or list a phase that it has'
    for phases, buses, told in (
        ("b", None, [f"connection.phases asks for phase b at bus 34, 70, {way}"]),
        ("balanced", None, [f"connection.phases asks for all three phases at bus 34, 47, 70, {way}"]),
        (["a", "c", "balanced"], [34, 47, 70], [
            f"connection.phases asks for phase c at bus 47, {way}",
            f"connection.phases asks for all three phases at bus 70, {way}",
        ]),
    ):  # fmt: skip
        more = {} if buses is None else {"participants": {"buses": buses}}
        with pytest.raises(fastp2p.InputError) as caught:
            draw(connected(phases, **more), network=lacking)
        assert list(caught.value.faults) == told
    drawn = draw(connected(["c", "b", "c"], participants={"buses": [34, 47, 70]}), network=lacking)
    assert drawn.load_phase[0, np.searchsorted(drawn.participant, lacking.positions([34, 47, 70]))].tolist() == [2, 1, 2]
