"""Benchmarks: `python -m bench` measures, writes bench/results/DATE.json and the tables of docs/performance.md.

One thread unless said otherwise. BLAS and OpenMP read their thread counts when NumPy is first imported, so they are set here.
"""

import os

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

for _name in THREAD_VARIABLES:
    os.environ.setdefault(_name, "1")
