"""The hosting capacity in words: what the shares tried say of it, and what the confidence of the draws adds."""

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.results.hosting import hosting_span, hosting_words
from fastp2p.results.statistics import find_hosting_capacity

NOTHING = float("nan")


def table(shares, probability, low, high):
    return pd.DataFrame({"share": shares, "cut_probability": probability, "cut_low": low, "cut_high": high})


@pytest.mark.parametrize(
    ("shares", "probability", "low", "high", "text", "span"),
    [
        ([0.1, 0.3, 0.5], [0, 0.02, 0.2], [0, 0.01, 0.1], [0.01, 0.04, 0.3],
         "30 to 50%: between the shares tried, with 95% confidence", (0.3, 0.5)),
        ([0.1, 0.3, 0.5], [0, 0.02, 0.2], [0, 0.01, 0.04], [0.01, 0.08, 0.3],
         "30 to 50%: between the shares tried; at least 10% with 95% confidence", (0.3, 0.5)),
        ([0.1, 0.3, 0.5], [0, 0.02, 0.2], [0, 0.01, 0.1], [0.01, 0.08, 0.3],
         "30 to 50%: between the shares tried; 10 to 50% with 95% confidence", (0.3, 0.5)),
        ([0.125, 1.0], [0, 0], [0, 0], [0.01, 0.02], "at least 100%, with 95% confidence", (1.0, 1.0)),
        ([0.1, 0.3], [0.2, 0.4], [0.1, 0.3], [0.3, 0.5], "below 10%, with 95% confidence", (0.0, 0.1)),
        ([0.0, 0.3], [0.2, 0.4], [0.1, 0.3], [0.3, 0.5], "none, not even without PV, with 95% confidence", (0.0, 0.0)),
        ([0.5], [0.0], [0.0], [0.5], "at least 50%; too few scenarios for 95% confidence", (0.5, 1.0)),
        ([0.5, 0.1], [NOTHING, 0.0], [NOTHING, 0.0], [NOTHING, 0.01],
         "10 to 50%: between the shares tried, with 95% confidence", (0.1, 0.5)),
    ],
)  # fmt: skip
def test_words_and_span(shares, probability, low, high, text, span):
    found = table(shares, probability, low, high)
    assert hosting_words(found).text == text
    assert hosting_span(found, "cut") == span
    assert find_hosting_capacity(found).share == (span[0] if "below" not in text and "none" not in text else 0.0)


def test_short_words_say_the_same():
    few, same, wide = (
        hosting_words(table([0.1, 0.5], [0.0, 0.2], [0.0, low], [high, 0.4]))
        for low, high in ((0, 0.3), (0.1, 0.01), (0, 0.01))
    )
    assert few.short == "10 to 50% (95%: unknown)"
    assert same.short == "10 to 50% (95%: the same)"
    assert wide.short == "10 to 50% (95%: at least 10%)"


def test_an_unknown_event_is_refused():
    with pytest.raises(fastp2p.InputError, match="known only if every book is audited"):
        hosting_words(table([0.1], [0.0], [0.0], [np.nan]), "voltage")
