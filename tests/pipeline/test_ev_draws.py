"""Who has an electric vehicle, and when it needs what: drawn by itself, nested over shares, the same in any block."""

import numpy as np
import pytest
from scipy import stats

import fastp2p
from fastp2p.pipeline.battery_draws import BATTERY_STREAMS
from fastp2p.pipeline.battery_draws import REGION as BATTERY_REGION
from fastp2p.pipeline.draws import STREAMS, draw_scenarios
from fastp2p.pipeline.ev_draws import EV_STREAMS, REGION
from tests.oracles.uniforms import uniforms_of
from tests.support.sweeps import SWEEP

PLAIN = SWEEP.with_(scenarios={"count": 2000})
SIZES = {
    name: {"distribution": "uniform", "low": low, "high": high}
    for name, low, high in (("kw", 2.0, 22.0), ("arrival", 15.0, 21.0), ("departure", 5.0, 9.0), ("kwh", 2.0, 20.0))
}
DRAWN_ALIKE = ("load_profile", "pv_profile", "homes", "kwp", "bid_per_kwh", "ask_per_kwh", "retail_per_kwh")


@pytest.fixture(scope="module")
def profiles():
    return fastp2p.Profiles.load()


@pytest.fixture
def draw(cigre, profiles):
    def drawn(share=0.6, numbers=range(300), part=1.0, battery=None, **ev):
        """At a share of PV; `part` of the buses that may have a vehicle has one."""
        study = PLAIN.with_(ev={**SIZES, "share": part, **ev}, battery=battery)
        return draw_scenarios(study, cigre, profiles, share, numbers)

    return drawn


def faults(draw, **ev):
    with pytest.raises(fastp2p.InputError) as caught:
        draw(**ev)
    return list(caught.value.faults)


@pytest.mark.parametrize("share", [None, 0.6])
def test_nothing_else_is_drawn_otherwise(cigre, profiles, draw, share):
    plain = draw_scenarios(PLAIN.with_(battery={"kwh": SIZES["kwh"]}), cigre, profiles, share, range(300))
    other = draw(share, part=0.5, battery={"kwh": SIZES["kwh"]})
    assert plain.ev is None
    for name in DRAWN_ALIKE:
        assert getattr(plain, name).tobytes() == getattr(other, name).tobytes(), name
    assert plain.battery.kwh.tobytes() == other.battery.kwh.tobytes()


def test_vehicles_by_the_definition(draw, cigre):
    drawn, u = draw(part=0.4), uniforms_of(PLAIN.seed, range(300), EV_STREAMS, cigre.n_bus, REGION)
    u = u[:, :, drawn.participant]
    has = u[:, 0] < 0.4
    for place, (name, size) in enumerate(SIZES.items(), 1):
        expected = np.where(has, size["low"] + (size["high"] - size["low"]) * u[:, place], 0.0)
        np.testing.assert_allclose(getattr(drawn.ev, name), expected, rtol=1e-15)


def test_vehicles_are_at_all_participants_where_pv_is_or_at_those_that_are_listed(draw, cigre):
    everyone, of_pv, some = draw(0.2), draw(0.2, buses="pv"), draw(0.2, buses=[43, 12])
    assert everyone.ev.kwh.all()
    np.testing.assert_array_equal(of_pv.ev.kwh > 0.0, of_pv.pv_profile >= 0)
    at = np.isin(some.participant, cigre.positions([12, 43]))
    np.testing.assert_array_equal(some.ev.kwh.any(axis=0), at)
    np.testing.assert_array_equal(some.ev.kwh[:, at], everyone.ev.kwh[:, at])


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_a_larger_share_only_adds_vehicles(draw, rho):
    before = np.zeros_like(draw().ev.kwh)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        kwh = draw(part=share, pv_correlation=rho).ev.kwh
        assert (kwh > 0.0).sum() == pytest.approx(300 * 13 * share, abs=200)
        np.testing.assert_array_equal(kwh[before > 0.0], before[before > 0.0])
        before = kwh


def test_vehicles_go_with_pv_where_they_are_asked_to(draw):
    """With a correlation of 1 those who have both are as many as the smaller share, with -1 as few as there can be."""
    both = {}
    for rho in (-1.0, 0.0, 1.0):
        drawn = draw(0.6, range(1000), part=0.5, pv_correlation=rho)
        has_ev, has_pv = (array > 0.0 for array in (drawn.ev.kwh, drawn.kwp))
        both[rho] = (has_ev & has_pv).mean()
    assert both == pytest.approx({-1.0: 0.1, 0.0: 0.3, 1.0: 0.5}, abs=0.03)


@pytest.mark.parametrize("numbers", [range(17, 18), range(10, 31)])
def test_a_scenario_has_its_vehicles_in_any_block(draw, numbers):
    whole, some = draw().ev, draw(numbers=numbers).ev
    for name in SIZES:
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name)[numbers.start : numbers.stop])


def test_numbers_are_uniform_and_nobody_elses(cigre):
    n_bus = cigre.n_bus
    own = uniforms_of(3, range(500), EV_STREAMS, n_bus, REGION)
    assert len(EV_STREAMS) % 4 == 0
    assert stats.kstest(own.ravel(), "uniform").pvalue > 0.01
    assert not np.intersect1d(own, uniforms_of(3, range(500), STREAMS, n_bus)).size
    assert not np.intersect1d(own, uniforms_of(3, range(500), BATTERY_STREAMS, n_bus, BATTERY_REGION)).size
    assert REGION - BATTERY_REGION >= 10**12 * 10**12


def test_lists_go_by_the_participants_or_the_buses_that_are_listed(draw, cigre):
    drawn = draw(kw=[float(i) for i in range(13)], arrival=[18.0] * 13)
    np.testing.assert_array_equal(drawn.ev.kw[0], range(13))
    assert (drawn.ev.arrival == 18.0).all()
    some = draw(buses=[43, 12], kwh=[3.0, 4.0])
    np.testing.assert_array_equal(
        some.ev.kwh[:, np.searchsorted(some.participant, cigre.positions([43, 12]))], np.tile([3.0, 4.0], (300, 1))
    )


def test_what_is_refused(draw):
    assert faults(draw, kwh=[5.0], departure=[7.0, 8.0]) == [
        "ev.departure lists 2 values for 13 buses; list one for each participant",
        "ev.kwh lists 1 values for 13 buses; list one for each participant",
    ]
    (fault,) = faults(draw, buses=[12, 4])
    assert fault.startswith("ev.buses: bus 4 is not a participant")


def test_scenarios_show_the_draws():
    drawn = fastp2p.scenarios(PLAIN.with_(ev={}), range(3), share=0.6)
    assert drawn.ev.kwh.shape == drawn.kwp.shape
    assert set(drawn.ev.kwh.ravel()) == {8.0}
    assert "ev=Vehicles(" in repr(drawn)
