"""Figures from Python: each function draws one panel and returns its Axes.

What is drawn is a `fastp2p.Results`, the path of a results folder, or a table of one. Without `ax` a new figure is made with
pyplot, in the style that is in force: ``plt.style.use("fastp2p.plot")`` is that of the figures which a run writes.
"""

from fastp2p.plot.day import network, profiles, supply, typical
from fastp2p.plot.sweep import loading

__all__ = ["loading", "network", "profiles", "supply", "typical"]
