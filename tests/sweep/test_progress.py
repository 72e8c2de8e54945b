"""How far a run is: a bar on a terminal; in notebooks, logs and pipes plain lines every few seconds."""

import io
import re
import sys

import pytest

import fastp2p
from fastp2p.sweep import progress
from fastp2p.sweep.parts import Done
from fastp2p.sweep.progress import progress_bar


def done(number, n_books=1000, n_congested=250):
    return Done(number=number, n_books=n_books, n_congested=n_congested, failures=[])


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved on."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    one = Clock()
    monkeypatch.setattr(progress, "time", one)
    return one


def test_lines_every_few_seconds_where_there_is_no_terminal(capsys, clock):
    with progress_bar("mine") as tell:
        parts = []
        for second in range(1, 13):  # a part a second
            clock.now = float(second)
            parts.append(done(second))
            tell(parts, 12)
    shown = capsys.readouterr()
    assert shown.out == ""
    # after 5 and 10 seconds, and at the end
    assert shown.err.splitlines() == [
        "mine: 5 of 12 parts, 1,000 books/s, 25.0% congested",
        "mine: 10 of 12 parts, 1,000 books/s, 25.0% congested",
        "mine: 12 of 12 parts, 1,000 books/s, 25.0% congested",
    ]


def test_a_short_run_has_one_line(capsys):
    study = fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 3})
    fastp2p.run(study, progress=True, workers=1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.fullmatch(r"pv-sweep: 3 of 3 parts, [\d,]+ books/s, [\d.]+% congested", lines[0])


def test_a_terminal_has_a_bar(monkeypatch, clock):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("mine") as tell:
        clock.now = 1.0
        tell([done(0)], 2)
    shown = sys.stderr.getvalue()
    assert "1/2" in shown
    assert "\x1b[" in shown


def test_without_a_console_nothing_is_shown(monkeypatch, capsys, clock):
    monkeypatch.setattr(sys, "stderr", None)
    with progress_bar("mine") as tell:
        clock.now = 1.0
        tell([done(0)], 1)
    assert capsys.readouterr().out == ""
