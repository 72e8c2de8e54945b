"""PyPSA: `Network.lpf` over all snapshots at once, its linear power flow.

Injections are a table of the model there, so it is filled beforehand. `skip_pre` leaves out what does not change from run to
run: topology, per-unit values and the matrices of the network. Every branch is a transformer, since only those may shift
phases; its series reactance is that of fastp2p's DC model.
"""

import logging
import warnings

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, needs

TITLE = "PyPSA, lpf"
PHYSICS = "DC"
PACKAGE = "pypsa"


def prepare(case: Case, injection_kw: np.ndarray) -> Prepared:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pypsa, pd = needs("pypsa"), needs("pandas")
        network = case.network
        bus = np.char.add("bus ", np.arange(network.n_bus).astype(str))
        load = np.char.add("load ", np.arange(network.n_bus).astype(str))
        branch = np.char.add("branch ", np.arange(network.n_branch).astype(str))
        model = pypsa.Network(snapshots=np.arange(len(injection_kw)))
        model.add("Bus", bus, v_nom=1.0)
        model.add("Generator", ["grid"], bus=bus[network.slack_bus], control="Slack")
        model.add(
            "Transformer",
            branch,
            bus0=bus[network.from_bus],
            bus1=bus[network.to_bus],
            model="pi",
            s_nom=1.0,
            x=1e3 / network.susceptance_kw,
            phase_shift=np.rad2deg(network.shift_rad),
        )
        model.add("Load", load, bus=bus, p_set=pd.DataFrame(-1e-3 * injection_kw, index=model.snapshots, columns=load))
    logging.getLogger("pypsa").setLevel(logging.WARNING)

    def run(**options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.lpf(**options)

    run()
    return Prepared(lambda: run(skip_pre=True), lambda: 1e3 * model.c.transformers.dynamic.p0[branch].to_numpy())
