"""Typical days: k-means over the days of profiles (the paper's way, with the choices it leaves open made explicit)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fastp2p.arguments import refuse_other_kinds
from fastp2p.arrays import short_repr
from fastp2p.errors import InputError, refuse
from fastp2p.profiles.profiles import Profiles

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Centre = Literal["median", "mean", "medoid"]

ITERATIONS = 10
ROUNDS = 30
MOST_RESTARTS = 10_000
"""k-means goes on, ten iterations at a time, until no day changes its cluster."""
SILHOUETTE_DAYS = 4_000
"""Of more days than that the silhouette is that of so many, drawn at random: it takes their distances to one another."""
ROWS_AT_ONCE = 512
"""Days whose distances to all others are in memory at a time."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Typical days and the days behind them.

    Attributes
    ----------
    profiles : Profiles
        One day for each cluster, named ``cluster_0``, … by rising daily energy.
    size : (k,) int64
        Days in each: weights for drawing among them.
    label : (n_days,) int64
        Cluster of each day.
    day_kwh : (n_days, n_steps) float64
        The days, profile after profile.
    day_profile : tuple of str
        Whose day each is.
    day_number : (n_days,) int64
        Its place in its profile.
    normalised : bool
        Whether the days were compared by shape alone.
    inertia : float
        Sum of squared distances to the clusters' means, of what was clustered.
    """

    __repr__ = short_repr
    profiles: Profiles
    size: Ints
    label: Ints
    day_kwh: Floats
    day_profile: tuple[str, ...]
    day_number: Ints
    normalised: bool
    inertia: float

    def days(self) -> pd.DataFrame:
        """One row per day: profile, day, cluster, kwh."""
        import pandas as pd

        columns = {"profile": self.day_profile, "day": self.day_number, "cluster": self.label, "kwh": self.day_kwh.sum(axis=1)}
        return pd.DataFrame(columns)


def cluster_days(
    profiles: Profiles,
    k: int,
    *,
    kind: str | None = None,
    centre: Centre = "median",
    normalise: bool = False,
    seed: int = 0,
    restarts: int = 20,
) -> Clusters:
    """Group days by their shape, and take a typical one of each group.

    k-means with k-means++ starts, the best of several by its inertia. The days are sorted first, so the answer depends on
    the seed and on what days there are, not on their order.

    Parameters
    ----------
    profiles : Profiles
        Whole days; the days of all profiles of the kind are taken together.
    k : int
    kind : {"load", "pv", "net"}, optional
        Kind of profiles; needed if there are several.
    centre : {"median", "mean", "medoid"}
        The typical day: the median of every step (the paper), the mean, or the day with the least summed distance to the
        others of its cluster.
    normalise : bool
        Whether to compare days by shape alone, each divided by its energy.
    seed : int
    restarts : int

    Raises
    ------
    InputError
        Fewer different days than clusters, parts of days, or an impossible parameter.

    Notes
    -----
    Arthur, Vassilvitskii (2007): k-means++: the advantages of careful seeding.
    """
    day_kwh, names, number = _days(profiles, kind)
    faults = [] if centre in get_args(Centre) else [f"centre = {centre!r}: must be one of {', '.join(get_args(Centre))}"]
    for name, value, least, most in (
        ("k", k, 1, np.inf),
        ("restarts", restarts, 1, MOST_RESTARTS),
        ("seed", seed, 0, 2**128 - 1),
    ):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            faults.append(f"{name} = {value!r}: must be a whole number, at least {least}")
        elif value > most:
            faults.append(f"{name} must be {most} at most")
    refuse(faults)
    shape = shapes(day_kwh, normalise)
    order = np.lexsort((*day_kwh.T[::-1], *shape.T[::-1]))
    label, inertia = _best_labels(shape[order], k, seed, restarts)
    of_day = np.empty(len(order), np.int64)
    of_day[order] = label
    members = [order[label == group] for group in range(k)]
    centres = np.array([_centre(day_kwh[days], shape[days], centre) for days in members])
    energy = [math.fsum(day_kwh[days].ravel()) / len(days) for days in members]
    rank = np.lexsort((*centres.T[::-1], energy))
    place = np.empty(k, np.int64)
    place[rank] = np.arange(k)
    kinds = (_kind(profiles, kind),) * k
    typical = Profiles(
        tuple(f"cluster_{one}" for one in range(k)), kinds, centres[rank], profiles.step_hours, source=profiles.source
    )
    size = np.array([len(members[group]) for group in rank])
    return Clusters(typical, size, place[of_day], day_kwh, names, number, normalise, inertia)


def compare_cluster_counts(
    profiles: Profiles,
    counts: Sequence[int] = range(2, 9),
    *,
    kind: str | None = None,
    normalise: bool = False,
    seed: int = 0,
    restarts: int = 20,
) -> pd.DataFrame:
    """Inertia and mean silhouette of each number of clusters.

    Returns
    -------
    DataFrame
        k; inertia, whose bend ("elbow") shows where more clusters gain little; silhouette, the mean over the days of
        (b − a) / max(a, b) with a the mean distance to its own cluster and b to the nearest other one (Rousseeuw 1987), best
        where largest, of up to 4,000 of the days; and the smallest cluster's days.

    Raises
    ------
    InputError
        See `cluster_days`.
    """
    import pandas as pd

    rows = []
    for k in counts:
        found = cluster_days(profiles, k, kind=kind, normalise=normalise, seed=seed, restarts=restarts)
        shape = shapes(found.day_kwh, normalise)
        some = np.arange(len(shape))
        if len(some) > SILHOUETTE_DAYS:
            order = np.lexsort((*found.day_kwh.T[::-1], *shape.T[::-1]))
            some = np.random.default_rng(seed).choice(order, SILHOUETTE_DAYS, replace=False)
        silhouette = _silhouette(shape[some], found.label[some], k) if k > 1 else np.nan
        rows.append({"k": k, "inertia": found.inertia, "silhouette": silhouette, "smallest_days": int(found.size.min())})
    return pd.DataFrame(rows)


def _kind(profiles: Profiles, kind: str | None) -> str:
    """The one kind that is meant."""
    refuse_other_kinds(profiles=(profiles, Profiles))
    kinds = set(profiles.kinds)
    if kind is None and len(kinds) == 1:
        return next(iter(kinds))
    if kind not in kinds:
        given = "kind is missing" if kind is None else f"kind = {kind!r}"
        raise InputError(f"{given}: must be {' or '.join(sorted(kinds))}, as {profiles.source or 'these'} has such profiles")
    return str(kind)


def _days(profiles: Profiles, kind: str | None) -> tuple[Floats, tuple[str, ...], Ints]:
    """(n_days, n_steps of a day) kWh; whose day each is; its number."""
    wanted = _kind(profiles, kind)
    of_a_day = round(24.0 / profiles.step_hours)
    if of_a_day < 1 or abs(of_a_day * profiles.step_hours - 24.0) > 1e-6 or profiles.n_steps % of_a_day:
        raise InputError(
            f"{profiles.source or 'profiles'}: {profiles.n_steps} steps of {profiles.step_hours:g} h are not whole days"
        )
    rows = [row for row, one in enumerate(profiles.kinds) if one == wanted]
    n_days = profiles.n_steps // of_a_day
    names = tuple(profiles.names[row] for row in rows for _ in range(n_days))
    return profiles.kwh_per_unit[rows].reshape(-1, of_a_day), names, np.tile(np.arange(n_days), len(rows))


def shapes(day_kwh: Floats, normalise: bool) -> Floats:
    """What is compared: the days, or each over its energy (a day without any stays zero)."""
    if not normalise:
        return day_kwh
    energy = day_kwh.sum(axis=1, keepdims=True)
    return np.round(day_kwh / np.where(energy > 0, energy, 1.0), 12)  # the same shape, whatever its size


def _best_labels(shape: Floats, k: int, seed: int, restarts: int) -> tuple[Ints, float]:
    """The clustering of least inertia among several starts."""
    from scipy.cluster.vq import ClusterError, kmeans2, vq

    different = len(np.unique(shape, axis=0))
    if different < k:
        raise InputError(f"k = {k}: there are only {different} different days")
    best: tuple[Ints, float] | None = None
    for start in np.random.SeedSequence(seed).spawn(restarts):
        try:
            means, before = kmeans2(shape, k, iter=ITERATIONS, minit="++", missing="raise", seed=np.random.default_rng(start))
            for _ in range(ROUNDS):
                means, label = kmeans2(shape, means, iter=ITERATIONS, minit="matrix", missing="raise")
                if np.array_equal(label, before):
                    break
                before = label
        except ClusterError:  # a start that lost a cluster on its way
            continue
        label, distance = vq(shape, means)
        inertia = float((distance**2).sum())
        if len(np.unique(label)) == k and (best is None or inertia < best[1]):
            best = label.astype(np.int64), inertia
    if best is None:
        raise InputError(f"k = {k}: none of {restarts} starts kept {k} clusters; there are too few different days")
    return best


def _centre(day_kwh: Floats, shape: Floats, centre: Centre) -> Floats:
    """The typical one of some days."""
    if centre == "median":
        return np.asarray(np.median(day_kwh, axis=0))
    if centre == "mean":
        return np.array([math.fsum(step) / len(day_kwh) for step in day_kwh.T])
    return np.asarray(day_kwh[_summed_distances(shape, np.zeros(len(shape), np.int64), 1)[:, 0].argmin()])


def _summed_distances(shape: Floats, label: Ints, k: int) -> Floats:
    """(n_days, k) Euclidean distance of every day to all days of each cluster, summed."""
    from scipy.spatial.distance import cdist

    member = (label[:, None] == np.arange(k)).astype(np.float64)
    sums = np.empty((len(shape), k))
    for first in range(0, len(shape), ROWS_AT_ONCE):
        block = slice(first, first + ROWS_AT_ONCE)
        sums[block] = cdist(shape[block], shape) @ member
    return sums


def _silhouette(shape: Floats, label: Ints, k: int) -> float:
    """Mean silhouette; a day that is alone in its cluster counts zero."""
    size = np.bincount(label, minlength=k).astype(np.float64)
    sums, own = _summed_distances(shape, label, k), np.arange(len(shape))
    a = sums[own, label] / np.maximum(size[label] - 1.0, 1.0)
    others = np.divide(sums, size, out=np.full_like(sums, np.inf), where=size > 0)
    others[own, label] = np.inf
    b = others.min(axis=1)
    width = np.divide(b - a, np.maximum(a, b), out=np.zeros(len(shape)), where=np.maximum(a, b) > 0)
    return float(np.where(size[label] > 1, width, 0.0).mean())
