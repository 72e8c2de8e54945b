"""Tables as Parquet files: units, parts, datasets."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from fastp2p.errors import InputError
from fastp2p.io.files import replace_file
from fastp2p.io.manifest import FileRecord, part_file

AT_ONCE = 100
"""Part files that are opened together: what Arrow knows of a file of 75 columns takes 0.3 MB."""


def write_tables(tables: dict[str, pd.DataFrame], folder: Path, units: Mapping[str, str]) -> None:
    """One Parquet file per table; units, by the names of columns, in the metadata of these."""
    for name, table in tables.items():
        pq.write_table(_with_units(table, units), f"{name}.parquet", filesystem=_inside(folder))


def write_part(tables: dict[str, pd.DataFrame], folder: Path, number: int, units: Mapping[str, str]) -> dict[str, FileRecord]:
    """Part `number` of every table, each written whole under another name first; what was written.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    written = {}
    for name, table in tables.items():
        content = pa.BufferOutputStream()
        pq.write_table(_with_units(table, units), content)
        packed = memoryview(content.getvalue())
        replace_file(folder / part_file(name, number), partial(_write, packed))
        written[name] = FileRecord(rows=len(table), bytes=len(packed), sha256=hashlib.sha256(packed).hexdigest())
    return written


def _write(content: memoryview, file: BinaryIO) -> None:
    file.write(content)


def open_dataset(folder: Path, name: str, parts: list[int] | None = None, schema: pa.Schema | None = None) -> ds.Dataset:
    """A table of a results folder, read lazily: one file, or those of the parts that are named; by the schema of the first.

    Raises
    ------
    InputError
        If it is no table, though it is as it was written.
    """
    files = [f"{name}.parquet"] if parts is None else [part_file(name, number).as_posix() for number in parts]
    with _read_faults(folder, name):
        return ds.dataset(files, schema, format="parquet", filesystem=_inside(folder))


def read_table(folder: Path, name: str, parts: list[int] | None = None) -> pd.DataFrame:
    """The table that `open_dataset` opens, whole.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    several = [None] if parts is None else [parts[first : first + AT_ONCE] for first in range(0, len(parts), AT_ONCE)]
    pieces, schema = list[pa.Table](), None
    for some in several:
        dataset = open_dataset(folder, name, some, schema)
        schema = dataset.schema
        with _read_faults(folder, name):
            pieces.append(dataset.to_table())
    with _read_faults(folder, name):
        frame: pd.DataFrame = pa.concat_tables(pieces).to_pandas()
        return frame


@contextmanager
def _read_faults(folder: Path, name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: {name} could not be read: {str(error)[:200]}") from error


def _inside(folder: Path) -> SubTreeFileSystem:
    """A folder as pyarrow takes it whatever its name, which may look like an address (``day:1``) or be no text at all."""
    return SubTreeFileSystem(os.fsencode(folder.absolute()), LocalFileSystem())


def _with_units(table: pd.DataFrame, units: Mapping[str, str]) -> pa.Table:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    fields = [arrow.schema.field(i) for i in range(arrow.num_columns)]
    # names of a part without rows: of no type by themselves, text as in the other parts
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in fields]
    fields = [f.with_metadata({"unit": units[f.name]}) if f.name in units else f for f in fields]
    return arrow.cast(pa.schema(fields, metadata=arrow.schema.metadata))
