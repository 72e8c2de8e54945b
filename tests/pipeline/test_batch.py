import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.market.rules import RULES
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.reduce import reduce_batch
from fastp2p.results.columns import TABLES
from fastp2p.results.tables import make_columns
from fastp2p.study.model import Study
from fastp2p.sweep.prepare import prepare

BIG = {"profile": "solar_2", "kwp": 40.0, "buses": "odd"}


def study(**parts):
    base = {
        "name": "test",
        "network": {"source": "cigre_lv"},
        "participants": {"buses": "leaves"},
        "load": {"profile": "residential_1"},
        "pv": {"profile": "solar_2", "kwp": 9.0, "buses": "odd"},
        "market": {"feed_in_per_kwh": 0.03},
    }
    return Study.model_validate({**base, **parts})


@pytest.fixture(scope="module")
def cigre():
    return fastp2p.Network.load("cigre_lv")


rules = st.fixed_dictionaries(
    {
        "market": st.fixed_dictionaries(
            {
                "orders": st.sampled_from(["net", "gross"]),
                "priority": st.sampled_from(["price", "volume"]),
                "ties": st.sampled_from(["pro_rata", "order"]),
                "feed_in_per_kwh": st.sampled_from([0.03, {"series": [0.01] * 12 + [0.05] * 12}]),
                "bid_per_kwh": st.sampled_from([0.2, {"series": [0.1, 0.2] * 12}]),
                "pricing": st.sampled_from(list(RULES)),
                "network_charge_per_kwh": st.sampled_from([0.0, 0.02]),
                "branch_charge_per_kwh": st.sampled_from([0.0, 0.001]),
            }
        ).filter(lambda market: market["priority"] == "price" or not RULES[market["pricing"]].by_price),
        "clearing": st.fixed_dictionaries(
            {
                "objective": st.sampled_from(["volume", "welfare", "pro_rata"]),
                "unserved": st.sampled_from(["retail", "shed"]),
                "surplus": st.sampled_from(["export", "curtailable", "spill"]),
                "stress": st.sampled_from([1.0, 20.0]),
            }
        ),
        "network": st.fixed_dictionaries(
            {
                "source": st.just("cigre_lv"),
                "limit_factor": st.sampled_from([1.0, 0.05, 0.005]),
                "angle_deg": st.sampled_from([None, 0.02]),
            }
        ),
    }
)


@settings(deadline=None, derandomize=True)
@given(parts=rules)
def test_energy_and_money_are_conserved_in_every_book(cigre, parts):
    results = fastp2p.run(study(**parts), network=cigre)
    books = results.books
    served = books.self_kwh + books.executed_kwh + books.import_kwh + books.shed_kwh
    used = books.self_kwh + books.executed_kwh + books.export_kwh + books.spilled_kwh
    losses = -cigre.fixed_kw.sum()
    np.testing.assert_allclose(served, books.load_kwh, atol=1e-9)
    np.testing.assert_allclose(used, books.pv_kwh, atol=1e-9)
    np.testing.assert_allclose(books.slack_kwh, books.import_kwh - books.export_kwh + losses, atol=1e-9)
    assert_money_is_conserved(results, parts["market"])
    assert (results.books[["spilled_kwh", "import_kwh", "export_kwh", "cut_kwh"]] > -1e-9).all().all()
    assert not results.failures
    limited = books.status.isin(["free", "cleared"])
    assert (books.worst_loading_percent[limited] <= 100 * (1 + 1e-6)).all()
    assert results.participants.load_kwh.sum() == pytest.approx(books.load_kwh.sum())
    assert results.participants.bill.sum() == pytest.approx(books.bill.sum())
    assert_the_ledger_adds_up(results)


def assert_the_ledger_adds_up(results):
    """Its rows are a book's trades, and sum to what every seller sells and every buyer buys, to 1e-9 of the energy there is."""
    trades, books, by_bus = results.trades, results.books, results.participants.set_index("bus")
    near = {"rtol": 0, "atol": 1e-9 * max(1.0, trades.matched_kwh.sum())}
    assert trades.groupby("step").size().reindex(books.step, fill_value=0).tolist() == books.n_trades.tolist()
    assert not trades.duplicated(["step", "seller", "buyer", "price_per_kwh"]).any()
    for who, of_trade, of_bus in (
        ("seller", trades.executed_kwh, by_bus.sold_kwh),
        ("buyer", trades.executed_kwh, by_bus.bought_kwh),
        ("seller", trades.received, by_bus.received),
        ("buyer", trades.price_per_kwh * trades.executed_kwh, by_bus.paid),
    ):
        np.testing.assert_allclose(of_trade.groupby(trades[who]).sum().reindex(by_bus.index, fill_value=0.0), of_bus, **near)
    for of_trade, of_book in ((trades.matched_kwh, books.matched_kwh), (trades.executed_kwh, books.executed_kwh)):
        np.testing.assert_allclose(of_trade.groupby(trades.step).sum().reindex(books.step, fill_value=0.0), of_book, **near)
    np.testing.assert_allclose(trades.buyer_benefit.sum(), books.buyer_surplus.sum(), **near)


def assert_money_is_conserved(results, market):
    """What participants pay is what retailer and operator get, in every book and in total, to 1e-9 of the turnover."""
    books, trades = results.books, results.trades
    turnover = books.bill.abs() + books.paid + books.received + books.retailer_revenue.abs()
    near = {"rtol": 0, "atol": 1e-9 * max(1.0, turnover.max())}
    np.testing.assert_allclose(books.bill, books.retailer_revenue + books.operator_balance, **near)
    np.testing.assert_allclose(books.operator_balance, books.paid + books.charges - books.received, **near)
    if market["pricing"] != "mcafee":
        np.testing.assert_allclose(books.paid, books.received, **near)
    assert (books.paid >= books.received - near["atol"]).all()
    per_kwh = market["network_charge_per_kwh"] * trades.executed_kwh.sum()
    assert books.charges.sum() >= per_kwh - 1e-9
    if market["branch_charge_per_kwh"] == 0.0:
        assert books.charges.sum() == pytest.approx(per_kwh)
    by_bus = results.participants
    for money in ("bill", "baseline_bill", "paid", "received", "charges"):
        assert by_bus[money].sum() == pytest.approx(books[money].sum(), abs=1e-9 * max(1.0, turnover.sum()))


def test_book_tables_follow_from_the_arrays(cigre):
    one = study(network={"source": "cigre_lv", "limit_factor": 0.05})
    network, profiles = prepare(one, cigre)
    batch = run_batch(one, network, profiles, draw_scenarios(one, network, profiles, None, range(3)), range(24))
    assert batch.trades.n_books == 3 * 24
    thirds = np.array_split(batch.clearing.executed_kwh, 3)
    assert np.array_equal(thirds[0], thirds[1])
    assert np.array_equal(thirds[0], thirds[2])
    alone = run_batch(one, network, profiles, draw_scenarios(one, network, profiles, None, range(1)), range(24))
    assert np.array_equal(alone.clearing.executed_kwh, thirds[0])


def test_congestion_is_named(cigre):
    results = fastp2p.run(
        study(network={"source": "cigre_lv", "limit_factor": 0.003, "limits": ["thermal"]}, pv=BIG), network=cigre
    )
    cut = results.trades[results.trades.executed_kwh < results.trades.matched_kwh - 1e-6]
    assert len(cut)
    assert (cut.binding_branch != "").all()
    assert (cut.shadow_price > 0).all()
    assert results.branches.set_index("branch").n_binding_books[cut.binding_branch.iloc[0]] > 0


@pytest.mark.parametrize("objective", ["volume", "pro_rata"])
def test_branches_that_cut_exports_alone_bind(cigre, objective):
    """Nobody trades, since bids are below asks; each hour in which PV is spilled has a branch whose limit cuts exports."""
    results = fastp2p.run(
        study(
            network={"source": "cigre_lv", "limit_factor": 0.02, "limits": ["thermal"]},
            pv=BIG,
            market={"bid_per_kwh": 0.05, "ask_per_kwh": 0.1},
            clearing={"objective": objective},
        ),
        network=cigre,
    )
    cut = results.books.spilled_kwh > 1e-6
    assert (results.books.n_trades == 0).all()
    assert 0 < cut.sum() < len(cut)
    binding = results.branches.n_binding_books
    assert binding.max() <= cut.sum() <= binding.sum()


def test_stress_multiplies_what_was_matched(cigre, paper_44):
    results = fastp2p.run(paper_44.study.with_(clearing={"stress": 100.0}), network=cigre)
    assert results.trades.matched_kwh.to_numpy() == pytest.approx(100 * paper_44.trades.matched_kwh.to_numpy())


def test_the_ledger_changes_no_other_table(cigre):
    """Whether or not it is kept, trades are pooled and books the same to the bit."""
    one = study(network={"source": "cigre_lv", "limit_factor": 0.003, "limits": ["thermal"]}, pv=BIG)
    network, profiles = prepare(one, cigre)
    batch = run_batch(one, network, profiles, draw_scenarios(one, network, profiles, None, range(1)), range(24))
    assert batch.trades.pooled
    assert batch.clearing.is_cut.any()
    names = [name for name in TABLES if name != "trades"]
    alone, beside = (make_columns(reduce_batch(batch, network, kept), network, names) for kept in (names, TABLES))
    for name in names:
        for column, values in alone[name].items():
            assert np.array_equal(values, beside[name][column], equal_nan=values.dtype.kind == "f"), f"{name}.{column}"


@pytest.mark.parametrize(
    ("parts", "pooled"),
    [
        ({}, True),
        ({"market": {"network_charge_per_kwh": 0.01}}, True),
        ({"market": {"branch_charge_per_kwh": 0.01}}, False),
        ({"market": {"ties": "order"}}, False),
        ({"clearing": {"unserved": "shed"}}, False),
    ],
)
def test_trades_name_their_pairs_where_results_depend_on_them(cigre, parts, pooled):
    one = study(**parts)
    network, profiles = prepare(one, cigre)
    batch = run_batch(one, network, profiles, draw_scenarios(one, network, profiles, None, range(1)), range(24))
    assert batch.trades.pooled == pooled


def test_half_hours(cigre):
    profiles = fastp2p.Profiles.load()
    halves = fastp2p.Profiles(profiles.names, profiles.kinds, np.repeat(profiles.kwh_per_unit / 2, 2, axis=1), 0.5)
    one = study(network={"source": "cigre_lv", "limit_factor": 0.03})
    hours, half_hours = fastp2p.run(one, network=cigre), fastp2p.run(one, network=cigre, profiles=halves)
    assert half_hours.scenarios.executed_kwh[0] == pytest.approx(hours.scenarios.executed_kwh[0], rel=1e-9)
    assert half_hours.scenarios.bill[0] == pytest.approx(hours.scenarios.bill[0], rel=1e-9)
    assert half_hours.scenarios.worst_loading_percent[0] == pytest.approx(hours.scenarios.worst_loading_percent[0], rel=1e-9)
