"""The branches of a pandapower network, in the order of its internal table: their elements and their ratings."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KW_PER_MW = 1e3
OF_ELEMENTS: dict[str, type] = {
    "element": str, "element_id": np.int64, "winding": str, "std_type": str, "ampacity_ka": float, "kw_per_ka": float,
    "rating_kw": float, "length_km": float,
}  # fmt: skip
OF_BRANCHES = (
    *OF_ELEMENTS, "from_bus", "to_bus", "susceptance_kw", "shift_rad", "limit_kw", "rated_kv", "resistance_pu", "reactance_pu",
    "tap_ratio", "from_shunt_pu", "to_shunt_pu",
)  # fmt: skip


def branch_elements(net: Any) -> pd.DataFrame:
    """One row per branch of pandapower's own table: what it is, and what it may carry."""
    blocks: dict[str, pd.DataFrame] = {}
    line, trafo = net.line, net.trafo
    if len(line):
        parallel_kv = (
            net.bus.vn_kv.loc[line.from_bus].to_numpy(float) * _column(line, "df", 1.0) * _column(line, "parallel", 1.0)
        )
        blocks["line"] = _block(
            line,
            std_type=_column(line, "std_type", "", str),
            ampacity_ka=_column(line, "max_i_ka", np.nan),
            kw_per_ka=np.sqrt(3.0) * parallel_kv * KW_PER_MW,
            length_km=_column(line, "length_km", np.nan),
        )
    if len(trafo):
        rating_mva = _column(trafo, "sn_mva", np.inf) * _column(trafo, "df", 1.0) * _column(trafo, "parallel", 1.0)
        blocks["trafo"] = _block(
            trafo,
            std_type=_column(trafo, "std_type", "", str),
            rating_kw=rating_mva * KW_PER_MW,
            from_kv=trafo.vn_hv_kv.to_numpy(float),
            to_kv=trafo.vn_lv_kv.to_numpy(float),
        )
    if len(net.trafo3w):
        blocks["trafo3w"] = pd.concat(
            _block(
                net.trafo3w,
                winding=winding,
                std_type=_column(net.trafo3w, "std_type", "", str),
                rating_kw=_column(net.trafo3w, f"sn_{winding}_mva", np.inf) * KW_PER_MW,
            )
            for winding in ("hv", "mv", "lv")
        )
    for table in ("impedance", "xward"):
        if len(net[table]):
            blocks[table] = _block(net[table])
    if "switch" in net._pd2ppc_lookups["branch"]:
        blocks["switch"] = _block(net.switch.loc[net._impedance_bb_switches])
    frames = [blocks[name].assign(element=name) for name in net._pd2ppc_lookups["branch"]]
    if not frames:
        return _block(net.line.iloc[:0]).assign(element="line")
    return pd.concat(frames, ignore_index=True)


def _block(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    defaults = {
        "element_id": table.index.to_numpy(np.int64),
        "winding": "",
        "std_type": "",
        "ampacity_ka": np.nan,
        "kw_per_ka": np.nan,
        "rating_kw": np.inf,
        "length_km": np.nan,
        "from_kv": np.nan,
        "to_kv": np.nan,
    }
    return pd.DataFrame({**defaults, **columns})


def _column(table: pd.DataFrame, name: str, default: Any, kind: type = float) -> NDArray[Any]:
    """A column, with `default` where the column or a value is missing."""
    if name not in table:
        return np.full(len(table), default)
    values = table[name]
    return values.where(values.notna(), default).to_numpy(kind)


def joined(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Without the branches both ends of which are one bus, joined by closed switches: they are shunts there, not loops."""
    looped = arrays["from_bus"] == arrays["to_bus"]
    of = {name: arrays[name][looped] for name in OF_BRANCHES}
    with np.errstate(divide="ignore", invalid="ignore"):
        series = 1.0 / (of["resistance_pu"] + 1j * of["reactance_pu"])
    ratio = of["tap_ratio"] * np.exp(1j * of["shift_rad"])
    own = (series + of["from_shunt_pu"]) / np.abs(ratio) ** 2 + series + of["to_shunt_pu"]
    own += -series / np.conj(ratio) - series / ratio
    np.add.at(arrays["bus_shunt_pu"], of["from_bus"], own)
    if np.isnan(own).any() and not len(arrays["ac_faults"]):
        of_one_bus = "both ends of {} {} are one bus, and its impedance differs by direction, or is none"
        names = zip(of["element"][np.isnan(own)], of["element_id"][np.isnan(own)], strict=True)
        arrays["ac_faults"] = np.array([of_one_bus.format(*name) for name in names])
    return arrays | {name: arrays[name][~looped] for name in OF_BRANCHES}
