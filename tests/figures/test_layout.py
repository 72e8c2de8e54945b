"""The network's layout is a tidy tree."""

import dataclasses

import numpy as np
import pytest

import fastp2p
from fastp2p.figures.layout import tree_layout


@pytest.mark.parametrize("source", ["cigre_lv", "case14", "two grids"])
def test_layout(source):
    network = fastp2p.Network.load("cigre_lv" if source == "two grids" else source)
    if source == "two grids":
        network = dataclasses.replace(
            network, reference_bus=np.array([0, 20]), reference_angle_rad=np.zeros(2), slack_vm_pu=np.ones(2)
        )
    layout = tree_layout(network)
    roots = np.isin(np.arange(network.n_bus), network.reference_bus)
    assert ((layout.depth == 0) == roots).all()
    assert ((layout.parent == -1) == roots).all()
    below = np.flatnonzero(~roots)
    assert (layout.depth[below] == layout.depth[layout.parent[below]] + 1).all()
    ends = np.column_stack([network.from_bus, network.to_bus])
    assert (np.abs(np.diff(layout.depth[ends], axis=1)) <= 1).all(), "depth is the shortest way"
    assert (np.sort(ends[layout.parent_branch[below]]) == np.sort(np.column_stack([below, layout.parent[below]]))).all()
    if network.is_radial:
        assert (layout.depth == network.tree.depth).all()

    for bus in range(network.n_bus):
        children = layout.x[layout.parent == bus]
        if len(children):
            assert children.min() <= layout.x[bus] <= children.max()
            assert layout.x[bus] == pytest.approx(children.mean())
    leaves = np.setdiff1d(np.arange(network.n_bus), layout.parent)
    assert sorted(layout.x[leaves]) == list(range(len(leaves)))
    for depth in range(layout.depth.max() + 1):
        gaps = np.diff(np.sort(layout.x[layout.depth == depth]))
        assert (gaps >= 1 - 1e-9).all(), "buses of one level overlap"
