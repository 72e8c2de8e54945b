"""The books that the device lists, because a limit may bind: run by the CPU's own stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.audit import Audit
from fastp2p.clearing.audit_sample import draw_places, is_audited
from fastp2p.grid.network import Network
from fastp2p.kernels.settlement.settle import Accounts
from fastp2p.market.orders import make_orders
from fastp2p.market.rules import RULES
from fastp2p.pipeline.batch import audit_books, stress_trades
from fastp2p.pipeline.devices import has_devices, run_devices
from fastp2p.pipeline.draws import Scenarios, draw_scenarios
from fastp2p.pipeline.reduce import Columns, pairs_per_book
from fastp2p.pipeline.stages import clear_trades, connection_of, leave_homes_over, trade
from fastp2p.profiles.profiles import Profiles
from fastp2p.settlement.settle import settle
from fastp2p.study.model import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOOKS_AT_A_TIME = 20_000
SCENARIOS_AT_A_TIME = 5_000


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
) -> Iterator[Listed]:
    """Run books of the scenarios `numbers`, so many at a time that their accounts take little memory, however many there are.

    Parameters
    ----------
    study, network, profiles, share, numbers : as for `fastp2p.pipeline.draws.draw_scenarios`
    scenario, step : (n,) int64
        Which books, scenario by scenario; scenarios are counted from the first one of `numbers`.
    """
    for start in range(0, len(numbers), SCENARIOS_AT_A_TIME):
        stop = min(start + SCENARIOS_AT_A_TIME, len(numbers))
        first, last = np.searchsorted(scenario, (start, stop)).tolist()
        if first == last:
            continue
        drawn = draw_scenarios(study, network, profiles, share, numbers[start:stop])
        for some in _stretches(scenario[first:last], _most_scenarios(study, profiles)):
            at = slice(first + some.start, first + some.stop)
            yield _run_books(study, network, profiles, drawn, scenario[at] - start, step[at], start)


def _most_scenarios(study: Study, profiles: Profiles) -> int:
    """How many scenarios are run at a time: with devices, which are run through all steps, as many as memory takes."""
    return max(1, BOOKS_AT_A_TIME // profiles.n_steps) if has_devices(study) else SCENARIOS_AT_A_TIME


def _stretches(scenario: Ints, most: int) -> Iterator[slice]:
    """Stretches of rising numbers of scenarios: of `BOOKS_AT_A_TIME` books and `most` scenarios at most."""
    number, begin = np.unique(scenario, return_inverse=True)[1], 0
    while begin < len(scenario):  # ends: begin rises
        end = min(begin + BOOKS_AT_A_TIME, int(np.searchsorted(number, number[begin] + most)))
        yield slice(begin, end)
        begin = end


def _run_books(
    study: Study, network: Network, profiles: Profiles, drawn: Scenarios, scenario: Ints, step: Ints, start: int
) -> Listed:
    """`fastp2p.pipeline.batch.run_batch` of books that are no rectangle of scenarios and steps."""
    market, rules, hours = study.market, study.clearing, profiles.step_hours
    load_kwh, pv_kwh = _home_energy(study, profiles, drawn, scenario, step)
    orders = make_orders(load_kwh, pv_kwh, orders=market.orders, min_order_kwh=market.min_order_kwh, check=False)
    retail_per_kwh, feed_in_per_kwh = drawn.retail_per_kwh[step], drawn.feed_in_per_kwh[step]
    bids, asks = (_prices(price, drawn, scenario, step) for price in (drawn.bid_per_kwh, drawn.ask_per_kwh))
    trades, prices = trade(study, orders, bids, asks, retail_per_kwh, feed_in_per_kwh)
    left = leave_homes_over(load_kwh, pv_kwh, trades, with_batteries=False)
    trades, load_kwh, pv_kwh = stress_trades(rules.stress, trades, load_kwh, pv_kwh)
    connection = connection_of(drawn, scenario)
    clearing, unmatched = clear_trades(study, network, drawn, trades, left, None, hours, connection)
    sample = None
    if study.audited_every > 1:
        number = drawn.number[scenario]
        places = draw_places(study.seed, study.audited_every, number[0], number[-1] + 1, profiles.n_steps, hours)
        sample = np.flatnonzero(is_audited(places, study.audited_every, number, step))
    audited = audit_books(study, network, drawn, clearing, unmatched, hours, connection, sample)
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
    if audited is not None and audited.is_whole:
        columns["slack_kwh"] = books.retail_kwh - books.exported_kwh + audited.losses_kw * hours
    return Listed(scenario + start, step, columns, clearing.status_code, settled.buses)


def _audit_columns(audited: Audit, hours: float, retail_per_kwh: Floats) -> Columns:
    """`fastp2p.pipeline.reduce.audit_columns`, without buses."""
    losses_kwh, phases, found = audited.losses_kw * hours, audited.phases, Columns()
    if phases is not None:
        found = {
            "unbalance_percent": phases.unbalance_percent,
            "neutral_percent": phases.neutral_percent,
            "full_breaks_unbalance": phases.full_unbalance,
            "balanced_breaks_voltage": phases.balanced_voltage,
            "balanced_breaks_current": phases.balanced_current,
        }
    return {
        "lowest_vm_pu": audited.lowest_vm_pu,
        "highest_vm_pu": audited.highest_vm_pu,
        "worst_current_percent": audited.loading_percent,
        "losses_kwh": losses_kwh,
        "losses_cost": losses_kwh * retail_per_kwh,
        "ac_status": audited.code,
        "full_breaks_voltage": audited.full_voltage,
        "full_breaks_current": audited.full_current,
        "needless_cut": audited.needless_cut,
        **found,
    }


def _home_energy(study: Study, profiles: Profiles, drawn: Scenarios, scenario: Ints, step: Ints) -> tuple[Floats, Floats]:
    """(n_books, n_participants) kWh of load and PV, with what devices draw and give."""
    if not has_devices(study):
        return (
            _energy(profiles, drawn.load_profile, drawn.homes, scenario, step),
            _energy(profiles, drawn.pv_profile, drawn.kwp, scenario, step),
        )
    these, place = np.unique(scenario, return_inverse=True)
    ran = run_devices(study, profiles, drawn.some(these))
    assert ran is not None
    load_kwh, pv_kwh = ran.with_batteries()
    return load_kwh[place, step], pv_kwh[place, step]


def _energy(profiles: Profiles, profile_of: Ints, size: Floats, scenario: Ints, step: Ints) -> Floats:
    """(n_books, n_participants) kWh."""
    row = profile_of[scenario]
    return np.where(row == -1, 0.0, profiles.kwh_per_unit[row, step[:, None]] * size[scenario])


def _prices(price: Floats, drawn: Scenarios, scenario: Ints, step: Ints) -> Floats:
    """(n_books, n_participants) bids or asks."""
    return price[scenario] if price.ndim == 2 else np.tile(price[step, None], len(drawn.participant))
