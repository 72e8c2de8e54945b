"""The battery of a home beside its definition: energy, limits, days by hand, days that repeat, input that is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.devices.battery import cheap_and_dear, run_batteries
from tests.oracles.devices import cyclic_states, run_battery

EPS = 1e-9

kwh_of_a_step = st.floats(-20.0, 20.0) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-9, -1e-9, 5e-324])


PRICES = [-0.1, 0.0, 0.2, 0.2, 0.3]


@st.composite
def homes(draw, by_tariff=False):
    """Arguments of `run_batteries`: a few scenarios, steps and homes, for self use or by a tariff."""
    n_scenarios, n_steps, n_homes = draw(st.integers(1, 3)), draw(st.integers(1, 12)), draw(st.integers(0, 3))
    cells = n_scenarios * n_homes
    net = draw(st.lists(kwh_of_a_step, min_size=cells * n_steps, max_size=cells * n_steps))

    def sizes(values):
        return np.array(draw(st.lists(values, min_size=cells, max_size=cells))).reshape(n_scenarios, n_homes)

    efficiencies = st.sampled_from([0.1, 0.81, 0.9, 1.0])
    kwh = sizes(st.floats(0.0, 30.0) | st.sampled_from([0.0, 4.0]))
    tariff = {}
    if by_tariff:
        tariff["day"] = np.sort(draw(st.lists(st.integers(0, 3), min_size=n_steps, max_size=n_steps)))
        tariff["retail_per_kwh"] = np.array(draw(st.lists(st.sampled_from(PRICES), min_size=n_steps, max_size=n_steps)))
    parts = np.sort(np.stack([sizes(st.floats(0.0, 1.0)), sizes(st.sampled_from([0.0, 0.2, 0.5, 1.0]))]), axis=0)
    return {
        "net_kwh": np.array(net).reshape(n_scenarios, n_steps, n_homes),
        "kwh": kwh,
        "kw": sizes(st.floats(0.0, 10.0) | st.sampled_from([0.0, 2.0, 1e6])),
        "lowest_kwh": parts[0] * kwh,
        "first_kwh": parts[1] * kwh,
        "efficiency": sizes(efficiencies) if draw(st.booleans()) else draw(efficiencies),
        "step_hours": draw(st.sampled_from([0.25, 1.0])),
        **tariff,
    }


def one_way(given):
    """(n_scenarios, n_homes) efficiency of charging, and of discharging."""
    return np.broadcast_to(np.sqrt(given["efficiency"]), given["kwh"].shape)


def by_home(given):
    """Place, net energy and battery of each home, with the tariff where there is one."""
    tariff = {"price": given["retail_per_kwh"].tolist(), "day": given["day"].tolist()} if "day" in given else {}
    for s, b in np.ndindex(given["kwh"].shape):
        battery = {name: float(given[name][s, b]) for name in ("kwh", "lowest_kwh")}
        limit = float(given["kw"][s, b]) * given["step_hours"]
        yield (
            (s, b),
            given["net_kwh"][s, :, b].tolist(),
            {**battery, "limit_kwh": limit, "one_way": float(one_way(given)[s, b]), **tariff},
        )


@pytest.mark.small
@settings(deadline=None)
@given(given=homes() | homes(by_tariff=True))
def test_each_home_does_what_the_definition_says(given):
    ran = run_batteries(**given, cyclic=False)
    for (s, b), net, battery in by_home(given):
        expected = run_battery(net, first_kwh=float(given["first_kwh"][s, b]), **battery)
        for found, right in zip((ran.charged_kwh, ran.discharged_kwh, ran.stored_kwh), expected, strict=True):
            np.testing.assert_allclose(found[s, :, b], right, rtol=0, atol=1e-12 * (1.0 + battery["kwh"]))


@pytest.mark.small
@settings(deadline=None)
@given(given=homes() | homes(by_tariff=True), cyclic=st.booleans())
def test_energy_is_conserved_and_limits_are_kept_exactly(given, cyclic):
    ran = run_batteries(**given, cyclic=cyclic)
    charged, discharged, stored = ran.charged_kwh, ran.discharged_kwh, ran.stored_kwh
    eta, net = one_way(given)[:, None], given["net_kwh"]
    first = stored[:, -1:] if cyclic else given["first_kwh"][:, None]
    before = np.concatenate([first, stored[:, :-1]], axis=1)
    np.testing.assert_allclose(stored - before, eta * charged - discharged / eta, rtol=0, atol=EPS)
    kwh, lowest, limit = (given[name][:, None] for name in ("kwh", "lowest_kwh", "kw"))
    limit = limit * given["step_hours"]
    assert (stored >= lowest).all()
    assert (stored <= kwh).all()
    for moved, there in ((charged, net), (discharged, -net)):
        assert (moved >= 0.0).all()
        assert (moved <= limit).all()
        if "day" not in given:
            assert (moved <= np.maximum(there, 0.0)).all()
    assert not (charged * discharged).any()
    nothing = np.broadcast_to((kwh == 0.0) | (limit == 0.0), charged.shape)
    assert not charged[nothing].any()
    assert not discharged[nothing].any()


@pytest.mark.small
@settings(deadline=None)
@given(given=homes() | homes(by_tariff=True))
def test_days_that_repeat_end_as_they_begin(given):
    ran = run_batteries(**given, cyclic=True)
    for (s, b), net, battery in by_home(given):
        near = EPS * max(battery["kwh"], 1e-3)
        end = float(ran.stored_kwh[s, -1, b])
        charged, discharged, stored = run_battery(net, first_kwh=end, **battery)
        assert stored[-1] == pytest.approx(end, abs=near)
        np.testing.assert_allclose(ran.charged_kwh[s, :, b], charged, rtol=0, atol=near)
        np.testing.assert_allclose(ran.discharged_kwh[s, :, b], discharged, rtol=0, atol=near)
        least, greatest = cyclic_states(net, tolerance=1e-3 * near, **battery)
        assert least - near <= end <= greatest + near


LOAD = [1.0, 1.0, 1.0, 1.0, 4.0, 1.0]
PV = [0.0, 4.0, 4.0, 0.0, 0.0, 0.0]


def a_day(cyclic=False, retail_per_kwh=None, day=None, **changes):
    sizes = {"kwh": 3.0, "kw": 2.0, "lowest_kwh": 0.0, "first_kwh": 0.0, **changes}
    net = np.subtract(PV, LOAD).reshape(1, 6, 1)
    ran = run_batteries(
        net, *([[value]] for value in sizes.values()), efficiency=0.81, step_hours=1.0, cyclic=cyclic,
        retail_per_kwh=retail_per_kwh, day=day,
    )  # fmt: skip
    return [array[0, :, 0] for array in (ran.charged_kwh, ran.discharged_kwh, ran.stored_kwh)]


@pytest.mark.small
@pytest.mark.parametrize("cyclic", [False, True])
def test_a_day_by_hand(cyclic):
    """docs/devices.md has it: nothing stored, power, capacity, need, what is left, nothing left. One way is 0.9.

    It ends empty, so it is also the day that repeats.
    """
    charged, discharged, stored = a_day(cyclic)
    np.testing.assert_allclose(charged, [0.0, 2.0, 4.0 / 3.0, 0.0, 0.0, 0.0], rtol=1e-12)
    np.testing.assert_allclose(discharged, [0.0, 0.0, 0.0, 1.0, 1.7, 0.0], rtol=1e-12)
    np.testing.assert_allclose(stored, [0.0, 1.8, 3.0, 3.0 - 1.0 / 0.9, 0.0, 0.0], rtol=1e-12)
    assert discharged.sum() == pytest.approx(0.81 * charged.sum(), rel=1e-12)
    assert stored[2] == 3.0
    assert stored[4] == 0.0


@pytest.mark.small
@pytest.mark.parametrize("cyclic", [False, True])
def test_a_day_by_hand_with_a_tariff(cyclic):
    """docs/devices.md has it: full power in the cheapest and in the dearest step, self use in the others."""
    charged, discharged, stored = a_day(cyclic, retail_per_kwh=[0.2, 0.3, 0.3, 0.4, 0.3, 0.3], day=[0] * 6)
    np.testing.assert_allclose(charged, [2.0, 4.0 / 3.0, 0.0, 0.0, 0.0, 0.0], rtol=1e-12)
    np.testing.assert_allclose(discharged, [0.0, 0.0, 0.0, 2.0, 0.7, 0.0], rtol=1e-12)
    np.testing.assert_allclose(stored, [1.8, 3.0, 3.0, 3.0 - 2.0 / 0.9, 0.0, 0.0], rtol=1e-12)


@pytest.mark.small
def test_days_have_hours_of_their_own_and_a_day_of_one_price_has_none():
    """Of 3 days: the second has one price, and the third another least and greatest one."""
    price, day = np.array([0.2, 0.3, 0.3, 0.3, 0.5, 0.3, 0.4]), np.array([4, 4, 7, 7, 9, 9, 9])
    assert cheap_and_dear(price, day).tolist() == [1, -1, 0, 0, -1, 1, 0]


@pytest.mark.small
def test_a_tariff_of_one_price_is_self_use():
    for one, other in zip(a_day(), a_day(retail_per_kwh=[0.2] * 6, day=[0] * 6), strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.small
def test_a_day_that_begins_half_full_and_keeps_a_reserve():
    charged, discharged, stored = a_day(lowest_kwh=0.6, first_kwh=1.5)
    np.testing.assert_allclose(discharged, [0.81, 0.0, 0.0, 1.0, (3.0 - 1.0 / 0.9 - 0.6) * 0.9, 0.0], rtol=1e-12)
    np.testing.assert_allclose(charged, [0.0, 2.0, (3.0 - 0.6 - 1.8) / 0.9, 0.0, 0.0, 0.0], rtol=1e-12)
    assert stored[0] == stored[4] == stored[5] == 0.6


@pytest.mark.small
@pytest.mark.parametrize("net", [[2.0, -2.0, 2.0, -2.0], [0.0, 0.0]])
def test_of_several_days_that_repeat_the_least_stored_is_taken(net):
    """Without losses what comes in goes out, and any first energy of 0 to 3 kWh would return."""
    ran = run_batteries(
        np.array(net).reshape(1, -1, 1), [[5.0]], [[9.0]], [[0.0]], [[4.0]], efficiency=1.0, step_hours=1.0, cyclic=True
    )
    assert ran.stored_kwh[0, -1, 0] == 0.0


@pytest.mark.small
def test_a_home_with_more_surplus_than_it_needs_ends_full_enough():
    """Three of surplus a day and one of load: full at noon, and one kWh less, divided by 0.9, at night."""
    ran = run_batteries(
        np.array([3.0, -1.0]).reshape(1, 2, 1), [[2.0]], [[9.0]], [[0.0]], [[0.0]], efficiency=0.81, step_hours=1.0, cyclic=True
    )
    np.testing.assert_allclose(ran.stored_kwh[0, :, 0], [2.0, 2.0 - 1.0 / 0.9], rtol=1e-12)
    np.testing.assert_allclose(ran.charged_kwh[0, :, 0], [1.0 / 0.81, 0.0], rtol=1e-12)


@pytest.mark.small
def test_a_home_does_not_depend_on_those_beside_it():
    random = np.random.default_rng(5)
    net, kwh = random.normal(size=(4, 30, 7)), random.uniform(0.0, 3.0, (4, 7))

    def run(s, b, cyclic):
        sizes = (kwh[s, b], kwh[s, b] / 2.0, 0.1 * kwh[s, b], 0.5 * kwh[s, b])
        return run_batteries(net[s, :, b], *sizes, efficiency=0.9, step_hours=0.5, cyclic=cyclic)

    for cyclic in (False, True):
        whole, some = run(slice(None), slice(None), cyclic), run(slice(1, 3), slice(2, 6), cyclic)
        for name in ("charged_kwh", "discharged_kwh", "stored_kwh"):
            assert getattr(some, name).tobytes() == getattr(whole, name)[1:3, :, 2:6].tobytes()


@pytest.mark.small
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"net_kwh": np.zeros((2, 3))}, r"net_kwh has shape \(2, 3\); it must be \(n_scenarios, n_steps, n_columns\)"),
        ({"kwh": np.ones((2, 3))}, r"kwh has shape \(2, 3\); it must be \(n_scenarios, n_columns\) = \(2, 2\)"),
        ({"net_kwh": np.full((2, 3, 2), np.nan)}, "net_kwh is not finite in scenario 0"),
        ({"kw": -np.ones((2, 2))}, "kw: scenario 0, column 0 holds -1"),
        ({"first_kwh": np.full((2, 2), 2.0)}, "must have lowest_kwh <= first_kwh <= kwh at every home"),
        ({"efficiency": 0.0}, r"efficiency holds 0 to 0; must lie above 0, up to 1"),
        ({"efficiency": [[0.9, 1.1], [0.9, 0.8]]}, r"efficiency holds 0\.8 to 1\.1; must lie above 0, up to 1"),
        (
            {"efficiency": [0.9, 0.8]},
            r"efficiency has shape \(2,\); it must be a number or \(n_scenarios, n_columns\) = \(2, 2\)",
        ),
        ({"step_hours": 0.0}, r"step_hours = 0\.0: must be positive"),
        ({"retail_per_kwh": [0.1, 0.2, 0.3]}, "must have both retail_per_kwh and day, or neither"),
        ({"day": [0, 0, 0]}, "must have both retail_per_kwh and day, or neither"),
        (
            {"retail_per_kwh": [0.1, 0.2], "day": [0, 0]},
            r"retail_per_kwh and day have shapes \(2,\) and \(2,\); they must be \(n_steps,\) = \(3,\)",
        ),
        ({"retail_per_kwh": [0.1, 0.2, np.nan], "day": [0, 0, 0]}, "retail_per_kwh is not finite in step 2"),
    ],
)
def test_what_is_refused(changes, told):
    ones = np.ones((2, 2))
    right = {
        "net_kwh": np.zeros((2, 3, 2)), "kwh": ones, "kw": ones, "lowest_kwh": 0.1 * ones, "first_kwh": 0.5 * ones,
        "efficiency": 0.9, "step_hours": 1.0, "cyclic": False,
    }  # fmt: skip
    run_batteries(**right)
    with pytest.raises(fastp2p.InputError, match=told):
        run_batteries(**{**right, **changes})
