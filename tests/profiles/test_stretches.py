"""Several stretches of days in one study: a winter and a summer week."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p import InputError, Profiles
from tests.support.profile_files import write

pytestmark = pytest.mark.usefixtures("elsewhere")
WINTER, SUMMER = date(2018, 1, 15), date(2018, 7, 16)


@pytest.fixture
def year():
    stamps = pd.date_range("2018-01-01", "2018-12-31 23:00", freq="h")
    write("homes.csv", stamps.strftime("%Y-%m-%dT%H:%M"), np.random.default_rng(1).random(len(stamps)), "home [kWh]")
    return Profiles.load("homes.csv")


def study(**profiles):
    paper = fastp2p.studies()["paper-44"].model_dump()
    paper["profiles"] = {"source": ["homes.csv", "typical_day"], **profiles}
    paper["load"]["profile"] = "home"
    return fastp2p.Study(**paper)


def test_days_from_each_first_day_one_stretch_after_the_other(year):
    both = Profiles.combined([year], first_day=[WINTER, SUMMER], days=7)
    weeks = [year.select(first_day=day, days=7) for day in (WINTER, SUMMER)]
    assert both.n_steps == 2 * 7 * 24
    assert both.time.equals(weeks[0].time.append(weeks[1].time))
    np.testing.assert_array_equal(both.kwh_per_unit, np.hstack([week.kwh_per_unit for week in weeks]))
    one = Profiles.combined([year], first_day=[SUMMER], days=7)
    np.testing.assert_array_equal(one.kwh_per_unit, weeks[1].kwh_per_unit)


def test_a_study_of_two_weeks_beside_a_typical_day(year, tmp_path):
    of_weeks = study(first_day=["2018-01-15", "2018-07-16"], days=7)
    assert fastp2p.Study.model_validate(of_weeks.model_dump()).profiles.first_day == (WINTER, SUMMER)
    (tmp_path / "again.toml").write_text(of_weeks.to_toml())
    assert fastp2p.Study.from_toml(tmp_path / "again.toml").profiles.first_day == (WINTER, SUMMER)
    ran = fastp2p.run(of_weeks, workers=1)
    assert len(ran.books) == 2 * 7 * 24
    assert [str(day) for day in ran.books["time"].dt.date.unique()][::7] == ["2018-01-15", "2018-07-16"]
    alone = fastp2p.run(study(first_day=SUMMER, days=7), workers=1).books
    later = ran.books.iloc[7 * 24 :].reset_index(drop=True)
    pd.testing.assert_frame_equal(later.drop(columns="step"), alone.drop(columns="step"), check_exact=True)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"first_day": [WINTER, SUMMER]}, "days must say how many days begin with each"),
        ({"first_day": [SUMMER, WINTER], "days": 7}, "must be ascending, and 7 days or more apart"),
        ({"first_day": [WINTER, WINTER], "days": 1}, "must be ascending, and 1 days or more apart"),
        ({"first_day": [date(2018, 1, 15), date(2018, 1, 20)], "days": 7}, "must be ascending, and 7 days or more apart"),
        ({"first_day": [WINTER, date(2018, 12, 28)], "days": 7}, "does not have so many days from every first_day"),
        ({"first_day": [WINTER, date(2019, 12, 28)], "days": 7}, "covers 2018-01-01 to 2018-12-31"),
        ({"first_day": [], "days": 7}, "first_day lists no day"),
    ],
)
def test_stretches_that_cannot_be(year, choice, told):
    with pytest.raises(InputError, match=told):
        Profiles.combined([year], **choice)


def test_a_wrong_day_of_a_list_is_told_by_its_key(year):
    with pytest.raises(InputError, match=r"profiles\.first_day\.1 = 'soon': must be a date such as 2024-06-21"):
        study(first_day=["2018-01-15", "soon"], days=7)
