"""The section `heat_pump` of a study file: which homes have one, and either its profile or the house that it heats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, field_validator, model_validator

from fastp2p import ranges
from fastp2p.study.devices import Part
from fastp2p.study.distributions import Number, within
from fastp2p.study.sections import Amount, Index, ProfileChoice, Section, Series
from fastp2p.study.tariffs import FromFile

HOUSE = ("kw", "resistance_k_per_kw", "capacity_kwh_per_k", "temperature_c", "cop")
"""Keys that a house model needs, all of them."""
COMFORT = (20.0, 22.0)


class CopTable(Section):
    """Coefficients of performance at outdoor temperatures: linear between them, constant outside."""

    temperature_c: tuple[Number, ...]
    cop: tuple[Number, ...]

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest coefficient."""
        return min(self.cop), max(self.cop)

    @model_validator(mode="after")
    def _is_a_curve(self) -> CopTable:
        if not self.cop or len(self.cop) != len(self.temperature_c):
            raise ValueError(
                f"lists {len(self.temperature_c)} temperatures and {len(self.cop)} coefficients; list as many of both, and one "
                "or more"
            )
        if list(self.temperature_c) != sorted(set(self.temperature_c)):
            raise ValueError("temperature_c must be ascending, without repeats")
        return self


class HeatPumpPart(Section):
    """Which participants have a heat pump, and what it draws: a profile times a size, or what keeps a house warm."""

    buses: Literal["pv", "all"] | tuple[Index, ...] = "all"
    """All participants; where PV is, at each share of it; or bus indices."""
    share: Part = 1.0
    """Probability that such a bus has a heat pump."""
    pv_correlation: Annotated[Number, AfterValidator(within(ranges.CORRELATION))] = 0.0
    """Of who has a heat pump with who has PV: 1 gives heat pumps to those first that have PV first, -1 to those last."""
    profile: str | ProfileChoice | None = None
    """A load profile, or one that is drawn; its energy is electric."""
    size: Amount = 1.0
    """Multiplies the profile."""
    kw: Amount | None = None
    """Largest electric power per bus; 0 is no heat pump."""
    resistance_k_per_kw: Amount | None = None
    """Indoor less outdoor temperature that a kW of heat keeps up."""
    capacity_kwh_per_k: Amount | None = None
    """Heat that warms the house by a K."""
    temperature_c: Number | Series | FromFile | None = None
    """Outdoor temperature, the same for all buses."""
    cop: Number | CopTable | None = None
    """Heat by electric energy: a number, or by the outdoor temperature."""
    comfort_c: tuple[Number, ...] = COMFORT
    """The band of the indoor temperature: its lower end is kept."""
    first_c: Annotated[Number, AfterValidator(within(ranges.TEMPERATURE))] | None = None
    """Indoors before the first step, by default the lower end; days that repeat end as they begin instead."""
    rule: Literal["comfort", "surplus"] = "comfort"
    """The lower end of the band is kept; or surplus of the home's own PV heats on, up to the upper end."""
    _size = field_validator("size")(within(ranges.HEAT_PUMP_SIZE))
    _kw = field_validator("kw")(within(ranges.HEAT_PUMP_KW))
    _resistance = field_validator("resistance_k_per_kw")(within(ranges.RESISTANCE))
    _capacity = field_validator("capacity_kwh_per_k")(within(ranges.CAPACITY))
    _outdoors = field_validator("temperature_c", "comfort_c")(within(ranges.TEMPERATURE))
    _performance = field_validator("cop")(within(ranges.COP))

    @field_validator("comfort_c")
    @classmethod
    def _is_a_band(cls, band: tuple[float, ...]) -> tuple[float, ...]:
        if len(band) != 2:
            raise ValueError("must be the lower and the upper end of a band, such as [20.0, 22.0]")
        if band[0] > band[1]:
            raise ValueError(f"the lower end {band[0]:g} is above the upper end {band[1]:g}; write the lower one first")
        return band

    @model_validator(mode="after")
    def _may_be_without_pv(self) -> HeatPumpPart:
        if self.pv_correlation and self.buses == "pv":
            raise ValueError(
                f"pv_correlation = {self.pv_correlation:g} needs heat pumps that may be at homes without PV; write "
                'buses = "all" or a list of buses, or leave pv_correlation out'
            )
        return self

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> HeatPumpPart:
        given = [key for key in HOUSE if getattr(self, key) is not None]
        missing = [key for key in HOUSE if key not in given]
        if self.profile is None and missing:
            of_house = f"lacks {', '.join(missing)}" if given else f"needs {', '.join(HOUSE)}"
            raise ValueError(f"needs either a profile or a house, and a house {of_house}")
        fields = type(self).model_fields
        given += [key for key in ("comfort_c", "first_c", "rule") if getattr(self, key) != fields[key].default]
        if self.profile is not None and given:
            raise ValueError(f"has a profile and a house; leave out profile and size, or {', '.join(given)}")
        if self.profile is None and self.size != fields["size"].default:
            raise ValueError("size belongs to a profile, and this is a house; leave size out, and give its power as kw")
        return self
