"""`fastp2p figures`: which files it writes, how large, and what it refuses."""

from pathlib import Path

import pytest
from PIL import Image

import fastp2p
from fastp2p.io.ours import is_ours
from tests.support.commands import call, refused_command


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    place = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastp2p.sweep.drawing.draw_day_figures", lambda *_: {})
        fastp2p.run(fastp2p.studies()["paper-44"], out=place / "day")
    return place / "day"


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere):
    pass


def widths(folder):
    """Of PNG files, in inches."""
    sizes = {}
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            sizes[path.stem] = image.size[0] / 150
    return sizes


def test_all_figures_are_drawn_again_beside_the_folder(ran):
    result = call("figures", ran)
    beside = ran.with_name("day-figures")
    assert {path.name for path in beside.iterdir()} == {
        f"{name}.{ending}" for name in ("supply", "network", "profiles") for ending in ("png", "pdf")
    }
    assert set(widths(beside).values()) == {7.16}
    assert "wrote 6 files" in result.stdout
    assert "day-figures: network, profiles, supply" in result.stdout


def test_width_title_formats_and_names(ran):
    call("figures", ran, "--out", "narrow", "--width", "3.5", "--no-title", "--format", "png,svg", "--only", "supply")
    assert {path.name for path in Path("narrow").iterdir()} == {"supply.png", "supply.svg"}
    assert widths(Path("narrow")) == {"supply": 3.5}
    assert is_ours(Path("narrow/supply.svg"))
    before = Path("narrow/supply.svg").read_bytes()
    call("figures", ran, "--out", "narrow", "--width", "3.5", "--no-title", "--format", "svg", "--only", "supply")
    assert Path("narrow/supply.svg").read_bytes() == before  # the same bytes, and ours are replaced


def test_wrong_options_are_refused_at_once(ran):
    told = refused_command("figures", ran, "--width", "99", "--format", "gif,tiff")
    assert len(told.splitlines()) == 3
    assert "--format gif: must be one of png, pdf, svg" in told
    assert "--width 99: must be 3.3 to 20 inches" in told
    assert "this run has no figure 'hours'; it has" in refused_command("figures", ran, "--only", "hours")
    for out in (ran, f"{ran}/inside"):
        assert "stay as they were written" in refused_command("figures", ran, "--out", out)
    refused_command("figures", "nowhere")
    Path("mine").mkdir()
    Path("mine/supply.png").write_bytes(b"my own")
    assert "was not written by fastp2p" in refused_command("figures", ran, "--out", "mine")
