"""Study files of three phases: how homes are connected, and what is stated of the zero sequence, mutated as other studies."""

import contextlib
import copy
from random import Random
from typing import Any

from fastp2p.io.stated import STATED
from fuzz.mutate import LINES, TREE, Case, Turns, sample, set_control, set_extreme
from fuzz.studies import WORDS, bases, is_small, schema, set_known, write_toml

NETWORKS = ["cigre_lv", "village_1", "four_loads_with_branches_out", "simple_four_bus_system", "kb_extrem_landnetz_trafo"]
HOMES = ["a", "b", "c", "balanced", "balanced", "d", "", 0, 1.0, True]
"""What a list of phases may hold, and what it may not."""
STATE = {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "c0_per_c1": 0.5, "vector_group": "Dyn", "trafo_z0_per_z1": 1.0, "grid": "ideal"}
assert STATE.keys() == STATED.keys()


def on_three_phases(random: Random) -> dict[str, Any]:
    """A built-in study, with everything that three phases ask for; or the one of them that has it."""
    study = copy.deepcopy(random.choice(bases()))
    if study["network"].get("phases") == 3 and random.random() < 0.5:
        return study
    study["network"] |= {"source": random.choice(NETWORKS), "phases": 3, "zero_sequence": copy.deepcopy(STATE)}
    study["participants"] = {"buses": random.choice(["leaves", "loads", "all"])}
    study["connection"] = {"phases": random.choice(["balanced", "random", "as_connected", "a", "b", "c"])}
    return study


def set_stated(turn: Random, study: dict[str, Any]) -> dict[str, Any]:
    """Of the zero sequence, a value that its model allows, or none."""
    part = schema()["$defs"]["ZeroSequencePart"]["properties"]
    key = turn.choice([*part])
    if turn.random() < 0.3:
        del study["network"]["zero_sequence"][key]
    else:
        study["network"]["zero_sequence"][key] = sample(turn, part[key], schema(), [*WORDS, "Dyn5", "Yzn", "YNyn0"])
    return study


def set_homes(turn: Random, study: dict[str, Any]) -> dict[str, Any]:
    """A list of phases, seldom of the length of the participants; or these, so that it is."""
    few = turn.choice([3, 4, 4, 13])
    study["connection"] = {"phases": [turn.choice(HOMES[: 5 if turn.random() < 0.8 else 10]) for _ in range(few)]}
    if turn.random() < 0.5:
        study["participants"] = {"buses": turn.sample(range(1, 30), few)}
    return study


def set_threshold(turn: Random, study: dict[str, Any]) -> dict[str, Any]:
    study["pv"]["three_phase_above_kw"] = turn.choice([0, 0.0, 1e-300, 3.0, 4.6, 1e6, 1e7, -1, "4.6", True])
    return study


def set_clearing(turn: Random, study: dict[str, Any]) -> dict[str, Any]:
    """What three phases change in a run: limits that bind, and who decides over them."""
    rules = {
        "objective": ["volume", "welfare", "pro_rata"], "unserved": ["retail", "shed"],
        "surplus": ["curtailable", "export", "spill"], "physics": ["dc", "lindistflow", "ac"],
        "solver": ["auto", "compiled", "highs"],
    }  # fmt: skip
    study["clearing"] = {name: turn.choice(words) for name, words in rules.items() if turn.random() < 0.6}
    study["clearing"]["audit"] = turn.choice([True, False, False])
    study["network"] |= {"limit_factor": turn.choice([1e-6, 0.01, 0.1, 1.0]), "reverse_kw": turn.choice([0, 1.0, 1e9])}
    return study


def make(random: Random, skip: frozenset[int]) -> Case:
    turns, study = Turns(random, skip), on_three_phases(random)
    own = [set_stated, set_homes, set_threshold, set_clearing, set_clearing]
    study = turns.mutate(study, own * 2 + [set_known] * 4 + [*TREE, set_extreme, set_control], 5)
    text = b""
    with contextlib.suppress(RecursionError):
        text = write_toml(study)
    if random.random() < 0.1:
        text = turns.mutate(text, LINES, 3)
    run = random.random() < 0.3 and is_small(text)
    json = ["--json"] * (random.random() < 0.2)
    return Case({"study.toml": text}, ["run", "study.toml", "--out", "out", *json] if run else ["check", "study.toml", *json])
