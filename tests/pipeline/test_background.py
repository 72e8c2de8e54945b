"""Load and PV in the network and not in the market: flows, voltages and balances have it, trades and bills do not."""

import itertools

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from scipy import stats

import fastp2p
from bench.peers.asymmetric import STATED
from fastp2p.pipeline.background_draws import BACKGROUND_STREAMS, OF_ENTRY, REGION
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.battery_draws import BATTERY_STREAMS
from fastp2p.pipeline.battery_draws import REGION as BATTERY_REGION
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.results.columns import columns_of
from fastp2p.sweep import parts
from fastp2p.sweep.again import run_worst_book
from fastp2p.sweep.prepare import prepare
from tests.oracles.background import draw_of_buses
from tests.oracles.uniforms import uniforms_of
from tests.support.shipped import shipped
from tests.support.sweeps import SWEEP, assert_same

PLAIN = SWEEP.with_(scenarios={"count": 6})
SOME = {"buses": [3, 43, 12], "load": ["residential_1", "residential_2", "commercial_0"], "size": [0.2, 1.5, 0.7]}
SUN = {"buses": [43, 5], "pv": "solar_0", "size": 8.0, "power_factor": 0.9}
METER = {"buses": [12, 7], "net": "feeder", "size": 2.0}
DRAWN = {
    "buses": "all",
    "load": {"choice": ["residential_0", "commercial_1"]},
    "size": {"distribution": "uniform", "low": 0.0, "high": 0.3},
}
ENTRIES = [SOME, SUN, METER, DRAWN]
STUDY = PLAIN.with_(participants={"background": ENTRIES})
NONE = {
    "size 0": [{**SOME, "size": 0.0}],
    "sizes 0": [{**SOME, "size": [0.0, 0.0, 0.0]}, {**METER, "size": {"distribution": "choice", "values": [0.0]}}],
    "at no bus": [{**SOME, "buses": [], "load": "residential_0", "size": 1.0}],
}


def with_meter(day):
    feeder = 3.0 * np.cos(np.arange(day.n_steps) / 3.0)
    return fastp2p.Profiles(
        (*day.names, "feeder"), (*day.kinds, "net"), np.vstack([day.kwh_per_unit, feeder]), day.step_hours, day.time
    )


@pytest.fixture(scope="module")
def profiles():
    """The typical day, and what a meter of both directions says."""
    return with_meter(fastp2p.Profiles.load())


@pytest.fixture(scope="module")
def run(profiles):
    def ran(study, **options):
        return fastp2p.run(study, profiles=profiles, **{"workers": 1, **options})

    return ran


@pytest.fixture(scope="module")
def plain(run):
    return run(PLAIN)


@pytest.fixture(scope="module")
def ran(run):
    return run(STUDY)


@pytest.fixture(scope="module")
def batch_of(profiles):
    def batch(study, share=0.6, numbers=range(3), steps=range(24)):
        network, ours = prepare(study, None, profiles)
        return run_batch(study, network, ours, draw_scenarios(study, network, ours, share, numbers), steps), network

    return batch


def columns_beside(table):
    return [name for name in table if columns_of("books").get(name, columns_of("scenarios").get(name)).device]


# ----------------------------------------------------------------------------------------------------- against an oracle


def expected_draw(study, network, profiles, scenarios, scenario, step):
    """By position, kW and kvar, from the draws of the sizes and the definition."""
    energies = dict(zip(zip(profiles.names, profiles.kinds, strict=True), profiles.kwh_per_unit, strict=True))
    drawn, entries = scenarios.background, []
    for place, part in enumerate(study.background):
        at = np.flatnonzero(drawn.entry == place)
        buses = drawn.bus[at].tolist()
        names = {bus: profiles.names[row] for bus, row in zip(buses, drawn.profile[scenario, at], strict=True)}
        sizes = dict(zip(buses, np.abs(drawn.size[scenario, at]).tolist(), strict=True))
        of = study.pv if part.kind == "pv" else study.load
        usual = of.reactive == ("feeds" if part.kind == "pv" else "draws")
        entries.append((part.kind, names, sizes, part.power_factor or of.power_factor, usual))
    return draw_of_buses(entries, energies, step, profiles.step_hours)


@pytest.mark.parametrize("reactive", [{}, {"load": {"reactive": "feeds"}, "pv": {"reactive": "draws", "power_factor": 0.8}}])
def test_every_bus_draws_the_sum_of_its_entries(batch_of, profiles, reactive):
    study = STUDY.with_(**reactive)
    batch, network = batch_of(study)
    connected, beside = batch.scenarios.connected, batch.beside
    assert len(connected) == network.n_bus - 1  # one entry is at all buses but the external grid's
    for scenario, step in itertools.product(range(3), (0, 7, 12, 20)):
        book = 24 * scenario + step
        drawn = expected_draw(study, network, profiles, batch.scenarios, scenario, step)
        kw, kvar = (np.array([drawn.get(bus, (0.0, 0.0))[i] for bus in connected.tolist()]) for i in (0, 1))
        np.testing.assert_allclose(beside.background_kwh[book], kw, rtol=0, atol=1e-9)
        np.testing.assert_allclose(beside.kw[book], -kw, rtol=0, atol=1e-9)
        np.testing.assert_allclose(beside.kvar[book], -kvar, rtol=0, atol=1e-9)


def test_sizes_and_profiles_are_those_of_the_entries(batch_of, profiles):
    batch, network = batch_of(STUDY)
    drawn = batch.scenarios.background
    assert network.bus_id[drawn.bus[:7]].tolist() == [3, 43, 12, 43, 5, 12, 7]
    assert drawn.size[0, :7].tolist() == [0.2, 1.5, 0.7, -8.0, -8.0, 2.0, 2.0]
    names = np.array(profiles.names)[drawn.profile[0, :7]]
    assert names.tolist() == [*SOME["load"], "solar_0", "solar_0", "feeder", "feeder"]
    u = uniforms_of(STUDY.seed, range(3), BACKGROUND_STREAMS, network.n_bus, REGION + 3 * OF_ENTRY)
    np.testing.assert_allclose(drawn.size[:, 7:], 0.3 * u[:, 0][:, drawn.bus[7:]])
    assert {profiles.names[row] for row in drawn.profile[:, 7:].ravel()} == {"residential_0", "commercial_1"}


def test_each_bus_may_have_its_own_profile(profiles, batch_of):
    kwh = np.vstack([profiles.kwh_per_unit, [[float(bus)] * 24 for bus in (3, 7)]])
    own = fastp2p.Profiles((*profiles.names, "bus_3", "bus_7"), (*profiles.kinds, "load", "load"), kwh)
    study = PLAIN.with_(participants={"background": [{"buses": [7, 3], "load": "by_bus"}]})
    network, _ = prepare(study, None, own)
    drawn = draw_scenarios(study, network, own, 0.6, range(1)).background
    assert [own.names[row] for row in drawn.profile[0]] == ["bus_7", "bus_3"]


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_flows_and_voltages_are_those_of_pandapower_with_these_loads(batch_of, profiles, physics):
    """Of the network's file with the injections of participants and of the oracle's background as its loads."""
    study = STUDY.with_(network={"limits": []}, clearing={"audit": True, "physics": physics, "surplus": "export"})
    plain = study.with_(participants={"background": None})
    batch, network = batch_of(study)
    without, _ = batch_of(plain)
    net = shipped("cigre_lv")
    net.load.drop(net.load.index, inplace=True)
    for scenario, step in ((0, 3), (1, 12), (2, 19)):
        book = 24 * scenario + step
        net.load.drop(net.load.index, inplace=True)
        injection = without.clearing.injection
        for at, bus in enumerate(without.scenarios.participant.tolist()):
            pp.create_load(net, network.bus_id[bus], -injection.kw[book, at] / 1e3, -injection.kvar[book, at] / 1e3)
        for bus, (kw, kvar) in expected_draw(study, network, profiles, batch.scenarios, scenario, step).items():
            pp.create_load(net, network.bus_id[bus], kw / 1e3, kvar / 1e3)
        pp.runpp(net, tolerance_mva=1e-10, calculate_voltage_angles=True)
        inner = net.res_bus.vm_pu[network.bus_id[network.has_band]]
        assert batch.audit.lowest_vm_pu[book] == pytest.approx(inner.min(), abs=1e-6)
        assert batch.audit.highest_vm_pu[book] == pytest.approx(inner.max(), abs=1e-6)
        assert batch.audit.slack_kw[book] == pytest.approx(1e3 * net.res_ext_grid.p_mw.sum(), rel=1e-6)
        if physics == "dc":
            pp.rundcpp(net)
            assert batch.clearing.slack_kw[book] == pytest.approx(1e3 * net.res_ext_grid.p_mw.sum(), rel=1e-9)
            lines, kw = network.element == "line", 1e3 * net.res_line.p_from_mw.abs()
            np.testing.assert_allclose(np.abs(batch.clearing.flow_kw[book, lines]), kw, atol=1e-6)


# ------------------------------------------------------------------------------------------------ no part of the market


@pytest.mark.parametrize("clearing", [{}, {"unserved": "shed", "objective": "welfare"}, {"surplus": "export"}])
def test_where_no_limit_binds_the_market_is_the_same(run, clearing):
    """To the bit, all that participants do and pay; and the network carries what they and the background draw."""
    changes = {"network": {"limits": []}, "clearing": clearing}
    one, other = run(STUDY.with_(**changes)), run(PLAIN.with_(**changes))
    of_grid = {f"{base}peak_{way}_kw" for base in ("", "baseline_") for way in ("import", "export")}
    of_grid |= {"slack_kwh", "load_factor", *(name for name in one.scenarios if "loading" in name)}
    for name in ("scenarios", "hours", "books", "participants", "trades"):
        table, expected = one.tables()[name], other.tables()[name]
        same = [column for column in expected if column not in of_grid]
        pd.testing.assert_frame_equal(table[same], expected[same], check_exact=True, check_categorical=False)
    books = one.books
    np.testing.assert_allclose(books["slack_kwh"], other.books["slack_kwh"] + books["background_kwh"], atol=1e-9)
    net_kwh = books["baseline_import_kwh"] - books["baseline_export_kwh"] + books["background_kwh"]
    peak = net_kwh.groupby([books["share"], books["scenario"]]).max().clip(lower=0.0)
    np.testing.assert_allclose(one.scenarios["baseline_peak_import_kw"], peak, atol=1e-9)


def test_it_takes_room_from_trades(ran, plain):
    """And is not cut itself."""
    heavy = fastp2p.run(PLAIN.with_(participants={"background": [{"buses": "all", "load": "residential_0", "size": 30.0}]}))
    assert (heavy.books["status"] == "base_overload").mean() > 0.9 > (plain.books["status"] == "base_overload").mean()
    assert heavy.scenarios["background_kwh"].min() > 0.0
    assert (ran.books["worst_loading_percent"] != plain.books["worst_loading_percent"]).any()


def test_who_takes_part_is_the_same(ran, plain):
    assert ran.participants["bus"].tolist() == plain.participants["bus"].tolist()
    for name in ("n_pv", "kwp", "share", "load_kwh", "pv_kwh"):
        assert ran.scenarios[name].tolist() == plain.scenarios[name].tolist()


@pytest.mark.parametrize("change", [{}, {"clearing": {"audit": True}, "network": {"limit_factor": 1.0}}], ids=["dc", "ac"])
def test_energy_is_balanced(run, change):
    ran = run(STUDY.with_(**change))
    for table in (ran.books, ran.scenarios):
        losses = table.get("losses_kwh", 0.0)
        drawn = table["import_kwh"] - table["export_kwh"] + table["background_kwh"] + losses
        np.testing.assert_allclose(table["slack_kwh"], drawn, atol=1e-9)
    audited = "losses_kwh" in ran.books
    if audited:
        np.testing.assert_allclose(ran.hours["background_kwh"], ran.books["background_kwh"], atol=1e-9)
    of_day = ran.books.groupby(["share", "scenario"])["background_kwh"].sum()
    np.testing.assert_allclose(ran.scenarios["background_kwh"], of_day, atol=1e-9)


def test_what_feeds_in_more_than_it_draws_is_negative(run):
    ran = run(PLAIN.with_(participants={"background": [METER, SUN]}))
    assert (ran.books["background_kwh"] < 0.0).any()
    assert (ran.books["background_kwh"] > 0.0).any()


def test_participants_show_what_is_at_their_bus(run, profiles):
    ran = run(PLAIN.with_(participants={"background": [SOME, METER]}))
    of = dict(zip(profiles.names, profiles.kwh_per_unit.sum(axis=1), strict=True))
    rows = ran.participants
    here = rows[rows["bus"] == 12]["background_kwh"]  # 43 takes part, too; 3 and 7 do not
    np.testing.assert_allclose(here, 0.7 * of["commercial_0"] + 2.0 * of["feeder"], rtol=1e-12)
    np.testing.assert_allclose(rows[rows["bus"] == 43]["background_kwh"], 1.5 * of["residential_2"], rtol=1e-12)
    assert (rows[~rows["bus"].isin([12, 43])]["background_kwh"] == 0.0).all()


def test_on_three_phases_it_is_a_third_on_each(batch_of):
    three = {
        "network": {"phases": 3, "zero_sequence": STATED, "limit_factor": 1.0},
        "connection": {"phases": "random"},
        "clearing": {"audit": True},
    }
    batch, _ = batch_of(STUDY.with_(**three))
    without, _ = batch_of(PLAIN.with_(**three))
    place = np.searchsorted(batch.scenarios.connected, batch.scenarios.participant)
    for name in ("kw", "kvar"):
        found, expected = (np.zeros((len(batch.beside.kw), len(batch.scenarios.connected), 3)) for _ in range(2))
        found[:] = getattr(batch.clearing.floor, name)
        expected[:, place] = getattr(without.clearing.floor, name)
        thirds = np.repeat(getattr(batch.beside, name)[:, :, None] / 3.0, 3, axis=2)
        np.testing.assert_allclose(found - expected, thirds, atol=1e-9)
    books = batch.settlement.books
    drawn = books.retail_kwh - books.exported_kwh + batch.beside.background_kwh.sum(axis=1) + batch.audit.losses_kw
    np.testing.assert_allclose(batch.audit.slack_kw, drawn, atol=1e-5)


# ---------------------------------------------------------------------------------------------------- nothing, and the same


@pytest.mark.parametrize(
    "change", [{}, {"clearing": {"physics": "lindistflow", "unserved": "shed"}}], ids=["dc", "lindistflow"]
)
@pytest.mark.parametrize("none", NONE)
def test_background_that_is_none_changes_no_bit(run, none, change):
    study = PLAIN.with_(**change)
    expected = run(study).tables()
    found = run(study.with_(participants={"background": NONE[none]})).tables()
    for name, table in found.items():
        assert (table[columns_beside(table)] == 0.0).all(axis=None) if name == "books" else True
        assert set(table) - set(expected[name]) <= {"background_kwh"}
    assert_same({name: table[expected[name].columns] for name, table in found.items()}, expected)


def test_an_empty_list_is_no_background(run, plain):
    assert_same(run(PLAIN.with_(participants={"background": []})).tables(), plain.tables())


def test_workers_and_batches_give_the_same_bits(run, ran):
    for workers, batch in ((1, 1), (2, 5), (2, None)):
        assert_same(run(STUDY, workers=workers, batch_scenarios=batch).tables(), ran.tables())


def test_stretches_of_steps_and_ranges_of_scenarios_are_the_whole(batch_of, run, ran, monkeypatch):
    whole, _ = batch_of(STUDY)
    piece, _ = batch_of(STUDY, numbers=range(1, 2), steps=range(5, 9))
    for name in ("background_kwh", "kw", "kvar"):
        assert getattr(piece.beside, name).tobytes() == getattr(whole.beside, name)[24 + 5 : 24 + 9].tobytes()
    monkeypatch.setattr(parts, "BATCH_CELLS", 60 * 7)
    found = run(STUDY).tables()
    for name, table in ran.tables().items():
        pd.testing.assert_frame_equal(found[name], table, rtol=1e-9, atol=1e-9)


def test_nothing_else_is_drawn_otherwise(batch_of):
    """Neither homes nor the entries before."""
    one, _ = batch_of(STUDY)
    other, _ = batch_of(PLAIN)
    for name in ("load_profile", "pv_profile", "homes", "kwp", "bid_per_kwh"):
        assert getattr(one.scenarios, name).tobytes() == getattr(other.scenarios, name).tobytes(), name
    more, _ = batch_of(STUDY.with_(participants={"background": [*ENTRIES, DRAWN]}))
    n = len(one.scenarios.background.bus)
    assert more.scenarios.background.size[:, :n].tobytes() == one.scenarios.background.size.tobytes()
    assert not np.array_equal(more.scenarios.background.size[:, n:], one.scenarios.background.size[:, 7:])


def test_numbers_are_uniform_and_nobody_elses(cigre):
    regions = [REGION + entry * OF_ENTRY for entry in range(3)]
    own = np.array([uniforms_of(3, range(100), BACKGROUND_STREAMS, cigre.n_bus, region) for region in regions])
    assert stats.kstest(own.ravel(), "uniform").pvalue > 0.01
    assert len(np.unique(own)) == own.size
    assert not np.intersect1d(own, uniforms_of(3, range(100), BATTERY_STREAMS, cigre.n_bus, BATTERY_REGION)).size
    assert REGION == 5 << 192


def test_books_that_are_run_again_have_it(run):
    """For the figures of an audit."""
    ran = run(STUDY.with_(clearing={"audit": True}, network={"limit_factor": 1.0}))
    worst = run_worst_book(ran)
    book = ran.books.set_index(["share", "scenario", "step"]).loc[(worst.share, worst.scenario, worst.step)]
    inner = worst.ac_vm_pu[ran.network.has_band]
    assert (inner.min(), inner.max()) == pytest.approx((book.lowest_vm_pu, book.highest_vm_pu), abs=1e-8)


# --------------------------------------------------------------------------------------------------------- what is refused


def test_everything_wrong_is_in_one_message(profiles):
    wrong = [
        {"buses": [3, 999], "load": "residentia_0"},
        {"buses": [0], "pv": "solar_0"},
        {"buses": [3, 4], "net": "residential_0", "size": [1.0]},
        {"buses": [5, 5], "load": "residential_0", "size": 1e6},
    ]
    with pytest.raises(fastp2p.InputError) as caught:
        prepare(PLAIN.with_(participants={"background": wrong}, pv={"profile": "x"}), None, profiles)
    assert [fault.partition("; ")[0] for fault in caught.value.faults] == [
        "pv.profile: no pv profile 'x'",
        "participants.background.0.buses: bus 999 does not exist in the network",
        "participants.background.0.load: no load profile 'residentia_0'",
        "participants.background.1.buses: bus 0 is an external grid's, where no branch carries it",
        "participants.background.2.net: no net profile 'residential_0'",
        "participants.background.3.buses: bus 5 is listed twice",
        "participants.background.2.size lists 1 values for 2 buses",
    ] or caught.value.faults
    huge = [{"buses": "all", "net": "feeder", "size": 1e6}]
    kwh = np.array([[-2e4], [1.0], [1.0]])
    with pytest.raises(fastp2p.InputError, match=r"participants\.background\.0: a size of 1e\+06 times a profile of 20000 kWh"):
        prepare(
            PLAIN.with_(participants={"background": huge}, load={"profile": "a"}, pv={"profile": "b"}), None,
            fastp2p.Profiles(("feeder", "a", "b"), ("net", "load", "pv"), kwh),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"load": "a", "pv": "b"}, "must name a profile with one of load, pv and net; it has load and pv"),
        ({}, "must name a profile with one of load, pv and net; it has none of them"),
        ({"load": "a", "size": -1.0}, r"background\.0\.size = -1\.0: must lie in 0…1,000,000 at a bus"),
        ({"load": "a", "size": {"distribution": "uniform", "low": -1.0, "high": 1.0}}, r"background\.0\.size"),
        ({"load": "a", "buses": "odd"}, r"background\.0\.buses = 'odd': must be 'leaves', 'loads' or 'all'"),
        ({"load": "a", "sise": 1.0}, r"unknown key participants\.background\.0\.sise; did you mean size\?"),
        ({"load": "a", "power_factor": 0.0}, r"background\.0\.power_factor = 0\.0: must lie in 0\.1…1"),
    ],
)
def test_entries_that_are_wrong(entry, message):
    with pytest.raises(fastp2p.InputError, match=message):
        PLAIN.with_(participants={"background": [{"buses": "all", **entry}]})


def test_a_study_file_may_have_it():
    text = STUDY.to_toml()
    assert "[[participants.background]]" in text
    assert fastp2p.Study._parse(text, "mine.toml") == STUDY
    assert "background" not in PLAIN.to_toml()
