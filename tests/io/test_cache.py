"""Networks and kernels are kept between runs; where they cannot be, that costs time and nothing else."""

import os
from pathlib import Path

import numpy as np
import pytest

import fastp2p.sweep.run
from fastp2p.cli import console
from fastp2p.grid.network import Network
from fastp2p.io import cache
from fastp2p.kernels import jit, on_compile
from tests.support.commands import call

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")


def test_networks_are_made_where_they_cannot_be_kept(monkeypatch, tmp_path):
    made = {"a": np.arange(3)}
    for name, place in (("FASTP2P_CACHE_DIR", ""), ("XDG_CACHE_HOME", "relative"), ("HOME", "/dev/null")):
        monkeypatch.setenv(name, place)
    assert cache._folder() == Path("/dev/null/.cache/fastp2p")
    assert cache.kept_arrays("x", {"a"}, lambda: made) == made
    monkeypatch.setattr(Path, "expanduser", lambda _: (_ for _ in ()).throw(RuntimeError("no home")))
    assert cache._folder() is None
    assert cache.kept_arrays("x", {"a"}, lambda: made) == made
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_under_the_cache_of_networks_leaves_nothing(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(np, "savez", lambda file, **_: file.write(b"some"))
    monkeypatch.setattr(Path, "replace", full)
    made = {"a": np.arange(3)}
    assert cache.kept_arrays("x", {"a"}, lambda: made) == made
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.fixture
def kernel_file(tmp_path, monkeypatch):
    """A module with a kernel, imported again by each call; its __pycache__ is where numba keeps machine code."""
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("nothing is compiled")
    monkeypatch.setattr(jit, "_faults", [])
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(jit.caching.config, "CACHE_DIR", "")
    path = tmp_path / "twice.py"
    path.write_text("def twice(x):\n    return 2.0 * x\n")

    def imported():
        names = {}
        exec(compile(path.read_text(), str(path), "exec"), names)
        return jit.kernel(names["twice"])

    return imported


def kept(tmp_path):
    return {path.suffix for path in (tmp_path / "__pycache__").iterdir()}


def test_kernels_are_kept(kernel_file, tmp_path):
    assert kernel_file()(1.5) == 3.0
    again = kernel_file()
    assert again(1.5) == 3.0
    assert sum(again.stats.cache_hits.values()) == 1
    assert kept(tmp_path) == {".nbi", ".nbc"}
    assert jit.cache_fault() == ""


def test_kernels_without_a_folder_to_keep_them_in(kernel_file, tmp_path):
    (tmp_path / "__pycache__").write_text("a file where the folder would be")
    kernel = kernel_file()
    assert jit.cache_fault() == ""  # nothing was compiled yet
    assert kernel(1.5) == 3.0
    assert jit.cache_fault() == "there is no folder that they could be kept in"


def test_kernels_in_a_folder_that_can_only_be_read(kernel_file, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    kernel_file()(1.5)
    monkeypatch.setattr(jit.caching._CacheLocator, "ensure_cache_path", refused)
    kernel = kernel_file()
    assert kernel(1.5) == 3.0
    assert sum(kernel.stats.cache_hits.values()) == 1
    assert jit.cache_fault() == ""


def test_a_full_disk_under_the_cache_of_kernels(kernel_file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jit.caching.IndexDataCacheFile, "save", full)
    assert kernel_file()(1.5) == 3.0
    assert jit.cache_fault().endswith("__pycache__ could not be written (No space left on device)")


@pytest.mark.parametrize("torn", [".nbi", ".nbc"])
@pytest.mark.parametrize("size", [0, 7])
def test_torn_files_of_kernels_are_made_anew(kernel_file, tmp_path, torn, size):
    kernel_file()(1.5)
    for path in (tmp_path / "__pycache__").iterdir():
        if path.suffix == torn:
            path.write_bytes(path.read_bytes()[:size])
    assert kernel_file()(1.5) == 3.0
    healed = kernel_file()
    assert healed(1.5) == 3.0
    assert sum(healed.stats.cache_hits.values()) == 1


def test_kernels_are_not_kept_in_a_folder_named_tilde(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with_home = [locator.__name__ for locator in jit._locators()]
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert sum("UserWide" in name for name in with_home) == 1
    assert not any("UserWide" in locator.__name__ for locator in jit._locators())


def test_the_command_says_once_that_kernels_were_not_kept(monkeypatch):
    monkeypatch.setattr(jit, "_faults", ["/x could not be written (No space left on device)", "and again"])
    message = call("studies").stderr
    assert message == (
        "note: kernels were compiled for this run alone: /x could not be written (No space left on device); "
        "set NUMBA_CACHE_DIR to a folder that you may write to, and the next run starts faster\n"
    )
    assert call("run", "paper-44", "--out", "x", "--quiet").stderr == ""


def test_a_torn_file_of_the_cache_of_networks_is_made_anew(monkeypatch):
    monkeypatch.setenv("FASTP2P_CACHE_DIR", "kept")
    whole = Network.load("cigre_lv")
    for entry in Path("kept").glob("*.npz"):  # of the network, and of its coordinates
        entry.write_bytes(entry.read_bytes()[:1000])
    assert np.array_equal(Network.load("cigre_lv").limit_kw, whole.limit_kw)


def test_who_asks_hears_of_every_kernel_that_is_compiled(kernel_file, tmp_path, monkeypatch):
    heard = []
    monkeypatch.setattr(jit, "on_compile", [lambda: heard.append("compiled")])
    kernel_file()(1.5)
    assert heard == ["compiled"]
    kernel_file()(1.5)
    assert heard == ["compiled"]  # it was kept
    for path in (tmp_path / "__pycache__").iterdir():
        path.unlink()
    (tmp_path / "__pycache__").rmdir()
    (tmp_path / "__pycache__").write_text("a file where the folder would be")
    kernel_file()(1.5)
    assert heard == ["compiled", "compiled"]


@pytest.mark.parametrize(("terminal", "quiet", "lines"), [(True, [], 1), (True, ["--quiet"], 0), (False, [], 0)])
def test_a_terminal_hears_once_that_kernels_are_compiled(monkeypatch, terminal, quiet, lines):
    def compiles(*_, **__):
        jit._missed()
        jit._missed()
        raise fastp2p.InputError("enough")

    monkeypatch.setattr(fastp2p.sweep.run, "run", compiles)
    monkeypatch.setattr(console.errors, "_force_terminal", terminal)
    stderr = call("run", "paper-44", "--out", "x", *quiet, code=2).stderr
    assert stderr.count("note: compiling") == lines
    assert on_compile == []
