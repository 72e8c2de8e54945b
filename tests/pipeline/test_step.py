"""One call for a time step: the bits of the stages called one by one, and one message for everything that is wrong."""

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest

import fastp2p
from fastp2p.market.rules import RULES
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.sweep.prepare import prepare

N_COLUMNS = 9


def stage_by_stage(
    network, load, pv, bids, asks, *, retail_per_kwh, feed_in_per_kwh, bus=None, step_hours=1.0, pricing="ask", kappa=0.5,
    priority="price", ties="pro_rata", orders="net", objective="volume", unserved="retail", surplus="curtailable",
    physics="dc", load_kvar_per_kw=0.0, pv_kvar_per_kw=0.0,
):  # fmt: skip
    """The same by the public functions of the stages, all of which check what they are given."""
    placed = fastp2p.make_orders(load, pv, orders=orders)
    kwh, tariffs = (placed.bid_kwh, placed.ask_kwh), {"retail_per_kwh": retail_per_kwh, "feed_in_per_kwh": feed_in_per_kwh}
    per_kwh, rule = (bids, asks), RULES[pricing]
    if rule.is_pool:
        per_kwh = tuple(np.tile(np.broadcast_to(tariff, len(load))[:, None], load.shape[1]) for tariff in tariffs.values())
        ties = "pro_rata"
    trades = fastp2p.match_orders(*kwh, *per_kwh, priority=priority, ties=ties)
    if rule.allocation == "trade_reduction":
        reduced = fastp2p.reduce_orders(trades, *kwh, *per_kwh, ties=ties)
        trades = fastp2p.match_orders(reduced.bid_kwh, reduced.ask_kwh, *per_kwh, priority=priority, ties=ties)
        prices = reduced.buyer_per_kwh[trades.book], reduced.seller_per_kwh[trades.book]
    else:
        priced = fastp2p.price_trades(trades, *kwh, *per_kwh, pricing=pricing, kappa=kappa, **tariffs)
        prices = priced.buyer_per_kwh, priced.seller_per_kwh
    left = fastp2p.leave_over(load, pv, trades)
    fixed = left.surplus_kwh if surplus == "export" else 0.0
    kvar = pv_kvar_per_kw * (left.self_kwh + fixed) - load_kvar_per_kw * (left.self_kwh + left.deficit_kwh)
    clearing = fastp2p.clear(
        network, trades, (fixed - left.deficit_kwh) / step_hours,
        export_kw=left.surplus_kwh / step_hours if surplus == "curtailable" else None,
        bus=bus, objective=objective, unserved=unserved, step_hours=step_hours, physics=physics,
        reactive=fastp2p.Reactive(kvar / step_hours, pv_kvar_per_kw, load_kvar_per_kw),
    )  # fmt: skip
    settlement = fastp2p.settle(
        trades.at_prices(np.atleast_2d(bids), np.atleast_2d(asks)), clearing, load, pv, left, **tariffs,
        buyer_per_kwh=prices[0], seller_per_kwh=prices[1], unserved=unserved, surplus=surplus, step_hours=step_hours,
    )  # fmt: skip
    return trades, prices, clearing, settlement


def some_books(seed, n_books=8, name="cigre_lv"):
    """Load and PV at some buses of a network that carries all load but one book's; few prices, so that there are pools."""
    rng = np.random.default_rng(seed)
    network = fastp2p.Network.load(name)
    bus = np.sort(rng.choice(np.setdiff1d(np.arange(network.n_bus), network.reference_bus), N_COLUMNS, replace=False))
    load = rng.uniform(0.0, 3.0, (n_books, N_COLUMNS))
    pv = rng.uniform(0.0, 12.0, load.shape) * (rng.random(load.shape) < 0.4) * (rng.random((n_books, 1)) < 0.8)
    flow = np.abs(network.flow_kw(-load, bus))
    flow[0] *= 0.9
    limit = np.maximum(1.01 * flow.max(axis=0), 0.5)
    bids = np.round(rng.uniform(0.15, 0.3, load.shape), 2)
    asks = np.round(rng.uniform(0.05, 0.2, load.shape), 2)
    return replace(network, limit_kw=limit), bus, load, pv, bids, asks


def assert_same(step, stages):
    """To the bit, by everything that the stages return."""
    trades, prices, clearing, settlement = stages
    for ours, theirs in ((step.trades.arrays, trades.arrays), (step.settlement.books, settlement.books)):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip((step.prices.buyer_per_kwh, step.prices.seller_per_kwh), prices, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(step.homes, settlement.buses, strict=True):
        np.testing.assert_array_equal(one, other)
    for field in fields(clearing):
        one, other = getattr(step.clearing, field.name), getattr(clearing, field.name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other)
    for name in ("status", "loading_percent", "flow_kw"):
        np.testing.assert_array_equal(getattr(step, name), getattr(clearing, name))


RULES_AND_LIMITS = list(itertools.product(RULES, ("volume", "welfare"), ("dc", "lindistflow")))


@pytest.mark.parametrize(("pricing", "objective", "physics"), RULES_AND_LIMITS)
def test_the_bits_of_the_stages_one_by_one(pricing, objective, physics):
    seed = RULES_AND_LIMITS.index((pricing, objective, physics))
    network, bus, load, pv, bids, asks = some_books(seed)
    rng = np.random.default_rng(seed)
    options = {
        "retail_per_kwh": rng.uniform(0.25, 0.35, len(load)), "feed_in_per_kwh": 0.05, "bus": bus, "pricing": pricing,
        "kappa": 0.3, "objective": objective, "physics": physics, "step_hours": (1.0, 0.25)[seed % 2],
        "orders": ("net", "gross")[seed // 2 % 2], "ties": ("pro_rata", "order")[seed // 3 % 2],
        "unserved": ("retail", "shed")[seed // 5 % 2], "surplus": ("curtailable", "export", "spill")[seed % 3],
    }  # fmt: skip
    if physics != "dc":
        options |= {"load_kvar_per_kw": 0.2, "pv_kvar_per_kw": -0.1}
    step = fastp2p.trade_step(network, load, pv, bids, asks, **options)
    assert_same(step, stage_by_stage(network, load, pv, bids, asks, **options))


@pytest.mark.parametrize("name", ["cigre_lv", "case30"])
def test_one_book_is_a_row_of_many(name):
    """(n_columns,) in, (n_columns,) out."""
    network, bus, load, pv, bids, asks = some_books(4, name=name)
    tariffs = {"retail_per_kwh": 0.3, "feed_in_per_kwh": 0.05, "bus": bus}
    many = fastp2p.trade_step(network, load, pv, bids, asks, **tariffs)
    assert set(many.status) >= {"free", "cleared"}
    assert many.flow_kw.shape == (len(load), network.n_branch)
    for k in range(len(load)):
        one = fastp2p.trade_step(network, load[k], pv[k], bids[k], asks[k], **tariffs)
        for alone, row in zip(one.homes, many.homes, strict=True):
            assert alone.shape == (N_COLUMNS,)
            np.testing.assert_array_equal(alone, row[k])
        assert (one.status, one.loading_percent) == (many.status[k], many.loading_percent[k])
        np.testing.assert_array_equal(one.flow_kw, many.flow_kw[k])
        wide = fastp2p.trade_step(network, load[k][None], pv[k][None], bids[k], asks[k], **tariffs)
        np.testing.assert_array_equal(wide.homes.bill, one.homes.bill[None])


def test_the_steps_of_a_study():
    """A loop over the steps of a scenario pays the bills that the study pays."""
    study = fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 1, "shares": (0.5,)}, network={"limit_factor": 0.2})
    network, profiles = prepare(study)
    scenarios = draw_scenarios(study, network, profiles, 0.5, range(1))
    batch = run_batch(study, network, profiles, scenarios, range(profiles.n_steps))
    assert "cleared" in batch.clearing.status
    bill = np.zeros(len(scenarios.participant))
    for k in range(profiles.n_steps):
        bill += fastp2p.trade_step(
            network, batch.load_kwh[k], batch.pv_kwh[k], batch.bid_per_kwh[0], batch.ask_per_kwh[0], bus=scenarios.participant,
            retail_per_kwh=float(scenarios.retail_per_kwh[k]), feed_in_per_kwh=float(scenarios.feed_in_per_kwh[k]),
        ).homes.bill  # fmt: skip
    np.testing.assert_allclose(bill, batch.settlement.buses.bill[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_books", [0, 1])
def test_nobody_takes_part(n_books):
    network = fastp2p.Network.load("cigre_lv")
    none = np.zeros((n_books, 0))
    step = fastp2p.trade_step(network, none, none, none, none, retail_per_kwh=0.3, feed_in_per_kwh=0.0, bus=[])
    assert step.trades.n_trades == 0
    assert list(step.status) == ["free"] * n_books


def refused(**wrong):
    """The faults of a step that is right but for these."""
    network, bus, load, pv, bids, asks = some_books(1)
    right = {"network": network, "load_kwh": load, "pv_kwh": pv, "bid_per_kwh": bids, "ask_per_kwh": asks, "bus": bus}
    right |= {"retail_per_kwh": 0.3, "feed_in_per_kwh": 0.05}
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.trade_step(**{**right, **wrong})
    return error.value.faults


def test_one_message_has_every_fault():
    load = some_books(1)[2]
    load[2, 3] = -1.0
    faults = refused(
        load_kwh=load, pv_kwh=np.full_like(load, np.nan), ask_per_kwh=np.full(N_COLUMNS, np.inf), bid_per_kwh="dear",
        retail_per_kwh=[0.3, 0.3], feed_in_per_kwh=np.nan, bus=[1, 1, 2], step_hours=0.0, pricing="none", kappa=2.0,
        priority="first", ties="any", orders="some", objective="most", unserved="lost", surplus="kept", physics="magic",
        load_kvar_per_kw=[0.1], pv_kvar_per_kw=np.inf,
    )  # fmt: skip
    told = [
        "load_kwh: book 2, bus 3 holds -1", "pv_kwh: book 0, bus 0 holds nan", "ask_per_kwh", "bid_per_kwh holds texts",
        "retail_per_kwh has shape (2,)", "feed_in_per_kwh is not finite", "bus must hold ascending positions", "step_hours",
        "pricing", "kappa", "priority", "ties", "orders", "objective", "unserved", "surplus", "physics", "pv_kvar_per_kw",
    ]  # fmt: skip
    for start in told:
        assert sum(fault.startswith(start) for fault in faults) == 1, (start, faults)
    assert len(faults) == len(told)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"network": "cigre_lv"}, "network must be a Network"),
        ({"load_kwh": np.zeros((2, 2, 2))}, "load_kwh has shape (2, 2, 2)"),
        ({"pv_kwh": np.zeros(N_COLUMNS)}, "pv_kwh has shape (9,)"),
        ({"bid_per_kwh": np.zeros(3)}, "bid_per_kwh has shape (1, 3)"),
        ({"bus": None}, "load_kwh has 9 columns"),
        ({"bus": [1, 2]}, "load_kwh has 9 columns"),
        ({"load_kvar_per_kw": np.zeros(3)}, "load_kvar_per_kw has shape (3,)"),
        ({"retail_per_kwh": 0.01, "pricing": "mid_market_rate"}, "pricing = 'mid_market_rate' needs a feed-in tariff"),
        ({"pricing": "uniform", "priority": "volume"}, "pricing = 'uniform' needs priority = 'price'"),
        ({"pricing": "mcafee", "priority": "volume"}, "pricing = 'mcafee' needs priority = 'price'"),
        ({"physics": "lindistflow", "v_min_pu": 1.2}, "v_min_pu = 1.2 and v_max_pu = 1.1"),
        ({"physics": "ac", "network": fastp2p.Network.load("case30"), "bus": range(9)}, "physics = 'ac': the network"),
    ],
)
def test_what_is_refused(wrong, told):
    faults = refused(**wrong)
    assert len(faults) == 1
    assert faults[0].startswith(told), faults


@pytest.mark.parametrize("word", [None, 1.0, ["ask"], np.zeros(9), {}])
def test_words_must_be_texts(word):
    names = ("pricing", "priority", "ties", "orders", "objective", "unserved", "surplus", "physics")
    faults = refused(**dict.fromkeys(names, word))
    assert sorted(fault.partition(" = ")[0] for fault in faults) == sorted(names)


def test_a_limit_that_is_none_is_refused():
    network = some_books(1)[0]
    limit = network.limit_kw.copy()
    limit[3] = np.nan
    try:
        network = replace(network, limit_kw=limit)
    except fastp2p.InputError:
        return  # so is the network
    assert refused(network=network)[0].startswith("limit_kw is NaN or negative for")


def test_a_step_in_a_shell_fits_a_screen():
    network, bus, load, pv, bids, asks = some_books(1)
    step = fastp2p.trade_step(network, load, pv, bids, asks, bus=bus, retail_per_kwh=0.3, feed_in_per_kwh=0.05)
    assert len(repr(step).splitlines()) <= 24
