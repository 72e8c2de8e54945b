"""Trades of many books, as matched: flat arrays with an offset per book, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import LARGEST, amount_faults, floats, integers, is_between, is_word, short_repr
from fastp2p.errors import refuse
from fastp2p.kernels.market.trades import count_pairs, look_up_prices, pair_pools, stay_inside
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_BUSES = 10_000_000
"""No network has more; where none is known, arrays per bus are made for bus positions below."""


@dataclass(frozen=True, eq=False)
class Leftovers:
    """What no trade takes, per book and bus, kWh: own use, load for the retailer, surplus for the grid."""

    __repr__ = short_repr
    self_kwh: Floats
    deficit_kwh: Floats
    surplus_kwh: Floats


@dataclass(frozen=True, eq=False)
class Trades:
    """Trades of a batch in CSR form: book k holds trades ``offset[k]:offset[k + 1]``.

    A *pool* is what one group of bids of equal price buys from one group of asks of equal price. In it every buyer buys from
    every seller, in proportion to their sizes. Trades either name all these pairs, or are `pooled`: as few as give every seller
    and every buyer of each pool its energy. A pool's trades follow one another.

    Attributes
    ----------
    offset : (n_books + 1,) int64
    seller, buyer : (n_trades,) int64
        Bus positions.
    quantity_kwh : (n_trades,) float64, kWh
        Matched energy, before the network is asked.
    bid_per_kwh, ask_per_kwh : (n_trades,) float64, currency per kWh
    pooled : bool
        Whether a trade says what its seller sells to a pool and its buyer buys from it, and not who trades with whom.
    """

    offset: Ints
    seller: Ints
    buyer: Ints
    quantity_kwh: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats
    pooled: bool = False

    def __post_init__(self) -> None:
        """Make every array flat and of its dtype.

        Raises
        ------
        InputError
            If one of them is not a flat array of numbers.
        """
        for name in ("offset", "seller", "buyer"):
            object.__setattr__(self, name, integers(f"trades.{name}", getattr(self, name)))
        for name in ("quantity_kwh", "bid_per_kwh", "ask_per_kwh"):
            object.__setattr__(self, name, floats(f"trades.{name}", getattr(self, name)))
        refuse([f"trades.{name} must be flat" for name in TradeArrays._fields if getattr(self, name).ndim != 1])

    def at_prices(self, bid_per_kwh: Floats, ask_per_kwh: Floats) -> Trades:
        """The same trades at the prices of their buyers and sellers, (n_rows, n_bus) as `match_orders` takes them."""
        bids, asks = np.empty(self.n_trades), np.empty(self.n_trades)
        prices = np.ascontiguousarray(bid_per_kwh), np.ascontiguousarray(ask_per_kwh)
        look_up_prices(self.offset, self.seller, self.buyer, *prices, bids, asks)
        return replace(self, bid_per_kwh=bids, ask_per_kwh=asks)

    def in_proportion(self) -> Trades:
        """The pairs of pooled trades: each buyer of a pool buys from each of its sellers in proportion to both.

        A pool of n sellers and m buyers has n m pairs. Trades that name their pairs already stay as they are. Pools are told
        apart by the prices at which they were matched: ask for the pairs before `at_prices` changes these.
        """
        return pair_trades(self, self.quantity_kwh).trades

    def __repr__(self) -> str:
        """How many there are, and of how much."""
        return f"Trades({self.n_trades:,} trades in {self.n_books:,} books, {self.quantity_kwh.sum():.6g} kWh)"

    @property
    def arrays(self) -> TradeArrays:
        """As kernels take them."""
        return TradeArrays(self.offset, self.seller, self.buyer, self.quantity_kwh, self.bid_per_kwh, self.ask_per_kwh)

    @property
    def n_books(self) -> int:
        """Number of books, empty ones included."""
        return len(self.offset) - 1

    @property
    def n_trades(self) -> int:
        """Number of trades in all books."""
        return len(self.seller)

    def faults(self, n_books: int, n_bus: int) -> list[str]:
        """What is wrong with the trades as those of `n_books` books on `n_bus` buses."""
        return self.shape_faults(n_books, n_bus) or self.value_faults()

    def value_faults(self) -> list[str]:
        """Quantities that are negative, numbers that are not finite or too large."""
        faults = []
        for name in ("quantity_kwh", "bid_per_kwh", "ask_per_kwh"):
            values, least = getattr(self, name), 0.0 if name == "quantity_kwh" else -LARGEST
            if not is_between(values, least):
                bad = np.flatnonzero(~((values >= least) & (values <= LARGEST)))
                rule = "finite and not negative" if name == "quantity_kwh" else "finite"
                rule += f", with an absolute value of at most {LARGEST:g}" if np.isfinite(values[bad[0]]) else ""
                faults.append(f"{name} of trade {bad[0]} is {values[bad[0]]}; it must be {rule}")
        return faults

    def shape_faults(self, n_books: int, n_bus: int) -> list[str]:
        """What would make a kernel read or write outside its arrays: lengths, offsets, and buses that are not there."""
        lengths = {name: len(getattr(self, name)) for name in TradeArrays._fields if name != "offset"}
        if len(set(lengths.values())) > 1:
            return [f"the arrays of the trades have unequal lengths: {', '.join(f'{k} {n}' for k, n in lengths.items())}"]
        faults = [] if self.n_books == n_books else [f"the trades have {self.n_books} books, the other arrays {n_books}"]
        reaches = len(self.offset) and self.offset[0] == 0 and self.offset[-1] == self.n_trades
        if reaches and stay_inside(self.offset, self.seller, self.buyer, n_bus):
            return faults
        if not reaches or (np.diff(self.offset) < 0).any():
            return [f"trade offsets must rise from 0 to the number of trades, {self.n_trades}"]
        for name, bus in (("seller", self.seller), ("buyer", self.buyer)):
            outside = np.flatnonzero((bus < 0) | (bus >= n_bus))[:1]
            faults += [f"{name} of trade {i} is bus position {bus[i]}; the network has 0…{n_bus - 1}" for i in outside.tolist()]
        return faults

    @property
    def book(self) -> Ints:
        """(n_trades,) book of every trade."""
        return np.repeat(np.arange(self.n_books), np.diff(self.offset))


class Pairs(NamedTuple):
    """Trades that name their pairs, and what belongs to each.

    Attributes
    ----------
    trades : Trades
    source : (n_pairs,) int64
        A trade of the pair's seller in the pair's pool, among those that the pairs were made of.
    executed_kwh : (n_pairs,) float64, kWh
        What is executed of the pair.
    """

    trades: Trades
    source: Ints
    executed_kwh: Floats


def pair_trades(trades: Trades, executed_kwh: Floats) -> Pairs:
    """`Trades.in_proportion`, with what each pair has of the executed energy of its seller in its pool.

    Parameters
    ----------
    trades : Trades
        With the prices at which they were matched.
    executed_kwh : (n_trades,) float64, kWh
        Per trade, of its seller.

    Raises
    ------
    InputError
        If offsets do not fit, a bus is negative or beyond any network, or lengths are unequal.
    """
    if not trades.pooled:
        return Pairs(trades, np.arange(trades.n_trades), executed_kwh)
    faults = trades.shape_faults(trades.n_books, MOST_BUSES)
    if executed_kwh.shape != trades.quantity_kwh.shape:
        faults.append(f"executed_kwh has shape {executed_kwh.shape}; it must be ({trades.n_trades},)")
    refuse(faults)
    n_bus = 1 + int(max(trades.seller.max(initial=-1), trades.buyer.max(initial=-1)))
    offset = np.empty_like(trades.offset)
    n = count_pairs(trades.arrays, n_bus, offset)
    source, seller, buyer, quantity = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    executed = quantity if executed_kwh is trades.quantity_kwh else np.empty(n)
    pair_pools(trades.arrays, executed_kwh, n_bus, source, seller, buyer, quantity, executed)
    pairs = Trades(offset, seller, buyer, quantity, trades.bid_per_kwh[source], trades.ask_per_kwh[source])
    return Pairs(pairs, source, executed)


def order_shape_faults(bids: Floats, asks: Floats, bid_prices: Floats, ask_prices: Floats) -> list[str]:
    """What keeps arrays from being the orders of some books, and their prices by row."""
    if bids.ndim != 2 or bids.shape != asks.shape:
        return [f"bid_kwh {bids.shape} and ask_kwh {asks.shape} must both be (n_books, n_bus)"]
    n_books, n_bus = bids.shape
    return price_shape_faults(n_books, n_bus, bid_prices, ask_prices)


def price_shape_faults(n_books: int, n_bus: int, bid_prices: Floats, ask_prices: Floats) -> list[str]:
    """What keeps arrays from being prices by row of the buses of some books."""
    return [
        f"{name} has shape {prices.shape}; it must be ({n_bus},) or ({n_books}, {n_bus})"
        for name, prices in (("bid_per_kwh", bid_prices), ("ask_per_kwh", ask_prices))
        if prices.ndim != 2 or prices.shape[1] != n_bus or n_books % max(len(prices), 1) or (n_books and not len(prices))
    ]


def order_value_faults(bids: Floats, asks: Floats, bid_prices: Floats, ask_prices: Floats) -> list[str]:
    """Quantities that are negative, numbers that are not finite or too large."""
    return amount_faults("bid_kwh", bids) + amount_faults("ask_kwh", asks) + price_faults(bid_prices, ask_prices)


def price_faults(bid_prices: Floats, ask_prices: Floats) -> list[str]:
    """Prices by row that are not finite or too large."""
    faults = []
    for name, prices in (("bid_per_kwh", bid_prices), ("ask_per_kwh", ask_prices)):
        if prices.ndim == 2 and not is_between(prices):
            row, bus = np.argwhere(~(np.abs(prices) <= LARGEST))[0].tolist()
            message = f"prices must be finite, with absolute values of at most {LARGEST:g}"
            faults.append(f"{name}: row {row}, bus {bus} holds {prices[row, bus]}; {message}")
    return faults


def ties_faults(ties: str) -> list[str]:
    """That there is no such tie rule."""
    return [] if is_word(ties, ("pro_rata", "order")) else [f"ties = {ties!r}: must be 'pro_rata' or 'order'"]
