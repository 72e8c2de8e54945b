"""Peer-to-peer electricity trading on low-voltage networks: match, clear on the network, settle, for many books at once."""

TYPE_CHECKING = (
    False  # as type checkers know it: importing typing would take most of the time until the command listens to signals
)
if TYPE_CHECKING:
    from typing import Any

    from fastp2p.answers import compare_shares, find_audit_rates, find_hosting_capacity, find_probabilities, summarise
    from fastp2p.clearing import clear
    from fastp2p.clusters import Clusters, cluster_days, compare_cluster_counts
    from fastp2p.comparison import compare_rules
    from fastp2p.errors import FastP2PError, InputError, InputWarning, SolverError
    from fastp2p.matching import match_orders
    from fastp2p.network import Network
    from fastp2p.orders import leave_over, make_orders
    from fastp2p.powerflow import AcFlow, LinearFlow, ac_flow, lindistflow
    from fastp2p.preparation import scenarios
    from fastp2p.pricing import price_trades, reduce_orders
    from fastp2p.profiles import Profiles
    from fastp2p.reactive import Reactive
    from fastp2p.results import Results
    from fastp2p.runner import open_results, run
    from fastp2p.settlement import Settlement, settle
    from fastp2p.study import Study, studies
    from fastp2p.trades import Clearing, Trades

_HOME = {
    "AcFlow": "powerflow",
    "ac_flow": "powerflow",
    "cluster_days": "clusters",
    "compare_cluster_counts": "clusters",
    "compare_rules": "comparison",
    "compare_shares": "answers",
    "find_audit_rates": "answers",
    "find_hosting_capacity": "answers",
    "find_probabilities": "answers",
    "summarise": "answers",
    "Clearing": "trades",
    "Clusters": "clusters",
    "FastP2PError": "errors",
    "InputError": "errors",
    "InputWarning": "errors",
    "LinearFlow": "powerflow",
    "Network": "network",
    "Profiles": "profiles",
    "Reactive": "reactive",
    "Results": "results",
    "Settlement": "settlement",
    "SolverError": "errors",
    "Study": "study",
    "Trades": "trades",
    "clear": "clearing",
    "leave_over": "orders",
    "lindistflow": "powerflow",
    "make_orders": "orders",
    "match_orders": "matching",
    "open_results": "runner",
    "price_trades": "pricing",
    "reduce_orders": "pricing",
    "run": "runner",
    "scenarios": "preparation",
    "settle": "settlement",
    "studies": "study",
}

__all__ = [
    "AcFlow",
    "Clearing",
    "Clusters",
    "FastP2PError",
    "InputError",
    "InputWarning",
    "LinearFlow",
    "Network",
    "Profiles",
    "Reactive",
    "Results",
    "Settlement",
    "SolverError",
    "Study",
    "Trades",
    "ac_flow",
    "clear",
    "cluster_days",
    "compare_cluster_counts",
    "compare_rules",
    "compare_shares",
    "find_audit_rates",
    "find_hosting_capacity",
    "find_probabilities",
    "leave_over",
    "lindistflow",
    "make_orders",
    "match_orders",
    "open_results",
    "price_trades",
    "reduce_orders",
    "run",
    "scenarios",
    "settle",
    "studies",
    "summarise",
]


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> "Any":
    """Public names are loaded on first use, so that importing the package stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"fastp2p.{_HOME[name]}"), name)
