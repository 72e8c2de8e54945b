"""Prices below zero, as spot markets have them: where a rule is defined it holds, where it is not it is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.check import check_study
from fastp2p.cli.main import app
from fastp2p.market.pricing import price_trades, reduce_orders
from fastp2p.market.rules import RULES
from fastp2p.study.model import Study
from tests.support import strategies

check = settings(deadline=None, derandomize=True)
AUCTIONS = [name for name, rule in RULES.items() if rule.allocation == "auction"]
NIGHT, NOON = [0.3] * 8, [-0.05] * 8
RETAIL = {"series": [*NIGHT, *NOON, *NIGHT]}
FEED_IN = {"series": [0.04] * 8 + [-0.10] * 8 + [0.04] * 8}
PRICES = {"bid_per_kwh": -0.02, "ask_per_kwh": -0.08, "retail_per_kwh": RETAIL, "feed_in_per_kwh": FEED_IN}


def study(*, kwp=(9, 0), clearing=None, limit_factor=1.0, scenarios=None, **market):
    """Two homes of CIGRE LV on the typical day, the first with PV."""
    return Study.model_validate(
        {
            "name": "negative",
            "network": {"source": "cigre_lv", "limit_factor": limit_factor},
            "participants": {"buses": [12, 16]},
            "load": {"profile": "residential_0"},
            "pv": {"profile": "solar_0", "kwp": list(kwp)},
            "market": market,
            "clearing": clearing or {},
            "scenarios": scenarios or {},
        }
    )


def assert_money_is_conserved(results):
    """In books and over participants: what is paid is received, and the bills are the retailer's and the operator's."""
    books, who = results.books, results.participants
    paid = books.paid + books.charges
    np.testing.assert_allclose(paid, books.received + books.operator_balance, atol=1e-9)
    np.testing.assert_allclose(books.bill, books.retailer_revenue + books.operator_balance, atol=1e-9)
    np.testing.assert_allclose(books.bill.sum(), who.bill.sum(), atol=1e-9)
    np.testing.assert_allclose(books.baseline_bill.sum(), who.baseline_bill.sum(), atol=1e-9)
    np.testing.assert_allclose(who.paid.sum(), results.trades.eval("price_per_kwh * executed_kwh").sum(), atol=1e-9)


# At noon (steps 8 to 15) the seller asks -0.08, the buyer bids -0.02, λ_b = -0.05, λ_s = -0.10. Where more is asked for than
# bid, the ask with something left sets the marginal price, else the bid does.
PRICE_AT_NOON = {
    "ask": (-0.08, -0.08),
    "bid": (-0.02, -0.02),
    "midpoint": (-0.05, -0.05),
    "k": (-0.08, -0.02),
    "uniform": (-0.08, -0.02),
    "mid_market_rate": (-0.075, -0.075),
    "bill_sharing": (0.0, 0.0),
}


@pytest.mark.parametrize("pricing", PRICE_AT_NOON)
def test_a_day_with_negative_prices_by_hand(pricing):
    results = fastp2p.run(study(pricing=pricing, kappa=0.25, network_charge_per_kwh=0.01, **PRICES))
    noon = results.trades[results.trades.step.between(8, 15)]
    supply, demand = (results.books.set_index("step")[name] for name in ("baseline_export_kwh", "baseline_import_kwh"))
    is_long = (supply > demand)[noon.step].to_numpy()
    assert len(noon) >= 5
    assert noon.price_per_kwh.to_numpy() == pytest.approx(np.where(is_long, *PRICE_AT_NOON[pricing]), abs=1e-12)
    assert noon.seller_price_per_kwh.to_numpy() == pytest.approx(noon.price_per_kwh.to_numpy(), abs=0.0)
    assert_money_is_conserved(results)
    # the retailer pays who buys at -0.05 and charges who feeds in at -0.10
    books = results.books.set_index("step").loc[8:15]
    np.testing.assert_allclose(books.retailer_revenue, -0.05 * books.import_kwh + 0.10 * books.export_kwh, atol=1e-12)
    np.testing.assert_allclose(
        books.baseline_bill, -0.05 * books.baseline_import_kwh + 0.10 * books.baseline_export_kwh, atol=1e-12
    )


def test_mcafee_below_zero_by_hand():
    """Bids -0.1, -0.2, -0.4, asks -0.5, -0.3, -0.1 of 1 kWh: two trade, p = (-0.4 - 0.1)/2 = -0.25 lies in [-0.3, -0.2].

    With a next bid of -0.8 p = -0.45 does not: the marginal pair leaves, and the first bid pays -0.2, the first ask gets -0.3.
    """
    kwh = [[1, 1, 1, 0, 0, 0]], [[0, 0, 0, 1, 1, 1]]
    for next_bid, volume, pays, gets in ((-0.4, 2.0, -0.25, -0.25), (-0.8, 1.0, -0.2, -0.3)):
        prices = [-0.1, -0.2, next_bid, 0, 0, 0], [0, 0, 0, -0.5, -0.3, -0.1]
        reduced = reduce_orders(fastp2p.match_orders(*kwh, *prices), *kwh, *prices)
        assert (reduced.bid_kwh.sum(), reduced.ask_kwh.sum()) == (volume, volume)
        assert (reduced.buyer_per_kwh[0], reduced.seller_per_kwh[0]) == (pytest.approx(pays), pytest.approx(gets))


@pytest.mark.parametrize("priority", ["price", "volume"])
@pytest.mark.parametrize("ties", ["pro_rata", "order"])
@check
@given(book=strategies.books())
def test_a_constant_off_all_prices_changes_no_trade_and_comes_off_every_price(priority, ties, book):
    """In sixteenths, so that nothing is rounded; 2 off makes all of them negative."""
    bid, ask = book[0][None, :], book[1][None, :]
    prices = [np.round(16.0 * side) / 16.0 for side in book[2:]]
    lower = [side - 2.0 for side in prices]
    trades, below = (fastp2p.match_orders(bid, ask, *at, priority=priority, ties=ties) for at in (prices, lower))
    for name in ("offset", "seller", "buyer", "quantity_kwh"):
        np.testing.assert_array_equal(getattr(trades, name), getattr(below, name))
    tariffs = {"retail_per_kwh": 0.25, "feed_in_per_kwh": 0.125}
    lower_tariffs = {name: value - 2.0 for name, value in tariffs.items()}
    for pricing in (*(rule for rule in AUCTIONS if priority == "price" or not RULES[rule].by_price), "mid_market_rate"):
        one = price_trades(trades, bid, ask, *prices, pricing=pricing, kappa=0.25, **tariffs)
        other = price_trades(below, bid, ask, *lower, pricing=pricing, kappa=0.25, **lower_tariffs)
        np.testing.assert_array_equal(one.buyer_per_kwh - 2.0, other.buyer_per_kwh)
    if priority == "price":
        one, other = reduce_orders(trades, bid, ask, *prices), reduce_orders(below, bid, ask, *lower)
        np.testing.assert_array_equal(one.bid_kwh, other.bid_kwh)
        np.testing.assert_array_equal(one.ask_kwh, other.ask_kwh)
        np.testing.assert_array_equal(one.buyer_per_kwh - 2.0, other.buyer_per_kwh)
        np.testing.assert_array_equal(one.seller_per_kwh - 2.0, other.seller_per_kwh)


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@pytest.mark.parametrize("pricing", ["ask", "mcafee", "uniform", "mid_market_rate"])
def test_one_off_all_prices_moves_the_bill_by_what_is_bought_less_what_is_sold(objective, pricing):
    """Quantities stay, and the bill falls by 1 per kWh that is imported, rises by 1 per kWh that is exported."""
    parts = study().model_dump(exclude_none=True) | {"participants": {"buses": "leaves"}}
    parts["load"]["profile"] = {"choice": ["residential_0", "residential_1"]}
    parts["pv"]["kwp"] = {"distribution": "uniform", "low": 5.0, "high": 60.0}
    parts["network"]["limit_factor"] = 0.008
    parts["clearing"] = {"objective": objective}
    parts["scenarios"] = {"count": 3, "shares": [0.6], "keep": ["books", "trades", "participants"]}
    ran = []
    for off in (0.0, 1.0):
        market = {
            "bid_per_kwh": {"distribution": "uniform", "low": 0.1 - off, "high": 0.3 - off},
            "ask_per_kwh": {"distribution": "uniform", "low": 0.0 - off, "high": 0.2 - off},
            "retail_per_kwh": 0.3 - off,
            "feed_in_per_kwh": 0.05 - off,
            "pricing": pricing,
        }
        ran.append(fastp2p.run(Study.model_validate({**parts, "market": market})))
    before, after = (results.books for results in ran)
    assert (before.cut_kwh.sum() > 1.0) or pricing == "mcafee"
    for name in ("matched_kwh", "executed_kwh", "import_kwh", "export_kwh", "spilled_kwh"):
        np.testing.assert_allclose(before[name], after[name], atol=1e-6)
    np.testing.assert_allclose(after.bill, before.bill - before.import_kwh + before.export_kwh, atol=1e-5)
    for column in ("welfare", "buyer_surplus", "seller_surplus"):
        np.testing.assert_allclose(ran[0].scenarios[column], ran[1].scenarios[column], atol=1e-5)
    assert_money_is_conserved(ran[1])


def test_the_rule_that_is_not_defined_is_refused_in_one_message():
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.run(study(pricing="supply_demand_ratio", **PRICES))
    assert list(error.value.faults) == [
        "market.pricing = 'supply_demand_ratio' is not defined for a negative feed-in tariff; in step 8 it is -0.1. "
        "mid_market_rate is"
    ]
    market = {**PRICES, "feed_in_per_kwh": 0.0}  # above a retail tariff of -0.05
    for pricing in ("mid_market_rate", "bill_sharing", "supply_demand_ratio"):
        with pytest.raises(
            fastp2p.InputError, match=r"that is not above the retail tariff; in step 8 they are 0 and -0\.05"
        ) as error:
            fastp2p.run(study(pricing=pricing, **market))
        assert len(error.value.faults) == 1


def test_the_ratio_is_defined_at_zero():
    """λ_s = 0: sellers get nothing as soon as there is any supply; λ_b = λ_s = 0: nothing costs anything."""
    for retail in (0.3, 0.0):
        results = fastp2p.run(study(pricing="supply_demand_ratio", retail_per_kwh=retail, feed_in_per_kwh=0.0))
        assert results.scenarios.executed_kwh[0] > 5.0
        assert (results.trades.price_per_kwh == 0.0).all()


@pytest.mark.parametrize(
    ("price", "least", "most"),
    [
        (-0.05, -0.05, -0.05),
        ([-0.05, 0.02], -0.05, 0.02),
        ({"distribution": "uniform", "low": -0.2, "high": -0.1}, -0.2, -0.1),
        ({"distribution": "normal", "mean": -0.05, "sd": 0.02, "low": -0.1, "high": -0.01}, -0.1, -0.01),
        ({"distribution": "triangular", "low": -0.2, "mode": -0.1, "high": 0.1}, -0.2, 0.1),
        ({"distribution": "choice", "values": [-0.1, 0.1]}, -0.1, 0.1),
        ({"series": [-0.1] * 12 + [0.1] * 12}, -0.1, 0.1),
    ],
)
@pytest.mark.parametrize("key", ["bid_per_kwh", "ask_per_kwh"])
def test_prices_may_be_negative_however_they_are_given(tmp_path, key, price, least, most):
    market = {"bid_per_kwh": 0.2, "ask_per_kwh": -0.3, key: price}
    drawn = fastp2p.scenarios(study(scenarios={"count": 40}, **market), range(40))
    values = getattr(drawn, key)
    assert least - 1e-12 <= values.min() <= values.max() <= most + 1e-12
    assert values.min() < 0.0
    (tmp_path / "again.toml").write_text(study(**market).to_toml())
    assert Study.from_toml(tmp_path / "again.toml") == study(**market)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("load", "homes", "{ distribution = 'uniform', low = -1, high = 1 }"),
        ("load", "homes", "{ distribution = 'choice', values = [1, -1] }"),
        ("load", "homes", "[1, -1]"),
        ("pv", "kwp", "{ distribution = 'normal', mean = 1, sd = 1, low = -1 }"),
        ("pv", "kwp", "{ distribution = 'triangular', low = -1, mode = 0, high = 1 }"),
        ("pv", "kwp", "-3"),
        ("market", "network_charge_per_kwh", "-0.01"),
        ("market", "branch_charge_per_kwh", "-0.01"),
        ("market", "co2_kg_per_kwh", "-0.1"),
        ("market", "co2_kg_per_kwh", "{ series = [0.1, -0.1] }"),
        ("market", "min_order_kwh", "-1"),
    ],
)
def test_quantities_charges_and_carbon_stay_positive(tmp_path, section, key, value):
    parts = {"load": "profile = 'residential_0'\n", "pv": "profile = 'solar_0'\n", "market": ""}
    parts[section] += f"{key} = {value}\n"
    text = "name = 'x'\n[network]\nsource = 'cigre_lv'\n" + "".join(f"[{name}]\n{lines}" for name, lines in parts.items())
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(fastp2p.InputError, match=f"{section}.{key}.* = .*must lie in 0…") as error:
        Study.from_toml(tmp_path / "x.toml")
    assert len(error.value.faults) == 1


def test_check_warns_of_prices_that_turn_round():
    """By day the retail tariff is below a bid of 0.2, and exports cost money, unless none are made."""
    warnings = check_study(study(bid_per_kwh=0.2, ask_per_kwh=0.0, retail_per_kwh=RETAIL, feed_in_per_kwh=FEED_IN))[1]
    assert [warning for warning in warnings if "placeholder" not in warning] == [
        "bids are above the retail tariff in 8 of 24 steps: buyers would pay their neighbours more than the retailer",
        "the feed-in tariff is negative in 8 of 24 steps, and surplus is still exported, at a cost; "
        "clearing.surplus = 'spill' exports nothing",
    ]
    by_the_clock = {"bid_per_kwh": RETAIL, "ask_per_kwh": -0.2, "retail_per_kwh": RETAIL, "feed_in_per_kwh": FEED_IN}
    warnings = check_study(study(clearing={"surplus": "spill"}, **by_the_clock))[1]
    assert not any("tariff" in warning for warning in warnings)


def test_check_does_not_ask_a_pool_for_its_bids():
    """A pool trades whatever bids and asks are; an auction with asks above bids trades nothing."""
    market = {"bid_per_kwh": 0.4, "ask_per_kwh": 0.5, "retail_per_kwh": 0.3}
    message = {rule: check_study(study(pricing=rule, **market))[1] for rule in ("ask", "mid_market_rate")}
    assert [any(word in " ".join(message[rule]) for word in ("asks are", "bids are")) for rule in message] == [True, False]


def test_the_commands_take_them(tmp_path, monkeypatch):
    """check, compare with its figure, and a sweep with summary and figures."""
    monkeypatch.chdir(tmp_path)
    market = {**PRICES, "bid_per_kwh": {"distribution": "uniform", "low": -0.1, "high": 0.2}}
    sweep = study(scenarios={"count": 4, "shares": [0.5, 1.0]}, **market)
    (tmp_path / "x.toml").write_text(sweep.to_toml())
    for command in (["check"], ["compare", "--rules", "ask,k,mcafee,mid_market_rate,bill_sharing"], ["run"]):
        message = CliRunner().invoke(app, [command[0], "x.toml", *command[1:]])
        assert message.exit_code == 0, message.output
    refused = CliRunner().invoke(app, ["compare", "x.toml", "--rules", "ask,supply_demand_ratio", "--overwrite"])
    assert refused.exit_code == 2
    assert refused.stderr.count("error:") == 1
