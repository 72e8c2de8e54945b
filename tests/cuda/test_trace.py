"""Straight-line code from small kernels."""

import math

import numpy as np
import pytest

from fastp2p.cuda.trace import Tape, names, traced
from fastp2p.kernels.jit import kernel

pytestmark = pytest.mark.small


@kernel
def mix(x, known, y):
    for i in range(len(x)):
        for k in range(x.shape[1]):
            if known[i] != 0.0:
                y[0, k] += known[i] * x[i, k] - 1.0
            y[1, k] = max(y[1, k], abs(-x[i, k])) + 0.0
            lower = 1.0 if x[i, k] < y[2, k] else 0.0
            y[2, k] += lower * (x[i, k] - y[2, k])
    y[3] = math.sqrt(y[1, 0] / 2.0)


@kernel
def branching(x, y):
    if x[0, 0] > 1.0:
        y[0, 0] = 1.0


def run(lines, **known):
    space = {"sqrt": math.sqrt, "inf": math.inf, **known}
    exec("\n".join(lines), space)
    return space


def written(known):
    tape = Tape()
    x, y = names(tape, "x0", "x1", "x2"), np.zeros((4, 1), object)
    y[2] = 100.0
    traced(mix)(x, known, y)
    return tape, {f"y{i}": y[i, 0] for i in range(4)}


def test_the_code_does_what_the_kernel_does():
    known, x, y = np.array([2.0, 0.0, -0.5]), np.array([[0.3], [-7.0], [1.1]]), np.zeros((4, 1))
    y[2] = 100.0
    mix(x, known, y)
    tape, outputs = written(known)
    found = run(tape.lines(outputs, "t"), x0=0.3, x1=-7.0, x2=1.1)
    assert [found[f"y{i}"] for i in range(4)] == y[:, 0].tolist()


def test_what_is_known_is_not_computed():
    """Two products and four sums for y0, less what adds nothing; the other way round y0 is known."""
    tape, outputs = written(np.array([1.0, 0.0, 3.0]))
    assert tape.n_operations([outputs["y0"]]) == 4  # x0 - 1 + (3 x2 - 1)
    tape, outputs = written(np.zeros(3))
    assert outputs["y0"] == 0.0
    assert tape.n_operations([outputs["y0"]]) == 0


def test_names_may_be_given_anew_by_what_is_computed_from_them():
    tape = Tape()
    a, b = tape.name("a"), tape.name("b")
    found = run(tape.lines({"a": b + 1.0, "b": a * a + b, "c": 2.0}, "t"), a=3.0, b=5.0)
    assert (found["a"], found["b"], found["c"]) == (6.0, 14.0, 2.0)


def test_long_chains_have_few_brackets_in_a_line():
    tape = Tape()
    total = tape.name("a")
    for i in range(300):
        total = total * 0.5 + float(i)
    expected = 1.0
    for i in range(300):
        expected = expected * 0.5 + float(i)
    assert run(tape.lines({"b": total}, "t"), a=1.0)["b"] == expected


def test_branches_by_what_is_not_known_are_refused():
    tape = Tape()
    with pytest.raises(TypeError, match="cannot branch"):
        traced(branching)(names(tape, "x"), np.zeros((1, 1), object))
