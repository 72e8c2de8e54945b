"""Figures from Python: each function draws one panel and returns its Axes.

What is drawn is a `fastp2p.Results`, the path of a results folder, or a table of one. Without `ax` a new figure is made with
pyplot, in the style that is in force: ``plt.style.use("fastp2p.plot")`` is that of the figures which a run writes.
"""

TYPE_CHECKING = False  # as type checkers know it
if TYPE_CHECKING:
    from typing import Any

    from fastp2p.plot.day import network, profiles, supply, typical
    from fastp2p.plot.region import hosting_by_feeder, hosting_distribution, hosting_feature, hosting_map, region_totals
    from fastp2p.plot.sweep import bills, energy, hosting_capacity, hours, loading
    from fastp2p.plot.voltages import ac_error, feeder, phases, voltage

_HOME = {
    "ac_error": "voltages",
    "bills": "sweep",
    "energy": "sweep",
    "feeder": "voltages",
    "hosting_by_feeder": "region",
    "hosting_capacity": "sweep",
    "hosting_distribution": "region",
    "hosting_feature": "region",
    "hosting_map": "region",
    "hours": "sweep",
    "loading": "sweep",
    "network": "day",
    "phases": "voltages",
    "profiles": "day",
    "region_totals": "region",
    "supply": "day",
    "typical": "day",
    "voltage": "voltages",
}

__all__ = [
    "ac_error",
    "bills",
    "energy",
    "feeder",
    "hosting_by_feeder",
    "hosting_capacity",
    "hosting_distribution",
    "hosting_feature",
    "hosting_map",
    "hours",
    "loading",
    "network",
    "phases",
    "profiles",
    "region_totals",
    "supply",
    "typical",
    "voltage",
]


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> "Any":
    """Functions are loaded on first use, so that importing the package loads no matplotlib."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"fastp2p.plot.{_HOME[name]}"), name)
