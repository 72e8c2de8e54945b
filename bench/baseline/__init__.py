"""The baseline of the benchmarks: a day of peer-to-peer trading the way the paper's notebooks work, in our own code.

One deep-copied pandapower network per hour, orders and auction in pandas, a linear program built from Python expressions,
`rundcpp` before and after. D. Vieira Fernandes, N. Christin, S. Kar: Peer-to-Peer (P2P) Electricity Markets for Low Voltage
Networks, IEEE SmartGridComm 2024, arXiv 2407.21403. Nothing here is fastp2p's way of working; nothing in fastp2p uses it.
"""

from .auction import make_orders, match_orders
from .day import (
    HourResult,
    add_participants,
    alternate_roles,
    base_injections,
    day_table,
    run_day,
    run_hour,
    set_hour,
    shift_energy,
)
from .optimisation import DcModel, LpResult, build_and_solve, dc_model

__all__ = [
    "DcModel",
    "HourResult",
    "LpResult",
    "add_participants",
    "alternate_roles",
    "base_injections",
    "build_and_solve",
    "day_table",
    "dc_model",
    "make_orders",
    "match_orders",
    "run_day",
    "run_hour",
    "set_hour",
    "shift_energy",
]
