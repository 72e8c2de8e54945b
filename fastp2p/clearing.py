"""Clearing: which part of the matched trades the network carries.

Screen → reduce → solve → check, per book: the screen is here, the rest, for the few books that need it, in curtailment.py.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import floats, integers, is_between
from fastp2p.curtailment import LP_SOLVERS, OBJECTIVES, ROW_TOLERANCE, Columns, Curtailment, LimitRows, collect, curtail
from fastp2p.errors import refuse
from fastp2p.kernels.clearing import execute_books, inject_trades
from fastp2p.kernels.flows import screen_meshed, screen_tree
from fastp2p.network import BOOKS_PER_BLOCK, Network
from fastp2p.trades import BASE_OVERLOAD, CLEARED, FAILED, FREE, NO_LP, Clearing, Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNSERVED = ("retail", "shed")
CUT = 1e-9
"""A trade counts as cut where this share of it, or more, is not executed."""


class Screen(NamedTuple):
    """What the flows of every book say, (n_books,): see `kernels.flows.screen_tree`."""

    overload: Ints
    congested: Ints
    loading_percent: Floats
    slack_kw: Floats


def clear(
    network: Network,
    trades: Trades,
    base_kw: ArrayLike,
    *,
    export_kw: ArrayLike | None = None,
    bus: ArrayLike | None = None,
    objective: str = "volume",
    unserved: str = "retail",
    step_hours: float = 1.0,
    solver: str = "auto",
    check: bool = True,
) -> Clearing:
    """Execute as much of the matched trades as the network carries, book by book.

    maximise Σ w_i y_i subject to lower ≤ c + R p⁰ + Σ a_i y_i ≤ upper and 0 ≤ y_i ≤ q_i, where trade i goes from seller s to
    buyer d. A limit that p⁰ alone breaks becomes the base value, so y = 0 is always feasible. Among the optima: most
    exports, then the largest sum weighted towards earlier trades (dearer bid, cheaper ask, smaller bus numbers), which makes
    the answer unique.

    Parameters
    ----------
    network : Network
    trades : Trades
    base_kw : (n_books, n_bus) float, kW
        Everything not traded: deficits left to the retailer (negative), fixed exports (positive).
    export_kw : (n_books, n_bus) float, kW, optional
        Surplus that may be exported as far as there is room, after all trades.
    bus : (n_columns,) int, optional
        Where only some buses take part: the position of each, ascending. The other arrays then have a column for each of
        these alone, and sellers and buyers are places among them.
    objective : {"volume", "welfare", "pro_rata"}
        w = 1; w = bid - ask; or no LP: all trades shrink alike until they fit (progressive filling).
    unserved : {"retail", "shed"}
        "retail": the buyers' energy is in p⁰, served whatever happens; a cut spills the seller's PV, a_i = R[:, s].
        "shed": what is cut is neither produced nor consumed, a_i = R[:, s] - R[:, d].
    step_hours : float
        Length of a step: kWh = kW x step_hours.
    solver : {"auto", "compiled", "highs"}
        Who solves the LPs: fastp2p's own kernel, HiGHS, or each where it is faster ("auto"). A book that the kernel cannot
        prove goes to HiGHS. The answer is the same.
    check : bool
        False: the arrays are known to be right. Nothing is looked at then, and wrong ones give wrong answers.

    Raises
    ------
    InputError
        Arrays that do not fit, buses outside the network, negative or non-finite numbers; all faults in one message.
    """
    base = floats("base_kw", base_kw)
    export = np.zeros_like(base) if export_kw is None else floats("export_kw", export_kw)
    at = np.arange(network.n_bus) if bus is None else integers("bus", bus)
    if check:
        unknown = [] if solver in LP_SOLVERS else [f"solver = {solver!r}: must be one of {', '.join(LP_SOLVERS)}"]
        refuse(unknown + _faults(network, trades, base, export, at, objective, unserved, step_hours))
    retail = unserved == "retail"

    floor_kw, injection_kw = np.empty_like(base), np.empty_like(base)
    inject_trades(
        base, export, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, step_hours, retail,
        floor_kw, injection_kw,
    )  # fmt: skip
    screen = screen_books(network, at, floor_kw, injection_kw)
    executed, exported = trades.quantity_kwh.copy(), export.copy()
    code = np.where(screen.overload == 1, BASE_OVERLOAD, np.where(screen.congested == 1, CLEARED, FREE)).astype(np.int8)
    binding = np.full(trades.n_trades, -1, np.int64)
    solver_code, certified = np.full(len(base), NO_LP, np.int8), np.ones(len(base), bool)
    books = np.flatnonzero(screen.congested)
    dual = np.empty((0, network.n_branch))
    if len(books):
        columns = collect(books, trades, export, objective, retail, step_hours)
        answer = _curtail(network, at, floor_kw[books], columns, objective, solver)
        code[books[answer.failed]] = FAILED
        solver_code[books], certified[books] = answer.solver_code, answer.certified
        dual = answer.dual * (step_hours if objective == "volume" else 1.0)
        execute_books(
            books, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, step_hours, retail,
            columns.offset, columns.column_of, columns.n_trade_columns, columns.plus, columns.most_kw, answer.share,
            answer.binding_row, 1.0 - CUT, floor_kw, executed, binding, exported, injection_kw,
        )  # fmt: skip
        cleared = screen_books(network, at, floor_kw[books], injection_kw[books])
        screen.loading_percent[books], screen.slack_kw[books] = cleared.loading_percent, cleared.slack_kw
    return Clearing(
        executed, exported, injection_kw, screen.slack_kw, screen.loading_percent, code, binding, books, dual,
        solver_code, certified, partial(network.flow_kw, bus=at),
    )  # fmt: skip


def screen_books(network: Network, bus: Ints, floor_kw: Floats, full_kw: Floats) -> Screen:
    """Every book's flows against the limits.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    floor_kw, full_kw : (n_books, n_columns) float64, kW
        Injections with nothing executed, and with everything.
    """
    n_books, n_branch = len(full_kw), network.n_branch
    overload, congested = np.empty(n_books, np.int64), np.empty(n_books, np.int64)
    loading_percent, slack_kw = np.empty(n_books), np.empty(n_books)
    limits = (-network.limit_kw, network.limit_kw, ROW_TOLERANCE, network.percent_per_kw, network.root_sign)
    work = (network.work_space(), np.empty((n_branch, BOOKS_PER_BLOCK)), np.empty((n_branch, BOOKS_PER_BLOCK)))
    screen: Callable[..., None] = screen_tree if network.is_radial else screen_meshed
    how = (bus, *network.tree[:4]) if network.is_radial else (network.factors.position[bus], *network.factors[1:])
    screen(
        floor_kw, full_kw, *how, network.constant_kw, *limits, *work, overload, congested, loading_percent, slack_kw,
    )  # fmt: skip
    for column in np.flatnonzero(network.is_reference[bus]):
        slack_kw -= full_kw[:, column]
    slack_kw -= network.fixed_kw[network.reference_bus].sum()
    return Screen(overload, congested, loading_percent, slack_kw)


def _curtail(network: Network, bus: Ints, floor_kw: Floats, columns: Columns, objective: str, solver: str) -> Curtailment:
    """The answer for congested books with these injections where nothing is executed."""
    at_bus = replace(columns, plus=bus[columns.plus], minus=np.where(columns.minus >= 0, bus[columns.minus], -1))
    floor_value = network.flow_kw(floor_kw, bus)
    return curtail(LimitRows.of(network), np.arange(len(floor_kw)), at_bus, floor_value, objective, solver)


def _faults(
    network: Network,
    trades: Trades,
    base: Floats,
    export: Floats,
    bus: Ints,
    objective: str,
    unserved: str,
    step_hours: float,
) -> list[str]:
    faults = []
    if objective not in OBJECTIVES:
        faults.append(f"objective = {objective!r}: must be one of {', '.join(OBJECTIVES)}")
    if unserved not in UNSERVED:
        faults.append(f"unserved = {unserved!r}: must be one of {', '.join(UNSERVED)}")
    if not (isinstance(step_hours, int | float) and np.isfinite(step_hours) and step_hours > 0):
        faults.append(f"step_hours = {step_hours}: must be positive")
    if np.shape(network.limit_kw) != (network.n_branch,):
        faults.append(f"limit_kw has shape {np.shape(network.limit_kw)}; it must be (n_branch,) = ({network.n_branch},)")
    elif np.isnan(network.limit_kw).any() or (network.limit_kw < 0).any():
        bad = network.branch_name[np.isnan(network.limit_kw) | (network.limit_kw < 0)].tolist()
        faults.append(f"limit_kw is NaN or negative for {', '.join(bad)}")
    if bus.ndim != 1 or (np.diff(bus) <= 0).any() or (len(bus) and not 0 <= bus[0] <= bus[-1] < network.n_bus):
        faults.append(f"bus must hold ascending positions of the network's buses, 0…{network.n_bus - 1}")
    shape = (trades.n_books, bus.size)
    for name, array in (("base_kw", base), ("export_kw", export)):
        if array.shape != shape:
            faults.append(
                f"{name} has shape {array.shape}; it must be (n_books, n_bus) = {shape}, or have a column per bus named"
            )
        elif not is_between(array):
            faults.append(f"{name} is not finite in book {int(np.argwhere(~np.isfinite(array))[0][0])}")
        elif name == "export_kw" and not is_between(array, 0.0):
            faults.append(f"export_kw is negative in book {int(np.argwhere(array < 0)[0][0])}")
    faults += trades.faults(len(base) if base.ndim == 2 else trades.n_books, bus.size)
    if objective == "welfare" and not faults:
        loss = np.flatnonzero(~(trades.bid_per_kwh >= trades.ask_per_kwh))
        if len(loss):
            faults.append(f"trade {loss[0]} has a bid below its ask; welfare is not defined for it")
    return faults
