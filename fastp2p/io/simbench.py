"""SimBench: networks with a year of quarter hours (the extra `simbench`)."""

import warnings
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.io.cache import kept_arrays
from fastp2p.io.paths import some_home
from fastp2p.io.readers.axis import ProfileTable, regular_axis
from fastp2p.io.readers.clock import localise
from fastp2p.text import nearest

PREFIX = "simbench:"
CLOCK = "Europe/Berlin"
CHARGING = ("HLS", "APLS")
"""Charging points at home and at work: not a kW of something that every home has, and a trace of them is negative."""


@lru_cache(maxsize=2)  # reading takes seconds, and a study wants a network twice and the profiles, beside other networks
def simbench_net(source: str) -> Any:
    """The pandapower network of ``simbench:CODE``, its profiles within; not to be changed.

    Raises
    ------
    InputError
        If SimBench is not installed, or does not know the code.
    """
    code = source.removeprefix(PREFIX)
    if find_spec("simbench") is None:
        raise InputError("networks simbench:CODE need SimBench, which is not installed; pip install 'fastp2p[simbench]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas' about SimBench's own tables
        with some_home():  # for pandapower, which it imports
            import simbench

        codes = simbench.collect_all_simbench_codes()
        if code not in codes:
            near = ", ".join(nearest(code, codes, n=3, cutoff=0.0))
            raise InputError(f"{source}: SimBench has no network {code!r}; the nearest are {near}")
        try:
            return simbench.get_simbench_net(code)
        except pd.errors.ParserError as error:  # its tables are whole: so pandas says that memory ran out
            raise MemoryError(f"the tables of {source} could not be read ({error})") from error


def read_simbench(source: str) -> ProfileTable:
    """A year of a SimBench network: the load of every bus, named ``bus_N``; per kW, named as in SimBench, loads and PV.

    The stamps are a clock that changes for summer; here they are on winter time all year, so that every day has 96 steps.

    Raises
    ------
    InputError
        See `simbench_net`.
    """
    kept = kept_arrays(
        source, {"stamp", "bus", "load_mw", "load_of", "load_name", "relative", "pv_name", "pv"}, lambda: _arrays(source)
    )
    rows = np.arange(len(kept["stamp"]))
    stamps = localise(source, pd.DatetimeIndex(pd.to_datetime(kept["stamp"], format="%d.%m.%Y %H:%M")), CLOCK)
    time, step_hours = regular_axis(source, stamps, rows)
    bus = np.unique(kept["bus"])
    load = np.zeros((len(bus), len(time)))
    for at, mw, of in zip(np.searchsorted(bus, kept["bus"]), kept["load_mw"], kept["load_of"], strict=True):
        load[at] += kept["relative"][of] * mw * (1e3 * step_hours)
    is_car = np.array([name.startswith(CHARGING) for name in kept["load_name"].tolist()])
    loads = kept["load_name"][~is_car].tolist()
    names = (*(f"bus_{one}" for one in bus.tolist()), *loads, *kept["pv_name"].tolist())
    kinds = ("load",) * (len(bus) + len(loads)) + ("pv",) * len(kept["pv"])
    per_kw = step_hours * np.vstack([kept["relative"][~is_car], kept["pv"]])
    return ProfileTable(names, kinds, np.vstack([load, per_kw]), step_hours, time, source)


def _arrays(source: str) -> dict[str, NDArray[Any]]:
    """What is kept of a network's profiles: relative ones, and which load follows which."""
    net = simbench_net(source)
    profiles, load = net.profiles["load"], net.load[net.load.in_service]
    names = sorted(load.profile.unique())
    suns = [name for name in net.profiles["renewables"].columns if name.startswith("PV")]
    return {
        "stamp": profiles["time"].to_numpy(str),
        "bus": load.bus.to_numpy(np.int64),
        "load_mw": load.p_mw.to_numpy(float) * load.scaling.to_numpy(float),
        "load_of": np.searchsorted(names, load.profile.to_numpy(str)),
        "load_name": np.array(names, dtype=str),
        "relative": np.array([profiles[f"{name}_pload"].to_numpy(float) for name in names]),
        "pv_name": np.array(suns, dtype=str),
        "pv": np.array([net.profiles["renewables"][name].to_numpy(float) for name in suns]).reshape(len(suns), len(profiles)),
    }
