"""What the GPU of this machine does: first that it agrees with the CPU, then how fast it is. Under three minutes.

    python -m bench.gpu
    python -m bench.gpu sweeps

The second one goes on with sweeps under other limits and with audits, which takes some minutes more.

Times of AC power flows are of kernels alone, with all arrays on the card, by its own clock: medians over rounds. Those of
sweeps hold all that a run does but reading its input and writing tables. The floors say how long the card would take for the
bytes that a book reads and writes, and for its operations of floats, at the rates that it reached just before, copying and
multiplying. The lines of the table are as docs/gpu.md has them.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

import fastp2p
from bench import machine
from bench.gpu_code import STATED
from bench.networks import load
from fastp2p.cuda.device import device_name, free_bytes, is_simulated, launch, put, room
from fastp2p.errors import InputError
from fastp2p.grid.ac import TOLERANCE, summarise_flows
from fastp2p.grid.phases import summarise_phases

HOMES = 13
N_BOOKS, N_CHECKED, N_ON_CPU = 1 << 21, 4_000, 100_000
"""Books of a launch, those that are compared with the CPU's, and those that the CPU is timed on."""
ROUNDS = 7
NEAR_PU, NEAR = 1e-8, 1e-9
"""How far voltages may be from the CPU's, p.u.; and sums of books, relative."""
QUERY = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit,memory.total"
BATTERY = {"kwh": {"distribution": "uniform", "low": 4.0, "high": 12.0}}
EV = {"share": 0.5, "rule": "surplus", "arrival": {"distribution": "uniform", "low": 12.0, "high": 20.0}}
HEAT_PUMP = {
    "share": 0.5, "kw": 2.0, "resistance_k_per_kw": 5.0, "capacity_kwh_per_k": 8.0, "cop": 3.0, "temperature_c": 5.0,
}  # fmt: skip
DC_SWEEPS: dict[str, dict[str, Any]] = {
    "DC book with draws": {},
    "DC book with batteries": {"battery": BATTERY},
    "DC book with heat pumps, cars, batteries": {"battery": BATTERY, "ev": EV, "heat_pump": HEAT_PUMP},
}
"""Sweeps without devices of homes and with them, and their changes of the study."""
PHASES = {"network": {"phases": 3, "zero_sequence": STATED}, "connection": {"phases": "random"}}
SWEEPS: dict[str, dict[str, Any]] = {
    "LinDistFlow book with draws": {"clearing": {"physics": "lindistflow"}},
    "AC book with draws": {"clearing": {"physics": "ac"}},
    "DC book with draws, one in 100 audited": {"clearing": {"audit": 100}},
    "three-phase DC book with draws and audit": PHASES | {"clearing": {"audit": True}},
}
"""Sweeps that `python -m bench.gpu sweeps` measures as well, and their changes of the study."""
HEAD = "| stage | ns a book | books a second | × one core | × all cores | ns at least, bytes | ns at least, operations |"


class Stage(NamedTuple):
    """What is measured.

    Attributes
    ----------
    title : str
    run : function
        Launches the device's work on `n_books`.
    n_books : int
    on_cpu : function or None
        Does books on so many cores of the CPU, and says how many.
    fault : str
        How it differs from the CPU; empty where it agrees.
    moved_bytes, operations : float
        Of a book, at least; NaN where nobody counts.
    """

    title: str
    run: Callable[[], object]
    n_books: int
    on_cpu: Callable[[int], int] | None
    fault: str
    moved_bytes: float = float("nan")
    operations: float = float("nan")


def seconds_of(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the device, after one run that compiles."""
    run()
    if is_simulated():
        return float("nan")
    cuda, taken = import_module("numba.cuda"), []
    for _ in range(rounds):
        begin, end = cuda.event(), cuda.event()
        begin.record()
        run()
        end.record()
        end.synchronize()
        taken.append(cuda.event_elapsed_time(begin, end) * 1e-3)
    return float(np.median(taken))


def ac_stages(n_books: int, n_checked: int) -> Iterator[Stage]:
    """Snapshots of CIGRE LV, balanced with arrays and as straight-line code, and on three phases."""
    from fastp2p.cuda.ac import audit_of_book, batch_kernel, books_last, on_device, summarise_on_device
    from fastp2p.cuda.phases import audit_of_phases, phase_kernel, summarise_phases_on_device
    from fastp2p.cuda.straight import straight_code
    from fastp2p.kernels.grid import inside, phase_structs

    network = load("44").network
    bus = network.load_bus[:HOMES].astype(np.int64)
    kw, data = draw_kw(len(bus), n_books), audit_of_book(network, bus).data
    expected, n_iterations = summarise_flows(network, bus, kw[:n_checked], 0.3 * kw[:n_checked])
    code = straight_code(data.feeder, data.column, data.inside, TOLERANCE)
    operations = code.n_sweep * n_iterations.mean() + code.n_summary
    some = kw[:N_ON_CPU]

    def stage(title: str, kernel: Any, data: Any, n_best: int, kw: Any, fault: str, cpu: Any, operations: float) -> Stage:
        there = tuple(put(books_last(part)) for part in (kw, 0.3 * kw))
        data, outputs, n = on_device(data), (room((n_best, len(kw))), room(len(kw), np.int64)), len(kw)
        moved = 8.0 * (2 * kw[0].size + n_best + 1)
        return Stage(title, lambda: launch(kernel, n, there, data, outputs), n, cpu, fault, moved, operations)

    def on_cpu(n_cores: int) -> int:
        return in_threads(lambda: summarise_flows(network, bus, some, 0.3 * some), len(some), n_cores)

    for straight in (False, True):
        found = summarise_on_device(network, bus, kw[:n_checked], 0.3 * kw[:n_checked], straight)
        audit, how = audit_of_book(network, bus, straight), "straight-line code" if straight else "arrays"
        kernel = batch_kernel(audit.function, len(bus))
        fault = difference(found[0], expected)
        yield stage(
            f"AC, {len(data.column)} of {network.n_bus} nodes, {how}",
            kernel,
            audit.data,
            inside.N_BEST,
            kw,
            fault,
            on_cpu,
            operations,
        )

    of_phases = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    on_phases = np.zeros((n_books // 2, len(bus), 3))
    on_phases[:, np.arange(len(bus)), np.random.default_rng(1).integers(0, 3, len(bus))] = kw[: len(on_phases)]
    few, fewer = on_phases[:n_checked], on_phases[: N_ON_CPU // 4]

    def phases_on_cpu(n_cores: int) -> int:
        return in_threads(lambda: summarise_phases(of_phases, bus, fewer, 0.3 * fewer), len(fewer), n_cores)

    found = summarise_phases_on_device(of_phases, bus, few, 0.3 * few)
    fault = difference(found[0], summarise_phases(of_phases, bus, few, 0.3 * few)[0])
    audit = audit_of_phases(of_phases, bus)
    title = f"AC on three phases, {len(audit.data.few.parent)} of {of_phases.n_bus} nodes"
    kernel = phase_kernel(audit.function, len(bus))
    yield stage(title, kernel, audit.data, phase_structs.N_BEST, on_phases, fault, phases_on_cpu, float("nan"))


def draw_kw(n_columns: int, n_books: int) -> np.ndarray:
    """Injections of homes, -2 to 3 kW each."""
    return np.random.default_rng(0).uniform(-2.0, 3.0, (n_books, n_columns))


def dc_stages(n_scenarios: int) -> Iterator[Stage]:
    """A day of `pv-sweep`: its draws alone, and all that the engine does until its sums are made, without devices and with."""
    from fastp2p.cuda.draws import draw_on_device
    from fastp2p.sweep.prepare import prepare

    study, numbers = sweep_of({}, n_scenarios), range(n_scenarios)
    drawings = study, *prepare(study), 0.3, numbers
    yield Stage("draws", lambda: draw_on_device(*drawings), n_scenarios * drawings[2].n_steps, None, "")
    for title, changes in DC_SWEEPS.items():
        yield sweep_stage(title, changes, n_scenarios, 20_000)


def more_sweep_stages(n_scenarios: int) -> Iterator[Stage]:
    """The same with other limits, and with audits; kernels take a minute or more to compile."""
    for title, changes in SWEEPS.items():
        yield sweep_stage(title, changes, n_scenarios, 2_000)


def sweep_of(changes: dict[str, Any], n_scenarios: int) -> Any:
    """`pv-sweep` at one share of PV, whose books leave no table but that of scenarios."""
    return fastp2p.studies()["pv-sweep"].with_(
        **changes, scenarios={"count": n_scenarios, "shares": [0.3], "keep": []}
    )  # fmt: skip


def sweep_stage(title: str, changes: dict[str, Any], n_scenarios: int, n_on_core: int) -> Stage:
    """Everything that the engine does until the sums of a sweep are made; `n_on_core` scenarios are timed on each core."""
    from fastp2p.cuda.engine import run_scenarios
    from fastp2p.sweep.prepare import prepare

    study = sweep_of(changes, n_scenarios)
    network, profiles = prepare(study)
    few = sweep_of(changes, min(200, n_scenarios))
    fault = difference_of_tables(fastp2p.run(few, device="cuda").scenarios, fastp2p.run(few, workers=1).scenarios)

    def on_cpu(n_cores: int) -> int:
        many = min(n_scenarios, n_on_core * n_cores)
        fastp2p.run(sweep_of(changes, many), workers=n_cores)
        return many * profiles.n_steps

    def run() -> list[Any]:
        return list(run_scenarios(study, network, profiles, 0.3, range(n_scenarios), ("scenarios",)))

    return Stage(title, run, n_scenarios * profiles.n_steps, on_cpu, fault)


def difference(found: Any, expected: Any) -> str:
    """Where voltages, percents and kW are further from the CPU's than they may be; NaN is equal to NaN."""
    faults = []
    for name, one, other in zip(expected._fields, found, expected, strict=True):
        if one.dtype.kind == "f":
            scale = np.maximum(1.0, np.nanmax(np.abs(other), initial=0.0))
            worst = np.nanmax(np.abs(one - other), initial=0.0)
            if worst > NEAR_PU * scale or (np.isnan(one) != np.isnan(other)).any():
                faults.append(f"{name} by {worst:.2g}")
    return ", ".join(faults)


def difference_of_tables(found: Any, expected: Any) -> str:
    """Columns of numbers that are further from the CPU's than sums in another order may be."""
    faults = []
    for name in expected.columns:
        if expected[name].dtype.kind != "f":
            continue
        one, other = found[name].to_numpy(), expected[name].to_numpy()
        worst = np.nanmax(np.abs(one - other), initial=0.0) / max(1.0, np.nanmax(np.abs(other), initial=0.0))
        if worst > NEAR:
            faults.append(f"{name} by {worst:.2g}")
    return ", ".join(faults)


def line_of(stage: Stage, moved: float, operations: float) -> str:
    """A line of the table."""
    ns = seconds_of(stage.run) / stage.n_books * 1e9
    one, every = (float("nan"),) * 2 if stage.on_cpu is None else cpu_ns(stage.on_cpu)
    floors = stage.moved_bytes / moved * 1e9, stage.operations / operations * 1e9
    ratios, least = (f"{x / ns:.0f}" for x in (one, every)), (f"{x:.2g}" for x in floors)
    cells = [stage.title, f"{ns:.3g}", f"{1e9 / ns:.2g}", *ratios, *least]
    return "| " + " | ".join(cell.replace("nan", "–") for cell in cells) + " |"


def cpu_ns(job: Callable[[int], int]) -> tuple[float, float]:
    """Nanoseconds of a book on one core, and on all."""
    found = []
    for n_cores in (1, os.cpu_count() or 1):
        job(n_cores)
        clock = time.perf_counter()
        n_books = job(n_cores)
        found.append((time.perf_counter() - clock) / n_books * 1e9)
    return found[0], found[1]


def in_threads(job: Callable[[], object], n_books: int, n_cores: int) -> int:
    """Do a job twice in each of so many threads, which kernels let run side by side."""
    with ThreadPoolExecutor(n_cores) as pool:
        list(pool.map(lambda _: job(), range(2 * n_cores)))
    return 2 * n_cores * n_books


def describe_card() -> str:
    """The card, its driver, its clocks as they are."""
    if shutil.which("nvidia-smi") is None:
        return device_name()
    call = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader"]
    said = subprocess.run(call, capture_output=True, text=True).stdout.splitlines()
    if not said:
        return device_name()
    name, driver, *rest = (part.strip() for part in said[0].split(","))
    now, most, memory, power, size = rest
    return f"{name} ({size}), driver {driver}, {now} of {most}, memory at {memory}, at most {power}"


def main() -> int:
    begin = time.perf_counter()
    try:
        device_name()
    except InputError as error:
        print(f"bench.gpu measures a GPU. {error}", file=sys.stderr)
        return 1
    n_books = int(min(N_BOOKS, free_bytes() / 4_000)) if not is_simulated() else 4
    print(describe_card())
    print(machine.describe()["machine"])
    from bench.gpu_rates import rates  # where numba-cuda is installed

    moved, operations = rates(seconds_of)
    print(
        f"copies {moved * 1e-9:,.0f} GB/s, {operations * 1e-12:.2f} tera-operations/s of float64\n\n{HEAD}\n|---|" + "---:|" * 6
    )
    faults, parts = [], [dc_stages(2 if is_simulated() else 100_000), ac_stages(n_books, min(N_CHECKED, n_books))]
    if sys.argv[1:] == ["sweeps"]:
        parts.append(more_sweep_stages(2 if is_simulated() else 20_000))
    for stages in parts:
        for stage in stages:
            print(line_of(stage, moved, operations), flush=True)
            faults += [f"{stage.title} differs from the CPU: {stage.fault}"] if stage.fault else []
    print(f"\n{time.perf_counter() - begin:.0f} s. " + ("; ".join(faults) or "Everything agrees with the CPU."))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
