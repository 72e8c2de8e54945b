"""A small sweep, and its results beside what they should be."""

import json

import pandas as pd

from fastp2p.results.tables import make_frames
from fastp2p.study.model import Study
from fastp2p.sweep.parts import run_part

SWEEP = Study.model_validate(
    {
        "name": "small-sweep",
        "seed": 11,
        "network": {"source": "cigre_lv", "limit_factor": 0.03},
        "load": {"profile": {"choice": ["residential_0", "residential_1"]}},
        "pv": {"profile": "solar_2", "kwp": {"distribution": "uniform", "low": 5, "high": 30}},
        "market": {"bid_per_kwh": {"distribution": "uniform", "low": 0.1, "high": 0.2}, "feed_in_per_kwh": 0.03},
        "scenarios": {
            "count": 40,
            "shares": [0.2, 0.6],
            "keep": ["hours", "histograms", "books", "trades", "branches", "participants"],
        },
    }
)


def assert_same(tables, expected):
    assert tables.keys() == expected.keys()
    for name, table in expected.items():
        pd.testing.assert_frame_equal(
            tables[name], table, check_exact=True, check_categorical=False, check_dtype=name != "trades"
        )


def journal(folder):
    """The finished parts of a folder, as it lists them."""
    return [json.loads(line) for line in (folder / "parts.jsonl").read_text(encoding="utf-8").splitlines()]


def part_tables(work, part, batch_scenarios=None):
    """The tables of one part."""
    return make_frames([run_part(work, part, batch_scenarios)[1]], work[2].time)
