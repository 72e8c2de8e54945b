"""Makes the example inputs beside it: the layouts of the sources, filled from formulas and seeded random numbers.

`python -m data.make` writes every file again, equal to the byte.
"""

import io
import sys
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sheets = dict[str, list[list[Any]]]

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
LATITUDE = np.radians(48.1)
YIELD = [0.45, 0.55, 0.66, 0.72, 0.74, 0.76, 0.79, 0.78, 0.73, 0.62, 0.46, 0.40]
"""Of each month: kWh per kWp in an hour of overhead sun."""

EULP = {
    "xx-single-family_detached": ("Single-Family Detached", {"units_represented": 1_000.0}, 100, (7, 80), (19, 260)),
    "xx-multi-family_with_5plus_units": ("Multi-Family with 5+ Units", {"units_represented": 1_000.0}, 60, (7, 50), (20, 130)),
    "xx-smalloffice": ("SmallOffice", {"floor_area_represented": 1_000_000.0}, 220, (10, 500), (15, 450)),
}
"""Building type; how many dwellings, or square feet, a file sums over; kWh in a quarter hour at night; hour and kWh of the
peaks in the morning and in the afternoon or evening."""

TARIFFS = {
    "flat": ([0.30] * 24, [0.08] * 24),
    "two_rate": ([0.22] * 6 + [0.34] * 16 + [0.22] * 2, [0.08] * 24),
    "time_of_use": ([0.22] * 6 + [0.32] * 4 + [0.26] * 7 + [0.42] * 4 + [0.26] * 3, [0.08] * 10 + [0.05] * 6 + [0.08] * 8),
}
"""Retail and feed-in price of every hour of the day."""


def eulp_frame(
    stamps: pd.DatetimeIndex,
    total_kwh: Floats,
    pv_kwh: Floats,
    building: str,
    stands_for: dict[str, float],
    *,
    prefix: str = "",
    suffix: str = "..kwh",
) -> pd.DataFrame:
    """A `timeseries_aggregates` table of NREL's End-Use Load Profiles, with few of its end uses.

    Parameters
    ----------
    stamps : (n,) DatetimeIndex
        Ends of the quarter hours.
    total_kwh, pv_kwh : (n,) float64
        Sums over all that the file stands for; PV is negative.
    building : str
        Type of building.
    stands_for : dict
        `units_represented` (ResStock) or `floor_area_represented` (ComStock), and how many.
    prefix, suffix : str
        What a release puts before and after the names of the uses.
    """
    uses = {"cooling": np.round(total_kwh * 0.3), "pv": pv_kwh, "total": total_kwh, "net": total_kwh + pv_kwh}
    is_office = any(name.startswith("floor_area") for name in stands_for)
    return pd.DataFrame({
        "in.state": "XX",
        "in.building_type" if is_office else "in.geometry_building_type_recs": building,
        "timestamp": stamps.strftime("%Y-%m-%d %H:%M:%S"),
        "models_used": 3271,
        **stands_for,
        **{f"{prefix}out.electricity.{use}.energy_consumption{suffix}": kwh for use, kwh in uses.items()},
    })  # fmt: skip


def eulp_year(name: str) -> pd.DataFrame:
    """2018 of a type of building, in whole kWh: a night load, two peaks a day, seasons, weather, chance."""
    building, stands_for, night, *peaks = EULP[name]
    random = np.random.default_rng(list(EULP).index(name))
    stamps = pd.date_range("2018-01-01 00:15", periods=365 * 96, freq="15min")
    start = stamps - pd.Timedelta(minutes=15)
    hour, day = (np.arange(len(stamps)) % 96 + 0.5) / 4, np.arange(len(stamps)) // 96
    is_office = "floor_area_represented" in stands_for
    weekend = np.asarray(start.dayofweek >= 5)
    works = np.where(weekend, 0.15 if is_office else 1.1, 1.0)
    season = 1.0 + 0.25 * np.cos(2 * np.pi * (day - 15) / 365)
    weather = 0.9 + 0.2 * random.random(365)[day]
    width = 2.5 if is_office else 1.8
    active = sum(kwh * np.exp(-(((hour - at) / width) ** 2)) for at, kwh in peaks)
    chance = 0.95 + 0.1 * random.random(len(stamps))
    total = np.round((night + active * works) * season * weather * chance)
    sun = np.repeat(solar_days(0.05)[start.month[::96] - 1], 4, axis=1).ravel() / 4
    return eulp_frame(stamps, total, -np.round(sun * weather), building, stands_for)


def solar_days(kwp: float = 1.0) -> Floats:
    """(12, 24) Wh of a PV system in every hour of the middle day of a month; whole numbers, nothing at night."""
    angle = np.radians(15.0 * (np.arange(24) + 0.5 - 12.0))
    day = np.cumsum(DAYS)[:, None] - 15
    declination = np.radians(-23.45) * np.cos(2 * np.pi * (day + 10) / 365)
    height = np.sin(LATITUDE) * np.sin(declination) + np.cos(LATITUDE) * np.cos(declination) * np.cos(angle)
    watt_hours: Floats = np.round(np.clip(height, 0.0, None) * np.array(YIELD)[:, None] * 1000.0 * kwp)
    return watt_hours


def gsa_sheets(kwp: float = 1000.0, *, pv: bool = True, texts: bool = True, size: list[Any] | None = None) -> Sheets:
    """Sheets of a report of the Global Solar Atlas, rows of cells.

    Parameters
    ----------
    kwp : float
    pv : bool
        Whether it was made with a PV system; without one it has irradiation only.
    texts : bool
        Whether numbers are texts with thousands commas.
    size : list, optional
        Cells of the system's size, in place of the number and kWp.
    """
    watt_hours = solar_days(kwp)
    irradiation = _hours_of_months("Direct normal irradiation [Wh/m2]", solar_days() * 0.8, texts)
    output = _hours_of_months("Total photovoltaic power output [Wh]", watt_hours, texts)
    totals = watt_hours.sum(axis=1) * DAYS / 1e3
    sheets: Sheets = {
        "Overview": [["Global Solar Atlas"], ["Report generated", "2026-01-01"]],
        "Site_info": [["Name", "Somewhere"], ["Geographical coordinates", "48.1°, 11.6°"]],
        "Map_data": [["Direct normal irradiation", "DNI", 1234.5, "kWh/m2"]],
        "Hourly_profiles": [["Hourly profiles"], [], *irradiation],
    }
    if pv:
        sheets["PV_config"] = [["PV system configuration"], [], ["Pv system", "Medium size commercial"]]
        sheets["PV_config"] += [["System size", *(size or [_cell(kwp, texts), "kWp"])], ["Tilt", 15, "°"]]
        sheets["Hourly_profiles"] = [["Hourly profiles"], [], *irradiation, *output, *irradiation]
        specific = [
            [month, total / kwp, _cell(total, texts), 80.5] for month, total in zip(MONTHS, totals.tolist(), strict=True)
        ]
        header = [["", "PVOUT_specific", "PVOUT_total", "DNI"], ["", "kWh/kWp", "kWh", "kWh/m2"]]
        sheets["Monthly_averages"] = [["Monthly averages"], [], *header, *specific, ["Yearly", 1.0, "1,000,000", 1.0]]
    return sheets


def _hours_of_months(title: str, values: Floats, texts: bool) -> list[list[Any]]:
    """Title, header and hours of a table as the workbook stacks them; cells of the night are empty."""
    rows: list[list[Any]] = [[title], [], ["", *MONTHS]]
    for hour, cells in enumerate(values.T.tolist()):
        rows.append([f"{hour} - {hour + 1}", *(_cell(cell, texts) if cell else None for cell in cells)])
    return [*rows, ["Sum", *(_cell(cell, texts) for cell in values.sum(axis=1).tolist())], []]


def _cell(value: float, texts: bool) -> str | float:
    return f"{value:,.1f}" if texts else value


def meters_csv() -> str:
    """2023 of two homes on the clock of Berlin, kWh an hour: semicolons, decimal commas, the hour that is there twice."""
    random = np.random.default_rng(7)
    start = pd.date_range("2023-01-01", "2024-01-01", freq="h", inclusive="left", tz="Europe/Berlin")
    hour, columns = start.hour.to_numpy() + 0.5, []
    season = 1.0 + 0.3 * np.cos(2 * np.pi * (start.dayofyear.to_numpy() - 15) / 365)
    for night, morning, evening in ((0.12, 0.35, 0.80), (0.18, 0.20, 1.30)):
        active = morning * np.exp(-(((hour - 7.5) / 1.5) ** 2)) + evening * np.exp(-(((hour - 19.0) / 2.5) ** 2))
        columns.append((night + active * season) * (0.6 + 0.8 * random.random(len(start))))
    cells = zip(start.strftime("%Y-%m-%d %H:%M"), *columns, strict=True)
    rows = [f"{time};{one:.3f};{other:.3f}".replace(".", ",") for time, one, other in cells]
    return "\n".join(["time;house_1 [kWh];house_2 [kWh]", *rows, ""])


def pvgis_csv(kwp: float = 2.0, days: int = 14, minute: int = 10) -> str:
    """Hours of UTC from 2 July 2018 on of a PV system: its power at a minute of every hour, a head and a legend around it."""
    start = pd.date_range("2018-07-02", periods=24 * days, freq="h")
    clouds = np.repeat(0.4 + 0.6 * np.random.default_rng(11).random(days), 24)
    watts = np.tile(solar_days(kwp)[6], days) * clouds
    head = [
        "Latitude (decimal degrees):\t48.100", "Longitude (decimal degrees):\t0.000", "Elevation (m):\t100",
        "Radiation database:\tNONE", "", "", "Slope: 15 deg.", "Azimuth: 0 deg.",
        f"Nominal power of the PV system (c-Si) (kWp):\t{kwp:.1f}", "System losses (%):\t14.0", "", "",
    ]  # fmt: skip
    rows = [
        f"{at:%Y%m%d:%H}{minute:02d},{power:.2f},{power / kwp / 0.8:.2f},{60 - 5 * abs(at.hour - 12)},18.50,2.10,0.0"
        for at, power in zip(start, watts.tolist(), strict=True)
    ]
    legend = ["", "P: PV system power (W)", "G(i): irradiance on the modules (W/m2)", "", "Made by data/make.py of fastp2p"]
    return "\r\n".join([*head, "time,P,G(i),H_sun,T2m,WS10m,Int", *rows, *legend, ""])


def street() -> Any:
    """A pandapower network: 250 kVA, two cables of twelve joints each, a house of 2 kW at each."""
    import pandapower as pp

    net = pp.create_empty_network(name="street")
    net.std_types = {kind: {} for kind in net.std_types} | {
        "line": {name: net.std_types["line"][name] for name in ("NAYY 4x150 SE", "NAYY 4x50 SE")},
        "trafo": {"0.25 MVA 10/0.4 kV": net.std_types["trafo"]["0.25 MVA 10/0.4 kV"]},
    }
    medium = pp.create_bus(net, 10.0, name="medium voltage", geodata=(0.0, 0.0))
    busbar = pp.create_bus(net, 0.4, name="busbar", geodata=(0.0, -5.0))
    pp.create_ext_grid(net, medium, s_sc_max_mva=200.0, rx_max=0.1)
    pp.create_transformer(net, medium, busbar, "0.25 MVA 10/0.4 kV", name="substation")
    for way, side in (("west", -1.0), ("east", 1.0)):
        before = busbar
        for number in range(1, 13):
            x = side * 30.0 * number
            joint = pp.create_bus(net, 0.4, name=f"{way} joint {number}", geodata=(x, -5.0))
            house = pp.create_bus(net, 0.4, name=f"{way} house {number}", geodata=(x, -20.0))
            pp.create_line(net, before, joint, 0.030, "NAYY 4x150 SE", name=f"{way} cable {number}")
            pp.create_line(net, joint, house, 0.015, "NAYY 4x50 SE", name=f"{way} service {number}")
            pp.create_load(net, house, p_mw=0.002, q_mvar=0.0004, name=f"{way} house {number}")
            before = joint
    return net


def tariffs_toml() -> str:
    """Tables of tariffs, each with the keys that [market] of a study takes."""
    lines = ["# Prices per kWh of every hour of the day, as [market] of a study takes them; steps are hours."]
    for name, prices in TARIFFS.items():
        lines += ["", f"[{name}]"]
        for key, series in zip(("retail_per_kwh", "feed_in_per_kwh"), prices, strict=True):
            halves = [", ".join(f"{price:.2f}" for price in half) for half in (series[:12], series[12:])]
            lines += [f"{key} = {{ series = [", f"    {halves[0]},", f"    {halves[1]},", "] }"]
    return "\n".join([*lines, ""])


def _write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """In encodings that make it small, and without the version that pandas would add."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    encodings = {pa.float64(): "BYTE_STREAM_SPLIT", pa.timestamp("us"): "DELTA_BINARY_PACKED"}
    chosen = {field.name: encodings[field.type] for field in table.schema if field.type in encodings}
    others = [name for name in table.column_names if name not in chosen]
    pq.write_table(table, path, compression="zstd", use_dictionary=others, column_encoding=chosen)


def _write_workbook(path: Path, sheets: Sheets) -> None:
    """Packed without times and without compression, whose bytes depend on the machine."""
    import xlsxwriter

    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2026, 1, 1)})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    with zipfile.ZipFile(packed) as made, zipfile.ZipFile(path, "w") as written:
        for member in made.namelist():
            written.writestr(zipfile.ZipInfo(member), made.read(member))


def make(folder: Path) -> None:
    """Write every example input into a folder."""
    import pandapower as pp

    (folder / "eulp").mkdir(exist_ok=True)
    for name in EULP:
        frame = eulp_year(name)
        _write_parquet(
            folder / "eulp" / f"{name}.parquet", frame.assign(timestamp=pd.to_datetime(frame["timestamp"]).dt.as_unit("us"))
        )
    _write_workbook(folder / "GSA_Report_Somewhere.xlsx", gsa_sheets())
    texts = {
        "meters.csv": meters_csv(),
        "pvgis.csv": pvgis_csv(),
        "street.json": pp.to_json(street()),
        "tariffs.toml": tariffs_toml(),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
