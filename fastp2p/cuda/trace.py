"""Straight-line code from kernels: their own source runs once on names in place of numbers, and what it does is written down.

Numbers that are known, such as a network's coefficients, become part of the code; loops are gone; entries of arrays are local
variables, which a processor keeps in registers. Arrays of names are NumPy arrays of objects. A kernel may decide by what is
known as it likes, and by names in conditional expressions alone (``a if x < y else b``), of which both sides are computed.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import math
import textwrap
from collections.abc import Callable, Iterable
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_DEPTH = 12
"""Of brackets in a line; Python reads a hundred."""
COUNTED = ("+", "-", "*", "/", "max", "min", "sqrt")
"""Operations that take a place in a processor's pipeline of numbers."""
FORMATS = {
    "neg": "(-{})", "abs": "abs({})", "max": "max({}, {})", "min": "min({}, {})", "sqrt": "sqrt({})",
    "if": "({1} if {0} else {2})", "float": "({} * 1.0)",
}  # fmt: skip
"""How operations are written; between their two operands unless here. ``1.0 if test else 0.0`` is ``test * 1.0``, for compilers
take long over many branches."""


class Value:
    """What a kernel computes from names: an operation and what it is applied to."""

    __array_ufunc__ = None  # so that NumPy's numbers leave operations to this class
    __slots__ = ("args", "depth", "op", "tape")

    def __init__(self, tape: Tape, op: str, args: tuple[Any, ...]) -> None:
        """Made by the tape alone, so that what is computed twice is one value."""
        self.tape, self.op, self.args = tape, op, args

    def __bool__(self) -> bool:
        """Refuse to take one of two ways: the code that is written has no ways."""
        raise TypeError("straight-line code cannot branch on what is known only when it runs; write a conditional expression")

    def __add__(self, other: Any) -> Any:
        return self.tape.apply("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.tape.apply("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.tape.apply("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.tape.apply("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.tape.apply("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.tape.apply("*", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.tape.apply("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.tape.apply("/", other, self)

    def __neg__(self) -> Any:
        return self.tape.apply("neg", self)

    def __abs__(self) -> Any:
        return self.tape.apply("abs", self)

    def __lt__(self, other: Any) -> Any:
        return self.tape.apply("<", self, other)

    def __gt__(self, other: Any) -> Any:
        return self.tape.apply(">", self, other)

    def __le__(self, other: Any) -> Any:
        return self.tape.apply("<=", self, other)

    def __ge__(self, other: Any) -> Any:
        return self.tape.apply(">=", self, other)


class Tape:
    """The values of a piece of straight-line code, in the order in which they were first computed."""

    def __init__(self) -> None:
        """Empty."""
        self.values: list[Value] = []
        self._made: dict[tuple[Any, ...], Value] = {}

    def name(self, name: str) -> Value:
        """A local variable."""
        return self._make("name", (name,))

    def apply(self, op: str, *args: Any) -> Any:
        """An operation's value; what adds nothing, or multiplies by one, is its other operand (zeros may change their sign)."""
        if op in "+-" and _is(args[1], 0.0):
            return args[0]
        if op == "+" and _is(args[0], 0.0):
            return args[1]
        if op == "-" and _is(args[0], 0.0):
            return self._make("neg", args[1:])
        if op in "*/" and _is(args[1], 1.0):
            return args[0]
        if op == "*" and _is(args[0], 1.0):
            return args[1]
        return self._make(op, args)

    def _make(self, op: str, args: tuple[Any, ...]) -> Value:
        key = (op, *(id(one) if isinstance(one, Value) else one for one in args))
        if key not in self._made:
            self._made[key] = Value(self, op, args)
            self.values.append(self._made[key])
        return self._made[key]

    def lines(self, outputs: dict[str, Any], prefix: str) -> list[str]:
        """Statements that give names what was computed; numbers on the way are called by the prefix.

        Parameters
        ----------
        outputs : dict from a name to a Value or a number
            Names may be among those that the values are computed from.
        prefix : str
        """
        n_uses = self._uses(outputs.values())
        text: dict[int, str] = {}
        depth: dict[int, int] = {}
        found: list[str] = []
        for number, value in enumerate(self.values):
            if id(value) not in n_uses:
                continue
            if value.op == "name":
                text[id(value)], depth[id(value)] = value.args[0], 0
                continue
            parts = [text[id(one)] if isinstance(one, Value) else _literal(one) for one in value.args]
            deep = 1 + max(depth[id(one)] for one in value.args if isinstance(one, Value))
            whole = FORMATS.get(value.op, f"({{}} {value.op} {{}})").format(*parts)
            if n_uses[id(value)] > 1 or deep > MOST_DEPTH:
                found.append(f"{prefix}{number} = {_bare(whole)}")
                whole, deep = f"{prefix}{number}", 0
            text[id(value)], depth[id(value)] = whole, deep
        taken = {value.args[0] for value in self.values if value.op == "name"}  # what later lines may still read
        last = []
        for name, value in outputs.items():
            given = f"{prefix}_{name}" if name in taken else name
            found.append(f"{given} = {_bare(text[id(value)]) if isinstance(value, Value) else _literal(value)}")
            last += [f"{name} = {given}"] if name in taken else []
        return found + last

    def n_operations(self, outputs: Iterable[Any]) -> int:
        """Additions, multiplications, divisions, roots and comparisons of numbers that outputs need."""
        used = self._uses(outputs)
        return sum(value.op in COUNTED for value in self.values if id(value) in used)

    def _uses(self, outputs: Iterable[Any]) -> dict[int, int]:
        """How often each value is used, by its id; of those that outputs need."""
        count: dict[int, int] = {}
        for value in outputs:
            if isinstance(value, Value):
                count[id(value)] = count.get(id(value), 0) + 1
        for value in reversed(self.values):  # what a value is made of was made before it
            if id(value) in count:
                for one in value.args:
                    if isinstance(one, Value):
                        count[id(one)] = count.get(id(one), 0) + 1
        return count


def names(tape: Tape, *names_of: str) -> NDArray[np.object_]:
    """A block of one book, (n, 1), of names."""
    found = np.empty((len(names_of), 1), object)
    found[:, 0] = [tape.name(name) for name in names_of]
    return found


def traced(kernel: Callable[..., Any]) -> Callable[..., None]:
    """A kernel that takes arrays of values: its own source, without compilation, and so the kernels that it calls."""
    return _traced(getattr(kernel, "py_func", kernel))


@functools.lru_cache(maxsize=64)
def _traced(function: FunctionType) -> Callable[..., None]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list, definition.returns = [], None
    for argument in definition.args.args:
        argument.annotation = None
    tree = ast.fix_missing_locations(_Choices().visit(tree))
    space = {**function.__globals__, **_ON_VALUES}
    for name in function.__code__.co_names:
        called = getattr(space.get(name), "py_func", space.get(name))
        if isinstance(called, FunctionType) and called.__module__.startswith("fastp2p.kernels"):
            space[name] = _traced(called)
    exec(compile(tree, function.__code__.co_filename, "exec"), space)
    return space[function.__name__]  # type: ignore[no-any-return]


class _Choices(ast.NodeTransformer):
    """Conditional expressions become calls of `_choose`."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.Call:
        self.generic_visit(node)
        nothing = ast.arguments([], [], None, [], [], None, [])
        sides: list[ast.expr] = [ast.Lambda(nothing, node.body), ast.Lambda(nothing, node.orelse)]
        return ast.Call(ast.Name("_choose", ast.Load()), [node.test, *sides], [])


def _choose(test: Any, this: Callable[[], Any], other: Callable[[], Any]) -> Any:
    if isinstance(test, Value):
        one, two = this(), other()
        return test.tape.apply("float", test) if _is(one, 1.0) and _is(two, 0.0) else test.tape.apply("if", test, one, two)
    return this() if test else other()


def _extreme(name: str) -> Callable[..., Any]:
    of_numbers = getattr(builtins, name)

    def extreme(*args: Any) -> Any:
        tape = next((one.tape for one in args if isinstance(one, Value)), None)
        return of_numbers(*args) if tape is None else functools.reduce(lambda a, b: tape.apply(name, a, b), args)

    return extreme


def _root(value: Any) -> Any:
    return value.tape.apply("sqrt", value) if isinstance(value, Value) else math.sqrt(value)


_ON_VALUES = {"_choose": _choose, "max": _extreme("max"), "min": _extreme("min"), "math": SimpleNamespace(sqrt=_root)}


def _is(value: Any, number: float) -> bool:
    return not isinstance(value, Value) and float(value) == number


def _literal(value: Any) -> str:
    """A number as source; names of those that have no digits."""
    text = repr(float(value))
    return f"({text})" if text.startswith("-") else text


def _bare(text: str) -> str:
    """Without the outermost brackets, if they are a pair."""
    if not text.startswith("("):
        return text
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:-1] if at == len(text) - 1 else text
    return text
