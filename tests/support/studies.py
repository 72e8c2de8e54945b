"""Study files and profile files with one thing changed, and the commands that refuse them."""

from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from fastp2p.cli.main import app

HEADER = "profile,hour,load_kwh_per_home,pv_kwh_per_kwp\n"


SECTIONS = {
    "": 'name = "mine"',
    "network": 'source = "cigre_lv"',
    "profiles": "",
    "participants": "",
    "load": 'profile = "residential_0"',
    "pv": 'profile = "solar_1"',
    "market": "",
    "clearing": "",
}


def study_text(**sections):
    """A study whose sections hold these lines besides the required ones; a line of the same key replaces it."""
    parts = []
    for name, required in SECTIONS.items():
        lines = sections.get(name or "top", "")
        keys = {line.split("=")[0].strip() for line in lines.splitlines()}
        kept = "" if required.split("=")[0].strip() in keys else required
        parts.append((f"[{name}]\n" if name else "") + f"{kept}\n{lines}\n")
    return "\n".join(parts)


def run_text(text, code=2, name="mine.toml"):
    Path(name).write_text(text, encoding="utf-8")
    return call("run", name, "--out", "out", code=code)


def call(*arguments, code=2):
    before = set(Path().rglob("*"))
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    if code == 2:
        assert set(Path().rglob("*")) == before, "something was written"
        assert result.stdout == ""
        assert all(line.startswith("error: ") for line in result.stderr.splitlines())
    return result


def refused(text, *told):
    """The study is refused, and the message tells all of these."""
    message = run_text(text).stderr
    assert [piece for piece in told if piece not in message] == [], message


def no_grid(net):
    net.ext_grid = net.ext_grid.iloc[:0]


def change(table, rows, column, value):
    def changed(net):
        net[table].loc[rows, column] = value

    return changed


def rows(name="residential_0", n=24, value="1.0", pv=False):
    return [f"{name},{hour},{'' if pv else value},{value if pv else ''}" for hour in range(n)]


def with_line(at, line):
    lines = rows()
    lines[at : at + 1] = [line] if line else []
    return HEADER + "\n".join(lines + rows("solar_1", pv=True)) + "\n"


def read(content, name="mine.csv"):
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return study_text(profiles=f'source = "{name}"')


BIDS, ASKS = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]), np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])


ONES = np.ones(3)
