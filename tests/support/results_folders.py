"""Results folders that are altered or left by a run that stopped."""

import os
import shutil
from pathlib import Path

import pytest

import fastp2p
from tests.support.sweeps import SWEEP

STUDY = SWEEP.with_(scenarios={"keep": ["books"]})
OTHER = STUDY.with_(seed=12)
DAY = fastp2p.studies()["paper-44"].with_(scenarios={"keep": ["books"]})


def part(number, table="books"):
    return Path(table) / f"part-{number:06d}.parquet"


def flip(path, at=-100):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def as_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def as_folder(path):
    path.unlink()
    path.mkdir()


def interrupted(out, study=STUDY, **options):
    def interrupt(done, n_parts):
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastp2p.run(study, out=out, progress=interrupt, workers=1, **options)


def change(out, old, new):
    text = (out / "manifest.json").read_text()
    assert old in text
    (out / "manifest.json").write_text(text.replace(old, new))


REFUSED = {
    "no object": lambda out: (out / "manifest.json").write_text("[]"),
    "nothing in it": lambda out: (out / "manifest.json").write_text("{}"),
    "cut off": lambda out: (out / "manifest.json").write_bytes((out / "manifest.json").read_bytes()[:-30]),
    "empty": lambda out: (out / "manifest.json").write_bytes(b""),
    "binary": lambda out: (out / "manifest.json").write_bytes(bytes(range(256))),
    "deeply nested": lambda out: (out / "manifest.json").write_text("[" * 10**6),
    "a huge number": lambda out: (out / "manifest.json").write_text('{"parts": ' + "9" * 10**6 + "}"),
    "missing": lambda out: (out / "manifest.json").unlink(),
    "a pipe": lambda out: [(out / "manifest.json").unlink(), os.mkfifo(out / "manifest.json")],
    "a folder": lambda out: as_folder(out / "manifest.json"),
    "a link": lambda out: as_link(out / "manifest.json"),
    "of another study": lambda out: shutil.copy(out.parent / "day" / "manifest.json", out),
    "of a browser's extension": lambda out: (out / "manifest.json").write_text('{"manifest_version": 3, "name": "x"}'),
    "of an earlier layout": lambda out: (out / "manifest.json").write_text('{"done": [0, 0, 1], "complete": true}'),
    "altered": lambda out: change(out, '"seed": 11', '"seed": 12'),
    "other failures": lambda out: change(out, '"failures": []', '"failures": [[0.2, 0, 0]]'),
    "a file outside": lambda out: change(out, '"summary.parquet"', '"../summary.parquet"'),
    "a table that is a link": lambda out: as_link(out / "books"),
    "a table that is a file": lambda out: [shutil.rmtree(out / "books"), (out / "books").touch()],
    "a journal that is a link": lambda out: as_link(out / "parts.jsonl"),
    "a journal that is a pipe": lambda out: [(out / "parts.jsonl").unlink(), os.mkfifo(out / "parts.jsonl")],
}
"""Of a whole sweep: what neither opening nor resuming takes."""
