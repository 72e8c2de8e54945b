"""What a user sees of the public names: which there are, their signatures in help(), and objects printed in a shell."""

import inspect

import numpy as np
import pytest

import fastp2p
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.sweep.prepare import prepare

SCREEN = 24, 160
"""Lines, and characters of each, that an object may take."""


def test_dir_has_the_public_names_only():
    fastp2p.run  # noqa: B018  # loads most modules
    assert dir(fastp2p) == fastp2p.__all__


def callables():
    """Public functions, classes and their methods, by name."""
    names = {name: getattr(fastp2p, name) for name in fastp2p.__all__ if name != "plot"}
    names |= {f"plot.{name}": getattr(fastp2p.plot, name) for name in fastp2p.plot.__all__}
    for name, public in names.items():
        if not (inspect.isclass(public) and issubclass(public, Exception)):
            yield name, public
        if inspect.isclass(public):
            methods = {key: getattr(value, "__func__", value) for key, value in vars(public).items() if not key.startswith("_")}
            yield from ((f"{name}.{key}", method) for key, method in methods.items() if inspect.isfunction(method))


@pytest.mark.parametrize(("name", "public"), [pytest.param(*one, id=one[0]) for one in callables()])
def test_signatures_are_readable(name, public):
    parameters = inspect.signature(public).parameters.values()
    longest = max((len(str(one)) for one in parameters), default=0)
    assert longest <= 120, f"{name}: {max(map(str, parameters), key=len)}"  # a line


@pytest.fixture(scope="module")
def objects():
    """One of every kind, of more than a handful of books."""
    study = fastp2p.studies()["pv-sweep"].with_(clearing={"audit": True}, scenarios={"count": 3})
    network, profiles = prepare(study)
    load, pv = np.ones((24, network.n_bus)), 2.0 * np.ones((24, network.n_bus))
    bid, ask = np.full(network.n_bus, 0.2), np.full(network.n_bus, 0.1)
    trades = fastp2p.match_orders(load, pv, bid, ask)
    left = fastp2p.leave_over(load, pv, trades)
    clearing = fastp2p.clear(network, trades, -left.deficit_kwh, export_kw=left.surplus_kwh)
    settlement = fastp2p.settle(trades, clearing, load, pv, left, retail_per_kwh=0.2, feed_in_per_kwh=0.1)
    batch = run_batch(study, network, profiles, draw_scenarios(study, network, profiles, 0.5, range(3)), range(24))
    results = fastp2p.run(study, workers=1)
    dated = fastp2p.Profiles.combined([fastp2p.Profiles.load()], days=300)
    many = {"distribution": "choice", "values": [0.1] * 5000}
    long = study.with_(market={"bid_per_kwh": {"series": [0.1] * 8760}, "ask_per_kwh": many}, load={"buses": range(5000)})
    probabilities = fastp2p.find_probabilities(results.scenarios)
    found = [
        network, study, long, profiles, dated, trades, left, clearing, clearing.full, settlement, settlement.books,
        settlement.buses, batch, batch.audit, batch.scenarios, results,
        fastp2p.make_orders(load, pv), fastp2p.scenarios(study, range(3)),
        fastp2p.price_trades(trades, load, pv, bid, ask), fastp2p.reduce_orders(trades, load, pv, bid, ask),
        fastp2p.ac_flow(network, load), fastp2p.lindistflow(network, load), fastp2p.cluster_days(profiles, 2, kind="load"),
        fastp2p.Reactive(load, 0.1, 0.1), fastp2p.find_hosting_capacity(probabilities), *(part for _, part in study),
    ]  # fmt: skip
    return [one for one in found if one is not None]


def test_every_object_fits_a_screen(objects):
    assert len({type(one) for one in objects}) > 25
    for one in objects:
        lines = repr(one).splitlines()
        assert len(str(one)) <= len(repr(one))
        assert sum(1 + len(line) // SCREEN[1] for line in lines) <= SCREEN[0], repr(one)


def test_a_shell_says_what_an_object_is(objects):
    said = {type(one).__name__: repr(one) for one in reversed(objects)}
    assert said["Network"] == "Network(n_bus=41, n_branch=40, is_radial=True, reference_bus=[0])"
    # in each of 24 books 41 buses sell 1 of their 2 kWh, to all 41
    assert said["Trades"] == "Trades(40,344 trades in 24 books, 984 kWh)"
    assert "kwh_per_unit" not in said["Profiles"]
    assert "n_steps=24, step_hours=1.0" in " ".join(said["Profiles"].split())
    assert "scenarios=9 rows of" in said["Results"]
    assert said["ScenariosPart"] == "ScenariosPart(count=3, shares=(0.1, 0.3, 0.5))"


def test_a_section_of_a_study_shows_what_differs_from_the_defaults():
    study = fastp2p.studies()["paper-44"]
    assert repr(study.with_(clearing=None).clearing) == "ClearingPart()"
    assert repr(study.with_(clearing=None).with_(clearing={"stress": 2}).clearing) == "ClearingPart(stress=2.0)"
