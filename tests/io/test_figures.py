"""Figures in files: both formats, the same bytes again, known as ours, and never half of one."""

import pytest
from matplotlib.figure import Figure

import fastp2p
from fastp2p.io.figures import replace_figure, write_figures
from fastp2p.io.ours import is_ours


@pytest.fixture
def figure():
    figure = Figure(figsize=(2.0, 1.0))
    figure.add_axes((0.2, 0.2, 0.7, 0.7)).plot([0.0, 1.0], [1.0, 0.0])
    return figure


def test_files_of_figures(figure, tmp_path):
    write_figures({"one": figure, "other": figure}, tmp_path)
    replace_figure(figure, tmp_path / "v1.2")
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(files) == {f"{name}.{ending}" for name in ("one", "other", "v1.2") for ending in ("png", "pdf")}
    for ending, first in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        assert files[f"one.{ending}"].startswith(first)
        assert files[f"one.{ending}"] == files[f"other.{ending}"] == files[f"v1.2.{ending}"]
    assert all(map(is_ours, tmp_path.iterdir()))


def test_a_disk_that_refuses_leaves_the_figure_that_was_there(figure, tmp_path, monkeypatch):
    def full(file, **_):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    (tmp_path / "x.png").write_bytes(b"before")
    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(fastp2p.InputError, match=r"x\.png could not be .*; the figure was not written"):
        replace_figure(figure, tmp_path / "x")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x.png": b"before"}
