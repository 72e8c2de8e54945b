"""Parts with devices of homes on numba's CUDA simulator beside the same parts on the processor: run as a module.

``python -m tests.support.devices_on_simulator``, as `tests.support.on_simulator`.
"""

import json

import numpy as np
import pandas as pd

import fastp2p
from fastp2p.cuda.device import get
from fastp2p.cuda.device_draws import arrays_of, draw_devices
from fastp2p.cuda.draws import draw_on_device
from fastp2p.kernels.cuda.devices import DrawnDevices
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.study.points import points_of
from fastp2p.sweep.prepare import prepare
from tests.support.on_simulator import PHASES, STUDY, differences

SOME = {"distribution": "uniform", "low": 2.0, "high": 7.0}
CHOICE = {"distribution": "choice", "values": [0.85, 0.9, 0.95], "weights": [1.0, 3.0, 2.0]}
TIMES = {"distribution": "uniform", "low": 8.0, "high": 20.0}
TARIFF = {"hours": "6-9,18-21", "value": 0.4, "else": 0.2}
HOUSE = {
    "kw": {"distribution": "uniform", "low": 0.8, "high": 2.0}, "resistance_k_per_kw": 5.0,
    "capacity_kwh_per_k": {"distribution": "uniform", "low": 6.0, "high": 9.0},
    "cop": {"temperature_c": [-5.0, 10.0], "cop": [2.5, 4.0]},
    "temperature_c": {"series": [-4.0, -2.0, 3.0, 9.0, 12.0, 8.0, 4.0, 0.0]},
}  # fmt: skip
PROFILES = {"profile": {"choice": ["residential_0", "residential_1"]}, "size": SOME, "share": 0.6}
NORMAL = {"distribution": "normal", "mean": 6.0, "sd": 1.0}
VARIANTS = {
    "batteries": {"battery": {"kwh": SOME, "share": 0.8, "efficiency": CHOICE, "lowest": 0.1}},
    "batteries of a tariff, stressed": {
        "battery": {"kwh": SOME, "kw": 1.5, "buses": "all", "rule": "tariff"}, "market": {"retail_per_kwh": TARIFF},
        "clearing": {"stress": 1.5, "surplus": "export"},
    },
    "vehicles at once, audited": {
        "ev": {"share": 0.5, "kw": 0.7, "arrival": TIMES, "departure": 22.0, "kwh": SOME}, "clearing": {"audit": True},
    },
    "vehicles by price": {"ev": {"rule": "cheapest", "kw": 0.9}, "market": {"retail_per_kwh": TARIFF}},
    "heat pumps by profile": {"heat_pump": PROFILES},
    "all": {
        "heat_pump": {**HOUSE, "share": 0.6, "rule": "surplus"}, "ev": {"share": 0.5, "rule": "surplus", "arrival": TIMES},
        "battery": {"kwh": SOME, "buses": "all", "share": 0.7}, "network": {"limit_factor": 0.25},
    },
    "all, drawn by the processor": {
        "heat_pump": {**HOUSE, "pv_correlation": 0.5, "share": 0.5}, "ev": {"share": 0.5, "kwh": NORMAL},
        "battery": {"kwh": 5.0, "first": CHOICE},
    },
}  # fmt: skip
VARIANTS["all, three phases"] = {
    **VARIANTS["all"], "network": PHASES | {"limit_factor": 1.2}, "connection": {"phases": "random"},
    "clearing": {"audit": True},
}  # fmt: skip
DRAWN = {
    "heat pumps": {"heat_pump": {**PROFILES, "buses": "pv"}},
    "one profile for all": {"heat_pump": {**PROFILES, "profile": PROFILES["profile"] | {"per": "scenario"}}},
    "large seed": {"seed": 2**70 + 5, "heat_pump": HOUSE, "ev": {"share": 0.4, "kw": CHOICE}},
    "lists": {
        "battery": {
            "buses": [40, 12, 17], "kwh": [4.0, 5.5, 7.0], "lowest": CHOICE | {"values": [0.0, 0.1, 0.2]}, "share": 0.7,
        },
    },
}  # fmt: skip


def dated():
    """Two days with dates, in steps of three hours."""
    _, day = prepare(STUDY)
    time = pd.date_range("2024-06-01", periods=2 * day.n_steps, freq="3h")
    return fastp2p.Profiles(
        day.names, day.kinds, np.tile(day.kwh_per_unit, 2) * np.repeat([1.0, 0.8], day.n_steps), step_hours=3.0, time=time
    )


def draw_differences(study, numbers):
    """Which draws of devices differ from the processor's, by a bit or more."""
    network, profiles = prepare(study)
    (point,) = points_of(study)
    of = point.of(study), network, profiles, point.share, numbers
    drawn = draw_scenarios(*of)
    its = DrawnDevices(*arrays_of(drawn))
    ours = draw_devices(*of, draw_scenarios(*of[:4], numbers[:1]), draw_on_device(*of))
    pairs = zip(DrawnDevices._fields, ours, its, strict=True)
    has = {"efficiency": its.kwh}  # asked of nobody else
    wrong = [
        name for name, a, b in pairs if not np.array_equal(get(a).T, np.where(has.get(name, np.ones_like(b)) != 0.0, b, 1.0))
    ]
    return wrong, [float(array.sum()) for array in its if array.size]


if __name__ == "__main__":
    np.seterr(over="ignore")  # uncompiled, products of random words pass the range of their type, as they should
    answer = {name: differences(STUDY.with_(**changes), range(3, 5)) for name, changes in VARIANTS.items()}
    for name in ("all", "all, three phases"):
        answer[f"{name}, with dates"] = differences(STUDY.with_(**VARIANTS[name]), range(3, 5), dated())
    draws = {name: draw_differences(STUDY.with_(**changes), range(7, 12)) for name, changes in DRAWN.items()}
    print(json.dumps({"parts": answer, "draws": draws}))
