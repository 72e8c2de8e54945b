"""Homes' batteries beside OpenDSS's `Storage` and `StorageController` on a feeder, which the extra `bench` installs.

docs/devices.md says where the two differ, and why.
"""

import numpy as np
import pytest

import fastp2p
from bench.peers.asymmetric import OpenDss, as_peers_have_it
from fastp2p.devices.battery import run_batteries
from tests.support.radial_networks import load

pytest.importorskip("opendssdirect")
HOMES = 6
KWP = (12.0, 15.0, 28.0, 14.0, 16.0, 20.0)
KWH, KW, EFFICIENCY, LOWEST, FIRST = 20.0, 5.0, 0.9, 0.1, 0.5
ALONE = "phases=1 units=none length=1 r1=1e-6 x1=1e-6 r0=1e-6 x0=1e-6 c1=0 c0=0"
ANY_VOLTAGE = "model=1 vminpu=0 vmaxpu=9"


@pytest.fixture(scope="module")
def feeder():
    net, stated = as_peers_have_it(load("ieee_european_lv_asymmetric"))
    return net, fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)


def net_kw(days, step_hours):
    """(n_steps, n_homes) PV less load, of the shipped day, over and over."""
    day = fastp2p.Profiles.load()
    kw = [
        kwp * day.kwh_per_unit[day.row(f"solar_{i % 3}", "pv")] - day.kwh_per_unit[day.row(f"residential_{i % 3}", "load")]
        for i, kwp in enumerate(KWP)
    ]
    return np.repeat(np.tile(np.array(kw), days).T, round(1.0 / step_hours), axis=0)


def ours(kw, step_hours):
    """(n_steps, n_homes) kW that batteries give, and kWh stored after it."""
    sizes = (np.full((1, HOMES), size) for size in (KWH, KW, LOWEST * KWH, FIRST * KWH))
    ran = run_batteries(step_hours * kw[None], *sizes, efficiency=EFFICIENCY, step_hours=step_hours, cyclic=False)
    return (ran.discharged_kwh - ran.charged_kwh)[0] / step_hours, ran.stored_kwh[0]


def opendss(feeder, kw, step_hours):
    """The same of OpenDSS, the feeder's kW, and (n_steps, n_bus, 3) voltages, p.u.

    Each controller keeps the power of its home's line at zero.
    """
    net, network = feeder
    model = OpenDss(net, network, [])
    dss, text = model.dss, model.dss.Text.Command
    for home, bus in enumerate(network.load_bus[:HOMES].tolist()):
        phase, kv = home % 3 + 1, network.base_kv[bus] / np.sqrt(3.0)
        at = f"bus1=h{home}.{phase} phases=1 kv={kv:.17g} {ANY_VOLTAGE}"
        percent, reserve = 100.0 * np.sqrt(EFFICIENCY), f"%reserve={100 * LOWEST}"
        text(f"new loadshape.n{home} npts={len(kw)} interval={step_hours} mult={(-kw[:, home]).tolist()}")
        text(f"new line.s{home} bus1=b{bus}.{phase} bus2=h{home}.{phase} {ALONE}")
        text(f"new load.h{home} {at} kw=1 kvar=0 daily=n{home}")
        text(
            f"new storage.b{home} {at} kva=100 pf=1 kwrated={KW} kwhrated={KWH} kwhstored={FIRST * KWH} {reserve} "
            f"%effcharge={percent:.17g} %effdischarge={percent:.17g} %idlingkw=0 %cutin=0 %cutout=0 state=idling"
        )
        text(
            f"new storagecontroller.c{home} element=line.s{home} terminal=1 elementlist=[b{home}] modedischarge=peakshave "
            f"kwtarget=0 kwband=1e-6 modecharge=peakshavelow kwtargetlow=0 kwbandlow=1e-6 {reserve} resetlevel=0"
        )
    text("calcvoltagebases")
    text(f"set mode=daily stepsize={step_hours}h number=1 controlmode=static maxcontroliter=1000 tolerance=1e-10")
    (trafo,) = np.flatnonzero(network.element == "trafo")
    given, stored = np.empty((2, *kw.shape))
    feeder_kw, volts = np.empty(len(kw)), np.empty((len(kw), network.n_bus, 3))
    place = {name: i for i, name in enumerate(dss.Circuit.AllNodeNames())}
    nodes = [[place[f"b{bus}.{phase}"] for phase in (1, 2, 3)] for bus in range(network.n_bus)]
    for step in range(len(kw)):
        dss.Solution.Solve()
        assert dss.Solution.Converged()
        volts[step] = np.asarray(dss.Circuit.AllBusMagPu())[nodes]
        dss.Circuit.SetActiveElement(f"transformer.t{trafo}")  # the source itself is so stiff that rounding makes watts of it
        feeder_kw[step] = np.reshape(dss.CktElement.Powers(), (2, -1, 2))[0, :, 0].sum()
        for home in range(HOMES):
            dss.Storages.Name(f"b{home}")
            stored[step, home] = KWH * dss.Storages.puSOC()
            dss.Circuit.SetActiveElement(f"storage.b{home}")
            given[step, home] = -dss.CktElement.Powers()[0]
    return given, stored, feeder_kw, volts


@pytest.mark.slow
def test_stored_energy_power_and_voltages_are_those_of_opendss(feeder):
    """But for the step in which a battery becomes full or empty: OpenDSS looks at its energy when the step begins.

    It then gives and takes for the whole step what power and home ask for.
    """
    _, network = feeder
    kw = net_kw(3, 1.0)
    (given, stored), (peer_given, peer_stored, feeder_kw, volts) = ours(kw, 1.0), opendss(feeder, kw, 1.0)
    np.testing.assert_allclose(stored, peer_stored, rtol=0, atol=1e-6)
    reaches_an_end = ((stored == KWH) | (stored == LOWEST * KWH)) & (np.abs(given) > 0.0)
    np.testing.assert_allclose(given[~reaches_an_end], peer_given[~reaches_an_end], rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.clip(-kw, -KW, KW)[reaches_an_end], peer_given[reaches_an_end], rtol=0, atol=1e-6)
    assert 20 < reaches_an_end.sum() < 0.1 * given.size
    alike = ~reaches_an_end.any(axis=1)
    injected = np.zeros((len(kw), HOMES, 3))
    injected[:, np.arange(HOMES), np.arange(HOMES) % 3] = kw + given
    flow = fastp2p.phase_flow(network, injected[alike], np.zeros_like(injected[alike]), bus=network.load_bus[:HOMES])
    np.testing.assert_allclose(flow.vm_pu, volts[alike], rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.slack_kw.sum(axis=1), feeder_kw[alike], rtol=0, atol=1e-4)
    assert flow.vm_pu.max() - flow.vm_pu.min() > 0.01


@pytest.mark.slow
def test_the_difference_from_opendss_falls_with_the_length_of_steps(feeder):
    gained = []
    for step_hours in (1.0, 0.1):
        kw = net_kw(1, step_hours)
        (given, stored), (peer_given, peer_stored, _, _) = ours(kw, step_hours), opendss(feeder, kw, step_hours)
        np.testing.assert_allclose(stored, peer_stored, rtol=0, atol=1e-6)
        gained.append(step_hours * np.abs(peer_given - given).sum() / HOMES)
    assert 0.0 < gained[1] < 0.2 * gained[0]
