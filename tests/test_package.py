"""The package as a whole: what importing it costs, its names, what it ships, which way imports point."""

import ast
import pickle
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import fastp2p

ROOT = Path(__file__).parents[1]
HEAVY = ["pandapower", "matplotlib", "highspy", "pandas", "numba", "scipy", "pyarrow", "pydantic", "rich", "typer"]


def loaded(code, names):
    """Which of these modules a fresh interpreter has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sorted(set({names}) & set(sys.modules)))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import fastp2p", HEAVY) == []


def test_using_the_package_loads_neither_pandapower_nor_figures():
    assert loaded("from fastp2p import *", ["pandapower", "matplotlib", "fastp2p.figures.pages", "fastp2p.io.pandapower"]) == []


def test_errors_load_without_anything_else():
    assert loaded("from fastp2p import InputError", ["numpy", *HEAVY]) == []


@pytest.mark.parametrize(
    ("place", "name"),
    [(fastp2p, name) for name in fastp2p._HOME] + [(fastp2p.plot, name) for name in fastp2p.plot.__all__],
)
def test_every_public_name_is_there(place, name):
    found = getattr(place, name)
    assert found.__name__ == name
    assert found.__module__.startswith("fastp2p.")
    assert found.__doc__


def test_all_names_what_is_loaded_lazily():
    assert sorted([*fastp2p._HOME, "plot"]) == fastp2p.__all__
    assert sorted(fastp2p.plot._HOME) == fastp2p.plot.__all__
    scope = {}
    exec("from fastp2p import *", scope)
    assert set(fastp2p.__all__) <= set(scope)


@pytest.mark.parametrize("name", ["nope", "Run", "__wrapped__"])
def test_other_names_are_no_attributes(name):
    assert not hasattr(fastp2p, name)
    with pytest.raises(AttributeError, match=f"module 'fastp2p' has no attribute '{name}'"):
        getattr(fastp2p, name)


def test_unknown_names_cannot_be_imported():
    with pytest.raises(ImportError, match="cannot import name 'nope' from 'fastp2p'"):
        exec("from fastp2p import nope")


def test_errors_are_value_errors_that_travel():
    error = fastp2p.InputError(["first", "second"])
    assert isinstance(error, ValueError)
    assert isinstance(error, fastp2p.FastP2PError)
    assert str(error) == "first\nsecond"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.faults) == (fastp2p.InputError, ("first", "second"))
    assert fastp2p.InputError("alone").faults == ("alone",)


@pytest.mark.parametrize("path", ["py.typed", "data/typical_day.csv", "data/README.md", "data/studies/paper-44.toml"])
def test_data_is_found_through_the_package(path):
    assert files("fastp2p").joinpath(path).is_file()


def test_every_file_of_the_data_folder_is_described_or_a_study():
    names = {entry.name for entry in (files("fastp2p") / "data").iterdir()}
    readme = (files("fastp2p") / "data" / "README.md").read_text(encoding="utf-8")
    assert [name for name in names - {"README.md", "__pycache__"} if name not in readme] == []


def test_studies_are_the_shipped_files():
    folder = files("fastp2p") / "data" / "studies"
    assert set(fastp2p.studies()) == {entry.name.removesuffix(".toml") for entry in folder.iterdir()}
    assert {"paper-44", "paper-80"} <= set(fastp2p.studies())
    for name, study in fastp2p.studies().items():
        assert study.name == name
        assert study.description


def test_kernels_take_a_dozen_arguments_at_most():
    """But for those of the auction that are called for every book, where a tuple costs a tenth of the time."""
    per_book = {"_match_in_pools", "_match_by_price", "_walk"}
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "fastp2p" / "kernels").rglob("*.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    kernels = [one for one in functions if any(isinstance(by, ast.Name) and by.id == "kernel" for by in one.decorator_list)]
    assert len(kernels) > 50
    assert {one.name for one in kernels if len(one.args.args) > 12} == per_book
