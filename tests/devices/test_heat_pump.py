"""The heat pump of a house beside its definition: power, heat, the band, days by hand, days that repeat, what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.devices.heat_pump import run_heat_pumps
from tests.oracles.heat_pump import heat_lost, returning_room, run_house

EPS = 1e-9


@st.composite
def houses(draw):
    """Arguments of `run_heat_pumps`: a few scenarios, steps and homes."""
    n_scenarios, n_steps, n_homes = draw(st.integers(1, 3)), draw(st.integers(1, 12)), draw(st.integers(0, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (n_scenarios, n_homes)
    warmth = draw(st.sampled_from([-15.0, 5.0, 19.0, 30.0]))
    return {
        "net_kwh": random.normal(0.0, 3.0, (n_scenarios, n_steps, n_homes)).round(draw(st.sampled_from([0, 8]))),
        "kw": random.uniform(0.0, 8.0, shape) * random.choice([0.0, 0.2, 1.0], shape, p=[0.1, 0.3, 0.6]),
        "resistance_k_per_kw": random.uniform(1.0, 20.0, shape),
        "capacity_kwh_per_k": random.choice([0.05, 1.0, 10.0, 60.0], shape),
        "temperature_c": warmth + random.uniform(-6.0, 6.0, n_steps),
        "cop": random.uniform(1.0, 5.0, n_steps),
        "comfort_c": draw(st.sampled_from([(20.0, 22.0), (20.0, 20.0), (18.5, 25.0)])),
        "first_c": draw(st.sampled_from([20.0, 5.0, 21.3, 35.0])),
        "rule": draw(st.sampled_from(["comfort", "surplus"])),
        "step_hours": draw(st.sampled_from([0.25, 1.0])),
    }


def by_house(given):
    """Place, and the arguments of the oracle, of each house that has a heat pump."""
    for s, b in np.argwhere(given["kw"] > 0.0).tolist():
        yield (
            (s, b),
            (given["net_kwh"][s, :, b].tolist(), given["temperature_c"].tolist(), given["cop"].tolist()),
            {
                "kw": float(given["kw"][s, b]),
                "resistance": float(given["resistance_k_per_kw"][s, b]),
                "capacity": float(given["capacity_kwh_per_k"][s, b]),
                "low": given["comfort_c"][0],
                "high": given["comfort_c"][1],
                "step_hours": given["step_hours"],
                "surplus": given["rule"] == "surplus",
            },
        )


def series_of(ran, s, b):
    return [array[s, :, b] for array in (ran.heat_pump_kwh, ran.room_c, ran.cold_kh)]


@pytest.mark.small
@settings(deadline=None)
@given(given=houses())
def test_each_house_is_heated_as_the_definition_says(given):
    ran = run_heat_pumps(**given, cyclic=False)
    for place, series, house in by_house(given):
        expected = run_house(*series, first_c=given["first_c"], **house)
        for found, right in zip(series_of(ran, *place), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=0, atol=EPS)


@pytest.mark.small
@settings(deadline=None)
@given(given=houses(), cyclic=st.booleans())
def test_heat_is_conserved_and_limits_are_kept_exactly(given, cyclic):
    ran = run_heat_pumps(**given, cyclic=cyclic)
    limit = given["kw"][:, None] * given["step_hours"]
    assert (ran.heat_pump_kwh >= 0.0).all()
    assert (ran.heat_pump_kwh <= limit).all()
    low, high = given["comfort_c"]
    for (s, b), (net, outdoor, cop), house in by_house(given):
        drawn, room, cold = series_of(ran, s, b)
        before = np.concatenate([[room[-1] if cyclic else given["first_c"]], room[:-1]])
        about = {name: house[name] for name in ("resistance", "capacity", "step_hours")}
        lost = [heat_lost(*one, **about) for one in zip(drawn, before, outdoor, cop, strict=True)]
        near = EPS * max(1.0, house["capacity"])
        np.testing.assert_allclose(house["capacity"] * (room - before), cop * drawn - lost, rtol=0, atol=near)
        assert (room[drawn > 0.0] <= high).all()
        assert (room[drawn < limit[s, 0, b]] >= low).all()
        assert (cold[drawn < limit[s, 0, b]] == 0.0).all()
        if not house["surplus"]:
            assert (room[drawn > 0.0] <= low).all()
        np.testing.assert_array_equal(cold, np.maximum(low - room, 0.0) * house["step_hours"])
        # what is drawn beyond the need of the lower end is the home's own surplus
        lost = -np.expm1(-house["step_hours"] / (house["resistance"] * house["capacity"]))
        need_kw = ((low - before) / lost + before - outdoor) / (house["resistance"] * np.array(cop))
        more = drawn > np.maximum(need_kw * house["step_hours"], 0.0) + 1e-9
        assert (drawn[more] <= np.array(net)[more]).all()


@pytest.mark.small
@settings(deadline=None)
@given(given=houses())
def test_days_that_repeat_end_as_they_begin(given):
    ran = run_heat_pumps(**given, cyclic=True)
    least, greatest = min(*given["temperature_c"], given["comfort_c"][0]), max(*given["temperature_c"], given["comfort_c"][1])
    for place, series, house in by_house(given):
        drawn, room, cold = series_of(ran, *place)
        end = float(room[-1])
        again = run_house(*series, first_c=end, **house)
        assert again[1][-1] == pytest.approx(end, rel=0, abs=EPS)
        for found, right in zip((drawn, room, cold), again, strict=True):
            np.testing.assert_allclose(found, right, rtol=0, atol=EPS * max(1.0, house["capacity"]))

        def days(first_c, series=series, house=house):
            return run_house(*series, first_c=first_c, **house)[1][-1]

        spread = 1.0 - np.exp(-len(room) * house["step_hours"] / (house["resistance"] * house["capacity"]))
        assert end == pytest.approx(returning_room(days, least, greatest), rel=0, abs=2.0 * EPS / spread)


@pytest.mark.small
@pytest.mark.parametrize("rule", ["comfort", "surplus"])
def test_a_year_of_houses_is_that_of_the_definition(rule):
    """Hours of a year with a winter, sun at noon, and houses from a shed to a castle."""
    hours = np.arange(8760)
    random = np.random.default_rng(4)
    outdoor = 8.0 - 12.0 * np.cos(2 * np.pi * hours / 8760) + 4.0 * np.sin(2 * np.pi * (hours % 24 - 9) / 24)
    cop = np.interp(outdoor, [-10.0, 0.0, 10.0], [2.2, 3.0, 4.0])
    net = np.maximum(3.0 * np.sin(2 * np.pi * (hours % 24 - 6) / 24), 0.0)[:, None] - random.uniform(0.0, 1.0, (8760, 3))
    sizes = [[3.0, 1.0, 6.0]], [[5.0, 9.0, 3.0]], [[8.0, 0.3, 40.0]]
    about = {"comfort_c": (20.0, 22.0), "first_c": 20.0, "rule": rule, "step_hours": 1.0}
    for cyclic in (False, True):
        ran = run_heat_pumps(net[None], *sizes, outdoor, cop, **about, cyclic=cyclic)
        for b in range(3):
            names = ("kw", "resistance", "capacity")
            house = {name: size[0][b] for name, size in zip(names, sizes, strict=True)}
            first = float(ran.room_c[0, -1, b]) if cyclic else 20.0
            expected = run_house(
                net[:, b].tolist(), outdoor.tolist(), cop.tolist(), **house, low=20.0, high=22.0, first_c=first, step_hours=1.0,
                surplus=rule == "surplus",
            )  # fmt: skip
            for found, right in zip(series_of(ran, 0, b), expected, strict=True):
                np.testing.assert_allclose(found, right, rtol=0, atol=EPS * house["capacity"])
        assert ran.cold_kh[0, :, 0].max() == 0.0
        assert ran.cold_kh[0, :, 1].sum() > 100.0
        assert 1000.0 < ran.heat_pump_kwh[0, :, 0].sum() < 10000.0


OUTDOOR, COP = [0.0, 0.0, -20.0, 10.0, 30.0, 10.0], [2.0, 2.0, 2.0, 4.0, 4.0, 4.0]
NET = [-1.0, -1.0, -1.0, 6.0, 1.0, -1.0]
"""The day by hand of docs/devices.md; a step of an hour loses a tenth of the difference to outdoors."""


def a_day(rule="comfort", **changes):
    hours = 1.0
    rc = -hours / np.log(0.9)
    given = {
        "net_kwh": np.array(NET).reshape(1, 6, 1), "kw": [[2.5]], "resistance_k_per_kw": [[5.0]],
        "capacity_kwh_per_k": [[rc / 5.0]], "temperature_c": OUTDOOR, "cop": COP, "comfort_c": (20.0, 22.0), "first_c": 20.0,
        "rule": rule, "step_hours": hours, "cyclic": False,
    }  # fmt: skip
    return run_heat_pumps(**{**given, **changes})


@pytest.mark.small
def test_a_day_by_hand():
    """In docs/devices.md: a kWh warms the room by 1 K at a COP of 2, and by 2 K at a COP of 4."""
    ran = a_day("surplus")
    np.testing.assert_allclose(ran.heat_pump_kwh[0, :, 0], [2.0, 2.0, 2.5, 2.175, 0.0, 0.0], rtol=1e-12)
    np.testing.assert_allclose(ran.room_c[0, :, 0], [20.0, 20.0, 18.5, 22.0, 22.8, 21.52], rtol=1e-12)
    np.testing.assert_allclose(ran.cold_kh[0, :, 0], [0.0, 0.0, 1.5, 0.0, 0.0, 0.0], rtol=1e-12)


@pytest.mark.small
def test_the_same_day_with_the_lower_end_alone():
    ran = a_day("comfort")
    np.testing.assert_allclose(ran.heat_pump_kwh[0, :, 0], [2.0, 2.0, 2.5, 1.175, 0.0, 0.05], rtol=1e-9)
    np.testing.assert_allclose(ran.room_c[0, :, 0], [20.0, 20.0, 18.5, 20.0, 21.0, 20.0], rtol=1e-9)


@pytest.mark.small
@pytest.mark.parametrize(("outdoor", "ends"), [([-10.0, 0.0], 20.0), ([26.0, 28.0], None)])
def test_days_that_repeat_of_a_cold_and_of_a_warm_season(outdoor, ends):
    """In winter the lower end returns; in summer a house without heating swings around the mean."""
    ran = a_day("comfort", net_kwh=np.zeros((1, 2, 1)), kw=[[9.0]], temperature_c=outdoor, cop=[3.0, 3.0], cyclic=True)
    room = ran.room_c[0, :, 0]
    if ends is None:
        # θ = 0.9 (0.9 θ + 0.1 · 26) + 0.1 · 28
        assert room[-1] == pytest.approx((0.9 * 2.6 + 2.8) / (1.0 - 0.81), abs=1e-9)
        assert not ran.heat_pump_kwh.any()
    else:
        assert room.tolist() == [ends, ends]


@pytest.mark.small
def test_a_house_does_not_depend_on_those_beside_it():
    random = np.random.default_rng(5)
    net, outdoor, cop = random.normal(size=(4, 30, 7)), random.uniform(-10.0, 15.0, 30), random.uniform(2.0, 4.0, 30)
    kw, resistance, capacity = (random.uniform(*ends, (4, 7)) for ends in ((0.0, 4.0), (2.0, 9.0), (1.0, 20.0)))

    def run(s, b, cyclic):
        return run_heat_pumps(
            net[s, :, b], kw[s, b], resistance[s, b], capacity[s, b], outdoor, cop, comfort_c=(20.0, 22.0), first_c=20.0,
            rule="surplus", step_hours=0.5, cyclic=cyclic,
        )  # fmt: skip

    for cyclic in (False, True):
        whole, some = run(slice(None), slice(None), cyclic), run(slice(1, 3), slice(2, 6), cyclic)
        for name in ("heat_pump_kwh", "cold_kh", "room_c"):
            assert getattr(some, name).tobytes() == getattr(whole, name)[1:3, :, 2:6].tobytes()


@pytest.mark.small
def test_extreme_houses_return():
    """Of almost no capacity, and of so much that a day is nothing to it; as warm as outdoors, or at an end of the band."""
    hours, random = np.arange(96), np.random.default_rng(1)
    outdoor = 19.9 + 5.0 * np.sin(2 * np.pi * hours / 24)
    resistance, capacity = np.meshgrid([1e-4, 1.0, 1e3], [1e-3, 1.0, 1e3, 1e6])
    sizes = [np.tile(size.ravel(), (20, 1)) for size in (resistance, capacity)]
    for rule in ("comfort", "surplus"):
        ran = run_heat_pumps(
            random.normal(size=(20, 96, 12)), random.choice([1e-3, 1.0, 1e6], (20, 12)), *sizes, outdoor, np.full(96, 3.0),
            comfort_c=(20.0, 22.0), first_c=0.0, rule=rule, step_hours=1.0, cyclic=True,
        )  # fmt: skip
        assert (ran.room_c >= outdoor.min()).all()


@pytest.mark.small
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"net_kwh": np.zeros((2, 3))}, r"net_kwh has shape \(2, 3\); it must be \(n_scenarios, n_steps, n_columns\)"),
        ({"kw": np.ones((2, 3))}, r"kw has shape \(2, 3\); it must be \(n_scenarios, n_columns\) = \(1, 1\)"),
        ({"temperature_c": np.zeros(5)}, r"temperature_c has shape \(5,\); it must be \(n_steps,\) = \(6,\)"),
        ({"net_kwh": np.full((1, 6, 1), np.nan)}, "net_kwh is not finite in scenario 0"),
        ({"kw": [[-1.0]]}, "kw: scenario 0, column 0 holds -1"),
        ({"capacity_kwh_per_k": [[0.0]]}, "capacity_kwh_per_k must be positive where there is a heat pump"),
        ({"cop": np.full(6, 0.9)}, "cop must be finite, and at least 1 in every step"),
        ({"temperature_c": [np.inf] * 6}, "temperature_c is not finite in step 0"),
        ({"comfort_c": (22.0, 20.0)}, r"comfort_c = \(22, 20\): the lower end must come first"),
        ({"first_c": np.nan}, "first_c = nan must be finite"),
        ({"rule": "cheap"}, "rule = 'cheap': must be 'comfort' or 'surplus'"),
        ({"step_hours": 0.0}, r"step_hours = 0\.0: must be positive"),
    ],
)
def test_what_is_refused(changes, told):
    a_day()
    with pytest.raises(fastp2p.InputError, match=told):
        a_day(**changes)


@pytest.mark.small
def test_days_that_do_not_return_are_named():
    """No house of finite numbers is one."""
    with pytest.raises(fastp2p.InputError, match=r"^scenario 0, column 0: its days do not return to within 1e-09 K"):
        a_day("comfort", temperature_c=[np.nan] * 6, cyclic=True, check=False)
