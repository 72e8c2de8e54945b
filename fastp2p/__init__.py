"""Peer-to-peer electricity trading on low-voltage networks: match, clear on the network, settle, for many books at once."""

TYPE_CHECKING = (
    False  # as type checkers know it: importing typing would take most of the time until the command listens to signals
)
if TYPE_CHECKING:
    from typing import Any

    from fastp2p import plot
    from fastp2p.clearing.answer import Clearing
    from fastp2p.clearing.clear import clear
    from fastp2p.clearing.connection import Connection
    from fastp2p.clearing.reactive import Reactive
    from fastp2p.devices.battery import BatteryRun, run_batteries
    from fastp2p.errors import FastP2PError, InputError, InputWarning, SolverError
    from fastp2p.grid.ac import AcFlow, ac_flow
    from fastp2p.grid.lindist3flow import lindist3flow
    from fastp2p.grid.lindistflow import LinearFlow, lindistflow
    from fastp2p.grid.network import Network
    from fastp2p.grid.phases import PhaseFlow, phase_flow, phase_summary
    from fastp2p.grid.zero_sequence import ZeroSequence
    from fastp2p.kernels.grid.structs import PhaseSummary
    from fastp2p.market.matching import match_orders
    from fastp2p.market.orders import leave_over, make_orders
    from fastp2p.market.pricing import price_trades, reduce_orders
    from fastp2p.market.trades import Trades
    from fastp2p.pipeline.step import Step, trade_step
    from fastp2p.profiles.profiles import Profiles
    from fastp2p.profiles.typical_days import Clusters, cluster_days, compare_cluster_counts
    from fastp2p.results.answers import answer_region
    from fastp2p.results.region import distribute_hosting, find_feeder_hosting, rank_features
    from fastp2p.results.results import Results
    from fastp2p.results.statistics import (
        compare_hosting_capacity,
        compare_shares,
        find_audit_rates,
        find_hosting_capacity,
        find_probabilities,
        summarise,
    )
    from fastp2p.results.totals import find_total_changes, find_totals
    from fastp2p.settlement.settle import Settlement, settle
    from fastp2p.study.model import Study, studies
    from fastp2p.sweep.compare import compare_rules
    from fastp2p.sweep.opened import open_results, read_results
    from fastp2p.sweep.prepare import scenarios
    from fastp2p.sweep.run import run

_HOME = {
    "AcFlow": "grid.ac",
    "ac_flow": "grid.ac",
    "cluster_days": "profiles.typical_days",
    "compare_cluster_counts": "profiles.typical_days",
    "compare_hosting_capacity": "results.statistics",
    "compare_rules": "sweep.compare",
    "compare_shares": "results.statistics",
    "find_audit_rates": "results.statistics",
    "answer_region": "results.answers",
    "distribute_hosting": "results.region",
    "find_feeder_hosting": "results.region",
    "rank_features": "results.region",
    "find_total_changes": "results.totals",
    "find_totals": "results.totals",
    "find_hosting_capacity": "results.statistics",
    "find_probabilities": "results.statistics",
    "summarise": "results.statistics",
    "BatteryRun": "devices.battery",
    "Clearing": "clearing.answer",
    "Clusters": "profiles.typical_days",
    "Connection": "clearing.connection",
    "FastP2PError": "errors",
    "InputError": "errors",
    "InputWarning": "errors",
    "LinearFlow": "grid.lindistflow",
    "Network": "grid.network",
    "PhaseFlow": "grid.phases",
    "PhaseSummary": "kernels.grid.structs",
    "Profiles": "profiles.profiles",
    "Reactive": "clearing.reactive",
    "Results": "results.results",
    "Settlement": "settlement.settle",
    "SolverError": "errors",
    "Step": "pipeline.step",
    "Study": "study.model",
    "Trades": "market.trades",
    "ZeroSequence": "grid.zero_sequence",
    "clear": "clearing.clear",
    "leave_over": "market.orders",
    "lindist3flow": "grid.lindist3flow",
    "lindistflow": "grid.lindistflow",
    "phase_flow": "grid.phases",
    "phase_summary": "grid.phases",
    "make_orders": "market.orders",
    "match_orders": "market.matching",
    "open_results": "sweep.opened",
    "price_trades": "market.pricing",
    "read_results": "sweep.opened",
    "reduce_orders": "market.pricing",
    "run": "sweep.run",
    "run_batteries": "devices.battery",
    "scenarios": "sweep.prepare",
    "settle": "settlement.settle",
    "studies": "study.model",
    "trade_step": "pipeline.step",
}

__all__ = [
    "AcFlow",
    "BatteryRun",
    "Clearing",
    "Clusters",
    "Connection",
    "FastP2PError",
    "InputError",
    "InputWarning",
    "LinearFlow",
    "Network",
    "PhaseFlow",
    "PhaseSummary",
    "Profiles",
    "Reactive",
    "Results",
    "Settlement",
    "SolverError",
    "Step",
    "Study",
    "Trades",
    "ZeroSequence",
    "ac_flow",
    "answer_region",
    "clear",
    "cluster_days",
    "compare_cluster_counts",
    "compare_hosting_capacity",
    "compare_rules",
    "compare_shares",
    "distribute_hosting",
    "find_audit_rates",
    "find_feeder_hosting",
    "find_hosting_capacity",
    "find_probabilities",
    "find_total_changes",
    "find_totals",
    "leave_over",
    "lindist3flow",
    "lindistflow",
    "make_orders",
    "match_orders",
    "open_results",
    "phase_flow",
    "phase_summary",
    "plot",
    "price_trades",
    "rank_features",
    "read_results",
    "reduce_orders",
    "run",
    "run_batteries",
    "scenarios",
    "settle",
    "studies",
    "summarise",
    "trade_step",
]


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> "Any":
    """Public names are loaded on first use, so that importing the package stays cheap."""
    from importlib import import_module

    if name == "plot":
        return import_module("fastp2p.plot")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"fastp2p.{_HOME[name]}"), name)
