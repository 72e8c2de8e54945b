"""Clearing: which part of the matched trades the network carries.

Screen → reduce → solve → check, per book: the screen is in limits.py, the rest, for the few books that need it, in
solve.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import kind_faults, refuse_other_kinds
from fastp2p.arrays import finite_faults, floats, hours_faults, integers, is_between, is_word
from fastp2p.clearing.answer import Clearing, Injection
from fastp2p.clearing.columns import OBJECTIVES
from fastp2p.clearing.connection import Connection, OnPhases
from fastp2p.clearing.execution import Order, cut, execute_all
from fastp2p.clearing.limits import PHYSICS, DcLimits, Limits, LinearLimits, limit_faults
from fastp2p.clearing.phase_limits import PhaseLimits
from fastp2p.clearing.reactive import Reactive
from fastp2p.clearing.solve import LP_SOLVERS
from fastp2p.clearing.tightening import tighten
from fastp2p.errors import refuse
from fastp2p.grid.network import Network
from fastp2p.grid.phase_feeder import phase_faults
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNSERVED = ("retail", "shed")


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
    physics: str = "dc",
    reactive: Reactive | None = None,
    connection: Connection | None = None,
    v_min_pu: float = 0.90,
    v_max_pu: float = 1.10,
    check: bool = True,
) -> Clearing:
    """Execute as much of the matched trades as the network carries, book by book.

    maximise Σ w_i y_i subject to lower ≤ c + R p⁰ + Σ a_i y_i ≤ upper and 0 ≤ y_i ≤ q_i, where trade i goes from seller s to
    buyer d. A limit that p⁰ alone breaks becomes the base value, so y = 0 is always feasible. Among the optima: most
    exports, then the answer closest to pro rata, with the least Σ (q_i - y_i)² / q_i over trades and exports. It is unique, and
    does not depend on how buses, participants and trades are numbered.

    Parameters
    ----------
    network : Network
    trades : Trades
        Not pooled under "shed", which asks who trades with whom. A run of pooled trades of one bid and one ask is a pool.
    base_kw : (n_books, n_bus) float, kW; with a `connection` (n_books, n_bus, 3)
        Everything not traded: deficits left to the retailer (negative), fixed exports (positive).
    export_kw : (n_books, n_bus) float, kW, optional
        Surplus that may be exported as far as there is room, after all trades.
    bus : (n_columns,) int, optional
        Where only some buses take part: the position of each, ascending. The other arrays then have a column for each of
        these alone, and sellers and buyers are places among them.
    objective : {"volume", "welfare", "pro_rata"}
        w = 1; w = bid - ask; or no LP: all trades shrink in proportion until they fit (progressive filling).
    unserved : {"retail", "shed"}
        "retail": the buyers' energy is in p⁰, served whatever happens; a cut spills the seller's PV, a_i = R[:, s].
        "shed": what is cut is neither produced nor consumed, a_i = R[:, s] - R[:, d].
    step_hours : float
        Length of a step: kWh = kW x step_hours.
    solver : {"auto", "compiled", "highs"}
        "auto": no LP where limits are nested (radial networks under "dc" and "retail"), which are filled; elsewhere LPs by
        fastp2p's own kernel or by HiGHS, whichever is faster. "compiled", "highs": LPs by the one or the other, everywhere. A
        book that the kernel cannot prove goes to HiGHS. The answer is the same.
    physics : {"dc", "lindistflow", "ac"}
        What limits are: DC flows of branches; or, on radial networks, apparent power and voltages as LinDistFlow has them
        (`fastp2p.clearing.limits.LinearLimits`); or the same, tightened where an AC power flow finds them broken.
    reactive : Reactive, optional
        Reactive power of the books; by default none.
    connection : Connection, optional
        On which phases the columns are connected, of a network that was loaded with ``phases=3``: limits are those of each
        conductor and phase then, and `base_kw` and `reactive.base_kvar` have a last axis more, the phases a, b, c.
    v_min_pu, v_max_pu : float, p.u.
        Band of the voltages, but for the external grids' own; without effect under "dc". By default that of EN 50160.
    check : bool
        False: the values are known to be right, and are not looked at; shapes, and which buses are named, are all the same.
        Wrong values give wrong answers then.

    Raises
    ------
    InputError
        Arrays that do not fit, buses outside the network, negative or non-finite numbers; all faults in one message.
    """
    base = floats("base_kw", base_kw)
    none = np.zeros_like(base) if connection is None else np.zeros(base.shape[:2])
    export = none if export_kw is None else floats("export_kw", export_kw)
    refuse_other_kinds(network=(network, Network), trades=(trades, Trades))
    at = np.arange(network.n_bus) if bus is None else integers("bus", bus)
    faults = [] if reactive is None else kind_faults(reactive=(reactive, Reactive))
    faults += [] if connection is None else kind_faults(connection=(connection, Connection))
    faults += choice_faults(objective, unserved, solver, physics) + hours_faults(step_hours)
    if trades.pooled and unserved == "shed":
        faults.append(
            'unserved = "shed" asks who trades with whom, which pooled trades do not say; give trades.in_proportion()'
        )
    faults += _shape_faults(network, trades, base, export, at, connection is not None)
    no_phases = [] if connection is None else phase_faults(network)
    faults += no_phases + (connection.faults(trades.n_books, at.size) if isinstance(connection, Connection) else [])
    if check:
        faults += limit_faults(network, physics, v_min_pu, v_max_pu) if is_word(physics, PHYSICS) and not no_phases else []
        faults += _value_faults(network, trades, base, export, objective)
        if connection is not None and not faults:
            faults += connection.absent_faults(network, at, trades, base, export)
    refuse(faults)
    return clear_books(
        network, trades, base, export, at, objective=objective, unserved=unserved, step_hours=step_hours, solver=solver,
        physics=physics, reactive=reactive, connection=connection, band_pu=(float(v_min_pu), float(v_max_pu)),
    )  # fmt: skip


def clear_books(
    network: Network,
    trades: Trades,
    base: Floats,
    export: Floats,
    bus: Ints,
    *,
    objective: str,
    unserved: str,
    step_hours: float,
    solver: str,
    physics: str,
    reactive: Reactive | None,
    connection: Connection | None,
    band_pu: tuple[float, float],
) -> Clearing:
    """`clear` of arrays that are known to be right."""
    retail = unserved == "retail"
    limits: Limits = DcLimits(network, bus)
    if connection is not None:
        on_phases = _on_phases(base, reactive or Reactive(), connection)
        limits = PhaseLimits(
            network, bus, on_phases.pv_phase, on_phases.load_phase, None if physics == "dc" else band_pu,
            on_phases.pv_kvar_per_kw, on_phases.load_kvar_per_kw,
        )  # fmt: skip
        order = Order(limits, trades, export, base, None, on_phases, objective, retail, step_hours, solver)
    else:
        kvar = None if physics == "dc" and reactive is None else (reactive or Reactive()).spread(base.shape)
        if kvar is not None and physics != "dc":
            limits = LinearLimits(network, bus, band_pu, kvar.pv_kvar_per_kw, kvar.load_kvar_per_kw, every_bus=physics == "ac")
        order = Order(limits, trades, export, base, kvar, None, objective, retail, step_hours, solver)
    clearing = execute_all(order)
    clearing = cut(order, clearing, clearing.congested_book)
    return tighten(order, clearing) if physics == "ac" else clearing


def _on_phases(base_kw: Floats, reactive: Reactive, connection: Connection) -> OnPhases:
    """What is injected on phases besides trades and exports."""
    base_kvar, pv, load = reactive.spread(base_kw.shape)
    load_phase, pv_phase = connection.spread(*base_kw.shape[:2])
    return OnPhases(Injection(base_kw, base_kvar), pv, load, load_phase, pv_phase)


def choice_faults(objective: str, unserved: str, solver: str, physics: str) -> list[str]:
    """Unknown words."""
    words = {"objective": (objective, OBJECTIVES), "unserved": (unserved, UNSERVED), "solver": (solver, LP_SOLVERS)}
    words["physics"] = physics, PHYSICS
    return [
        f"{name} = {word!r}: must be one of {', '.join(known)}"
        for name, (word, known) in words.items()
        if not is_word(word, known)
    ]


def bus_faults(network: Network, bus: Ints) -> list[str]:
    """What keeps positions from being those of buses that columns are of."""
    if bus.ndim == 1 and (bus[1:] > bus[:-1]).all() and (not len(bus) or 0 <= bus[0] <= bus[-1] < network.n_bus):
        return []
    return [f"bus must hold ascending positions of the network's buses, 0…{network.n_bus - 1}"]


def capacity_faults(network: Network) -> list[str]:
    """Limits of branches that are none."""
    if is_between(network.limit_kw, 0.0, np.inf):
        return []
    bad = network.branch_name[np.isnan(network.limit_kw) | (network.limit_kw < 0)].tolist()
    return [f"limit_kw is NaN or negative for {', '.join(bad)}"]


def _shape_faults(network: Network, trades: Trades, base: Floats, export: Floats, bus: Ints, on_phases: bool) -> list[str]:
    """Arrays of other lengths, and buses that are not there."""
    faults = bus_faults(network, bus)
    shape = (trades.n_books, bus.size)
    if on_phases and base.shape != (*shape, 3):
        faults.append(
            f"base_kw has shape {base.shape}; with a connection it must be (n_books, n_bus, 3) = {(*shape, 3)}, or have a "
            "column per bus named"
        )
    for name, array in (("export_kw", export),) if on_phases else (("base_kw", base), ("export_kw", export)):
        if array.shape != shape:
            faults.append(
                f"{name} has shape {array.shape}; it must be (n_books, n_bus) = {shape}, or have a column per bus named"
            )
    return faults + trades.shape_faults(len(base) if base.ndim == 2 + on_phases else trades.n_books, bus.size)


def _value_faults(network: Network, trades: Trades, base: Floats, export: Floats, objective: str) -> list[str]:
    """Limits, injections and trades that are no numbers, too large, or negative."""
    faults = capacity_faults(network) + finite_faults("base_kw", base, "book")
    of_export = finite_faults("export_kw", export, "book")
    if not of_export and not is_between(export, 0.0):
        of_export = [f"export_kw is negative in book {int(np.argwhere(export < 0)[0][0])}"]
    faults += of_export + trades.value_faults()
    if objective == "welfare" and not faults and len(trades.bid_per_kwh) == len(trades.ask_per_kwh):
        loss = np.flatnonzero(~(trades.bid_per_kwh >= trades.ask_per_kwh))
        if len(loss):
            faults.append(f"trade {loss[0]} has a bid below its ask; welfare is not defined for it")
    return faults
