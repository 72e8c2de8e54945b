"""Feeders ranked by what they can host."""

import numpy as np
import pandas as pd
import pytest

from fastp2p.results.ranking import limiting_events, rank_hosting, share_words


def hosting(rows):
    columns = ("feeder", "event", "hosting_share", "next_share", "hosting_share_low", "hosting_share_high", "next_share_high")
    return pd.DataFrame(rows, columns=columns)


def test_the_first_limit_counts_and_what_is_beyond_comes_last():
    table = hosting(
        [
            ("a", "cut", 0.1, 0.2, 0.1, 0.1, 0.2),
            ("a", "voltage", 0.9, np.nan, 0.5, 0.9, np.nan),
            ("a", "cable", 0.9, np.nan, 0.9, 0.9, np.nan),
            ("b", "cut", 0.9, np.nan, 0.9, 0.9, np.nan),
            ("b", "voltage", 0.5, 0.9, 0.3, 0.9, np.nan),
            ("b", "cable", 0.3, 0.5, 0.3, 0.5, 0.9),
            ("c", "cut", 0.9, np.nan, 0.9, 0.9, np.nan),
            ("c", "voltage", 0.3, 0.5, 0.0, 0.3, 0.5),
            ("c", "cable", 0.3, 0.5, 0.3, 0.5, 0.9),
        ]
    )
    ranked = rank_hosting(table)
    assert list(ranked["feeder"]) == ["c", "b", "a"]
    assert list(ranked["limited_by"])[:2] == ["voltage", "cable"]
    assert ranked["limited_by"].isna()[2]
    assert list(ranked["hosting_share"]) == [0.3, 0.3, 0.9]
    assert list(ranked["hosting_share_low"]) == [0.0, 0.3, 0.5]
    assert list(ranked["next_share_high"][:2]) == [0.5, 0.9]
    assert ranked[["next_share", "next_share_high"]].isna().all(axis=1)[2]
    of_devices = rank_hosting(pd.concat([table.assign(battery_share=share) for share in (0.0, 1.0)]))
    assert list(of_devices["feeder"]) == ["c", "b", "a"] * 2


def test_without_an_audit_what_is_cut_limits():
    table = hosting([("a", "cut", 0.1, 0.2, 0.1, 0.1, 0.2), ("a", "overload", 0.0, 0.1, 0.0, 0.0, 0.1)])
    assert limiting_events(table) == ("cut",)
    assert list(rank_hosting(table)["hosting_share"]) == [0.1]
    assert limiting_events(pd.DataFrame({"cut_probability": [0.0], "cable_probability": [0.0]})) == ("cable",)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.3, 0.5, "30 to 50 %"),
        (0.0, 0.1, "below 10 %"),
        (0.9, np.nan, "at least 90 %"),
        (0, 0, "none, not even without PV"),
        (0.0, np.nan, "unknown"),
    ],
)
def test_words(low, high, words):
    assert share_words(low, high) == words
