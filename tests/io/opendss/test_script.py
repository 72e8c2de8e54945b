"""What of OpenDSS files the engine sees, and what is refused before it does."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastp2p import InputError, Network
from fastp2p.io.opendss.allowed import COMMANDS, OPTIONS, PROPERTIES, full_name
from fastp2p.io.opendss.engine import read_compiled
from fastp2p.io.opendss.script import Statement, read_script
from fastp2p.io.opendss.shapes import read_opendss
from fastp2p.io.opendss.words import words_of
from tests.support.opendss_circuits import BASES, LOADS, SOURCE, STREET, needs_engine, write


def test_words_are_those_of_the_engine():
    words = words_of("~ kvs=[10 0.4], Buses = (a.1 b.1)\t'x y' %r=(.5 1000 /) ! a comment (with [quotes")
    assert [(word.name, word.value, word.quote) for word in words] == [
        ("", "~", ""), ("kvs", "10 0.4", "["), ("Buses", "a.1 b.1", "("), ("", "x y", "'"), ("%r", ".5 1000 /", "("),
    ]  # fmt: skip
    assert words_of("new line.a//comment") == [("", "new", ""), ("", "line.a", "")]
    assert words_of("  // all of it") == []
    for wrong in ("kvs=[10 0.4", "=3", "a= =3", "a=", "a=[1 @b]", "a @b"):
        with pytest.raises(ValueError, match=r"closed|name|value|variable"):
            words_of(wrong)


@needs_engine
@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*"()[]{}\"'!,=@~|/\\ \t", "kv", "a", "1", ".5", "b.1.2", "//"]), max_size=14).map("".join))
def test_the_engine_reads_the_words_that_we_have_read(line: str):
    from dss import DSS

    try:
        words = words_of(line)
    except ValueError:
        return
    parser = DSS.Parser
    parser.CmdString = " ".join(word.text for word in words)
    assert [(parser.NextParam, parser.StrValue) for _ in words] == [(word.name, word.value) for word in words]
    assert (parser.NextParam, parser.StrValue) == ("", "")


def test_abbreviations_are_the_first_that_begin_so():
    assert full_name("so", COMMANDS) == "solve"
    assert full_name("SH", COMMANDS) == "show"
    assert full_name("s", COMMANDS) == "select"
    assert full_name("calcv", COMMANDS) == "calcvoltagebases"
    assert full_name("nonsense", COMMANDS) is None
    assert full_name("", COMMANDS) is None


@needs_engine
def test_lists_are_the_engine_s():
    def look(context):
        executive = context.Executive
        assert tuple(executive.Command(i).lower() for i in range(1, executive.NumCommands + 1)) == COMMANDS
        assert tuple(executive.Option(i).lower() for i in range(1, executive.NumOptions + 1)) == OPTIONS
        for command in ("new line.l", "new transformer.t", "new capacitor.c bus1=sourcebus"):
            context.Text.Command = command
        needs = {
            "regcontrol": "transformer=t winding=1", "capcontrol": "element=line.l capacitor=c", "fuse": "monitoredobj=line.l",
            "swtcontrol": "switchedobj=line.l", "recloser": "monitoredobj=line.l", "relay": "monitoredobj=line.l",
        }  # fmt: skip
        for name, properties in PROPERTIES.items():
            if name == "vsource":
                context.ActiveCircuit.SetActiveElement("vsource.source")
            else:
                context.Text.Command = f"new {name}.probe {needs.get(name, '')}"
            context.SetActiveClass(name)
            found = context.ActiveCircuit.ActiveDSSElement.AllPropertyNames
            assert tuple(one.lower() for one in found) == properties, name

    read_compiled([Statement("new circuit.x", "x.dss", 1, "new circuit.x")], look)


REFUSED = [
    ("Shell touch {marker}", "Shell: runs a program"),
    ("DOScmd touch {marker}", "DOScmd: runs a program"),
    ("Fileedit {marker}", "Fileedit: runs a program"),
    ("Export Voltages {marker}", "Export: writes or draws"),
    ("Exp Voltages {marker}", "Exp (export): writes or draws"),
    ("Save Circuit dir={marker}", "Save: writes"),
    ("Show Voltages", "Show: writes"),
    ("Dump", "Dump: writes"),
    ("Plot Profile", "Plot: writes"),
    ("Visualize what=voltages element=Line.one", "Visualize: writes"),
    ("Set Datapath={folder}", "set Datapath: builds no circuit"),
    ("Set dat={folder}", "set dat (datapath): builds no circuit"),
    ("Set Editor=/bin/true", "set Editor"),
    ("Set DemandInterval=yes", "set DemandInterval"),
    ("CD {folder}", "CD: changes where files"),
    ("Redirect {outside}", "lies elsewhere"),
    ("Compile ../../../../../../../../etc/hostname", "elsewhere"),
    ("Redirect missing.dss", "there is no file missing.dss"),
    ("Redirect street.dss", "read from within itself"),
    ("Reduce Default", "Reduce: changes a circuit"),
    ("Var @x=shell", "@x is a variable"),
    ("New LineGeometry.g nconds=3 cond=4", "linegeometry.cond = 4: there are 3"),
    ("New Load.x phases=99999999", "load.phases = 99999999: must be a number of 1…100"),
    ("@x touch {marker}", "@x is a variable"),
    ("frobnicate", "frobnicate is no command"),
    ("New Generator.g bus1=first kw=1 UserModel={marker}", "generator.usermodel: runs a program"),
    ("New Generator.g bus1=first kw=1 userm={marker}", "generator.usermodel: runs a program"),
    ("New Storage.s bus1=first kwrated=1 DynaDLL={marker}", "storage.dynadll: runs a program"),
    ("New Generator.g bus1=first kw=1 DebugTrace=yes", "generator.debugtrace: runs a program or writes"),
    ("New LoadShape.s npts=2 interval=1 mult=[1 2] action=dblsave", "loadshape.action=dblsave: writes"),
    ("New LoadShape.s npts=2 interval=1 csvfile={outside}", "lies elsewhere"),
    ("New LoadShape.s npts=2 interval=1 mult=(file={outside})", "lies elsewhere"),
    ("New LoadShape.s npts=2 interval=1 mult=@x", "is a variable"),
    ("New UPFC.u bus1=first", "elements of class upfc are not read"),
    ("New VCCS.u bus1=first.1", "elements of class vccs are not read"),
    ("New LoadShape.s npts=2 interval=1 csvfile=.", ". is no file"),
    ("Buscoords pipe", "pipe is no file"),
    ("New LineCode.x nphases=3 seasons=999999999", "linecode.seasons = 999999999: must be a number of 0…100"),
    ("Set DefaultBaseFrequency=0", "set defaultbasefrequency: 0 must be a number of 1…10,000"),
    ("Line.two.BaseFreq=0", "line.basefreq = 0: must be a number of 1…10,000"),
    ("New Transformer.x windings=1", "transformer.windings = 1: must be a number of 2…100"),
    ("New Load.x bus1=" + "b" * 300, "load.bus1: a name of more than 200"),
    ("Set VoltageBases=[file={outside}]", "has an equals sign, which no value has"),
    ("SetkVBase bus=(file={outside}) kvll=1", "has an equals sign, which no value has"),
    ("BatchEdit Line..* length=1", None),
    ("~ length=2", "~: goes on with an element, but a pattern precedes it"),
    ("New Line", "must be Class.Name"),
    ("New Line.x colour=red", "line has no property colour"),
    ("New Line.x kvs=[1", "is not closed"),
    ("New Circuit.another", "a second circuit"),
    ("Taps=[1 1]", "is neither a command nor Class.Name.Property"),
]  # fmt: skip


def test_all_that_is_refused_is_named_at_once_and_nothing_of_it_happens(tmp_path: Path, monkeypatch):
    folder = tmp_path / "study" / "circuit"
    folder.mkdir(parents=True)
    marker, outside = tmp_path / "marker", write(tmp_path, "New Line.z\n", "outside.dss")
    os.mkfifo(folder / "pipe")
    lines = [line.format(marker=marker, folder=tmp_path, outside=outside) for line, _ in REFUSED]
    path = write(folder, STREET + "\n".join(lines) + "\n")
    began = STREET.count("\n")

    def no_process(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    monkeypatch.setattr("fastp2p.io.opendss.engine.read_compiled", no_process)  # the engine is not even asked
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as error:
        Network.load(path, phases=3)
    expected = [(number, told) for number, (_, told) in enumerate(REFUSED, start=began + 1) if told]
    for (number, told), fault in zip(expected, error.value.faults, strict=True):
        assert f"street.dss line {number}: " in fault
        assert told.lower() in fault.lower()
    assert sorted(tmp_path.rglob("*")) == before


def test_files_are_followed_and_comments_left_out(tmp_path: Path):
    folder, deeper = tmp_path / "a", tmp_path / "a" / "deeper"
    deeper.mkdir(parents=True)
    write(deeper, LOADS + "Redirect ../bases.DSS ! up again\n", "Loads.dss")
    write(folder, BASES, "bases.dss")
    master = write(
        folder,
        "/* New Nothing.here\nShell rm\n*/ Shell rm\n! Shell\n// Shell\n"
        + SOURCE
        + "New Monitor.m element=line.one\n~ mode=1\nSolve mode=daily\nSet Mode=snap maxcontroliter=50\n"
        + "REDIRECT Deeper\\loads.DSS\n"
        + "so\nLine.two.length=0.25 r1=0.3\nTransformer.main.Taps=[1 1.05]\n",
        "Master.dss",
    )
    script = read_script(master)
    assert not script.faults
    assert script.passed == {"monitor": 1, "solve": 2, "set mode": 1, "set maxcontroliter": 1}
    assert [path.name for path in script.contents] == ["Master.dss", "Loads.dss", "bases.dss"]
    only = read_script(master, only_files=True)
    assert (list(only.contents), list(only.coordinates)) == (list(script.contents), list(script.coordinates))
    texts = [one.text for one in script.statements]
    assert texts[-1] == "edit transformer.main taps=[1 1.05]"
    assert texts[-2] == "edit line.two length=0.25 r1=0.3"
    assert not any("mode" in text or "Shell" in text or "monitor" in text.lower() for text in texts)
    loads = next(one for one in script.statements if "Load.a" in one.text)
    assert (loads.file, loads.line) == ("deeper/Loads.dss", 1)


@needs_engine
def test_what_would_end_the_process_does_not(tmp_path: Path):
    (tmp_path / "short.csv").write_text("1\n2\n")
    curves = (
        "New LoadShape.s npts=100000 interval=1 memorymapping=yes dblfile=short.csv\nNew XYcurve.x npts=5 points=[1 2 3]\n"
        "New LoadShape.t npts=2 interval=1 memorymapping=yes mult=(file=short.csv)\n"
        "Edit SwtControl.none delay=1\n~ action=dblsave\n"  # to the engine the shape would be the active element
    )
    read_opendss(write(tmp_path, STREET + curves))
    wrong = {
        "New WireData.w rac=1 gmrac=1 radius=1\nNew LineGeometry.g nconds=3 nphases=3 wires=[w w w]\n"
        "New Line.q bus1=second bus2=q geometry=g": "height must be",
        "New Transformer.t buses=[second q] kvs=[.4 .4] kvas=[0 0]": "Transformer.t: kV, kVA and tap of its windings must",
        "Transformer.main.kvs=[0 .4]": "Transformer.main: kV, kVA and tap of its windings must",
        "Load.a.kw=(0 0 /)": "Load.a: the engine makes no finite admittance",
    }
    for line, told in wrong.items():
        with pytest.raises(InputError) as error:
            Network.load(write(tmp_path, STREET + line + "\n"), phases=3)
        assert any(told in fault for fault in error.value.faults), error.value.faults
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.csv", "street.dss"]


@needs_engine
def test_what_the_engine_refuses_has_file_and_line(tmp_path: Path):
    path = write(tmp_path, STREET + "New Line.three bus1=second bus2=third linecode=nocode\nNew Load.x kw=abc\n")
    with pytest.raises(InputError) as error:
        Network.load(path)
    at = STREET.count("\n")
    assert [f"line {at + n}" in fault for n, fault in enumerate(error.value.faults, start=1)] == [True, True]
    assert "nocode" in error.value.faults[0]


def test_a_missing_engine_is_one_error(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("fastp2p.io.opendss.engine.find_spec", lambda name: None)
    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(InputError, match=r"pip install 'fastp2p\[opendss\]'") as error:
        Network.load(write(tmp_path, STREET))
    assert len(error.value.faults) == 1
