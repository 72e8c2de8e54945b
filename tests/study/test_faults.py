"""What is wrong with a study file, whatever its shape: one sentence per fault, by the key that was written."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import fastp2p
from fastp2p.study.faults import validation_faults
from fastp2p.study.model import Study

WHOLE = {
    "name": "mine",
    "network": {"source": "cigre_lv"},
    "load": {"profile": "residential_0"},
    "pv": {"profile": "solar_1"},
}
TABLE = "must be a table, with keys such as"
NAMES = "'uniform', 'normal', 'triangular', 'lognormal' or 'choice'"
A_DAY = "a date such as 2024-06-21 or a list"
MANY = "a number of more than 100 digits"
EITHER = (
    "must be a number, a list, a table with the key distribution, a table with the key series, a table with the key hours or a "
    "table with the key file"
)


def faults_of(tables):
    """What is wrong with a study of these tables."""
    try:
        Study.model_validate(tables)
    except ValidationError as error:
        return validation_faults(error, Study, tables) or ["pydantic alone knows"]
    return []


def with_lines(text):
    """The tables of a whole study and of some lines of TOML; sections are merged."""
    tables = {key: dict(part) if isinstance(part, dict) else part for key, part in WHOLE.items()}
    for key, part in tomllib.loads(text).items():
        tables[key] = {**tables[key], **part} if isinstance(part, dict) and isinstance(tables.get(key), dict) else part
    return tables


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # keys that are numbers
        (
            "[scenarios.stop]\n3 = 1",
            [
                "scenarios.stop.indicator is missing",
                "scenarios.stop.within is missing",
                "unknown key scenarios.stop.3; known are indicator, within, at_least",
            ],
        ),
        ("[scenarios]\n1 = 2", ["unknown key scenarios.1; known are count, shares, sweep, exact, stop, keep"]),
        ("[market.bid_per_kwh]\n1 = 2", [f"market.bid_per_kwh = {{'1': 2}}: {EITHER}"]),
        ("[market.bid_per_kwh.series]\n2 = 3", ["market.bid_per_kwh.series = {'2': 3}: must be a list"]),
        ("[participants.buses]\n0 = 3", ["participants.buses = {'0': 3}: must be 'leaves', 'loads', 'all' or a list"]),
        ("[network.ampacity_ka_by_line]\none = 1", ["network.ampacity_ka_by_line.one: the key 'one' must be a whole number"]),
        # dotted keys, and keys in the wrong section
        ('"market.ask_per_kwh" = 0.1', ["unknown key market.ask_per_kwh; did you mean ask_per_kwh in the section market?"]),
        ("[pv]\nask_per_kwh = 0.1", ["unknown key pv.ask_per_kwh; did you mean ask_per_kwh in the section market?"]),
        ("pv.kwp.low = 3", [f"pv.kwp = {{'low': 3}}: needs the key distribution, {NAMES}"]),
        # lists of tables, and other values, in place of tables
        (
            "[[scenarios]]\ncount = 1",
            [f"scenarios = [{{'count': 1}}]: {TABLE} scenarios.count; write [scenarios] in place of [[scenarios]]"],
        ),
        ("scenarios = 2024-01-01", [f"scenarios = datetime.date(2024, 1, 1): {TABLE} scenarios.count"]),
        ("[scenarios]\nstop = 3", [f"scenarios.stop = 3: {TABLE} scenarios.stop.indicator"]),
        # dates, huge and endless numbers
        ("name = 2024-01-01", ["name = datetime.date(2024, 1, 1): must be a text"]),
        ("[profiles]\nfirst_day = 'today'", [f"profiles.first_day = 'today': must be {A_DAY}"]),
        ("[profiles]\nfirst_day = '20180621'", [f"profiles.first_day = '20180621': must be {A_DAY}"]),
        ("[profiles]\nfirst_day = '1529539200'", [f"profiles.first_day = '1529539200': must be {A_DAY}"]),
        ("[profiles]\nfirst_day = 86400", [f"profiles.first_day = 86400: must be {A_DAY}"]),
        ("[profiles]\nfirst_day = 12:30:00", [f"profiles.first_day = datetime.time(12, 30): must be {A_DAY}"]),
        (f"seed = 0x{'f' * 5000}", [f"seed = {MANY}: must be less than {2**128}"]),
        (f"[scenarios]\nshares = [0x{'f' * 5000}]", [f"scenarios.shares.0 = {MANY}: must be a number"]),
        ("[market]\nask_per_kwh = inf", ["market.ask_per_kwh = inf: must be a finite number"]),
        ("[market]\nask_per_kwh = nan", ["market.ask_per_kwh = nan: must be a finite number"]),
        # of a key that takes several kinds of value, only what is wrong with the kind that was given
        ("[market]\nbid_per_kwh = true", [f"market.bid_per_kwh = True: {EITHER}"]),
        ("[market]\nbid_per_kwh = [0.1, 'b']", ["market.bid_per_kwh.1 = 'b': must be a number"]),
        ("[pv]\nkwp = { of_transformr = 1 }", ["unknown key pv.kwp.of_transformr; did you mean of_transformer?"]),
        (
            "[pv]\nkwp = { distribution = 'unform', low = 1 }",
            [f"pv.kwp.distribution = 'unform': must be {NAMES}; did you mean 'uniform'?"],
        ),
        ("[load]\nprofile = { choice = [] }", ["load.profile.choice = []: must not be empty"]),
        ("[load]\nbuses = 12", ["load.buses = 12: must be 'all', 'even', 'odd' or a list"]),
    ],
)  # fmt: skip
def test_every_shape_is_told_in_words(text, message):
    assert faults_of(with_lines(text)) == message


def test_a_list_of_many_wrong_entries_is_told_in_short():
    message = faults_of(with_lines(f"[network]\nlimits = {['x'] * 500}"))
    assert len(message) == 4
    assert message[0] == "network.limits.0 = 'x': must be 'thermal' or 'transformer'"
    assert message[3] == "network.limits: 497 further entries are wrong, too"


def test_a_long_value_is_shown_in_short():
    message = faults_of(with_lines(f"[load]\nbuses = '{'x' * 5000}'"))
    assert len(message) == 1
    assert len(message[0]) < 200


def test_a_misspelt_key_is_not_missing_as_well():
    tables = {**WHOLE, "pv": {"profle": "solar_1"}}
    assert faults_of(tables) == ["unknown key pv.profle; did you mean profile?"]


SECTIONS = ["network", "profiles", "participants", "load", "pv", "market", "clearing", "scenarios", "name", "seed", "3"]
KEYS = [
    "source", "buses", "profile", "homes", "kwp", "bid_per_kwh", "feed_in_per_kwh", "stop", "keep", "shares", "first_day",
    "audit", "distribution", "series", "choice", "values", "weights", "of_transformer", "low", "ampacity_ka_by_line", "1", "",
    "a.b",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.dates(), st.times(), st.datetimes(),
    st.sampled_from(["uniform", "choice", "all", 10**400]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(SECTIONS), st.one_of(VALUES, st.dictionaries(st.sampled_from(KEYS), VALUES)), max_size=4)
)
def test_any_tables_end_in_words(tables):
    for message in faults_of(tables), faults_of({**WHOLE, **tables}):
        assert len(message) == len(set(message))
        assert all("\n" not in one and "pydantic" not in one for one in message)
    with pytest.raises(fastp2p.InputError):
        fastp2p.studies()["paper-44"].with_(**{**tables, "surely wrong": 1})


def refusal(**changes):
    """What a run of the paper's day with some changes is refused for."""
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.run(fastp2p.studies()["paper-44"].with_(**changes))
    return list(error.value.faults)


def test_an_unknown_bus_is_not_told_of_lengths_as_well():
    listed = {"homes": [1.0, 2.0, 3.0], "profile": ["residential_0"] * 3}
    assert refusal(load={**listed, "buses": [12, 16, 99]}) == ["load.buses: bus 99 does not exist in the network"]
    assert refusal(participants={"buses": [12, 16, 99]}, load=listed, market={"bid_per_kwh": [0.1] * 3}) == [
        "participants.buses: bus 99 does not exist in the network"
    ]
    assert refusal(load={**listed, "buses": [12, 16, 16]}) == ["load.buses: bus 16 is listed twice; list it once"]
    # profiles that are not there are told beside
    message = refusal(load={"buses": [99], "profile": ["residential_9", "residential_0"]}, pv={"profile": "solar_9"})
    assert [one.partition(";")[0] for one in message] == [
        "load.buses: bus 99 does not exist in the network",
        "load.profile: no load profile 'residential_9'",
        "pv.profile: no pv profile 'solar_9'",
    ]


def test_wrong_lengths_are_told_where_the_buses_are_there():
    assert refusal(load={"buses": [12, 16], "homes": [1.0, 2.0, 3.0], "profile": ["residential_0"] * 3}) == [
        "load.profile lists 3 profiles for 2 buses",
        "load.homes lists 3 values for 2 buses",
    ]


def test_a_study_made_in_python_is_refused_in_the_same_words():
    assert fastp2p.Study(**WHOLE) == Study.model_validate(WHOLE)
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.Study(**{**WHOLE, "load": {"profile": "residential_0", "homes": -1}, "curency": "EUR"})
    assert error.value.faults == (
        "load.homes = -1: must lie in 0…1,000,000 homes at a bus",
        "unknown key curency; did you mean currency?",
    )
    with pytest.raises(ValidationError):
        Study.model_validate({})
