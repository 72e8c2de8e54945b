"""Clearing: which part of the matched trades the network carries.

Screen → reduce → solve → check, per book: the screen is here, the rest, for the few books that need it, in curtailment.py.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import floats, is_between
from fastp2p.curtailment import LP_SOLVERS, OBJECTIVES, ROW_TOLERANCE, LimitRows, collect, curtail
from fastp2p.errors import refuse
from fastp2p.kernels.clearing import execute_books, inject_trades, screen_rows
from fastp2p.network import Network
from fastp2p.trades import BASE_OVERLOAD, CLEARED, FAILED, FREE, NO_LP, Clearing, Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNSERVED = ("retail", "shed")
CUT = 1e-9
"""A trade counts as cut where this share of it, or more, is not executed."""


def clear(
    network: Network,
    trades: Trades,
    base_kw: ArrayLike,
    *,
    export_kw: ArrayLike | None = None,
    objective: str = "volume",
    unserved: str = "retail",
    step_hours: float = 1.0,
    solver: str = "auto",
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

    Raises
    ------
    InputError
        Arrays that do not fit, buses outside the network, negative or non-finite numbers; all faults in one message.
    """
    base = floats("base_kw", base_kw)
    export = np.zeros_like(base) if export_kw is None else floats("export_kw", export_kw)
    unknown = [] if solver in LP_SOLVERS else [f"solver = {solver!r}: must be one of {', '.join(LP_SOLVERS)}"]
    refuse(unknown + _faults(network, trades, base, export, objective, unserved, step_hours))
    retail = unserved == "retail"

    floor_kw, full_kw = np.empty_like(base), np.empty_like(base)
    inject_trades(
        base, export, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, step_hours, retail, floor_kw, full_kw
    )
    rows = LimitRows.of(network)
    floor_value, flow_kw = network.flow_kw(floor_kw), network.flow_kw(full_kw)
    overload, congested = np.empty(len(base), np.int64), np.empty(len(base), np.int64)
    screen_rows(floor_value, flow_kw, rows.lower, rows.upper, ROW_TOLERANCE, overload, congested)

    executed, exported = trades.quantity_kwh.copy(), export.copy()
    code = np.where(overload == 1, BASE_OVERLOAD, np.where(congested == 1, CLEARED, FREE)).astype(np.int8)
    shadow_price = np.zeros_like(flow_kw)
    binding = np.full(trades.n_trades, -1, np.int64)
    solver_code, certified = np.full(len(base), NO_LP, np.int8), np.ones(len(base), bool)
    books = np.flatnonzero(congested)
    if len(books):
        columns = collect(books, trades, export, objective, retail, step_hours)
        answer = curtail(rows, books, columns, floor_value, objective, solver)
        code[books[answer.failed]] = FAILED
        solver_code[books], certified[books] = answer.solver_code, answer.certified
        shadow_price[books] = answer.dual * (step_hours if objective == "volume" else 1.0)
        execute_books(
            books, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, step_hours, retail,
            columns.offset, columns.column_of, columns.n_trade_columns, columns.plus, columns.most_kw, answer.share,
            answer.binding_row, 1.0 - CUT, floor_kw, executed, binding, exported, full_kw,
        )  # fmt: skip
        flow_kw[books] = network.flow_kw(full_kw[books])
    slack_kw = _slack_kw(network, full_kw, flow_kw)
    return Clearing(executed, exported, flow_kw, slack_kw, code, shadow_price, binding, solver_code, certified)


def _slack_kw(network: Network, injection_kw: Floats, flow_kw: Floats) -> Floats:
    """(n_books,) what leaves the external grids' buses on branches less what is injected there."""
    at = network.reference_bus
    slack_kw: Floats = -injection_kw[:, at].sum(axis=1) - network.fixed_kw[at].sum()
    # one branch after the other: a book's bits must not depend on how many there are
    for branch in np.flatnonzero(np.isin(network.from_bus, at)):
        slack_kw += flow_kw[:, branch]
    for branch in np.flatnonzero(np.isin(network.to_bus, at)):
        slack_kw -= flow_kw[:, branch]
    return slack_kw


def _faults(
    network: Network, trades: Trades, base: Floats, export: Floats, objective: str, unserved: str, step_hours: float
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
    shape = (trades.n_books, network.n_bus)
    for name, array in (("base_kw", base), ("export_kw", export)):
        if array.shape != shape:
            faults.append(f"{name} has shape {array.shape}; it must be (n_books, n_bus) = {shape}")
        elif not is_between(array):
            faults.append(f"{name} is not finite in book {int(np.argwhere(~np.isfinite(array))[0][0])}")
        elif name == "export_kw" and not is_between(array, 0.0):
            faults.append(f"export_kw is negative in book {int(np.argwhere(array < 0)[0][0])}")
    faults += trades.faults(len(base) if base.ndim == 2 else trades.n_books, network.n_bus)
    if objective == "welfare" and not faults:
        loss = np.flatnonzero(~(trades.bid_per_kwh >= trades.ask_per_kwh))
        if len(loss):
            faults.append(f"trade {loss[0]} has a bid below its ask; welfare is not defined for it")
    return faults
