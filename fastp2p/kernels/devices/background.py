"""Load and PV that is in the network and not in the market."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def add_background(
    profile_kwh: Floats,
    profile_of: Ints,
    size: Floats,
    kvar_per_kw: Floats,
    place: Ints,
    drawn_kwh: Floats,
    drawn_kvarh: Floats,
) -> None:
    """Add what each column draws to the bus where it is, column after column.

    Parameters
    ----------
    profile_kwh : (n_profiles, n_steps) float64, kWh per unit
    profile_of : (n_scenarios, n_columns) int64
        Row of `profile_kwh`.
    size : (n_scenarios, n_columns) float64
    kvar_per_kw : (n_columns,) float64
    place : (n_columns,) int64
        Bus of each column, as a place in the outputs; several may share one.
    drawn_kwh, drawn_kvarh : (n_scenarios, n_steps, n_places) float64, kWh and kvarh
        Outputs, added to.
    """
    n_scenarios, n_steps, _ = drawn_kwh.shape
    for s in range(n_scenarios):
        for t in range(n_steps):
            for c in range(len(place)):
                kwh = profile_kwh[profile_of[s, c], t] * size[s, c]
                drawn_kwh[s, t, place[c]] += kwh
                drawn_kvarh[s, t, place[c]] += kvar_per_kw[c] * kwh
