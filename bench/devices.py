"""Sweeps with devices beside the same sweeps without, one worker, in turns in one process on one processor.

    python -m bench.devices [--quick]

`pv-sweep-year` at 30 % PV, whole years; and for batteries that trade typical days of many scenarios side by side. Processor
time, medians over the rounds, ratios taken round by round.
"""

import argparse
import time
from typing import Any

import fastp2p
from bench.timing import in_turns, on_one_core, ratio
from fastp2p.sweep.parts import cut_into_rounds, run_part
from fastp2p.sweep.prepare import prepare

BATTERY = {"kwh": {"distribution": "uniform", "low": 5.0, "high": 12.0}}
EV = {"share": 0.4, "kwh": {"distribution": "uniform", "low": 3.0, "high": 12.0}, "rule": "surplus"}
HEAT_PUMP = {
    "share": 0.4, "kw": 5.0, "resistance_k_per_kw": 5.0, "capacity_kwh_per_k": 10.0, "cop": 3.0,
    "temperature_c": {"series": [2.0] * 8 + [6.0] * 10 + [3.0] * 6},
}  # fmt: skip
CASES: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "a battery wherever PV is": ("pv-sweep-year", {"battery": BATTERY}),
    "battery, car and heat pump (house model)": ("pv-sweep-year", {"battery": BATTERY, "ev": EV, "heat_pump": HEAT_PUMP}),
    "batteries that trade": ("pv-sweep", {"battery": {**BATTERY, "rule": "market", "value_per_kwh": 0.12}}),
}
SCENARIOS = {"pv-sweep-year": 3, "pv-sweep": 500}


def sweep(name: str, count: int, devices: dict[str, dict[str, Any]]) -> Any:
    """What runs a part of a built-in study with devices, at 30 % PV."""
    study = fastp2p.studies()[name].with_(scenarios={"count": count, "shares": [0.3]}, **devices)
    work = (study, *prepare(study))
    parts = [part for one in cut_into_rounds(study, work[2].n_steps) for part in one]
    return lambda: [run_part(work, part) for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.devices", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few scenarios and one round: that it runs, not how fast")
    quick = parser.parse_args().quick
    with on_one_core():
        for case, (name, devices) in CASES.items():
            count = 1 if quick else SCENARIOS[name]
            jobs = {"with": sweep(name, count, devices), "without": sweep(name, count, {})}
            taken = in_turns(jobs, 1 if quick else 15, 60.0, clock=time.process_time)
            print(f"{case}: {name} x {ratio(taken['with'], taken['without'])}")


if __name__ == "__main__":
    main()
