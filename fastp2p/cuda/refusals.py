"""What a run on a GPU does not do: told before it begins, with the key."""

from __future__ import annotations

from fastp2p.study.model import Study

TABLES = ("scenarios", "hours", "histograms")
"""Tables that sums of books on the device make."""
PRICINGS = ("ask", "bid", "midpoint", "k", "uniform", "mid_market_rate", "bill_sharing")
"""Market rules whose prices the device finds; in the order of its codes, "uniform" being "k"."""
DEVICES = ("heat_pump", "ev", "battery", "community_battery")
CPU = "leave the device out to run without it"


def device_faults(study: Study, tables: tuple[str, ...]) -> list[str]:
    """What keeps a study from running on a GPU and keeping these tables."""
    wrong: list[tuple[str, str]] = []
    wrong += [(section, "devices of homes and the community") for section in DEVICES if getattr(study, section) is not None]
    if study.background is not None:
        wrong.append(("participants.background", "background"))
    if study.network.sources:
        wrong.append(("network.sources", "studies of many feeders"))
    if study.network.phases == 3:
        wrong.append(("network.phases = 3", "three phases"))
    clearing, market = study.clearing, study.market
    if clearing.physics != "dc":
        wrong.append((f"clearing.physics = {clearing.physics!r}", "limits of voltage and apparent power"))
    elif clearing.audit > 1:
        wrong.append((f"clearing.audit = {int(clearing.audit)}", "audits of a sample"))
    elif clearing.audit and study.network.reverse_kw is not None:
        wrong.append(("network.reverse_kw", "limits of reverse power in audits"))
    if clearing.unserved == "shed":
        wrong.append(("clearing.unserved = 'shed'", "the shedding of load"))
    if market.branch_charge_per_kwh > 0.0:
        wrong.append(("market.branch_charge_per_kwh", "charges by branch"))
    if market.pricing not in PRICINGS:
        wrong.append((f"market.pricing = {market.pricing!r}", "this market rule"))
    if others := [table for table in tables if table not in TABLES]:
        wrong.append((f"scenarios.keep ({', '.join(others)})", "other tables than hours and histograms"))
    return [f"{key}: device = 'cuda' does not do {what}; {CPU}" for key, what in wrong]
