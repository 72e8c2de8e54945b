"""Facts about a study of many networks, and warnings, told once for all feeders that they are of."""

import re
from collections.abc import Mapping

import pandas as pd

from fastp2p.cli.check import describe, find_warnings
from fastp2p.cli.feeder_pool import count_feeders, feeder_pool
from fastp2p.cli.network_text import network_facts
from fastp2p.errors import FastP2PError
from fastp2p.grid.features import FEATURES
from fastp2p.study.model import Study
from fastp2p.sweep.examine import prepare_many
from fastp2p.sweep.executors import finished_parts, share_work
from fastp2p.sweep.feeders import Feeder, Networks, Work, of_feeder
from fastp2p.text import LONGEST_NAME, shown_text

MOST_SHOWN = 5
"""Regions, and feeders that cannot run, that are named one by one."""
LONGEST_FAULT, SAME_BEGINNING = 300, 40
"""Characters of a fault that are shown; and of warnings, but for their numbers, by which they are of one kind."""
Warnings = tuple[str, list[str]]
"""A feeder, and what looks wrong with it."""


def check_region(study: Study) -> tuple[dict[str, str], list[str]]:
    """Facts about a study of many networks, of which each is loaded once more after it has been examined, and warnings.

    Raises
    ------
    InputError
        Everything that would keep all feeders from running.
    """
    with feeder_pool(count_feeders(study)) as pool:
        work = prepare_many(study, None, None, False, pool, progress=False)
        study, feeders, profiles = work
        assert isinstance(feeders, Networks)
        found = dict[str, list[str]]()
        for ended in finished_parts(pool, look_at, share_work(pool, work), feeders.feeders):
            found.update(ended)
    table = feeders.table
    first, network, _ = of_feeder(work, feeders.feeders[0])
    of_first, _ = describe(first, network, profiles)
    own = network_facts(network)
    shared = {key: value for key, value in of_first.items() if key not in (*own, "study")}
    if "scenarios" in shared:
        n_books = study.n_cases * profiles.n_steps
        shared["scenarios"] += f" of each feeder, {len(feeders) * n_books:,} in all"
    facts = {
        "study": of_first["study"],
        **_facts(table),
        "example": f"what follows is of feeder {shown_text(next(iter(feeders)), LONGEST_NAME)}, as far as feeders differ in it",
        **shared,
    }
    return facts, _fault_warnings(table) + _together({name: found[name] for name in feeders})


def look_at(work: Work, feeder: Feeder) -> Warnings:
    """What looks wrong with a feeder."""
    try:
        return feeder.name, find_warnings(*of_feeder(work, feeder))
    except FastP2PError as error:
        return feeder.name, [str(error)]


def _facts(table: pd.DataFrame) -> dict[str, str]:
    """How many feeders there are, in which regions, with which weights, and how large they are."""
    able = table[table["fault"] == ""]
    cannot = f"; {len(table) - len(able):,} cannot" if len(able) < len(table) else ""
    facts = {"feeders": f"{len(table):,}: {len(able):,} can run{cannot}"}
    regions = able.groupby("region", sort=True)["weight"].agg(["size", "sum"])
    if len(regions) > 1:
        named = [
            f"{shown_text(str(name), LONGEST_NAME) or '(none)'} {n:,} (weight {weight:,.6g})"
            for name, n, weight in regions.head(MOST_SHOWN).itertuples(name=None)
        ]
        more = [f"{len(regions) - MOST_SHOWN:,} more"] * (len(regions) > MOST_SHOWN)
        facts["regions"] = ", ".join([*named, *more])
    if (able["weight"] != 1.0).any():
        facts["weights"] = f"{_range(able['weight'])}, {able['weight'].sum():,.6g} together"
    for feature in FEATURES:
        if feature.name in able and able[feature.name].notna().any():
            total = f", {able[feature.name].sum():,} together" if feature.name in ("n_bus", "n_homes") else ""
            unit = f" {feature.unit}" if feature.unit else ""
            facts[feature.words.lower()] = f"{_range(able[feature.name].dropna())}{unit} per feeder{total}"
    return facts


def _range(values: pd.Series) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:,.4g}" if low == high else f"{low:,.4g} … {high:,.4g}"


def _fault_warnings(table: pd.DataFrame) -> list[str]:
    """The feeders that cannot run, the first few with the reason."""
    failed = table[table["fault"] != ""]
    warnings = [
        f"feeder {shown_text(name, LONGEST_NAME)} cannot run: {shown_text(fault, LONGEST_FAULT)}"
        for name, fault in failed.head(MOST_SHOWN)[["feeder", "fault"]].itertuples(index=False, name=None)
    ]
    more = len(failed) - MOST_SHOWN
    return warnings + [f"{more:,} more feeders cannot run; manifest.json of a run lists them all"] * (more > 0)


def _together(found: Mapping[str, list[str]]) -> list[str]:
    """Each kind of warning once, with how many feeders it is of and what it says of the first."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, warnings in found.items():
        for warning in dict.fromkeys(warnings):
            kinds.setdefault(re.sub(r"\d[\d.,]*", "#", warning)[:SAME_BEGINNING], []).append((name, warning))
    told = []
    for of in kinds.values():
        name, warning = of[0]
        n = len({one for one, _ in of})
        if n == len(found) and all(other == warning for _, other in of):
            told.append(warning)
        else:
            such = f"feeder {shown_text(name, LONGEST_NAME)}"
            told.append(f"{such}: {warning}" if n == 1 else f"{n:,} of {len(found):,} feeders, such as {such}: {warning}")
    return told
