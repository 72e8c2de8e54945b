"""What `fastp2p check` says of a network by itself."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import some
from fastp2p.grid.network import Network
from fastp2p.sweep.plausible import placeholder_text

Ints = NDArray[np.int64]


def network_facts(network: Network) -> dict[str, str]:
    """What a network holds, by key."""
    limited = np.isfinite(network.limit_kw)
    kinds, counts = np.unique(network.element, return_counts=True)
    limits = f"{_range(network.limit_kw[limited])} kW" if limited.any() else "none"
    back = network.reverse_kw[np.isfinite(network.reverse_kw)]
    through = f"{len(back)} transformer{'s' * (len(back) != 1)}"
    n_known = len(network.known_id)
    why = ": closed switches join some, open ends add some" if n_known != network.n_bus else ""
    return {
        "buses": f"{network.n_bus} (pandapower has {n_known}{why})",
        "branches": f"{network.n_branch}: " + ", ".join(f"{n} {kind}" for kind, n in zip(kinds, counts, strict=True)),
        "form": "radial" if network.is_radial else "meshed",
        "external grids": f"at bus {listed(network.bus_id[network.reference_bus])}",
        "leaf buses": listed(network.bus_id[network.leaf_buses()]),
        "load buses": f"{listed(network.bus_id[network.load_bus])}{load_kinds(network)}",
        "limits": f"{int(limited.sum())} of {network.n_branch} branches, {limits}",
        **({"reverse power": f"{through}, at most {_range(back)} kW towards the external grid"} if len(back) else {}),
    }


def _range(values: NDArray[np.float64]) -> str:
    """From the smallest to the largest."""
    return f"{values.min():.4g} … {values.max():.4g}"


def network_warnings(network: Network) -> list[str]:
    """What looks wrong with a network."""
    warnings = []
    ampacity, placeholder = network.ampacity_ka[network.element == "line"], placeholder_text(network)
    if placeholder:
        warnings.append(placeholder)
    negative = network.branch_name[(network.limit_kw <= 0) | (network.rating_kw <= 0) | (network.ampacity_ka <= 0)]
    if len(negative):
        warnings.append(f"ratings that are not positive: {some(negative.tolist())}; a study refuses negative ones")
    over = np.flatnonzero(np.abs(network.constant_kw) > np.maximum(network.limit_kw, 0.0))
    if len(over):
        percent = 100.0 * np.abs(network.constant_kw[over]) / network.limit_kw[over]
        named = [f"{network.branch_name[at]} {part:.0f} %" for at, part in zip(over, percent, strict=True)]
        warnings.append(
            f"{len(over)} branch{'es are over their limits' if len(over) > 1 else ' is over its limit'} without any load or PV "
            f"({some(named)}); check the angles of the external grids (va_degree) and the phase shifts of transformers"
        )
    missing = int(np.isnan(ampacity).sum())
    if missing:
        warnings.append(f"{missing} lines have no ampacity (max_i_ka) and are not limited")
    dead = network.known_id[network.known_position < 0]
    if len(dead):
        warnings.append(f"{len(dead)} buses have no path to an external grid and are left out: {listed(dead)}")
    return warnings


def load_kinds(network: Network) -> str:
    """What the network has at its load buses, in brackets; nothing where it has loads alone."""
    if (network.load_kind == "load").all():
        return ""
    counted = zip(*np.unique(network.load_kind, return_counts=True), strict=True)
    named = [f"{n} with {'an' if kind[0] in 'ao' else 'a'} {kind.replace('_', ' ')}" for kind, n in counted]
    return f" ({', '.join(named)})"


def disconnected_text(elements: list[str]) -> list[str]:
    """That elements of a network are not supplied, if there are any."""
    if not elements:
        return []
    return [f"{len(elements)} elements are in service without a path to an external grid: {some(elements)}"]


def listed(ids: Ints) -> str:
    """Bus ids in a line, the tail left out."""
    return some([str(i) for i in ids.tolist()], 14) or "none"
