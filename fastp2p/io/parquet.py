"""Results on disk: a folder that appears only when it is whole."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fastp2p.errors import InputError

UNITS = {
    "kwh": "kWh",
    "kw": "kW",
    "kwp": "kWp",
    "percent": "%",
    "per_kwh": "currency per kWh",
    "shadow_price": "kWh per kW (volume), currency per kWh (welfare)",
    "paid": "currency",
    "received": "currency",
    "benefit": "currency",
    "bill": "currency",
    "saving": "currency",
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
    """Refuse a folder that exists, or one that cannot be made.

    Raises
    ------
    InputError
    """
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; choose another folder, or --overwrite it")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, not a folder")
    parent = out.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{out} cannot be written: {parent} is not a folder that you may write to")


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
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        fields = [arrow.schema.field(i) for i in range(arrow.num_columns)]
        fields = [f.with_metadata({"unit": unit_of(f.name)}) if unit_of(f.name) else f for f in fields]
        pq.write_table(arrow.cast(pa.schema(fields, metadata=arrow.schema.metadata)), folder / f"{name}.parquet")


def write_manifest(manifest: dict[str, Any], folder: Path) -> None:
    """`manifest.json`: what the run was made with."""
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
