"""The section `ev` of a study file: what it may say, and that studies without it are written as ever."""

import pytest

import fastp2p
from fastp2p import ranges
from fastp2p.study.ev import EvPart
from fastp2p.sweep.prepare import prepare
from tests.support.studies import study_text
from tests.support.sweeps import SWEEP

DRIVEN = SWEEP.with_(ev={"kw": 3.7, "kwh": [3.0, 4.0], "buses": [12, 16], "rule": "surplus"})


def faults(**ev):
    with pytest.raises(fastp2p.InputError) as caught:
        SWEEP.with_(ev=ev)
    return list(caught.value.faults)


def test_a_study_with_vehicles_is_written_and_read_again(tmp_path):
    (tmp_path / "driven.toml").write_text(DRIVEN.to_toml())
    again = fastp2p.Study.from_toml(tmp_path / "driven.toml")
    assert again == DRIVEN
    assert again.to_toml() == DRIVEN.to_toml()
    assert (again.ev.kwh, again.ev.buses) == ((3.0, 4.0), (12, 16))
    assert DRIVEN.validated() == DRIVEN


def test_defaults():
    part = SWEEP.with_(ev={}).ev
    assert part == EvPart()
    assert (part.buses, part.share, part.pv_correlation, part.kw, part.arrival, part.departure, part.kwh, part.rule) == (
        "all", 1.0, 0.0, 11.0, 18.0, 7.0, 8.0, "immediate",
    )  # fmt: skip


def test_studies_without_vehicles_are_written_as_ever():
    for study in (one for one in fastp2p.studies().values() if one.ev is None):
        assert "\n[ev]" not in study.to_toml()
    assert DRIVEN.with_(ev=None).to_toml() == SWEEP.to_toml()


def test_a_file_with_this_section(tmp_path):
    text = study_text(clearing='[ev]\nkwh = { distribution = "choice", values = [0.0, 5.0] }\nshare = 0.3\narrival = 17')
    (tmp_path / "mine.toml").write_text(text)
    part = fastp2p.Study.from_toml(tmp_path / "mine.toml").ev
    assert (part.kwh.values, part.share, part.arrival) == ((0.0, 5.0), 0.3, 17.0)


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("kwh", ranges.EV_KWH), ("kw", ranges.EV_KW), ("share", ranges.PART), ("pv_correlation", ranges.CORRELATION),
        ("arrival", ranges.HOUR_OF_DAY), ("departure", ranges.HOUR_OF_DAY),
    ],
)  # fmt: skip
def test_numbers_have_ranges(key, allowed):
    for value in (allowed.least, allowed.most):
        SWEEP.with_(ev={key: value})
    for value in (allowed.least - 1e-6, allowed.most * (1 + 1e-9), 1e300, -2.0):
        assert faults(**{key: value}) == [f"ev.{key} = {value!r}: must lie in {allowed}"]
    assert faults(**{key: float("nan")}) == [f"ev.{key} = nan: must be a finite number"]


@pytest.mark.parametrize(
    ("ev", "told"),
    [
        ({"kwh": [1.0, -1.0]}, "ev.kwh = [1.0, -1.0]: values must lie in 0…1,000,000 kWh a day at a bus; value 2 is -1"),
        ({"arrival": {"distribution": "uniform", "low": 20.0, "high": 26.0}}, "ev.arrival = "),
        ({"arrival": "18:00"}, "ev.arrival = '18:00': must be a number, a list or a table"),
        ({"kWh": 5.0}, "unknown key ev.kWh; did you mean kwh?"),
        ({"buses": "pv", "pv_correlation": 0.5}, "ev = {'buses': 'pv', 'pv_correlation': 0.5}: pv_correlation = 0.5 needs"),
        ({"buses": "leaves"}, "ev.buses = 'leaves': must be 'pv' or 'all'"),
        ({"rule": "smart"}, "ev.rule = 'smart': must be 'immediate', 'surplus' or 'cheapest'"),
        (
            {"arrival": 7.0},
            "ev = {'arrival': 7.0}: arrival and departure are both 7, so the vehicle is either never plugged in",
        ),
    ],
)
def test_what_keys_cannot_be(ev, told):
    (fault,) = faults(**ev)
    assert fault.startswith(told), fault


def test_all_faults_are_told_at_once():
    assert len(faults(kwh=-1.0, share=2.0, departure=30.0, buses="none", kw="11 kW")) == 5


def test_the_cheapest_steps_need_a_tariff_by_the_clock():
    cheapest = SWEEP.with_(ev={"rule": "cheapest"})
    told = r"^ev\.rule = 'cheapest': follows no price: market\.retail_per_kwh is 0\.2 in"
    for tariff in (0.2, {"series": [0.2] * 24}, {"hours": "0-24", "value": 0.2, "else": 0.4}):
        with pytest.raises(fastp2p.InputError, match=told):
            prepare(cheapest.with_(market={"retail_per_kwh": tariff}))
    prepare(cheapest.with_(market={"retail_per_kwh": {"hours": "7-22", "value": 0.4, "else": 0.2}}))
