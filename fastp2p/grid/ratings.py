"""What branches may carry: ampacities of lines, ratings of transformers, largest angles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastp2p import ranges
from fastp2p.errors import refuse

if TYPE_CHECKING:
    from fastp2p.grid.network import Network

Floats = NDArray[np.float64]


def rating_faults(
    network: Network,
    families: Sequence[str],
    angle_deg: float | None,
    factor: float,
    ampacity_ka: float | None,
    by_type: dict[str, float],
    by_line: dict[int, float],
) -> list[str]:
    """What is wrong with limits that a network is asked to have; arguments as for `Network.with_limits`."""
    numbers = {
        "factor": (factor, ranges.LIMIT_FACTOR),
        "angle_deg": (angle_deg, ranges.ANGLE_DEG),
        "ampacity_ka": (ampacity_ka, ranges.AMPACITY_KA),
        **{f"ampacity of {key!r}": (value, ranges.AMPACITY_KA) for key, value in (*by_type.items(), *by_line.items())},
    }
    unknown = [family for family in families if family not in ("thermal", "transformer")]
    faults = [f"unknown limits {family!r}: there are thermal and transformer" for family in unknown]
    faults += [
        f"{name} = {value!r}: must be a positive number, in {allowed}"
        for name, (value, allowed) in numbers.items()
        if value is not None and not (isinstance(value, int | float) and allowed.has(value))
    ]
    is_line = network.element == "line"
    known_types, known_lines = set(network.std_type[is_line].tolist()), set(network.element_id[is_line].tolist())
    unknown_types = [std_type for std_type in by_type if std_type not in known_types]
    faults += [f"ampacity for std_type {one!r}: no line has it; there are {sorted(known_types)}" for one in unknown_types]
    return faults + [f"ampacity for line {line}: no such line in service" for line in by_line if line not in known_lines]


def ampacities(network: Network, of_all: float | None, by_type: dict[str, float], by_line: dict[int, float]) -> Floats:
    """(n_branch,) kA of the network's lines, but where another one is given."""
    is_line, ampacity_ka = network.element == "line", network.ampacity_ka.copy()
    if of_all is not None:
        ampacity_ka[is_line] = of_all
    for std_type, value in by_type.items():
        ampacity_ka[is_line & (network.std_type == std_type)] = value
    for line, value in by_line.items():
        ampacity_ka[is_line & (network.element_id == line)] = value
    return ampacity_ka


def narrowest_limits(network: Network, families: Sequence[str], angle_deg: float | None, ampacity_ka: Floats) -> Floats:
    """(n_branch,) kW: the smallest of what ampacities, ratings and the largest angle allow.

    Raises
    ------
    InputError
        Negative ratings, by element.
    """
    limit = np.full(network.n_branch, np.inf)
    if "thermal" in families:
        limit = np.fmin(limit, ampacity_ka * network.kw_per_ka)
    if "transformer" in families:
        limit = np.fmin(limit, network.rating_kw)
    if angle_deg is not None:
        limit = np.fmin(limit, np.abs(network.susceptance_kw) * np.deg2rad(angle_deg))
    names = zip(network.element[limit < 0].tolist(), network.element_id[limit < 0].tolist(), strict=True)
    refuse([f"{element} {number} has a negative rating" for element, number in names])
    return limit


def percent_per_kva(network: Network) -> Floats:
    """(n_branch,) loading per kVA at rated voltage; zero without a limit, very large where a branch may carry nothing."""
    return np.where(network.limit_kw == 0.0, 1e9, network.percent_per_kw)
