"""What the network carries beside the market, book by book: background, and the battery of the community.

The market has a column per participant, the network one per bus that anything is connected to: `Scenarios.connected`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.answer import Clearing
from fastp2p.kernels.devices.background import add_background
from fastp2p.market.trades import Leftovers, Trades
from fastp2p.pipeline.devices import DeviceRun
from fastp2p.pipeline.draws import Scenarios
from fastp2p.profiles.profiles import Profiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Beside:
    """What is in the network and not in the market.

    Attributes
    ----------
    background_kwh : (n_books, n_connected) float64, kWh
        Load less PV of the background.
    kw, kvar : (n_books, n_connected) float64
        Injection of background and of the community's battery; feeding the grid is positive.
    """

    __repr__ = short_repr
    background_kwh: Floats
    kw: Floats
    kvar: Floats

    def of(self, books: Ints) -> Beside:
        """That of some books."""
        return Beside(self.background_kwh[books], self.kw[books], self.kvar[books])


def find_beside(
    scenarios: Scenarios, profiles: Profiles, steps: range, connected: Ints, devices: DeviceRun | None
) -> Beside | None:
    """What is beside the market in some steps of scenarios; None where there is nothing.

    Parameters
    ----------
    scenarios : Scenarios
    profiles : Profiles
    steps : range
    connected : (n_connected,) int64
        Bus positions, ascending.
    devices : DeviceRun or None
        Of the same books.
    """
    drawn, community = scenarios.background, scenarios.community_bus
    if drawn is None and community is None:
        return None
    drawn_kwh, drawn_kvarh = np.zeros((2, len(scenarios.number), len(steps), len(connected)))
    if drawn is not None:
        per_unit = np.ascontiguousarray(profiles.kwh_per_unit[:, steps.start : steps.stop])
        place = np.searchsorted(connected, drawn.bus)
        add_background(per_unit, drawn.profile, drawn.size, drawn.kvar_per_kw, place, drawn_kwh, drawn_kvarh)
    kwh, kvarh = drawn_kwh.reshape(-1, len(connected)), drawn_kvarh.reshape(-1, len(connected))
    kw, kvar = kwh / -profiles.step_hours, kvarh / -profiles.step_hours
    if community is not None and devices is not None:
        given = devices.shared["community_discharged_kwh"] - devices.shared["community_charged_kwh"]
        kw[:, np.searchsorted(connected, community)] += given / profiles.step_hours
    return Beside(kwh, kw, kvar)


def at_buses(scenarios: Scenarios, connected: Ints, trades: Trades, left: Leftovers) -> tuple[Trades, Leftovers]:
    """Trades and what they leave over, by the columns of the network."""
    who = scenarios.participant
    if len(connected) == len(who):
        return trades, left
    place = np.searchsorted(connected, who)
    wide = np.zeros((3, len(left.self_kwh), len(connected)))
    wide[:, :, place] = left.self_kwh, left.deficit_kwh, left.surplus_kwh
    return replace(trades, seller=place[trades.seller], buyer=place[trades.buyer]), Leftovers(*wide)


def of_participants(scenarios: Scenarios, connected: Ints, clearing: Clearing) -> Clearing:
    """A clearing whose exports are by the columns of the market."""
    who = scenarios.participant
    if len(connected) == len(who):
        return clearing
    exported_kw = np.ascontiguousarray(clearing.exported_kw[:, np.searchsorted(connected, who)])
    return replace(clearing, exported_kw=exported_kw)
