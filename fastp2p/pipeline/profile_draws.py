"""Which profile each bus has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.network import Network
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.distributions import pick
from fastp2p.study.sections import BY_BUS, ProfileChoice, ProfileName, profile_names

Ints = NDArray[np.int64]


def profile_rows(
    name: ProfileName,
    kind: str,
    key: str,
    network: Network,
    columns: Ints,
    u: Uniforms,
    stream: str,
    profiles: Profiles,
    faults: list[str],
    lengths: list[str],
) -> Ints:
    """(n_scenarios, n_columns) rows of the profiles at `columns` of the buses of `u`, -1 at others.

    Parameters
    ----------
    name : str, tuple of str or ProfileChoice
    kind : {"load", "pv", "net"}
    key : str
        Of the study, for messages.
    network : Network
    columns : (n,) int64
        In the order of lists.
    u : Uniforms
    stream : str
        The one of `u` that a profile is drawn by.
    profiles : Profiles
    faults, lengths : list of str
        What is wrong is added to them, of a list's length to `lengths`.
    """
    name = _by_bus(network, u.bus[columns], kind, key, profiles, faults) if name == BY_BUS else name
    rows = np.full(u.shape, -1, np.int64)
    names = profile_names(name)
    missing = profiles.missing(names, kind, key)
    faults += missing
    if missing:
        return rows
    found = [profiles.row(one, kind) for one in names]
    if isinstance(name, ProfileChoice):
        at = u.of(stream)[:, columns] if name.per == "bus" else u.of_scenario(stream)
        rows[:, columns] = np.array(found)[pick(at, len(names), name.weights)]
    elif isinstance(name, tuple) and len(name) != len(columns):
        lengths.append(f"{key} lists {len(name)} profiles for {len(columns)} buses")
    else:
        rows[:, columns] = found
    return rows


def _by_bus(network: Network, buses: Ints, kind: str, key: str, profiles: Profiles, faults: list[str]) -> tuple[str, ...]:
    """Each bus's own profile, named after any one of the pandapower buses that it is."""
    there = {name for name, of_kind in zip(profiles.names, profiles.kinds, strict=True) if of_kind == kind}
    chosen = []
    for bus in buses.tolist():
        names = [f"bus_{one}" for one in network.known_id[network.known_position == bus].tolist()]
        found = [name for name in names if name in there]
        if len(found) > 1:
            faults.append(f"{key}: {', '.join(found)} belong to one bus, joined by closed switches; make them one profile")
        chosen.append(found[0] if found else f"bus_{network.bus_id[bus]}")
    return tuple(chosen)
