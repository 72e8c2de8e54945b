"""Sections of a study file for devices that act before the market, each in its own home."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, field_validator, model_validator

from fastp2p import ranges
from fastp2p.study.distributions import Number, within
from fastp2p.study.sections import Amount, Index, Section, Tariff

Part = Annotated[Number, AfterValidator(within(ranges.PART))]


class BatteryPart(Section):
    """Which participants have a battery, and how it is run."""

    buses: Literal["pv", "all"] | tuple[Index, ...] = "pv"
    """Where PV is, at each share of it; all participants; or bus indices."""
    share: Part = 1.0
    """Probability that such a bus has a battery."""
    pv_correlation: Annotated[Number, AfterValidator(within(ranges.CORRELATION))] = 0.0
    """How far homes with PV are those with a battery, -1…1, where batteries may be at homes without PV."""
    kwh: Amount
    """Usable capacity per bus; a list has one for each of `buses` where these are listed, else for each participant."""
    kw: Amount | None = None
    """Largest power of charging, and of discharging, on the side of the home; half of the capacity per hour by default."""
    _capacity = field_validator("kwh")(within(ranges.BATTERY_KWH))
    _power = field_validator("kw")(within(ranges.BATTERY_KW))
    efficiency: Amount = 0.9
    """Part of what is charged that can be discharged again: of a round trip, its square root each way."""
    lowest: Amount = 0.0
    """Part of the capacity below which a battery is never discharged."""
    first: Amount = 0.5
    """Part of the capacity that is stored before the first step; days that repeat end as they begin instead."""
    _efficiency = field_validator("efficiency")(within(ranges.EFFICIENCY))
    _parts = field_validator("lowest", "first")(within(ranges.PART))
    rule: Literal["self_use", "tariff", "market"] = "self_use"
    """Surplus is charged, and discharged when load exceeds PV, as early as it can be; by the tariff, all that can be is charged
    in the day's cheapest steps, and discharged in its dearest ones; in the market, what power and energy self use leaves is
    offered, at prices of the battery's own."""
    value_per_kwh: Tariff | None = None
    """What a stored kWh is worth to its owner, with `rule = "market"`: bids and asks of batteries follow from it."""
    _value = field_validator("value_per_kwh")(within(ranges.PRICE))

    @model_validator(mode="after")
    def _has_a_value_to_trade(self) -> BatteryPart:
        if self.rule == "market" and self.value_per_kwh is None:
            raise ValueError('rule = "market" needs value_per_kwh, what a stored kWh is worth, such as value_per_kwh = 0.12')
        if self.rule != "market" and self.value_per_kwh is not None:
            raise ValueError(f'value_per_kwh has no effect with rule = "{self.rule}"; choose rule = "market", or leave it out')
        return self

    @model_validator(mode="after")
    def _may_be_without_pv(self) -> BatteryPart:
        if self.pv_correlation and self.buses == "pv":
            raise ValueError(
                f"pv_correlation = {self.pv_correlation:g} needs batteries that may be at homes without PV; write "
                'buses = "all" or a list of buses, or leave pv_correlation out'
            )
        return self

    @model_validator(mode="after")
    def _begins_in_range(self) -> BatteryPart:
        _check_first(self)
        return self


class CommunityBatteryPart(Section):
    """A battery at a bus of its own, for what all participants together have left over and need."""

    bus: Index
    """Where it is connected; any bus but an external grid's."""
    kwh: Annotated[Number, AfterValidator(within(ranges.BATTERY_KWH))]
    """Usable capacity."""
    kw: Annotated[Number, AfterValidator(within(ranges.BATTERY_KW))] | None = None
    """Largest power of charging, and of discharging, on the side of the network; half of the capacity per hour by default."""
    efficiency: Annotated[Number, AfterValidator(within(ranges.EFFICIENCY))] = 0.9
    """Part of what is charged that can be discharged again: of a round trip, its square root each way."""
    lowest: Part = 0.0
    """Part of the capacity below which it is never discharged."""
    first: Part = 0.5
    """Part of the capacity that is stored before the first step; days that repeat end as they begin instead."""

    @model_validator(mode="after")
    def _begins_in_range(self) -> CommunityBatteryPart:
        _check_first(self)
        return self


def _check_first(part: BatteryPart | CommunityBatteryPart) -> None:
    """That a battery does not begin with less than it may hold.

    Raises
    ------
    ValueError
    """
    first, lowest = part.first, part.lowest
    if isinstance(first, tuple) and isinstance(lowest, tuple) and len(first) == len(lowest):
        below = [(one, least) for one, least in zip(first, lowest, strict=True) if one < least]
    else:
        least_first, most_lowest = _extremes(first)[0], _extremes(lowest)[1]
        below = [(least_first, most_lowest)] * (least_first < most_lowest)
    for one, least in below[:1]:
        if isinstance(first, float) and isinstance(lowest, float):
            raise ValueError(f"first = {one:g} is below lowest = {least:g}; begin with {least:g} or more")
        raise ValueError(f"first may be {one:g}, below lowest, which may be {least:g} there; begin with {least:g} or more")


def _extremes(amount: Amount) -> tuple[float, float]:
    """The smallest and the largest value of a number, a list or a distribution."""
    if isinstance(amount, float):
        return amount, amount
    return (min(amount, default=0.0), max(amount, default=0.0)) if isinstance(amount, tuple) else amount.extremes
