"""Scenarios on the device: drawn there, with the CPU's random numbers to the bit, or drawn by the CPU and brought there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.cuda.device import launch, put, room
from fastp2p.cuda.kernels import Seed, make_amount_draw, make_pv_draw
from fastp2p.grid.network import Network
from fastp2p.kernels.cuda.draws import ALL, BELOW_SHARE, CHOICE, EXACT, GIVEN, UNIFORM, Amounts
from fastp2p.kernels.cuda.sums import Drawn
from fastp2p.pipeline.draws import STREAMS, Scenarios, count_with_pv, draw_scenarios
from fastp2p.pipeline.members import find_members
from fastp2p.pipeline.phase_draws import has_phase
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.distributions import Choice, LogNormal, Normal, Triangular, Uniform, edges_of
from fastp2p.study.model import Study
from fastp2p.study.sections import ProfileChoice, profile_names

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BY_CPU = (Normal, LogNormal, Triangular)
"""Distributions whose quantiles a GPU has with other last digits."""
AT_A_TIME = 10_000
"""Scenarios that the CPU draws at a time."""


def draw_on_device(study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range) -> Drawn:
    """Draw scenarios, (n_participants, n_scenarios) each; rows of profiles are numbers, -1 for none."""
    if draws_by_cpu(study):
        return _draw_by_cpu(study, network, profiles, share, numbers)
    n_scenarios, first = len(numbers), range(numbers.start, numbers.start + 1)
    given, who = draw_scenarios(study, network, profiles, None, first), find_members(study, network, [])
    bus, n = given.participant, len(given.participant)
    may_pv, may_load = np.isin(bus, who.pv_bus), np.isin(bus, who.load_bus)
    everybody, at = np.ones(n, bool), put(bus)
    mode = ALL if share is None else EXACT if study.scenarios.exact else BELOW_SHARE
    n_with_pv = count_with_pv(len(who.pv_bus), share or 0.0)
    seed = _seed_of(study, network, numbers, mode, 1.0 if share is None else share, n_with_pv)
    shape = (n, n_scenarios)
    has_pv, everyone = room(shape, np.bool_), room(shape, np.bool_)
    all_of_them = seed._replace(pv_mode=ALL)
    launch(make_pv_draw(n), n_scenarios, seed, (at,), (put(may_pv),), (has_pv,))
    launch(make_pv_draw(n), n_scenarios, all_of_them, (at,), (put(everybody),), (everyone,))
    has_load = room(shape, np.bool_)
    launch(make_pv_draw(n), n_scenarios, all_of_them, (at,), (put(may_load),), (has_load,))
    market = study.market
    of_load, of_pv = (
        rows_of(name, kind, rows[0], profiles)
        for name, kind, rows in (
            (study.load.profile, "load", given.load_profile),
            (study.pv.profile, "pv", given.pv_profile),
        )
    )
    amounts = (
        ("load_profile", of_load, has_load, -1.0, buses_of(study.load.profile, bus)),
        ("pv_profile", of_pv, has_pv, -1.0, buses_of(study.pv.profile, bus)),
        ("homes", amounts_of(study.load.homes, given.homes[0], may_load), everyone, 0.0, bus),
        ("kwp", amounts_of(study.pv.kwp, given.kwp[0], may_pv), has_pv, 0.0, bus),
        ("bid", amounts_of(market.bid_per_kwh, _prices(given.bid_per_kwh, given), everybody), everyone, 0.0, bus),
        ("ask", amounts_of(market.ask_per_kwh, _prices(given.ask_per_kwh, given), everybody), everyone, 0.0, bus),
    )
    drawn = Drawn(*(room(shape) for _ in amounts))
    for (stream, of, has, absent, buses), into in zip(amounts, drawn, strict=True):
        launch(make_amount_draw(n), n_scenarios, seed, STREAMS.index(stream), (put(buses),), of, (has,), absent, (into,))
    return drawn


def draw_phases_on_device(study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range) -> Any:
    """On which phase each participant draws, (n_participants, n_scenarios) float64: a place in `fastp2p.io.stated.PHASES`."""
    given = draw_scenarios(study, network, profiles, share, numbers[:1])
    bus, assigned = given.participant, given.load_phase
    assert assigned is not None
    assert study.connection is not None
    is_random = study.connection.phases == "random"
    if is_random and not has_phase(network, bus).all():  # of the phases that each bus has
        codes = [
            draw_scenarios(study, network, profiles, share, numbers[first : first + AT_A_TIME]).load_phase
            for first in range(0, len(numbers), AT_A_TIME)
        ]
        return put(np.concatenate([one for one in codes if one is not None]).T.astype(np.float64))
    n, everybody = len(bus), put(np.ones(len(bus), bool))
    edge, kind = edges_of(3, None), CHOICE if is_random else GIVEN
    phase = Amounts(kind, put(assigned[0].astype(np.float64)), 0.0, 0.0, put(edge), put(np.arange(3.0)), everybody)
    shape = (n, len(numbers))
    drawn, has = room(shape), room(shape, np.bool_)
    seed = _seed_of(study, network, numbers, ALL, 1.0, 0)
    launch(make_pv_draw(n), len(numbers), seed, (put(bus),), (everybody,), (has,))
    launch(make_amount_draw(n), len(numbers), seed, STREAMS.index("phase"), (put(bus),), phase, (has,), 0.0, (drawn,))
    return drawn


def _seed_of(study: Study, network: Network, numbers: range, mode: int, share: float, n_with_pv: int) -> Seed:
    words = np.uint64(study.seed & (2**64 - 1)), np.uint64(study.seed >> 64)
    return Seed(*words, numbers.start, network.n_bus, mode, share, n_with_pv)


def draws_by_cpu(study: Study) -> bool:
    """Whether a study draws from a distribution that the device has not to the bit."""
    amounts = (study.load.homes, study.pv.kwp, study.market.bid_per_kwh, study.market.ask_per_kwh)
    return any(isinstance(amount, BY_CPU) for amount in amounts)


def _draw_by_cpu(study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range) -> Drawn:
    pieces: list[list[Floats]] = []
    for start in range(numbers.start, numbers.stop, AT_A_TIME):
        some = range(start, min(start + AT_A_TIME, numbers.stop))
        one = draw_scenarios(study, network, profiles, share, some)
        prices = (_spread(_prices(price, one), len(some)) for price in (one.bid_per_kwh, one.ask_per_kwh))
        rows = (one.load_profile.astype(np.float64), one.pv_profile.astype(np.float64))
        pieces.append([*rows, one.homes, one.kwp, *prices])
    return Drawn(*(put(np.concatenate(arrays).T) for arrays in zip(*pieces, strict=True)))


def _spread(prices: Floats, n_scenarios: int) -> Floats:
    return prices if prices.ndim == 2 else np.tile(prices, (n_scenarios, 1))


def _prices(price: Floats, drawn: Scenarios) -> Floats:
    """Those of participants, of one scenario (n,) or of several; zero where they follow the clock."""
    if price.ndim == 1:
        return np.zeros(len(drawn.participant))
    return price[0] if len(price) == 1 else price


def amounts_of(amount: Any, given: Floats, may: Bools) -> Amounts:
    """An amount as the device draws it."""
    none, low, width, kind = np.zeros(1), 0.0, 0.0, GIVEN
    edge, value = none, none
    if isinstance(amount, Uniform):
        kind, low, width = UNIFORM, float(amount.low), float(amount.high) - float(amount.low)
    elif isinstance(amount, Choice):
        kind, edge, value = CHOICE, edges_of(len(amount.values), amount.weights), np.array(amount.values, np.float64)
    return Amounts(kind, put(given), low, width, put(edge), put(value), put(may))


def rows_of(name: Any, kind: str, given: NDArray[np.int64], profiles: Profiles) -> Amounts:
    """Rows of profiles as the device draws them."""
    everybody, none = put(np.ones(len(given), bool)), put(np.zeros(1))
    if not isinstance(name, ProfileChoice):
        return Amounts(GIVEN, put(given.astype(np.float64)), 0.0, 0.0, none, none, everybody)
    found = np.array([profiles.row(one, kind) for one in profile_names(name)], np.float64)
    edge = edges_of(len(found), name.weights)
    return Amounts(CHOICE, put(given.astype(np.float64)), 0.0, 0.0, put(edge), put(found), everybody)


def buses_of(name: Any, bus: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whose uniform numbers decide on profiles: of one for all buses of a scenario, that of the first bus of the network."""
    return np.zeros_like(bus) if isinstance(name, ProfileChoice) and name.per == "scenario" else bus
