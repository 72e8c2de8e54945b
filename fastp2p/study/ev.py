"""The section of a study file for electric vehicles, which are charged at home before the market."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, field_validator, model_validator

from fastp2p import ranges
from fastp2p.study.distributions import Number, within
from fastp2p.study.sections import Amount, Index, Section


class EvPart(Section):
    """Which participants have an electric vehicle, one each, and how it is charged."""

    buses: Literal["pv", "all"] | tuple[Index, ...] = "all"
    """All participants; where PV is, at each share of it; or bus indices."""
    share: Annotated[Number, AfterValidator(within(ranges.PART))] = 1.0
    """Probability that such a bus has a vehicle."""
    pv_correlation: Annotated[Number, AfterValidator(within(ranges.CORRELATION))] = 0.0
    """Correlation of who has a vehicle with who has PV, of the normal numbers behind both draws."""
    kw: Amount = 11.0
    """Power of the charger; a list has one for each participant."""
    arrival: Amount = 18.0
    """Hour of the day at which the vehicle is plugged in."""
    departure: Amount = 7.0
    """Hour of the day at which it leaves: on the next day, unless it is later than the arrival."""
    kwh: Amount = 8.0
    """What it needs at the charger, every day: some 40 km."""
    rule: Literal["immediate", "surplus", "cheapest"] = "immediate"
    """From the arrival on; own surplus first, the rest in time; or in the steps of lowest retail tariff."""
    _power = field_validator("kw")(within(ranges.EV_KW))
    _need = field_validator("kwh")(within(ranges.EV_KWH))
    _times = field_validator("arrival", "departure")(within(ranges.HOUR_OF_DAY))

    @model_validator(mode="after")
    def _may_be_without_pv(self) -> EvPart:
        if self.pv_correlation and self.buses == "pv":
            raise ValueError(
                f"pv_correlation = {self.pv_correlation:g} needs vehicles that may be at homes without PV; write "
                'buses = "all" or a list of buses, or leave pv_correlation out'
            )
        return self

    @model_validator(mode="after")
    def _is_plugged(self) -> EvPart:
        if isinstance(self.arrival, float) and self.arrival == self.departure:
            raise ValueError(
                f"arrival and departure are both {self.arrival:g}, so the vehicle is either never plugged in or always; "
                "arrival = 0 and departure = 24 are a whole day"
            )
        return self
