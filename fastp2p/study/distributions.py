"""Named distributions of a study file, as quantile functions: one uniform number in, one value out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import ndtr, ndtri

from fastp2p.ranges import Range

Floats = NDArray[np.float64]
Finite = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
NotNegative = Annotated[float, Field(strict=True, ge=0, le=1e12)]
Positive = Annotated[float, Field(strict=True, gt=0, ge=1e-9, le=1e12)]
"""Parameters of distributions; the bounds keep products of them finite; draws have ranges of their own."""
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number that some `Range` bounds."""


LAST = 1.0 - 2.0**-53
"""The largest uniform number that is drawn, on a grid of 2**-53 from 0 on."""
FIRST = 2.0**-54
"""What 0 counts as, where a quantile function has no end there."""


def within(allowed: Range) -> Callable[[Any], Any]:
    """A check that refuses numbers, lists, series and distributions that leave a range.

    A distribution is judged by the extremes of what can be drawn of it. The check raises `ValueError`.
    """

    def check(value: Any) -> Any:
        if isinstance(value, int | float) and not allowed.has(value):
            raise ValueError(f"must lie in {allowed}")
        if isinstance(value, tuple):
            wrong = [i for i, one in enumerate(value) if not allowed.has(one)]
            if wrong:
                more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
                raise ValueError(f"values must lie in {allowed}; value {wrong[0] + 1} is {value[wrong[0]]:g}{more}")
        if hasattr(value, "extremes"):
            low, high = value.extremes
            if not (allowed.has(low) and allowed.has(high)):
                hint = value.hint(allowed.most) if hasattr(value, "hint") and allowed.has(low) else ""
                raise ValueError(f"values must lie in {allowed}; these reach from {low:g} to {high:g}{hint}")
        return value

    return check


class _Distribution(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def quantile(self, u: Floats) -> Floats:
        """Values at the probabilities `u`, none of them falling as u rises."""
        raise NotImplementedError

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value that can be drawn."""
        with np.errstate(over="ignore"):
            low, high = self.quantile(np.array([0.0, LAST]))
        return float(low), float(high)


class Uniform(_Distribution):
    """Between `low` and `high`."""

    distribution: Literal["uniform"]
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low > self.high:
            raise ValueError(f"low = {self.low:g} is above high = {self.high:g}")
        return self

    def quantile(self, u: Floats) -> Floats:
        """Values at the probabilities `u`."""
        return self.low + u * (self.high - self.low)


class Normal(_Distribution):
    """Normal, cut off below `low` and above `high` (truncated, not clipped)."""

    distribution: Literal["normal"]
    mean: Finite
    sd: Positive
    low: Finite = 0.0
    high: Finite = 1e12

    @model_validator(mode="after")
    def _has_mass(self) -> Normal:
        if self.low >= self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}")
        if not ndtr((self.high - self.mean) / self.sd) - ndtr((self.low - self.mean) / self.sd) > 1e-9:
            raise ValueError(
                f"nothing of a normal around {self.mean:g} (sd {self.sd:g}) lies between {self.low:g} and {self.high:g}"
            )
        return self

    def quantile(self, u: Floats) -> Floats:
        """Values at the probabilities `u`."""
        first, last = ndtr((self.low - self.mean) / self.sd), ndtr((self.high - self.mean) / self.sd)
        p = np.minimum(first + np.maximum(u, FIRST) * (last - first), LAST)  # rounding may make 1 of it, infinitely far up
        values: Floats = np.clip(self.mean + self.sd * ndtri(p), self.low, self.high)
        return values


class Triangular(_Distribution):
    """Rising from `low` to `mode`, falling to `high`."""

    distribution: Literal["triangular"]
    low: Finite
    mode: Finite
    high: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Triangular:
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"must have low <= mode <= high, not {self.low:g}, {self.mode:g}, {self.high:g}")
        return self

    def quantile(self, u: Floats) -> Floats:
        """Values at the probabilities `u`."""
        width, left = self.high - self.low, self.mode - self.low
        rising = self.low + np.sqrt(u * width * left)
        falling = self.high - np.sqrt((1.0 - u) * width * (width - left))
        return np.where(u * width < left, rising, falling)


class LogNormal(_Distribution):
    """exp(normal) with this median and this standard deviation of the logarithm."""

    distribution: Literal["lognormal"]
    median: Positive
    sigma: Positive

    def quantile(self, u: Floats) -> Floats:
        """Values at the probabilities `u`."""
        values: Floats = self.median * np.exp(self.sigma * ndtri(np.clip(u, FIRST, LAST)))
        return values

    def hint(self, most: float) -> str:
        """What keeps the values at or below `most`."""
        sigma = np.log(most / self.median) / ndtri(LAST) if self.median < most else 0.0
        return f"; a sigma of {np.floor(sigma * 100.0) / 100.0:g} or less keeps them there" if sigma >= 0.01 else ""


class Choice(_Distribution):
    """One of `values`, all equally likely or by `weights`."""

    distribution: Literal["choice"]
    values: Annotated[tuple[Finite, ...], Field(min_length=1)]
    weights: tuple[NotNegative, ...] | None = None

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest of the values."""
        return min(self.values), max(self.values)

    @model_validator(mode="after")
    def _weighted(self) -> Choice:
        check_weights(self.values, self.weights)
        return self

    def quantile(self, u: Floats) -> Floats:
        """Values at the probabilities `u`."""
        return np.array(self.values)[pick(u, len(self.values), self.weights)]


Distribution = Annotated[Uniform | Normal | Triangular | LogNormal | Choice, Field(discriminator="distribution")]


def check_weights(values: tuple[object, ...], weights: tuple[float, ...] | None) -> None:
    """Refuse weights that do not fit the values.

    Raises
    ------
    ValueError
        Another number of weights than values, or weights that are all zero.
    """
    if weights is not None and len(weights) != len(values):
        raise ValueError(f"{len(weights)} weights for {len(values)} values")
    if weights is not None and sum(weights) <= 0:
        raise ValueError("the weights are all zero")


def pick(u: Floats, n: int, weights: tuple[float, ...] | None) -> NDArray[np.int64]:
    """Index 0…n-1 at the probabilities `u`."""
    return np.minimum(np.searchsorted(edges_of(n, weights), u, side="right"), n - 1)


def edges_of(n: int, weights: tuple[float, ...] | None) -> Floats:
    """(n,) where each of n values ends, as a share of all."""
    edges = np.cumsum(np.ones(n) if weights is None else np.array(weights))
    shares: Floats = edges / edges[-1]
    return shares
