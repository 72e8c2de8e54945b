"""Hosting capacity in words: the one place of a report that knows how it is found."""

from __future__ import annotations

from fastp2p.report.numbers import EVENTS, point_words
from fastp2p.report.runs import Run
from fastp2p.results.indicators import is_audited_whole
from fastp2p.results.points import by_devices
from fastp2p.results.results import Results
from fastp2p.results.statistics import Event, HostingCapacity, find_hosting_capacity

THRESHOLD = 0.05


def hosting_sentences(run: Run) -> list[str]:
    """A sentence for each cause that may end the hosting capacity, and for each share of swept devices.

    None where a study has fewer than two shares of PV.
    """
    probabilities = run.probabilities
    if probabilities["share"].nunique() < 2:
        return []
    events: tuple[Event, ...] = ("cut",)
    if is_audited_whole(run.results.scenarios):
        events = ("voltage", "cable", "unbalance") if "unbalance_probability" in probabilities else ("voltage", "cable")
    sentences = []
    for devices, rows in by_devices(probabilities):
        shares = sorted(rows["share"].tolist())
        if len(shares) < 2:
            continue
        where = f", {point_words(devices)}" if devices else ""
        for event in events:
            found = find_hosting_capacity(rows, THRESHOLD, event)
            sentences.append(f"Limited by {EVENTS[event][0].lower()}{where}: {_words(found, shares)}.")
    return sentences


def _words(found: HostingCapacity, shares: list[float]) -> str:
    """A hosting capacity among the shares that were tried."""
    if found.share >= shares[-1]:
        text = f"at least {100 * shares[-1]:.4g} % of PV, the largest share tried"
    elif found.share < shares[0]:
        text = f"below {100 * shares[0]:.4g} % of PV, the smallest share tried"
    else:
        above = next((share for share in shares if share > found.share), shares[-1])
        text = f"{100 * found.share:.4g} to {100 * above:.4g} % of PV, between the shares tried"
    return f"{text} (95 % interval from the draws: {100 * found.low:.4g} to {100 * found.high:.4g} %)"


def hosting_caption(results: Results) -> str:
    """What is meant by it."""
    if is_audited_whole(results.scenarios):
        model = "" if results.study.network.phases == 3 else " of the balanced model"
        what = f"everything that is fed in, without control, breaks a limit in an AC power flow{model}"
    else:
        what = "the network cuts a trade or an export, by the study's own model"
    return f"The largest share of PV at which, in at most {100 * THRESHOLD:g} % of the scenarios, {what}."
