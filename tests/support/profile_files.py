"""Files in the layouts of the public sources, made for the tests."""

import json

import numpy as np
import pandas as pd

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
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
    kwh = rest.removeprefix("electricity.total.energy_consumption").removeprefix("electricity.net.energy_consumption")
    columns = {
        "in.state": "CO",
        "in.geometry_building_type_recs": "Single-Family Detached",
        "timestamp": stamps.strftime("%Y-%m-%d %H:%M:%S"),
        "models_used": 3271,
        represented: UNITS,
        f"{prefix}out.electricity.cooling.energy_consumption{kwh}": load * 0.3,
        f"{prefix}out.electricity.pv.energy_consumption{kwh}": pv,
        f"{prefix}out.electricity.total.energy_consumption{kwh}": load,
        f"{prefix}out.electricity.net.energy_consumption{kwh}": load + pv,
        "out.electricity.total.energy_consumption_intensity": load / 1e9,
        "out.electricity.total.energy_consumption..kwh.savings": load * 0.1,
        "out.natural_gas.total.energy_consumption": load * 2,
    }
    return pd.DataFrame(columns)


def solar_days(kwp=1.0):
    """(12, 24) Wh, whole numbers, nothing at night."""
    hour, month = np.arange(24), np.arange(12)[:, None]
    height = np.clip(np.sin((hour + 0.5 - 6) / 12 * np.pi), 0, None) * (0.6 - 0.25 * np.cos(month / 12 * 2 * np.pi))
    return np.round(height * 1000 * kwp)


def _table(title, values, texts):
    """Title, header and hours of a table as the workbook stacks them."""
    rows = [[title], [], ["", *MONTHS]]
    for hour in range(24):
        cells = [value if value else None for value in values[:, hour].tolist()]
        rows.append([f"{hour} - {hour + 1}", *(f"{cell:,.1f}" if texts and cell else cell for cell in cells)])
    sums = values.sum(axis=1).tolist()
    return [*rows, ["Sum", *(f"{cell:,.1f}" if texts else cell for cell in sums)], []]


def gsa_sheets(kwp=1000.0, *, pv=True, texts=True, size=None):
    """Sheets of a report, rows of cells."""
    values = solar_days(kwp)
    irradiation = _table("Direct normal irradiation [Wh/m2]", solar_days(1.0) * 0.8, texts)
    output = _table("Total photovoltaic power output [Wh]", values, texts)
    totals = [f"{one:,.1f}" if texts else one for one in values.sum(axis=1) * DAYS / 1e3]
    sheets = {
        "Overview": [["Global Solar Atlas"], ["Report generated", "2026-01-01"]],
        "Site_info": [["Name", "Somewhere"], ["Geographical coordinates", "48.1°, 11.6°"]],
        "Map_data": [["Direct normal irradiation", "DNI", 1234.5, "kWh/m2"]],
        "Hourly_profiles": [["Hourly profiles"], [], *irradiation],
    }
    if pv:
        sheets["PV_config"] = [["PV system configuration"], [], ["Pv system", "Medium size commercial"]]
        sheets["PV_config"] += [["System size", *(size or [f"{kwp:,.1f}" if texts else kwp, "kWp"])], ["Tilt", 15, "°"]]
        sheets["Hourly_profiles"] = [["Hourly profiles"], [], *irradiation, *output, *irradiation]
        specific = [[month, values[m].sum() * DAYS[m] / 1e3 / kwp, totals[m], 80.5] for m, month in enumerate(MONTHS)]
        header = [["", "PVOUT_specific", "PVOUT_total", "DNI"], ["", "kWh/kWp", "kWh", "kWh/m2"]]
        sheets["Monthly_averages"] = [["Monthly averages"], [], *header, *specific, ["Yearly", 1.0, "1,000,000", 1.0]]
    return sheets


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
