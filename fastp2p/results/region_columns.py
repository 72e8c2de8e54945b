"""Columns of the tables of a study of many networks: its feeders, what they host, and what the region does as a whole."""

from __future__ import annotations

from fastp2p.results.column import Column

FEEDERS, HOSTING, DISTRIBUTION, RANKS, TOTALS = (
    ("feeders",), ("hosting",), ("distribution",), ("ranks",), ("totals", "total_changes"),
)  # fmt: skip
OF_HOSTING = (*HOSTING, *DISTRIBUTION, *RANKS)
NOBODY = "nobody takes part"
MESHED = "the network is meshed, or nobody takes part"
NO_AC = "the network is meshed or has no AC model, or nobody takes part"
BEYOND = "the largest share tried is hosted"
ALONE = "there is one feeder"

# fmt: off
REGION_SECTIONS: dict[str, tuple[Column, ...]] = {
    "Feeders": (
        Column("feeder", "", "the name of the feeder, in all tables of such a study their first column", (*FEEDERS, *HOSTING)),
        Column("file", "", "what its network was read from", FEEDERS),
        Column("weight", "1", "how many feeders it stands for", FEEDERS),
        Column("region", "", "the region that it is in; in `totals` null for all regions together", (*FEEDERS, *TOTALS)),
        Column("n_bus", "", "the number of buses; those that closed switches join are one", FEEDERS),
        Column("n_homes", "", "the number of buses that take part; in `totals` an indicator", FEEDERS),
        Column("length_km", "km", "the length of all lines", FEEDERS, null="a line has no length"),
        Column("furthest_km", "km", "the longest way along lines from an external grid to a home", FEEDERS,
               null=f"a line has no length, or {NOBODY}"),
        Column("furthest_ohm", "Ω", "the largest series resistance between the external grid and a home (positive sequence, "
               "transformers included), as seen at the home's voltage", FEEDERS, null=NO_AC),
        Column("trafo_kva", "kVA", "rating of the first transformers below the external grids", FEEDERS,
               null="there is none, or it is not known"),
        Column("kva_per_home", "kVA", "the same per home", FEEDERS, null=f"the same, or {NOBODY}"),
        Column("first_line_a", "A", "the ampacity of the weakest line with homes behind it and no line above it", FEEDERS,
               null=MESHED),
        Column("rise_percent", "%", "by how much the voltage rises where it rises most if every home feeds in 1 kW: Σ R_b × "
               "homes behind branch b, along the way to a home", FEEDERS, null=NO_AC),
        Column("x", "", "the middle of its buses that have coordinates: degrees east, or in any plane", FEEDERS,
               null="no bus has coordinates"),
        Column("y", "", "the same: degrees north", FEEDERS, null="no bus has coordinates"),
        Column("fault", "", "why it could not run; empty where it did", FEEDERS),
    ),
    "Hosting capacity by feeder": (
        Column("event", "", "what ends it, as in `probabilities`", OF_HOSTING),
        Column("hosting_share", "1", "the largest share of PV tried up to which at most 5 % of scenarios have the event; 0 "
               "where even the smallest is too much", HOSTING),
        Column("next_share", "1", "the share tried after it: the hosting capacity lies between both", HOSTING, null=BEYOND),
        Column("hosting_share_low", "1", "as `hosting_share`, where the upper end of the probability's interval is at most 5 %",
               HOSTING),
        Column("hosting_share_high", "1", "as `hosting_share`, where its lower end is", HOSTING),
        Column("next_share_high", "1", "the share tried after `hosting_share_high`: with 95 % confidence the hosting capacity "
               "lies between `hosting_share_low` and this", HOSTING, null="the largest share tried may be hosted"),
    ),
    "Distribution of the hosting capacity": (
        Column("of", "", "what is counted: `feeders` or `homes`", DISTRIBUTION),
        Column("part", "1", "the part of them, by weight, with `hosting_share` at least `share`", DISTRIBUTION),
        Column("part_low", "1", "the lower end of its 95 % interval if the feeders are a sample of more", DISTRIBUTION,
               null=ALONE),
        Column("part_high", "1", "the upper end", DISTRIBUTION, null=ALONE),
        Column("surely", "1", "the part by `hosting_share_low`", DISTRIBUTION),
        Column("perhaps", "1", "the part by `hosting_share_high`", DISTRIBUTION),
    ),
    "Features and the hosting capacity": (
        Column("feature", "", "a column of `feeders`", RANKS),
        Column("n", "", "the number of feeders of which it is known", RANKS),
        Column("rank_correlation", "1", "Spearman's, of the feature and the hosting capacity", RANKS,
               null="all feeders are alike in one of them"),
        Column("rank_correlation_low", "1", "the lower end of its 95 % interval", RANKS,
               null="there are fewer than 10 feeders, or the order is the same throughout"),
        Column("rank_correlation_high", "1", "the upper end", RANKS, null="the same"),
    ),
    "Totals of a region": (
        Column("indicator", "", "a column of `scenarios`, `n_homes`, or an event as in `cut_probability`", TOTALS),
        Column("kind", "", "`total` of what adds up: energy, money, counts; else `mean`", TOTALS),
        Column("n_feeders", "", "the number of feeders in which it is known", TOTALS),
        Column("estimate", "", "Σ w x, or of a mean Σ w x / Σ w, of the feeders' means x with weights w", TOTALS,
               null="a total is unknown in some feeder, a mean in all"),
        Column("estimate_low", "", "the lower end of its 95 % interval if the feeders are a sample of more", TOTALS,
               null=ALONE),
        Column("estimate_high", "", "the upper end", TOTALS, null=ALONE),
        Column("draws_low", "", "the lower end of the 95 % interval that the draws leave of these feeders and no others",
               TOTALS,
               null="a feeder has one scenario"),
        Column("draws_high", "", "the upper end", TOTALS, null="a feeder has one scenario"),
    ),
}
"""As `fastp2p.results.columns.SECTIONS`, of which they are part."""
# fmt: on
