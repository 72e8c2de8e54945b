"""Where the buses of a network are on a map, if the network says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.io.cache import kept_arrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


NAMES = {"bus", "place"}


def bus_coordinates(source: str) -> tuple[Ints, Floats]:
    """Buses of a network by name or path that have coordinates: their pandapower indices, rising, and (n, 2) places.

    Raises
    ------
    InputError
        See `fastp2p.Network.load`.
    """

    def convert() -> dict[str, NDArray[Any]]:
        from fastp2p.io.network_sources import load_network

        return _places(load_network(source))

    kept = kept_arrays(source, NAMES, convert)
    return kept["bus"], kept["place"]


def feeder_place(source: str) -> tuple[float, float]:
    """The middle of the buses of a network by name or path that have coordinates; NaN where none has.

    Raises
    ------
    InputError
        See `fastp2p.Network.load`.
    """
    _, place = bus_coordinates(source)
    x, y = place.mean(axis=0).tolist() if len(place) else (np.nan, np.nan)
    return x, y


def keep_coordinates(source: str | Path, net: Any) -> None:
    """Put the coordinates of a network that is loaded anyway into the cache."""
    kept_arrays(source, NAMES, lambda: _places(net))


def _places(net: Any) -> dict[str, NDArray[Any]]:
    """What the column `geo` of pandapower's buses says, points in GeoJSON."""
    texts = net.bus.get("geo", {})
    found = {int(bus): place for bus, text in sorted(texts.items()) if (place := _point(text)) is not None}
    return {"bus": np.array(list(found), np.int64), "place": np.array(list(found.values()), np.float64).reshape(-1, 2)}


def _point(text: Any) -> tuple[float, float] | None:
    """The coordinates of a point in GeoJSON; None of anything else."""
    try:
        x, y = json.loads(text)["coordinates"][:2]
        place = float(x), float(y)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return place if np.isfinite(place).all() else None
