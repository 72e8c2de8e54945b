"""Indicators against their definitions in docs/indicators.md, written out plainly over the tables of a run."""

import itertools

import numpy as np
import pytest

import fastp2p
from fastp2p.indicators import gini_index, jain_index
from fastp2p.study import Study

STUDY = Study.model_validate(
    {
        "name": "indicators",
        "seed": 4,
        "network": {"source": "cigre_lv", "limit_factor": 0.03},
        "load": {"profile": {"choice": ["residential_0", "residential_1"]}},
        "pv": {"profile": "solar_2", "kwp": {"distribution": "uniform", "low": 5, "high": 30}},
        "market": {
            "bid_per_kwh": {"distribution": "uniform", "low": 0.1, "high": 0.25},
            "retail_per_kwh": {"series": [0.2] * 16 + [0.3] * 8},
            "feed_in_per_kwh": 0.04,
            "network_charge_per_kwh": 0.01,
            "branch_charge_per_kwh": 0.002,
            "co2_kg_per_kwh": {"series": [0.1] * 12 + [0.4] * 12},
        },
        "scenarios": {"count": 6, "shares": [0.5], "keep": ["books", "trades", "participants", "branches"]},
    }
)


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(STUDY)


@pytest.fixture(scope="module", params=range(6))
def one(request, ran):
    """One scenario's row, its books, trades and participants."""
    tables = (ran.books, ran.trades, ran.participants)
    return ran.scenarios.iloc[request.param], *(table[table.scenario == request.param] for table in tables)


def test_money(one):
    row, books, trades, who = one
    assert row.welfare == pytest.approx(((trades.bid_per_kwh - trades.ask_per_kwh) * trades.executed_kwh).sum())
    assert row.buyer_surplus == pytest.approx(trades.buyer_benefit.sum())
    assert row.seller_surplus == pytest.approx((trades.received - trades.ask_per_kwh * trades.executed_kwh).sum())
    retail, feed_in = np.array([0.2] * 16 + [0.3] * 8), 0.04
    assert row.retailer_revenue == pytest.approx((books.import_kwh * retail[books.step] - books.export_kwh * feed_in).sum())
    assert row.saving == pytest.approx(who.saving.sum())
    assert row.least_saving == pytest.approx(who.saving.min(), abs=1e-9)
    assert row.greatest_saving == pytest.approx(who.saving.max())
    assert row.n_worse_off == (who.saving < -1e-9).sum()


def test_fairness(one):
    row, *_, who = one
    saving = who.saving.to_numpy()
    assert row.jain_saving == pytest.approx(saving.sum() ** 2 / (len(saving) * (saving**2).sum()))
    apart = sum(abs(x - y) for x, y in itertools.product(saving, saving))
    assert row.gini_saving == pytest.approx(apart / (2 * len(saving) * np.abs(saving).sum()))


def test_energy_and_power(one):
    row, books, *_ = one
    used = books.self_kwh.sum() + books.executed_kwh.sum()
    assert row.self_consumption == pytest.approx(used / books.pv_kwh.sum())
    assert row.self_sufficiency == pytest.approx(used / books.load_kwh.sum())
    assert row.p2p_share == pytest.approx(books.executed_kwh.sum() / books.load_kwh.sum())
    assert row.cut_share == pytest.approx(books.cut_kwh.sum() / books.matched_kwh.sum())
    assert row.peak_import_kw == pytest.approx(max(books.slack_kwh.max(), 0))
    assert row.peak_export_kw == pytest.approx(max(-books.slack_kwh.min(), 0))
    imports = books.slack_kwh.clip(lower=0)
    assert row.load_factor == pytest.approx(imports.mean() / imports.max())
    without = books.baseline_import_kwh - books.baseline_export_kwh
    np.testing.assert_allclose(without, books.load_kwh - books.pv_kwh, atol=1e-9)
    losses = row.slack_kwh - row.import_kwh + row.export_kwh
    assert row.baseline_peak_import_kw == pytest.approx(max(without.max() + losses / 24, 0))
    assert row.baseline_peak_export_kw == pytest.approx(max(-without.min() - losses / 24, 0))
    intensity = np.array([0.1] * 12 + [0.4] * 12)
    assert row.co2_kg == pytest.approx((books.import_kwh * intensity[books.step]).sum())
    assert row.baseline_co2_kg == pytest.approx((books.baseline_import_kwh * intensity[books.step]).sum())


def test_loading(one):
    row, books, *_ = one
    for share in (50, 95, 99):
        assert row[f"p{share}_loading_percent"] == pytest.approx(np.percentile(books.worst_loading_percent, share))
    assert row.worst_loading_percent == books.worst_loading_percent.max()
    assert row.hours_above_100_percent == (books.worst_loading_percent > 100.0001).sum()


def test_charges_grow_with_the_branches_between(ran):
    network = ran.network
    crossed = network.branches_between[network.positions(ran.trades.seller), network.positions(ran.trades.buyer)]
    charges = (0.01 + 0.002 * crossed) * ran.trades.executed_kwh
    assert ran.books.charges.sum() == pytest.approx(charges.sum())
    assert (crossed[(ran.trades.seller != ran.trades.buyer).to_numpy()] >= 1).all()


@pytest.mark.parametrize("source", ["cigre_lv", "case9", "mv_oberrhein"])
def test_distance_is_the_sum_of_sensitivities(source):
    network = fastp2p.Network.load(source)
    some = np.linspace(0, network.n_bus - 1, 12).astype(int)
    for i, j in itertools.product(some, some):
        expected = np.abs(network.ptdf[:, i] - network.ptdf[:, j]).sum()
        assert network.branches_between[i, j] == pytest.approx(expected, abs=1e-9)


def test_fairness_of_plain_numbers():
    rows = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 4.0], [0.0, 0.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0]])
    assert jain_index(rows) == pytest.approx([1.0, 0.25, 1.0, 0.0])
    assert gini_index(rows) == pytest.approx([0.0, 0.75, 0.0, 0.75])


def test_equal_tariffs_and_prices_save_nothing():
    market = {
        **STUDY.market.model_dump(),
        "bid_per_kwh": 0.2,
        "ask_per_kwh": 0.2,
        "retail_per_kwh": 0.2,
        "feed_in_per_kwh": 0.2,
    }
    market |= {"network_charge_per_kwh": 0.0, "branch_charge_per_kwh": 0.0}
    for pricing in ("ask", "uniform", "mid_market_rate", "supply_demand_ratio"):
        changed = Study.model_validate(
            {**STUDY.model_dump(), "network": {"source": "cigre_lv"}, "market": {**market, "pricing": pricing}}
        )
        results = fastp2p.run(changed)
        assert results.scenarios.executed_kwh.sum() > 0
        assert results.participants.saving.abs().max() < 1e-9


def test_the_papers_benefits(paper_44):
    """0.15 per kWh for buyers, 0.05 for sellers who would have got nothing."""
    trades = paper_44.trades
    assert trades.buyer_benefit.to_numpy() == pytest.approx(0.15 * trades.executed_kwh.to_numpy())
    assert trades.received.to_numpy() == pytest.approx(0.05 * trades.executed_kwh.to_numpy())
