"""The section `battery` of a study file: what it may say, and that studies without it are written as ever."""

import pytest

import fastp2p
from fastp2p import ranges
from fastp2p.study.devices import BatteryPart
from tests.support.studies import study_text
from tests.support.sweeps import SWEEP

STORED = SWEEP.with_(battery={"kwh": 8.0, "kw": [3.0, 4.0], "buses": [12, 16], "lowest": 0.1})


def faults(**battery):
    with pytest.raises(fastp2p.InputError) as caught:
        SWEEP.with_(battery={"kwh": 5.0, **battery})
    return list(caught.value.faults)


def test_a_study_with_batteries_is_written_and_read_again(tmp_path):
    (tmp_path / "stored.toml").write_text(STORED.to_toml())
    again = fastp2p.Study.from_toml(tmp_path / "stored.toml")
    assert again == STORED
    assert again.to_toml() == STORED.to_toml()
    assert again.battery.kw == (3.0, 4.0)
    assert again.battery.buses == (12, 16)
    assert STORED.validated() == STORED


def test_defaults():
    part = SWEEP.with_(battery={"kwh": 5}).battery
    assert part == BatteryPart(kwh=5.0)
    assert (part.buses, part.share, part.kw, part.efficiency, part.lowest, part.first, part.rule) == (
        "pv", 1.0, None, 0.9, 0.0, 0.5, "self_use",
    )  # fmt: skip


def test_studies_without_batteries_are_written_as_ever():
    for study in (one for one in fastp2p.studies().values() if one.battery is None):
        assert "battery" not in study.to_toml().replace(study.description, "")
    assert SWEEP.with_(battery={"kwh": 5.0}).with_(battery=None).to_toml() == SWEEP.to_toml()


def test_keys_are_changed_one_by_one():
    assert STORED.with_(battery={"share": 0.5}).battery == STORED.battery.model_copy(update={"share": 0.5})
    assert STORED.with_(battery={"kw": None}).battery.kw is None


def test_a_file_with_this_section(tmp_path):
    text = study_text(clearing='[battery]\nkwh = { distribution = "choice", values = [0.0, 5.0] }\nshare = 0.3\nbuses = "all"')
    (tmp_path / "mine.toml").write_text(text)
    part = fastp2p.Study.from_toml(tmp_path / "mine.toml").battery
    assert (part.kwh.values, part.share, part.buses) == ((0.0, 5.0), 0.3, "all")


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("kwh", ranges.BATTERY_KWH), ("kw", ranges.BATTERY_KW), ("efficiency", ranges.EFFICIENCY), ("share", ranges.PART),
        ("first", ranges.PART), ("lowest", ranges.PART), ("pv_correlation", ranges.CORRELATION),
    ],
)  # fmt: skip
def test_numbers_have_ranges(key, allowed):
    for value in (allowed.least, allowed.most):
        SWEEP.with_(battery={"kwh": 5.0, "buses": "all", "first": 1.0 if key == "lowest" else 0.5, key: value})
    for value in (allowed.least - 1e-6, allowed.most * (1 + 1e-9), 1e300, allowed.least - 1.0):
        assert faults(**{key: value}) == [f"battery.{key} = {value!r}: must lie in {allowed}"]
    assert faults(**{key: float("nan")}) == [f"battery.{key} = nan: must be a finite number"]


@pytest.mark.parametrize(
    ("battery", "told"),
    [
        ({"kwh": None}, "battery.kwh = None: must be a number, a list or a table"),
        ({"kwh": [1.0, -1.0]}, "battery.kwh = [1.0, -1.0]: values must lie in 0…1,000,000 kWh at a bus; value 2 is -1"),
        ({"kw": {"distribution": "uniform", "low": 0.0, "high": 1e9}}, "battery.kw = "),
        ({"capacity": 5.0}, "unknown key battery.capacity"),
        ({"kWh": 5.0}, "unknown key battery.kWh; did you mean kwh?"),
        ({"buses": "leaves"}, "battery.buses = 'leaves': must be 'pv' or 'all'"),
        ({"rule": "arbitrage"}, "battery.rule = 'arbitrage': must be 'self_use', 'tariff' or 'market'"),
        ({"first": 0.1, "lowest": 0.2}, "battery = "),
    ],
)
def test_what_keys_cannot_be(battery, told):
    (fault,) = faults(**battery)
    assert fault.startswith(told), fault


def test_the_capacity_must_be_said():
    with pytest.raises(fastp2p.InputError, match=r"^battery\.kwh is missing$"):
        SWEEP.with_(battery={"share": 0.5})


def test_a_battery_does_not_begin_below_its_lowest():
    (fault,) = faults(first=0.1, lowest=0.2)
    assert fault.endswith("first = 0.1 is below lowest = 0.2; begin with 0.2 or more")
    SWEEP.with_(battery={"kwh": 5.0, "first": 0.2, "lowest": 0.2})


def test_a_correlation_with_pv_needs_homes_without_it():
    (fault,) = faults(pv_correlation=0.5)
    assert fault.endswith(
        'pv_correlation = 0.5 needs batteries that may be at homes without PV; write buses = "all" or a list of buses, or '
        "leave pv_correlation out"
    )
    SWEEP.with_(battery={"kwh": 5.0, "pv_correlation": 0.0})
    SWEEP.with_(battery={"kwh": 5.0, "pv_correlation": 0.5, "buses": [12]})


def test_all_faults_are_told_at_once():
    assert len(faults(kwh=-1.0, share=2.0, efficiency=0.0, buses="none")) == 4
