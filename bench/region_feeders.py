"""A thousand feeders to measure with: networks that ship with packages, and altered copies of them as pandapower files."""

from __future__ import annotations

import copy
from concurrent.futures import Executor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

KERBER = (
    *(f"create_kerber_{name}" for name in ("dorfnetz", "vorstadtnetz_kabel_1", "vorstadtnetz_kabel_2")),
    *(f"create_kerber_landnetz_{name}" for name in ("freileitung_1", "freileitung_2", "kabel_1", "kabel_2")),
    *(f"kb_extrem_{name}" for name in ("dorfnetz", "landnetz_freileitung", "landnetz_kabel")),
)
SIMBENCH = tuple(
    f"simbench:1-LV-{grid}--{future}-no_sw"
    for grid in ("rural1", "rural2", "rural3", "semiurb4", "semiurb5", "urban6")
    for future in (0, 1)
)
LV_TYPES = ("NAYY 4x50 SE", "NAYY 4x120 SE", "NAYY 4x150 SE")


def originals() -> list[str]:
    """Names of the networks that copies are made of; without SimBench's where it is not installed."""
    return [*KERBER, "village_1", "village_2", "cigre_lv", *(SIMBENCH if find_spec("simbench") else ())]


def make_feeders(folder: Path, count: int, pool: Executor) -> Path:
    """A table of so many feeders, and files of those that are altered copies; the table's path.

    Feeder n is the same for any count: networks by name come first, then copies of each in turn.
    """
    names = originals()
    made = [*names, *(f"feeder-{number:06d}.json" for number in range(len(names), count))][:count]
    copies: dict[str, list[int]] = {}
    for number in range(len(names), count):
        copies.setdefault(names[number % len(names)], []).append(number)
    list(pool.map(partial(_write_copies, folder), copies.keys(), copies.values()))
    table = pd.DataFrame({"name": [f"f{number:06d}" for number in range(count)], "file": made})
    table["weight"] = 1.0 + np.arange(count) % 3
    table["region"] = [names[number % len(names)].split("-")[0][:20] for number in range(count)]
    table.to_csv(folder / "feeders.csv", index=False)
    return folder / "feeders.csv"


def _write_copies(folder: Path, name: str, numbers: list[int]) -> None:
    import pandapower as pp

    from fastp2p.io.network_sources import load_network

    net = load_network(name)
    net.pop("profiles", None)
    for number in numbers:
        pp.to_json(altered(net, np.random.default_rng(number)), folder / f"feeder-{number:06d}.json")


def altered(net: Any, random: np.random.Generator) -> Any:
    """A copy of a pandapower network with other lengths and some other types of lines, other loads, and some loads less."""
    import pandapower as pp

    one = copy.deepcopy(net)
    one.line["length_km"] *= random.uniform(0.6, 1.4, len(one.line))
    for line in one.line.index[random.random(len(one.line)) < 0.2]:
        pp.change_std_type(one, line, LV_TYPES[random.integers(len(LV_TYPES))], "line")
    one.load["p_mw"] *= random.lognormal(0.0, 0.3, len(one.load))
    one.load = one.load[random.random(len(one.load)) < 0.9]
    return one
