"""Studies of many networks: every feeder as if it were alone, whatever is beside it."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pandapower as pp
import pandas as pd
import pytest

import fastp2p
from fastp2p.sweep import parts
from fastp2p.sweep.examine import prepare_feeders
from fastp2p.sweep.executors import share_work
from fastp2p.sweep.feeders import Feeder, Networks
from fastp2p.sweep.opened import feeder_faults
from fastp2p.sweep.parts import cut_into_rounds
from fastp2p.sweep.workers import start_processes
from tests.support.chains import chain
from tests.support.sweeps import assert_same, journal, part_tables

KEPT = ["hours", "histograms", "books", "trades", "branches", "participants"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch, no_figures):
    monkeypatch.setattr(parts, "PART_BOOKS", 240)  # a share of a feeder


@pytest.fixture(scope="session")
def grids(tmp_path_factory):
    """Four feeders of 3 to 6 homes as files, and one that no radial audit can run on."""
    folder = tmp_path_factory.mktemp("grids")
    for n_lines in range(3, 7):
        net = chain(n_lines)
        for bus in range(2, n_lines + 2):
            pp.create_load(net, bus, 0.001)
        pp.to_json(net, folder / f"chain-{n_lines}.json")
    pp.create_line(net, 2, 6, 0.3, "NAYY 4x150 SE")
    (folder / "odd").mkdir()
    pp.to_json(net, folder / "odd" / "meshed.json")
    return folder


def study(sources, **changes):
    return fastp2p.Study(
        name="area",
        seed=5,
        network={"sources": sources, "limit_factor": 0.02},
        participants={"buses": "loads"},
        load={"profile": {"choice": ["residential_0", "residential_1"]}},
        pv={"profile": "solar_2", "kwp": {"distribution": "uniform", "low": 5, "high": 30}},
        clearing={"audit": True},
        scenarios={"count": 10, "shares": [0.3, 0.9], "keep": KEPT},
    ).with_(**changes)


@pytest.fixture(scope="module")
def expected(grids):
    return fastp2p.run(study(str(grids)), workers=1)


def rows_of(results, names):
    return {key: table[table["feeder"].isin(names)].reset_index(drop=True) for key, table in results.tables().items()}


def test_every_feeder_has_the_rows_of_its_study_alone(expected, tmp_path):
    assert (expected.scenarios["executed_kwh"] < expected.scenarios["matched_kwh"]).any()
    assert list(expected.feeders["feeder"]) == list(expected.networks) == [f"chain-{n}" for n in range(3, 7)]
    assert list(expected.feeders["n_homes"]) == [3, 4, 5, 6]
    assert all(table.columns[0] == "feeder" for table in expected.tables().values())
    for name in expected.networks:
        one = expected.of_feeder(name)
        alone = fastp2p.run(one.study)
        assert_same(one.tables(), alone.tables())
        assert one.network.n_bus == alone.network.n_bus == expected.networks[name].n_bus
    assert len({expected.of_feeder(name).study.seed for name in expected.networks}) == 4


@pytest.mark.parametrize("start", [ThreadPoolExecutor, pytest.param(start_processes, marks=pytest.mark.slow)])
def test_the_same_bits_in_any_order_beside_any_others_by_any_workers(expected, grids, start):
    files = [str(grids / f"chain-{n}.json") for n in (5, 3, 6)]
    names = ["chain-3", "chain-5", "chain-6"]
    fewer = fastp2p.run(study(files), workers=2)
    assert_same(fewer.tables(), rows_of(expected, names))
    others = [*files[::-1], {"file": "village_1", "weight": 40}]
    with start(2) as pool:
        more = fastp2p.run(study(others, network={"limit_factor": 0.02}), executor=pool, batch_scenarios=3)
    assert list(more.networks) == [*names, "village_1"]
    assert_same(rows_of(more, names), rows_of(expected, names))


def test_a_folder_gives_back_what_the_run_returned(expected, grids, tmp_path):
    def interrupt(done, n_parts):
        assert n_parts == 8
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastp2p.run(study(str(grids)), out=tmp_path / "out", workers=1, progress=interrupt)
    assert len(journal(tmp_path / "out")) in (3, 4)
    (tmp_path / "out" / "feeders.parquet").unlink()
    with pytest.warns(fastp2p.InputWarning, match=r"made again; missing: feeders\.parquet"):
        whole = fastp2p.run(study(str(grids)), out=tmp_path / "out", workers=2, resume=True)
    read = fastp2p.read_results(tmp_path / "out")
    for results in (whole, read):
        assert_same(results.tables(), expected.tables())
        pd.testing.assert_frame_equal(results.feeders, expected.feeders)
        assert results.failures == expected.failures
    assert_same(read.of_feeder("chain-4").tables(), expected.of_feeder("chain-4").tables())
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "feeders.parquet"), expected.feeders)


def test_a_feeder_that_cannot_run_is_told_and_the_others_run(expected, grids, tmp_path):
    results = fastp2p.run(study(str(grids / "**" / "*.json")), out=tmp_path / "out")
    assert list(results.feeders["feeder"]) == [*expected.networks, "odd/meshed"]
    fault = results.feeders["fault"].iloc[-1]
    assert "the network is meshed" in fault
    assert_same(results.tables(), expected.tables())
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["feeders"] == 4
    assert manifest["failed_feeders"] == {"odd/meshed": fault}
    assert manifest["complete"]
    with pytest.raises(fastp2p.InputError, match=r"^feeder 'odd/meshed': clearing\.audit = true: the network is meshed"):
        results.of_feeder("odd/meshed")


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_a_feeder_that_fails_while_it_runs_is_told_and_the_others_run(expected, grids, tmp_path, monkeypatch, where):
    load, names = Networks._load, ["chain-3", "chain-5", "chain-6"]

    def fail(self, feeder):
        if feeder.name == "chain-4":
            raise fastp2p.InputError("its file is gone")
        return load(self, feeder)

    monkeypatch.setattr(Networks, "_load", fail)
    out = tmp_path / "out" if where == "folder" else None
    results = fastp2p.run(study(str(grids)), out=out)
    assert_same(results.tables(), rows_of(expected, names))
    assert list(results.networks) == names
    assert list(results.feeders["fault"]) == ["", "its file is gone", "", ""]
    if out:
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["failed_feeders"] == {"chain-4": "its file is gone"}
        assert (manifest["feeders"], manifest["complete"]) == (3, True)
        again = fastp2p.run(study(str(grids)), out=out, resume=True)
        for same in (again, fastp2p.read_results(out)):
            assert_same(same.tables(), results.tables())
            pd.testing.assert_frame_equal(same.feeders, results.feeders)
    monkeypatch.setattr(Networks, "_load", lambda *_: fail(None, Feeder("chain-4", "")))
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.run(study(str(grids)), out=out and tmp_path / "none")
    assert list(error.value.faults) == [f"feeder chain-{n}: its file is gone" for n in (3, 4, 5, 6)]


def test_why_feeders_failed_is_told_in_their_order_whichever_ended_first():
    ended = {3: ("b", "late"), 2: ("b", "early"), 0: ("a", "gone")}
    assert feeder_faults(ended) == ["feeder a: gone", "feeder b: late"]


def test_what_keeps_all_feeders_from_running_is_said_once(grids):
    sources = [str(grids / "chain-3.json"), str(grids / "odd" / "meshed.json")]
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.run(study(sources, load={"profile": "nobody"}))
    first, second = error.value.faults
    assert first.startswith("load.profile: no load profile 'nobody'")
    assert second.startswith("feeder meshed: clearing.audit")


def test_a_file_that_changes_while_the_study_runs_is_told(grids, tmp_path):
    net = pp.from_json(str(grids / "chain-3.json"))
    pp.to_json(net, tmp_path / "a.json")
    one = study([str(tmp_path / "a.json")])
    profiles = fastp2p.Profiles.load("typical_day")
    with ThreadPoolExecutor(1) as pool:
        networks = prepare_feeders(one, profiles, pool, lambda *_: None)
    net.line.loc[0, "length_km"] = 0.7
    pp.to_json(net, tmp_path / "a.json")
    with pytest.raises(fastp2p.InputError, match=r"^feeder a: .*a\.json has changed since the run began; run it again$"):
        networks["a"]


def test_a_part_has_several_points_of_a_feeder_where_these_are_small(expected, grids, monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 24 * 45)
    many = study(str(grids), scenarios={"shares": [0.1, 0.3, 0.5, 0.7, 0.9]})
    numbered = [(part.feeder, len(part.points)) for round_ in parts.cut_into_rounds(many, 24, None, "ab") for part in round_]
    assert numbered == [("a", 4), ("a", 1), ("b", 4), ("b", 1)]
    tables = fastp2p.run(many, workers=2).tables()
    of_both = {name: table[table["share"].isin([0.3, 0.9])].reset_index(drop=True) for name, table in tables.items()}
    assert_same(of_both, expected.tables())


def test_only_a_few_networks_are_in_memory(expected, monkeypatch):
    monkeypatch.setattr("fastp2p.sweep.feeders.KEPT", 2)
    networks = Networks(expected.study, expected.feeders)
    for name in networks:
        assert networks[name].n_bus == expected.networks[name].n_bus
        assert len(networks._loaded) <= 2


def test_it_stops_when_all_feeders_are_known(grids):
    rule = {"indicator": "load_kwh", "within": 0.5, "at_least": 100}
    results = fastp2p.run(study(str(grids), scenarios={"count": 300, "shares": [0.9], "keep": [], "stop": rule}))
    assert results.stopped_at in (100, 200)
    assert (results.scenarios.groupby(["feeder", "share"]).size() == results.stopped_at).all()
    one = results.of_feeder("chain-3")
    assert list(one.scenarios["scenario"]) == list(range(results.stopped_at))


def test_one_network_has_no_feeders(grids):
    alone = fastp2p.run(study(str(grids)).with_(network={"sources": None, "source": "cigre_lv"}, scenarios={"count": 1}))
    assert alone.feeders is None
    assert list(alone.networks) == [""]
    with pytest.raises(fastp2p.InputError, match="has one network"):
        alone.of_feeder("cigre_lv")


def test_many_networks_have_no_network(expected):
    with pytest.raises(fastp2p.InputError, match=r"has many networks; results\.of_feeder"):
        expected.network  # noqa: B018
    with pytest.raises(fastp2p.InputError, match=r"^feeder 'chain-33': did you mean chain-3"):
        expected.of_feeder("chain-33")
    with pytest.raises(fastp2p.InputError, match=r"^feeder \['chain-3'\]: did you mean chain-3"):
        expected.of_feeder(["chain-3"])
    with pytest.raises(fastp2p.InputError, match="this is of one network, and the study names many"):
        fastp2p.scenarios(expected.study, range(1))
    with pytest.raises(fastp2p.InputError, match="leave the argument out"):
        fastp2p.run(expected.study, network=expected.networks["chain-3"])


def test_parts_name_their_feeder_and_the_list_of_all_stays_here(expected, grids):
    """What travels with every part is as small for many feeders as for one."""
    networks, profiles = expected.networks, expected.profiles
    sources = tuple({"file": str(grids / "chain-3.json"), "name": f"f{number}"} for number in range(2_000))
    many = study(str(grids)).with_(network={"sources": sources})
    rows = pd.concat([networks.table.iloc[:1]] * 2_000, ignore_index=True).assign(feeder=[one["name"] for one in sources])
    with start_processes(1) as pool:
        few = len(pickle.dumps(share_work(pool, (expected.study, networks, profiles))))
        assert len(pickle.dumps(share_work(pool, (many, Networks(many, rows), profiles)))) < few + 1_000
    parts_of = cut_into_rounds(many, 24, None, Networks(many, rows).feeders)[0]
    first = next(iter(parts_of))
    assert len(pickle.dumps(first)) < 1_000
    bare = Networks(many, rows).bare()
    assert_same(part_tables((bare.study, bare, profiles), first), part_tables((many, Networks(many, rows), profiles), first))
