"""Profile files: the layouts that the readers know, mutated as cells, as columns of other types, as archives, as bytes."""

import contextlib
import copy
import io
import json
import tempfile
import zipfile
from datetime import date, time
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.make import gsa_sheets
from fuzz.mutate import BYTES, LINES, ROWS, TREE, Case, Rows, Turns
from fuzz.studies import write_toml
from tests.support.profile_files import eulp_frame, write_gsa_json, write_workbook

TYPES = [pa.float16(), pa.float32(), pa.string(), pa.bool_(), pa.int8(), pa.uint64(), pa.date32(), pa.date64(), pa.null()]
TYPES += [pa.timestamp("us"), pa.timestamp("s", "Europe/Berlin"), pa.timestamp("ns", "UTC"), pa.decimal128(30, 9), pa.binary()]
TYPES += [pa.time32("s"), pa.duration("s"), pa.dictionary(pa.int8(), pa.string()), pa.string_view(), pa.large_string()]
OPTIONS = {
    "--unit": ["kW", "kWh", "Wh/kWp", "", "MW", "kW/", "/"],
    "--zone": ["Europe/Berlin", "UTC", "", "Nowhere", "../etc", "Etc/GMT+5", "Europe", "\0"],
    "--year": ["2019", "2020", "0", "99999", "1677"],
    "--floor-area-sqft": ["100", "-1", "1e300"],
    "--units-represented": ["1", "0", "nan", "1e-300"],
    "--step-hours": ["1", "0.5", "24", "0", "-1", "nan", "inf", "1e-9", "0.3", "1e300"],
    "--days": ["1", "2", "400", "0"],
    "--months": ["1", "12,1", "3", "13", "a", ""],
    "--first-day": ["2018-01-01", "2018-03-25", "1677-09-21", "9999-12-31", "x"],
}
ANY_KIND = [*OPTIONS][5:]
OF_KIND = {"eulp": ["--units-represented", "--floor-area-sqft"], "xlsx": ["--year"], "json": ["--year"]}
"""Options that readers take; by default those of plain tables."""
NAMES = {
    "wide": ("home", "roof"),
    "meters": ("m1", "m2"),
    "tidy": ("a", "sun"),
    "simbench": ("H0-A_pload", "PV1"),
    "eulp": ("p", "p"),
}
"""Of a load and of PV, where there are both."""


@cache
def tables() -> dict[str, pd.DataFrame]:
    """A frame of each layout."""
    hours, quarters = np.arange(24.0), pd.date_range("2018-03-25", periods=96, freq="15min")
    load, sun = np.round(0.3 + 0.1 * np.sin(hours), 3), np.round(np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None), 3)
    wide = pd.DataFrame({"hour": hours.astype(int), "home [kW]": load, "roof [kWh/kWp]": sun})
    meters = pd.DataFrame(
        {"time": quarters.strftime("%Y-%m-%d %H:%M"), "m1 [kWh]": np.tile(load, 4), "m2 [Wh]": np.repeat(load, 4)}
    )
    tidy = [pd.DataFrame({"profile": name, "hour": hours, "load_kwh_per_home": load}) for name in ("a", "b")]
    tidy.append(pd.DataFrame({"profile": "sun", "hour": hours, "pv_kwh_per_kwp": sun}))
    simbench = pd.DataFrame(
        {"time": quarters.strftime("%d.%m.%Y %H:%M"), "H0-A_pload [kW]": np.tile(load, 4), "PV1 [kW/kWp]": 0.0}
    )
    zoned = meters.assign(time=quarters.tz_localize("Etc/GMT-1").strftime("%Y-%m-%dT%H:%M:%S+01:00"))
    eulp = eulp_frame("out.electricity.total.energy_consumption..kwh", n_days=1)
    return {"wide": wide, "meters": meters, "tidy": pd.concat(tidy), "simbench": simbench, "zoned": zoned, "eulp": eulp}


@cache
def atlas() -> tuple[dict[str, Rows], dict[str, Any]]:
    """A report of the Global Solar Atlas: the sheets of its workbook, and its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        return gsa_sheets(), json.loads(write_gsa_json(Path(folder) / "a.json").read_text())


def write_csv(turn: Random, rows: Rows) -> bytes:
    separator, comma = turn.choice([(",", "."), (",", "."), (";", "."), (";", ",")])
    cells = [
        ["" if cell is None else str(cell).replace(".", comma if isinstance(cell, float) else ".") for cell in r] for r in rows
    ]
    return "\n".join(separator.join(row) for row in cells).encode("utf-8", "replace") + b"\n"


def write_parquet(turn: Random, rows: Rows) -> bytes:
    """Columns as they are, or of another type; as texts where their values have none in common."""
    header = rows[0] if rows else []  # every row may be gone
    names, columns = [str(name).encode("utf-8", "replace").decode() for name in header], []
    for cells in zip(*(row[: len(names)] for row in rows[1:]), strict=False):
        texts = [str(cell).encode("utf-8", "replace").decode() for cell in cells]
        for values, kind in ((cells, turn.choice([None, None, *TYPES])), (cells, None), (texts, None)):
            with contextlib.suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
                array = pa.array(values, kind)
                if "struct<>" not in str(array.type):  # which no Parquet file can hold
                    columns.append(array)
                    break
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=names[: len(columns)]), file)
    return file.getvalue()


def write_xlsx(turn: Random, sheets: dict[str, Rows], turns: Turns) -> bytes:
    """The workbook; sometimes with a member of the archive mutated."""

    def clean(cell: Any) -> Any:
        known = cell is None or isinstance(cell, float | date | time) or (isinstance(cell, int) and abs(cell) < 2**63)
        return cell if known else "".join(c for c in str(cell)[:99] if c.isprintable())

    kept = {name: [[clean(cell) for cell in row] for row in rows] for name, rows in sheets.items() if turn.random() > 0.03}
    with tempfile.TemporaryDirectory() as folder:
        data = write_workbook(Path(folder) / "a.xlsx", kept or {"a": []}).read_bytes()
    if turn.random() < 0.7:
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        members = {one.filename: packed.read(one) for one in packed.infolist()}
    name = turn.choice([*members])
    members[name] = turns.mutate(members[name], BYTES, 3)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, member in members.items():
            packed.writestr(name, member)
    return file.getvalue()


def write_study(turn: Random, name: str, layout: str) -> bytes:
    """A study of these profiles, or of these beside the typical day."""
    load, sun = NAMES.get(layout, ("Jan", "Jan"))
    names = {"load": turn.choice([load, "residential_0"]), "pv": turn.choice([sun, "solar_0"])}
    source = name if set(names.values()) == {load, sun} else [name, "typical_day"]
    more = turn.choice([{}, {}, {}, {"days": 2}, {"step_hours": 1.0}, {"first_day": date(2018, 3, 25)}, {"months": [3]}])
    study = {"name": "s", "network": {"source": "cigre_lv"}, "profiles": {"source": source, **more}}
    return write_toml(study | {part: {"profile": name} for part, name in names.items()})


def arguments_of(random: Random, name: str, layout: str) -> list[str]:
    """What is done with a file; nothing where a study reads it."""
    if (how := random.choice(["show", "convert", "study"])) != "convert":
        return [how, name] if how == "show" else []
    apt = [*ANY_KIND, *OF_KIND.get(layout, ["--unit", "--zone"])]
    options = random.sample(apt if random.random() < 0.9 else [*OPTIONS], random.choice([0, 0, 1, 1, 2]))
    given = [one for option in options for one in (option, random.choice(OPTIONS[option]))]
    flags = [one for one in ("--period-ending", "--net", "--no-leap-day") if random.random() < 0.05]
    return [how, name, "--out", random.choice(["o.csv", "o.parquet"]), *given, *flags]


def make(random: Random, skip: frozenset[int]) -> Case:
    turns, turn = Turns(random, skip), Random(random.getrandbits(64))
    kind = random.choice(["csv", "csv", "csv", "parquet", "parquet", "xlsx", "json"])
    layout = random.choice([*tables()]) if kind in ("csv", "parquet") else kind
    name = f"p.{kind}"
    arguments = arguments_of(random, name, layout)
    study = {} if arguments else {"study.toml": write_study(turn, name, layout)}
    if layout in tables():
        frame = tables()[layout]
        rows = [[*frame.columns], *frame.astype(object).where(frame.notna(), None).to_numpy().tolist()]
        data = (write_csv if kind == "csv" else write_parquet)(turn, turns.mutate(rows, ROWS, 4))
    elif kind == "json":
        data = json.dumps(turns.mutate(copy.deepcopy(atlas()[1]), TREE, 3)).encode("utf-8", "replace")
    else:
        sheets = copy.deepcopy(atlas()[0])
        for sheet in random.sample([*sheets], random.choice([0, 1, 2])):
            sheets[sheet] = turns.mutate(sheets[sheet], ROWS, 3)
        data = write_xlsx(turn, sheets, turns)
    if random.random() < 0.2:
        data = turns.mutate(data, LINES if kind == "csv" else BYTES, 3)
    return Case({name: data} | study, ["profiles", *arguments] if arguments else ["check", "study.toml"])
