"""Which reader a source has, and which options go with it."""

from inspect import Parameter, signature
from pathlib import Path

import numpy as np
import pytest
import typer

from fastp2p import InputError, Profiles
from fastp2p.cli.main import app
from fastp2p.profiles.sources import CALLED
from fastp2p.study.sections import SourcePart

DATA = Path(__file__).parents[2] / "data"
VALUES = {
    "unit": "kWh",
    "zone": "Etc/GMT+5",
    "period_ending": True,
    "cumulative": True,
    "floor_area_sqft": 5_000.0,
    "units_represented": 1.0,
    "net": True,
    "year": 2018,
}
APPLY = {
    "typical_day": set(),
    "meters.csv": {"unit", "zone", "period_ending", "cumulative"},
    "eulp/xx-single-family_detached.parquet": {"zone", "net", "floor_area_sqft", "units_represented"},
    "GSA_Report_Somewhere.xlsx": {"zone", "year"},
}
"""What docs/profiles.md says of each kind."""


def options(function):
    return {
        name: one for name, one in signature(function, eval_str=True).parameters.items() if one.kind is Parameter.KEYWORD_ONLY
    }


@pytest.mark.parametrize("option", VALUES)
@pytest.mark.parametrize("source", APPLY)
def test_an_option_goes_with_its_sources_only(source, option):
    """Where it goes, the file may still say something else: it counts the homes itself, or has no dates."""
    try:
        Profiles.load(source if source == "typical_day" else DATA / source, **{option: VALUES[option]})
        message = ""
    except InputError as error:
        message = str(error)
    assert (f"{option} does not apply to it" in message) == (option not in APPLY[source])


def test_all_that_do_not_go_are_told_at_once():
    with pytest.raises(InputError) as caught:
        Profiles.load("typical_day", **VALUES)
    assert list(caught.value.faults) == [f"typical_day is the typical day; {name} does not apply to it" for name in VALUES]


def test_load_has_the_options_of_the_readers():
    of_readers = [options(reader) for reader in CALLED]
    of_load = options(Profiles.load)
    assert {name for one in of_readers for name in one} - {"at_midnight"} == of_load.keys() == VALUES.keys()
    for one in of_readers:
        for name in one.keys() & of_load.keys():
            assert (one[name].annotation, one[name].default) == (of_load[name].annotation, of_load[name].default)


@pytest.mark.parametrize("command", ["show", "convert"])
def test_commands_have_the_options_of_load(command):
    found = typer.main.get_command(app).commands["profiles"].commands[command].params
    assert VALUES.keys() <= {one.name for one in found}
    assert {one.name: one.default for one in found if one.name in VALUES} == {
        name: one.default for name, one in options(Profiles.load).items()
    }


def test_a_study_has_options_of_load():
    assert SourcePart.model_fields.keys() - {"file"} <= VALUES.keys()


def test_dates_of_a_known_clock_are_brought_to_a_zone():
    path = DATA / "eulp" / "xx-single-family_detached.parquet"
    read = Profiles.load(path)
    with pytest.warns(UserWarning, match="the steps before midnight are left out"):
        moved = Profiles.load(path, zone="Europe/Berlin")
    assert moved.time[0].isoformat() == "2018-01-02T00:00:00+01:00"  # 18:00 in New York
    np.testing.assert_array_equal(moved.kwh_per_unit, read.kwh_per_unit[:, 72:])
