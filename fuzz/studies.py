"""Study files: the built-in studies, mutated by what the model of a study allows, as trees, as lines, as bytes."""

import contextlib
import copy
import math
import tomllib
from functools import cache
from random import Random
from typing import Any

import tomli_w

from fastp2p.study.model import Study, study_files
from fuzz.mutate import DATES, LINES, TREE, Case, Turns, sample, set_control, set_extreme

NETWORKS = ["cigre_lv", "village_1", "four_loads_with_branches_out", "simple_four_bus_system", "example_simple", "case4gs"]
WORDS = [*NETWORKS, *("typical_day", "residential_0", "residential_1", "solar_0", "solar_1", "by_bus", "bus_1", "loads", "EUR")]
WORDS += [
    "UG1",
    "OH1",
    "executed_kwh",
    "saving",
    "1",
    "missing.csv",
    "missing.json",
    "simbench:1-LV-rural1--0-sw",
    "study.toml",
]
RUN_BOOKS = 600
"""Books up to which a study is run, not only checked."""
ENDLESS = {"count": 10**9, "stop": {"indicator": "load_kwh", "within": 0.9, "at_least": 100}}
"""Scenarios without an end, enough after the first hundred."""


@cache
def schema() -> dict[str, Any]:
    return Study.model_json_schema()


@cache
def bases() -> list[dict[str, Any]]:
    """The built-in studies, with few scenarios and days; without SimBench's, whose tables alone need the memory of a case."""
    found = [tomllib.loads(text) for text in study_files().values() if "simbench:" not in text]
    for one in found:
        if "scenarios" in one:
            one["scenarios"]["count"] = 2
        if "profiles" in one:
            one["profiles"]["days"] = 2
    return found


def set_known(turn: Random, study: dict[str, Any]) -> dict[str, Any]:
    """Give a key that studies have, or a whole section, a value that its model allows, or nearly."""
    name = turn.choice([*schema()["properties"]])
    part = schema()["properties"][name]
    model = schema()["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else None
    if model is None or turn.random() < 0.1:
        study[name] = sample(turn, part, schema(), WORDS)
    else:
        key = turn.choice([*model["properties"]])
        study.setdefault(name, {})[key] = sample(turn, model["properties"][key], schema(), WORDS)
    return study


def set_date(turn: Random, study: dict[str, Any]) -> dict[str, Any]:
    section = turn.choice([*study])
    study[section][turn.choice([*study[section]])] = turn.choice(DATES)
    return study


def set_endless(_: Random, study: dict[str, Any]) -> dict[str, Any]:
    return study | {"scenarios": copy.deepcopy(ENDLESS)}


def write_toml(tree: Any) -> bytes:
    """TOML of a tree, without what TOML does not know."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): clean(one) for key, one in value.items() if one is not None}
        return [clean(one) for one in value if one is not None] if isinstance(value, list) else value

    return tomli_w.dumps(clean(tree)).encode("utf-8", "replace")


def is_small(text: bytes) -> bool:
    """Whether a run ends soon by the size that it declares."""
    try:
        study = tomllib.loads(text.decode())
        profiles, scenarios = study.get("profiles", {}), study.get("scenarios", {})
        count = 10 if scenarios == ENDLESS else scenarios.get("count", 1)
        swept = [scenarios.get("shares", []), *scenarios.get("sweep", {}).values()]
        cases = count * math.prod(max(1, len(shares)) for shares in swept)
        steps = 24 * profiles.get("days", 1) / min(1.0, profiles.get("step_hours", 1.0))
        large = profiles.get("source", "typical_day") != "typical_day" or "audit" in study.get("clearing", {})
        return bool(0 < cases * steps <= RUN_BOOKS // (10 if large else 1))
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return True  # refused before anything is run


def make(random: Random, skip: frozenset[int]) -> Case:
    turns = Turns(random, skip)
    study = copy.deepcopy(random.choice(bases()))
    study = turns.mutate(
        study, [set_known] * 8 + TREE + [set_date, set_extreme, set_extreme, set_control, set_control, set_endless], 6
    )
    text = b""
    with contextlib.suppress(RecursionError):
        text = write_toml(study)
    if random.random() < 0.25:
        text = turns.mutate(text, LINES, 3)
    run = random.random() < 0.12 and is_small(text)
    json = ["--json"] * (random.random() < 0.2)
    return Case({"study.toml": text}, ["run", "study.toml", "--out", "out", *json] if run else ["check", "study.toml", *json])
