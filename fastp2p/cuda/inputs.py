"""What kernels take: a study's rules, its network and clock, and sizes of work space."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastp2p.clearing.limits import DcLimits, constant_slack_kw
from fastp2p.clearing.rows import ROW_TOLERANCE
from fastp2p.cuda.device import put
from fastp2p.cuda.kernels import Sizes
from fastp2p.cuda.refusals import PRICINGS
from fastp2p.grid.network import Network
from fastp2p.kernels.clearing.limits import BranchFacts
from fastp2p.kernels.cuda.books import (
    ASK,
    BID,
    BILL_SHARING,
    BY_SIZE,
    BY_VOLUME,
    BY_WELFARE,
    MID_MARKET_RATE,
    MIDPOINT,
    NO_FILLING,
    Clock,
    Grid,
    K,
    Rules,
)
from fastp2p.market.rules import RULES
from fastp2p.pipeline.draws import Scenarios
from fastp2p.settlement.settle import SURPLUS
from fastp2p.study.distributions import Choice
from fastp2p.study.model import Study
from fastp2p.study.sections import ByClock, Price

CODES = dict(zip(PRICINGS, (ASK, BID, MIDPOINT, K, K, MID_MARKET_RATE, BILL_SHARING), strict=True))


def rules_of(study: Study, network: Network, step_hours: float) -> Rules:
    """What the study decides for all books."""
    market, is_pool = study.market, RULES[study.market.pricing].is_pool
    return Rules(
        gross=market.orders == "gross",
        min_order_kwh=float(market.min_order_kwh),
        by_volume=market.priority == "volume",
        pro_rata=is_pool or market.ties == "pro_rata",
        pool=is_pool,
        pricing=CODES[market.pricing],
        kappa=float(market.kappa) if market.pricing == "k" else 0.5,
        charge_per_kwh=float(market.network_charge_per_kwh),
        surplus=SURPLUS.index(study.clearing.surplus),
        filling=_filling(study, network),
        stress=float(study.clearing.stress),
        step_hours=float(step_hours),
        tolerance=ROW_TOLERANCE,
    )


def _filling(study: Study, network: Network) -> int:
    """How congested books are filled; the CPU cuts them where an LP is asked for, or limits are not of branches alone."""
    if study.clearing.solver != "auto" or not np.isposinf(network.reverse_kw).all():
        return NO_FILLING
    return {"volume": BY_VOLUME, "welfare": BY_WELFARE, "pro_rata": BY_SIZE}[study.clearing.objective]


def sizes_of(study: Study, grid: Grid) -> Sizes:
    """Sizes of a thread's work space; a book with more trades than there is room for is listed."""
    n = len(grid.bus)
    return Sizes(n, len(grid.tree.order), len(grid.facts.constant_kw), len(grid.nest.row), most_trades(study, n))


def most_trades(study: Study, n: int) -> int:
    """For how many trades of a book of n participants a thread has room."""
    prices = max(_n_prices(study.market.bid_per_kwh), _n_prices(study.market.ask_per_kwh), 2)
    pairs = n * n if study.market.orders == "gross" else n * n // 4
    return max(2, min(pairs, n * prices) + 1)


def _n_prices(price: Price) -> int:
    """How many prices orders share, at most: those of a continuous distribution differ."""
    if isinstance(price, tuple):
        return len(set(price))
    return len(set(price.values)) if isinstance(price, Choice) else 1


def clock_of(study: Study, drawn: Scenarios, kwh_per_unit: Any, made_load_kwh: Any, made_pv_kwh: Any) -> Clock:
    """Tariffs, and prices that follow the clock, on the device, where profiles and what homes draw and give are already."""
    market, none = study.market, np.empty(0)
    bid = drawn.bid_per_kwh if isinstance(market.bid_per_kwh, ByClock) else none
    ask = drawn.ask_per_kwh if isinstance(market.ask_per_kwh, ByClock) else none
    of_steps = (drawn.retail_per_kwh, drawn.feed_in_per_kwh, drawn.co2_kg_per_kwh, bid, ask)
    return Clock._make([kwh_per_unit, *(put(values) for values in of_steps), made_load_kwh, made_pv_kwh])


def grid_of(network: Network, drawn: Scenarios) -> Grid:
    """The tree of those who take part and its limits, on the device."""
    limits = DcLimits(network, drawn.participant)
    few, bounds, nest = limits.model, limits.bounds, limits.nest
    facts = BranchFacts(few.constant_kw, few.percent_per_kw, few.root_sign)
    assert nest is not None  # the network is radial
    return Grid(
        tree=type(few.tree)(*(put(array) for array in few.tree)),
        facts=BranchFacts(*(put(array) for array in facts)),
        bounds=type(bounds)(*(put(array) for array in bounds)),
        nest=type(nest)(*(put(array) for array in nest)),
        bus=put(limits.at),
        at_grid=put(few.is_reference[limits.at]),
        constant_slack_kw=constant_slack_kw(network, few),
        fixed_kw=float(network.fixed_kw.sum()),
    )
