import numpy as np
import pandapower as pp
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import stats

import fastp2p
from fastp2p.pipeline.draws import STREAMS, _has_pv, draw_scenarios
from fastp2p.study.distributions import Distribution, pick
from fastp2p.study.model import Study
from tests.oracles.uniforms import uniforms_of
from tests.support.commands import call
from tests.support.shipped import shipped
from tests.support.studies import refused, study_text
from tests.support.sweeps import SWEEP

pytestmark = pytest.mark.usefixtures("elsewhere")
PARTS = {
    "name": "draws",
    "seed": 7,
    "network": {"source": "cigre_lv"},
    "load": {
        "profile": {"choice": ["residential_0", "residential_2"], "weights": [3, 1]},
        "homes": [1 + i / 4 for i in range(13)],
    },
    "pv": {
        "profile": {"choice": ["solar_0", "solar_1", "solar_2"], "per": "scenario"},
        "kwp": {"distribution": "normal", "mean": 5, "sd": 2, "low": 1, "high": 9},
    },
    "market": {"bid_per_kwh": {"distribution": "uniform", "low": 0.1, "high": 0.2}, "ask_per_kwh": 0.05},
    "scenarios": {"count": 100, "shares": [0.1, 0.3, 0.9]},
}
STUDY = Study.model_validate(PARTS)


@pytest.fixture(scope="module")
def inputs():
    return fastp2p.Network.load("cigre_lv"), fastp2p.Profiles.load()


def draw(inputs, share, numbers, study=STUDY):
    return draw_scenarios(study, *inputs, share, numbers)


def arrays(scenarios):
    return [
        scenarios.load_profile,
        scenarios.pv_profile,
        scenarios.homes,
        scenarios.kwp,
        scenarios.bid_per_kwh,
        scenarios.ask_per_kwh,
    ]


WITH_ALL = STUDY.with_(
    participants={
        "background": [
            {"buses": [3, 43], "load": "residential_1", "size": {"distribution": "uniform", "low": 0.0, "high": 1.0}}
        ]
    },
    market={"ask_per_kwh": {"hours": "0-12", "value": 0.06, "else": 0.05}},
    heat_pump={"share": 0.5, "profile": "residential_0", "size": 2.0},
    ev={
        "share": 0.5,
        "kw": 11.0,
        "arrival": 18.0,
        "departure": 7.0,
        "kwh": {"distribution": "uniform", "low": 2.0, "high": 9.0},
    },
    battery={"share": 0.5, "kwh": {"distribution": "uniform", "low": 2.0, "high": 9.0}},
)


def test_some_of_a_block_are_those_drawn_alone(inputs):
    """24 scenarios of 24 steps, so that no array by step passes for one by scenario."""
    some, alone = draw(inputs, 0.3, range(24), WITH_ALL).some(slice(5, 9)), draw(inputs, 0.3, range(5, 9), WITH_ALL)
    for found, expected in (
        (some, alone),
        *((getattr(some, of), getattr(alone, of)) for of in ("heat_pump", "ev", "battery", "background")),
    ):
        for name, value in vars(expected).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)


@pytest.mark.parametrize("numbers", [range(17, 18), range(10, 31), range(0, 100)])
def test_a_scenario_is_the_same_in_any_block(inputs, numbers):
    whole = arrays(draw(inputs, 0.3, range(200)))
    for one, other in zip(arrays(draw(inputs, 0.3, numbers)), whole, strict=True):
        assert np.array_equal(one, other[numbers.start : numbers.stop])


def test_uniform_numbers_of_blocks_join():
    whole = uniforms_of(3, range(20), STREAMS, 41)
    assert np.array_equal(np.concatenate([uniforms_of(3, range(a, a + 5), STREAMS, 41) for a in (0, 5, 10, 15)]), whole)
    assert not np.array_equal(uniforms_of(4, range(20), STREAMS, 41), whole)
    assert len(np.unique(whole)) == whole.size
    assert stats.kstest(whole.ravel(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("exact", [False, True])
def test_a_larger_share_only_adds_pv(inputs, exact):
    study = STUDY.with_(scenarios={"exact": exact})
    before = np.zeros((300, 13), bool)
    for share in (0.0, 0.1, 0.3, 0.5, 1.0):
        drawn = draw(inputs, share, range(300), study)
        has = drawn.pv_profile >= 0
        assert (has >= before).all()
        assert np.array_equal(has, drawn.kwp > 0)
        n_homes = len(drawn.participant)
        assert not exact or (has.sum(axis=1) == int(share * n_homes + 0.5)).all()
        assert has.sum() / (300 * n_homes) == pytest.approx(share, abs=0.05)
        before = has
    assert has.all()


@pytest.mark.parametrize(
    ("share", "n_buses", "n_with_pv"),
    [
        (0.1, 5, 1),  # 0.5: half a bus is one
        (0.5, 5, 3),  # 2.5
        (0.3, 5, 2),  # 1.5
        (0.7, 5, 4),  # 3.5
        (0.25, 10, 3),  # 2.5
        (0.35, 10, 4),  # 3.5
        (0.15, 10, 2),  # 1.5
        (0.29, 50, 15),  # 14.5, in floating point 14.499999999999998
        (0.145, 100, 15),  # 14.5, in floating point 14.499999999999998
        (0.7 - 0.55, 10, 2),  # 1.5, in floating point 1.4999999999999991
        (0.09, 5, 0),  # 0.45
        (0.0, 5, 0),
        (1.0, 5, 5),
    ],
)
def test_an_exact_share_rounds_half_up(share, n_buses, n_with_pv):
    u = np.random.default_rng(1).random((7, n_buses + 2))
    has = _has_pv(u, np.arange(1, n_buses + 1), share, exact=True)
    assert (has.sum(axis=1) == n_with_pv).all()
    assert not has[:, [0, -1]].any()


def test_what_is_listed_drawn_or_shared(inputs):
    drawn = draw(inputs, 1.0, range(2000))
    assert np.array_equal(drawn.participant, inputs[0].leaf_buses())
    assert np.array_equal(drawn.homes[5], [1 + i / 4 for i in range(13)])
    assert (drawn.ask_per_kwh == 0.05).all()
    assert (np.ptp(drawn.pv_profile, axis=1) == 0).all()
    assert len(np.unique(drawn.pv_profile[:, 0])) == 3
    share = (drawn.load_profile == inputs[1].row("residential_0", "load")).mean()
    assert share == pytest.approx(0.75, abs=0.01)
    kwp = drawn.kwp.ravel()
    assert stats.kstest(kwp, stats.truncnorm(-2, 2, 5, 2).cdf).pvalue > 0.01
    assert stats.kstest(drawn.bid_per_kwh.ravel(), stats.uniform(0.1, 0.1).cdf).pvalue > 0.01
    assert abs(np.corrcoef(kwp, drawn.bid_per_kwh.ravel())[0, 1]) < 0.02


CASES = {
    "uniform": ({"low": 1, "high": 3}, stats.uniform(1, 2)),
    "normal": ({"mean": 4, "sd": 1}, stats.truncnorm(-4, np.inf, 4, 1)),
    "triangular": ({"low": 1, "mode": 2, "high": 5}, stats.triang(0.25, 1, 4)),
    "lognormal": ({"median": 2, "sigma": 0.5}, stats.lognorm(0.5, scale=2)),
}


@pytest.mark.parametrize("name", CASES)
def test_distributions(name):
    parameters, expected = CASES[name]
    distribution = TypeAdapter(Distribution).validate_python({"distribution": name, **parameters})
    u = np.random.default_rng(5).random(20_000)
    assert stats.kstest(distribution.quantile(u), expected.cdf).pvalue > 0.01
    np.testing.assert_allclose(distribution.quantile(u), expected.ppf(u), rtol=1e-6)
    assert np.isfinite(distribution.quantile(np.array([0.0, 1 - 2**-53]))).all()


def test_choices():
    choice = TypeAdapter(Distribution).validate_python({"distribution": "choice", "values": [1, 2, 5], "weights": [1, 0, 3]})
    values = choice.quantile(np.random.default_rng(6).random(20_000))
    assert set(values) == {1.0, 5.0}
    assert (values == 5).mean() == pytest.approx(0.75, abs=0.01)
    assert pick(np.array([0.0, 0.3, 0.7, 1 - 2**-53]), 3, None).tolist() == [0, 0, 2, 2]


IMPOSSIBLE = [
    ({"distribution": "uniform", "low": 3, "high": 1}, "low = 3 is above high = 1"),
    ({"distribution": "uniform", "low": -1, "high": 1}, "must lie in 0…1,000,000 kWp"),
    ({"distribution": "normal", "mean": 1, "sd": 0}, "greater than"),
    ({"distribution": "normal", "mean": -90, "sd": 1}, "nothing of a normal"),
    ({"distribution": "triangular", "low": 1, "mode": 6, "high": 5}, "low <= mode <= high"),
    ({"distribution": "choice", "values": []}, "at least 1"),
    ({"distribution": "choice", "values": [1, 2], "weights": [1]}, "1 weights for 2 values"),
    ({"distribution": "choice", "values": [1, 2], "weights": [0, 0]}, "all zero"),
    ({"distribution": "poisson", "mean": 3}, "does not match any of the expected tags"),
]


@pytest.mark.parametrize(("kwp", "message"), IMPOSSIBLE)
def test_impossible_distributions(kwp, message):
    with pytest.raises(ValidationError, match=message):
        Study.model_validate({**PARTS, "pv": {"profile": "solar_1", "kwp": kwp}})


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"count": 0}, "greater than or equal to 1"),
        ({"shares": [0.5, 0.1]}, "shares must be ascending"),
        ({"shares": [0.1, 0.1]}, "shares must be ascending, without repeats"),
        ({"shares": [-0.1, 0.5]}, "greater than or equal to 0"),
        ({"shares": [1.2]}, "less than or equal to 1"),
        ({"shares": ["0.5"]}, "valid number"),
        ({"keep": ["all"]}, "scenarios"),
        ({"stop": {"indicator": "saving", "within": 0.01, "at_least": 10}}, "greater than or equal to 100"),
    ],
)
def test_impossible_sweeps(part, message):
    with pytest.raises(ValidationError, match=message):
        Study.model_validate({**PARTS, "scenarios": part})


def test_lists_of_the_wrong_length_and_unknown_profiles(inputs):
    wrong = {
        **PARTS,
        "load": {"profile": ["residential_0", "residental_1"], "homes": [1, 2]},
        "pv": {"profile": "solar_9", "kwp": [3]},
    }
    with pytest.raises(fastp2p.InputError) as error:
        draw(inputs, None, range(1), Study.model_validate(wrong))
    text = str(error.value)
    for part in ("load.homes lists 2 values for 13 buses", "pv.kwp lists 1 values", "did you mean 'residential_1'", "solar_9"):
        assert part in text


def test_buses_that_are_not_there_are_all_named():
    refused(
        study_text(participants="buses = [12, 77]", load="buses = [99, 12, 98]", pv="buses = [-1]"),
        "participants.buses: bus 77 does not exist",
        "load.buses: bus 99 does not exist",
        "load.buses: bus 98 does not exist",
        "pv.buses: bus -1 does not exist",
    )


@pytest.mark.parametrize(("participants", "outside"), [("buses = [12, 16]", "18, 22"), ('buses = "leaves"', "2")])
def test_loads_and_pv_outside_the_participants(participants, outside):
    refused(
        study_text(participants=participants, load=f"buses = [{outside}, 12]", pv=f"buses = [{outside}, 16]"),
        f"load.buses: bus {outside} is not a participant; name it in participants.buses, or leave it out here",
        f"pv.buses: bus {outside} is not a participant; name it in participants.buses, or leave it out here",
    )


def test_buses_profiles_and_names_are_named_together():
    refused(
        study_text(load='profile = "residential_9"\nbuses = [99]', pv='profile = "residential_0"\nbuses = [98]'),
        "load.profile: no load profile 'residential_9'; there are residential_0",
        "did you mean 'residential_",
        "pv.profile: no pv profile 'residential_0'; there are solar_0, solar_1, solar_2; it is a load profile",
        "load.buses: bus 99 does not exist",
        "pv.buses: bus 98 does not exist",
    )


@pytest.mark.parametrize(
    "sections",
    [
        {"participants": "buses = []"},
        {"load": "buses = []", "pv": "buses = []"},
        {"participants": "buses = [12]", "load": 'buses = "even"', "pv": 'buses = "odd"'},
    ],
)
def test_nobody_takes_part(sections):
    refused(study_text(**sections), "nobody takes part")


def test_buses_without_a_path_to_the_slack():
    net = shipped("cigre_lv")
    net.line.loc[5, "in_service"] = False
    pp.to_json(net, "cut.json")
    refused(
        study_text(network='source = "cut.json"', load="buses = [18, 12, 8]", pv="buses = [19]"),
        "load.buses: bus 18 has no path to an external grid",
        "load.buses: bus 8 has no path",
        "pv.buses: bus 19 has no path",
    )
    assert "load 4 at bus 18, load 5 at bus 19" in call("check", "cut.json").stdout


def test_duplicate_buses_are_named():
    refused(study_text(load="buses = [12, 12]", pv="buses = [12, 12, 16]"), "load.buses: bus 12 is listed twice", "pv.buses")


def changed(**parts_of_it):
    given = SWEEP.model_dump(mode="json", exclude_none=True)
    for part, values in parts_of_it.items():
        given[part] = {**given.get(part, {}), **values}
    return given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"participants": {"buses": [12, 13]}, "pv": {"kwp": [1.0, 2.0, 3.0]}}, "pv.kwp lists 3 values for 2 buses"),
        (
            {"market": {"retail_per_kwh": {"series": [0.1, 0.2]}}},
            "market.retail_per_kwh lists 2 values; it must be one for each",
        ),
    ],
)
def test_more_than_there_is_to_give(given, told, tmp_path):
    with pytest.raises(fastp2p.InputError, match=told):
        fastp2p.run(Study.model_validate(changed(**given)), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_lists_go_by_the_list_of_participants():
    """Sizes and prices stand in the order in which the participants are listed, whatever that is."""
    listed = {12: (1.0, 5.0, 0.21, 0.05), 16: (2.0, 6.0, 0.22, 0.06), 22: (3.0, 7.0, 0.23, 0.07)}
    network, found = fastp2p.Network.load("cigre_lv"), []
    for buses in ([12, 16, 22], [22, 12, 16]):
        homes, kwp, bid, ask = (list(column) for column in zip(*(listed[bus] for bus in buses), strict=True))
        given = {
            "participants": {"buses": buses},
            "load": {"homes": homes, "profile": "residential_0"},
            "pv": {"kwp": kwp},
            "market": {"bid_per_kwh": bid, "ask_per_kwh": ask},
        }
        found.append(fastp2p.scenarios(Study.model_validate(changed(**given)), range(1), share=1.0, network=network))
    assert found[0].participant.tolist() == found[1].participant.tolist()
    for name in ("homes", "kwp", "bid_per_kwh", "ask_per_kwh"):
        assert getattr(found[1], name).tolist() == getattr(found[0], name).tolist(), name
    assert found[0].bid_per_kwh[0].tolist() == [0.21, 0.22, 0.23]
