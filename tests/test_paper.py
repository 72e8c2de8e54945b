import csv
import itertools

import numpy as np
import pytest

import fastp2p

pytestmark = pytest.mark.small

PAPER_44 = {  # hour: load, P2P, slack in kWh, as published
    6: (12.898, 0.000, 12.898),
    7: (13.570, 0.126, 13.444),
    9: (14.157, 4.596, 9.561),
    11: (14.513, 7.290, 7.223),
    12: (14.221, 7.434, 6.787),
    14: (14.346, 5.448, 8.898),
    17: (18.807, 0.006, 18.801),
    19: (20.110, 0.000, 20.110),
}
SELLERS, BUYERS = (16, 18, 22, 36, 40, 42), (12, 17, 19, 35, 37, 41)
RESIDENTIAL_0 = [
    1.60629, 1.519643, 1.495895, 1.494952, 1.580592, 1.848416, 2.149726, 2.261614, 2.313014, 2.359527, 2.390278, 2.418785,
    2.370188, 2.321472, 2.391064, 2.584216, 2.88148, 3.134563, 3.298794, 3.351651, 3.235886, 2.745571, 2.133311, 1.787268,
]  # fmt: skip
SOLAR_0 = [
    0, 0, 0, 0, 0, 0.000085, 0.045701, 0.351316, 0.861732, 1.197263, 1.451478, 1.577546,
    1.581536, 1.487134, 1.27583, 1.007455, 0.650376, 0.257617, 0.02165, 0, 0, 0, 0, 0,
]  # fmt: skip


@pytest.mark.parametrize("hour", PAPER_44)
def test_paper_44_by_hour(paper_44, hour):
    book = paper_44.books.set_index("step").loc[hour]
    assert (book.load_kwh, book.executed_kwh, book.import_kwh) == pytest.approx(PAPER_44[hour], abs=1e-3)
    assert book.slack_kwh == pytest.approx(book.import_kwh, abs=1e-9)


def test_paper_44_day(paper_44):
    day = paper_44.scenarios.iloc[0]
    assert day.load_kwh == pytest.approx(334.05, abs=5e-3)
    assert day.executed_kwh == pytest.approx(44.57, abs=5e-3)
    assert day.import_kwh == pytest.approx(289.48, abs=5e-3)
    assert day.share == 0.5
    assert (paper_44.books.status == "free").all()


def test_paper_44_trades(paper_44):
    trades = paper_44.trades
    assert sorted(trades.step.unique()) == list(range(7, 18))
    for _, hour in trades.groupby("step"):  # one bid and one ask: everybody buys from everybody
        assert len(hour) == 36
        assert set(zip(hour.seller, hour.buyer, strict=True)) == set(itertools.product(SELLERS, BUYERS))
    assert np.array_equal(trades.executed_kwh, trades.matched_kwh)
    assert trades.executed_kwh[trades.step == 11].to_numpy() == pytest.approx(1.215 / 6, abs=1e-12)


def test_paper_44_benefits(paper_44):
    trades = paper_44.trades
    assert trades.buyer_benefit.to_numpy() == pytest.approx(0.15 * trades.executed_kwh.to_numpy(), rel=1e-12)
    assert trades.received.to_numpy() == pytest.approx(0.05 * trades.executed_kwh.to_numpy(), rel=1e-12)
    who = paper_44.participants
    assert who.saving[who.kwp == 0].sum() == pytest.approx(0.15 * 44.568, rel=1e-9)
    assert who.saving[who.kwp > 0].sum() == pytest.approx(0.05 * 44.568, rel=1e-9)


def test_paper_80_by_hour(paper_80):
    books = paper_80.books
    load, sun = 40 * np.array(RESIDENTIAL_0), 20 * np.array(SOLAR_0)
    assert books.load_kwh.to_numpy() == pytest.approx(load, rel=1e-12)
    assert books.executed_kwh.to_numpy() == pytest.approx(sun, rel=1e-12, abs=1e-12)
    assert books.import_kwh.to_numpy() == pytest.approx(load - sun, rel=1e-12)
    iron_kw = 0.8  # of the village's transformer; the paper's figures have no losses
    assert books.slack_kwh.to_numpy() == pytest.approx(load - sun + iron_kw, rel=1e-12)
    assert (books.status == "free").all()
    assert 0 in set(paper_80.participants.bus)


def test_the_shipped_day_is_the_published_one(reference):
    profiles = fastp2p.Profiles.load()
    with (reference / "typical_day.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name, kind, values in zip(profiles.names, profiles.kinds, profiles.kwh_per_unit, strict=True):
        per_home = values * (3.0 if kind == "pv" else 1.0)
        assert per_home == pytest.approx([float(row[name]) for row in rows], rel=1e-15, abs=0)


def test_two_runs_are_bitwise_equal(paper_44, paper_80):
    for results in (paper_44, paper_80):
        again = fastp2p.run(results.study)
        for name, table in results.tables().items():
            assert table.equals(again.tables()[name]), name
