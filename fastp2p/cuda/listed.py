"""The books that the device lists, because a limit may bind: run by the CPU's own stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.audit import Audit
from fastp2p.grid.network import Network
from fastp2p.kernels.settlement.settle import Accounts
from fastp2p.market.orders import make_orders
from fastp2p.market.rules import RULES
from fastp2p.pipeline.batch import audit_books, stress_trades
from fastp2p.pipeline.draws import Scenarios, draw_scenarios
from fastp2p.pipeline.reduce import Columns, join_columns, pairs_per_book
from fastp2p.pipeline.stages import clear_trades, leave_homes_over, trade
from fastp2p.profiles.profiles import Profiles
from fastp2p.settlement.settle import settle
from fastp2p.study.model import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOOKS_AT_A_TIME = 20_000
SCENARIOS_AT_A_TIME = 5_000
FLAGS = ("full_breaks_voltage", "full_breaks_current", "needless_cut")
"""What the audit says of a book with yes or no."""


@dataclass(frozen=True, eq=False)
class Listed:
    """Books that the CPU has run.

    Attributes
    ----------
    scenario, step : (n,) int64
        Scenarios are counted from the first one of the block.
    books : Columns
        As `fastp2p.pipeline.reduce.book_columns` and `audit_columns` name them, (n,).
    status_code : (n,) int8
    homes : Accounts
        (n, n_participants) each.
    """

    scenario: Ints
    step: Ints
    books: Columns
    status_code: NDArray[np.int8]
    homes: Accounts


def run_listed(
    study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range, scenario: Ints, step: Ints
) -> Listed | None:
    """Run books of the scenarios `numbers`; None where there are none.

    Parameters
    ----------
    study, network, profiles, share, numbers : as for `fastp2p.pipeline.draws.draw_scenarios`
    scenario, step : (n,) int64
        Which books, scenario by scenario; scenarios are counted from the first one of `numbers`.
    """
    pieces = []
    for start in range(0, len(numbers), SCENARIOS_AT_A_TIME):
        stop = min(start + SCENARIOS_AT_A_TIME, len(numbers))
        first, last = np.searchsorted(scenario, (start, stop)).tolist()
        if first == last:
            continue
        drawn = draw_scenarios(study, network, profiles, share, numbers[start:stop])
        for begin in range(first, last, BOOKS_AT_A_TIME):
            some = slice(begin, min(begin + BOOKS_AT_A_TIME, last))
            pieces.append(_run_books(study, network, profiles, drawn, scenario[some] - start, step[some], start))
    if not pieces:
        return None
    return Listed(
        scenario=scenario,
        step=step,
        books=join_columns([piece.books for piece in pieces]),
        status_code=np.concatenate([piece.status_code for piece in pieces]),
        homes=Accounts(*(np.concatenate(arrays) for arrays in zip(*(piece.homes for piece in pieces), strict=True))),
    )


def _run_books(
    study: Study, network: Network, profiles: Profiles, drawn: Scenarios, scenario: Ints, step: Ints, start: int
) -> Listed:
    """`fastp2p.pipeline.batch.run_batch` of books that are no rectangle of scenarios and steps, without devices."""
    market, rules, hours = study.market, study.clearing, profiles.step_hours
    load_kwh = _energy(profiles, drawn.load_profile, drawn.homes, scenario, step)
    pv_kwh = _energy(profiles, drawn.pv_profile, drawn.kwp, scenario, step)
    orders = make_orders(load_kwh, pv_kwh, orders=market.orders, min_order_kwh=market.min_order_kwh, check=False)
    retail_per_kwh, feed_in_per_kwh = drawn.retail_per_kwh[step], drawn.feed_in_per_kwh[step]
    bids, asks = (_prices(price, drawn, scenario, step) for price in (drawn.bid_per_kwh, drawn.ask_per_kwh))
    trades, prices = trade(study, orders, bids, asks, retail_per_kwh, feed_in_per_kwh)
    left = leave_homes_over(load_kwh, pv_kwh, trades, with_batteries=False)
    trades, load_kwh, pv_kwh = stress_trades(rules.stress, trades, load_kwh, pv_kwh)
    clearing, unmatched = clear_trades(study, network, drawn, trades, left, None, hours, None)
    audited = audit_books(study, network, drawn, clearing, unmatched, hours)
    settled = settle(
        trades.at_prices(bids, asks) if RULES[market.pricing].is_pool else trades, clearing, load_kwh, pv_kwh, left,
        retail_per_kwh=retail_per_kwh, feed_in_per_kwh=feed_in_per_kwh, buyer_per_kwh=prices.buyer_per_kwh,
        seller_per_kwh=prices.seller_per_kwh, charge_per_kwh=market.network_charge_per_kwh, unserved=rules.unserved,
        surplus=rules.surplus, step_hours=hours, check=False,
    )  # fmt: skip
    books, co2 = settled.books, drawn.co2_kg_per_kwh[step]
    columns: Columns = {
        **books._asdict(),
        "slack_kwh": clearing.slack_kw * hours,
        "n_trades": pairs_per_book(trades, bids.shape[1]),
        "worst_loading_percent": clearing.loading_percent,
        "co2_kg": books.retail_kwh * co2,
        "baseline_co2_kg": books.baseline_retail_kwh * co2,
        "is_cut": clearing.is_cut,
    }
    if audited is not None:
        columns |= _audit_columns(audited, hours, retail_per_kwh)
        columns["slack_kwh"] = books.retail_kwh - books.exported_kwh + audited.losses_kw * hours
    return Listed(scenario + start, step, columns, clearing.status_code, settled.buses)


def _audit_columns(audited: Audit, hours: float, retail_per_kwh: Floats) -> Columns:
    """`fastp2p.pipeline.reduce.audit_columns`, without buses."""
    losses_kwh = audited.losses_kw * hours
    return {
        "lowest_vm_pu": audited.lowest_vm_pu,
        "highest_vm_pu": audited.highest_vm_pu,
        "worst_current_percent": audited.loading_percent,
        "losses_kwh": losses_kwh,
        "losses_cost": losses_kwh * retail_per_kwh,
        "ac_status": audited.code,
        **dict(zip(FLAGS, (audited.full_voltage, audited.full_current, audited.needless_cut), strict=True)),
    }


def _energy(profiles: Profiles, profile_of: Ints, size: Floats, scenario: Ints, step: Ints) -> Floats:
    """(n_books, n_participants) kWh."""
    row = profile_of[scenario]
    return np.where(row == -1, 0.0, profiles.kwh_per_unit[row, step[:, None]] * size[scenario])


def _prices(price: Floats, drawn: Scenarios, scenario: Ints, step: Ints) -> Floats:
    """(n_books, n_participants) bids or asks."""
    return price[scenario] if price.ndim == 2 else np.tile(price[step, None], len(drawn.participant))
