"""Every column of the tables of results; `fastp2p.results.column` says what is told of each.

``python -m fastp2p.results.columns`` prints the tables of docs/indicators.md.
"""

from __future__ import annotations

from functools import cache
from itertools import chain

from fastp2p.results.column import Column
from fastp2p.results.region_columns import REGION_SECTIONS
from fastp2p.text import LONGEST_UNIT, shown_text

TABLES = ("scenarios", "hours", "histograms", "books", "trades", "branches", "participants")
OF_SCENARIO = ("scenarios",)
OF_BOOKS = ("scenarios", "books")
OF_BUSES = (*OF_BOOKS, "participants")
OF_HOURS = ("scenarios", "hours", "books")
OF_ENERGY = (*OF_HOURS, "participants")

MONEY = "currency"
PER_KWH = "currency per kWh"
COLLAPSED = "a book has collapsed"
UNKNOWN = "not audited, or collapsed"
UNLIMITED = "nothing limits the branch"
NOBODY = "nobody has load, PV or a battery in use"

# fmt: off
SECTIONS: dict[str, tuple[Column, ...]] = {
    "Keys": (
        Column("share", "1", "the share of participants with PV", TABLES, indicator=False),
        Column("battery_share", "1", "the share of batteries, in studies that sweep it", TABLES, swept=True, indicator=False),
        Column("ev_share", "1", "the share of EVs, alike", TABLES, swept=True, indicator=False),
        Column("heat_pump_share", "1", "the share of heat pumps, alike", TABLES, swept=True, indicator=False),
        Column("scenario", "", "the number of the scenario, from 0", tuple(table for table in TABLES if table != "histograms"),
               indicator=False),
        Column("step", "", "the time step, from 0", ("books", "trades")),
        Column("time", "", "the start of the step, where the profiles have dates", ("books", "trades")),
        Column("hour", "", "the hour of the day, from 0", ("hours", "histograms")),
        Column("bus", "", "pandapower's index of the bus", ("participants",)),
    ),
    "Photovoltaics": (
        Column("n_pv", "", "the number of buses with PV", OF_SCENARIO),
        Column("kwp", "kWp", "the peak power of the PV", ("scenarios", "participants")),
    ),
    "Electric vehicles": (
        Column("n_ev", "", "the number of buses with an electric vehicle", OF_SCENARIO, device="ev"),
        Column("ev_kwh", "kWh", "energy that electric vehicles charge, at the charger; a part of the load", OF_ENERGY,
               over_steps="sum", device="ev"),
        Column("ev_unmet_kwh", "kWh", "need of electric vehicles that is not charged when they leave", OF_ENERGY,
               over_steps="sum", device="ev"),
    ),
    "Energy, trades and loading": (
        Column("load_kwh", "kWh", "consumption: what the profiles give, and what heat pumps and electric vehicles draw",
               OF_ENERGY, over_steps="sum", heading="load"),
        Column("pv_kwh", "kWh", "generation that the profiles give", OF_ENERGY, over_steps="sum", heading="PV"),
        Column("self_kwh", "kWh", "PV energy that a bus uses itself", OF_ENERGY, over_steps="sum", heading="self\nused"),
        Column("matched_kwh", "kWh", "energy that the auction trades", (*OF_HOURS, "trades"), over_steps="sum",
               heading="matched"),
        Column("executed_kwh", "kWh", "P2P energy: the part of the matched energy that the network carries",
               (*OF_HOURS, "trades"), account="bought_kwh", over_steps="sum", heading="executed", compared=1),
        Column("cut_kwh", "kWh", "matched − executed", OF_BOOKS, over_steps="sum", compared=2),
        Column("import_kwh", "kWh", "energy bought from the retailer", OF_HOURS, account="retail_kwh", over_steps="sum",
               baseline="baseline_import_kwh", heading="import"),
        Column("export_kwh", "kWh", "surplus that reaches the grid", OF_HOURS, account="exported_kwh", over_steps="sum",
               baseline="baseline_export_kwh", heading="export"),
        Column("spilled_kwh", "kWh", "surplus that does not reach the grid, and PV of cut trades", OF_BUSES, over_steps="sum"),
        Column("shed_kwh", "kWh", "load of cut trades, with `unserved = \"shed\"`", OF_ENERGY,
               over_steps="sum"),
        Column("slack_kwh", "kWh", "Σ of what the external grids feed in, with the constant draws of the network (iron losses, "
               "shunts), and with all losses where every book is audited", OF_BOOKS, over_steps="sum", null=COLLAPSED),
        Column("n_trades", "", "the number of trades: pairs of a seller and a buyer", OF_BOOKS, over_steps="sum"),
        Column("worst_loading_percent", "%", "the largest loading of any branch", ("books",)),
    ),
    "Heat pumps": (
        Column("heat_pump_kwh", "kWh", "electric energy that a heat pump draws; it is part of `load_kwh`", OF_ENERGY,
               over_steps="sum", device="heat_pump"),
        Column("cold_kh", "K h", "by how much a room is below the lower end of its comfort band at the end of a step, times "
               "the length of the step; 0 where the heat pump follows a profile", OF_BUSES, over_steps="sum",
               device="heat_pump"),
    ),
    "Batteries": (
        Column("battery_kwh", "kWh", "the size of the battery", ("participants",), device="battery"),
        Column("charged_kwh", "kWh", "energy that a bus puts into its battery", OF_ENERGY, over_steps="sum", device="battery"),
        Column("discharged_kwh", "kWh", "energy that a bus takes out of its battery", OF_ENERGY, over_steps="sum",
               device="battery"),
        Column("battery_lost_kwh", "kWh", "charged − discharged − change of the stored energy", OF_ENERGY, over_steps="sum",
               device="battery"),
        Column("stored_kwh", "kWh", "stored energy at the end: of the step, or of the last step", OF_BUSES, over_steps="last",
               device="battery"),
    ),
    "Beside the market": (
        Column("background_kwh", "kWh", "load less PV of the background; in `participants`, of that at the bus", OF_ENERGY,
               over_steps="sum", device="background"),
        Column("community_charged_kwh", "kWh", "energy that the community's battery draws", OF_HOURS, over_steps="sum",
               device="community_battery"),
        Column("community_discharged_kwh", "kWh", "energy that it feeds in", OF_HOURS, over_steps="sum",
               device="community_battery"),
        Column("community_lost_kwh", "kWh", "charged − discharged − change of the stored energy", OF_HOURS, over_steps="sum",
               device="community_battery"),
        Column("community_stored_kwh", "kWh", "stored energy at the end: of the step, or of the last step", OF_BOOKS,
               over_steps="last", device="community_battery"),
    ),
    "Money": (
        Column("paid", MONEY, "Σ_i buyer's price × executed", OF_BUSES, over_steps="sum"),
        Column("received", MONEY, "Σ_i seller's price × executed", (*OF_BUSES, "trades"), over_steps="sum"),
        Column("charges", MONEY, "network charges of the buyers", OF_BUSES, over_steps="sum"),
        Column("operator_balance", MONEY, "paid + charges − received; less λ_b × losses where every book is audited", OF_BOOKS,
               over_steps="sum", null=COLLAPSED, heading="operator", compared=13),
        Column("retailer_revenue", MONEY, "Σ λ_b × import − λ_s × export; plus λ_b × losses where every book is audited",
               OF_BOOKS, over_steps="sum", null=COLLAPSED, heading="retailer", compared=14),
        Column("bill", MONEY, "the payments of the participants: retailer_revenue + operator_balance", OF_BUSES,
               over_steps="sum", baseline="baseline_bill", heading="bill", compared=3),
        Column("buyer_surplus", MONEY, "Σ_i bid × executed − paid", OF_BOOKS, over_steps="sum", compared=10),
        Column("seller_surplus", MONEY, "received − Σ_i ask × executed", OF_BOOKS, over_steps="sum", compared=11),
    ),
    "Carbon": (
        Column("co2_kg", "kg", "Σ intensity × import, with `market.co2_kg_per_kwh`", OF_BOOKS, over_steps="sum",
               baseline="baseline_co2_kg"),
    ),
    "Without trading": (
        Column("baseline_import_kwh", "kWh", "Σ_b max(load − PV, 0)", OF_BOOKS, account="baseline_retail_kwh",
               over_steps="sum"),
        Column("baseline_export_kwh", "kWh", "Σ_b max(PV − load, 0); 0 with `surplus = \"spill\"`", OF_BOOKS,
               account="baseline_exported_kwh", over_steps="sum"),
        Column("baseline_bill", MONEY, "Σ λ_b × baseline import − λ_s × baseline export", OF_BUSES, over_steps="sum"),
        Column("baseline_co2_kg", "kg", "Σ intensity × baseline import", OF_BOOKS, over_steps="sum"),
    ),
    "Savings and welfare": (
        Column("saving", MONEY, "baseline_bill − bill", ("scenarios", "participants"), heading="saving", compared=4),
        Column("least_saving", MONEY, "the least saving of a participant", OF_SCENARIO, null=NOBODY, heading="least\nsaving",
               compared=5),
        Column("greatest_saving", MONEY, "the greatest saving of a participant", OF_SCENARIO, null=NOBODY, compared=6),
        Column("n_worse_off", "", "the number of participants whose saving is below zero", OF_SCENARIO, heading="worse\noff",
               compared=7),
        Column("jain_saving", "1", "Jain's index (Σx)²/(n Σx²) of the savings x; 1: all equal, 1/n: one has all", OF_SCENARIO,
               null="all savings are zero", heading="Jain", compared=8),
        Column("gini_saving", "1", "Gini's index Σ_ij |x_i − x_j|/(2 n Σ|x|) of the savings x; 0: all equal", OF_SCENARIO,
               null="all savings are zero", compared=9),
        Column("welfare", MONEY, "Σ_i (bid − ask) × executed", OF_SCENARIO, compared=12),
    ),
    "Shares, between 0 and 1": (
        Column("self_sufficiency", "1", "(self + executed − charged)/load; charged and discharged are 0 without batteries",
               OF_SCENARIO, null="there is no load"),
        Column("self_consumption", "1", "(self + executed − discharged)/PV", OF_SCENARIO, null="there is no PV"),
        Column("p2p_share", "1", "executed/load", OF_SCENARIO, null="there is no load"),
        Column("cut_share", "1", "cut/matched", OF_SCENARIO, null="nothing is matched"),
        Column("ev_unmet_share", "1", "electric vehicles whose need is not met in some session, over all", OF_SCENARIO,
               device="ev", null="nobody has an electric vehicle"),
    ),
    "Power and loading of a scenario": (
        Column("peak_import_kw", "kW", "the largest power out of the external grids in any step", OF_SCENARIO, null=COLLAPSED,
               baseline="baseline_peak_import_kw"),
        Column("peak_export_kw", "kW", "the largest power into the external grids in any step", OF_SCENARIO, null=COLLAPSED,
               baseline="baseline_peak_export_kw"),
        Column("load_factor", "1", "mean over peak of the power out of the external grids; steps that export count as 0",
               OF_SCENARIO, null="no step imports, or a book has collapsed"),
        Column("baseline_peak_import_kw", "kW", "the largest baseline import − baseline export + what is beside the "
               "market + constant draws of the network",
               OF_SCENARIO),
        Column("baseline_peak_export_kw", "kW", "the same in the other direction", OF_SCENARIO),
        Column("p50_loading_percent", "%", "the median over the steps of the largest loading of any branch", OF_SCENARIO),
        Column("p95_loading_percent", "%", "the 95th percentile of the same", OF_SCENARIO),
        Column("p99_loading_percent", "%", "the 99th percentile of the same", OF_SCENARIO),
        Column("worst_loading_percent", "%", "the largest loading of any branch in any step", OF_SCENARIO, over_steps="max"),
        Column("hours_above_100_percent", "h", "how long some branch is above its limit", OF_SCENARIO),
    ),
    "Books": (
        Column("n_cut", "", "books in which a limit keeps some trade or export from being executed in full", OF_SCENARIO),
        Column("n_free", "", "books in which no limit binds", OF_SCENARIO),
        Column("n_cleared", "", "books in which trades or exports are cut to fit", OF_SCENARIO),
        Column("n_base_overload", "", "books in which a limit is broken before any trade", OF_SCENARIO),
        Column("n_failed", "", "books in which the solver fails, and nothing is executed (under `pro_rata`: only what had been "
               "filled)", OF_SCENARIO),
        Column("n_ac_broken", "", "under `physics = \"ac\"`, books in which what is executed still breaks, in AC, a limit that "
               "the base keeps", OF_SCENARIO),
        Column("is_cut", "", "whether `n_cut` counts the book", ("books",)),
        Column("status", "", "`free`, `cleared`, `base_overload`, `failed` or `ac_broken`, as `n_free` and so on count",
               ("books",)),
        Column("solver", "", "the solver of the book's LP: `compiled`, `highs`, or `none` where there was no LP", ("books",)),
        Column("certified", "", "whether the answer is proven to be the optimum", ("books",)),
    ),
    "Voltages and losses": (
        Column("losses_kwh", "kWh", "Σ of the network's losses", OF_BOOKS, over_steps="sum", audit=True, null=UNKNOWN),
        Column("losses_cost", MONEY, "Σ λ_b × losses, where every book is audited", OF_BOOKS, over_steps="sum", audit=True,
               null=COLLAPSED),
        Column("lowest_vm_pu", "p.u.", "the lowest voltage of any bus but the external grids", OF_HOURS, over_steps="min",
               audit=True, null=UNKNOWN),
        Column("highest_vm_pu", "p.u.", "the highest voltage of any bus but the external grids", OF_HOURS, over_steps="max",
               audit=True, null=UNKNOWN),
        Column("lowest_vm_bus", "", "the bus of `lowest_vm_pu`", ("books",), audit=True, null=UNKNOWN, dtype="Int64"),
        Column("lowest_vm_step", "", "the step of `lowest_vm_pu`", OF_SCENARIO, audit=True, indicator=False, null=UNKNOWN,
               dtype="Int64"),
        Column("lowest_vm_time", "", "its start, where the profiles have dates", OF_SCENARIO, audit=True, indicator=False,
               null=UNKNOWN),
        Column("highest_vm_bus", "", "the bus of `highest_vm_pu`", ("books",), audit=True, null=UNKNOWN, dtype="Int64"),
        Column("highest_vm_step", "", "the step of `highest_vm_pu`", OF_SCENARIO, audit=True, indicator=False, null=UNKNOWN,
               dtype="Int64"),
        Column("highest_vm_time", "", "its start, where the profiles have dates", OF_SCENARIO, audit=True, indicator=False,
               null=UNKNOWN),
        Column("worst_current_percent", "%", "the largest loading of any branch, from its current", OF_BOOKS, over_steps="max",
               audit=True, null=UNKNOWN),
        Column("n_audited", "", "the number of audited books", ("scenarios", "hours"), audit=True),
        Column("n_books", "", "the number of books", ("scenarios", "hours"), audit=True),
        Column("n_audit_not_audited", "", "books that are not audited", OF_SCENARIO, audit=True),
        Column("n_audit_kept", "", "books that keep all limits", OF_SCENARIO, audit=True),
        Column("n_audit_base_broken", "", "books that break limits, but not by trades", OF_SCENARIO, audit=True),
        Column("n_audit_broken", "", "books that break a limit that the base keeps, or break one worse than the base",
               OF_SCENARIO, audit=True),
        Column("n_audit_collapse", "", "books of which the power flow has no solution", OF_SCENARIO, audit=True),
        Column("ac_status", "", "`not_audited`, `kept`, `base_broken`, `broken` or `collapse`, as `n_audit_kept` and so on "
               "count", ("books",), audit=True),
        Column("n_full_breaks_voltage", "", "books in which everything matched and left over would, without control, break a "
               "voltage limit", OF_SCENARIO, audit=True, null=UNKNOWN, dtype="Int64"),
        Column("n_full_breaks_current", "", "the same of a current limit", OF_SCENARIO, audit=True, null=UNKNOWN,
               dtype="Int64"),
        Column("n_needless_cut", "", "books in which something is cut although AC would have carried everything", OF_SCENARIO,
               audit=True, null=UNKNOWN, dtype="Int64"),
        Column("full_breaks_voltage", "", "whether `n_full_breaks_voltage` counts the book", ("books",), audit=True,
               null=UNKNOWN, dtype="boolean"),
        Column("full_breaks_current", "", "whether `n_full_breaks_current` counts the book", ("books",), audit=True,
               null=UNKNOWN, dtype="boolean"),
        Column("needless_cut", "", "whether `n_needless_cut` counts the book", ("books",), audit=True, null=UNKNOWN,
               dtype="boolean"),
    ),
    "Phases": (
        Column("lowest_vm_phase", "", "the phase of `lowest_vm_pu`: `a`, `b` or `c`", ("books",), audit=True, phases=True,
               null=UNKNOWN, dtype="phase"),
        Column("highest_vm_phase", "", "the phase of `highest_vm_pu`", ("books",), audit=True, phases=True,
               null=UNKNOWN, dtype="phase"),
        Column("unbalance_percent", "%", "the largest unbalance of any bus, negative by positive sequence of its voltage",
               OF_BOOKS, over_steps="max", audit=True, phases=True, null=UNKNOWN),
        Column("unbalance_bus", "", "the bus of `unbalance_percent`", ("books",), audit=True, phases=True, null=UNKNOWN,
               dtype="Int64"),
        Column("neutral_percent", "%", "the largest current of a neutral, as a loading of a phase conductor of its branch",
               OF_BOOKS, over_steps="max", audit=True, phases=True, null=UNKNOWN),
        Column("n_full_breaks_unbalance", "", "books in which everything matched and left over would, without control, take "
               "the unbalance of a bus beyond 2 % (EN 50160), where the base keeps it", OF_SCENARIO, audit=True, phases=True,
               null=UNKNOWN, dtype="Int64"),
        Column("n_balanced_breaks_voltage", "", "`n_full_breaks_voltage` as the balanced model has it, of the same books",
               OF_SCENARIO, audit=True, phases=True, null=UNKNOWN, dtype="Int64"),
        Column("n_balanced_breaks_current", "", "`n_full_breaks_current` as the balanced model has it, of the same books",
               OF_SCENARIO, audit=True, phases=True, null=UNKNOWN, dtype="Int64"),
        Column("full_breaks_unbalance", "", "whether `n_full_breaks_unbalance` counts the book", ("books",), audit=True,
               phases=True, null=UNKNOWN, dtype="boolean"),
        Column("balanced_breaks_voltage", "", "whether `n_balanced_breaks_voltage` counts the book", ("books",), audit=True,
               phases=True, null=UNKNOWN, dtype="boolean"),
        Column("balanced_breaks_current", "", "whether `n_balanced_breaks_current` counts the book", ("books",), audit=True,
               phases=True, null=UNKNOWN, dtype="boolean"),
    ),
    "Trades": (
        Column("seller", "", "pandapower's index of the seller's bus", ("trades",)),
        Column("buyer", "", "pandapower's index of the buyer's bus", ("trades",)),
        Column("bid_per_kwh", PER_KWH, "the buyer's bid, as the study has it", ("trades",)),
        Column("ask_per_kwh", PER_KWH, "the seller's ask, as the study has it", ("trades",)),
        Column("price_per_kwh", PER_KWH, "what the buyer pays per executed kWh", ("trades",)),
        Column("seller_price_per_kwh", PER_KWH, "what the seller gets per executed kWh", ("trades",)),
        Column("buyer_benefit", MONEY, "(bid − price) × executed", ("trades",)),
        Column("binding_branch", "", "of a cut trade the limit that cut it: a branch, the voltage of a bus, or the reverse "
               "power of a transformer", ("trades",)),
        Column("shadow_price", "kWh per kW (volume), currency per kWh (welfare); of a voltage per p.u.",
               "the size of its shadow price", ("trades",)),
    ),
    "Participants": (
        Column("bought_kwh", "kWh", "executed energy that the bus buys", ("participants",)),
        Column("sold_kwh", "kWh", "executed energy that the bus sells", ("participants",)),
        Column("retail_kwh", "kWh", "import of the bus", ("participants",)),
        Column("exported_kwh", "kWh", "export of the bus", ("participants",)),
        Column("phase", "", "the phase that the load is connected to: `a`, `b`, `c`, or `balanced`, a third on each",
               ("participants",), phases=True, null="the bus has no load", dtype="phase"),
        Column("pv_phase", "", "the phase that the PV is connected to, alike", ("participants",), phases=True,
               null="the bus has no PV", dtype="phase"),
    ),
    "Branches": (
        Column("branch", "", "the name of the branch", ("branches",)),
        Column("phase", "", "the phase of its conductor: `a`, `b` or `c`", ("branches",), phases=True, dtype="phase"),
        Column("from_bus", "", "pandapower's index of the bus where it begins", ("branches",)),
        Column("to_bus", "", "pandapower's index of the bus where it ends", ("branches",)),
        Column("physics", "", "the physics of the limits: `dc`, `lindistflow` or `ac`", ("branches",)),
        Column("limit_kw", "kW", "the limit", ("branches",), infinite=True),
        Column("limit_kva", "kVA", "the same number", ("branches",), null="`dc`", infinite=True),
        Column("largest_flow_kw", "kW", "active power of the step where it is largest, signed", ("branches",)),
        Column("largest_flow_kva", "kVA", "the largest apparent power √(P² + Q²), as LinDistFlow has it", ("branches",),
               null="`dc`"),
        Column("worst_step", "", "the step of the largest loading", ("branches",)),
        Column("worst_time", "", "its start, where the profiles have dates", ("branches",)),
        Column("p50_loading_percent", "%", "the median of the loading over the steps", ("branches",), null=UNLIMITED),
        Column("p95_loading_percent", "%", "the 95th percentile of the loading over the steps", ("branches",), null=UNLIMITED),
        Column("max_loading_percent", "%", "the largest loading", ("branches",), null=UNLIMITED),
        Column("n_binding_books", "", "the number of books in which its limit binds", ("branches",)),
        Column("max_current_percent", "%", "the largest loading from current, by AC, of any audited book", ("branches",),
               audit=True, null=f"no book is audited, or {UNLIMITED}"),
    ),
    "Histograms": (
        Column("quantity", "", "the column of `books` whose values are counted", ("histograms",)),
        Column("from_value", "", "the lower edge of the bin", ("histograms",)),
        Column("to_value", "", "the upper edge of the bin", ("histograms",), infinite=True),
        Column("n_books", "", "the number of books with from_value ≤ value < to_value", ("histograms",)),
    ),
    "Rates of an audit": (
        Column("broken_rate", "1", "the part of the audited books in which what is executed breaks, in AC, a limit that the "
               "base keeps, or collapses", ("audit",), audit=True),
        Column("needless_cut_rate", "1", "the part of the audited books that are cut although AC would have carried everything",
               ("audit",), audit=True),
    ),
    **REGION_SECTIONS,
}
"""The columns by the heading under which docs/indicators.md defines them; in this order within a table and in statistics."""
# fmt: on
COLUMNS = tuple(chain.from_iterable(SECTIONS.values()))


@cache
def columns_of(table: str) -> dict[str, Column]:
    """The columns of a table, by name."""
    return {column.name: column for column in COLUMNS if table in column.tables}


def _indicators(audit: bool = False, phases: bool = False, device: str = "") -> tuple[str, ...]:
    here, kind = columns_of("scenarios").values(), (audit, phases, device)
    return tuple(one.name for one in here if one.indicator and (one.audit, one.phases, one.device) == kind)


INDICATORS = _indicators()
"""Quantities that the statistics of a sweep describe: every column of `scenarios` but the keys."""
DEVICE_INDICATORS = {one.device: _indicators(device=one.device) for one in COLUMNS if one.device}
"""Further ones, by the section of a study that they are of."""
AUDIT_INDICATORS = _indicators(audit=True)
"""Further ones, where every book is audited; the steps of the extremes are no quantities."""
PHASE_INDICATORS = _indicators(audit=True, phases=True)
"""Further ones, where every book of a three-phase study is audited."""
COMPARED = tuple(column.name for column in sorted(COLUMNS, key=lambda column: column.compared) if column.compared)
"""Indicators of a comparison of market rules."""
UNITS = {column.name: column.unit for column in COLUMNS if column.unit}
"""Units by name, in whatever table a column stands."""


def units_in(currency: str) -> dict[str, str]:
    """`UNITS` with money in a study's currency."""
    money = shown_text(currency, LONGEST_UNIT)
    return {name: unit.replace(MONEY, money) for name, unit in UNITS.items()}


def as_markdown(section: str) -> str:
    """The table of a section for docs/indicators.md, without cells that are empty for all its columns."""
    columns = SECTIONS[section]
    cells = {
        "column": [f"`{one.name}`" for one in columns],
        "unit": [one.unit for one in columns],
        "tables": ["all" if one.tables == TABLES else ", ".join(f"`{table}`" for table in one.tables) for one in columns],
        "definition": [one.meaning.replace("|", "\\|") for one in columns],
        "without trading": [f"`{one.baseline}`" if one.baseline else "" for one in columns],
        "null where": [one.null for one in columns],
    }
    kept = {head: entries for head, entries in cells.items() if any(entries)}
    rows = [list(kept), ["---"] * len(kept), *zip(*kept.values(), strict=True)]
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in rows)


if __name__ == "__main__":
    for heading in SECTIONS:
        print(f"## {heading}\n\n{as_markdown(heading)}\n")
