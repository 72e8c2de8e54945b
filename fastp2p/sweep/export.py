"""A results folder taken elsewhere: CSV files, a workbook, a netCDF file, or a table for LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd

from fastp2p.errors import InputError, refuse
from fastp2p.io.files import folder_lock, kind_of, replace_file
from fastp2p.io.folders import staged_folder
from fastp2p.io.manifest import STUDY, FileRecord, Manifest
from fastp2p.io.ours import is_ours
from fastp2p.io.parquet import read_table
from fastp2p.io.sheets import ABOUT, write_csv_files, write_workbook
from fastp2p.results.answers import REGION_TABLES
from fastp2p.results.columns import units_in
from fastp2p.results.dataset import import_xarray, make_dataset
from fastp2p.results.indicators import indicators_of
from fastp2p.results.latex import as_latex, intervals_of, totals_of
from fastp2p.results.statistics import summarise
from fastp2p.study.model import Study
from fastp2p.sweep.folder import Begun
from fastp2p.sweep.opened import look_at, put_in_order

ENDINGS = {"csv": "-csv", "xlsx": ".xlsx", "netcdf": ".nc", "latex": ".tex"}
"""By format: what the name of an export has after that of the folder."""
ANSWER_TABLES = ("feeders", "summary", "changes", "probabilities", "audit", "hosting_capacity", *REGION_TABLES)
COMPRESSED = {"zlib": True, "complevel": 1}


def export(folder: Path, to: str, out: Path | None = None, tables: Sequence[str] = (), overwrite: bool = False) -> Path:
    """Write the tables of a results folder for other programs.

    Parameters
    ----------
    folder : path
        Of a run or a comparison.
    to : {"csv", "xlsx", "netcdf", "latex"}
    out : path, optional
        A folder for ``csv``, else a file; by default beside `folder`, with its name.
    tables : sequence of str
        Those to write; all if there are none. LaTeX has one table of its own: the summary, or of one scenario its totals.
    overwrite : bool
        Replace what an export has written before.

    Returns
    -------
    path
        Where it is.

    Raises
    ------
    InputError
        A format or a table that is not there, somebody else's file in the way, a package that is missing, a disk that refuses.
    """
    faults = [] if to in ENDINGS else [f"--to {to}: must be one of {', '.join(ENDINGS)}"]
    if to == "latex" and tables:
        faults.append("--tables: LaTeX gets one table, the summary; leave --tables out")
    refuse(faults)
    place, manifest, found = look_at(folder)
    out = out or place.with_name(f"{place.name}{ENDINGS[to]}")
    if out.resolve() == place or place in out.resolve().parents:
        raise InputError(f"{out}: a results folder stays as it was written; choose another place")
    _check_place(out, to, overwrite)
    study = Study.from_toml(place / STUDY)
    units = units_in(study.currency)
    units |= {f"{rule}_saving": units["saving"] for rule in manifest.rules or ()}
    if to == "latex":
        text = _latex(place, study, manifest, found, units).encode()
        replace_file(out, lambda file: file.write(text), "nothing was exported")
        return out
    frames = _frames(place, study, manifest, found, _chosen_tables(place, manifest, found, tables))
    if to == "csv":
        _write_csv(frames, out, units, _about(study, manifest), study, overwrite)
    elif to == "xlsx":
        content = _told(frames, units)
        lines = study.to_toml().splitlines()
        replace_file(
            out, lambda file: write_workbook(file, content, units, _about(study, manifest), lines), "nothing was exported"
        )
    else:
        packed = _netcdf(frames, study, manifest, units)
        replace_file(out, lambda file: file.write(packed), "nothing was exported")
    return out


def _chosen_tables(place: Path, manifest: Manifest, found: Begun, wanted: Sequence[str]) -> list[str]:
    """The tables of a folder that are asked for."""
    there = [*(manifest.tables if found.done else ()), *(one for one in ANSWER_TABLES if f"{one}.parquet" in manifest.files)]
    refuse([f"{place} has no table {name!r}; it has {', '.join(there)}" for name in wanted if name not in there])
    if not there:
        raise InputError(f"{place}: no part of the run is finished; --resume of the run goes on with it")
    return [name for name in there if not wanted or name in wanted]


def _frames(place: Path, study: Study, manifest: Manifest, found: Begun, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Tables of a folder, as a run returns them and as they were written.

    Raises
    ------
    InputError
        If one has been altered.
    """
    answers = [name for name in names if name not in manifest.tables]
    records: dict[str, FileRecord] = {f"{name}.parquet": manifest.files[f"{name}.parquet"] for name in answers}
    refuse([f"{place / name}: {why}" for name, one in records.items() if (why := one.fault(place / name))])
    of_run = {name: read_table(place, name, found.numbers) for name in names if name in manifest.tables}
    if manifest.rules is None:
        put_in_order(study, of_run)
    return of_run | {name: read_table(place, name) for name in answers}


def _told(frames: Mapping[str, pd.DataFrame], units: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Tables with the unit beside the name of each indicator, whose numbers are each in another one."""
    told = {}
    for name, frame in frames.items():
        if "indicator" in frame:
            frame = frame.copy()
            frame.insert(list(frame.columns).index("indicator") + 1, "unit", frame["indicator"].map(units).fillna(""))
        told[name] = frame
    return told


def _about(study: Study, manifest: Manifest) -> dict[str, str]:
    """What a run was made with, by key."""
    known = {
        "made_by": manifest.made_by, "study": study.name, "description": study.description, "currency": study.currency,
        "seed": str(study.seed), "started": manifest.started, "complete": "yes" if manifest.complete else "no",
        "scenarios": manifest.scenarios, "market rules": ", ".join(manifest.rules or ()) or None,
        "stopped_at": manifest.stopped_at, "stopped_because": manifest.stopped_because,
        "books without an answer": len(manifest.failures), "feeders": manifest.feeders,
        "feeders that could not run": ", ".join(manifest.failed_feeders) or None,
        **{f"version of {name}": one for name, one in manifest.versions.items()},
        **{f"SHA-256 of {name}": one for name, one in manifest.sha256.model_dump().items()},
    }  # fmt: skip
    return {key: str(value) for key, value in known.items() if value not in (None, "")}


def _write_csv(
    frames: Mapping[str, pd.DataFrame],
    out: Path,
    units: Mapping[str, str],
    about: Mapping[str, str],
    study: Study,
    overwrite: bool,
) -> None:
    with folder_lock(out), staged_folder(out, overwrite, _check_folder) as staged:
        write_csv_files(_told(frames, units), staged, units, about)
        (staged / STUDY).write_text(study.to_toml(), encoding="utf-8")


def _netcdf(frames: Mapping[str, pd.DataFrame], study: Study, manifest: Manifest, units: Mapping[str, str]) -> bytes:
    """The file: all tables in one Dataset, compressed."""
    import_xarray()
    try:
        import h5netcdf  # noqa: F401
    except ImportError as error:
        raise InputError(f'h5netcdf is not installed ({error}); pip install "fastp2p[export]"') from error
    dataset = make_dataset(frames, study, units)
    dataset.attrs |= {key: value for key, value in _about(study, manifest).items() if key not in ("study", "description")}
    dataset.attrs["fastp2p_version"] = manifest.versions.get("fastp2p", "?")  # which ran it, not which exports it
    dataset.attrs = {key: value.replace("\0", "\\x00") for key, value in dataset.attrs.items()}  # which ends a text of HDF5
    numbers = {name: COMPRESSED for name, one in dataset.data_vars.items() if one.ndim and one.dtype.kind in "iufb"}
    content = BytesIO()
    dataset.to_netcdf(content, engine="h5netcdf", encoding=numbers)
    return content.getvalue()


def _latex(place: Path, study: Study, manifest: Manifest, found: Begun, units: Mapping[str, str]) -> str:
    """The summary of a sweep, the comparison of a comparison, or of one or of chosen scenarios their totals."""
    whole = "totals" if study.network.sources else "summary"
    table = "comparison" if manifest.rules else whole if f"{whole}.parquet" in manifest.files else "scenarios"
    _chosen_tables(place, manifest, found, [table])
    frame = _frames(place, study, manifest, found, [table])[table]
    of = "the mean over the scenarios, and its 95 % confidence interval"
    if study.network.sources and table != "scenarios":
        frame, of = _together(frame), "of all feeders together, and the 95 % interval if they are a sample of more"
    if table == "scenarios" and (manifest.scenarios or len(frame) == study.scenarios.n_points == 1):
        heads, rows = totals_of(frame, indicators_of(frame))
        of = "of each scenario"
    else:
        if table == "scenarios" and "feeder" in frame:
            raise InputError(f"{place}: LaTeX gets the totals of the feeders, which a run has when it is finished; --resume it")
        heads, rows = intervals_of(summarise(frame) if table == "scenarios" else frame)
    version = manifest.versions.get("fastp2p", "?")
    notes = [
        f"fastp2p {version}: {table} of {study.name}, seed {study.seed}; {of}",
        r"needs \usepackage{booktabs}; docs/indicators.md defines the indicators",
    ]
    return as_latex(heads, rows, units, notes)


def _together(frame: pd.DataFrame) -> pd.DataFrame:
    """Of a table of totals or of a comparison of many networks the rows of all feeders together, with means by name."""
    frame = frame[frame["region" if "region" in frame else "feeder"].isna()]
    return frame.rename(columns={name: str(name).replace("estimate", "mean") for name in frame})


def _check_place(out: Path, to: str, overwrite: bool) -> None:
    """Refuse what an export may not replace.

    Raises
    ------
    InputError
    """
    if to == "csv":
        _check_folder(out, overwrite)
    elif out.suffix != ENDINGS[to]:
        raise InputError(f"{out}: the name of the file must end in {ENDINGS[to]}")
    elif kind_of(out) != "nothing" and not overwrite:
        raise InputError(f"{out} exists; choose another file with --out, or --overwrite it")
    elif kind_of(out) != "nothing" and (kind_of(out) != "file" or not is_ours(out)):
        raise InputError(f"{out} was not exported by fastp2p and is not overwritten; choose another file")
    elif kind_of(out.parent) == "file":
        raise InputError(f"{out} cannot be written: {out.parent} is a file")


def _check_folder(out: Path, overwrite: bool) -> None:
    """Refuse a folder that exists, or that holds other files than an export of CSV files.

    Raises
    ------
    InputError
    """
    if kind_of(out) == "nothing":
        return
    if not overwrite:
        raise InputError(f"{out} exists; choose another folder with --out, or --overwrite it")
    names = sorted(path.name for path in out.iterdir()) if kind_of(out) == "folder" else []
    begins = f"key,value\nmade_by,{Manifest.model_fields['made_by'].default}\n"
    file = out / f"{ABOUT}.csv"
    if kind_of(file) != "file" or not file.read_bytes().startswith(begins.encode()):
        raise InputError(f"{out} was not exported by fastp2p and is not overwritten; choose another folder")
    refuse([f"{out / name} was not exported by fastp2p" for name in names if name != STUDY and not name.endswith(".csv")])
