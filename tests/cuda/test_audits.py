"""Audits of the device, and of the books that the processor has run, put together; no GPU is needed."""

import numpy as np

from fastp2p.clearing.audit import BROKEN, COLLAPSE, KEPT
from fastp2p.cuda.audits import AuditKind, add_listed_audits, audits_of, hour_audits, scenario_audits
from fastp2p.cuda.listed import Listed

NONE = np.nan


def test_listed_books_count_beside_those_of_the_device():
    """Scenarios of 4 steps: one where the device has run 2 books, one where it has run none, and all books collapse."""
    inf = np.inf
    of_scenario = np.array([[0.5, 0.0], [0.1, 0.0], [0.97, inf], [1.0, inf], [1.01, -inf], [3.0, inf], [40.0, -inf]])
    of_scenario = np.concatenate([of_scenario, np.full((2, 2), -inf)])  # neither unbalance nor neutrals
    band = np.array([[[0.97, inf], [0.98, inf]], [[1.01, -inf], [1.005, -inf]]])
    slot = np.array([0, 0, 1, 1])
    columns = {
        "lowest_vm_pu": [0.96, 0.95, NONE, NONE, NONE, NONE],
        "highest_vm_pu": [1.01, 1.01, NONE, NONE, NONE, NONE],
        "worst_current_percent": [120.0, 30.0, NONE, NONE, NONE, NONE],
        "losses_kwh": [0.25, 0.125, NONE, NONE, NONE, NONE],
        "losses_cost": [0.05, 0.025, NONE, NONE, NONE, NONE],
        "full_breaks_voltage": [0.0, 0.0, NONE, NONE, NONE, 1.0],
        "full_breaks_current": [1.0, 0.0, NONE, NONE, NONE, NONE],
        "needless_cut": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    }
    books = {name: np.array(values) for name, values in columns.items()}
    books["ac_status"] = np.array([BROKEN, KEPT] + [COLLAPSE] * 4, np.int8)
    listed = Listed(np.array([0, 0, 1, 1, 1, 1]), np.array([0, 2, 0, 1, 2, 3]), books, np.zeros(6, np.int8), None)
    n_run = np.array([2, 0])
    audits = audits_of(AuditKind(), n_run, n_run, 0 * n_run, of_scenario, band, np.full((2, 2), 2))
    add_listed_audits(audits, listed, slot)
    found = scenario_audits(audits, n_steps=4)
    wanted = {
        "lowest_vm_pu": [0.95, NONE], "lowest_vm_step": [2, NONE],
        "highest_vm_pu": [1.01, NONE], "highest_vm_step": [0, NONE],  # of equal ones the first step
        "worst_current_percent": [120.0, NONE], "losses_kwh": [0.875, NONE], "losses_cost": [0.175, NONE],
        "n_audited": [4, 4], "n_books": [4, 4], "n_audit_not_audited": [0, 0], "n_audit_kept": [3, 0],
        "n_audit_base_broken": [0, 0], "n_audit_broken": [1, 0], "n_audit_collapse": [0, 4],
        "n_full_breaks_voltage": [0, 1], "n_full_breaks_current": [1, NONE], "n_needless_cut": [0, 0],
    }  # fmt: skip
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-15, err_msg=name)
    hours = hour_audits(audits, slot)
    assert hours["n_audited"].tolist() == hours["n_books"].tolist() == [2, 2, 2, 2]
    np.testing.assert_array_equal(hours["lowest_vm_pu"], [0.96, 0.95, NONE, NONE])
    np.testing.assert_array_equal(hours["highest_vm_pu"], [1.01, 1.01, NONE, NONE])
