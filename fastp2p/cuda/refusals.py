"""What a run on a GPU does not do: told before it begins, with the key."""

from __future__ import annotations

from fastp2p.study.model import Study

TABLES = ("scenarios", "hours", "histograms")
"""Tables that sums of books on the device make."""
PRICINGS = ("ask", "bid", "midpoint", "k", "uniform", "mid_market_rate", "bill_sharing")
"""Market rules whose prices the device finds; in the order of its codes, "uniform" being "k"."""
CPU = "leave the device out to run without it"


def device_faults(study: Study, tables: tuple[str, ...]) -> list[str]:
    """What keeps a study from running on a GPU and keeping these tables."""
    wrong: list[tuple[str, str]] = []
    if study.battery is not None and study.battery.rule == "market":
        wrong.append(("battery.rule = 'market'", "batteries that trade"))
    if study.community_battery is not None:
        wrong.append(("community_battery", "the community's battery"))
    if study.background is not None:
        wrong.append(("participants.background", "background"))
    if study.network.sources:
        wrong.append(("network.sources", "studies of many feeders"))
    clearing, market = study.clearing, study.market
    if study.audited_every and study.network.reverse_kw is not None:
        wrong.append(("network.reverse_kw", "limits of reverse power in AC power flows"))
    if clearing.unserved == "shed":
        wrong.append(("clearing.unserved = 'shed'", "the shedding of load"))
    if market.branch_charge_per_kwh > 0.0:
        wrong.append(("market.branch_charge_per_kwh", "charges by branch"))
    if market.pricing not in PRICINGS:
        wrong.append((f"market.pricing = {market.pricing!r}", "this market rule"))
    if others := [table for table in tables if table not in TABLES]:
        wrong.append((f"scenarios.keep ({', '.join(others)})", "other tables than hours and histograms"))
    return [f"{key}: device = 'cuda' does not do {what}; {CPU}" for key, what in wrong]
