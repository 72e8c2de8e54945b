"""AC power flows of a sample of books through pandapower: for meshed networks, some ten milliseconds a book."""

from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.grid.ac import AcFlow, AcSolver
from fastp2p.grid.feeder import branch_currents
from fastp2p.grid.network import Network
from fastp2p.grid.ratings import percent_per_kva
from fastp2p.kernels.grid.structs import AcSummary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]


def runpp_solver(source: str) -> AcSolver:
    """Power flows by ``pandapower.runpp`` on the network that `source` names; for `fastp2p.clearing.audit.audit`."""
    return AcSolver(partial(_summarise, source), partial(_flow, source))


def check_source(network: Network, source: str) -> None:
    """Check that a sample of `network` can be audited on the network that `source` names.

    Raises
    ------
    InputError
        If it names another network, or none.
    """
    from fastp2p.io.runpp import load_same

    load_same(source, _arrays(network))


def _arrays(network: Network) -> dict[str, Any]:
    return {field.name: getattr(network, field.name) for field in fields(network)}


def _summarise(
    source: str, network: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats
) -> tuple[AcSummary, Ints]:
    """As `fastp2p.grid.ac.summarise_flows`."""
    flow = _flow(source, network, injection_kw, injection_kvar, bus=bus)
    summary = AcSummary.unknown(len(injection_kw))
    inner = np.flatnonzero(network.has_band)
    good = np.flatnonzero(flow.converged)
    vm = flow.vm_pu[np.ix_(good, inner)]
    lowest, highest = vm.argmin(axis=1), vm.argmax(axis=1)
    summary.lowest_vm_pu[good], summary.lowest_bus[good] = vm[np.arange(len(good)), lowest], inner[lowest]
    summary.highest_vm_pu[good], summary.highest_bus[good] = vm[np.arange(len(good)), highest], inner[highest]
    summary.loading_percent[good] = np.nan_to_num(flow.loading_percent[good]).max(axis=1, initial=0.0)
    return summary._replace(losses_kw=flow.losses_kw, slack_kw=flow.slack_kw, slack_kvar=flow.slack_kvar), flow.n_iterations


def _flow(source: str, network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike, *, bus: ArrayLike) -> AcFlow:
    """As `fastp2p.grid.ac.ac_flow`."""
    from fastp2p.io.runpp import runpp_voltages

    injection = np.zeros((len(np.asarray(injection_kw)), network.n_bus), np.complex128)
    injection[:, np.asarray(bus)] = np.asarray(injection_kw) + 1j * np.asarray(injection_kvar)
    voltage = runpp_voltages(source, _arrays(network), injection)
    return flow_of_voltages(network, voltage, injection)


def flow_of_voltages(network: Network, voltage: Complexes, injection_kva: Complexes) -> AcFlow:
    """Currents, losses and the power of the external grids, from solved voltages.

    Parameters
    ----------
    network : Network
    voltage : (n_books, n_bus) complex128, p.u.
        NaN where a book has no solution.
    injection_kva : (n_books, n_bus) complex128, kW + j kvar
    """
    i_from, i_to = branch_currents(network, voltage, np.arange(network.n_branch))
    ends_kv = network.base_kv[np.stack([network.from_bus, network.to_bus])]
    ampere = np.abs([i_from, i_to])
    percent = percent_per_kva(network) * (network.rated_kv.T / ends_kv)
    loading = (ampere * percent[:, None, :]).max(axis=0)
    loading[:, ~np.isfinite(network.limit_kw)] = np.nan
    ka = ampere * 1e-3 / (np.sqrt(3.0) * ends_kv[:, None, :])
    drawn = np.zeros_like(voltage)
    np.add.at(drawn.T, network.from_bus, (voltage[:, network.from_bus] * np.conj(i_from)).T)
    np.add.at(drawn.T, network.to_bus, (voltage[:, network.to_bus] * np.conj(i_to)).T)
    drawn += np.abs(voltage) ** 2 * np.conj(network.bus_shunt_pu)
    slack = (drawn - injection_kva)[:, network.reference_bus].sum(axis=1)
    converged = ~np.isnan(voltage[:, 0])
    return AcFlow(
        vm_pu=np.abs(voltage),
        va_degree=np.degrees(np.angle(voltage)),
        from_ka=ka[0],
        to_ka=ka[1],
        loading_percent=loading,
        losses_kw=drawn.sum(axis=1).real,
        slack_kw=slack.real,
        slack_kvar=slack.imag,
        converged=converged,
        n_iterations=converged.astype(np.int64),
    )
