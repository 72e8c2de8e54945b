"""Radial networks that pandapower ships, random injections into them, and pandapower's own AC solution of each state."""

import copy
import warnings

import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pandas as pd
from hypothesis import strategies as st
from pandas.api.types import is_integer_dtype

import fastp2p
from fastp2p.io.network_sources import load_network, network_names
from tests.support.shipped import shipped

ALIASES = {"cigre_lv", "create_synthetic_voltage_control_lv_network"}  # create_cigre_network_lv and rural_1 once more
MESHED = {
    "GBnetwork", "GBreducednetwork", "case118", "case11_iwamoto", "case1354pegase", "case14", "case145", "case1888rte",
    "case24_ieee_rts", "case2848rte", "case2869pegase", "case30", "case300", "case3120sp", "case39", "case4gs", "case5",
    "case57", "case6470rte", "case6495rte", "case6515rte", "case6ww", "case89pegase", "case9", "case9241pegase",
    "case_ieee30", "case_illinois200", "create_cigre_network_hv", "example_multivoltage", "iceland", "lv_schutterwald",
}  # fmt: skip
NEED_ARGUMENTS = {"create_dickert_lv_feeders", "sorted_from_json"}
SYNTHETIC = ("rural_1", "rural_2", "suburb_1", "village_1", "village_2")
INJECTING = ("load", "sgen", "gen", "storage", "motor", "asymmetric_load", "asymmetric_sgen")
BUS_COLUMNS = {"bus", "from_bus", "to_bus", "hv_bus", "mv_bus", "lv_bus"}
RADIAL = sorted({*network_names(), *SYNTHETIC} - ALIASES - MESHED - NEED_ARGUMENTS)
"""Every radial network of `pandapower.networks`, and whatever pandapower adds that nobody has looked at yet."""


def load(name):
    if name in SYNTHETIC:
        return pn.create_synthetic_voltage_control_lv_network(network_class=name)
    return load_network(name) if name.startswith("simbench:") else shipped(name)  # those have a year of profiles


def side_by_side(net, n_copies):
    """The network several times over in one, no copy connected to another: (net, stride of the index of each table)."""
    tables = [name for name in net if isinstance(net[name], pd.DataFrame) and not name.startswith("_") and len(net[name])]
    stride = {name: int(net[name].index.max()) + 1 for name in tables if is_integer_dtype(net[name].index)}
    many = copy.deepcopy(net)
    for name in stride:
        parts = [net[name].set_axis(net[name].index + i * stride[name]) for i in range(n_copies)]
        for i, part in enumerate(parts):
            for column in BUS_COLUMNS & set(part):
                part[column] += i * stride["bus"]
            if name == "switch":
                at = part.et.map({"b": "bus", "l": "line", "t": "trafo", "t3": "trafo3w"}).map(stride)
                part["element"] += i * at.astype(np.int64)
        many[name] = pd.concat(parts)
    return many, stride


class Pandapower:
    """A network in pandapower without its own injections, solved for injections at the positions of `network`.

    Every solution starts from the unloaded network's, so that none depends on the one before and each hangs together with
    it. What pandapower does around its solver takes longer than solving, so several books are solved at a time in as many
    copies of the network; and as only loads change, its matrices are kept (`recycle`).
    """

    def __init__(self, net, network, n_copies=1, max_iteration=30):
        bare = copy.deepcopy(net)
        bare._ppc = None  # some networks ship with pandapower's tables
        for table in INJECTING:
            bare[table] = bare[table].iloc[:0]
        self.network, self.n_copies = network, n_copies
        self.net, self.stride = side_by_side(bare, n_copies)
        self.at = np.flatnonzero(network.bus_id >= 0)
        pp.create_loads(self.net, self.ids("bus", network.bus_id[self.at]), 0.0, 0.0)
        tolerance = 1e-10 / float(net.sn_mva)  # pandapower holds its tolerance_mva against per unit
        self.options = {"max_iteration": max_iteration, "tolerance_mva": tolerance, "calculate_voltage_angles": True}
        self.start = None
        unloaded = np.zeros((n_copies, network.n_bus))
        assert self.solve(unloaded, unloaded)
        self.start = copy.deepcopy(self.net._ppc)

    def ids(self, table, ids):
        return (np.asarray(ids) + self.stride[table] * np.arange(self.n_copies)[:, None]).ravel()

    def solve(self, injection_kw, injection_kvar):
        """Whether `runpp` solves all books, (n_copies, n_bus); its result tables then hold the solution."""
        self.net.load["p_mw"] = -injection_kw[:, self.at].ravel() / 1e3
        self.net.load["q_mvar"] = -injection_kvar[:, self.at].ravel() / 1e3
        if self.start is not None:
            self.net._ppc = copy.deepcopy(self.start)
        recycle = {"bus_pq": True, "trafo": False, "gen": False}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pp.runpp(self.net, recycle=recycle, lightsim2grid=False, **self.options)
        except pp.LoadflowNotConverged:
            return False
        return True

    def solves(self, injection_kw, injection_kvar):
        """(n_books,) whether `runpp` solves each book."""
        return np.array([self.solve(p[None], q[None]) for p, q in zip(injection_kw, injection_kvar, strict=True)])

    def column(self, table, name, ids):
        """(n_copies, n_ids) of a result table."""
        return self.net[f"res_{table}"][name].loc[self.ids(table, ids)].to_numpy().reshape(self.n_copies, -1)

    def total(self, table, name):
        """(n_copies,) sums over an element's result table."""
        rows = self.net[f"res_{table}"]
        return rows[name].to_numpy().reshape(self.n_copies, -1).sum(axis=1) if len(rows) else np.zeros(self.n_copies)

    def results(self):
        """The solution by the names of `AcFlow`, voltages per supplied bus; NaN where no result table has a branch's end."""
        network = self.network
        supplied = network.known_id[network.known_position >= 0]
        found = {name: self.column("bus", name, supplied) for name in ("vm_pu", "va_degree")}
        found |= {name: np.full((self.n_copies, network.n_branch), np.nan) for name in ("from_ka", "to_ka", "loading_percent")}
        for element, ends in {"line": ("from", "to"), "trafo": ("hv", "lv"), "impedance": ("from", "to")}.items():
            rows = network.element == element
            if rows.any():
                for name, end in zip(("from_ka", "to_ka"), ends, strict=True):
                    found[name][:, rows] = self.column(element, f"i_{end}_ka", network.element_id[rows])
                if element != "impedance":
                    found["loading_percent"][:, rows] = self.column(element, "loading_percent", network.element_id[rows])
        for winding, end in (("hv", "from_ka"), ("mv", "to_ka"), ("lv", "to_ka")):  # from hv to the inner bus, on to mv and lv
            rows = (network.element == "trafo3w") & (network.winding == winding)
            if rows.any():
                found[end][:, rows] = self.column("trafo3w", f"i_{winding}_ka", network.element_id[rows])
        drawn = [self.total(table, "pl_mw") for table in ("line", "trafo", "trafo3w", "impedance")]
        found["losses_kw"] = 1e3 * sum(drawn + [self.total(table, "p_mw") for table in ("shunt", "ward")])
        found["slack_kw"], found["slack_kvar"] = (1e3 * self.total("ext_grid", name) for name in ("p_mw", "q_mvar"))
        return found


def random_directions(rng, network, n_directions):
    """(injection_kw, injection_kvar) with loads of 1 kW in all, everywhere or at few buses, some with generators among them.

    In each the loads prevail: generators alone lift the voltage to twice the rated before the angle gives way, where Newton's
    method from the unloaded network no longer keeps to the solution that hangs together with it.
    """
    shape = (n_directions, network.n_bus)
    busy = rng.random(shape) < rng.choice([0.15, 0.5, 1.0], size=(n_directions, 1))
    behind = np.flatnonzero((network.bus_id >= 0) & ~network.is_reference)
    busy[np.arange(n_directions), rng.choice(behind, n_directions)] = True  # loads at the external grid alone never end
    size = rng.gamma(1.0, size=shape) * (busy & (network.bus_id >= 0))
    generates = rng.random(shape) < rng.choice([0.0, 0.3], size=(n_directions, 1))
    generates &= (size * generates).sum(axis=1, keepdims=True) < 0.5 * size.sum(axis=1, keepdims=True)
    size /= (size * ~generates).sum(axis=1, keepdims=True)
    return np.where(generates, 0.5 * size, -size), -size * rng.uniform(-0.3, 0.6, shape)


def brinks(network, p_kw, q_kvar):
    """The largest scale at which `ac_flow` solves each direction: it does there, and not at 1.002 times that.

    Near the end the voltages turn down like the square root of the distance to it, so 1/slope² runs to zero there on a
    straight line. Following it finds the ends with few books that have no solution, which take longest to give up; that
    there is none beyond is asked for all directions together.
    """

    def voltage(scale):
        return fastp2p.ac_flow(network, scale[:, None] * p_kw, scale[:, None] * q_kvar).vm_pu.sum(axis=1)

    x = np.array([0.25, 0.5, 1.0])[:, None] * np.ones(len(p_kw))
    y = np.array([voltage(scale) for scale in x])
    beyond = np.full(len(p_kw), np.inf)
    while (unknown := beyond > 1.002 * x[2]).any():
        inverse = (np.diff(x, axis=0) / np.diff(y, axis=0)) ** 2
        fall = (inverse[0] - inverse[1]) / (x[2] - x[0]) * 2
        end = np.where(fall > 0, (x[1] + x[2]) / 2 + inverse[1] / np.where(fall > 0, fall, 1.0), np.inf)
        under_way = unknown & (end > 1.001 * x[2])
        tried = under_way if under_way.any() else unknown
        trial = np.clip(x[2] + 0.4 * (end - x[2]), 1.002 * x[2], np.minimum(1.4 * x[2], (x[2] + beyond) / 2))
        found = voltage(np.where(tried, trial, x[0]))
        beyond = np.where(tried & np.isnan(found), trial, beyond)
        on = tried & ~np.isnan(found)
        x[:, on], y[:, on] = np.vstack([x[1:], trial])[:, on], np.vstack([y[1:], found])[:, on]
    return x[2]


def steps(low, high, n=12):
    """Evenly spaced numbers: what fails shrinks to short ones."""
    return st.integers(0, n).map(lambda i: low + (high - low) * i / n)


@st.composite
def trees(draw):
    """A small pandapower forest and injections: (net, injection_kw, injection_kvar) per row of net.bus, far from collapse."""
    n_bus = draw(st.integers(2, 7))
    numbers = draw(st.permutations(range(3, 3 + 2 * n_bus, 2)))
    net = pp.create_empty_network()
    vn_kv = []
    for number in numbers:
        parent = draw(st.integers(-1, len(vn_kv) - 1)) if vn_kv else -1
        changes = parent >= 0 and draw(st.sampled_from([False, False, True]))
        vn_kv.append(
            draw(st.sampled_from([10.0, 0.4])) if parent < 0 else vn_kv[parent] if not changes else 10.4 - vn_kv[parent]
        )
        bus = pp.create_bus(net, vn_kv[-1], index=number)
        if parent < 0:
            pp.create_ext_grid(net, bus, draw(steps(0.95, 1.05)), va_degree=draw(steps(-60.0, 60.0)))
        elif changes:
            hv, lv = (numbers[parent], bus) if vn_kv[parent] > 1 else (bus, numbers[parent])
            add_trafo(draw, net, hv, lv)
        else:
            ends = draw(st.permutations([numbers[parent], bus]))
            add_line(draw, net, *ends)
        if draw(st.integers(0, 4)) == 0:
            pp.create_shunt(
                net, bus, q_mvar=draw(steps(-2e-3, 2e-3)), p_mw=draw(steps(0.0, 2e-3)), step=draw(st.integers(1, 2))
            )
    injection = st.lists(steps(-3.0, 3.0), min_size=n_bus, max_size=n_bus).map(np.array)
    return net, draw(injection), draw(injection)


def add_line(draw, net, one, other):
    pp.create_line_from_parameters(
        net,
        one,
        other,
        length_km=draw(steps(0.02, 0.5)),
        r_ohm_per_km=draw(steps(0.1, 0.6)),
        x_ohm_per_km=draw(steps(0.02, 0.4)),
        c_nf_per_km=draw(steps(0.0, 400.0)),
        g_us_per_km=draw(steps(0.0, 5.0)),
        max_i_ka=draw(steps(0.1, 0.4)),
        parallel=draw(st.integers(1, 2)),
        df=draw(st.sampled_from([1.0, 0.8])),
    )


def add_trafo(draw, net, hv, lv):
    pp.create_transformer_from_parameters(
        net,
        hv,
        lv,
        sn_mva=draw(steps(0.1, 0.7)),
        vn_hv_kv=draw(st.sampled_from([10.0, 10.5])),
        vn_lv_kv=draw(st.sampled_from([0.4, 0.41])),
        vk_percent=draw(steps(4.0, 6.0)),
        vkr_percent=draw(steps(0.5, 2.0)),
        pfe_kw=draw(steps(0.0, 2.0)),
        i0_percent=draw(steps(0.0, 1.2)),
        shift_degree=draw(st.sampled_from([0.0, 30.0, 150.0])),
        tap_side=draw(st.sampled_from(["hv", "lv"])),
        tap_neutral=0,
        tap_pos=draw(st.integers(-2, 2)),
        tap_step_percent=2.5,
        tap_changer_type="Ratio",
        parallel=draw(st.integers(1, 2)),
        df=draw(st.sampled_from([1.0, 0.8])),
    )
