"""Three-phase peers, made from pandapower's tables of lines and transformers: power-grid-model and OpenDSS."""

import numpy as np

from bench.networks import Gap
from bench.peers import PhaseCase, PreparedPhases, needs

WINDINGS = {"Dyn": ("delta", "wye_n"), "YNyn": ("wye_n", "wye_n"), "Yzn": ("wye", "zigzag_n")}


class PowerGridModel:
    """A pandapower network behind ideal grids as power-grid-model has it; buses and connections are those of `network`.

    Its transformers are π, and the zero sequence of Dyn and YNyn has the impedance of the positive, that of Yzn a tenth: so
    does a network that `as_peers_have_it` has changed.
    """

    def __init__(self, net, network, positions):
        pgm = needs("power_grid_model")
        node = pgm.initialize_array("input", "node", network.n_bus)
        node["id"], node["u_rated"] = np.arange(network.n_bus), 1e3 * network.base_kv
        data = {"node": node}
        rows = {table: np.flatnonzero(network.element == table) for table in ("line", "trafo")}
        lines, trafos = (net[table].loc[network.element_id[rows[table]]] for table in ("line", "trafo"))
        first = network.n_bus
        for kind, table in (("line", "line"), ("transformer", "trafo")):
            if len(rows[table]):
                data[kind] = pgm.initialize_array("input", kind, len(rows[table]))
                data[kind]["id"] = first + np.arange(len(rows[table]))
                data[kind]["from_node"], data[kind]["to_node"] = network.from_bus[rows[table]], network.to_bus[rows[table]]
                data[kind]["from_status"] = data[kind]["to_status"] = 1
                first += len(rows[table])
        if "line" in data:
            line = data["line"]
            km, n = lines.length_km, lines.parallel
            for to, of, scale in (
                ("r1", "r_ohm_per_km", km / n), ("x1", "x_ohm_per_km", km / n), ("c1", "c_nf_per_km", 1e-9 * km * n),
                ("r0", "r0_ohm_per_km", km / n), ("x0", "x0_ohm_per_km", km / n), ("c0", "c0_nf_per_km", 1e-9 * km * n),
            ):  # fmt: skip
                line[to] = lines[of] * scale
            line["tan1"], line["tan0"], line["i_n"] = 0.0, 0.0, 1e3
        if "transformer" in data:
            trafo = data["transformer"]
            trafo["u1"], trafo["u2"] = 1e3 * trafos.vn_hv_kv, 1e3 * trafos.vn_lv_kv
            trafo["sn"], trafo["uk"] = 1e6 * trafos.sn_mva * trafos.parallel, trafos.vk_percent / 100
            trafo["pk"] = 1e4 * trafos.vkr_percent * trafos.sn_mva * trafos.parallel
            trafo["p0"], trafo["i0"] = 1e3 * trafos.pfe_kw * trafos.parallel, trafos.i0_percent / 100
            trafo["p0_zero_sequence"], trafo["i0_zero_sequence"] = 0.0, 0.0  # what pandapower's π has
            groups = [WINDINGS[group.rstrip("0123456789")] for group in trafos.vector_group]
            trafo["winding_from"] = [pgm.WindingType[hv] for hv, _ in groups]
            trafo["winding_to"] = [pgm.WindingType[lv] for _, lv in groups]
            trafo["clock"] = np.round(trafos.shift_degree / 30).astype(int) % 12
            trafo["tap_side"] = np.where(trafos.tap_side == "lv", 1, 0)
            steps = (trafos.tap_pos - trafos.tap_neutral).fillna(0)
            trafo["tap_pos"] = np.where(trafos.tap_changer_type == "Ratio", steps, 0)  # pandapower passes over the others
            trafo["tap_nom"] = 0
            trafo["tap_min"], trafo["tap_max"] = -100, 100
            rated = np.where(trafos.tap_side == "lv", trafo["u2"], trafo["u1"])
            trafo["tap_size"] = trafos.tap_step_percent.fillna(0.0) / 100 * rated
        roots = network.reference_bus
        source = pgm.initialize_array("input", "source", len(roots))
        source["id"], source["node"], source["status"], source["sk"] = first + np.arange(len(roots)), roots, 1, 1e15
        source["u_ref"], source["u_ref_angle"] = network.slack_vm_pu, network.reference_angle_rad
        data["source"] = source
        load = pgm.initialize_array("input", "asym_load", len(positions))
        self.load_id = first + len(roots) + np.arange(len(positions))
        load["id"], load["node"] = self.load_id, positions
        load["status"], load["type"], load["p_specified"], load["q_specified"] = 1, pgm.LoadGenType.const_power, 0.0, 0.0
        data["asym_load"] = load
        self.pgm, self.rows = pgm, rows
        self.model = pgm.PowerGridModel(data, float(net.f_hz))

    def update(self, kw, kvar):
        update = self.pgm.initialize_array("update", "asym_load", kw.shape[:2])
        update["id"] = self.load_id
        update["p_specified"], update["q_specified"] = -1e3 * kw, -1e3 * kvar
        return {"asym_load": update}

    def run(self, update, method, tolerance=1e-8, outputs=None):
        """Its batch on one thread; the default tolerance is its own."""
        return self.model.calculate_power_flow(
            symmetric=False,
            update_data=update,
            calculation_method=method,
            max_iterations=100,
            error_tolerance=tolerance,
            threading=-1,
            output_component_types=outputs,
        )

    def prepared(self, case: PhaseCase, method: str) -> PreparedPhases:
        """One of its methods as a peer: voltages alone, at its own tolerance."""
        update, found = self.update(case.kw, case.kvar), {}

        def run() -> None:
            found.clear()  # so that its memory is used again
            found.update(self.run(update, method, outputs=["node"]))

        return PreparedPhases(run, lambda: found["node"]["u_pu"])

    def solve(self, kw, kvar):
        """(voltage, from_ka, to_ka, losses_kw, slack_kva) by Newton's method; by the names and shapes of `PhaseFlow`."""
        out = self.run(self.update(kw, kvar), "newton_raphson", 1e-11)
        voltage = out["node"]["u_pu"] * np.exp(1j * out["node"]["u_angle"])
        n_branch = sum(map(len, self.rows.values()))
        ka, losses = np.zeros((2, len(kw), n_branch, 3)), np.zeros(len(kw))
        for kind, table in (("line", "line"), ("transformer", "trafo")):
            if len(self.rows[table]):
                for end, name in enumerate(("from", "to")):
                    ka[end][:, self.rows[table]] = 1e-3 * out[kind][f"i_{name}"]
                losses += 1e-3 * (out[kind]["p_from"] + out[kind]["p_to"]).sum(axis=(1, 2))
        return voltage, *ka, losses, 1e-3 * (out["source"]["p"] + 1j * out["source"]["q"]).sum(axis=1)


STATED = {
    "r0_per_r1": 4.0, "x0_per_x1": 3.5, "c0_per_c1": 0.6, "vector_group": "Dyn", "grid": "ideal", "trafo_z0_per_z1": 1.0,
}  # fmt: skip
"""What holds where a shipped network has no data."""


def as_peers_have_it(net):
    """(net, stated): changed in place so that power-grid-model has the same model, and what makes a Network of it."""
    stated = dict(STATED)
    net.user_pf_options = {"trafo_model": "pi"}
    for zero, one, key in (
        ("r0_ohm_per_km", "r_ohm_per_km", "r0_per_r1"),
        ("x0_ohm_per_km", "x_ohm_per_km", "x0_per_x1"),
        ("c0_nf_per_km", "c_nf_per_km", "c0_per_c1"),
    ):
        if zero not in net.line:
            net.line[zero] = stated.pop(key) * net.line[one]
    net.trafo = net.trafo.drop(columns=["vk0_percent", "vkr0_percent"], errors="ignore")
    if len(net.trafo):
        if "vector_group" not in net.trafo or net.trafo.vector_group.isna().any():
            net.trafo["vector_group"] = "Dyn"
        group = net.trafo.vector_group.str.rstrip("0123456789")
        even = (net.trafo.shift_degree % 60 == 0) & group.isin(["Dyn", "Yzn"])
        net.trafo.loc[even, "shift_degree"] += 30.0  # power-grid-model has no others
        stated["trafo_z0_per_z1"] = 0.1 if (group == "Yzn").any() else 1.0
    return net, stated


class OpenDss:
    """The same in OpenDSS: constant power between phase and neutral at `positions`, solved one book after the other."""

    def __init__(self, net, network, positions, tolerance=1e-10):
        self.dss = dss = needs("opendssdirect")
        steps = (net.trafo.tap_pos - net.trafo.tap_neutral).fillna(0)
        if len(network.reference_bus) > 1 or steps.any() or net.trafo[["pfe_kw", "i0_percent"]].any(axis=None):
            raise Gap("its model here has one external grid, and transformers without taps and iron losses")
        text = dss.Text.Command
        root = int(network.reference_bus[0])
        kv = network.base_kv
        text("clear")
        text(f"set defaultbasefrequency={net.f_hz:g}")
        source = f"bus1=b{root} basekv={kv[root]:.17g} pu={network.slack_vm_pu[0]:.17g}"
        angle = f"angle={np.degrees(network.reference_angle_rad[0]):.17g}"
        text(f"new circuit.net phases=3 {source} {angle} Z1=[0, 1e-9] Z0=[0, 1e-9]")
        for row in np.flatnonzero(network.element == "line"):
            line = net.line.loc[network.element_id[row]]
            ends = f"bus1=b{network.from_bus[row]} bus2=b{network.to_bus[row]} phases=3 units=km length={line.length_km:.17g}"
            one = f"r1={line.r_ohm_per_km:.17g} x1={line.x_ohm_per_km:.17g} c1={line.c_nf_per_km:.17g}"
            zero = f"r0={line.r0_ohm_per_km:.17g} x0={line.x0_ohm_per_km:.17g} c0={line.c0_nf_per_km:.17g}"
            text(f"new line.l{row} {ends} {one} {zero}")
        for row in np.flatnonzero(network.element == "trafo"):
            trafo = net.trafo.loc[network.element_id[row]]
            buses = f"buses=[b{network.from_bus[row]} b{network.to_bus[row]}] conns=[delta wye]"
            kva, r = 1e3 * trafo.sn_mva, trafo.vkr_percent / 2
            rated = f"kvs=[{trafo.vn_hv_kv:.17g} {trafo.vn_lv_kv:.17g}] kvas=[{kva:.17g} {kva:.17g}]"
            x = np.sqrt(trafo.vk_percent**2 - trafo.vkr_percent**2)
            losses = f"xhl={x:.17g} %rs=[{r:.17g} {r:.17g}] %noloadloss=0 %imag=0 ppm_antifloat=0"
            text(f"new transformer.t{row} phases=3 windings=2 {buses} {rated} {losses}")
        for column, bus in enumerate(positions):
            for phase in range(3):
                about = f"bus1=b{bus}.{phase + 1} phases=1 kv={kv[bus] / np.sqrt(3):.17g} kw=0 kvar=0"
                text(f"new load.c{column}_{phase} {about} model=1 vminpu=0 vmaxpu=9")
        text("set voltagebases=[" + " ".join(f"{one:.17g}" for one in np.unique(kv)) + "]")
        text("calcvoltagebases")
        text(f"set mode=snapshot tolerance={tolerance:g} maxiterations=200 controlmode=off")
        place = {name: i for i, name in enumerate(dss.Circuit.AllNodeNames())}
        self.nodes = np.array([[place[f"b{bus}.{phase}"] for phase in (1, 2, 3)] for bus in range(network.n_bus)])

    def solve(self, kw, kvar):
        """(n_books, n_bus, 3) voltages of the phases, p.u."""
        loads, found = self.dss.Loads, np.empty((len(kw), *self.nodes.shape))
        for book, (p, q) in enumerate(zip(-kw.reshape(len(kw), -1), -kvar.reshape(len(kw), -1), strict=True)):
            for number, (load_kw, load_kvar) in enumerate(zip(p.tolist(), q.tolist(), strict=True), 1):
                loads.Idx(number)
                loads.kW(load_kw)
                loads.kvar(load_kvar)
            self.dss.Solution.Solve()
            found[book] = np.asarray(self.dss.Circuit.AllBusMagPu())[self.nodes]
        return found
