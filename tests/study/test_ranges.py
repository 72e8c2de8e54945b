"""The numbers of a study: every key has a range, distributions are judged by what can be drawn, products by what they make."""

import datetime
import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p import ranges
from fastp2p.clearing.reactive import kvar_per_kw
from fastp2p.study.distributions import LAST
from fastp2p.study.sections import PvPart
from fastp2p.sweep.prepare import prepare

STUDY = fastp2p.studies()["pv-sweep"].with_(name="ranges", load={"profile": "residential_0"}, pv={"profile": "solar_0"})

KEYS = {  # every key that takes a number: least, most, and how a value of it is written
    "network.angle_deg": ranges.ANGLE_DEG,
    "network.limit_factor": ranges.LIMIT_FACTOR,
    "network.ampacity_ka": ranges.AMPACITY_KA,
    "network.v_min_pu": ranges.VOLTAGE_PU,
    "network.v_max_pu": ranges.VOLTAGE_PU,
    "profiles.step_hours": ranges.STEP_HOURS,
    "load.homes": ranges.HOMES,
    "load.power_factor": ranges.POWER_FACTOR,
    "pv.kwp": ranges.KWP,
    "pv.power_factor": ranges.POWER_FACTOR,
    "pv.three_phase_above_kw": ranges.KWP,
    "market.min_order_kwh": ranges.ORDER_KWH,
    "market.bid_per_kwh": ranges.PRICE,
    "market.ask_per_kwh": ranges.PRICE,
    "market.retail_per_kwh": ranges.PRICE,
    "market.feed_in_per_kwh": ranges.PRICE,
    "market.network_charge_per_kwh": ranges.CHARGE,
    "market.branch_charge_per_kwh": ranges.CHARGE,
    "market.co2_kg_per_kwh": ranges.CO2,
    "market.kappa": ranges.Range(0.0, 1.0),
    "clearing.stress": ranges.STRESS,
}
WHOLE = {
    "seed": (0, 2**128 - 1),
    "profiles.days": (1, 10_000),
    "clearing.audit": (2, ranges.ONE_IN),
    "scenarios.count": (1, ranges.COUNT),
}
DRAWN = {
    "load.homes": ranges.HOMES,
    "pv.kwp": ranges.KWP,
    "market.bid_per_kwh": ranges.PRICE,
    "market.ask_per_kwh": ranges.PRICE,
}
BY_STEP = ("bid_per_kwh", "ask_per_kwh", "retail_per_kwh", "feed_in_per_kwh", "co2_kg_per_kwh")


def changed(key, value):
    section, _, name = key.partition(".")
    return STUDY.with_(**{section: {name: value} if name else value})


def message(key, value):
    with pytest.raises(fastp2p.InputError) as error:
        changed(key, value)
    (fault,) = error.value.faults
    assert fault.startswith(key), fault
    return fault


@pytest.mark.parametrize("key", KEYS)
def test_a_number_has_a_range_that_its_message_tells(key):
    allowed = KEYS[key]
    for value in (allowed.least, allowed.most):
        changed(key, value)
    beyond = [
        np.nextafter(allowed.most, np.inf),
        2 * allowed.most,
        1e300,
        -1e300,
        -5e-324 if allowed.least == 0 else allowed.least / 2,
    ]
    for value in [float(value) for value in beyond if not allowed.has(value)]:
        assert re.search(r"must (lie in|be (less|greater) than or equal to)", message(key, value))
    for value in (float("nan"), float("inf"), float("-inf")):
        assert message(key, value).endswith("must be a finite number")


@pytest.mark.parametrize("key", WHOLE)
def test_a_whole_number_has_a_range(key):
    least, most = WHOLE[key]
    for value in (least, most):
        changed(key, value)
    for value in (least - 1, most + 1, 2**63, 2**64, 10**30, -(2**63)):
        if not least <= value <= most:
            assert "must be" in message(key, value)


def test_every_key_that_takes_a_number_is_listed_here():
    """By what a study does with a number that nobody means: keys that take it have no range."""
    for section, name in itertools.chain.from_iterable(
        [(section, name) for name in getattr(type(getattr(STUDY, section)), "model_fields", {})]
        for section in type(STUDY).model_fields
    ):
        key = f"{section}.{name}"
        if key in KEYS or key in WHOLE:
            continue
        for value in (1e300, 2**63):
            with pytest.raises(fastp2p.InputError, match=re.escape(key)):
                changed(key, value)


@pytest.mark.parametrize(
    ("key", "value", "told_of"),
    [
        ("network.ampacity_ka_by_line", {"1": 1e300}, "network.ampacity_ka_by_line.1"),
        ("network.ampacity_ka_by_std_type", {"x": 1e-300}, "network.ampacity_ka_by_std_type.x"),
        *[
            ("network.zero_sequence", {key: value}, f"network.zero_sequence.{key}")
            for key, value in (("r0_per_r1", 0.0), ("x0_per_x1", 1e7), ("trafo_z0_per_z1", 1e-7), ("c0_per_c1", -0.1))
        ],
        ("pv.kwp", {"of_transformer": 1e-300}, "pv.kwp.of_transformer"),
        ("pv.kwp", {"of_transformer": 11.0}, "pv.kwp.of_transformer"),
        ("load.profile", {"choice": ["a", "b"], "weights": [1, 1e300]}, "load.profile.weights.1"),
        ("scenarios.stop", {"indicator": "bill", "within": 1e-300}, "scenarios.stop.within"),
        ("scenarios.stop", {"indicator": "bill", "within": 1e300}, "scenarios.stop.within"),
        ("scenarios.stop", {"indicator": "bill", "within": 0.1, "at_least": 2**63}, "scenarios.stop.at_least"),
        ("scenarios.shares", [0.1, 1e300], "scenarios.shares.1"),
        ("profiles.months", [1, 2**63], "profiles.months.1"),
    ],
)
def test_numbers_within_tables_and_lists_have_ranges(key, value, told_of):
    assert message(key, value).startswith(f"{told_of} = ")


@pytest.mark.parametrize("key", DRAWN)
def test_lists_are_told_by_their_first_wrong_entry(key):
    allowed = DRAWN[key]
    fault = message(key, [0.0, 1.0, allowed.most * 2, allowed.most * 3])
    assert fault.endswith(f"values must lie in {allowed}; value 3 is {allowed.most * 2:g}, and 1 more")


@pytest.mark.parametrize("name", BY_STEP)
def test_series_have_the_range_of_their_key(name):
    allowed = KEYS[f"market.{name}"]
    changed(f"market.{name}", {"series": [allowed.least, allowed.most]})
    for wrong in (allowed.most * 2, allowed.least - 1.0):
        assert f"values must lie in {allowed}; these reach from" in message(f"market.{name}", {"series": [0.0, wrong]})


def of(distribution, **parameters):
    return {"distribution": distribution, **parameters}


BEYOND = {
    "a wide lognormal": of("lognormal", median=3.0, sigma=1e3),
    "a lognormal of infinities": of("lognormal", median=3.0, sigma=1e6),
    "a lognormal with a rare giant": of("lognormal", median=3.0, sigma=2.0),
    "a wide normal": of("normal", mean=1.0, sd=1e9),
    "a normal of giants": of("normal", mean=1e12, sd=1.0),
    "a uniform up to giants": of("uniform", low=0.0, high=1e12),
    "a triangular up to giants": of("triangular", low=0.0, mode=1.0, high=1e12),
    "a choice of a giant": of("choice", values=[1.0, 1e12]),
    "a rare choice of a giant": of("choice", values=[1.0, 1e12], weights=[1e12, 1e-12]),
    "a choice of a negative giant": of("choice", values=[1.0, -1e12]),
}


@pytest.mark.parametrize("key", DRAWN)
@pytest.mark.parametrize("what", [*BEYOND])
def test_distributions_are_judged_by_what_can_be_drawn(key, what):
    assert f"values must lie in {DRAWN[key]}; these reach from" in message(key, BEYOND[what])


def test_the_message_of_a_lognormal_says_which_sigma_would_do():
    fault = message("pv.kwp", of("lognormal", median=3.0, sigma=1e3))
    sigma = float(re.search(r"a sigma of ([\d.]+) or less keeps them there", fault)[1])
    changed("pv.kwp", of("lognormal", median=3.0, sigma=sigma))
    message("pv.kwp", of("lognormal", median=3.0, sigma=sigma + 0.02))


@pytest.mark.parametrize(
    "usual",
    [
        of("lognormal", median=4.0, sigma=0.6),
        of("normal", mean=0.0, sd=2.0),
        of("normal", mean=3.0, sd=2.0),
        of("normal", mean=-5.0, sd=1.0),
        of("uniform", low=3, high=10),
        of("triangular", low=0, mode=2, high=30),
        of("choice", values=[1, 2, 3]),
    ],
)
def test_usual_distributions_are_taken(usual):
    """A half normal among them, whose upper tail rounding would otherwise put at its largest possible value."""
    low, high = changed("pv.kwp", usual).pv.kwp.extremes
    assert 0.0 <= low <= high < 1000.0


numbers = st.floats(1e-3, 1e3) | st.sampled_from([1e-9, 1e-3, 1.0, 1e5])


@settings(max_examples=100, deadline=None)
@given(
    a=numbers, b=numbers, c=numbers, name=st.sampled_from(["uniform", "normal", "triangular", "lognormal", "choice"]),
    u=st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=20),
)  # fmt: skip
def test_nothing_is_drawn_beyond_the_extremes(a, b, c, name, u):
    low, mode, high = sorted((a, b, c))
    parameters = {
        "uniform": {"low": low, "high": high}, "normal": {"mean": a, "sd": b},
        "triangular": {"low": low, "mode": mode, "high": high},
        "lognormal": {"median": a, "sigma": min(b, 1.0)}, "choice": {"values": [a, b, c]},
    }  # fmt: skip
    try:
        drawn = PvPart(profile="solar_0", kwp=of(name, **parameters[name])).kwp
    except ValueError:
        return
    least, most = drawn.extremes
    values = drawn.quantile(np.array([*(np.array(u) * 2.0**-53), 0.0, LAST]))
    assert least * (1 - 1e-12) <= values.min()
    assert values.max() <= most * (1 + 1e-12)
    assert ranges.KWP.has(values.max())


@pytest.mark.parametrize(
    ("sections", "told_of"),
    [
        (
            {"load": {"homes": 1e6}},
            "load: a size of 1e\\+06 times a profile of 5000 kWh makes 5e\\+09 kWh at a bus; must lie in 0…1,000,000,000",
        ),
        ({"load": {"homes": 1e5}, "clearing": {"stress": 1e3}}, r"load: a size .* \(1000 times stressed\) makes"),
        ({"pv": {"kwp": of("uniform", low=0, high=1e6)}}, "pv: a size of 1e\\+06 times a profile of 5000 kWh"),
        ({"load": {"homes": [1.0, 1e6], "buses": [12, 16]}}, "load: a size of 1e\\+06"),
    ],
)
def test_sizes_times_profiles_have_a_range(sections, told_of):
    """Each may be, together they are no bus."""
    profiles = fastp2p.Profiles(("residential_0", "solar_0"), ("load", "pv"), np.full((2, 24), 5000.0))
    with pytest.raises(fastp2p.InputError, match=told_of):
        prepare(STUDY.with_(**sections), profiles=profiles)


def test_profiles_have_a_range():
    with pytest.raises(fastp2p.InputError, match="profile 'home' holds 1e\\+10 in step 1"):
        fastp2p.Profiles(("home",), ("load",), [[1.0, 1e10]])


def test_a_part_of_a_huge_transformer_is_too_much(cigre):
    rating = np.where(np.isfinite(cigre.rating_kw), 1e9, cigre.rating_kw)
    with pytest.raises(
        fastp2p.InputError, match="of_transformer = 1: makes 1e\\+09 kWp of the transformer's 1e\\+09 kVA at bus"
    ):
        prepare(STUDY.with_(pv={"kwp": {"of_transformer": 1.0}}), network=replace(cigre, rating_kw=rating))


@pytest.fixture(scope="module")
def cigre():
    return fastp2p.Network.load("cigre_lv")


@pytest.mark.parametrize("power_factor", [0.0, 1e-300, 0.09, 1.01, np.nan, -1.0])
def test_power_factors_have_a_range(power_factor):
    with pytest.raises(fastp2p.InputError, match=r"must lie in 0\.1…1"):
        kvar_per_kw(power_factor)


@pytest.mark.parametrize("name", ["factor", "angle_deg", "ampacity_ka"])
@pytest.mark.parametrize("value", [1e300, 1e-300, np.nan, 0.0, -1.0, "1"])
def test_limits_of_a_network_have_ranges(name, value, cigre):
    with pytest.raises(fastp2p.InputError, match=f"{name} = .*must be a positive number, in "):
        cigre.with_limits(**{name: value})


YEARS = [
    "1600-01-01",
    "1677-09-21",
    "1677-09-22",
    "1699-12-31",
    "2201-01-01",
    "2262-04-10",
    "2262-04-11",
    "2262-04-12",
    "9999-12-30",
]


@pytest.mark.parametrize("first", YEARS)
@pytest.mark.parametrize("suffix", ["", "+01:00"])
def test_stamps_of_impossible_years_are_refused(first, suffix, tmp_path):
    start = datetime.datetime.fromisoformat(first)
    stamps = [(start + datetime.timedelta(hours=hour)).isoformat() + suffix for hour in range(24)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["time,home [kWh]", *(f"{stamp},1" for stamp in stamps)]))
    with pytest.raises(fastp2p.InputError, match=r"a\.csv, column time, row [23]: .*(1700 to 2200|not a date)"):
        fastp2p.Profiles.load(path)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("first", ["0001-01-01", "1600-01-01", "2300-01-01", "9000-01-01"])
def test_stamps_that_no_nanoseconds_reach_are_refused(first, unit, tmp_path):
    time = pd.DatetimeIndex(np.datetime64(first, unit) + np.arange(24) * np.timedelta64(1, "h"))
    with pytest.raises(fastp2p.InputError, match="must lie in the years 1700 to 2200"):
        fastp2p.Profiles(("home",), ("load",), np.ones((1, 24)), time=time)
    pd.DataFrame({"time": time, "home [kWh]": 1.0}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(fastp2p.InputError, match=r"must lie in the years 1700 to 2200|could not be read"):
        fastp2p.Profiles.load(tmp_path / "a.parquet")


FRAMES = {
    "texts": {"cut_probability": ["a", "b"]},
    "complex numbers": {"cut_probability": [0.1j, 0.2]},
    "dates": {"share": pd.date_range("2024", periods=2)},
    "a share that is missing": {"share": pd.array([0.1, None], "Float64")},
    "a share that is no number": {"share": [0.1, np.nan]},
    "objects": {"share": np.array([0.1, 0.2], object)},
    "yes and no": {"share": [False, True]},
}


@pytest.mark.parametrize("edit", FRAMES)
def test_tables_of_answers_hold_numbers(edit):
    table = pd.DataFrame({"share": [0.1, 0.5], "cut_probability": [0.0, 0.2], "cut_low": [0.0, 0.1], "cut_high": [0.1, 0.3]})
    assert fastp2p.find_hosting_capacity(table).share == 0.1
    with pytest.raises(fastp2p.InputError, match=r"probabilities (must have numbers in|has rows without)"):
        fastp2p.find_hosting_capacity(table.assign(**FRAMES[edit]))


def test_the_page_on_studies_has_the_ranges():
    text = Path(__file__).parents[2].joinpath("docs", "study.md").read_text(encoding="utf-8")
    for allowed in (
        ranges.HOMES,
        ranges.KWP,
        ranges.PRICE,
        ranges.CO2,
        ranges.POWER_FACTOR,
        ranges.STRESS,
        ranges.LIMIT_FACTOR,
    ):
        assert str(allowed).partition(" ")[0] in text
