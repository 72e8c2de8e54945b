"""Branches whose phases are not alike, as arrays: what is filled in, refused, kept, hashed."""

import dataclasses
import pickle

import numpy as np
import pytest

import fastp2p
from fastp2p.grid.zero_sequence import bits_of, phase_text
from fastp2p.io import cache
from fastp2p.sweep.hashes import _network_bytes

ONE = np.array([[2.0 + 1.0j, 0.5j, 0.0], [0.5j, 2.0 + 1.2j, 0.0], [0.0, 0.0, 0.0]])
"""A line of phases a and b."""


def sequences(**more):
    """Of three buses and two branches."""
    none = np.zeros(2, complex)
    given = {
        "series_pu": none + 1.0, "from_shunt_pu": none, "to_shunt_pu": none, "to_ground": none.real != 0.0,
        "grid_zero_pu": none[:1], "grid_negative_pu": none[:1], "load_phase": np.full(3, -1),
    }  # fmt: skip
    return fastp2p.ZeroSequence(**given | more)


def test_what_is_left_out_is_filled_in():
    plain, general = sequences(), sequences(matrix_of=[-1, 0], matrix_series_pu=[ONE], phases=[7, 7, 3])
    for zero in (plain, general):
        zero.check(3, 2, 1)
    assert [zero.is_plain for zero in (plain, general, sequences(phases=[7, 7, 3]))] == [True, False, False]
    assert (plain.matrix_of.tolist(), plain.phases.tolist()) == ([-1, -1], [7, 7, 7])
    assert (plain.matrix_series_pu.shape, plain.bus_matrix_pu.shape, plain.phases.dtype) == ((0, 3, 3), (3, 3, 3), np.uint8)
    assert general.matrix_ratio.tolist() == [[1.0, 1.0, 1.0]]
    assert not general.matrix_to_shunt_pu.any()
    assert general.branch_phases.tolist() == [7, 3]
    assert general.has_phase.tolist() == [[True, True, True], [True, True, True], [True, True, False]]
    again = pickle.loads(pickle.dumps(general))
    assert all((getattr(again, of.name) == getattr(general, of.name)).all() for of in dataclasses.fields(general))
    assert "matrix_series_pu=complex128 1 x 3 x 3" in repr(general)


def test_phases_in_words():
    assert [phase_text(bits) for bits in (1, 6, 7)] == ["a", "b and c", "a, b and c"]
    assert bits_of(np.array([[True, False, True], [False, False, False]])).tolist() == [5, 0]
    assert sequences().absent_faults(np.arange(3)) == []
    assert sequences(phases=[7, 3, 4]).absent_faults(np.array([5, 6, 9])) == [
        "some buses lack phases, so there is no balanced model of the network: bus 6 (phases a and b), 9 (phases c); "
        "set network.phases = 3"
    ]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"matrix_of": [0, -1]}, "zero.matrix_of[0] = 0: must be -1…-1"),
        ({"matrix_series_pu": [ONE], "matrix_of": [1, -1]}, "zero.matrix_of[0] = 1: must be -1…0"),
        ({"matrix_series_pu": ONE}, "zero.matrix_series_pu has shape (3, 3); it must be (3, 3, 3)"),
        ({"matrix_series_pu": [ONE], "matrix_ratio": [1.0]}, "zero.matrix_ratio has shape (1,); it must be (1, 3)"),
        (
            {"matrix_series_pu": [ONE], "matrix_ratio": [[1.0, 0.0, 1.0]]},
            "zero.matrix_ratio[0, 1] = 0.0: must be 0.01…100",
        ),
        ({"matrix_series_pu": [ONE * np.nan]}, "zero.matrix_series_pu[0, 0, 0] is not finite"),
        ({"matrix_series_pu": [0.0 * ONE]}, "zero.matrix_series_pu[0] = 0: a branch needs an impedance"),
        (
            {"matrix_series_pu": [ONE + np.eye(3)[[0, 2, 1]] * 0.1]},
            "zero.matrix_series_pu[0] has numbers beside phases a and b, the only ones with an impedance of their own; rows "
            "and columns of the others must be zero",
        ),
        (
            {"matrix_series_pu": [ONE], "matrix_to_shunt_pu": [np.eye(3)]},
            "zero.matrix_to_shunt_pu[0] has numbers beside phases a and b, the only ones with an impedance of their own; rows "
            "and columns of the others must be zero",
        ),
        ({"phases": [7, 0, 7]}, "zero.phases[1] = 0: must be 1…7"),
        ({"series_pu": [1.0, 0.0]}, "zero.series_pu[1] = 0: a branch needs an impedance"),
    ],
)
def test_refused(given, fault):
    with pytest.raises(fastp2p.InputError) as caught:
        sequences(**given)
    assert list(caught.value.faults) == [fault]


def test_arrays_of_another_network_are_refused():
    for given, fault in (
        ({"matrix_of": [-1]}, r"zero.matrix_of has shape \(1,\); it must be \(2,\)"),
        ({"phases": [7, 7]}, r"zero.phases has shape \(2,\); it must be \(3,\)"),
        ({"bus_matrix_pu": np.zeros((2, 3, 3))}, r"zero.bus_matrix_pu has shape \(2, 3, 3\); it must be \(3, 3, 3\)"),
        (
            {"bus_matrix_pu": np.ones((3, 3, 3)), "phases": [7, 3, 7]},
            r"zero.bus_matrix_pu\[1\] has numbers beside phases a and b of that bus",
        ),
    ):
        with pytest.raises(fastp2p.InputError, match=fault):
            sequences(**given).check(3, 2, 1)


def test_a_network_without_them_is_hashed_as_before_there_were_any():
    network = fastp2p.Network.load("ieee_european_lv_asymmetric", phases=3)
    first = ("series_pu", "from_shunt_pu", "to_shunt_pu", "to_ground", "grid_zero_pu", "grid_negative_pu", "load_phase")
    assert _network_bytes(network)[-7:] == [getattr(network.zero, name).tobytes() for name in first]
    phases = network.zero.phases.copy()
    phases[5] = 3
    other = dataclasses.replace(network, zero=dataclasses.replace(network.zero, phases=phases))
    assert len(_network_bytes(other)) == len(_network_bytes(network)) + 7


def test_the_cache_keeps_what_is_made_beside_what_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path))
    made = {"a": np.arange(3), "b": np.arange(2)}
    assert cache.kept_arrays("x", {"a"}, lambda: made) is made
    kept = cache.kept_arrays("x", {"a"}, lambda: {})
    assert {name: array.tolist() for name, array in kept.items()} == {"a": [0, 1, 2], "b": [0, 1]}
