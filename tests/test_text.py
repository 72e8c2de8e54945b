"""Text from files and arguments is shown with escapes for what steers a terminal or is not seen, wherever it is shown."""

import copy
import dataclasses
import io
import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import fastp2p
from fastp2p.clearing.highs import _silent_output, new_solver
from fastp2p.cli.console import cell, make_table
from fastp2p.figures.pages import house_style
from fastp2p.figures.profiles import legend_name
from fastp2p.profiles.typical_days import cluster_days
from fastp2p.sweep.day_pages import draw_day_pages, profiles_page
from fastp2p.sweep.drawing import replace_typical
from fastp2p.text import nearest, printable, shown_text
from tests.support.commands import call

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")

ODD = "a\nb\tc\x07d\x1b[2Je\x9bf\u202eg\u2066h\u200bi\ufeffj\u2028k\U000e0041l\u3164m"
ESCAPED = r"a\nb\tc\x07d\x1b[2Je\x9bf\u202eg\u2066h\u200bi\ufeffj\u2028k\U000e0041l\u3164m"
MARKUP = "[red]x[/] $\\frac$ _{ [/"
HIDDEN = set(ODD) - set("abcdefghijklm[2J\n")


PRINTED = """
import traceback
import fastp2p
for name in ("mine.csv", "mine.toml", "mine.json"):
    try:
        (fastp2p.Study.from_toml if name == "mine.toml" else fastp2p.Profiles.load)(name)
    except fastp2p.InputError:
        traceback.print_exc()
"""


def is_clean(text):
    return not HIDDEN & set(text)


@pytest.fixture(scope="module")
def odd_run():
    """A day whose study, profiles and currency are named as oddly as may be."""
    profiles = fastp2p.Profiles.load()
    names = tuple({"residential_0": f"_{ODD}", "solar_1": MARKUP}.get(name, name) for name in profiles.names)
    study = fastp2p.studies()["paper-44"].with_(
        name="$x_{$ [red]", description=ODD + MARKUP, currency=ODD + MARKUP, load={"profile": f"_{ODD}"}, pv={"profile": MARKUP}
    )
    return fastp2p.run(study, profiles=dataclasses.replace(profiles, names=names))


def test_escapes():
    assert printable(ODD) == ESCAPED
    assert printable(ESCAPED) == ESCAPED
    assert printable("größe ☀ 日本 e\u0301") == "größe ☀ 日本 e\u0301"
    assert printable("no text \udcff, none \ud800") == r"no text \xff, none \ud800"
    assert printable("e" + "\u0301" * 500).count(r"\u0301") == 496
    assert len(shown_text("x" * 5_000_000, 100)) == 100
    assert len(shown_text("\u202e" * 5_000_000, 100)) == 100


def test_names_that_are_compared_are_short():
    assert nearest("residental", ["commercial", "residential"]) == ["residential"]
    assert nearest("x" * 1_000_000, ["x" * 99]) == []


@pytest.mark.parametrize("kind", [fastp2p.InputError, fastp2p.FastP2PError, fastp2p.InputWarning])
def test_errors_and_warnings_are_clean_once(kind):
    for error in (kind(ODD), pickle.loads(pickle.dumps(kind(ODD))), copy.copy(kind(ODD))):
        assert is_clean(str(error))
        assert "\\\\" not in str(error)


def test_a_warning_of_an_odd_name_is_clean():
    table = pd.DataFrame({"hour": range(48), ODD.replace("\n", " ") + " [kWh]": range(48)})
    table.to_csv("mine.csv", index=False)
    with pytest.warns(fastp2p.InputWarning) as told:
        fastp2p.Profiles.load("mine.csv")
    assert is_clean(str(told[0].message))
    assert r"\x1b[2J" in str(told[0].message)


def test_errors_that_python_prints_are_clean():
    Path("mine.csv").write_text("hour,a [kWh]\n0,\x1b[2J\u202e\n", encoding="utf-8")
    Path("mine.toml").write_text('"\x1b[2J" = 1', encoding="utf-8")
    Path("mine.json").write_text('{"\\u001b[2J": 1}', encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", PRINTED], capture_output=True, text=True, check=False)
    assert done.stderr.count("fastp2p.errors.InputError: ") == 3
    assert is_clean(done.stderr), done.stderr


def test_tables_on_the_terminal():
    table = make_table("profile", caption=MARKUP)
    table.add_row(cell(ODD))
    table.add_row(cell(MARKUP))
    table.add_row(cell("x" * 100_000))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    printed = console.export_text()
    assert is_clean(printed)
    assert "[red]x[/] $\\frac$" in printed
    assert len(printed) < 2_000


def test_commands_print_clean_text():
    header = "hour," + ",".join(f"{name} [{unit}]" for name, unit in ((ODD.replace("\n", " "), "kWh"), (MARKUP, "kWh/kWp")))
    rows = [f"{h},{1 + h % 3},{h % 5 if 6 < h < 20 else 0}" for h in range(24)]
    Path("mine.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    study = fastp2p.studies()["paper-44"].with_(
        description=ODD + MARKUP,
        currency=ODD,
        profiles={"source": "mine.csv"},
        load={"profile": ODD.replace("\n", " ")},
        pv={"profile": MARKUP},
    )
    Path("mine.toml").write_text(study.to_toml(), encoding="utf-8")
    for command in (["check", "mine.toml"], ["profiles", "show", "mine.csv"], ["run", "mine.toml", "--out", "out"]):
        done = call(*command)
        assert is_clean(done.stdout + done.stderr)
        assert "x1b[2J" in done.stdout
    told = call("check", "mine.toml", "--json").stdout
    assert told.isascii()
    assert json.loads(told)["facts"]["study"] == f"paper-44: {ODD}{MARKUP}"


def test_the_written_study_holds_escapes_and_is_the_same():
    study = fastp2p.studies()["paper-44"].with_(description=ODD + MARKUP + "größe ☀", currency=ODD)
    assert is_clean(study.to_toml())
    Path("mine.toml").write_text(study.to_toml(), encoding="utf-8")
    assert (fastp2p.Study.from_toml("mine.toml").description, "größe ☀" in study.to_toml()) == (study.description, True)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/b",
        "a\\b",
        ".",
        "..",
        ".x",
        "",
        " ",
        " x",
        "x ",
        "a\0",
        "a\u202eb",
        "a\x9b",
        "CON",
        "nul.txt",
        "x" * 101,
        "日" * 90,
    ],
)
def test_names_that_are_no_folders(name):
    with pytest.raises(fastp2p.InputError, match="must be usable as a folder name"):
        fastp2p.studies()["paper-44"].with_(name=name)


@pytest.mark.parametrize("name", ["größe ☀", "a.b", "$x [red]", "it's", "console", "日本", "-x", "~x"])
def test_names_that_are_folders(name):
    assert fastp2p.studies()["paper-44"].with_(name=name).name == name


def test_figures(odd_run):
    with warnings.catch_warnings(), matplotlib.rc_context(house_style()):
        warnings.simplefilter("error")
        figures = draw_day_pages(odd_run)
        for figure in figures.values():
            figure.savefig("x.png")
            texts = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
            assert all(map(is_clean, texts))
            assert all(len(text) < 200 for text in texts)
        labels = [text.get_text() for text in figures["profiles"].axes[0].get_legend().get_texts()]
    assert labels[0].endswith("(this study)")
    assert legend_name("_x") == " _x"


def test_figures_of_many_profiles(odd_run):
    n = 1_200
    profiles = fastp2p.Profiles(tuple(f"p{i}" for i in range(n)), ("load", "pv") * (n // 2), np.ones((n, 24)))
    study = odd_run.study.with_(load={"profile": tuple(f"p{i}" for i in range(0, n, 2))}, pv={"profile": "p1"})
    figure = profiles_page(dataclasses.replace(odd_run, profiles=profiles, study=study))
    assert all(len(axes.lines) <= 510 and len(axes.get_legend().get_texts()) <= 10 for axes in figure.axes)


def test_a_figure_of_clusters():
    kwh = np.abs(np.sin(np.arange(480.0))).reshape(1, -1)
    found = cluster_days(fastp2p.Profiles((ODD,), ("load",), kwh), 2)
    renamed = dataclasses.replace(found, profiles=dataclasses.replace(found.profiles, names=(ODD, MARKUP)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replace_typical(renamed, Path("x"))


def test_what_the_solver_prints_goes_nowhere(capfd):
    """HiGHS 1.16 greets when it is made; ours is the only word on standard output."""
    new_solver()
    with _silent_output():
        os.write(1, b"Running HiGHS")
    os.write(1, b"ours")
    assert capfd.readouterr() == ("ours", "")
