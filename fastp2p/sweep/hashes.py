"""Hashes of what a run is made from: by these a folder knows whether it is gone on with, and read, with the same inputs."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from fastp2p.grid.network import Network
from fastp2p.io.manifest import Hashes
from fastp2p.pipeline.tariffs import tariffs_of_files
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study

if TYPE_CHECKING:
    from fastp2p.sweep.feeders import Networks


def hashes_of(study: Study, network: Network | Networks, profiles: Profiles) -> Hashes:
    """Hashes of what a run is made from; the study's tariffs are those that `hold_tariffs` has read."""
    of_files = [piece for key, one in tariffs_of_files(study, profiles).items() for piece in (key.encode(), one.tobytes())]
    return Hashes(
        study=sha256(study.to_toml().encode()),
        network=network_sha256(network) if isinstance(network, Network) else network.sha256,
        profiles=sha256(*_profile_bytes(profiles)),
        tariffs=sha256(*of_files) if of_files else None,
    )


def network_sha256(network: Network) -> str:
    """Of its arrays."""
    return sha256(*_network_bytes(network))


def _network_bytes(network: Network) -> list[bytes]:
    """Its arrays, optional ones only where there are any, so that folders from before there were such are resumed."""
    is_limited = bool(np.isfinite(network.reverse_kw).any())
    left_out = {"zero"} if is_limited else {"zero", "reverse_kw"}
    names = [field.name for field in dataclasses.fields(network) if field.name not in left_out]
    zero = network.zero
    more = [] if zero is None else [getattr(zero, name).tobytes() for name in zero.names_that_tell()]
    return [getattr(network, name).tobytes() for name in names] + more


def _profile_bytes(profiles: Profiles) -> list[bytes]:
    """What results depend on: names, energy, the length of a step, and times, which stand in the tables."""
    time = profiles.time
    axis = [] if time is None else [str(time.tz).encode(), time.as_unit("ns").asi8.tobytes()]
    about = repr((profiles.names, profiles.kinds, profiles.step_hours)).encode()
    return [about, profiles.kwh_per_unit.tobytes(), *axis]


def sha256(*pieces: bytes) -> str:
    """Of some bytes, one after the other."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
