"""Electric vehicles beside their definition: sessions, rules, energy, limits, a day by hand, input that is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.devices.ev import RULES, run_evs
from tests.oracles.ev import run_ev, sessions

kwh_of_a_step = st.floats(-5.0, 5.0) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-9])
minutes = st.integers(0, 96).map(lambda quarters: 15 * quarters) | st.integers(0, 1440)


@st.composite
def homes(draw):
    """Arguments of `run_evs`: a few scenarios and homes over some hours or days; steps may be half, or a twelfth, of a day."""
    step = draw(st.sampled_from([15, 60, 60, 120, 300, 720]))
    cyclic = draw(st.booleans())
    n_steps = draw(st.integers(1, 3)) * 1440 // step + draw(st.sampled_from([0, 0, 0, 1, -3]))
    n_steps = max(n_steps, 1)
    n_scenarios, n_homes = draw(st.integers(1, 2)), draw(st.integers(0, 3))
    cells = n_scenarios * n_homes
    random = np.random.default_rng(draw(st.integers(0, 2**32)))

    def sizes(values):
        return np.array(draw(st.lists(values, min_size=cells, max_size=cells)), float).reshape(n_scenarios, n_homes)

    net = random.choice([0.0, 1.0, -1.0, 0.3], (n_scenarios, n_steps, n_homes)) * random.uniform(0.0, 5.0)
    return {
        "net_kwh": net,
        "kw": sizes(st.floats(0.0, 22.0) | st.sampled_from([0.0, 2.0, 3.7, 11.0])),
        "arrival": sizes(minutes) / 60.0,
        "departure": sizes(minutes) / 60.0,
        "kwh": sizes(st.floats(0.0, 30.0) | st.sampled_from([0.0, 8.0, 11.0])),
        "rule": draw(st.sampled_from(sorted(RULES))),
        "step_hours": step / 60.0,
        "cyclic": cyclic,
        "retail_per_kwh": random.choice([0.1, 0.2, 0.2, 0.3, -0.1], n_steps),
    }


def by_home(given):
    """Place, and what the definition says of it."""
    for s, b in np.ndindex(given["kwh"].shape):
        arrival, departure = (round(60.0 * given[name][s, b]) for name in ("arrival", "departure"))
        yield (
            (s, b),
            run_ev(
                given["net_kwh"][s, :, b].tolist(), given["retail_per_kwh"].tolist(), kw=float(given["kw"][s, b]),
                kwh=float(given["kwh"][s, b]), arrival=arrival, departure=departure, rule=given["rule"],
                step=round(60.0 * given["step_hours"]), cyclic=given["cyclic"],
            ),
        )  # fmt: skip


@pytest.mark.small
@settings(deadline=None)
@given(given=homes())
def test_each_home_does_what_the_definition_says(given):
    ran = run_evs(**given)
    for (s, b), (ev, unmet, complete) in by_home(given):
        need = float(given["kwh"][s, b])
        found, missing = ran.ev_kwh[s, :, b], ran.unmet_kwh[s, :, b]
        np.testing.assert_allclose(found, ev, rtol=0, atol=1e-10)
        np.testing.assert_allclose(missing, unmet, rtol=0, atol=1e-10)
        assert (found >= 0.0).all()
        assert (missing >= 0.0).all()
        assert (found <= given["kw"][s, b] * given["step_hours"]).all()
        if given["cyclic"]:
            assert found.sum() + missing.sum() == pytest.approx(need * complete, abs=1e-9)
        else:  # one that the end cuts is in what is charged
            assert -1e-9 <= found.sum() + missing.sum() - need * complete <= need + 1e-9


@pytest.mark.parametrize(("rule", "cyclic"), [("surplus", False), ("cheapest", True), ("cheapest", False), ("immediate", True)])
@pytest.mark.parametrize(("step_hours", "days"), [(1.0, 365), (0.25, 60)])
def test_homes_of_a_year(rule, cyclic, step_hours, days):
    random, shape = np.random.default_rng(6), (2, 3)
    n_steps = round(24 * days / step_hours)
    of_homes = {
        "net_kwh": random.normal(size=(2, n_steps, 3)) * 3.0 * step_hours, "kw": random.uniform(1.0, 11.0, shape),
        "arrival": random.integers(0, 1441, shape) / 60.0, "departure": random.integers(0, 1441, shape) / 60.0,
        "kwh": random.uniform(2.0, 40.0, shape), "rule": rule, "step_hours": step_hours, "cyclic": cyclic,
        "retail_per_kwh": random.choice([0.1, 0.2, 0.3], n_steps),
    }  # fmt: skip
    ran = run_evs(**of_homes)
    for (s, b), (ev, unmet, complete) in by_home(of_homes):
        np.testing.assert_allclose(ran.ev_kwh[s, :, b], ev, rtol=0, atol=1e-10)
        np.testing.assert_allclose(ran.unmet_kwh[s, :, b], unmet, rtol=0, atol=1e-10)
        assert complete in ((days,) if cyclic else (days - 1, days))


@pytest.mark.small
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("step_hours", [0.25, 1.0])
def test_days_that_repeat_have_one_session_each(rule, step_hours):
    """Of a whole week: all needs are met, or missing."""
    random = np.random.default_rng(3)
    n_steps, shape = round(168 / step_hours), (3, 5)
    kwh = random.uniform(0.0, 60.0, shape)
    ran = run_evs(
        random.normal(size=(3, n_steps, 5)), random.uniform(1.0, 11.0, shape), random.uniform(0.0, 24.0, shape),
        random.uniform(0.0, 24.0, shape), kwh, rule=rule, step_hours=step_hours, cyclic=True,
        retail_per_kwh=random.uniform(0.1, 0.4, n_steps),
    )  # fmt: skip
    assert (ran.unmet_kwh > 0.0).any(axis=1).sum() in range(2, 13)
    np.testing.assert_allclose((ran.ev_kwh + ran.unmet_kwh).sum(axis=1), 7.0 * kwh, rtol=0, atol=1e-9)


@pytest.mark.small
def test_rules_differ_in_the_steps_alone():
    """What fits is charged under each rule: as much, and what does not fit is missing under each."""
    random = np.random.default_rng(4)
    net, sizes = random.normal(size=(2, 48, 9)), [random.uniform(low, high, (2, 9)) for low, high in ((1, 4), (0, 24), (0, 24))]
    done = {
        rule: run_evs(net, *sizes, np.full((2, 9), 12.0), rule=rule, step_hours=1.0, cyclic=True, retail_per_kwh=net[0, :, 0])
        for rule in RULES
    }
    for rule in ("surplus", "cheapest"):
        assert not np.array_equal(done[rule].ev_kwh, done["immediate"].ev_kwh)
        np.testing.assert_allclose(done[rule].unmet_kwh, done["immediate"].unmet_kwh, rtol=0, atol=1e-9)
        np.testing.assert_allclose(done[rule].ev_kwh.sum(axis=1), done["immediate"].ev_kwh.sum(axis=1), rtol=0, atol=1e-9)


# a day by hand, in six steps of four hours: docs/devices.md has it

NET = [-1.0, -1.0, 1.0, 3.0, -1.0, -1.0]
PRICE = [0.2, 0.2, 0.3, 0.1, 0.4, 0.3]


@pytest.mark.small
@pytest.mark.parametrize(
    ("rule", "charged"),
    [
        ("immediate", [0.0, 0.0, 2.0, 2.0, 1.0, 0.0]),
        ("surplus", [0.0, 0.0, 1.0, 2.0, 0.0, 2.0]),
        ("cheapest", [0.0, 0.0, 2.0, 2.0, 0.0, 1.0]),
    ],
)
@pytest.mark.parametrize("cyclic", [False, True])
def test_a_day_by_hand(rule, charged, cyclic):
    """Half a kW, so 2 kWh a step, from 7:00 to 24:00: steps 3 to 6 are whole. It needs 5 kWh."""
    ran = run_evs(
        np.array(NET).reshape(1, 6, 1), [[0.5]], [[7.0]], [[24.0]], [[5.0]], rule=rule, step_hours=4.0, cyclic=cyclic,
        retail_per_kwh=PRICE,
    )  # fmt: skip
    assert ran.ev_kwh[0, :, 0].tolist() == charged
    assert not ran.unmet_kwh.any()


def alone(net, arrival, departure, kwh=8.0, kw=3.0, rule="immediate", step_hours=1.0, cyclic=False, **further):
    sizes = [np.array([[value]]) for value in (kw, arrival, departure, kwh)]
    net = np.reshape(net, (1, -1, 1))
    ran = run_evs(net, *sizes, rule=rule, step_hours=step_hours, cyclic=cyclic, **further)
    return ran.ev_kwh[0, :, 0].tolist(), ran.unmet_kwh[0, :, 0].tolist()


@pytest.mark.small
def test_the_end_cuts_a_session_and_nothing_of_it_is_unmet():
    """Of two days the evening of the second; the morning of the first one belongs to a day before the data."""
    ev, unmet = alone(np.zeros(48), 22.0, 6.0, kwh=15.0)
    assert [(t, kwh) for t, kwh in enumerate(ev) if kwh] == [(22 + i, 3.0) for i in range(5)] + [(46, 3.0), (47, 3.0)]
    assert not any(unmet)
    ev, _ = alone(np.zeros(48), 22.0, 6.0, rule="surplus")
    assert [(t, kwh) for t, kwh in enumerate(ev) if kwh] == [(27, 2.0), (28, 3.0), (29, 3.0)]  # 46 and 47 can wait
    price = [0.1, 0.1, *[0.2] * 20, *[0.2, 0.1], *[0.3] * 24]
    ev, unmet = alone(np.zeros(48), 22.0, 6.0, rule="cheapest", retail_per_kwh=price)
    assert [t for t, kwh in enumerate(ev) if kwh] == [22, 23, 24]  # the steps after the end cost what the first ones do
    assert not any(unmet)


@pytest.mark.small
def test_days_that_repeat_go_on_in_the_first_steps():
    ev, unmet = alone(np.zeros(24), 22.0, 6.0, kwh=8.0, cyclic=True)
    assert [(t, kwh) for t, kwh in enumerate(ev) if kwh] == [(0, 2.0), (22, 3.0), (23, 3.0)]
    assert not any(unmet)


@pytest.mark.small
@pytest.mark.parametrize(("kwh", "missing"), [(9.0, 0.0), (9.5, 0.5), (30.0, 21.0)])
def test_what_is_missing_is_told_in_the_last_step(kwh, missing):
    """Three whole steps between 17:30 and 21:15: 18 to 21."""
    ev, unmet = alone(np.zeros(24), 17.5, 21.25, kwh=kwh, rule="surplus", cyclic=True)
    assert ev[18:21] == [3.0] * 3
    assert [(t, kwh) for t, kwh in enumerate(unmet) if kwh] == [(20, missing)] * (missing > 0.0)


@pytest.mark.small
@pytest.mark.parametrize(
    ("arrival", "departure", "step"), [(17.5, 18.0, 17), (17.0, 17.9, 17), (17.5, 18.5, 17), (23.5, 0.5, 23)]
)
def test_without_a_whole_step_all_is_missing_where_it_arrives(arrival, departure, step):
    for cyclic in (False, True):
        ev, unmet = alone(np.zeros(24), arrival, departure, cyclic=cyclic)
        assert not any(ev)
        assert [(t, kwh) for t, kwh in enumerate(unmet) if kwh] == [(step, 8.0)]


@pytest.mark.small
def test_minutes_lie_at_the_edges_of_steps():
    """7:40 is no multiple of a third of an hour in floats."""
    for arrival in np.arange(0, 1440, 20):
        ((_, whole, _),) = sessions(int(arrival), int(arrival) + 20, step=20, n_steps=72, cyclic=True)
        ev, unmet = alone(np.zeros(72), arrival / 60.0, (arrival + 20) / 60.0, kwh=1.0, step_hours=20 / 60.0, cyclic=True)
        assert [t for t, kwh in enumerate(ev) if kwh] == whole
        assert not any(unmet)


@pytest.mark.small
def test_a_home_does_not_depend_on_those_beside_it():
    random = np.random.default_rng(5)
    net, price = random.normal(size=(4, 48, 7)), random.uniform(size=48)
    sizes = [random.uniform(0.0, most, (4, 7)) for most in (11.0, 24.0, 24.0, 20.0)]

    def run(s, b, rule):
        return run_evs(
            net[s, :, b], *(size[s, b] for size in sizes), rule=rule, step_hours=0.5, cyclic=False, retail_per_kwh=price
        )

    for rule in RULES:
        whole, some = run(slice(None), slice(None), rule), run(slice(1, 3), slice(2, 6), rule)
        for name in ("ev_kwh", "unmet_kwh"):
            assert getattr(some, name).tobytes() == getattr(whole, name)[1:3, :, 2:6].tobytes()


@pytest.mark.small
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"net_kwh": np.zeros((2, 3))}, r"net_kwh has shape \(2, 3\); it must be \(n_scenarios, n_steps, n_columns\)"),
        ({"kwh": np.ones((2, 3))}, r"kwh has shape \(2, 3\); it must be \(n_scenarios, n_columns\) = \(2, 2\)"),
        ({"net_kwh": np.full((2, 3, 2), np.nan)}, "net_kwh is not finite in scenario 0"),
        ({"kw": -np.ones((2, 2))}, "kw: scenario 0, column 0 holds -1"),
        ({"arrival": np.full((2, 2), 25.0)}, r"arrival = 25: must lie in 0…24 hours of the day"),
        ({"departure": np.full((2, 2), np.nan)}, "departure: scenario 0, column 0 holds nan"),
        ({"rule": "smart"}, "rule = 'smart': must be one of immediate, surplus, cheapest"),
        ({"rule": "cheapest"}, "rule = 'cheapest': needs retail_per_kwh"),
        ({"retail_per_kwh": np.ones(4)}, r"retail_per_kwh has shape \(4,\); it must be \(n_steps,\) = \(3,\)"),
        ({"retail_per_kwh": np.full(3, np.inf)}, "retail_per_kwh is not finite in step 0"),
        ({"step_hours": 0.0}, r"step_hours = 0\.0: must be positive"),
    ],
)
def test_what_is_refused(changes, told):
    ones = np.ones((2, 2))
    right = {
        "net_kwh": np.zeros((2, 3, 2)), "kw": ones, "arrival": 18.0 * ones, "departure": 7.0 * ones, "kwh": ones,
        "rule": "immediate", "step_hours": 1.0, "cyclic": False,
    }  # fmt: skip
    run_evs(**right)
    with pytest.raises(fastp2p.InputError, match=told):
        run_evs(**{**right, **changes})
