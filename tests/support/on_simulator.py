"""Parts of sweeps on numba's CUDA simulator beside the same parts on the processor: run as a module, prints what differs.

``python -m tests.support.on_simulator``, with NUMBA_ENABLE_CUDASIM=1 from the start, as numba-cuda reads it when it is
imported; with NUMBA_DISABLE_JIT=1 in a few seconds instead of a minute.
"""

import json
from unittest.mock import patch

import numpy as np

import fastp2p
from fastp2p.cuda.device import get
from fastp2p.cuda.draws import draw_on_device, draw_phases_on_device
from fastp2p.cuda.listed import run_listed
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.tariffs import hold_tariffs
from fastp2p.results.tables import make_frames
from fastp2p.study.points import points_of
from fastp2p.sweep.on_device import run_part_cuda
from fastp2p.sweep.parts import Part, run_part
from fastp2p.sweep.prepare import prepare

TABLES = ("scenarios", "hours", "histograms")
CHOICE = {"distribution": "choice", "values": [0.08, 0.12, 0.2], "weights": [1.0, 3.0, 2.0]}
BY_CLOCK = {"series": [0.1 + 0.002 * step for step in range(8)]}
STUDY = fastp2p.studies()["pv-sweep"].with_(
    profiles={"step_hours": 3.0}, network={"limit_factor": 0.4}, scenarios={"shares": [0.5], "count": 20}
)
VARIANTS = {
    "filled": {"network": {"limit_factor": 0.25}},
    "overloaded before any trade": {"network": {"limit_factor": 0.08}, "clearing": {"objective": "welfare"}},
    "by size": {"network": {"limit_factor": 0.2}, "clearing": {"objective": "pro_rata"}},
    "cut by the processor": {"network": {"limit_factor": 0.2}, "clearing": {"solver": "compiled"}},
    "one price, bid": {"market": {"pricing": "bid", "bid_per_kwh": 0.2, "ask_per_kwh": 0.05, "priority": "volume"}},
    "price groups, k": {"market": {"pricing": "k", "kappa": 0.3, "bid_per_kwh": CHOICE, "ask_per_kwh": CHOICE}},
    "by volume": {"market": {"priority": "volume", "bid_per_kwh": CHOICE}, "clearing": {"surplus": "export"}},
    "in order, midpoint": {"market": {"pricing": "midpoint", "ties": "order", "orders": "gross", "bid_per_kwh": CHOICE}},
    "pool, by the clock": {
        "market": {"pricing": "mid_market_rate", "bid_per_kwh": BY_CLOCK, "co2_kg_per_kwh": BY_CLOCK},
        "clearing": {"surplus": "spill", "stress": 2.0},
    },
    "charges": {"market": {"network_charge_per_kwh": 0.01}, "scenarios": {"exact": True, "shares": [0.3]}},
    "drawn by the processor": {"market": {"bid_per_kwh": {"distribution": "normal", "mean": 0.15, "sd": 0.02}}},
}
AUDIT = {"load": {"power_factor": 0.95}, "clearing": {"audit": True}}
VARIANTS |= {
    "audited, wide": AUDIT | {"network": {"v_min_pu": 0.8, "v_max_pu": 1.2, "limit_factor": 4.0}},
    "audited, exports": {
        "pv": {"power_factor": 0.95, "reactive": "draws"}, "load": {"power_factor": 0.95},
        "network": {"v_min_pu": 0.965, "v_max_pu": 1.015, "limit_factor": 0.8},
        "clearing": {"audit": True, "surplus": "export", "stress": 1.5},
    },
    "audited, curtailable": AUDIT | {"network": {"v_min_pu": 0.95, "v_max_pu": 1.05, "limit_factor": 0.25}},
    "audited, pool, spilled": {
        "network": {"v_min_pu": 0.95, "v_max_pu": 1.02, "limit_factor": 0.8},
        "market": {"pricing": "mid_market_rate"}, "clearing": {"audit": True, "surplus": "spill"},
    },
}  # fmt: skip
VARIANTS |= {
    "lindistflow": {
        "load": {"power_factor": 0.95}, "network": {"v_min_pu": 0.965, "v_max_pu": 1.01, "limit_factor": 0.6},
        "clearing": {"physics": "lindistflow"},
    },
    "lindistflow, reverse power, spilled": {
        "pv": {"power_factor": 0.95, "reactive": "draws"}, "network": {"v_min_pu": 0.95, "v_max_pu": 1.02, "reverse_kw": 40.0},
        "market": {"pricing": "mid_market_rate"}, "clearing": {"physics": "lindistflow", "surplus": "spill"},
    },
    "ac, spilled": {
        "load": {"power_factor": 0.95}, "network": {"v_min_pu": 0.97, "v_max_pu": 1.01, "limit_factor": 0.6},
        "clearing": {"physics": "ac", "surplus": "spill"},
    },
    "ac, exports": {
        "load": {"power_factor": 0.95}, "network": {"v_min_pu": 0.965, "v_max_pu": 1.01, "limit_factor": 0.6},
        "clearing": {"physics": "ac", "surplus": "export"},
    },
}  # fmt: skip
PHASES = {
    "phases": 3,
    "zero_sequence": {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "vector_group": "Dyn", "trafo_z0_per_z1": 1.0, "grid": "ideal"},
}
VARIANTS |= {
    "three phases": {"network": PHASES | {"limit_factor": 0.5}, "connection": {"phases": "random"}},
    "three phases, audited, spilled": {
        "network": PHASES | {"v_min_pu": 0.9, "v_max_pu": 1.1, "limit_factor": 0.8}, "connection": {"phases": "random"},
        "load": {"power_factor": 0.95}, "clearing": {"audit": True, "surplus": "spill"},
    },
    "three phases, lindistflow, a sample": {
        "network": PHASES | {"v_min_pu": 0.9, "v_max_pu": 1.1, "limit_factor": 1.2}, "connection": {"phases": "random"},
        "pv": {"three_phase_above_kw": 4.0}, "clearing": {"physics": "lindistflow", "audit": 2},
    },
    "a sample": AUDIT | {"network": {"limit_factor": 0.25, "v_max_pu": 1.02}, "clearing": {"audit": 3}},
}  # fmt: skip
DRAWN = {
    "as it is": {},
    "large seed, exact": {"seed": 2**70 + 5, "scenarios": {"exact": True}, "load": {"homes": CHOICE | {"values": [1, 2, 3]}}},
    "all have PV": {"scenarios": {"shares": None}, "pv": {"kwp": {"of_transformer": 0.05}}},
    "some": {"pv": {"buses": "even", "profile": "solar_0"}, "load": {"buses": "odd"}},
}


PHASES_DRAWN = {"random": True, "b": True, "random, by the processor": False}


def differences(study, numbers, profiles=None):
    """What of a part differs from the processor's, how many of its books are cut, and how many limits are broken before; where
    it is audited, how many books keep all limits, and how many do not; and how many the device leaves to the processor."""
    network, profiles = prepare(study, None, profiles)
    work, (point,) = (hold_tariffs(study, profiles), network, profiles), points_of(study)
    part = Part(0, (point,), numbers, TABLES)
    with patch("fastp2p.cuda.engine.run_listed", wraps=run_listed) as listed:
        (done, columns), (on_device, its) = run_part(work, part), run_part_cuda(work, part)
    n_listed = sum(len(call.args[-1]) for call in listed.call_args_list)
    tables, found = (make_frames([of], profiles.time) for of in (columns, its))
    wrong = [] if done == on_device else [f"{done} is {on_device}"]
    for name, table in tables.items():
        for column in table:
            ours, its = found[name][column], table[column]
            same = len(ours) == len(its) and ours.dtype == its.dtype
            if same and its.dtype.kind in "if":
                same = np.allclose(ours.to_numpy(float), its.to_numpy(float), 1e-9, 1e-9, equal_nan=True)
            elif same:
                same = (ours == its).all()
            wrong += [] if same else [f"{name}.{column}"]
        wrong += [] if list(table) == list(found[name]) else [f"columns of {name}"]
    of = tables["scenarios"]
    kept = [int(of["n_audit_kept"].sum()), int((of["n_audited"] - of["n_audit_kept"]).sum())] if "n_audited" in of else []
    return wrong, done.n_congested, int(of["n_base_overload"].sum()), kept, n_listed


def draw_differences(study, numbers):
    """Which draws differ from the processor's, by a bit or more."""
    network, profiles = prepare(study)
    (point,) = points_of(study)
    its = draw_scenarios(point.of(study), network, profiles, point.share, numbers)
    ours = draw_on_device(point.of(study), network, profiles, point.share, numbers)
    names = {"load_row": "load_profile", "pv_row": "pv_profile"}
    return [
        name for name, drawn in ours._asdict().items() if not np.array_equal(get(drawn).T, getattr(its, names.get(name, name)))
    ]


def phases_differ(phases, all_there, numbers):
    """Whether the phases of homes are others than the processor's; some buses may be said to lack some."""
    study = STUDY.with_(network=PHASES, connection={"phases": phases.partition(",")[0]})
    drawings = study, *prepare(study), 0.5, numbers
    its = draw_scenarios(*drawings)
    with patch("fastp2p.cuda.draws.has_phase", lambda _, buses: np.full((len(buses), 3), all_there)):
        ours = get(draw_phases_on_device(*drawings))
    return not np.array_equal(ours.T, its.load_phase)


if __name__ == "__main__":
    np.seterr(over="ignore")  # uncompiled, products of random words pass the range of their type, as they should
    answer = {name: differences(STUDY.with_(**changes), range(3, 5)) for name, changes in VARIANTS.items()}
    draws = {name: draw_differences(STUDY.with_(**changes), range(7, 12)) for name, changes in DRAWN.items()}
    draws |= {f"phases, {name}": phases_differ(name, there, range(7, 12)) for name, there in PHASES_DRAWN.items()}
    print(json.dumps({"parts": answer, "draws": draws}))
