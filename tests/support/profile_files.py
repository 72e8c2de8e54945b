"""Files in the layouts of the public sources, with what the tests ask of them."""

import json

import numpy as np
import pandas as pd

from data.make import DAYS, solar_days
from data.make import eulp_frame as eulp_layout

UNITS = 1_490_000.5
TOTAL = "out.electricity.total.energy_consumption"
HOURS = pd.date_range("2018-01-01", periods=24, freq="h")
BELL = np.r_[np.arange(1.0, 13), np.arange(12.0, 0, -1)]


def eulp_frame(column=TOTAL, n_days=365, represented="units_represented", seed=0):
    """A `timeseries_aggregates` table: quarter hours that end at their stamps, sums over all dwellings."""
    random = np.random.default_rng(seed)
    n = 96 * n_days
    stamps = pd.date_range("2018-01-01 00:15", periods=n, freq="15min")
    hour = np.arange(n) / 4 % 24
    load = UNITS * (0.2 + 0.1 * np.sin(hour / 24 * 2 * np.pi) + 0.05 * random.random(n))
    pv = -UNITS * 0.02 * np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    prefix, _, rest = column.partition("out.")
    suffix = rest.removeprefix("electricity.total.energy_consumption").removeprefix("electricity.net.energy_consumption")
    of = "Single-Family Detached"
    frame = eulp_layout(stamps, load, pv, of, {represented: UNITS}, prefix=prefix, suffix=suffix)
    others = {
        "out.electricity.total.energy_consumption_intensity": load / 1e9,
        "out.electricity.total.energy_consumption..kwh.savings": load * 0.1,
        "out.natural_gas.total.energy_consumption": load * 2,
    }
    return frame.assign(**others)


def write_workbook(path, sheets):
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def write_gsa_json(path, specific=None):
    specific = solar_days() if specific is None else specific
    sums = (specific.sum(axis=1) * DAYS / 1e3).tolist()
    hourly = {"PVOUT_specific": specific.tolist(), "DNI": specific.tolist()}
    document = {"annual": {"data": {}}, "monthly": {"data": {"PVOUT_specific": sums}}, "monthly-hourly": {"data": hourly}}
    path.write_text(json.dumps(document))
    return path


def write(name, stamps, values, heading="home [kWh]"):
    pd.DataFrame({"time": stamps, heading: values}).to_csv(name, index=False)
    return name


def count(n):
    """Values that say which step they are of, and fall once, as no meter does."""
    return np.r_[np.arange(1.0, n), 0.5]


def wall(start, end, freq, zone, how="%Y-%m-%d %H:%M"):
    """What a clock shows at the start of every step."""
    return pd.date_range(start, end, freq=freq, inclusive="left", tz=zone).strftime(how)
