"""Statistics of many feeders at once: of each feeder what its own table gives, to the bit."""

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.results.columns import INDICATORS
from fastp2p.results.cube import cube_of
from fastp2p.results.statistics import compare_shares, find_audit_rates, find_probabilities, summarise

COUNTS = ("n_cut", "n_ac_broken", "n_base_overload", "n_audit_broken", "n_audit_collapse", "n_needless_cut")


def scenarios(feeders={"b": 9, "a": 17, "c": 1}):  # noqa: B006
    """Three feeders with unlike numbers of scenarios at three shares of PV and two of batteries."""
    rng = np.random.default_rng(5)
    keys = [
        (feeder, share, battery, s)
        for feeder, n in feeders.items()
        for share in (0.1, 0.5, 0.9)
        for battery in (0.0, 0.3)
        for s in range(n)
    ]
    table = pd.DataFrame(keys, columns=["feeder", "share", "battery_share", "scenario"])
    table = table.assign(**{name: rng.normal(size=len(table)) for name in INDICATORS})
    table = table.assign(**{name: rng.integers(0, 2, len(table)) for name in COUNTS}, n_audited=rng.integers(0, 4, len(table)))
    table["n_books"] = 24
    table["self_consumption"] = table["self_consumption"].where(rng.random(len(table)) < 0.8)
    return table


@pytest.mark.parametrize("find", [summarise, compare_shares, find_probabilities, find_audit_rates])
def test_each_feeder_has_the_rows_of_its_own_table(find):
    table = scenarios()
    found = find(table.sample(frac=1.0, random_state=1))
    assert found.columns[0] == "feeder"
    assert found["feeder"].is_monotonic_increasing
    for name, rows in table.groupby("feeder"):
        alone = find(rows.drop(columns="feeder"))
        pd.testing.assert_frame_equal(
            found[found["feeder"] == name].drop(columns="feeder").reset_index(drop=True), alone, check_exact=True
        )


def test_a_cube_has_every_row_at_its_place():
    table = scenarios().sample(frac=1.0, random_state=2).reset_index(drop=True)
    cube = cube_of(table)
    assert cube.feeder == ["a", "b", "c"]
    assert cube.row.shape == (3, 6, 17)
    assert cube.n_scenarios.tolist() == [[17] * 6, [9] * 6, [1] * 6]
    values = cube.values("executed_kwh")
    for row in table.itertuples():
        at = cube.feeder.index(row.feeder), cube.points.index((row.share, row.battery_share)), row.scenario
        assert values[at] == row.executed_kwh
    assert np.isnan(values).sum() == values.size - len(table)


def test_a_feeder_with_the_same_scenario_twice_is_refused():
    table = scenarios()
    with pytest.raises(fastp2p.InputError, match="several rows of the same feeder and share and battery_share and scenario"):
        summarise(pd.concat([table, table[:1]]))
