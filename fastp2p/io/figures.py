"""Figures in files, by default each as PNG and as PDF; the same figure makes the same bytes on any day."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from fastp2p.io.files import replace_file
from fastp2p.io.ours import MADE_BY

FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 150, "pil_kwargs": {"compress_level": 3}, "metadata": {"Software": MADE_BY}},
    "pdf": {"dpi": 300, "metadata": {"CreationDate": None, "Creator": MADE_BY}},
    "svg": {"dpi": 300, "metadata": {"Date": None, "Creator": MADE_BY}},
}
"""Options of `Figure.savefig` for each; in vector formats, the resolution is that of dense points alone."""
USUAL = ("png", "pdf")
"""What a run writes."""


def write_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write each figure under its name into a folder that nobody reads yet."""
    for name, figure in figures.items():
        _lay_out(figure)
        for ending in USUAL:
            _save(figure, folder / f"{name}.{ending}", ending)


def _save(figure: Figure, file: Any, ending: str) -> None:
    """Write a figure; letters that its font lacks are boxes."""
    with _boxes():
        figure.savefig(file, format=ending, **FORMATS[ending])


@contextmanager
def _boxes() -> Iterator[None]:
    """No warning of letters that a font lacks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def replace_figure(figure: Figure, stem: Path, formats: Sequence[str] = USUAL) -> None:
    """Write a figure beside other files: `stem` with each ending, whole or not at all.

    Parameters
    ----------
    figure : Figure
    stem : path
    formats : sequence of str
        Some of `FORMATS`.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    _lay_out(figure)
    for ending in formats:
        path = stem.with_name(f"{stem.name}.{ending}")
        replace_file(path, partial(_save, figure, ending=ending), "the figure was not written")


def _lay_out(figure: Figure) -> None:
    """Find the places of everything once: each further drawing would move them a little, and formats differ."""
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        with _boxes():
            figure.draw_without_rendering()
        figure.set_layout_engine("none")
