"""pandapower networks by name or from a file, with nothing in them that runs code or that pandapower would change unasked."""

import inspect
import logging
import random
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fastp2p.errors import InputError
from fastp2p.io.network_files import network_text
from fastp2p.io.opendss.source import is_opendss
from fastp2p.io.paths import MOST_BYTES, some_home
from fastp2p.io.simbench import PREFIX, simbench_net
from fastp2p.text import nearest

try:
    with some_home():  # pandapower looks for the user's when it is imported
        import pandapower as pp
except (OSError, ValueError) as error:  # of matplotlib, which pandapower imports
    raise InputError(f"pandapower could not be imported; check MPLBACKEND and MPLCONFIGDIR ({error})") from error
import pandapower.networks as pn

VILLAGES = ("village_1", "village_2")
PICKLES = {".p", ".pkl", ".pickle"}
_one_draws = threading.Lock()


def network_names() -> list[str]:
    """Names that `load_network` knows besides file paths."""
    return ["cigre_lv", *VILLAGES, *sorted(builders())]


def load_network(source: str | Path) -> Any:
    """A pandapower network by built-in name, `pandapower.networks` function name, or JSON/Excel path.

    Raises
    ------
    InputError
        Unknown name (with the nearest ones), missing or unreadable file, or a pickle.
    """
    name = str(source)
    with _same_draws():
        if name == "cigre_lv":
            return pn.create_cigre_network_lv()
        if name in VILLAGES:
            return pn.create_synthetic_voltage_control_lv_network(network_class=name)
        if name in builders():
            return _build(name)
        if name.startswith(PREFIX):
            return simbench_net(name)
    path = Path(name)
    if path.suffix.lower() in PICKLES:
        raise InputError(f"{name}: a pickle can run code when it is opened and is refused; save it with pandapower.to_json")
    if is_opendss(path):
        raise InputError(f"{name}: an OpenDSS file is no network of pandapower; fastp2p.Network.load reads it")
    if path.suffix.lower() not in MOST_BYTES:
        near = nearest(name, network_names(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise InputError(
            f"network {name!r} is neither a built-in network, nor a function of pandapower.networks, "
            f"nor a .json, .xlsx or .dss file, nor simbench:CODE{hint}"
        )
    text = network_text(path, empty_tables())
    try:
        with quiet():
            return pp.from_json_string(text, convert=True)
    except Exception as error:
        raise InputError(f"network file {name}: pandapower could not read it ({first_line(error)})") from error


@lru_cache(maxsize=1)
def empty_tables() -> dict[str, pd.DataFrame]:
    """Every table that pandapower itself makes for a network, without a row; not to be changed."""
    net = pp.create_empty_network()
    return {name: net[name] for name in net if isinstance(net[name], pd.DataFrame) and not name.startswith(("_", "res_"))}


def builders() -> dict[str, Any]:
    """The functions of `pandapower.networks` by name, some of which need arguments."""
    return {
        name: function
        for name, function in inspect.getmembers(pn, inspect.isfunction)
        if not name.startswith("_") and function.__module__.startswith("pandapower.networks")
    }


def _build(name: str) -> Any:
    """The network that a `pandapower.networks` function builds without arguments (of a pair, the first)."""
    try:
        with quiet():
            built = builders()[name]()
    except Exception as error:
        raise InputError(f"pandapower.networks.{name}() could not be built without arguments ({first_line(error)})") from error
    net = built[0] if isinstance(built, (tuple, list)) else built
    if not isinstance(net, pp.pandapowerNet):
        raise InputError(f"pandapower.networks.{name}() gives a {type(net).__name__}, not a network")
    return net


@contextmanager
def _same_draws() -> Iterator[None]:
    """Some builders draw from the process's random numbers: the same ones whenever a network is built, and put back."""
    with _one_draws:
        state, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (the state that builders draw from)
        try:
            random.seed(0)
            np.random.seed(0)  # noqa: NPY002
            yield
        finally:
            random.setstate(state)
            np.random.set_state(of_numpy)  # noqa: NPY002


def first_line(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pandapower's warnings and log lines from the user's terminal; our own checks speak instead."""
    logger = logging.getLogger("pandapower")
    level, propagate, nowhere = logger.level, logger.propagate, logging.NullHandler()
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False  # pandapower.io_utils has a level of its own
    logger.addHandler(nowhere)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(nowhere)
        logger.setLevel(level)
        logger.propagate = propagate
