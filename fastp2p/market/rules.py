"""Market rules: how each allocates, what its trades cost, and what it promises. docs/market-rules.md compares them.

A study names a rule by its entry in `RULES`, so this module loads neither kernels nor anything of a study.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fastp2p import ranges
from fastp2p.arrays import is_word, short_repr

if TYPE_CHECKING:
    from fastp2p.market.matched import Margin, MatchedBooks

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices per executed kWh of every trade, (n_trades,) float64; the operator keeps their difference."""

    __repr__ = short_repr
    buyer_per_kwh: Floats
    seller_per_kwh: Floats


@dataclass(frozen=True, kw_only=True)
class MarketRule:
    """Who trades how much with whom, what buyers pay and sellers get, and what that promises.

    Attributes
    ----------
    name : str
        As studies write it in `market.pricing`.
    price : callable
        Takes `MatchedBooks` and, by name, the rule's parameters; gives the prices of every trade, or of every book under a
        trade reduction, which decides only then who trades.
    allocation : {"auction", "trade_reduction", "pool"}
        As `match_orders` finds it; that without the marginal orders; everyone at the tariffs, the longer side in proportion.
    by_price : bool
        Defined under price priority alone.
    from_zero : bool
        Defined for feed-in tariffs from 0 on alone.
    parameters : mapping of str to Range
        Keys of a study's section `market` that the price depends on, and what they may be.
    balance : {"strong", "weak"}
        What buyers pay is what sellers get; or the operator may keep something, and never pays.
    rational : bool
        No price is above one's bid or below one's ask; under a pool, above the retail or below the feed-in tariff.
    truthful : {"no", "for one-unit orders", "nobody bids"}
        Where nobody gains by a false price.
    efficient : bool
        No other trades have a greater sum of bid - ask.
    """

    name: str
    price: Callable[..., Prices]
    allocation: Literal["auction", "trade_reduction", "pool"]
    by_price: bool = False
    from_zero: bool = False
    parameters: Mapping[str, ranges.Range] = field(default_factory=dict)
    balance: Literal["strong", "weak"] = "strong"
    rational: bool
    truthful: Literal["no", "for one-unit orders", "nobody bids"]
    efficient: bool

    @property
    def is_pool(self) -> bool:
        """Whether the tariffs take the place of bids and asks."""
        return self.allocation == "pool"


def _ask(books: MatchedBooks) -> Prices:
    """The seller's ask of each trade."""
    return Prices(books.trades.ask_per_kwh, books.trades.ask_per_kwh)


def _bid(books: MatchedBooks) -> Prices:
    """The buyer's bid of each trade."""
    return Prices(books.trades.bid_per_kwh, books.trades.bid_per_kwh)


def _midpoint(books: MatchedBooks) -> Prices:
    """(bid + ask)/2 of each trade."""
    middle = (books.trades.bid_per_kwh + books.trades.ask_per_kwh) / 2.0
    return Prices(middle, middle)


def _k(books: MatchedBooks, kappa: float) -> Prices:
    """κ·high + (1 - κ)·low of [max(s_k, b_k+1), min(b_k, s_k+1)], the interval of prices at which these trades clear.

    s_k and b_k are the last ask and bid that trade, s_k+1 and b_k+1 the next with something left. Satterthwaite, Williams
    1989, The rate of convergence to efficiency in the buyer's bid double auction.
    """
    last_bid, last_ask, next_bid, next_ask = books.margin
    low = np.clip(next_bid, last_ask, last_bid)
    high = np.clip(next_ask, last_ask, last_bid)
    # within [s_k, b_k] to the last digit
    return books.one_price(np.clip(kappa * high + (1.0 - kappa) * low, last_ask, last_bid))


def _uniform(books: MatchedBooks) -> Prices:
    """The rule "k" with κ = 1/2."""
    return _k(books, 0.5)


def next_orders_price(margin: Margin) -> Floats:
    """(n_books,) p = (b_k+1 + s_k+1)/2 of the next orders where all trades clear at it, s_k <= p <= b_k; NaN elsewhere."""
    last_bid, last_ask, next_bid, next_ask = margin
    with np.errstate(invalid="ignore"):  # no next bid and no next ask: -inf + inf
        p = (next_bid + next_ask) / 2.0
    return np.where((last_ask <= p) & (p <= last_bid), p, np.nan)


def _mcafee(books: MatchedBooks) -> Prices:
    """Of every book: p of the next orders; where all trades do not clear at it, buyers pay b_k and sellers get s_k.

    McAfee 1992, A dominant strategy double auction; `fastp2p.reduce_orders` says who trades.
    """
    p = next_orders_price(books.margin)
    leave = np.isnan(p)
    return Prices(np.where(leave, books.margin.last_bid, p), np.where(leave, books.margin.last_ask, p))


def _mid_market_rate(books: MatchedBooks) -> Prices:
    """(λ_b + λ_s)/2 of retail and feed-in tariff. Long et al. 2017, Peer-to-peer energy trading in a community microgrid."""
    return books.one_price((books.retail_per_kwh + books.feed_in_per_kwh) / 2.0)


def _bill_sharing(books: MatchedBooks) -> Prices:
    """0, so that imports are shared by consumption and exports by generation. Source as of the mid-market rate."""
    return books.one_price(np.zeros_like(books.retail_per_kwh))


def _supply_demand_ratio(books: MatchedBooks) -> Prices:
    """λ_s·λ_b/((λ_b - λ_s)·r + λ_s) for r = S/D <= 1, else λ_s; S and D are what is asked and bid for in the book.

    Liu et al. 2017, Energy-sharing model with price-based demand response for microgrids of P2P prosumers.
    """
    retail, feed_in = books.retail_per_kwh, books.feed_in_per_kwh
    demand, supply = books.bid_kwh.sum(axis=1), books.ask_kwh.sum(axis=1)
    ratio = np.divide(supply, demand, out=np.zeros_like(supply), where=demand > 0)
    below = (retail - feed_in) * ratio + feed_in
    price = np.divide(feed_in * retail, below, out=np.zeros_like(below), where=below > 0)
    return books.one_price(np.where(supply <= demand, price, feed_in))


_ALL = (
    MarketRule(name="ask", price=_ask, allocation="auction", rational=True, truthful="no", efficient=True),
    MarketRule(name="bid", price=_bid, allocation="auction", rational=True, truthful="no", efficient=True),
    MarketRule(name="midpoint", price=_midpoint, allocation="auction", rational=True, truthful="no", efficient=True),
    MarketRule(
        name="k", price=_k, allocation="auction", by_price=True, parameters={"kappa": ranges.KAPPA},
        rational=True, truthful="no", efficient=True,
    ),
    MarketRule(
        name="uniform", price=_uniform, allocation="auction", by_price=True, rational=True, truthful="no", efficient=True
    ),
    MarketRule(
        name="mcafee", price=_mcafee, allocation="trade_reduction", by_price=True,
        balance="weak", rational=True, truthful="for one-unit orders", efficient=False,
    ),
    MarketRule(
        name="mid_market_rate", price=_mid_market_rate, allocation="pool", rational=True, truthful="nobody bids", efficient=True
    ),
    MarketRule(
        name="bill_sharing", price=_bill_sharing, allocation="pool", rational=False, truthful="nobody bids", efficient=True
    ),
    MarketRule(
        name="supply_demand_ratio", price=_supply_demand_ratio, allocation="pool", from_zero=True,
        rational=True, truthful="nobody bids", efficient=True,
    ),
)  # fmt: skip
RULES = {rule.name: rule for rule in _ALL}
"""Every market rule by its name; study files, the command line and docs/market-rules.md know these."""
PARAMETERS = {name: allowed for rule in _ALL for name, allowed in rule.parameters.items()}
"""Every parameter of a rule, and its range."""


def rule_faults(
    pricing: str,
    retail_per_kwh: Floats,
    feed_in_per_kwh: Floats,
    *,
    priority: str,
    parameters: Mapping[str, float],
    of: str = "book",
) -> list[str]:
    """What keeps a market rule from being used; tariffs are flat, a number of each `of` (book or step)."""
    faults = [
        f"{name} = {value!r}: must lie in {PARAMETERS[name]}"
        for name, value in parameters.items()
        if not (isinstance(value, int | float) and PARAMETERS[name].has(value))
    ]
    if not is_word(pricing, RULES):
        return [unknown_rule(pricing), *faults]
    rule = RULES[pricing]
    if rule.by_price and priority != "price":
        faults.append(f"pricing = {pricing!r} needs priority = 'price': one price would not suit trades made by volume")
    if rule.is_pool and (feed_in_per_kwh > retail_per_kwh).any():
        k = int(np.argmax(feed_in_per_kwh > retail_per_kwh))
        faults.append(
            f"pricing = {pricing!r} needs a feed-in tariff that is not above the retail tariff; in {of} {k} they are "
            f"{feed_in_per_kwh[k]:g} and {retail_per_kwh[k]:g}"
        )
    if rule.from_zero and (feed_in_per_kwh < 0).any():
        k = int(np.argmax(feed_in_per_kwh < 0))
        faults.append(
            f"pricing = {pricing!r} is not defined for a negative feed-in tariff; in {of} {k} it is {feed_in_per_kwh[k]:g}. "
            "mid_market_rate is"
        )
    return faults


def unknown_rule(pricing: str) -> str:
    """That there is no such rule, and which there are."""
    return f"pricing = {pricing!r}: there are {', '.join(RULES)}"
