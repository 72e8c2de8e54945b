"""Hosting capacity in words: the one place of a report that knows how it is found."""

from __future__ import annotations

from fastp2p.report.numbers import EVENTS, point_words
from fastp2p.report.runs import Run
from fastp2p.results.hosting import THRESHOLD, hosting_words
from fastp2p.results.indicators import is_audited_whole
from fastp2p.results.points import by_devices
from fastp2p.results.results import Results
from fastp2p.results.statistics import Event


def hosting_sentences(run: Run) -> list[str]:
    """A sentence for each cause that may end the hosting capacity, and for each share of swept devices.

    None where a study has fewer than two shares of PV.
    """
    probabilities = run.probabilities
    events: tuple[Event, ...] = ("cut",)
    if is_audited_whole(run.results.scenarios):
        events = ("voltage", "cable", "unbalance") if "unbalance_probability" in probabilities else ("voltage", "cable")
    sentences = []
    for devices, rows in by_devices(probabilities):
        if len(rows) < 2:
            continue
        where = f", {point_words(devices)}" if devices else ""
        for event in events:
            found = hosting_words(rows, event, THRESHOLD).text.replace("%", " %")
            sentences.append(f"Limited by {EVENTS[event][0].lower()}{where}: {found}.")
    return sentences


def hosting_caption(results: Results) -> str:
    """What is meant by it."""
    if is_audited_whole(results.scenarios):
        model = "" if results.study.network.phases == 3 else " of the balanced model"
        what = f"everything that is fed in, without control, breaks a limit in an AC power flow{model}"
    else:
        what = "the network cuts a trade or an export, by the study's own model"
    return f"The largest share of PV at which, in at most {100 * THRESHOLD:g} % of the scenarios, {what}."
