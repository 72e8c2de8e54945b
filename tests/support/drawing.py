"""Runs without their figures: drawing takes most of a small run, and has tests of its own."""

from contextlib import contextmanager

import pytest

DRAWING = ("draw_day_figures", "draw_sweep_figures", "draw_region_pages", "draw_comparison_figures")


@contextmanager
def undrawn():
    """Folders get no figures meanwhile; a `monkeypatch` that undoes this."""
    with pytest.MonkeyPatch.context() as patch:
        for name in DRAWING:
            patch.setattr(f"fastp2p.sweep.drawing.{name}", lambda *_, **__: {})
        yield patch
