"""Figures in files, each as PNG and as PDF; the same figure makes the same bytes on any day."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from fastp2p.io.files import replace_file
from fastp2p.io.ours import MADE_BY

FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 150, "pil_kwargs": {"compress_level": 3}, "metadata": {"Software": MADE_BY}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": MADE_BY}},
}
"""Options of `Figure.savefig` for each."""


def write_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write each figure under its name into a folder that nobody reads yet."""
    for name, figure in figures.items():
        for ending, options in FORMATS.items():
            figure.savefig(folder / f"{name}.{ending}", format=ending, **options)


def replace_figure(figure: Figure, stem: Path) -> None:
    """Write a figure beside other files: `stem` with each ending, whole or not at all.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    for ending, options in FORMATS.items():
        path = stem.with_name(f"{stem.name}.{ending}")
        replace_file(path, partial(figure.savefig, format=ending, **options), "the figure was not written")
