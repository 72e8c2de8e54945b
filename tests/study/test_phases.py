"""Keys of three phases in a study file: what they may say, and that one-phase studies are written as ever."""

import hashlib
from typing import get_args

import pytest

import fastp2p
from fastp2p.io.stated import STATED, VECTOR_GROUPS
from fastp2p.study.sections import ConnectionPart, ZeroSequencePart
from tests.support.studies import study_text
from tests.support.sweeps import SWEEP

THREE = SWEEP.with_(
    network={"phases": 3, "zero_sequence": {"r0_per_r1": 4.0, "x0_per_x1": 3.5, "vector_group": "Dyn", "grid": "ideal"}},
    connection={"phases": ["a", "c", "balanced"]},
    pv={"three_phase_above_kw": 3.68},
)


def faults(**changes):
    with pytest.raises(fastp2p.InputError) as caught:
        SWEEP.with_(**changes)
    return caught.value.faults


def test_a_study_of_three_phases_is_written_and_read_again(tmp_path):
    (tmp_path / "three.toml").write_text(THREE.to_toml())
    again = fastp2p.Study.from_toml(tmp_path / "three.toml")
    assert again == THREE
    assert again.to_toml() == THREE.to_toml()
    assert again.network.stated == {"r0_per_r1": 4.0, "x0_per_x1": 3.5, "vector_group": "Dyn", "grid": "ideal"}
    assert again.connection.phases == ("a", "c", "balanced")
    assert again.three_phase_above_kw == 3.68
    assert THREE.validated() == THREE


def test_studies_of_one_phase_are_written_as_ever():
    """Their text is what a results folder knows a study by."""
    for name, study in fastp2p.studies().items():
        if study.network.phases == 3:
            continue
        text = study.to_toml().replace(study.description, "")
        assert not any(word in text for word in ("phases", "zero_sequence", "connection", "three_phase")), name
        assert study.validated() == study
    assert hashlib.sha256(SWEEP.to_toml().encode()).hexdigest() == (
        "e92b98d94c593137652194443be1efea6c7a12fdfed3de57dd1044f9d0855396"
    )


def test_keys_of_three_phases_are_changed_one_by_one_and_taken_back():
    wider = THREE.with_(network={"zero_sequence": {"r0_per_r1": 5.0, "grid": None}})
    assert wider.network.stated == {"r0_per_r1": 5.0, "x0_per_x1": 3.5, "vector_group": "Dyn"}
    assert THREE.with_(connection={"phases": "random"}).connection == ConnectionPart(phases="random")
    one = THREE.with_(network={"phases": None, "zero_sequence": None}, connection=None, pv={"three_phase_above_kw": None})
    assert one == SWEEP
    assert one.three_phase_above_kw == 4.6
    assert SWEEP.with_(network={"zero_sequence": {}}) == SWEEP


def test_what_a_study_states_is_what_a_network_takes():
    fields = ZeroSequencePart.model_fields
    assert set(fields) == set(STATED)
    assert get_args(get_args(fields["vector_group"].annotation)[0]) == VECTOR_GROUPS


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"network": {"phases": 2}}, "network.phases = 2: must be 1 or 3"),
        ({"network": {"phases": True}}, "network.phases = True: must be 1 or 3"),
        ({"network": {"phases": "3"}}, "network.phases = '3': must be 1 or 3"),
        ({"network": {"phase": 3}}, "unknown key network.phase; did you mean phases?"),
        ({"network": {"zero_sequence": 4.0}}, "network.zero_sequence = 4.0: is a section; name the keys to change in it"),
        ({"network": {"zero_sequence": {"r0_r1": 4.0}}}, "unknown key network.zero_sequence.r0_r1; did you mean r0_per_r1?"),
        ({"network": {"zero_sequence": {"r0_per_r1": "4"}}}, "network.zero_sequence.r0_per_r1 = '4': must be a number"),
        (
            {"network": {"zero_sequence": {"x0_per_x1": 0.0}}},
            "network.zero_sequence.x0_per_x1 = 0.0: must lie in 1e-06…1,000,000",
        ),
        (
            {"network": {"zero_sequence": {"vector_group": "Dd"}}},
            "network.zero_sequence.vector_group = 'Dd': must be 'Dyn', 'YNyn' or 'Yzn'",
        ),
        ({"network": {"zero_sequence": {"grid": "real"}}}, "network.zero_sequence.grid = 'real': must be 'ideal'"),
        ({"connection": {}}, "connection.phases is missing"),
        ({"connection": "random"}, "connection = 'random': is a section; name the keys to change in it"),
        ({"connection": {"phase": "a"}}, "unknown key connection.phase; did you mean phases?"),
        (
            {"connection": {"phases": "randm"}},
            "connection.phases = 'randm': must be 'balanced', 'random', 'as_connected', 'a', 'b' or 'c'",
        ),
        ({"connection": {"phases": ["a", "d"]}}, "connection.phases.1 = 'd': must be 'a', 'b', 'c' or 'balanced'"),
        ({"connection": {"phases": 3}}, "connection.phases = 3: must be 'balanced', 'random', 'as_connected', 'a'"),
        ({"conection": {"phases": "a"}}, "unknown key conection; did you mean connection?"),
        ({"pv": {"three_phase_above": 3.0}}, "unknown key pv.three_phase_above; did you mean three_phase_above_kw?"),
        ({"pv": {"three_phase_above_kw": "4.6"}}, "pv.three_phase_above_kw = '4.6': must be a number"),
    ],
)
def test_what_keys_of_three_phases_cannot_be(changes, told):
    (fault,) = faults(**changes)
    assert fault.startswith(told), fault


def test_a_file_with_these_keys(tmp_path):
    text = study_text(
        network="phases = 3\nzero_sequence = { r0_per_r1 = 4, x0_per_x1 = 4.0 }", clearing='[connection]\nphases = "random"'
    )
    (tmp_path / "mine.toml").write_text(text)
    study = fastp2p.Study.from_toml(tmp_path / "mine.toml")
    assert (study.network.phases, study.network.stated) == (3, {"r0_per_r1": 4.0, "x0_per_x1": 4.0})
    assert study.connection == ConnectionPart(phases="random")
