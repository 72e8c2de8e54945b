"""Scenarios of a study: how many, at which shares of PV and of devices, when they are enough, and what is kept of them."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from fastp2p import ranges
from fastp2p.study.distributions import Number, within
from fastp2p.study.sections import Flag, Section, Table

Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
SWEPT = {"battery": "batteries", "ev": "EVs", "heat_pump": "heat pumps"}
"""Sections of devices whose `share` may be swept, in the order in which tables have them, with words for the devices."""


def _rising(shares: tuple[float, ...]) -> tuple[float, ...]:
    if list(shares) != sorted(set(shares)):
        raise ValueError("shares must be ascending, without repeats")
    return shares


DeviceShares = Annotated[tuple[Share, ...], Field(min_length=1), AfterValidator(_rising)]


class StopPart(Section):
    """When a sweep has enough scenarios: looked at after `at_least` of them per share, then at twice as many each time."""

    indicator: str
    """A column of the summary, such as "executed_kwh"."""
    within: Annotated[Number, AfterValidator(within(ranges.WITHIN))]
    """Half-width of the 95 % confidence interval of its mean, as a part of that mean, that every share must reach."""
    at_least: Annotated[int, Field(strict=True, ge=100, le=ranges.COUNT)] = 1_000

    def checkpoints(self, count: int) -> list[int]:
        """Scenarios per share after which is looked, the last one `count`."""
        looks = []
        look = self.at_least
        while look < count:  # ends: it doubles
            looks.append(look)
            look *= 2
        return [*looks, count]


class SweepPart(Section):
    """Shares of devices that a study sweeps, each with each; they stand in place of the `share` of the device's section."""

    battery: DeviceShares | None = None
    ev: DeviceShares | None = None
    heat_pump: DeviceShares | None = None


class ScenariosPart(Section):
    """How many random scenarios, and which shares of PV and of devices they sweep."""

    count: Annotated[int, Field(strict=True, ge=1, le=ranges.COUNT)] = 1
    """Scenarios per share."""
    shares: Annotated[tuple[Share, ...], AfterValidator(_rising)] = ()
    """Shares of the buses that may have PV; none: all of them have it."""
    sweep: SweepPart | None = None
    """Shares of the homes that may have a device, each with each share of PV."""
    exact: Flag = False
    """Whether a share of PV is an exact number of buses, or each bus's probability."""
    stop: StopPart | None = None
    """When fewer scenarios than `count` will do; by default all of them are run."""
    keep: tuple[Table, ...] | None = None
    """Tables to keep besides `scenarios`; by default everything of one scenario, `hours` of up to 20,000, else `histograms`."""

    @field_validator("sweep")
    @classmethod
    def _something(cls, given: SweepPart | None) -> SweepPart | None:
        return given if given and any(vars(given).values()) else None

    @property
    def swept(self) -> dict[str, tuple[float, ...]]:
        """The devices whose shares are swept, with these."""
        return {device: shares for device in SWEPT if (shares := getattr(self.sweep, device, None))}

    @property
    def n_points(self) -> int:
        """How many combinations of a share of PV and a share of each swept device there are."""
        return max(1, len(self.shares)) * math.prod(len(shares) for shares in self.swept.values())
