"""What a run on a GPU refuses, and what it writes into a manifest; no GPU is needed for either."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import fastp2p
from fastp2p import InputError
from fastp2p.cuda import device
from fastp2p.sweep import on_device
from fastp2p.sweep.parts import jobs_of

SWEEP = fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 4, "shares": [0.3], "keep": ["hours"]})


def faults_of(study, **options):
    with pytest.raises(InputError) as raised:
        fastp2p.run(study, device="cuda", **options)
    return raised.value.faults


def test_each_fault_has_its_key():
    study = SWEEP.with_(
        battery={"kwh": 5.0, "rule": "market", "value_per_kwh": 0.1}, community_battery={"bus": 8, "kwh": 30.0},
        ev={"share": 0.5}, network={"phases": 3, "zero_sequence": {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "c0_per_c1": 1.0}},
        connection={"phases": "random"}, market={"pricing": "mcafee", "branch_charge_per_kwh": 0.01},
        clearing={"unserved": "shed", "audit": 3}, scenarios={"keep": ["books", "hours"]},
    )  # fmt: skip
    keys = [fault.partition(":")[0] for fault in faults_of(study, workers=2)]
    assert keys == [
        "workers", "battery.rule = 'market'", "community_battery", "clearing.unserved = 'shed'",
        "market.branch_charge_per_kwh", "market.pricing = 'mcafee'", "scenarios.keep (books)",
    ]  # fmt: skip
    reverse = SWEEP.with_(clearing={"audit": True}, network={"reverse_kw": 10.0})
    assert [fault.partition(":")[0] for fault in faults_of(reverse)] == ["network.reverse_kw"]
    assert [fault.partition(":")[0] for fault in faults_of(SWEEP, scenarios=[1])] == [
        "scenarios.keep (books, trades, branches, participants)"
    ]


def test_what_is_no_device_and_where_there_is_none(monkeypatch):
    with pytest.raises(InputError, match="device = 'tpu': must be 'cuda'"):
        fastp2p.run(SWEEP, device="tpu")

    def missing(_):
        raise ImportError("no module")

    monkeypatch.setattr("fastp2p.cuda.device.import_module", missing)
    (fault,) = faults_of(SWEEP)
    assert "pip install 'fastp2p[cuda]'" in fault


def test_a_run_on_a_gpu_is_not_resumed_without_it(monkeypatch, tmp_path, no_figures):
    monkeypatch.setattr(on_device, "device_name", lambda: "a card")
    monkeypatch.setattr(on_device, "JOBS", jobs_of(None))
    monkeypatch.setattr("fastp2p.sweep.parts.PART_BOOKS", 24)
    found = fastp2p.run(SWEEP, device="cuda", out=tmp_path / "gpu")
    manifest = json.loads((tmp_path / "gpu" / "manifest.json").read_text())
    assert (manifest["device"], manifest["card"], manifest["parts"]) == ("cuda", "a card", 2)
    assert found.scenarios.equals(fastp2p.run(SWEEP, out=tmp_path / "cpu").scenarios)
    assert "device" not in json.loads((tmp_path / "cpu" / "manifest.json").read_text())
    with pytest.raises(InputError, match="was started on a GPU; continue with device = 'cuda'"):
        fastp2p.run(SWEEP, out=tmp_path / "gpu", resume=True)
    with pytest.raises(InputError, match="was started on the processors; continue without a device"):
        fastp2p.run(SWEEP, out=tmp_path / "cpu", resume=True, device="cuda")
    fastp2p.run(SWEEP, out=tmp_path / "gpu", resume=True, device="cuda")


def test_what_the_driver_raises_is_told_in_a_line(monkeypatch):
    failure = type("CudaAPIError", (RuntimeError,), {"__module__": "numba.cuda.cudadrv.driver"})
    monkeypatch.setattr(device, "is_simulated", lambda: False)
    memory = "[2] CUDA_ERROR_OUT_OF_MEMORY", "has too little memory for this study"
    lost = "[700] lost", r"failed \(\[700\] lost\)"
    for said, why in (memory, lost):

        def fail(_, said=said):
            raise failure(f"{said}\nand more")

        monkeypatch.setattr(device, "_numba_cuda", lambda fail=fail: SimpleNamespace(to_device=fail))
        with pytest.raises(InputError, match=f"^device = 'cuda': the GPU {why}; leave the device out to run without it$"):
            device.put(np.zeros(3))


def test_a_community_without_branches_is_refused(monkeypatch):
    """A thread has no work space of no branches."""
    monkeypatch.setattr(on_device, "device_name", lambda: "a card")
    monkeypatch.setattr(on_device, "JOBS", jobs_of(None))
    network = fastp2p.Network.load("cigre_lv")
    at_grid = int(network.bus_id[network.reference_bus[0]])
    (fault,) = faults_of(SWEEP.with_(participants={"buses": [at_grid]}))
    assert fault.startswith("participants.buses: device = 'cuda' does not do communities at external grids alone")


def test_work_space_of_threads_is_not_free(monkeypatch):
    """132 processors of 2,048 threads each of a card with 80 GB, of which another program has 2 GB."""
    context = SimpleNamespace(get_memory_info=lambda: (78e9, 80e9))
    card = SimpleNamespace(MULTIPROCESSOR_COUNT=132, MAX_THREADS_PER_MULTIPROCESSOR=2048)
    fake = SimpleNamespace(current_context=lambda: context, get_current_device=lambda: card)
    monkeypatch.setattr(device, "is_simulated", lambda: False)
    monkeypatch.setattr(device, "_numba_cuda", lambda: fake)
    assert device.free_bytes() == 78e9
    assert device.free_bytes(100_000) == 80e9 - 132 * 2048 * 1e5
    known = pytest.importorskip("cuda.bindings.driver").CUdevice_attribute
    assert {f"CU_DEVICE_ATTRIBUTE_{name}" for name in vars(card)} <= set(known.__members__)
