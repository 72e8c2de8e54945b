"""Who has a battery and how large it is: drawn by itself, nested over shares, the same in any block of scenarios."""

import numpy as np
import pytest
from scipy import stats

import fastp2p
from fastp2p.clearing.audit_sample import REGION as SAMPLE_REGION
from fastp2p.pipeline.battery_draws import BATTERY_STREAMS, REGION, STATE_STREAMS, STATES_REGION
from fastp2p.pipeline.draws import STREAMS, draw_scenarios
from tests.oracles.uniforms import uniforms_of
from tests.support.sweeps import SWEEP

PLAIN = SWEEP.with_(scenarios={"count": 2000})
SIZE = {"distribution": "uniform", "low": 4.0, "high": 12.0}
SIZES = ("kwh", "kw", "lowest_kwh", "first_kwh")
DRAWN_ALIKE = ("load_profile", "pv_profile", "homes", "kwp", "bid_per_kwh", "ask_per_kwh", "retail_per_kwh")


@pytest.fixture(scope="module")
def profiles():
    return fastp2p.Profiles.load()


@pytest.fixture
def draw(cigre, profiles):
    def drawn(share=0.6, numbers=range(300), part=1.0, market=None, **battery):
        """At a share of PV; `part` of the buses that may have a battery has one."""
        given = {"kwh": SIZE, "share": part, **battery}
        study = PLAIN.with_(battery=given) if given["kwh"] is not None else PLAIN
        return draw_scenarios(study.with_(market=market or {}), cigre, profiles, share, numbers)

    return drawn


def faults(draw, **battery):
    with pytest.raises(fastp2p.InputError) as caught:
        draw(**battery)
    return list(caught.value.faults)


def test_a_study_without_batteries_draws_none(draw):
    assert draw(kwh=None).battery is None


@pytest.mark.parametrize("share", [None, 0.2, 0.6])
def test_nothing_else_is_drawn_otherwise(draw, share):
    plain, other = draw(share, kwh=None), draw(share, part=0.5)
    for name in DRAWN_ALIKE:
        assert getattr(plain, name).tobytes() == getattr(other, name).tobytes(), name


def test_batteries_by_the_definition(draw, cigre):
    drawn = draw(buses="all", kw=SIZE, lowest=0.1, first=0.6)
    u = uniforms_of(PLAIN.seed, range(300), BATTERY_STREAMS, cigre.n_bus, REGION)[:, :, drawn.participant]
    for place, name in ((1, "kwh"), (2, "kw")):
        np.testing.assert_array_equal(getattr(drawn.battery, name), 4.0 + 8.0 * u[:, place])
    np.testing.assert_array_equal(drawn.battery.lowest_kwh, 0.1 * drawn.battery.kwh)
    np.testing.assert_array_equal(drawn.battery.first_kwh, 0.6 * drawn.battery.kwh)


def test_efficiency_and_states_are_drawn_or_listed(draw, cigre):
    part = {"distribution": "uniform", "low": 0.1, "high": 0.3}
    drawn = draw(buses="all", efficiency={"distribution": "uniform", "low": 0.8, "high": 0.95}, lowest=part, first=0.4)
    u = uniforms_of(PLAIN.seed, range(300), STATE_STREAMS, cigre.n_bus, STATES_REGION)[:, :, drawn.participant]
    np.testing.assert_array_equal(drawn.battery.efficiency, 0.8 + u[:, 0] * (0.95 - 0.8))
    np.testing.assert_array_equal(drawn.battery.lowest_kwh, (0.1 + u[:, 1] * (0.3 - 0.1)) * drawn.battery.kwh)
    np.testing.assert_array_equal(drawn.battery.first_kwh, 0.4 * drawn.battery.kwh)
    np.testing.assert_array_equal(drawn.battery.kwh, draw(buses="all").battery.kwh)
    listed = draw(buses=[16, 12], efficiency=[0.7, 0.9], first=[0.2, 0.3], lowest=[0.2, 0.1]).battery
    at = np.searchsorted(drawn.participant, cigre.positions([16, 12]))
    np.testing.assert_array_equal(listed.efficiency[:, at], np.tile([0.7, 0.9], (300, 1)))
    np.testing.assert_array_equal(listed.first_kwh[:, at], [0.2, 0.3] * listed.kwh[:, at])
    assert (np.delete(listed.efficiency, at, axis=1) == 1.0).all()


def test_power_is_half_of_the_capacity_per_hour(draw):
    drawn = draw().battery
    np.testing.assert_array_equal(drawn.kw, 0.5 * drawn.kwh)


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0, None])
def test_batteries_are_where_pv_is(draw, share):
    drawn = draw(share)
    np.testing.assert_array_equal(drawn.battery.kwh > 0.0, drawn.pv_profile >= 0)


def test_batteries_are_at_all_participants_or_at_those_that_are_listed(draw, cigre):
    everyone, some = draw(0.2, buses="all"), draw(0.2, buses=[43, 12])
    assert everyone.battery.kwh.all()
    at = np.isin(some.participant, cigre.positions([12, 43]))
    np.testing.assert_array_equal(some.battery.kwh.any(axis=0), at)
    np.testing.assert_array_equal(some.battery.kwh[:, at], everyone.battery.kwh[:, at])


@pytest.mark.parametrize("of", ["share", "part"])
def test_a_larger_share_only_adds_batteries(draw, of):
    """Of PV and of batteries; a battery that is there has the same size."""
    before = np.zeros_like(draw().battery.kwh)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        kwh = draw(**{of: share}).battery.kwh
        assert (kwh > 0.0).sum() == pytest.approx(300 * 13 * share * (0.6 if of == "part" else 1.0), abs=200)
        np.testing.assert_array_equal(kwh[before > 0.0], before[before > 0.0])
        before = kwh


@pytest.mark.parametrize(("correlation", "least", "most"), [(-0.8, 0.0, 0.2), (0.0, 0.45, 0.55), (0.8, 0.8, 1.0)])
def test_homes_with_pv_may_be_those_with_batteries(draw, correlation, least, most):
    """Half of all homes have one at any correlation; of those with PV few, half or most do; and shares are nested."""
    drawn = draw(0.2, buses="all", part=0.5, pv_correlation=correlation)
    has = drawn.battery.kwh > 0.0
    assert stats.binomtest(int(has.sum()), has.size, 0.5).pvalue > 0.01
    assert least <= has[drawn.pv_profile >= 0].mean() <= most
    more = draw(0.2, buses="all", part=0.7, pv_correlation=correlation).battery
    np.testing.assert_array_equal(more.kwh[has], drawn.battery.kwh[has])
    same = draw(0.6, buses="all", part=0.5, pv_correlation=correlation).battery
    np.testing.assert_array_equal(same.kwh, drawn.battery.kwh)


@pytest.mark.parametrize("numbers", [range(17, 18), range(10, 31), range(0, 100)])
def test_a_scenario_has_its_batteries_in_any_block(draw, numbers):
    whole, some = draw().battery, draw(numbers=numbers).battery
    for name in SIZES:
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name)[numbers.start : numbers.stop])


def test_each_has_one_with_the_probability_of_the_share(draw):
    drawn = draw(numbers=range(2000), buses="all", part=0.3)
    has = drawn.battery.kwh > 0.0
    assert stats.binomtest(int(has.sum()), has.size, 0.3).pvalue > 0.01


def test_numbers_are_uniform_and_nobody_elses(cigre):
    """Neither those of the scenarios nor of a sample of books, of which even a million million come before them."""
    n_bus = cigre.n_bus
    own = uniforms_of(3, range(500), BATTERY_STREAMS, n_bus, REGION)
    assert stats.kstest(own.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(own[:, 0].ravel(), own[:, 1].ravel())[0, 1]) < 0.03
    others = uniforms_of(3, range(500), STREAMS, n_bus)
    sample = np.random.Generator(np.random.Philox(key=3, counter=SAMPLE_REGION)).random(own.size)
    assert not np.intersect1d(own, others).size
    assert not np.intersect1d(own, sample).size
    assert REGION - SAMPLE_REGION >= 10**12 * 10**12


def test_lists_go_by_the_buses_that_are_listed(draw, cigre):
    """In the order of that list, wherever PV is."""
    scenarios = draw(0.2, buses=[43, 12], kwh=[6.0, 8.0], kw=[3.0, 2.0])
    drawn = scenarios.battery
    for kwh, kw, bus in ((6.0, 3.0, 43), (8.0, 2.0, 12)):
        at = np.isin(scenarios.participant, cigre.positions([bus]))
        assert (drawn.kwh[:, at] == kwh).all()
        assert (drawn.kw[:, at] == kw).all()
    assert (drawn.kwh > 0.0).sum() == 2 * 300


def test_lists_go_by_the_participants(draw, cigre):
    drawn = draw(buses="all", kwh=[float(i) for i in range(13)], kw=[2.0] * 13)
    np.testing.assert_array_equal(drawn.battery.kwh[0], range(13))
    assert (drawn.battery.kw == 2.0).all()


def test_what_is_refused(draw):
    assert faults(draw, kwh=[5.0], kw=[1.0, 2.0]) == [
        "battery.kwh lists 1 values for 13 buses; list one for each participant",
        "battery.kw lists 2 values for 13 buses; list one for each participant",
    ]
    assert faults(draw, buses=[12, 16], kwh=[5.0]) == [
        "battery.kwh lists 1 values for 2 buses; list one for each bus of battery.buses"
    ]
    (fault,) = faults(draw, buses=[12, 999], kwh=[5.0])
    assert "999" in fault
    assert faults(draw, buses=[12, 4, 3]) == [
        "battery.buses: bus 3, 4 is not a participant; make it one (participants.buses, load.buses, pv.buses), or leave it out "
        "here"
    ]
    assert faults(draw, buses=[12, 12]) == ["battery.buses: bus 12 is listed twice; list it once"]
    (fault,) = faults(draw, buses=[999])
    assert fault.startswith("battery.buses: ")
    assert "999" in fault


def test_a_rule_by_tariff_needs_a_tariff_with_hours(draw):
    told = (
        'battery.rule = "tariff": needs a tariff with hours, and market.retail_per_kwh is the same in all steps of every day; '
        'write market.retail_per_kwh = { hours = "17-21", value = 0.38, else = 0.22 }, or battery.rule = "self_use"'
    )
    for tariff in (0.2, {"series": [0.2] * 24}, {"hours": "0-24", "value": 0.3, "else": 0.2}):
        assert faults(draw, rule="tariff", market={"retail_per_kwh": tariff}) == [told]
        assert draw(market={"retail_per_kwh": tariff}).battery.kwh.any()
    assert draw(rule="tariff", market={"retail_per_kwh": {"hours": "0-23", "value": 0.3, "else": 0.2}}).battery.kwh.any()
    (fault,) = faults(draw, rule="tariff", market={"retail_per_kwh": {"series": [0.2, 0.3]}})
    assert fault.startswith("market.retail_per_kwh lists 2 values")


def test_scenarios_show_the_draws():
    study = PLAIN.with_(battery={"kwh": SIZE})
    drawn = fastp2p.scenarios(study, range(3), share=0.6)
    assert drawn.battery.kwh.shape == drawn.kwp.shape
    assert drawn.battery.kwh.any()
    assert "battery=Batteries(" in repr(drawn)
    assert fastp2p.scenarios(PLAIN, range(3)).battery is None
