"""One curtailment LP per book, as fastp2p's `clear(..., unserved="shed")` states it, in the ways of its peers.

maximise Σ y_i subject to -limit ≤ flow of the base + Σ (ptdf[:, seller] - ptdf[:, buyer]) y_i ≤ limit and 0 ≤ y_i ≤ q_i, with
steps of one hour. Each function makes the LP of book k, solves it, and returns its executed volume in kWh. All solve this
form but `theta_expressions`, which has bus angles and a balance per bus instead, as power flow is usually written down.

Flows of the base come from fastp2p, so that only the LP is the peer's. The base alone must be within the limits.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

import fastp2p
from bench.peers import needs

LpPeer = Callable[[fastp2p.Network, fastp2p.Trades, np.ndarray, int], float]

ROUNDING = 1e-9
"""HiGHS ignores smaller coefficients, and warns of them."""


def linprog(network: fastp2p.Network, trades: fastp2p.Trades, base_kw: np.ndarray, k: int) -> float:
    """SciPy: dense arrays, its HiGHS behind them."""
    optimize = needs("scipy.optimize")
    columns, below_kw, above_kw, most_kwh = _ptdf_form(network, trades, base_kw, k)
    found = optimize.linprog(
        -np.ones(len(most_kwh)),
        A_ub=np.vstack([columns, -columns]),
        b_ub=np.concatenate([above_kw, -below_kw]),
        bounds=np.column_stack([np.zeros_like(most_kwh), most_kwh]),
        method="highs",
    )
    return -found.fun


def theta_expressions(network: fastp2p.Network, trades: fastp2p.Trades, base_kw: np.ndarray, k: int) -> float:
    """highspy's model expressions, angle form: a variable and a balance per bus, a two-sided limit per branch."""
    highspy = needs("highspy")
    model = _quiet(highspy.Highs())
    book = slice(trades.offset[k], trades.offset[k + 1])
    angle = [model.addVariable(lb=-highspy.kHighsInf, ub=highspy.kHighsInf) for _ in range(network.n_bus)]
    executed = [model.addVariable(lb=0.0, ub=most) for most in trades.quantity_kwh[book].tolist()]
    leaving = [[] for _ in range(network.n_bus)]
    for variable, seller, buyer in zip(executed, trades.seller[book].tolist(), trades.buyer[book].tolist(), strict=True):
        leaving[seller].append(-1.0 * variable)
        leaving[buyer].append(variable)
    # angles in units in which the largest susceptance is 1, for the solver's sake
    susceptance = (network.susceptance_kw / network.susceptance_kw.max()).tolist()
    ends = (network.from_bus.tolist(), network.to_bus.tolist())
    for start, end, weight, limit_kw in zip(*ends, susceptance, network.limit_kw.tolist(), strict=True):
        flow = weight * (angle[start] - angle[end])
        model.addConstr(-limit_kw <= flow <= limit_kw)
        leaving[start].append(flow)
        leaving[end].append(-1.0 * flow)
    references = set(network.reference_bus.tolist())
    for bus, fixed_kw in enumerate((base_kw[k] + network.fixed_kw).tolist()):
        model.addConstr(angle[bus] == 0.0 if bus in references else model.qsum(leaving[bus]) == fixed_kw)
    model.maximize(model.qsum(executed))
    return model.getObjectiveValue()


def ptdf_expressions(network: fastp2p.Network, trades: fastp2p.Trades, base_kw: np.ndarray, k: int) -> float:
    """highspy's model expressions, PTDF form: a two-sided constraint per branch, made of its coefficients that are not zero."""
    model = _quiet(needs("highspy").Highs())
    columns, below_kw, above_kw, most_kwh = _ptdf_form(network, trades, base_kw, k)
    executed = [model.addVariable(lb=0.0, ub=most) for most in most_kwh.tolist()]
    for row, below, above in zip(columns, below_kw.tolist(), above_kw.tolist(), strict=True):
        places = np.flatnonzero(row).tolist()
        if places:
            flow = model.qsum(float(row[i]) * executed[i] for i in places)
            model.addConstr(below <= flow <= above)
    model.maximize(model.qsum(executed))
    return model.getObjectiveValue()


def linopy(network: fastp2p.Network, trades: fastp2p.Trades, base_kw: np.ndarray, k: int) -> float:
    """linopy: labelled arrays as expressions, handed to HiGHS in memory and not through a file."""
    linopy, pd = needs("linopy"), needs("pandas")
    needs("highspy")
    columns, below_kw, above_kw, most_kwh = _ptdf_form(network, trades, base_kw, k)
    trade, branch = pd.RangeIndex(len(most_kwh), name="trade"), pd.RangeIndex(len(columns), name="branch")
    model = linopy.Model()
    executed = model.add_variables(lower=0.0, upper=pd.Series(most_kwh, trade), name="executed")
    flow = (pd.DataFrame(columns, branch, trade) * executed).sum("trade")
    model.add_constraints(flow <= pd.Series(above_kw, branch))
    model.add_constraints(flow >= pd.Series(below_kw, branch))
    model.add_objective(executed.sum(), sense="max")
    with _silent():
        model.solve("highs", io_api="direct", sanitize_zeros=False, sanitize_infinities=False, output_flag=False)
    return float(model.objective.value)


def highs_arrays(network: fastp2p.Network, trades: fastp2p.Trades, base_kw: np.ndarray, k: int) -> float:
    """One HiGHS object for all books, each passed as arrays: presolve off, one thread, a row per branch."""
    highspy = needs("highspy")
    solver = _solver()
    columns, below_kw, above_kw, most_kwh = _ptdf_form(network, trades, base_kw, k)
    n_branch, n_trades = columns.shape
    by_trade = columns.T
    used = by_trade != 0
    start = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    solver.passModel(
        n_trades, n_branch, int(start[-1]), highspy.MatrixFormat.kColwise.value, highspy.ObjSense.kMaximize.value, 0.0,
        np.ones(n_trades), np.zeros(n_trades), most_kwh, below_kw, above_kw,
        start, np.nonzero(used)[1].astype(np.int32), by_trade[used], np.zeros(n_trades, np.int32),
    )  # fmt: skip
    solver.run()
    return solver.getObjectiveValue()


LP_PEERS: dict[str, LpPeer] = {
    "HiGHS, arrays, one object for all books": highs_arrays,
    "SciPy linprog": linprog,
    "HiGHS, expressions, PTDF": ptdf_expressions,
    "HiGHS, expressions, angles": theta_expressions,
    "linopy": linopy,
}
"""By title, the fastest first. What is not installed is a `Gap` when called."""


def _ptdf_form(
    network: fastp2p.Network, trades: fastp2p.Trades, base_kw: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Book k: (n_limited, n_trades) flow per kWh of a trade, room below and above the base's flow, most of a trade."""
    book = slice(trades.offset[k], trades.offset[k + 1])
    columns = network.ptdf[:, trades.seller[book]] - network.ptdf[:, trades.buyer[book]]
    columns[np.abs(columns) < ROUNDING] = 0.0
    flow_kw = network.flow_kw(base_kw[k])
    limited = np.isfinite(network.limit_kw)
    flow_kw, limit_kw = flow_kw[limited], network.limit_kw[limited]
    return columns[limited], -limit_kw - flow_kw, limit_kw - flow_kw, trades.quantity_kwh[book]


@cache
def _solver() -> Any:
    solver = _quiet(needs("highspy").Highs())
    for name, value in (("presolve", "off"), ("threads", 1), ("parallel", "off")):
        solver.setOptionValue(name, value)
    return solver


def _quiet(solver: Any) -> Any:
    solver.setOptionValue("output_flag", False)
    return solver


@contextmanager
def _silent() -> Iterator[None]:
    """Keep back linopy's log, and the banner that HiGHS writes before it has its options; from C, so below `sys.stdout`."""
    logging.getLogger("linopy").setLevel(logging.WARNING)
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
