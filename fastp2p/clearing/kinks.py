"""Voltages inside of chains that LinDistFlow must limit besides those of a contraction: where the base passes a limit.

Along a chain squared voltages lie on a line, so that they keep a band where both ends do. A limit that the base breaks becomes
the base's voltage. Where the base keeps a limit at one end of a chain and breaks it at the other, the limits of buses inside
are a line up to where the base passes them, and another one from there on, with a kink between. A line keeps such limits if it
keeps those of both ends and of the two buses next to the kink.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import InnerPrices
from fastp2p.clearing.families import price_per_pu
from fastp2p.grid.linear_contraction import InnerBuses
from fastp2p.kernels.structs import OwnRows, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Kinks(NamedTuple):
    """Buses next to kinks, up to k a book, in the order of the chains.

    Attributes
    ----------
    own : OwnRows
        Their rows, between those of the buses of the contraction.
    bus : (n_books, k) int64
        In the whole network; -1 where a book has fewer.
    bent : (n_books, k) float64, p.u.
        As in `InnerBuses`.
    band : (least, most) squared voltage, p.u.
    """

    own: OwnRows
    bus: Ints
    bent: Floats
    band: tuple[float, float]

    def squares(self, square: Floats) -> Floats:
        """(n_books, k) squared voltages from those of the contraction, (n_books, n_bus); 0 where a book has fewer."""
        share, book = self.own.share, np.arange(len(square))[:, None]
        one, other = square[book, self.own.between[..., 0]], square[book, self.own.between[..., 1]]
        return np.where(self.bus >= 0, (1.0 - share) * one + share * other + self.bent, 0.0)

    def behind(self, rows: Rows) -> Rows:
        """The rows with the bounds of these after them."""
        least, most = (np.full(self.bus.shape[1], square) for square in self.band)
        return rows._replace(lower=np.append(rows.lower, least), upper=np.append(rows.upper, most))

    def in_layout(self, row: Ints, book: Ints, n_rows: int) -> Ints:
        """Rows of some books as `RowLayout` numbers them, of which those from `n_rows` on are these."""
        place = np.where(row >= n_rows, row - n_rows, 0)
        return np.where(row >= n_rows, n_rows + self.bus[book, place], row)

    def prices(self, books: Ints, square: Floats, dual: Floats) -> InnerPrices:
        """From squared voltages with nothing executed and duals, both (n_books, k); the numbers of the books are `books`."""
        book, k = np.nonzero(dual)
        return InnerPrices(books[book], self.bus[book, k], price_per_pu(dual[book, k], square[book, k], self.band))


def find_kinks(inner: InnerBuses, square: Floats, band: tuple[float, float]) -> Kinks | None:
    """The kinks of some books; None where there are none.

    Parameters
    ----------
    inner : InnerBuses
    square : (n_books, n_bus) float64, p.u.
        Squared voltages of the contraction, with nothing executed.
    band : (least, most) squared voltage, p.u.
    """
    n_chains, n_inner = len(inner.upper), len(inner.bus)
    chain_of = np.repeat(np.arange(n_chains), np.diff(inner.first))
    upper, lower = square[:, inner.upper], square[:, inner.lower]
    found = [np.empty(0, np.int64)]
    for limit, sign in zip(band, (-1.0, 1.0), strict=True):
        book, chain = np.nonzero((sign * (upper - limit) > 0.0) != (sign * (lower - limit) > 0.0))
        one, other = upper[book, chain], lower[book, chain]
        behind = np.searchsorted(chain_of + inner.share, chain + (limit - one) / (other - one))
        for place in (behind - 1, behind):
            inside = (place >= inner.first[chain]) & (place < inner.first[chain + 1])
            found.append(n_inner * book[inside] + place[inside])
    book, place = np.divmod(np.unique(np.concatenate(found)), max(1, n_inner))
    if not len(book):
        return None
    n_of = np.bincount(book, minlength=len(square))
    at = book, np.arange(len(book)) - np.repeat(np.cumsum(n_of) - n_of, n_of)
    shape = len(square), int(n_of.max())
    kinks = Kinks(OwnRows(np.full((*shape, 2), -1), np.zeros(shape)), np.full(shape, -1), np.zeros(shape), band)
    kinks.own.between[at] = np.stack([inner.upper, inner.lower], axis=1)[chain_of[place]]
    kinks.own.share[at], kinks.bus[at], kinks.bent[at] = inner.share[place], inner.bus[place], inner.bent[place]
    return kinks
