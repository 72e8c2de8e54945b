"""The section `heat_pump` of a study file: a profile or a house, what either may say, and where its files lie."""

import pytest

import fastp2p
from fastp2p import ranges
from tests.support.studies import study_text
from tests.support.sweeps import SWEEP

HOUSE = {
    "kw": 3.0,
    "resistance_k_per_kw": 5.0,
    "capacity_kwh_per_k": {"distribution": "uniform", "low": 5.0, "high": 15.0},
    "temperature_c": {"series": [-5.0] * 24},
    "cop": {"temperature_c": [-10, 0, 10], "cop": [2.2, 3.0, 4.0]},
}


def faults(**heat_pump):
    with pytest.raises(fastp2p.InputError) as caught:
        SWEEP.with_(heat_pump=heat_pump)
    return list(caught.value.faults)


@pytest.mark.parametrize("heat_pump", [HOUSE, {"profile": "residential_0", "size": [2.0, 3.0], "share": 0.3, "buses": [12]}])
def test_a_study_with_heat_pumps_is_written_and_read_again(heat_pump, tmp_path):
    study = SWEEP.with_(heat_pump=heat_pump)
    (tmp_path / "warm.toml").write_text(study.to_toml())
    again = fastp2p.Study.from_toml(tmp_path / "warm.toml")
    assert again == study == study.validated()
    assert again.to_toml() == study.to_toml()
    assert study.with_(heat_pump=None) == SWEEP


def test_studies_without_heat_pumps_are_written_as_ever():
    assert "heat_pump" not in SWEEP.to_toml()


def test_defaults():
    part = SWEEP.with_(heat_pump=HOUSE).heat_pump
    assert (part.buses, part.share, part.pv_correlation, part.comfort_c, part.first_c, part.rule) == (
        "all", 1.0, 0.0, (20.0, 22.0), None, "comfort",
    )  # fmt: skip


def test_temperatures_of_a_file_lie_beside_the_study(tmp_path):
    section = (
        "[heat_pump]\nkw = 3\nresistance_k_per_kw = 5\ncapacity_kwh_per_k = 8\ncop = 3\n"
        'temperature_c = { file = "weather.csv", column = "t" }'
    )
    (tmp_path / "mine.toml").write_text(study_text(clearing=section))
    part = fastp2p.Study.from_toml(tmp_path / "mine.toml").heat_pump
    assert part.temperature_c.file == str((tmp_path / "weather.csv").resolve())
    assert (part.cop, part.kw) == (3.0, 3.0)


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("kw", ranges.HEAT_PUMP_KW), ("resistance_k_per_kw", ranges.RESISTANCE), ("capacity_kwh_per_k", ranges.CAPACITY),
        ("temperature_c", ranges.TEMPERATURE), ("cop", ranges.COP), ("share", ranges.PART), ("first_c", ranges.TEMPERATURE),
        ("pv_correlation", ranges.CORRELATION),
    ],
)  # fmt: skip
def test_numbers_have_ranges(key, allowed):
    for value in (allowed.least, allowed.most):
        SWEEP.with_(heat_pump={**HOUSE, key: value})
    for value in (allowed.least - 1e-6, allowed.most + 1e-3, 1e300):
        assert faults(**{**HOUSE, key: value}) == [f"heat_pump.{key} = {value!r}: must lie in {allowed}"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"comfort_c": [22.0, 20.0]}, "the lower end 22 is above the upper end 20; write the lower one first"),
        ({"comfort_c": [20.0]}, "must be the lower and the upper end of a band, such as [20.0, 22.0]"),
        ({"comfort_c": [20.0, 90.0]}, "values must lie in -90…60 °C; value 2 is 90"),
        ({"cop": {"temperature_c": [0, 10], "cop": [0.9, 4.0]}}, "values must lie in 1…20; these reach from 0.9 to 4"),
        ({"cop": {"temperature_c": [0, 10], "cop": [3.0]}}, "lists 2 temperatures and 1 coefficients"),
        ({"cop": {"temperature_c": [], "cop": []}}, "lists 0 temperatures and 0 coefficients"),
        ({"cop": {"temperature_c": [10, 0], "cop": [3.0, 4.0]}}, "temperature_c must be ascending, without repeats"),
        ({"temperature_c": {"series": [0.0, 300.0]}}, "values must lie in -90…60 °C; these reach from 0 to 300"),
        ({"temperature_c": {"file": "weather.txt", "column": "t"}}, "must be a .csv or .parquet file"),
        ({"rule": "cheapest"}, "must be 'comfort' or 'surplus'"),
        ({"buses": "leaves"}, "must be 'pv' or 'all'"),
        ({"buses": "pv", "pv_correlation": 0.5}, "pv_correlation = 0.5 needs heat pumps that may be at homes without PV"),
        ({"profile": "residential_0"}, "has a profile and a house; leave out profile and size, or kw, resistance_k_per_kw, "),
        ({"size": 2.0}, "size belongs to a profile, and this is a house"),
        ({"cop": None, "kw": None}, "needs either a profile or a house, and a house lacks kw, cop"),
    ],
)
def test_what_keys_cannot_be(changes, told):
    (fault,) = faults(**{**HOUSE, **changes})
    assert fault.startswith("heat_pump")
    assert told in fault


def test_neither_a_profile_nor_a_house():
    (fault,) = faults(share=0.5)
    assert fault.endswith(
        "needs either a profile or a house, and a house needs kw, resistance_k_per_kw, capacity_kwh_per_k, temperature_c, cop"
    )


@pytest.mark.parametrize("more", [{"comfort_c": [19.0, 21.0]}, {"first_c": 20.0}, {"rule": "surplus"}])
def test_a_profile_has_no_comfort(more):
    (fault,) = faults(profile="residential_0", **more)
    assert fault.endswith(f"has a profile and a house; leave out profile and size, or {next(iter(more))}")


def test_all_faults_are_told_at_once():
    assert len(faults(**{**HOUSE, "kw": -1.0, "share": 2.0, "cop": 0.5, "buses": "none", "comfort_c": [3.0, 2.0]})) == 5
