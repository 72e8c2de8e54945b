"""Who has a heat pump, of what house or profile: drawn by itself, nested over shares, the same in any block of scenarios."""

import numpy as np
import pytest
from scipy import stats

import fastp2p
from fastp2p.pipeline.battery_draws import BATTERY_STREAMS
from fastp2p.pipeline.battery_draws import REGION as BATTERY_REGION
from fastp2p.pipeline.draws import STREAMS, draw_scenarios
from fastp2p.pipeline.heat_pump_draws import HEAT_PUMP_STREAMS, REGION, cop_at
from fastp2p.study.heat_pump import CopTable
from tests.oracles.heat_pump import performance_at
from tests.oracles.uniforms import uniforms_of
from tests.support.sweeps import SWEEP

PLAIN = SWEEP.with_(scenarios={"count": 2000})
SIZE = {"distribution": "uniform", "low": 4.0, "high": 12.0}
HOUSE = {"kw": SIZE, "resistance_k_per_kw": SIZE, "capacity_kwh_per_k": SIZE, "temperature_c": 5.0, "cop": 3.0}
SIZES = ("kw", "resistance_k_per_kw", "capacity_kwh_per_k")
DRAWN_ALIKE = ("load_profile", "pv_profile", "homes", "kwp", "bid_per_kwh", "ask_per_kwh", "retail_per_kwh")


@pytest.fixture(scope="module")
def profiles():
    return fastp2p.Profiles.load()


@pytest.fixture
def draw(cigre, profiles):
    def drawn(share=0.6, numbers=range(300), part=1.0, of=HOUSE, **heat_pump):
        """At a share of PV; `part` of the buses that may have a heat pump has one."""
        study = PLAIN.with_(heat_pump={**of, "share": part, **heat_pump}) if of is not None else PLAIN
        return draw_scenarios(study, cigre, profiles, share, numbers)

    return drawn


def faults(draw, **heat_pump):
    with pytest.raises(fastp2p.InputError) as caught:
        draw(**heat_pump)
    return list(caught.value.faults)


def test_nothing_else_is_drawn_otherwise(draw):
    plain, other = draw(of=None), draw(part=0.5)
    assert plain.heat_pump is None
    for name in DRAWN_ALIKE:
        assert getattr(plain, name).tobytes() == getattr(other, name).tobytes(), name


def test_houses_by_the_definition(draw, cigre):
    drawn, u = draw(), uniforms_of(PLAIN.seed, range(300), HEAT_PUMP_STREAMS, cigre.n_bus, REGION)
    for name in SIZES:
        expected = 4.0 + 8.0 * u[:, HEAT_PUMP_STREAMS.index(name)][:, drawn.participant]
        np.testing.assert_array_equal(getattr(drawn.heat_pump, name), expected)
    assert drawn.heat_pump.temperature_c.tolist() == [5.0] * 24
    assert drawn.heat_pump.cop.tolist() == [3.0] * 24


@pytest.mark.parametrize("per", ["bus", "scenario"])
def test_profiles_by_the_definition(draw, cigre, profiles, per):
    names = ("residential_0", "commercial_1")
    drawn = draw(of={"profile": {"choice": names, "per": per}, "size": SIZE}, part=0.5)
    u = uniforms_of(PLAIN.seed, range(300), HEAT_PUMP_STREAMS, cigre.n_bus, REGION)
    has, who = drawn.heat_pump.size > 0.0, drawn.participant
    of_profile = u[:, HEAT_PUMP_STREAMS.index("profile")]
    of_profile = of_profile[:, who] if per == "bus" else of_profile[:, :1]
    rows = np.where(of_profile < 0.5, profiles.row(names[0], "load"), profiles.row(names[1], "load"))
    np.testing.assert_array_equal(drawn.heat_pump.profile, np.where(has, rows, -1))
    np.testing.assert_array_equal(drawn.heat_pump.size[has], (4.0 + 8.0 * u[:, HEAT_PUMP_STREAMS.index("size")][:, who])[has])
    one = draw(of={"profile": names[1]}).heat_pump
    assert (one.profile == profiles.row(names[1], "load")).all()


def test_who_may_have_one(draw, cigre):
    everyone, sunny, some = draw(0.2), draw(0.2, buses="pv"), draw(0.2, buses=[43, 12])
    assert everyone.heat_pump.kw.all()
    np.testing.assert_array_equal(sunny.heat_pump.kw > 0.0, sunny.pv_profile >= 0)
    assert set(some.participant[some.heat_pump.kw.any(axis=0)]) == set(cigre.positions([12, 43]))


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_a_larger_share_only_adds_heat_pumps(draw, rho):
    before = np.zeros_like(draw().heat_pump.kw)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        kw = draw(part=share, pv_correlation=rho).heat_pump.kw
        assert (kw > 0.0).sum() == pytest.approx(300 * 13 * share, abs=200)
        np.testing.assert_array_equal(kw[before > 0.0], before[before > 0.0])
        before = kw


@pytest.mark.parametrize(("rho", "both"), [(0.0, 0.25), (1.0, 0.5), (-1.0, 0.0), (0.5, 0.25 + np.arcsin(0.5) / (2.0 * np.pi))])
def test_who_has_pv_may_be_who_has_a_heat_pump(draw, rho, both):
    """Half have PV, and half a heat pump; the part that has both follows from the two normals."""
    drawn = draw(0.5, range(1000), part=0.5, pv_correlation=rho)
    has_pv, has = drawn.pv_profile >= 0, drawn.heat_pump.kw > 0.0
    assert (has_pv & has).mean() == pytest.approx(both, abs=0.02)


@pytest.mark.parametrize("numbers", [range(17, 18), range(10, 31)])
def test_a_scenario_has_its_heat_pumps_in_any_block(draw, numbers):
    whole, some = draw().heat_pump, draw(numbers=numbers).heat_pump
    for name in SIZES:
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name)[numbers.start : numbers.stop])


def test_numbers_are_uniform_and_nobody_elses(cigre):
    n_bus = cigre.n_bus
    own = uniforms_of(3, range(500), HEAT_PUMP_STREAMS, n_bus, REGION)
    assert stats.kstest(own.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(own[:, 0].ravel(), own[:, 1].ravel())[0, 1]) < 0.03
    for streams, region in ((STREAMS, 0), (BATTERY_STREAMS, BATTERY_REGION)):
        assert not np.intersect1d(own, uniforms_of(3, range(500), streams, n_bus, region)).size
    assert REGION - BATTERY_REGION >= 10**12 * 10**12


def test_performance_is_linear_between_and_constant_outside():
    table = CopTable(temperature_c=(-10.0, 0.0, 10.0), cop=(2.2, 3.0, 4.0))
    outdoor = np.array([-30.0, -10.0, -5.0, 0.0, 2.5, 10.0, 25.0])
    found = cop_at(outdoor, table)
    np.testing.assert_allclose(found, [2.2, 2.2, 2.6, 3.0, 3.25, 4.0, 4.0], rtol=1e-12)
    np.testing.assert_allclose(found, [performance_at(one, table.temperature_c, table.cop) for one in outdoor], rtol=1e-12)
    assert cop_at(outdoor, 3.5).tolist() == [3.5] * 7


def test_what_is_refused(draw, tmp_path):
    assert faults(draw, kw=[5.0], resistance_k_per_kw=[1.0, 2.0]) == [
        "heat_pump.kw lists 1 values for 13 buses; list one for each participant",
        "heat_pump.resistance_k_per_kw lists 2 values for 13 buses; list one for each participant",
    ]
    (fault,) = faults(draw, buses=[12, 3])
    assert fault.startswith("heat_pump.buses: bus 3 is not a participant; make it one")
    (fault,) = faults(draw, of={"profile": "residental_0"})
    assert fault.startswith("heat_pump.profile: no load profile 'residental_0'; there are ")
    assert fault.endswith("; did you mean 'residential_0'?")
    (fault,) = faults(draw, temperature_c={"series": [1.0] * 7})
    assert fault == (
        "heat_pump.temperature_c lists 7 values; it must be one for each of the 24 steps, or for each of the 24 steps of a day"
    )
    path = tmp_path / "weather.csv"
    path.write_text("t\n" + "\n".join(["300"] + ["1"] * 22))
    (fault,) = faults(draw, temperature_c={"file": str(path), "column": "t"})
    assert fault.startswith(f"heat_pump.temperature_c: {path}, row 2: t = 300 must lie in -90…60 °C")
    (fault,) = faults(draw, temperature_c={"file": str(path), "column": "temp"})
    assert "no column 'temp'" in fault
    path.unlink()
    (fault,) = faults(draw, temperature_c={"file": str(path), "column": "t"})
    assert fault.startswith("heat_pump.temperature_c: ")
    assert "not found" in fault
