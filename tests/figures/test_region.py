"""Figures of a region: they show what its tables say, of five feeders and of many, and fit their page."""

import warnings
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import fastp2p
from fastp2p import plot
from fastp2p.errors import InputError
from fastp2p.figures.pages import Look, house_style
from fastp2p.figures.region import draw_distribution, draw_feeders
from fastp2p.figures.region_features import correlation_words, draw_features, draw_map
from fastp2p.figures.totals import draw_totals
from fastp2p.grid.features import FEATURES
from fastp2p.results.answers import REGION_TABLES, answer_region
from fastp2p.sweep.region_pages import draw_region_figures, telling_event

SHARES = (0.1, 0.5, 0.9)
NAMES = [f"{kind} feeder of the valley, number {i}" for i, kind in enumerate(["a", "b", "c", "d", "e"])]


def region(n=5, devices=False):
    """Twelve scenarios of each feeder: the first hosts nothing, the last all, the others up to a share between."""
    rng = np.random.default_rng(1)
    names = NAMES if n == 5 else [f"feeder {i:03d}" for i in range(n)]
    limit = np.linspace(0.0, 1.0, n)
    rows = [
        {"feeder": name, "share": share, **({"battery_share": battery} if devices else {}), "scenario": s,
         "executed_kwh": 1e4 * share * (1 + i % 3) + rng.normal(), "import_kwh": 5e4, "export_kwh": 2e4 * share,
         "saving": 3e5 * share, "n_cut": int(share > limit[i]), "n_base_overload": 0, "n_ac_broken": 0}
        for i, name in enumerate(names) for share in SHARES for battery in (0.0, 1.0)[: 1 + devices] for s in range(12)
    ]  # fmt: skip
    feeders = pd.DataFrame({"feeder": names, "file": names, "weight": 1.0 + np.arange(n) % 3, "region": "", "fault": ""})
    feeders = feeders.assign(**{one.name: np.exp(2 * np.arange(n) % 5) for one in FEATURES})
    feeders["n_homes"], feeders["rise_percent"] = 10 + 2 * np.arange(n) % 5, 2.0 - limit
    feeders["x"], feeders["y"] = 11.0 + limit, 53.0 - 0.1 * limit
    study = fastp2p.studies()["pv-sweep"].with_(name="valley", description="Feeders of a valley")
    return SimpleNamespace(study=study, scenarios=pd.DataFrame(rows), feeders=feeders)


@pytest.fixture(scope="module")
def five():
    made = region()
    return SimpleNamespace(**vars(made), **answer_region(made.scenarios, made.feeders))


def panel():
    return Figure(figsize=(5.0, 4.0), layout="constrained").subplots()


def segments(axes, colour):
    """Ends of horizontal bars in a colour, by row."""
    wanted = matplotlib.colors.to_rgba(colour)
    found = [one for one in axes.collections if len(one.get_colors()) and tuple(one.get_colors()[0]) == wanted]
    return {round(float(y)): (float(a), float(b)) for one in found for (a, y), (b, _) in one.get_segments()}


def test_every_feeder_has_its_bar_in_its_row(five):
    axes = panel()
    draw_feeders(axes, five.hosting)
    bars, rows = segments(axes, "C0"), five.hosting[five.hosting["event"] == "cut"].set_index("feeder")
    order = [NAMES[i] for i in (4, 2, 3, 1, 0)]  # the third and the fourth are tied
    for place, name in enumerate(order):
        low, after = 100.0 * rows.loc[name, "hosting_share"], 100.0 * rows.loc[name, "next_share"]
        assert bars[place] == pytest.approx((low, 100.0 if np.isnan(after) else after))
    assert [text.get_text().replace("…", "")[:3] for text in axes.get_yticklabels()] == [name[:3] for name in order]
    assert [text.get_text()[-1] for text in axes.get_yticklabels()] == [name[-1] for name in order]  # their ends differ
    beyond = next(line for line in axes.lines if line.get_label() == "at least")
    assert beyond.get_ydata().tolist() == [0]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    whiskers = segments(axes, "#222222")
    assert whiskers[4] == (0.0, 10.0)  # twelve of twelve are cut even at the smallest share
    assert whiskers[0] == (0.0, 100.0)  # none of twelve, which is not surely below 5 %


def test_many_feeders_have_bands():
    many = region(60)
    tables = answer_region(many.scenarios, many.feeders)
    axes = panel()
    draw_feeders(axes, tables["hosting"])
    assert len(axes.collections) == 2
    assert axes.get_ylabel() == "Feeders by rank"
    other = panel()
    draw_features(other, tables["hosting"], many.feeders, "n_bus")
    inside, beyond = (line.get_xydata() for line in other.lines)
    assert len(inside) + len(beyond) == 60
    assert ((inside[:, 1] >= 0.0) & (inside[:, 1] <= 90.0)).all()
    assert other.get_xscale() == "log"


def test_steps_of_the_distribution_lie_at_shares_that_were_tried(five):
    axes = panel()
    draw_distribution(axes, five.distribution)
    curves = {line.get_label(): line for line in axes.lines}
    of = five.distribution[(five.distribution["event"] == "cut") & (five.distribution["of"] == "homes")]
    np.testing.assert_allclose(curves["homes"].get_xdata()[1:], 100.0 * of["share"])
    np.testing.assert_allclose(curves["homes"].get_ydata()[1:], 100.0 * of["part"])
    assert curves["feeders"].get_drawstyle() == "steps-pre"


def test_features_and_map_show_hosting_capacities(five):
    axes = panel()
    draw_features(axes, five.hosting, five.feeders, "rise_percent", note="Few.")
    inside = next(line for line in axes.lines if line.get_label() == "between the shares tried")
    assert len(inside.get_xdata()) == 4
    assert axes.get_xlabel().replace("\n", " ") == "Voltage rise, 1 kW from every home (%)"
    assert axes.get_legend().get_title().get_text().replace("\n", " ").endswith("scenarios. Few.")
    row = five.ranks.iloc[0]
    assert row["feature"] == "rise_percent"
    assert correlation_words(row) == ["ρ = −0.97"]
    assert correlation_words({**row, "rank_correlation_low": -0.9, "rank_correlation_high": -0.5})[1] == "95%: −0.90 to −0.50"
    assert correlation_words({**row, "rank_correlation": np.nan}) == ["all alike"]
    assert correlation_words({**row, "rank_correlation": -0.001}) == ["ρ = 0.00"]
    place = panel()
    draw_map(place, five.hosting, five.feeders.assign(x=[np.nan, *five.feeders["x"][1:]]))
    drawn = np.concatenate([one.get_offsets() for one in place.collections])
    assert len(drawn) == 4
    by_place = dict(zip(map(float, drawn[:, 0]), np.concatenate([one.get_array() for one in place.collections]), strict=True))
    of = five.hosting[five.hosting["event"] == "cut"]
    expected = zip(five.feeders["x"][1:], 100.0 * of["hosting_share"][1:], strict=True)
    assert by_place == pytest.approx(dict(expected))
    assert place.get_xlabel() == "Longitude (°)"
    plane = panel()
    draw_map(plane, five.hosting, five.feeders.assign(x=1e5, y=np.arange(5.0)))
    assert plane.get_xlabel() == "x"


def test_totals_have_units_and_intervals(five):
    whole = five.totals[five.totals["region"].isna()]
    axes = panel()
    draw_totals(axes, whole, ["import_kwh", "export_kwh"])
    assert axes.get_ylabel() == "MWh"
    of = whole[whole["indicator"] == "import_kwh"]
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    np.testing.assert_allclose(drawn["import"], of["estimate"] / 1e3)
    assert axes.get_ylim()[0] == 0.0
    money, part = panel(), panel()
    draw_totals(money, whole, ["saving"], currency="EUR")
    assert money.get_ylabel() in ("million EUR", "thousand EUR")
    draw_totals(part, whole, ["cut_probability"])
    assert part.get_ylabel() == "%"
    swept = region(devices=True)
    totals = answer_region(swept.scenarios, swept.feeders)["totals"]
    lines = panel()
    draw_totals(lines, totals[totals["region"].isna()], ["executed_kwh"])
    assert [line.get_label() for line in lines.lines] == ["0%", "100%"]


@pytest.mark.parametrize("width_in", [3.5, 7.16])
def test_pages_fit_and_have_all_figures(five, width_in):
    answers = {name: getattr(five, name) for name in REGION_TABLES}
    dated = SimpleNamespace(**vars(five), profiles=fastp2p.Profiles.load())
    figures = draw_region_figures(dated, Look(width_in), answers)
    assert figures["totals"].axes[0].get_title(loc="left") == "Energy traded in 24 hours"
    assert list(figures) == ["hosting_by_feeder", "hosting_distribution", "features", "map", "totals"]
    with matplotlib.rc_context(house_style()), warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in figures.values():
            figure.draw_without_rendering()
            for legend in figure.legends:
                assert legend.get_window_extent().x1 <= figure.bbox.x1 + 1.0
    assert telling_event(five.hosting) == "cut"


def test_figures_that_need_more_are_left_out_and_devices_choose_their_largest_share():
    made = region(devices=True)
    made.feeders = made.feeders[["feeder", "weight"]]
    figures = draw_region_figures(made, Look())
    assert list(figures) == ["hosting_by_feeder", "hosting_distribution", "totals"]
    title = figures["hosting_by_feeder"].get_suptitle()
    assert title.startswith("valley, 5 feeders, batteries 1")


def test_public_functions_draw_the_tables_and_refuse_others(five, monkeypatch):
    monkeypatch.setattr("fastp2p.plot.region.results_of", lambda source: source)
    axes = panel()
    assert plot.hosting_by_feeder(five.hosting, axes) is axes
    assert axes.get_title(loc="left") == "As the market is cleared"
    same = plot.hosting_by_feeder(five, panel())
    assert segments(same, "C0") == segments(axes, "C0")
    from_results, from_table = plot.hosting_distribution(five, panel()), plot.hosting_distribution(five.distribution, panel())
    for one, other in zip(from_results.lines, from_table.lines, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())
    assert plot.hosting_feature(five, panel()).get_title(loc="left") == "ρ = −0.97"
    assert "Homes" in plot.hosting_feature(five, panel(), feature="n_homes").get_xlabel()
    assert plot.hosting_map(five, panel()).get_xlabel() == "Longitude (°)"
    assert plot.region_totals(five, panel(), indicators=["saving"]).get_ylabel().endswith("USD")
    assert plot.region_totals(five.totals, panel()).lines
    for message, call in (
        ("event must be one of", lambda: plot.hosting_by_feeder(five, event="fire")),
        ("event = 'voltage': these feeders have cut", lambda: plot.hosting_by_feeder(five, event="voltage")),
        ("of one network; network.sources", lambda: plot.hosting_map(SimpleNamespace(scenarios=five.scenarios))),
        ("feature = 'colour': these feeders have n_bus", lambda: plot.hosting_feature(five, feature="colour")),
        ("none of these networks says where it is", lambda: plot.hosting_map(_with(five, five.feeders.drop(columns="x")))),
        ("must be some of n_homes", lambda: plot.region_totals(five, indicators=["joy"])),
        ("table has many feeders, by its column 'feeder'", lambda: plot.hosting_capacity(five.scenarios)),
        ("probabilities is of many", lambda: fastp2p.find_hosting_capacity(fastp2p.find_probabilities(five.scenarios))),
        ("lacks the column event of hosting", lambda: plot.hosting_by_feeder(five.totals.drop(columns="region"))),
    ):
        with pytest.raises(InputError, match=message):
            call()


def _with(made, feeders):
    return SimpleNamespace(**{**vars(made), "feeders": feeders})
