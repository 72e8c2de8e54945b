"""How cost grows with scenarios, steps, buses and orders: medians, slopes on a log-log scale, a figure, a country's worth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastp2p
from bench.phases import study_on
from bench.timing import in_turns
from fastp2p.sweep.prepare import prepare

AXES = {
    "scenarios": (30, 100, 300, 1_000, 3_000, 10_000),
    "steps": (24, 96, 384, 1_536, 8_760, 35_040),
    "buses": (10, 30, 100, 300, 1_000, 3_000),
    "orders": (4, 10, 30, 100, 300, 1_000),
}
TITLES = {
    "scenarios": "a study over scenarios (44 buses, 24 steps)",
    "steps": "a study over steps (44 buses, 10 scenarios)",
    "buses": "a flow over buses (a random tree)",
    "orders": "an auction over its orders (half of them asks)",
}
UNITS = {"scenarios": "study", "steps": "study", "buses": "flow", "orders": "auction"}
FEEDERS, STEPS_PER_YEAR, SCENARIOS = 500_000, 8_760, 100
"""Of the country in the last paragraph: assumptions, not statistics."""


def measure(quick: bool) -> dict[str, dict[str, Any]]:
    """Seconds of each size of every axis, and the slope over its upper half."""
    makers: dict[str, Callable[[int], tuple[Callable[[], object], int]]] = {
        "scenarios": _scenarios,
        "steps": _steps,
        "buses": _buses,
        "orders": _orders,
    }
    found = {}
    for axis, sizes in AXES.items():
        chosen = sizes[:3] if quick else sizes
        jobs, runs = {}, {}
        for size in chosen:
            jobs[str(size)], runs[str(size)] = makers[axis](size)
        taken = in_turns(jobs, 1 if quick else 7, 60.0)
        seconds = [float(np.median(taken[str(size)])) / runs[str(size)] for size in chosen]
        half = len(chosen) // 2
        slope = float(np.polyfit(np.log(chosen[half:]), np.log(seconds[half:]), 1)[0])
        found[axis] = {"size": list(chosen), "seconds": seconds, "exponent": slope}
    return found


def _scenarios(n: int) -> tuple[Callable[[], object], int]:
    return _study(study_on("44", n))


def _steps(n: int) -> tuple[Callable[[], object], int]:
    one = study_on("44", 10)
    return _study(one.with_(profiles={"days": n // 24}))


def _study(one: fastp2p.Study) -> tuple[Callable[[], object], int]:
    network, profiles = prepare(one)
    return lambda: fastp2p.run(one, network=network, profiles=profiles, workers=1), 1


def _buses(n_bus: int) -> tuple[Callable[[], object], int]:
    network, n_books = random_feeder(n_bus), max(100, 2_000_000 // n_bus)
    injection = np.random.default_rng(0).normal(size=(n_books, n_bus))
    return lambda: network.flow_kw(injection), n_books


def _orders(n: int) -> tuple[Callable[[], object], int]:
    rng, n_books = np.random.default_rng(0), max(20, 500_000 // n)
    kwh = rng.uniform(0.1, 3.0, (n_books, n))
    is_bid = np.arange(n) % 2 == 0
    bid, ask = rng.uniform(0.1, 0.2, n), rng.uniform(0.05, 0.15, n)
    return lambda: fastp2p.match_orders(kwh * is_bid, kwh * ~is_bid, bid, ask, check=False), n_books


def random_feeder(n_bus: int) -> fastp2p.Network:
    """A tree in which every bus hangs on one of the ten before it, as feeders branch."""
    rng = np.random.default_rng(n_bus)
    to_bus = np.arange(1, n_bus)
    from_bus = np.array([rng.integers(max(0, bus - 10), bus) for bus in to_bus])
    ones, names = np.ones(n_bus - 1), np.full(n_bus - 1, "line")
    return fastp2p.Network(
        bus_id=np.arange(n_bus), known_id=np.arange(n_bus), known_position=np.arange(n_bus), load_bus=to_bus,
        load_kind=np.full(n_bus - 1, "load"), ac_faults=np.empty(0, str),
        reference_bus=np.array([0]), reference_angle_rad=np.zeros(1), fixed_kw=np.zeros(n_bus), from_bus=from_bus,
        to_bus=to_bus, susceptance_kw=ones, shift_rad=0.0 * ones, limit_kw=1e9 * ones, element=names,
        element_id=to_bus - 1, winding=np.full(n_bus - 1, ""), std_type=names, ampacity_ka=ones, kw_per_ka=ones,
        rating_kw=np.nan * ones, length_km=ones, base_kv=0.4 * np.ones(n_bus), rated_kv=0.4 * np.ones((n_bus - 1, 2)),
        resistance_pu=1e-6 * ones, reactance_pu=1e-6 * ones, tap_ratio=ones, from_shunt_pu=0j * ones, to_shunt_pu=0j * ones,
        bus_shunt_pu=np.zeros(n_bus, np.complex128), slack_vm_pu=np.ones(1),
    )  # fmt: skip


def country_hours(found: dict[str, dict[str, Any]]) -> float:
    """Hours of one core for the country: the cost of a book in the longest study, times its books."""
    steps = found["steps"]
    per_book = steps["seconds"][-1] / (steps["size"][-1] * 10)
    return per_book * FEEDERS * STEPS_PER_YEAR * SCENARIOS / 3600.0


def draw(found: dict[str, dict[str, Any]], path: Path) -> None:
    """The four axes side by side, log-log."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (axis, values) in zip(figure.subplots(2, 2).flat, found.items(), strict=True):
        size, us = np.array(values["size"]), 1e6 * np.array(values["seconds"])
        axes.loglog(size, us, "o-", color="C0", label="measured")
        axes.loglog(size, us[-1] * (size / size[-1]) ** values["exponent"], "--", color="C1", label="fit of the upper half")
        axes.set_title(TITLES[axis], fontsize=10)
        axes.set_xlabel(axis)
        axes.set_ylabel(f"µs per {UNITS[axis]}")
        axes.text(0.05, 0.9, f"exponent {values['exponent']:.2f}", transform=axes.transAxes)
        axes.grid(alpha=0.3, which="both")
    figure.axes[0].legend(loc="lower right", fontsize=9)
    figure.savefig(path, dpi=110)
