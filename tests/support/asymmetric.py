"""Three-phase networks in power-grid-model, from pandapower's tables of lines and transformers; and states to solve."""

import numpy as np
from hypothesis import strategies as st

import fastp2p
from tests.support.radial_networks import steps, trees

WINDINGS = {"Dyn": ("delta", "wye_n"), "YNyn": ("wye_n", "wye_n"), "Yzn": ("wye", "zigzag_n")}


class PowerGridModel:
    """A pandapower network behind ideal grids as power-grid-model has it; buses and connections are those of `network`.

    Its transformers are π, and the zero sequence of Dyn and YNyn has the impedance of the positive, that of Yzn a tenth: so
    does a network that `as_peers_have_it` has changed.
    """

    def __init__(self, net, network, positions):
        import power_grid_model as pgm

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
            trafo["tap_pos"], trafo["tap_nom"] = trafos.tap_pos.fillna(0), trafos.tap_neutral.fillna(0)
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

    def solve(self, kw, kvar, method="newton_raphson", tolerance=1e-11):
        """(voltage, from_ka, to_ka, losses_kw, slack_kva) of books that it solves; by the names and shapes of `PhaseFlow`."""
        out = self.model.calculate_power_flow(
            symmetric=False, update_data=self.update(kw, kvar), calculation_method=method, max_iterations=100,
            error_tolerance=tolerance,
        )  # fmt: skip
        voltage = out["node"]["u_pu"] * np.exp(1j * out["node"]["u_angle"])
        n_branch = sum(map(len, self.rows.values()))
        ka, losses = np.zeros((2, len(kw), n_branch, 3)), np.zeros(len(kw))
        for kind, table in (("line", "line"), ("transformer", "trafo")):
            if kind in out:
                for end, name in enumerate(("from", "to")):
                    ka[end][:, self.rows[table]] = 1e-3 * out[kind][f"i_{name}"]
                losses += 1e-3 * (out[kind]["p_from"] + out[kind]["p_to"]).sum(axis=(1, 2))
        return voltage, *ka, losses, 1e-3 * (out["source"]["p"] + 1j * out["source"]["q"]).sum(axis=1)


STATED = {
    "r0_per_r1": 4.0, "x0_per_x1": 3.5, "c0_per_c1": 0.6, "vector_group": "Dyn", "grid": "ideal", "trafo_z0_per_z1": 1.0,
}  # fmt: skip


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


def phase_directions(rng, network, n_directions, loads=None):
    """(positions, kw, kvar): loads of 1 kW in all at some buses, on one phase, two or all three; generators among some.

    In each the loads prevail, as in `radial_networks.random_directions`.
    """
    behind = np.flatnonzero(network.has_band) if loads is None else loads
    shape = (n_directions, len(behind))
    busy = rng.random(shape) < rng.choice([0.15, 0.5, 1.0], size=(n_directions, 1))
    busy[np.arange(n_directions), rng.integers(0, len(behind), n_directions)] = True
    kinds = rng.choice(3, size=shape, p=[0.6, 0.2, 0.2])
    first = rng.integers(0, 3, shape)
    apart = (np.arange(3) - first[..., None]) % 3
    on = apart <= kinds[..., None]  # one phase, two, or all
    share = on * np.where(kinds[..., None] == 1, rng.uniform(0.5, 1.5, (*shape, 3)), 1.0)
    size = (rng.gamma(1.0, size=shape) * busy)[..., None] * share
    generates = rng.random(shape) < rng.choice([0.0, 0.3], size=(n_directions, 1))
    generates &= (size.sum(axis=2) * generates).sum(axis=1, keepdims=True) < 0.5 * size.sum(axis=(1, 2))[:, None]
    size /= (size * ~generates[..., None]).sum(axis=(1, 2), keepdims=True)
    kw = np.where(generates[..., None], 0.5 * size, -size)
    return behind, kw, -size * rng.uniform(-0.3, 0.6, shape)[..., None]


def phase_brinks(network, bus, kw, kvar):
    """The largest scale at which `phase_flow` solves each direction, within a thousandth, by bisection."""

    def solves(scale):
        of = scale[:, None, None]
        return ~fastp2p.phase_summary(network, of * kw, of * kvar, bus=bus).collapse

    low, high = np.zeros(len(kw)), np.full(len(kw), 1.0)
    while (growing := solves(high)).any():  # ends: no network carries everything
        low, high = np.where(growing, high, low), np.where(growing, 2.0 * high, high)
    for _ in range(11):
        middle = (low + high) / 2.0
        good = solves(middle)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return low


@st.composite
def phase_trees(draw):
    """A small forest with zero-sequence data and injections on each phase, far from collapse: (net, kw, kvar), (n_bus, 3)."""
    net, _, _ = draw(trees())
    for name, low, high in (("r0_ohm_per_km", 0.1, 1.6), ("x0_ohm_per_km", 0.05, 0.8), ("c0_nf_per_km", 0.0, 400.0)):
        net.line[name] = [draw(steps(low, high)) for _ in net.line.index]
    row = {bus: i for i, bus in enumerate(net.bus.index)}
    groups, shifts = [], []
    for hv, lv in zip(net.trafo.hv_bus, net.trafo.lv_bus, strict=True):
        group = draw(st.sampled_from(["Dyn", "YNyn", "Yzn"])) if row[hv] < row[lv] else "YNyn"  # else fed at its star
        groups.append(group)
        shifts.append(draw(st.sampled_from([0.0, 180.0] if group == "YNyn" else [30.0, 150.0, -30.0])))
    net.trafo["vector_group"], net.trafo["shift_degree"] = np.array(groups, object), np.array(shifts, float)
    for name, low, high in (
        ("vk0_percent", 3.0, 6.0), ("vkr0_percent", 0.5, 2.0), ("mag0_percent", 50.0, 1000.0), ("mag0_rx", 0.0, 0.5),
        ("si0_hv_partial", 0.2, 0.8),
    ):  # fmt: skip
        net.trafo[name] = np.array([draw(steps(low, high)) for _ in groups], float)
    for name, low, high in (("s_sc_max_mva", 5.0, 500.0), ("rx_max", 0.1, 1.0), ("x0x_max", 0.5, 3.0), ("r0x0_max", 0.1, 1.0)):
        net.ext_grid[name] = [draw(steps(low, high)) for _ in net.ext_grid.index]
    power = st.lists(st.one_of(st.just(0.0), steps(-1.5, 1.5)), min_size=3 * len(net.bus), max_size=3 * len(net.bus))
    return net, np.reshape(draw(power), (-1, 3)), np.reshape(draw(power), (-1, 3))
