"""The hosting capacity in words: between which shares it lies, of those that were tried and by the confidence of the draws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from fastp2p.results.statistics import CONFIDENCE, Event, count_fitting, find_hosting_capacity

THRESHOLD = 0.05


class HostingWords(NamedTuple):
    """What is known of a hosting capacity.

    Attributes
    ----------
    tried : str
        Between which shares an event becomes more probable than the threshold: "30 to 50%", "at least 100%", "below 10%".
    confident : str
        The same of all that the intervals of the probabilities leave open; empty where they leave open everything.
    """

    tried: str
    confident: str

    @property
    def text(self) -> str:
        """Both, and what they are."""
        between = ": between the shares tried" if " to " in self.tried else ""
        if not self.confident:
            return f"{self.tried}{between}; too few scenarios for {CONFIDENCE:.0%} confidence"
        if self.confident == self.tried:
            return f"{self.tried}{between}, with {CONFIDENCE:.0%} confidence"
        return f"{self.tried}{between}; {self.confident} with {CONFIDENCE:.0%} confidence"

    @property
    def short(self) -> str:
        """Both, for where there is little room."""
        same = "the same" if self.confident == self.tried else self.confident
        return f"{self.tried} ({CONFIDENCE:.0%}: {same or 'unknown'})"


def hosting_words(probabilities: pd.DataFrame, event: Event = "cut", threshold: float = THRESHOLD) -> HostingWords:
    """Where the hosting capacity lies.

    Parameters
    ----------
    probabilities : DataFrame
        Of `find_probabilities`; where shares of several devices were run, the rows of one.
    event, threshold
        As for `find_hosting_capacity`.

    Raises
    ------
    InputError
        See `find_hosting_capacity`.
    """
    find_hosting_capacity(probabilities, threshold, event)  # refuses what is no such table
    shares = np.sort(probabilities["share"].to_numpy(float)).tolist()
    estimated, surely, perhaps = count_fitting(probabilities, event, threshold)
    return HostingWords(_between(shares, estimated, estimated), _between(shares, surely, perhaps))


def hosting_span(probabilities: pd.DataFrame, event: Event, threshold: float = THRESHOLD) -> tuple[float, float]:
    """The shares between which the hosting capacity lies, of those that were tried; 0 and 1 where none of them bounds it."""
    shares = [0.0, *np.sort(probabilities["share"].to_numpy(float)), 1.0]
    estimated, _, _ = count_fitting(probabilities, event, threshold)
    return float(shares[estimated]), float(shares[estimated + 1])


def _between(shares: list[float], n_below: int, n_above: int) -> str:
    """Between the last of the first `n_below` shares and the one after the first `n_above`."""
    low = shares[n_below - 1] if n_below else None
    high = shares[n_above] if n_above < len(shares) else None
    if low is None and high is None:
        return ""
    if low is None:
        return f"below {_percent(high)}%" if high else "none, not even without PV"
    return f"at least {_percent(low)}%" if high is None else f"{_percent(low)} to {_percent(high)}%"


def _percent(share: float | None) -> str:
    return f"{100.0 * (share or 0.0):.4g}"
