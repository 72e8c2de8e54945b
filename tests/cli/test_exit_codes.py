"""What the command ends with, whatever becomes of what it prints."""

import subprocess
import sys
from pathlib import Path

import pytest

CODES = """
import io, os, sys
sys.path.insert(0, sys.argv[1])
from tests.support.forks import forked
import fastp2p.cli.main, fastp2p.profiles.profiles
from fastp2p.__main__ import main

STREAMS = {
    "read": {}, "closed": {1: None}, "without a reader": {1: "pipe"}, "full": {1: "full"}, "errors closed": {2: None},
    "errors without a reader": {2: "pipe"}, "errors full": {2: "full"}, "nothing": {0: None, 1: None, 2: None},
}  # fmt: skip

def open_as(streams):
    reading, writing = os.pipe()
    os.close(reading)
    for number in (1, 2):
        place = streams.get(number, "read")
        if place in ("read", "full") and (number, place) != (2, "read"):
            os.dup2(os.open({"read": "/dev/null", "full": "/dev/full"}[place], os.O_WRONLY), number)
        if place == "pipe":
            os.dup2(writing, number)
    os.closerange(3, 9)
    for number in streams:
        if streams[number] is None:
            os.close(number)
    for number, name in ((1, "stdout"), (2, "stderr")):  # as Python opens them when it starts
        is_open = streams.get(number, "read") is not None
        setattr(sys, name, open(number, "w", number == 2 or -1, "utf-8", closefd=False) if is_open else None)

def run(arguments, streams):
    open_as(streams)
    sys.argv = ["fastp2p", *arguments]
    try:
        main()
    except SystemExit as end:
        try:
            sys.stdout.flush()
        except BaseException:
            os._exit(99)
        os._exit(end.code or 0)
    except BaseException:
        os._exit(98)

if sys.argv[2] == "heavy":
    import fastp2p.cli.check, fastp2p.sweep.compare, fastp2p.sweep.drawing
    fastp2p.sweep.drawing.draw_day_figures = fastp2p.sweep.drawing.draw_comparison_figures = lambda *_: {}
output = os.dup(1)
for arguments in eval(sys.argv[3]):
    ends = {name: forked(lambda: run(arguments, streams)) for name, streams in STREAMS.items()}
    os.write(output, f"{(arguments, ends)!r}\\n".encode())
"""
FULL = "error: standard output could not be written: No space left on device\n"
LIGHT = [
    ["studies"], ["profiles", "show", "typical_day"], ["profiles", "convert", "typical_day", "--out", "x.csv", "--overwrite"],
    ["--help"], ["--version"], ["run", "--help"], [], ["nope"], ["run", "nope"], ["run", "--nope"],
    ["profiles", "show", "nope.csv"],
]  # fmt: skip
HEAVY = [
    ["run", "paper-44", "--overwrite"], ["run", "paper-44", "--overwrite", "--json"], ["compare", "paper-44", "--overwrite"],
    ["check", "paper-44"], ["check", "cigre_lv", "--json"], ["check", "nope"], ["compare", "nope"],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("commands", [LIGHT, HEAVY], ids=["light", "heavy"])
def test_streams_change_no_exit_code_but_that_a_full_disk_is_told(commands, request, tmp_path):
    """2 where the input is wrong, 0 where not; 1 where what was printed is lost. One process forks for each."""
    words = [sys.executable, "-c", CODES, str(Path(__file__).parents[2]), request.node.callspec.id, repr(commands)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    table = [eval(line) for line in done.stdout.splitlines()]
    assert [arguments for arguments, _ in table] == commands
    for arguments, ends in table:
        is_wrong = not arguments or any("nope" in word for word in arguments)
        code, message = ends.pop("read")
        assert (code, bool(message)) == (2 * is_wrong, is_wrong), arguments
        assert ends.pop("full") == ((code, message) if is_wrong else (1, FULL)), arguments
        for name, ending in ends.items():
            silent = "errors" in name or name == "nothing"
            assert ending == (code, "" if silent else message), (arguments, name)
