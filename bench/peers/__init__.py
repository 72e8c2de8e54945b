"""The fastest peers, each behind one function, on networks that all of them understand.

A flow peer is a module of `FLOW_PEERS`, one of three-phase power flows a module of `PHASE_PEERS`, both opened with `flow_peer`;
an LP peer is a function of `lps.LP_PEERS`. What a peer needs beyond NumPy is imported when it is prepared, so a package that is
not installed is a `Gap` and no more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

import fastp2p
from bench.networks import Case, Gap

FLOW_PEERS = [
    "numpy_ptdf",
    "scipy_splu",
    "lightsim2grid_dc",
    "pypsa_lpf",
    "pandapower_timeseries",
    "pandapower_loop",
    "power_grid_model_linear",
    "lightsim2grid_ac",
    "power_grid_model_newton",
    "power_grid_model_current",
    "pandapower_timeseries_ac",
]
"""Modules of this package: DC, then linear AC, then AC."""
PHASE_PEERS = ["asymmetric_current", "asymmetric_newton", "asymmetric_opendss", "asymmetric_pandapower"]
"""Modules of this package: three-phase AC, each with TITLE, PACKAGE, BOOKS (at most so many) and prepare(case)."""

DC_TOLERANCE, AC_TOLERANCE, LINEAR_TOLERANCE = 1e-6, 1e-5, 0.5
"""Largest deviation of a flow, as a share of its book's largest flow."""
PHASE_TOLERANCE_PU = 1e-5
"""Largest deviation of a voltage between phase and neutral."""
AC_BOOKS = 3
"""So many books are compared with `pandapower.runpp`."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A peer, ready to be timed.

    Attributes
    ----------
    run : function
        The timed work: many books' injections in, branch flows (or, where it says so, bus voltages) out.
    flow_kw : function
        Flows of the last run, (n_books, n_branch) kW in fastp2p's order and sign; not timed.
    """

    run: Callable[[], object]
    flow_kw: Callable[[], np.ndarray]


@dataclass(frozen=True, eq=False)
class PhaseCase:
    """Three-phase books on a network that all peers have: see `asymmetric.as_peers_have_it`.

    Attributes
    ----------
    net : pandapower network
        Not to be changed; copy it.
    network : fastp2p.Network
    bus : (n_columns,) int64
        Positions of the buses that inject.
    kw, kvar : (n_books, n_columns, 3) float64
    """

    net: Any
    network: fastp2p.Network
    bus: np.ndarray
    kw: np.ndarray
    kvar: np.ndarray

    def first(self, n_books: int) -> "PhaseCase":
        """The first books."""
        return replace(self, kw=self.kw[:n_books], kvar=self.kvar[:n_books])


@dataclass(frozen=True, eq=False)
class PreparedPhases:
    """A three-phase peer, ready to be timed.

    Attributes
    ----------
    run : function
        The timed work: injections of many books in, voltages of all buses out.
    vm_pu : function
        Voltages between phase and neutral of the last run, (n_books, n_bus, 3); not timed.
    """

    run: Callable[[], object]
    vm_pu: Callable[[], np.ndarray]


def flow_peer(name: str) -> ModuleType:
    """A flow peer: TITLE, PHYSICS ("DC", "AC", "linear AC"), PACKAGE (a distribution), prepare(case, injection_kw)."""
    return import_module(f"{__name__}.{name}")


def needs(module: str) -> ModuleType:
    """Import what a peer needs.

    Raises
    ------
    Gap
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise Gap(f"{module.split('.')[0].replace('_', '-')} is not installed") from error


def with_injections(case: Case) -> Any:
    """The network as every peer sees it: a pandapower net with one load per fastp2p bus, all of them zero.

    Buses, lines and transformers go by fastp2p's positions: what closed switches join is one bus, what is out of service is
    left out, and switches are gone. Loads, generators and storages of the network itself are left out too, and so are shunts
    and the charging of lines: without its generators nothing holds down the voltage of an idle transmission network, and it
    would have no AC solution. The DC model stays the same, which is made sure of by converting the copy back.

    Raises
    ------
    Gap
        If the network has other branches than lines and transformers, or its DC model changes.
    """
    import pandapower as pp

    source, network = case.net, case.network
    others = sorted(set(network.element.tolist()) - {"line", "trafo"})
    if others or (network.bus_id < 0).any():
        raise Gap(f"{case.title} has branches that not all peers know: {', '.join(others)}")
    net = pp.create_empty_network(sn_mva=source.sn_mva, f_hz=source.f_hz)
    net.bus = source.bus.loc[network.bus_id].reset_index(drop=True)
    ids = {table: network.element_id[network.element == table] for table in ("line", "trafo")}
    ids["ext_grid"] = source.ext_grid.index[source.ext_grid.in_service.astype(bool)]
    for table, bus_ids in ids.items():
        net[table] = source[table].loc[bus_ids].reset_index(drop=True)
        for end in ("bus", "from_bus", "to_bus", "hv_bus", "lv_bus"):
            if end in net[table]:
                net[table][end] = network.positions(net[table][end].to_numpy())
    net.line["c_nf_per_km"] = 0.0
    if "tap_dependency_table" not in net.trafo:
        net.trafo["tap_dependency_table"] = False  # pandapower warns in every run where the column is missing
    pp.create_loads(net, np.arange(network.n_bus), p_mw=0.0, q_mvar=0.0)
    if not _same_dc_model(fastp2p.Network.from_pandapower(net), network):
        raise Gap(f"{case.title}: its simplified copy has another DC model")
    return net


def _same_dc_model(one: fastp2p.Network, other: fastp2p.Network) -> bool:
    if one.n_bus != other.n_bus or one.n_branch != other.n_branch:
        return False
    names = ("from_bus", "to_bus", "reference_bus", "susceptance_kw", "shift_rad")
    same = (np.allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=0.0) for name in names)
    return all(same) and np.allclose(one.constant_kw, other.constant_kw, atol=1e-6)


def branch_flow_kw(line_mw: np.ndarray, trafo_mw: np.ndarray) -> np.ndarray:
    """Flows in fastp2p's order, of a library that has lines and transformers of `with_injections` in two arrays."""
    return 1e3 * np.hstack([line_mw, trafo_mw])


def check(prepared: Prepared, case: Case, injection_kw: np.ndarray, physics: str) -> float:
    """Run once and compare: DC with fastp2p's flows, the others with `pandapower.runpp` on the first books.

    Returns
    -------
    float
        The largest difference of any flow as a share of its book's largest flow.

    Raises
    ------
    AssertionError
        If it is above the tolerance of the physics.
    """
    prepared.run()
    flow_kw = prepared.flow_kw()
    if flow_kw.shape != (len(injection_kw), case.network.n_branch):
        raise AssertionError(f"flows of shape {flow_kw.shape}")
    if physics == "DC":
        expected_kw, tolerance = case.network.flow_kw(injection_kw), DC_TOLERANCE
    else:
        expected_kw = ac_flow_kw(case, injection_kw[:AC_BOOKS])
        tolerance = AC_TOLERANCE if physics == "AC" else LINEAR_TOLERANCE
    difference = np.abs(flow_kw[: len(expected_kw)] - expected_kw).max(axis=1) / np.abs(expected_kw).max(axis=1)
    worst = float(difference.max())
    if not worst <= tolerance:
        raise AssertionError(f"a flow deviates by {worst:.2g} of its book's largest, more than {tolerance:g}")
    return worst


def check_phases(prepared: PreparedPhases, case: PhaseCase) -> float:
    """Run once and compare with `fastp2p.phase_flow`; the largest difference of any voltage, p.u.

    Raises
    ------
    AssertionError
        If it is above `PHASE_TOLERANCE_PU`.
    """
    prepared.run()
    expected = fastp2p.phase_flow(case.network, case.kw, case.kvar, bus=case.bus).vm_pu
    worst = float(np.abs(prepared.vm_pu() - expected).max())
    if not worst <= PHASE_TOLERANCE_PU:
        raise AssertionError(f"a voltage deviates by {worst:.2g} p.u., more than {PHASE_TOLERANCE_PU:g}")
    return worst


def ac_flow_kw(case: Case, injection_kw: np.ndarray) -> np.ndarray:
    """Active power into each branch at its `from_bus`, (n_books, n_branch) kW, by `pandapower.runpp`."""
    import pandapower as pp

    net = with_injections(case)
    flow_kw = np.empty((len(injection_kw), case.network.n_branch))
    for k, row_kw in enumerate(injection_kw):
        net.load["p_mw"] = -1e-3 * row_kw
        pp.runpp(net, calculate_voltage_angles=True, tolerance_mva=1e-9, max_iteration=30, numba=False)
        flow_kw[k] = branch_flow_kw(net.res_line.p_from_mw, net.res_trafo.p_hv_mw)
    return flow_kw
