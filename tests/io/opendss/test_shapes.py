"""Load shapes of OpenDSS files as profiles; what check says of the files, and the study that new begins with them."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from fastp2p import InputError, Profiles, Study, run
from fastp2p.cli.check import check_network, check_study
from fastp2p.io.opendss.engine import read_compiled
from fastp2p.io.opendss.script import read_script
from fastp2p.sweep.begin import begin_study
from tests.support.opendss_circuits import BASES, LOADS, SOURCE, needs_engine, write

pytestmark = needs_engine

SHAPES = """\
New LoadShape.evening npts=4 interval=6 mult=[0.2 0.4 0.6 1.0]
New LoadShape.hourly npts=24 interval=1 mult=(file=hourly.txt)
New LoadShape.sun npts=24 interval=1 csvfile=sun.csv
New LoadShape.metered npts=24 interval=1 useactual=yes mult=(file=hourly.txt)
"""
FOLLOWED = """\
Load.a.daily=evening
Load.b.daily=evening yearly=hourly
New PVSystem.roof bus1=first.1 phases=1 kv=0.23 pmpp=5 kva=5 daily=sun
New PVSystem.large bus1=second phases=3 kv=0.4 pmpp=12 kva=12 daily=sun
New Storage.box bus1=second phases=3 kv=0.4 kwrated=4 kwhrated=8
New Generator.chp bus1=second phases=3 kv=0.4 kw=6
"""
HOURLY = np.linspace(0.1, 1.0, 24)
SUN = np.maximum(0.0, np.sin((np.arange(24) - 6) / 12 * np.pi)).round(4)


def street(folder: Path, more: str = "") -> Path:
    write(folder, "\n".join(f"{one:.17g}" for one in HOURLY) + "\n", "hourly.txt")
    write(folder, "\n".join(f"{one:.17g}" for one in SUN) + "\n", "sun.csv")
    return write(folder, SOURCE + SHAPES + LOADS + FOLLOWED + more + BASES + "Solve\n")


def test_shapes_are_profiles(tmp_path: Path):
    profiles = Profiles.load(street(tmp_path))
    of = dict(zip(zip(profiles.names, profiles.kinds, strict=True), profiles.kwh_per_unit, strict=True))
    assert list(of) == [
        ("bus_2", "load"), ("bus_3", "load"), ("evening", "load"), ("hourly", "load"),
        ("bus_2", "pv"), ("bus_3", "pv"), ("sun", "pv"),
    ]  # fmt: skip
    evening = np.repeat([0.2, 0.4, 0.6, 1.0], 6)
    assert profiles.step_hours == 1.0
    assert of["evening", "load"] == pytest.approx(evening)
    assert of["hourly", "load"] == pytest.approx(HOURLY)
    assert of["bus_2", "load"] == pytest.approx(4.0 * evening)
    assert of["bus_3", "load"] == pytest.approx(3.0 * HOURLY + 9.0)  # Load.c follows none
    assert of["bus_3", "pv"] == pytest.approx(SUN)


def test_shapes_are_brought_to_common_steps_or_refused(tmp_path: Path):
    path = street(tmp_path, "New LoadShape.odd npts=7 interval=1 mult=[1 1 1 1 1 1 1]\nLoad.c.daily=odd\n")
    with pytest.raises(InputError, match=r"Loadshape\.odd: 7 steps of 1 h have no whole number"):
        Profiles.load(path)
    path = street(tmp_path, "New LoadShape.irregular npts=2 interval=0 hour=[0 5] mult=[1 2]\nLoad.c.daily=irregular\n")
    with pytest.raises(InputError, match=r"Loadshape\.irregular: its steps differ"):
        Profiles.load(path)
    profiles = Profiles.load(street(tmp_path, "Load.c.daily=metered\n"))
    assert profiles.kwh_per_unit[profiles.names.index("metered")].max() == 1.0
    write(tmp_path, "0.5\n0", "hourly.txt")
    with pytest.raises(InputError, match=r"loadshape\.mult: hourly\.txt: the engine leaves out its last number"):
        Profiles.load(write(tmp_path, SOURCE + SHAPES + LOADS))
    (tmp_path / "hourly.txt").unlink()
    with pytest.raises(InputError, match=r"line 12: loadshape\.mult: there is no file hourly\.txt"):
        Profiles.load(write(tmp_path, SOURCE + LOADS + SHAPES))


def test_fixed_loads_and_actual_kw_are_the_engine_s(tmp_path: Path):
    more = "Load.a.status=fixed\nLoad.b.daily=metered yearly=metered\nLoad.b.kw=7\nSet LoadMult=0.5\n"
    path = street(tmp_path, more + "Disable Load.c\nDisable PVSystem.roof\nDisable PVSystem.large\n")
    profiles = Profiles.load(path)
    of = dict(zip(profiles.names, profiles.kwh_per_unit, strict=True))

    def solve(context):
        for command in (
            "batchedit load..* vminpu=0 vmaxpu=3",
            "set controlmode=off tolerance=1e-9 mode=yearly stepsize=1h number=1",
        ):
            context.Text.Command = command
        kw = np.zeros((2, 24))
        for hour in range(24):
            context.ActiveCircuit.Solution.Solve()
            for at, name in enumerate(("load.a", "load.b")):
                context.ActiveCircuit.SetActiveElement(name)
                kw[at, hour] = np.ravel(context.ActiveCircuit.ActiveCktElement.TotalPowers)[0].real
        return kw

    kw = read_compiled(read_script(path).statements, solve, shapes=True)
    assert of["bus_2"] == pytest.approx(kw[0], rel=1e-6)
    assert of["bus_2"] == pytest.approx(4.0)
    assert of["bus_3"] == pytest.approx(kw[1], rel=1e-6)
    assert of["bus_3"] == pytest.approx(HOURLY)


def test_check_says_what_was_read(tmp_path: Path):
    more = "New Line.tap phases=1 bus1=second.3 bus2=shed.3 r1=.3 x1=.1\nNew Line.off bus1=second bus2=apart\nOpen Line.off 1\n"
    facts, warnings = check_network(str(street(tmp_path, more)))
    told = {
        "buses": "5 of 6 have a path to the source",
        "circuit": "street, 24 commands in 1 file",
        "passed over": "solve (1): they build nothing",
        "bus numbers": "0 grid, 1 board, 2 first, 3 second, 4 shed, 5 apart; 6 is the ideal source",
        "phases": "4 buses have three, 1 have one; 1 branches are given by matrices",
        "source": "1.02 x 10 kV at 0 degrees, behind Z1 = 0.1+0.4j and Z0 = 0.2+0.9j ohm",
        "lines": "3: 2 of 3 phases, 1 of 1 phase",
        "transformers": "1",
        "loads in the file": "3 of 16 kW in all; on phases a, b, c 7, 6, 3 kW",
        "load shapes": "2: evening, hourly; profiles.source takes the file",
        "PV in the file": "2 of 17 kW",
        "generators in the file": "1 of 6 kW",
        "batteries in the file": "1 of 4 kW and 8 kWh",
        "open lines": "Line.off: left out",
        "buses without supply": "apart: left out",
    }
    for key, text in told.items():
        assert text in facts[key], (key, facts[key])
    assert not [one for one in warnings if "ampacity" in one]


def test_check_says_what_reduction_leaves_out(tmp_path: Path):
    more = (
        "New Line.four phases=4 bus1=second.1.2.3.4 bus2=far.1.2.3.4 rmatrix=[.4|.1 .4|.1 .1 .4|.1 .1 .1 .5] "
        "xmatrix=[.3|.1 .3|.1 .1 .3|.1 .1 .1 .3] cmatrix=[0|0 0|0 0 0|0 0 0 0]\n"
        "New Reactor.rod phases=1 bus1=second.4 r=5 x=0\n"
    )
    facts, _ = check_network(str(street(tmp_path, more)))
    assert facts["reduction"].startswith("1 lines have a neutral of their own (Line.four); it is taken as earthed at both ends")
    assert facts["earthing"] == "Reactor.rod: between a neutral and earth, left out"


def test_new_begins_a_study_that_runs(tmp_path: Path):
    path = street(tmp_path)
    text = begin_study(tmp_path / "street.toml", str(path), [])
    tables = tomllib.loads(text)
    assert tables["network"] == {"source": "street.dss", "phases": 3}
    assert tables["profiles"]["source"] == "street.dss"
    assert tables["participants"] == {"buses": "loads"}
    assert tables["load"] == {"profile": "by_bus", "homes": 1.0}
    assert tables["pv"] == {"profile": "by_bus", "buses": [2, 3], "kwp": [5.0, 12.0]}
    assert tables["connection"] == {"phases": ["a", "balanced"]}
    write(tmp_path, text, "street.toml")
    study = Study.from_toml(tmp_path / "street.toml")
    facts, _ = check_study(study)
    assert facts["circuit"].startswith("street, ")
    results = run(study)
    load = 4.0 * np.repeat([0.2, 0.4, 0.6, 1.0], 6).sum() + (3.0 * HOURLY + 9.0).sum()
    assert results.scenarios["load_kwh"].iloc[0] == pytest.approx(load)
    assert results.scenarios["pv_kwh"].iloc[0] == pytest.approx(17.0 * SUN.sum())
