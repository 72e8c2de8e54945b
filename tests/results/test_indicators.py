"""Indicators against their definitions in docs/indicators.md, written out plainly over the tables of a run."""

import itertools

import numpy as np
import pandapower
import pytest

import fastp2p
from fastp2p.market.rules import RULES
from fastp2p.results.columns import AUDIT_INDICATORS, INDICATORS
from fastp2p.results.indicators import gini_index, jain_index
from fastp2p.results.statistics import summarise
from fastp2p.study.model import Study

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


def test_every_column_of_the_scenarios_is_in_the_summary(ran):
    """But for the keys."""
    summary = summarise(ran.scenarios)
    assert summary.indicator.tolist() == [name for name in ran.scenarios if name not in ("share", "scenario")]
    assert fastp2p.summarise(ran.scenarios.assign(worth="much")).indicator.tolist() == summary.indicator.tolist()


@pytest.mark.parametrize("audit", [True, 7])
def test_of_an_audit_the_summary_has_all_where_all_books_are_audited(audit):
    """Counts and extremes of a sample are none of the scenario; when the extremes are is no quantity."""
    parts = STUDY.model_dump(exclude_none=True)
    parts["scenarios"] = {"count": 2, "shares": [0.5]}
    scenarios = fastp2p.run(Study.model_validate({**parts, "clearing": {"audit": audit}})).scenarios
    summary = set(summarise(scenarios).indicator)
    assert summary <= {*INDICATORS, *AUDIT_INDICATORS}
    assert set(scenarios) - summary >= {"share", "scenario", "lowest_vm_step", "highest_vm_step"}
    assert (set(AUDIT_INDICATORS) <= summary) == (audit is True)
    if audit is True:
        assert {name for name in scenarios if not name.endswith("_step")} - {"share", "scenario"} == summary
    else:
        assert summary == set(INDICATORS)


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
    """Jain (Σx)²/(n Σx²), Gini Σ|xi - xj|/(2 n Σ|x|); NaN stands for who does not count, and of no savings both are 0/0."""
    x = np.nan
    rows = np.array(
        [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 4.0], [-1.0, 1.0, 0.0, 0.0], [2.0, x, 2.0, 0.0], [x, -3.0, x, x],
         [0.0, 0.0, 0.0, 0.0], [x, 0.0, x, x], [x, x, x, x]]
    )  # fmt: skip
    # (2 + 2)²/(3·8) = 2/3; pairs 2·(2 + 2)/(2·3·4) = 1/3; one participant is as equal as can be
    np.testing.assert_allclose(jain_index(rows), [1.0, 0.25, 0.0, 2 / 3, 1.0, x, x, x])
    np.testing.assert_allclose(gini_index(rows), [0.0, 0.75, 0.75, 1 / 3, 0.0, x, x, x])


def three_buses(homes, kwp, **market):
    """A study of three buses of CIGRE LV, of the typical day."""
    prices = {"bid_per_kwh": 0.2, "ask_per_kwh": 0.0, "retail_per_kwh": 0.2, "pricing": "midpoint"}
    return Study.model_validate(
        {
            "name": "three",
            "network": {"source": "cigre_lv"},
            "participants": {"buses": [12, 16, 17]},
            "load": {"profile": "residential_0", "homes": homes},
            "pv": {"profile": "solar_0", "kwp": kwp},
            "market": {**prices, **market},
        }
    )


def test_a_bus_with_neither_load_nor_pv_does_not_count():
    """Buyer and seller gain 0.1 per kWh each, the third bus has nothing: Jain of two equal savings is 1, not (2x)²/(3·2x²)."""
    results = fastp2p.run(three_buses([1, 1, 0], [9, 0, 0]))
    row, saving = results.scenarios.iloc[0], results.participants.saving
    assert saving[0] == pytest.approx(saving[1])
    assert saving[0] > 1.0
    assert saving[2] == 0.0
    assert row.jain_saving == pytest.approx(1.0)
    assert row.gini_saving == pytest.approx(0.0)
    assert row.least_saving == pytest.approx(saving[0])
    assert row.n_pv == 1
    assert row.share == 0.5  # one of the two that are there


def test_a_bus_with_pv_alone_counts():
    """Bus 2 sells from a roof of its own and lives elsewhere: it saves what it sells at 0.1, and three share."""
    results = fastp2p.run(three_buses([1, 1, 0], [0, 0, 9]))
    saving = results.participants.saving.to_numpy()
    assert (saving > 0.1).all()
    assert results.scenarios.jain_saving[0] == pytest.approx(saving.sum() ** 2 / (3 * (saving**2).sum()))
    assert results.scenarios.least_saving[0] == pytest.approx(saving.min())


def test_who_counts_is_a_matter_of_the_scenario():
    """One bus consumes, the others are there where they have PV in a scenario: half of them, another half each time."""
    parts = three_buses([9, 0, 0, 0, 0], {"distribution": "uniform", "low": 1.0, "high": 9.0}).model_dump(exclude_none=True)
    parts["participants"] = {"buses": [12, 16, 17, 18, 19]}
    parts["scenarios"] = {"count": 8, "shares": [0.5], "keep": ["participants"]}
    results = fastp2p.run(Study.model_validate(parts))
    who = results.participants
    there = who[(who.load_kwh > 0) | (who.kwp > 0)].groupby("scenario")
    assert there.size().nunique() > 1
    expected = there.saving.agg(lambda x: x.sum() ** 2 / (len(x) * (x**2).sum() or np.nan))
    np.testing.assert_allclose(results.scenarios.jain_saving, expected)
    assert results.scenarios.least_saving.to_numpy() == pytest.approx(there.saving.min().to_numpy(), abs=1e-9)
    assert results.scenarios.n_pv.tolist() == who[who.kwp > 0].groupby("scenario").size().tolist()


@pytest.mark.parametrize("surplus", ["curtailable", "spill"])
def test_the_baseline_beside_a_shunt(surplus):
    """A shunt of 2 kW is in the power of the external grid, with trading and without, and is nobody's import or export."""
    net = pandapower.create_empty_network()
    grid, home, roof = (int(pandapower.create_bus(net, 0.4)) for _ in range(3))
    pandapower.create_ext_grid(net, grid)
    for bus in (home, roof):
        pandapower.create_line(net, grid, bus, 0.1, "NAYY 4x150 SE")
    pandapower.create_shunt(net, home, q_mvar=0.0, p_mw=0.002)
    parts = three_buses([1, 0], [0, 20], feed_in_per_kwh=0.05).model_dump(exclude_none=True)
    parts |= {"participants": {"buses": [home, roof]}, "clearing": {"surplus": surplus}}
    results = fastp2p.run(Study.model_validate(parts), network=fastp2p.Network.from_pandapower(net))
    row, books = results.scenarios.iloc[0], results.books
    assert row.baseline_import_kwh == pytest.approx(row.load_kwh)
    assert row.baseline_export_kwh == pytest.approx(0.0 if surplus == "spill" else row.pv_kwh)
    assert row.baseline_bill == pytest.approx(0.2 * row.load_kwh - 0.05 * row.baseline_export_kwh)
    assert row.slack_kwh == pytest.approx(row.import_kwh - row.export_kwh + 24 * 2.0)
    exported = 0.0 if surplus == "spill" else books.pv_kwh
    assert row.baseline_peak_import_kw == pytest.approx((books.load_kwh - exported).max() + 2.0)
    assert row.baseline_peak_export_kw == pytest.approx(max(0.0, (exported - books.load_kwh).max() - 2.0))


def test_who_is_worse_off_is_counted_among_those_who_are_there():
    """A charge of 0.15 on a price of 0.1 costs the buyer 0.05 per kWh more than the retailer; the seller gains 0.1."""
    row = fastp2p.run(three_buses([1, 1, 0], [9, 0, 0], network_charge_per_kwh=0.15)).scenarios.iloc[0]
    q = row.executed_kwh
    assert row.n_worse_off == 1
    assert (row.least_saving, row.greatest_saving) == (pytest.approx(-0.05 * q), pytest.approx(0.1 * q))
    assert row.jain_saving == pytest.approx(0.05**2 / (2 * (0.05**2 + 0.1**2)))


@pytest.mark.parametrize("pricing", [rule for rule in RULES if rule != "mcafee"])  # at equal prices it trades nothing
def test_every_rule_is_worth_what_its_trades_are_worth_to_those_who_trade(pricing):
    """A kWh worth 0.18 to its buyer and 0.06 to its seller gains 0.12, whatever the rule and the tariffs make of its price."""
    prices = {"bid_per_kwh": [0.18, 0.18, 0.18], "ask_per_kwh": 0.06, "retail_per_kwh": 0.3, "feed_in_per_kwh": 0.02}
    results = fastp2p.run(three_buses([1, 1, 1], [9, 9, 0], pricing=pricing, **prices))
    row, trades = results.scenarios.iloc[0], results.trades
    q = row.executed_kwh
    assert q > 5.0
    assert row.welfare == pytest.approx(0.12 * q)
    assert row.buyer_surplus == pytest.approx(0.18 * q - row.paid)
    assert row.seller_surplus == pytest.approx(row.received - 0.06 * q)
    assert set(trades.bid_per_kwh) == {0.18}
    assert set(trades.ask_per_kwh) == {0.06}
    assert trades.buyer_benefit.sum() == pytest.approx(row.buyer_surplus)


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
def test_a_pool_trades_what_an_auction_would_not(objective):
    """Bids of 0.05 are below asks of 0.08: an auction trades nothing, a pool everything, at a loss of 0.03 per kWh."""
    study = three_buses([1, 1, 0], [20, 0, 0], pricing="mid_market_rate", bid_per_kwh=0.05, ask_per_kwh=0.08)
    parts = study.model_dump(exclude_none=True)
    parts |= {"clearing": {"objective": objective}, "network": {**parts["network"], "limit_factor": 0.002}}
    row = fastp2p.run(Study.model_validate(parts)).scenarios.iloc[0]
    assert min(row.cut_kwh, row.executed_kwh) > 5.0
    assert row.welfare == pytest.approx(-0.03 * row.executed_kwh)
    assert row.saving == pytest.approx(row.baseline_bill - row.bill)


def test_bids_by_the_clock_value_the_trades_of_a_pool():
    """The bid of each step, 0.1 before noon and 0.3 after, less an ask of 0.02."""
    bid = [0.1] * 12 + [0.3] * 12
    results = fastp2p.run(
        three_buses([1, 1, 0], [9, 0, 0], pricing="bill_sharing", bid_per_kwh={"series": bid}, ask_per_kwh=0.02)
    )
    q = results.books.executed_kwh.to_numpy()
    assert (q[9] > 0, q[14] > 0) == (True, True)
    assert results.scenarios.welfare[0] == pytest.approx(((np.array(bid) - 0.02) * q).sum())


def test_what_is_not_defined_is_null():
    """Without PV there is nothing to consume of one's own, without load nothing to suffice, without trades nothing to cut."""
    no_pv = fastp2p.run(three_buses(1.0, 0.0)).scenarios.iloc[0]
    assert no_pv[["self_consumption", "cut_share", "jain_saving", "gini_saving"]].isna().all()
    assert no_pv[["self_sufficiency", "p2p_share", "least_saving", "n_worse_off", "n_pv"]].tolist() == [0.0] * 5
    no_load = fastp2p.run(three_buses(0.0, 5.0)).scenarios.iloc[0]
    assert no_load[["self_sufficiency", "p2p_share", "cut_share", "jain_saving", "load_factor"]].isna().all()
    assert no_load.self_consumption == 0.0
    nobody = fastp2p.run(three_buses(0.0, 0.0)).scenarios.iloc[0]
    assert nobody[["least_saving", "greatest_saving", "jain_saving", "gini_saving", "self_consumption"]].isna().all()
    assert (nobody.n_worse_off, nobody.share) == (0, 0)


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


@pytest.mark.parametrize("step_hours", [0.75, 0.4, 0.3, 0.25, 1.5, 6.0])
@pytest.mark.parametrize("days", [1, 2])
def test_the_mean_day_has_the_energy_of_a_day(step_hours, days):
    """Steps of 45 minutes begin twice in the first hour of a day, and once in the second: it is one day all the same."""
    kwh = np.tile(np.array([[1.0], [0.5]]) * step_hours, round(24 * days / step_hours))  # 24 kWh and 12 kWh a day
    profiles = fastp2p.Profiles(("home", "roof"), ("load", "pv"), kwh, step_hours)
    study = STUDY.with_(load={"profile": "home"}, pv={"profile": "roof"}, market=None, scenarios={"keep": ["hours"]})
    results = fastp2p.run(study, profiles=profiles)
    n_participants = len(results.network.leaf_buses())
    total = results.hours.groupby("scenario").load_kwh.sum().to_numpy()
    assert total == pytest.approx(np.full(6, 24.0 * n_participants))
