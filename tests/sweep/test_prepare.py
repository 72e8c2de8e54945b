"""Looking at the draws of a study."""

import numpy as np
import pytest

import fastp2p
from tests.support.sweeps import SWEEP


def test_the_same_draws_as_a_run():
    drawn = fastp2p.scenarios(SWEEP, range(3, 9), share=0.6)
    table = fastp2p.run(SWEEP).scenarios.query("share == 0.6 and 3 <= scenario < 9")
    assert drawn.number.tolist() == list(range(3, 9))
    assert (drawn.pv_profile >= 0).sum(axis=1).tolist() == table.n_pv.tolist()
    assert np.array_equal(drawn.kwp.sum(axis=1), table.kwp.to_numpy())
    assert drawn.retail_per_kwh.shape == (24,)


def test_without_a_share_everyone_who_may_have_pv_has_it():
    drawn = fastp2p.scenarios(SWEEP, range(2))
    assert ((drawn.pv_profile >= 0).sum(axis=1) == len(drawn.participant)).all()


@pytest.mark.parametrize("numbers", [range(0), range(5, 41), range(-1, 3), range(0, 8, 2), 5, [1, 2], None])
def test_numbers_that_the_study_does_not_have(numbers):
    with pytest.raises(fastp2p.InputError, match=r"must be a range within the study's scenarios, range\(40\)"):
        fastp2p.scenarios(SWEEP, numbers)


@pytest.mark.parametrize("share", [-0.1, 1.1, "half", float("nan")])
def test_shares_that_are_none(share):
    with pytest.raises(fastp2p.InputError, match="must lie in 0…1"):
        fastp2p.scenarios(SWEEP, range(1), share=share)


def test_no_study():
    with pytest.raises(fastp2p.InputError, match="study must be a Study"):
        fastp2p.scenarios("pv-sweep", range(1))
