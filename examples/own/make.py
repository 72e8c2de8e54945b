"""Makes the files beside it, which stand for yours: a network of 12 homes, and a week of loads, PV output and prices.

`python examples/own/make.py` writes them again, equal to the byte; with a folder as argument, it writes them there.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd

HOMES = range(2, 14)
"""Indices of the buses with a home."""


def lane():
    """A pandapower network: 250 kVA, two cables NAYY 4x50 with six homes each, 40 m apart."""
    net = pp.create_empty_network(name="lane")
    net.std_types = {kind: {} for kind in net.std_types} | {
        "line": {"NAYY 4x50 SE": net.std_types["line"]["NAYY 4x50 SE"]},
        "trafo": {"0.25 MVA 10/0.4 kV": net.std_types["trafo"]["0.25 MVA 10/0.4 kV"]},
    }
    medium = pp.create_bus(net, 10.0, name="medium voltage", geodata=(0.0, 20.0))
    busbar = pp.create_bus(net, 0.4, name="busbar", geodata=(0.0, 0.0))
    pp.create_ext_grid(net, medium)
    pp.create_transformer(net, medium, busbar, "0.25 MVA 10/0.4 kV", name="substation")
    for side in (-1.0, 1.0):
        before = busbar
        for number in range(1, 7):
            name = f"{'west' if side < 0 else 'east'} {number}"
            home = pp.create_bus(net, 0.4, name=name, geodata=(side * 40.0 * number, 0.0))
            pp.create_line(net, before, home, 0.040, "NAYY 4x50 SE", name=name)
            pp.create_load(net, home, p_mw=0.002, name=name)
            before = home
    return net


def tables():
    """What the CSV files hold, by file name: each a column of times and columns with a unit in their heading."""
    random = np.random.default_rng(3)
    quarters = pd.date_range("2025-06-02", periods=7 * 96, freq="15min")  # as clocks in Berlin show it
    hour = np.asarray(quarters.hour + quarters.minute / 60)
    homes = {}
    for bus in HOMES:
        peak, at = random.uniform(0.5, 1.5), random.uniform(17.5, 20.5)
        kw = random.uniform(0.1, 0.3) + peak * np.exp(-(((hour - at) / 2) ** 2)) * random.uniform(0.5, 1.5, len(hour))
        homes[f"bus_{bus} [kWh]"] = (kw / 4).round(4)
    hours = pd.date_range("2025-06-02", periods=7 * 24, freq="h", tz="Etc/GMT-2")
    clouds = np.repeat(random.uniform(0.3, 0.9, 7), 24)
    sun = {}
    for name, noon in (("east", 11.5), ("south", 13.0), ("west", 14.5)):
        sun[f"{name} [kW/kWp]"] = (clouds * np.maximum(0.0, np.cos((hours.hour + 0.5 - noon) * np.pi / 14))).round(3)
    low = (hours.hour >= 10) & (hours.hour < 16)
    prices = {"eur_per_kwh": np.where(low, 0.24, np.where((hours.hour >= 17) & (hours.hour < 21), 0.38, 0.30))}
    return {
        "homes.csv": pd.DataFrame(homes, index=pd.Index(quarters, name="time")),
        "sun.csv": pd.DataFrame(sun, index=pd.Index(hours, name="time")),
        "prices.csv": pd.DataFrame(prices, index=pd.Index(hours, name="time")),
    }


def make(folder):
    """Write every file into a folder."""
    compact = json.dumps(json.loads(pp.to_json(lane())), separators=(",", ":"))
    (folder / "network.json").write_bytes(f"{compact}\n".encode())
    for name, table in tables().items():
        (folder / name).write_bytes(table.to_csv(lineterminator="\n").encode())


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
