"""Which files of profiles, typical days, figures, exports and reports are as fastp2p writes them, and may be overwritten."""

from __future__ import annotations

import csv
from mmap import ACCESS_READ, mmap
from pathlib import Path
from zipfile import BadZipFile, ZipFile

MADE_BY = "fastp2p"
"""Stands in a figure as the program that made it."""
GENERATOR = f'<meta name="generator" content="{MADE_BY} '
"""Begins the tag of a report that names the program and its version; texts of users come after it, and with no bare bracket."""
HEAD_BYTES = 1000
MOST_BYTES = 50_000_000
"""No figure is larger."""


def is_ours(path: Path) -> bool:
    """Whether a file of profiles or days, a figure, an export or a report looks as fastp2p writes it."""
    try:
        match path.suffix.lower():
            case ".csv":
                with path.open(encoding="utf-8", newline="") as file:
                    return _are_columns(next(csv.reader(file), []))
            case ".parquet":
                import pyarrow.parquet as pq

                with path.open("rb") as packed:
                    return _are_columns(pq.read_schema(packed).names)
            case ".html":
                with path.open("rb") as packed:
                    return GENERATOR.encode() in packed.read(HEAD_BYTES)
            case ".png" | ".pdf" | ".svg" as ending:
                made = {".png": b"Software\0", ".pdf": b"/Creator (", ".svg": b"<dc:title>"}[ending] + MADE_BY.encode()
                return path.stat().st_size < MOST_BYTES and made in path.read_bytes()
            case ".xlsx":
                with ZipFile(path) as book:
                    return f"<dc:creator>{MADE_BY}</dc:creator>" in book.read("docProps/core.xml").decode()
            case ".tex":
                return path.stat().st_size < MOST_BYTES and path.read_bytes().startswith(f"% {MADE_BY} ".encode())
            case ".nc":
                with path.open("rb") as packed, mmap(packed.fileno(), 0, access=ACCESS_READ) as content:
                    return content[:4] == b"\x89HDF" and content.find(f"{MADE_BY}_version".encode()) >= 0
    except (OSError, ValueError, KeyError, BadZipFile, csv.Error):  # what pyarrow cannot read is a ValueError
        return False
    return False


def _are_columns(names: list[str]) -> bool:
    """Of profiles, or of the days behind typical ones."""
    if names == ["profile", "day", "cluster", "kwh"]:
        return True
    first, units = names[:1], [name.rpartition(" [")[2] for name in names[1:]]
    return first in (["time"], ["hour"]) and set(units) <= {"kWh/home]", "kWh/kWp]"} and bool(units)
