"""Limits of the power that flows back through transformers, towards the external grid."""

import numpy as np
from numpy.typing import NDArray

from fastp2p import ranges
from fastp2p.errors import some

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def find_upward(n_bus: int, from_bus: Ints, to_bus: Ints, is_transformer: NDArray[np.bool_], reference_bus: Ints) -> Floats:
    """(n_branch,) which transformers are the first ones below an external grid, and which way is up.

    +1 where such a transformer is directed towards the external grid, -1 where it is directed away from it, 0 for all other
    branches. Between it and the external grid there may be lines, but no other transformer; a transformer that has an external
    grid on both sides has no way up.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    level = ~is_transformer
    graph = csr_array((np.ones(int(level.sum())), (from_bus[level], to_bus[level])), shape=(n_bus, n_bus))
    _, part = connected_components(graph, directed=False)
    at_from, at_to = (np.isin(part[ends], part[reference_bus]) for ends in (from_bus, to_bus))
    return np.where(is_transformer, at_to.astype(np.float64) - at_from, 0.0)


def reverse_limits(
    upward: Floats, rating_kw: Floats, name: NDArray[np.str_], reverse_kw: float | None, of_rating: float | None
) -> tuple[Floats, list[str]]:
    """Largest power upwards of every branch, infinite where nothing limits it; and the faults of the arguments.

    Parameters
    ----------
    upward : (n_branch,) float64
        See `find_upward`.
    rating_kw : (n_branch,) float64
    name : (n_branch,) str
    reverse_kw, of_rating : float or None
        Of each transformer, in kW and as a share of its rating; the narrower one wins.
    """
    given = {"reverse_kw": (reverse_kw, ranges.REVERSE_KW), "reverse_of_rating": (of_rating, ranges.REVERSE_OF_RATING)}
    faults = [
        f"{key} = {value!r}: must be a number in {allowed}"
        for key, (value, allowed) in given.items()
        if value is not None and (isinstance(value, bool) or not (isinstance(value, int | float) and allowed.has(value)))
    ]
    is_limited, limit = upward != 0.0, np.full(len(upward), np.inf)
    if faults:
        return limit, faults
    if not is_limited.any():
        way_out = "leave reverse_kw out, and limit lines by ampacity_ka"
        return limit, [f"reverse_kw: there is no transformer below the external grid; {way_out}"]
    if of_rating is not None:
        without = name[is_limited & ~(rating_kw > 0.0)].tolist()
        if without:
            return limit, [f"reverse_kw: {some(without)} has no rating to take a share of; give reverse_kw a number"]
        limit[is_limited] = of_rating * rating_kw[is_limited]
    if reverse_kw is not None:
        limit[is_limited] = np.minimum(limit[is_limited], reverse_kw)
    return limit, []


def reverse_faults(reverse_kw: Floats, upward: Floats, name: NDArray[np.str_]) -> list[str]:
    """What keeps an array from being the largest powers upwards of a network's branches."""
    if reverse_kw.shape != upward.shape:
        return [f"reverse_kw has shape {reverse_kw.shape}; it must be {upward.shape}, with a value for each branch"]
    wrong = name[~(reverse_kw >= 0.0)].tolist()
    if wrong:
        return [f"reverse_kw is NaN or negative for {some(wrong)}"]
    misplaced = name[np.isfinite(reverse_kw) & (upward == 0.0)].tolist()
    rule = "only the first transformers below an external grid may have one; leave it infinite"
    return [f"reverse_kw of {some(misplaced)}: {rule}"] if misplaced else []
