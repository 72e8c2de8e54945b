"""Typical days: planted shapes are found, whatever the order of the days."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import fastp2p
from fastp2p import InputError, Profiles
from fastp2p.profiles.typical_days import cluster_days, compare_cluster_counts
from fastp2p.sweep.drawing import replace_typical

HOUR = np.arange(24)
SHAPES = np.array(
    [
        0.2 + np.exp(-((HOUR - 19) ** 2) / 6),
        0.3 + 0.8 * np.exp(-((HOUR - 8) ** 2) / 4) + 0.9 * np.exp(-((HOUR - 20) ** 2) / 8),
        0.5 + 1.5 * ((HOUR >= 9) & (HOUR < 18)),
    ]
)
NOISE = 0.05
SIZES = (200, 120, 45)


@pytest.fixture(scope="module")
def planted():
    """A year of days of three shapes in random order, and whose each is."""
    random = np.random.default_rng(7)
    truth = random.permutation(np.repeat([0, 1, 2], SIZES))
    days = np.clip(SHAPES[truth] + NOISE * random.standard_normal((365, 24)), 0, None)
    return Profiles(("home",), ("load",), days.reshape(1, -1)), truth


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("centre", ["median", "mean", "medoid"])
def test_planted_shapes_are_found(planted, centre, normalise):
    profiles, truth = planted
    found = cluster_days(profiles, 3, centre=centre, normalise=normalise)
    assert (found.label == truth).mean() >= 0.99  # the shapes are planted by rising energy
    assert found.size.tolist() == list(SIZES)
    assert found.profiles.names == ("cluster_0", "cluster_1", "cluster_2")
    close = 3 * NOISE if centre == "medoid" else 4 * NOISE / np.sqrt(45)
    assert np.abs(found.profiles.kwh_per_unit - SHAPES).max() < (5 * NOISE if centre == "medoid" else close)
    assert np.all(np.diff(found.profiles.kwh_per_unit.sum(axis=1)) > 0)


def test_the_centres_are_what_they_are_called(planted):
    profiles, _ = planted
    found = {centre: cluster_days(profiles, 3, centre=centre) for centre in ("median", "mean", "medoid")}
    for group in range(3):
        days = found["median"].day_kwh[found["median"].label == group]
        np.testing.assert_array_equal(found["median"].profiles.kwh_per_unit[group], np.median(days, axis=0))
        np.testing.assert_allclose(found["mean"].profiles.kwh_per_unit[group], days.mean(axis=0), rtol=1e-12)
        np.testing.assert_array_equal(
            found["medoid"].profiles.kwh_per_unit[group], days[cdist(days, days).sum(axis=0).argmin()]
        )


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("centre", ["median", "mean", "medoid"])
def test_the_same_in_two_runs_and_for_shuffled_days(planted, centre, normalise):
    profiles, _ = planted
    one, again = (cluster_days(profiles, 4, centre=centre, normalise=normalise, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.profiles.kwh_per_unit, again.profiles.kwh_per_unit)
    order = np.random.default_rng(1).permutation(365)
    shuffled = Profiles(("home",), ("load",), one.day_kwh[order].reshape(1, -1))
    other = cluster_days(shuffled, 4, centre=centre, normalise=normalise, seed=3)
    np.testing.assert_array_equal(other.profiles.kwh_per_unit, one.profiles.kwh_per_unit)
    np.testing.assert_array_equal(other.label, one.label[order])
    np.testing.assert_array_equal(other.size, one.size)
    assert other.inertia == one.inertia


def test_days_of_several_profiles_are_taken_together(planted):
    profiles, truth = planted
    days = profiles.kwh_per_unit.reshape(365, 24)
    two = Profiles(
        ("a", "b", "sun"), ("load", "load", "pv"), np.array([days[:180].ravel(), days[180:360].ravel(), np.ones(4_320)])
    )
    found = cluster_days(two, 3, kind="load")
    np.testing.assert_array_equal(found.label, truth[:360])
    table = found.days()
    assert table.columns.tolist() == ["profile", "day", "cluster", "kwh"]
    assert table.profile.value_counts().to_dict() == {"a": 180, "b": 180}
    assert table[table.profile == "b"].day.tolist() == list(range(180))
    np.testing.assert_allclose(table.kwh, days[:360].sum(axis=1))


def test_shapes_alone_are_compared_when_normalised():
    days = np.concatenate([SHAPES[:2] * size for size in (0.1, 1.0, 10.0)])
    found = cluster_days(Profiles(("home",), ("load",), days.reshape(1, -1)), 2, normalise=True)
    assert found.label.tolist() == [0, 1, 0, 1, 0, 1]


def naive_silhouette(days, label):
    widths = []
    for i, day in enumerate(days):
        distance = np.sqrt(((days - day) ** 2).sum(axis=1))
        own = (label == label[i]) & (np.arange(len(days)) != i)
        if not own.any():
            widths.append(0.0)
            continue
        a = distance[own].mean()
        b = min(distance[label == other].mean() for other in set(label.tolist()) - {label[i]})
        widths.append((b - a) / max(a, b))
    return np.mean(widths)


def test_what_speaks_for_each_number():
    random = np.random.default_rng(3)
    apart = np.exp(-((HOUR - np.array([[5], [12], [19]])) ** 2) / 6)  # three shapes, as far from one another
    days = np.clip(np.repeat(apart, (40, 60, 20), axis=0) + NOISE * random.standard_normal((120, 24)), 0, None)
    profiles = Profiles(("home",), ("load",), days.reshape(1, -1))
    table = compare_cluster_counts(profiles, range(1, 6))
    assert table.k.tolist() == [1, 2, 3, 4, 5]
    assert np.all(np.diff(table.inertia) < 0)
    assert table.k[table.silhouette.idxmax()] == 3
    gain = -np.diff(table.inertia)
    assert gain[1] > 20 * gain[2]  # the elbow
    for k in (2, 3, 4):
        found = cluster_days(profiles, k)
        assert table.silhouette[k - 1] == pytest.approx(naive_silhouette(found.day_kwh, found.label), rel=1e-9)
        centres = np.array([found.day_kwh[found.label == group].mean(axis=0) for group in range(k)])
        assert table.inertia[k - 1] == pytest.approx(((found.day_kwh - centres[found.label]) ** 2).sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k = 0: must be a whole number, at least 1"),
        ({"k": 2.5}, "k = 2.5: must be"),
        ({"k": 366}, "k = 366: there are only 365 different days"),
        ({"k": 2, "centre": "mode"}, "centre = 'mode': must be one of median, mean, medoid"),
        ({"k": 2, "kind": "pv"}, "kind = 'pv': must be load"),
        ({"k": 2, "restarts": 0, "seed": -1}, "restarts = 0.*\n.*seed = -1"),
    ],
)
def test_impossible_parameters(options, message, planted):
    with pytest.raises(InputError, match=message):
        cluster_days(planted[0], **options)


def test_kinds_and_parts_of_days():
    with pytest.raises(InputError, match="kind is missing: must be load or pv, as typical_day has such profiles"):
        cluster_days(Profiles.load(), 2)
    with pytest.raises(InputError, match="30 steps of 1 h are not whole days"):
        cluster_days(Profiles(("a",), ("load",), np.ones((1, 30))), 1)


def test_all_days_alike():
    found = cluster_days(Profiles(("a",), ("load",), np.ones((1, 48))), 1)
    assert (found.size.tolist(), found.inertia) == ([2], 0.0)
    with pytest.raises(InputError, match="there are only 1 different days"):
        cluster_days(Profiles(("a",), ("load",), np.zeros((1, 48))), 2, normalise=True)


def test_the_figure(planted, tmp_path):
    found = cluster_days(planted[0], 5)
    replace_typical(found, tmp_path / "homes.v2")
    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == ["homes.v2.pdf", "homes.v2.png"]
    assert all(path.stat().st_size > 5_000 for path in written)


def test_clusters_are_drawn_by_their_size(planted):
    found = cluster_days(planted[0], 3)
    study = fastp2p.studies()["paper-44"]
    choice = {"choice": found.profiles.names, "weights": tuple(map(float, found.size))}
    study = fastp2p.Study.model_validate({**study.model_dump(), "load": {"profile": choice}, "scenarios": {"count": 400}})
    both = Profiles.combined([found.profiles, Profiles.load()])
    drawn = fastp2p.scenarios(study, range(400), profiles=both).load_profile
    share = np.bincount(drawn[drawn >= 0], minlength=3) / (drawn >= 0).sum()
    np.testing.assert_allclose(share, np.array(SIZES) / 365, atol=0.02)
