"""NumPy: one matrix product of all books with the PTDF of all buses, into an array that stays; the constant part is added.

Blocks of books, or the PTDF copied in the other layout, are no faster. NumPy's BLAS library decides how many threads it
takes; OPENBLAS_NUM_THREADS=1 keeps it to one.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared

TITLE = "NumPy, product with the PTDF"
PHYSICS = "DC"
PACKAGE = "numpy"


def prepare(case: Case, injection_kw: np.ndarray) -> Prepared:
    ptdf, constant_kw = case.network.ptdf.T, case.network.constant_kw
    flow_kw = np.empty((len(injection_kw), case.network.n_branch))

    def run():
        np.matmul(injection_kw, ptdf, out=flow_kw)
        np.add(flow_kw, constant_kw, out=flow_kw)

    return Prepared(run, lambda: flow_kw)
