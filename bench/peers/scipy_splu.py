"""SciPy: SuperLU factors of the susceptance matrix, many books as the right-hand sides of one call, then the flows.

SuperLU's settings for symmetric matrices make the sparser factors. Books go in blocks that stay in the cache: up to three
times as fast as all at once. Flows come from a sparse product of angles, which is faster than indexing both ends.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, needs

TITLE = "SciPy, sparse factors"
PHYSICS = "DC"
PACKAGE = "scipy"
BLOCK_CELLS = 8192


def prepare(case: Case, injection_kw: np.ndarray) -> Prepared:
    sparse, linalg = needs("scipy.sparse"), needs("scipy.sparse.linalg")
    network = case.network
    rows, ones = np.arange(network.n_branch), np.ones(network.n_branch)
    shape = (network.n_branch, network.n_bus)
    ends = sparse.csr_array((ones, (rows, network.from_bus)), shape) - sparse.csr_array((ones, (rows, network.to_bus)), shape)
    free = np.delete(np.arange(network.n_bus), network.reference_bus)
    flow_per_angle = (sparse.diags_array(network.susceptance_kw) @ ends).tocsc()[:, free].tocsr()
    susceptance_kw = (ends.tocsc()[:, free].T @ flow_per_angle).tocsc()
    symmetric = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
    factors = linalg.splu(susceptance_kw, **symmetric)
    constant_kw = network.constant_kw
    flow_kw = np.empty((len(injection_kw), network.n_branch))
    n_books = max(16, BLOCK_CELLS // network.n_bus)

    def run():
        for start in range(0, len(injection_kw), n_books):
            books = slice(start, start + n_books)
            angle = factors.solve(injection_kw[books].T[free])
            np.add((flow_per_angle @ angle).T, constant_kw, out=flow_kw[books])

    return Prepared(run, lambda: flow_kw)
