"""Books that the device lists, as the processors run them: those of whole batches, also in studies with devices."""

import numpy as np
import pytest

import fastp2p
from fastp2p.cuda import listed
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.reduce import book_columns
from fastp2p.sweep.prepare import prepare

DEVICES = {"ev": {"share": 0.5, "rule": "surplus"}, "battery": {"kwh": 6.0, "share": 0.7}}
STUDY = fastp2p.studies()["pv-sweep"].with_(network={"limit_factor": 0.4}, **DEVICES)


@pytest.mark.parametrize("devices", [True, False])
def test_listed_books_are_those_of_a_batch(devices, monkeypatch):
    """Of scenarios 2 to 8, two at a time are run with devices."""
    study = STUDY if devices else STUDY.with_(**dict.fromkeys(DEVICES))
    network, profiles = prepare(study)
    of, n_steps = (study, network, profiles, 0.6), profiles.n_steps
    monkeypatch.setattr(listed, "BOOKS_AT_A_TIME", 2 * n_steps)
    scenario, step = np.array([0, 0, 1, 3, 3, 3, 5]), np.array([3, 12, 12, 0, 11, 23, 13])
    pieces = list(listed.run_listed(*of, range(2, 9), scenario, step))
    for name, wanted in (("scenario", scenario), ("step", step)):
        assert np.array_equal(np.concatenate([getattr(piece, name) for piece in pieces]), wanted)
    assert len(pieces) == (2 if devices else 1)
    books = book_columns(run_batch(*of[:3], draw_scenarios(*of, range(2, 9)), range(n_steps)))
    assert books["is_cut"].any()
    for name in pieces[0].books:
        values = np.concatenate([piece.books[name] for piece in pieces])
        np.testing.assert_allclose(values, books[name][scenario * n_steps + step], 1e-12, 1e-12, err_msg=name)


def test_accounts_of_homes_are_those_of_a_stretch(monkeypatch):
    """However many books are listed, no more than a stretch of them is in memory."""
    network, profiles = prepare(STUDY)
    monkeypatch.setattr(listed, "BOOKS_AT_A_TIME", profiles.n_steps)
    scenario, step = np.repeat(np.arange(3), profiles.n_steps), np.tile(np.arange(profiles.n_steps), 3)
    pieces = listed.run_listed(STUDY, network, profiles, 0.6, range(3), scenario, step)
    assert [piece.homes.load_kwh.shape for piece in pieces] == [(profiles.n_steps, 13)] * 3


def test_stretches_hold_few_scenarios_and_books(monkeypatch):
    monkeypatch.setattr(listed, "BOOKS_AT_A_TIME", 3)
    scenario = np.array([0, 0, 3, 9, 9, 9, 9, 12])
    assert [scenario[some].tolist() for some in listed._stretches(scenario, 2)] == [[0, 0, 3], [9, 9, 9], [9, 12]]
