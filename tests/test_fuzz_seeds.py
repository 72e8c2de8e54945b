"""A few fixed seeds of the fuzzer: a result or a message, nothing else. `make fuzz` runs many more."""

import os
import signal
from multiprocessing.connection import wait

import pytest

from fuzz.judge import Finding, judge, make_case
from fuzz.mutate import Case
from fuzz.pool import Child, Job, search, workplace
from fuzz.shrink import shrink

SEEDS = {"studies": range(30), "profiles": range(91, 121), "networks": range(10, 13), "folders": range(1, 9)}
SEEDS |= {"phases": range(20)}

MENDED = [("profiles", 612), ("networks", 0), ("profiles", 9), ("profiles", 177), ("profiles", 46), ("studies", 302)]
MENDED += [("networks", 4), ("networks", 65)]
"""A warning of openpyxl's, a log line of pandapower's, a warning of NumPy's (float16 in Parquet), two rows with one stamp, a
line break in a message, from a heading and from a key of a study; an external grid and a bus with the index 2**40."""


@pytest.mark.slow
def test_fixed_seeds_of_every_target_end_well():
    jobs = [Job(target, seed) for target, seeds in SEEDS.items() for seed in seeds]
    jobs += [Job(target, seed) for target, seed in MENDED]
    done = search(jobs, workers=1)
    assert done.found == {}
    assert done.codes.total() == len(jobs)
    assert {0, 2} == done.codes.keys(), "some are accepted and some refused"


@pytest.mark.parametrize("target", ["studies", "profiles"])
def test_a_seed_is_an_input(target):
    assert make_case(target, 3) == make_case(target, 3)
    assert make_case(target, 3) != make_case(target, 4)


@pytest.mark.parametrize(
    ("code", "errors", "kind"),
    [
        (3, "error: no", "exit code 3"),
        (2, "", "exit code 2 without a word"),
        (-11, "Fatal Python error: Segmentation fault", "crash (-11)"),
        (1, 'Traceback (most recent call last):\n  File "/x/fastp2p/a.py", line 3, in f\nKeyError: 1', "traceback of KeyError"),
        (0, "/x/pandas/core/ops.py:73: RuntimeWarning: overflow\n", "leaked RuntimeWarning"),
        (0, "numba says something", "stray line on stderr"),
        (2, "error: could not be read (Unable to allocate 40 GiB)", "memory"),
        (2, "error: no file \x1b[2J", "raw control character"),
    ],
)
def test_what_is_a_failure(code, errors, kind):
    finding = judge(["check", "x"], code, "", errors)
    assert finding is not None
    assert finding.kind == kind
    assert judge(["check", "x"], 2, "", "error: x.toml: not found") is None


@pytest.mark.slow
def test_a_child_that_dies_of_its_input_is_a_finding():
    with workplace() as root:
        child = Child(root)
        assert wait([child.connection], 120)
        assert child.result() == (0, None), "it is ready"
        child.job = Job("networks", 7)
        os.kill(child.process.pid, signal.SIGSEGV)
        assert wait([child.connection], 20)
        code, found = child.result()
        child.end()
    assert code == -signal.SIGSEGV
    assert found is not None
    assert found.kind == f"crash ({code})"


def test_a_failure_is_shrunk_to_the_line_that_fails(monkeypatch):
    def failing(jobs, _):
        return [at for at, job in enumerate(jobs) if b"bad" in job.case.files["a.toml"]]

    case = Case({"a.toml": b"".join(b"line %d\n" % n for n in range(20)) + b"bad\n" + b"more\n" * 9}, ["check", "a.toml"])
    monkeypatch.setattr("fuzz.shrink.failing", failing)
    monkeypatch.setattr("fuzz.shrink.make_case", lambda *_: case)
    skip, small = shrink(Job("studies", 0), Finding("traceback", "here"))
    assert (skip, small.files) == (frozenset(), {"a.toml": b"bad\n"})
