"""Results on disk: a folder that appears only when it is whole."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from fastp2p.errors import InputError

UNITS = {
    "kwh": "kWh",
    "kw": "kW",
    "kva": "kVA",
    "kwp": "kWp",
    "percent": "%",
    "per_kwh": "currency per kWh",
    "shadow_price": "kWh per kW (volume), currency per kWh (welfare); of a voltage per p.u.",
    "co2_kg": "kg",
    "vm_pu": "p.u.",
    "losses_cost": "currency",
    "rate": "1",
    "paid": "currency",
    "charges": "currency",
    "operator_balance": "currency",
    "retailer_revenue": "currency",
    "welfare": "currency",
    "surplus": "currency",
    "received": "currency",
    "benefit": "currency",
    "bill": "currency",
    "saving": "currency",
    "load_factor": "1",
    "hours_above_100_percent": "h",
    "jain_saving": "1",
    "gini_saving": "1",
    "n_worse_off": "",
    "share": "1",
    "self_sufficiency": "1",
    "self_consumption": "1",
}
"""Unit by the ending of a column's name."""


def unit_of(column: str) -> str:
    """The unit that a column's name ends in, '' for counts, names and numbers."""
    endings = [ending for ending in UNITS if column == ending or column.endswith(f"_{ending}")]
    return UNITS[max(endings, key=len)] if endings else ""


def check_folder(out: Path, overwrite: bool) -> None:
    """Refuse a folder that exists, one that is not ours to replace, or one that cannot be made.

    Raises
    ------
    InputError
    """
    try:
        place = out.resolve()
        if _is_around_us(place):
            raise InputError(f"results need a folder of their own; '{out}' is the one you are in, or above it")
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise InputError(f"{out} is a file or a link, not a folder")
        if out.exists() and not overwrite:
            raise InputError(f"{out} exists; choose another folder, or --overwrite it")
        if out.exists() and any(out.iterdir()) and not (out / "manifest.json").exists():
            raise InputError(f"{out} holds other things than results and is not overwritten; choose another folder")
        parent = place.parent
        while not parent.exists():
            parent = parent.parent
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{str(out)[:80]} cannot be written: {error}") from error
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{out} cannot be written: {parent} is not a folder that you may write to")


def _is_around_us(place: Path) -> bool:
    """Whether it is the folder that this process is in, or above it; nothing is, where that folder is gone."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return False
    return place == here or place in here.parents


@contextmanager
def staged_folder(out: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its name when the block ends well, and vanishes when it does not.

    Raises
    ------
    InputError
        If `out` has appeared in the meantime, or the disk refuses.
    """
    out = out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from error
    try:
        folder.chmod(0o755)
        yield folder
        check_folder(out, overwrite)
        if out.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".old", dir=out.parent))
            out.rename(old / out.name)
            folder.rename(out)
            shutil.rmtree(old)
        else:
            folder.rename(out)
    except OSError as error:
        raise InputError(f"{out} could not be written: {error.strerror}; nothing was kept") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """One Parquet file per table, units in the metadata of its columns."""
    for name, table in tables.items():
        pq.write_table(_with_units(table), f"{name}.parquet", filesystem=_inside(folder))


def write_part(tables: dict[str, pd.DataFrame], folder: Path, number: int) -> None:
    """Part `number` of every table, each written whole under another name first.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    for name, table in tables.items():
        replace_file(_part_file(folder, name, number), partial(pq.write_table, _with_units(table)))


def _part_file(folder: Path, name: str, number: int) -> Path:
    return folder / name / f"part-{number:06d}.parquet"


def write_manifest(manifest: dict[str, Any], folder: Path) -> None:
    """`manifest.json`: what the run was made with, and how far it is."""
    replace_file(folder / "manifest.json", lambda file: file.write((json.dumps(manifest, indent=2) + "\n").encode()))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a results folder.

    Raises
    ------
    InputError
        If there is none, or it cannot be read.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: has no readable manifest.json, so it is not a results folder of fastp2p") from error
    return manifest


def open_dataset(folder: Path, name: str, parts: list[int]) -> ds.Dataset | None:
    """A table of a results folder, read lazily: one file, or those of the finished parts; None where it was not kept."""
    if (folder / f"{name}.parquet").exists():
        return ds.dataset(f"{name}.parquet", format="parquet", filesystem=_inside(folder))
    files = [_part_file(Path(), name, number).as_posix() for number in parts]
    return ds.dataset(files, format="parquet", filesystem=_inside(folder)) if files and (folder / name).is_dir() else None


def _inside(folder: Path) -> SubTreeFileSystem:
    """A folder as pyarrow takes it whatever its name, which may look like an address (``day:1``) or be no text at all."""
    return SubTreeFileSystem(os.fsencode(folder.absolute()), LocalFileSystem())


@contextmanager
def told_disk_faults(path: Path, kept: str) -> Iterator[None]:
    """Tell what the disk refuses to write in one sentence, with what was kept.

    Raises
    ------
    InputError
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} could not be written: {error.strerror or error}; {kept}") from error


def _with_units(table: pd.DataFrame) -> pa.Table:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    fields = [arrow.schema.field(i) for i in range(arrow.num_columns)]
    # names of a part without rows: of no type by themselves, text as in the other parts
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in fields]
    fields = [f.with_metadata({"unit": unit_of(f.name)}) if unit_of(f.name) else f for f in fields]
    return arrow.cast(pa.schema(fields, metadata=arrow.schema.metadata))


def replace_file(path: Path, write: Callable[[Any], Any], kept: str = "what was finished before is whole") -> None:
    """Write a file under a temporary name and rename it: there is never half of it under its own.

    Raises
    ------
    InputError
        If the disk refuses; `kept` says what is left.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    with told_disk_faults(path, kept):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                write(file)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
