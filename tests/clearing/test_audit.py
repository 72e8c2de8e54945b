"""Studies checked against AC: q follows p, audits, losses, tightening, samples of meshed networks, refusals."""

import logging
import tomllib
from dataclasses import replace

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
import tomli_w

import fastp2p
from fastp2p.clearing.ac_model import AcModel
from fastp2p.clearing.audit import AC_STATUS, BROKEN, KEPT, audit
from fastp2p.clearing.families import ac_families
from fastp2p.grid.ac import SWEEPS
from fastp2p.grid.runpp import runpp_solver
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.sweep.prepare import prepare

NARROW = {"v_min_pu": 0.95, "v_max_pu": 1.02}


def study_with(name="pv-sweep", count=20, keep=("books",), network=None, **changes):
    """A built-in study with some keys changed: clearing's by name, others as tables."""
    base = fastp2p.studies()[name]
    parts = {"network": network or {}, "scenarios": {"count": count, "keep": keep}}
    parts |= {key: value for key, value in changes.items() if isinstance(value, dict)}
    parts["clearing"] = {key: value for key, value in changes.items() if not isinstance(value, dict)}
    return base.with_(**parts)


def batch_of(study, share=0.5, count=8):
    network, profiles = prepare(study)
    drawn = draw_scenarios(study, network, profiles, share, range(count))
    return run_batch(study, network, profiles, drawn, range(24)), network


def test_reactive_power_follows_active_power():
    """With one power factor for both, load drawing and PV feeding in, every bus has q = p tan φ, whatever is cut."""
    for unserved in ("retail", "shed"):
        for surplus in ("curtailable", "export", "spill"):
            study = study_with(network=NARROW, physics="lindistflow", unserved=unserved, surplus=surplus)
            batch, _ = batch_of(study)
            clearing = batch.clearing
            tangent = np.tan(np.arccos(0.99))
            for injection in (clearing.floor, clearing.full, clearing.injection):
                np.testing.assert_allclose(injection.kvar, tangent * injection.kw, rtol=0, atol=1e-9)
            assert surplus == "spill" or (clearing.status != "free").any()


def test_signs_of_reactive_power():
    load, pv = {"power_factor": 0.9, "reactive": "feeds"}, {"power_factor": 0.8, "reactive": "draws"}
    base = study_with(audit=True)
    study = base.with_(load=load, pv=pv)
    batch, _ = batch_of(study)
    expected = batch.load_kwh * np.tan(np.arccos(0.9)) - batch.pv_kwh * np.tan(np.arccos(0.8))
    np.testing.assert_allclose(batch.clearing.full.kvar, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_an_audit_says_what_ac_flows_say_bus_by_bus(physics):
    study = study_with(network={"v_min_pu": 0.975, "v_max_pu": 1.02, "limit_factor": 0.5}, physics=physics, audit=True)
    batch, network = batch_of(study)
    found, clearing, who = batch.audit, batch.clearing, batch.scenarios.participant
    inner = np.flatnonzero(~network.is_reference)
    flows = {name: fastp2p.ac_flow(network, *getattr(clearing, name), bus=who) for name in ("floor", "injection", "full")}
    executed, base = flows["injection"], flows["floor"]
    np.testing.assert_allclose(found.lowest_vm_pu, executed.vm_pu[:, inner].min(axis=1), rtol=1e-15)
    np.testing.assert_array_equal(found.lowest_bus, inner[executed.vm_pu[:, inner].argmin(axis=1)])
    np.testing.assert_array_equal(found.highest_bus, inner[executed.vm_pu[:, inner].argmax(axis=1)])
    np.testing.assert_allclose(found.loading_percent, np.nanmax(executed.loading_percent, axis=1), rtol=1e-12)

    def breaks(flow, k):
        """Limits that the base keeps and this flow does not, or breaks worse: voltages, currents."""
        low, high = np.minimum(0.975, base.vm_pu[k]) - 1e-6, np.maximum(1.02, base.vm_pu[k]) + 1e-6
        out = ((flow.vm_pu[k] < low) | (flow.vm_pu[k] > high))[inner]
        most = np.maximum(100.0, base.loading_percent[k]) + 1e-4
        return out.any(), (flow.loading_percent[k] > most).any()

    cut = np.abs(clearing.full.kw - clearing.injection.kw).max(axis=1) > 1e-9
    for k in range(len(cut)):
        outside = (executed.vm_pu[k, inner] < 0.975 - 1e-6).any() or (executed.vm_pu[k, inner] > 1.02 + 1e-6).any()
        outside |= bool((executed.loading_percent[k] > 100.0 + 1e-4).any())
        expected = "broken" if any(breaks(executed, k)) else "base_broken" if outside else "kept"
        assert AC_STATUS[found.code[k]] == expected
        assert (found.full_voltage[k], found.full_current[k]) == breaks(flows["full"], k)  # 1 and 0 equal True and False
        assert found.needless_cut[k] == (cut[k] and not any(breaks(flows["full"], k)))
    assert {"broken", "base_broken", "kept"} - {"broken"} <= set(AC_STATUS[found.code])
    assert (physics == "lindistflow") or BROKEN in found.code


@pytest.mark.parametrize("kwp", [10.0, 20.0, 30.0])
@pytest.mark.parametrize("band", [{}, {"v_min_pu": 0.97, "v_max_pu": 1.005}])
def test_ac_clearing_keeps_every_limit_that_the_base_kept(kwp, band):
    rates = {}
    for physics in ("dc", "ac"):
        results = fastp2p.run(study_with(network=band, pv={"kwp": kwp}, physics=physics, audit=True), workers=1)
        rates[physics] = fastp2p.find_audit_rates(results.scenarios)
        assert (results.books["ac_status"] != "not_audited").all()
    assert (rates["ac"]["broken_rate"] == 0.0).all()
    if band and kwp > 10.0:
        assert (rates["dc"]["broken_rate"].iloc[1:] > 0.0).all()


def test_losses_stand_in_the_balance_and_with_the_network_operator():
    columns = ["bill", "operator_balance", "retailer_revenue"]
    plain, audited = (fastp2p.run(study_with(audit=on), workers=1) for on in (False, True))
    books, before = audited.books, plain.books
    balance = books["import_kwh"] - books["export_kwh"] + books["losses_kwh"]
    np.testing.assert_allclose(books["slack_kwh"], balance, rtol=1e-12)
    np.testing.assert_allclose(books["losses_cost"], 0.20 * books["losses_kwh"], rtol=1e-12)
    np.testing.assert_allclose(books["bill"], books["operator_balance"] + books["retailer_revenue"], rtol=1e-12)
    np.testing.assert_allclose(before["operator_balance"] - books["operator_balance"], books["losses_cost"], atol=1e-12)
    assert np.array_equal(books["bill"], before["bill"])
    assert (books["losses_kwh"] > 0.0).all()
    assert set(columns) <= set(books)
    batch, _ = batch_of(study_with(audit=True))
    net_kw = batch.clearing.injection.kw.sum(axis=1)
    np.testing.assert_allclose(batch.audit.slack_kw, batch.audit.losses_kw - net_kw, rtol=0, atol=1e-5)


def test_an_audited_study_has_the_same_bits_for_any_batch_and_workers():
    study = study_with(network=NARROW, physics="ac", keep=("books", "trades"))
    one, other = fastp2p.run(study, workers=1), fastp2p.run(study, workers=2, batch_scenarios=3)
    for name, table in one.tables().items():
        assert table.equals(other.tables()[name]), name
    assert (one.trades["binding_branch"].str.startswith("voltage at bus")).any() or (one.books["cut_kwh"] == 0.0).all()


def test_a_sample_of_a_radial_network_is_part_of_the_whole_audit():
    whole = fastp2p.run(study_with(audit=True), workers=1).books
    some = fastp2p.run(study_with(audit=7), workers=1).books
    looked_at = some["ac_status"] != "not_audited"
    assert 0 < looked_at.sum() < len(some) / 5
    names = [
        "lowest_vm_pu",
        "lowest_vm_bus",
        "highest_vm_bus",
        "losses_kwh",
        "ac_status",
        "full_breaks_voltage",
        "needless_cut",
    ]
    for name in names:
        assert whole[name][looked_at].astype(str).equals(some[name][looked_at].astype(str)), name
        assert name == "ac_status" or some[name][~looked_at].isna().all(), name
    assert "losses_cost" not in some


@pytest.mark.slow
def test_a_meshed_network_is_audited_by_a_sample_through_pandapower():
    """Of 24 hours in a block of 12, two draw each place: one day has exactly two audited books."""
    kwargs = {"source": "example_multivoltage", "ampacity_ka_by_std_type": {}}
    study = study_with(network=kwargs, participants={"buses": "loads"}, audit=12, count=1, keep=("books", "branches"))
    study = study.with_(scenarios={"shares": [0.5]})
    ran = fastp2p.run(study, workers=1)
    assert (ran.books["ac_status"] != "not_audited").sum() == 2
    assert ran.books["lowest_vm_pu"].notna().sum() == 2
    assert ran.branches["max_current_percent"].max() == pytest.approx(ran.books["worst_current_percent"].max())


def test_pandapower_and_sweeps_audit_alike():
    batch, network = batch_of(study_with(network={"v_max_pu": 1.02, "v_min_pu": 0.975}, audit=True), count=1)
    books, who = np.arange(9, 13), batch.scenarios.participant
    by_sweeps = audit(network, who, batch.clearing, (0.975, 1.02), books)
    by_newton = audit(network, who, batch.clearing, (0.975, 1.02), books, runpp_solver("cigre_lv"))
    for name in ("lowest_vm_pu", "highest_vm_pu", "losses_kw", "loading_percent", "slack_kw"):
        np.testing.assert_allclose(getattr(by_sweeps, name), getattr(by_newton, name), rtol=1e-6, err_msg=name)
    for name in ("lowest_bus", "highest_bus", "code", "full_voltage", "full_current", "needless_cut"):
        np.testing.assert_array_equal(getattr(by_sweeps, name), getattr(by_newton, name), err_msg=name)  # NaN equals NaN


def test_collapse_is_a_status():
    results = fastp2p.run(study_with(load={"homes": 25.0}, audit=True, count=3), workers=1)
    books, collapsed = results.books, results.books["ac_status"] == "collapse"
    assert 0 < collapsed.sum() < len(books)
    assert books["losses_kwh"][collapsed].isna().all()
    assert books["losses_kwh"][~collapsed].notna().all()
    scenarios, numbers = results.scenarios, results.scenarios.select_dtypes("number")
    unknown = scenarios["n_audit_collapse"] == 24  # nothing is known of their voltages and currents
    extremes = ["lowest_vm_pu", "highest_vm_pu", "worst_current_percent", "lowest_vm_step", "highest_vm_step"]
    assert numbers[unknown][extremes].isna().all().all()
    some = scenarios["n_audit_collapse"] > 0  # and nothing of their losses, and what follows from them
    sums = ["losses_kwh", "losses_cost", "slack_kwh", "operator_balance", "retailer_revenue"]
    follow = ["peak_import_kw", "peak_export_kw", "load_factor"]
    assert numbers[some][[*sums, *follow]].isna().all().all()
    flags = ["n_full_breaks_voltage", "n_full_breaks_current"]  # where the base collapses too
    assert numbers[some][flags].isna().any().any()
    undefined = ["self_consumption", "cut_share", "jain_saving", "gini_saving"]  # where there is no PV, or no trade
    rest = numbers.drop(columns=[*extremes, *sums, *follow, *flags, *undefined])
    assert np.isfinite(rest.astype(float)).all().all()
    assert np.isfinite(numbers[~some].drop(columns=undefined).astype(float)).all().all()
    for name in ("losses_kwh", "losses_cost", "slack_kwh", "operator_balance", "retailer_revenue", "lowest_vm_bus"):
        assert books[name][collapsed].isna().all(), name
        assert books[name][~collapsed].notna().all(), name
    assert results.failures == []


def test_a_base_that_breaks_limits_itself_is_not_the_trades_fault():
    study = study_with(load={"homes": 20.0}, audit=True, count=3)
    books = fastp2p.run(study, workers=1).books
    assert (books["ac_status"] == "base_broken").any()
    batch, network = batch_of(study, count=3)
    who, clearing = batch.scenarios.participant, batch.clearing
    model = AcModel(network, who, ac_families(network, (0.9, 1.1)), SWEEPS)
    blamed = model.excess(clearing.floor, clearing.injection).outside.any
    assert np.array_equal(blamed, batch.audit.code == BROKEN)


@pytest.mark.slow
def test_books_that_execute_nothing_are_not_looked_at_limit_by_limit():
    """Their base breaks limits itself, and they are their base."""
    study = study_with(audit=True, network={"v_min_pu": 0.99})
    batch, network = batch_of(study)
    flowed = []

    def flow(network, kw, kvar, bus):
        flowed.append(kw)
        return SWEEPS.flow(network, kw, kvar, bus=bus)

    band_pu = (study.network.v_min_pu, study.network.v_max_pu)
    spied = audit(network, batch.scenarios.participant, batch.clearing, band_pu, solver=SWEEPS._replace(flow=flow))
    assert (spied.code == batch.audit.code).all()
    idle = (batch.clearing.floor.kw == batch.clearing.injection.kw).all(axis=1)
    assert (AC_STATUS[spied.code[idle]] == "base_broken").any()
    base, executed = flowed[:2]
    assert (base != executed).any(axis=1).all()


@pytest.mark.slow
def test_answers_of_an_audited_sweep(tmp_path):
    study = study_with(network={"v_max_pu": 1.03}, audit=True, count=30, keep=("hours",))
    results = fastp2p.run(study, out=tmp_path / "out", workers=1)
    probabilities = fastp2p.find_probabilities(results.scenarios)
    voltage, cable = (fastp2p.find_hosting_capacity(probabilities, event=event) for event in ("voltage", "cable"))
    assert voltage.share < cable.share
    assert {f.name for f in (tmp_path / "out").iterdir()} >= {
        f"{name}.{suffix}" for name in ("voltage", "feeder", "ac_error") for suffix in ("png", "pdf")
    } | {"audit.parquet"}
    summary = fastp2p.summarise(results.scenarios)
    assert {"losses_kwh", "lowest_vm_pu", "highest_vm_pu"} <= set(summary["indicator"])
    lowest = results.hours.groupby(["share", "scenario"])["lowest_vm_pu"].min()
    assert np.array_equal(lowest.to_numpy(), results.scenarios["lowest_vm_pu"].to_numpy())


def test_what_is_known_of_audited_studies_alone():
    scenarios = fastp2p.run(study_with(count=2), workers=1).scenarios
    with pytest.raises(fastp2p.InputError, match=r"the study was not audited; set clearing\.audit"):
        fastp2p.find_audit_rates(scenarios)
    for unknown in (scenarios, fastp2p.run(study_with(count=2, audit=7), workers=1).scenarios):  # a sample tells too little
        with pytest.raises(fastp2p.InputError, match="event = 'voltage' is known only if every book is audited"):
            fastp2p.find_hosting_capacity(fastp2p.find_probabilities(unknown), event="voltage")


def test_intervals_of_rates_stay_within_what_rates_can_be():
    study = study_with(network={"v_max_pu": 1.03}, count=5, audit=True)
    rates = fastp2p.find_audit_rates(fastp2p.run(study, workers=1).scenarios)
    for name in ("broken", "needless_cut"):
        low, rate, high = (rates[f"{name}_rate{end}"] for end in ("_low", "", "_high"))
        assert ((low >= 0.0) & (low <= rate) & (rate <= high) & (high <= 1.0)).all()
        assert (high[rate == 0.0] > 0.4).all()  # five scenarios without one such book prove little


UPSIDE_DOWN = r"v_min_pu = 1\.1 and v_max_pu = 0\.9: the first must be positive and below the second"
OUTSIDE = r"voltage, 1 p\.u\., lies outside v_min_pu…v_max_pu, 1\.01…1\.1; widen the band"
MESHED = {"source": "case9", "ampacity_ka_by_std_type": {}}
REFUSED = {
    "a band upside down": ({"network": {"v_min_pu": 1.1, "v_max_pu": 0.9}}, UPSIDE_DOWN),
    "a grid outside the band": ({"network": {"v_min_pu": 1.01}, "audit": True}, OUTSIDE),
    "a meshed network": ({"network": MESHED, "physics": "lindistflow"}, "meshed.*open switches.*or use physics = 'dc'"),
    "a whole audit of one": ({"network": MESHED, "audit": True}, "audit = 100 checks one book in a hundred, drawn at random"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_studies(case):
    changes, message = REFUSED[case]
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.run(study_with(**changes))


@pytest.mark.parametrize(
    ("table", "key", "value", "message"),
    [
        ("pv", "power_factor", 0.0, r"pv\.power_factor = 0\.0: must lie in 0\.1…1"),
        ("load", "power_factor", 1.01, r"load\.power_factor = 1\.01: must lie in 0\.1…1"),
        ("load", "reactive", "inductive", r"load\.reactive = 'inductive': must be 'draws' or 'feeds'"),
        ("clearing", "physics", "acdc", r"clearing\.physics = 'acdc': must be 'dc', 'lindistflow' or 'ac'"),
        ("clearing", "audit", 1, r"clearing\.audit = 1"),
    ],
)
def test_refused_keys(table, key, value, message, tmp_path):
    study = tomllib.loads(fastp2p.studies()["pv-sweep"].to_toml())
    study[table][key] = value
    (tmp_path / "study.toml").write_text(tomli_w.dumps(study), encoding="utf-8")
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.Study.from_toml(tmp_path / "study.toml")


def test_a_negative_resistance_is_refused():
    network = fastp2p.Network.load("cigre_lv")
    wrong = replace(network, resistance_pu=np.where(np.arange(network.n_branch) == 3, -1e-5, network.resistance_pu))
    with pytest.raises(fastp2p.InputError, match="line 3 has a negative resistance"):
        fastp2p.ac_flow(wrong, np.zeros(network.n_bus))
    with pytest.raises(fastp2p.InputError, match="line 3 has a negative resistance"):
        fastp2p.run(study_with(audit=True), network=wrong)


def test_kept_is_what_most_books_are():
    batch, _ = batch_of(study_with(audit=True), share=0.1, count=2)
    assert (batch.audit.code == KEPT).all()


def meshed_net(r_ohm_per_km=0.64, slack_gen=False):
    """Four 0.4 kV buses in a ring, a load at each but the grid's."""
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 0.4) for _ in range(4)]
    if slack_gen:
        pp.create_gen(net, 0, p_mw=0.0, vm_pu=1.0, slack=True)
    else:
        pp.create_ext_grid(net, 0)
    for a, b in zip(buses, [*buses[1:], 0], strict=True):
        pp.create_line_from_parameters(net, a, b, 0.1, r_ohm_per_km, 0.08, 0.0, 0.2)
    for bus in buses[1:]:
        pp.create_load(net, bus, 1e-3)
    return net


@pytest.mark.slow
@pytest.mark.parametrize("slack_gen", [False, True])
def test_a_sample_is_of_the_network_of_the_run(slack_gen, tmp_path):
    study = study_with(network={"source": str(tmp_path / "net.json"), "ampacity_ka_by_std_type": {}}, audit=12, count=1)
    study = study.with_(participants={"buses": "loads"})
    lowest = []
    for r in (0.64, 3.0):
        pp.to_json(meshed_net(r, slack_gen), str(tmp_path / "net.json"))
        lowest.append(fastp2p.run(study, workers=2).books["lowest_vm_pu"].min())
    assert lowest[1] < lowest[0] - 1e-3
    assert logging.getLogger("pandapower").level == logging.NOTSET
    other = fastp2p.Network.from_pandapower(meshed_net(1.0))
    with pytest.raises(fastp2p.InputError, match="is not the network of this run"):
        fastp2p.run(study, network=other)


def test_a_branch_that_may_carry_nothing_is_audited():
    net = pp.create_empty_network()
    pp.create_buses(net, 3, 0.4)
    pp.create_ext_grid(net, 0)
    for a in (0, 1):
        pp.create_line_from_parameters(net, a, a + 1, 0.1, 0.64, 0.08, 0.0, 0.2)
    network = replace(fastp2p.Network.from_pandapower(net), limit_kw=np.array([1e3, 0.0]))
    flow = fastp2p.ac_flow(network, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    assert flow.loading_percent[:, 1].tolist() == pytest.approx([0.0, 1e9], rel=0.01)


def test_everything_collapsed_is_written_all_the_same(tmp_path):
    study = study_with(load={"homes": 40.0}, audit=True, count=2, keep=("hours",))
    results = fastp2p.run(study, out=tmp_path / "out")
    assert (results.scenarios["n_audit_collapse"] == 24).all()
    assert not (tmp_path / "out" / "feeder.png").exists()
    unknown = fastp2p.summarise(results.scenarios).set_index("indicator").loc["lowest_vm_pu"]
    assert (unknown["n"] == 0).all()
    assert unknown["mean"].isna().all()


def test_a_network_of_external_grids_alone_is_audited():
    net = pp.create_empty_network()
    pp.create_bus(net, 0.4, index=0)
    pp.create_ext_grid(net, 0, vm_pu=1.02)
    study = study_with(participants={"buses": (0,)}, network={"ampacity_ka_by_std_type": {}}, audit=True, count=1)
    books = fastp2p.run(study, network=fastp2p.Network.from_pandapower(net)).books
    assert (books["lowest_vm_pu"] == 1.02).all()
    assert (books["losses_kwh"] == 0.0).all()


@pytest.mark.parametrize("hours", [1.0, 0.25])
def test_a_voltage_price_holds_for_the_step(hours):
    network = fastp2p.Network.load("cigre_lv")
    trade = fastp2p.Trades(
        np.array([0, 1]), np.array([9]), np.array([2]), np.array([200.0 * hours]), np.array([0.2]), np.array([0.1])
    )
    options = {"physics": "lindistflow", "objective": "welfare", "step_hours": hours, "v_min_pu": 0.9}
    price, worth = [], []
    for v_max_pu in (1.02, 1.021):
        clearing = fastp2p.clear(network, trade, np.zeros((1, network.n_bus)), v_max_pu=v_max_pu, **options)
        price.append(clearing.voltage_price.sum())
        worth.append(0.1 * clearing.executed_kwh[0])
    assert (worth[1] - worth[0]) / 0.001 == pytest.approx(np.mean(price), rel=1e-6)


def test_whole_numbers_are_voltages_and_other_things_are_none():
    network = fastp2p.Network.load("cigre_lv")
    none = fastp2p.Trades(np.zeros(2, int), *(np.empty(0) for _ in range(5)))
    base = np.zeros((1, network.n_bus))
    assert fastp2p.clear(network, none, base, physics="ac", v_max_pu=2).status.tolist() == ["free"]
    with pytest.raises(fastp2p.InputError, match=r"reactive must be a Reactive, not 0\.3"):
        fastp2p.clear(network, none, base, reactive=0.3)
    with pytest.raises(fastp2p.InputError, match="both must be numbers"):
        fastp2p.clear(network, none, base, physics="ac", v_max_pu="1.1")


def test_a_book_that_stays_broken_counts_as_cut():
    counts = {"n_cut": 0, "n_base_overload": 0, "n_ac_broken": 5}
    row = {"share": 0.5, "scenario": 0, "executed_kwh": 1.0, **counts}
    assert fastp2p.find_probabilities(pd.DataFrame([row]))["cut_probability"].tolist() == [1.0]
