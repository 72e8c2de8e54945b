"""The figure of bills: boxes are quantiles of the table, savings to the right, those with PV apart from those without."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import fastp2p
from fastp2p.figures.bills import draw_bills
from fastp2p.figures.pages import Look, house_style
from fastp2p.sweep.sweep_pages import bills_page


@pytest.fixture(scope="module")
def savings():
    rng = np.random.default_rng(1)
    n = 40
    one = pd.DataFrame({"scenario": np.arange(n) // 4, "bus": np.arange(n) % 4, "kwp": [4.0, 0.0, 4.0, 0.0] * 10})
    one["load_kwh"] = [1.0, 1.0, 0.0, 0.0] * 10  # the last one of four has nothing, and does not count
    shares = [
        one.assign(share=share, ask_saving=rng.normal(1, 1, n), mid_market_rate_saving=0.0) for share in (0.1, 0.3, 0.5, 1.0)
    ]
    return pd.concat(shares, ignore_index=True)


def test_boxes_are_quantiles_of_what_is_saved(savings):
    axes = Figure().subplots()
    rows = savings[savings["share"] == 0.3]
    draw_bills(axes, rows, currency="$_^$", period="14 days", name="30% PV")
    assert axes.get_xlabel() == "Saved by a participant\nin 14 days ($_^$)"
    axes.figure.draw_without_rendering()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["ask", "mid market rate"]
    assert axes.get_title(loc="left") == "30% PV"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["with PV", "without PV"]
    with_pv, without = rows[rows["kwp"] > 0.0], rows[(rows["kwp"] == 0.0) & (rows["load_kwh"] > 0.0)]
    boxes = [patch for patch in axes.patches if patch.get_path().vertices.shape[0] >= 5]
    for box, group in zip((boxes[0], boxes[2]), (with_pv, without), strict=True):
        ends = box.get_path().vertices[:, 0]
        np.testing.assert_allclose((ends.min(), ends.max()), np.quantile(group["ask_saving"], [0.25, 0.75]))
    lowest, highest = axes.get_ylim()[::-1]
    assert lowest < 0 < 1 < highest  # the first rule is at the top


def test_of_many_shares_three_are_drawn_with_the_same_axes(savings):
    profiles = SimpleNamespace(n_steps=24, step_hours=1.0)
    comparison = SimpleNamespace(study=fastp2p.studies()["pv-sweep"], savings=savings, profiles=profiles)
    figure = bills_page(comparison, Look())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["10% PV", "50% PV", "100% PV"]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert "10 scenarios at each share of PV (3 of 4 shares)" in figure._suptitle.get_text()
    few = savings.assign(ask_saving=0.0, kwp=0.0).drop(columns="mid_market_rate_saving")
    bills_page(SimpleNamespace(**vars(comparison) | {"savings": few}), Look(3.5)).draw_without_rendering()
    with matplotlib.rc_context(house_style()):
        for look in (Look(), Look(3.5, has_title=False)):  # one rule has room, too
            figure = bills_page(SimpleNamespace(**vars(comparison) | {"savings": few}), look)
            figure.draw_without_rendering()
            assert min(axes.get_window_extent().height for axes in figure.axes) > 20.0
