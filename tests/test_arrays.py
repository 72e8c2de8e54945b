"""What callers may give as arrays of numbers, and what is refused: nothing is dropped, reinterpreted or guessed."""

import dataclasses
import datetime
import decimal
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import fastp2p
from fastp2p.arrays import floats, integers

pytestmark = pytest.mark.small


class Foreign:
    """An array of another library, as NumPy sees it."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if isinstance(self.array, Exception):
            raise self.array
        return self.array


MASKED = np.ma.masked_array([1.0, 2.0], [False, True])
NO_NUMBERS = {
    "masked": (MASKED, r"mask.*\.filled"),
    "masked, nothing of it": (np.ma.masked_array([1.0, 2.0]), r"mask.*\.filled"),
    "masked whole numbers": (np.ma.masked_array([1, 2], [False, True]), r"mask.*\.filled"),
    "rows that are masked": ([MASKED, MASKED], r"mask.*\.filled"),
    "a masked number in a list": ([1.0, np.ma.masked], r"mask.*\.filled"),
    "masked of another library": (Foreign(MASKED), r"mask.*\.filled"),
    "complex": (np.array([1.0 + 2.0j]), r"complex.*\.real"),
    "complex without an imaginary part": (np.array([1.0 + 0.0j]), r"complex.*\.real"),
    "complex numbers in a list": ([1.0, 2.0j], "complex"),
    "complex of another library": (Foreign(np.array([1j])), "complex"),
    "dates": (np.array(["2024-01-01"], "M8[ns]"), "dates"),
    "dates of pandas": (pd.Series(pd.date_range("2024", periods=2)), "dates"),
    "a date": ([datetime.date(2024, 1, 1)], "objects"),
    "spans of time": (np.array([1], "m8[s]"), "spans of time"),
    "objects": (np.array([1.0, 2.0], object), "objects"),
    "nothing among numbers": ([1.0, None], "objects"),
    "nothing": (None, "objects"),
    "a table with texts": (pd.DataFrame({"a": [1.0], "b": ["x"]}), "objects"),
    "decimals": ([decimal.Decimal("1.5")], "objects"),
    "huge whole numbers": ([2**70], "objects"),
    "texts": (["1.0", "2.0"], "texts"),
    "a text among numbers": ([1.0, "2"], "texts"),
    "bytes": ([b"1"], "texts"),
    "records": (np.zeros(2, [("kwh", float)]), "records"),
    "sparse": (scipy.sparse.csr_array(np.eye(2)), r"sparse.*\.toarray"),
    "a set": ({1.0, 2.0}, "objects"),
    "a generator": ((one for one in (1.0, 2.0)), "objects"),
    "a dict": ({"a": 1.0}, "objects"),
    "rows of unequal length": ([[1.0], [1.0, 2.0]], "inhomogeneous"),
    "another library that refuses": (Foreign(RuntimeError("call detach first")), "call detach first"),
    "another library that breaks": (Foreign(AttributeError("no storage")), "no storage"),
}


@pytest.mark.parametrize("of", [floats, integers])
@pytest.mark.parametrize("given", NO_NUMBERS)
def test_no_array_of_numbers(of, given):
    value, message = NO_NUMBERS[given]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(fastp2p.InputError, match=f"^bid_kwh .*{message}"):
            of("bid_kwh", value)


NUMBERS = {
    "a number": 2.0,
    "no axis": np.array(2.0),
    "a list": [1, 2.0],
    "half": np.array([1.0, 2.0], np.float16),
    "single": np.array([1.0, 2.0], np.float32),
    "extended": np.array([1.0, 2.0], np.longdouble),
    "bytes the other way round": np.array([1.0, 2.0], ">f8"),
    "whole": np.array([1, 2], np.int8),
    "without a sign": np.array([1, 2], np.uint64),
    "every other": np.arange(6.0)[::2],
    "backwards": np.arange(6.0)[::-1],
    "by column": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "a column of pandas": pd.Series([1.0, 2.0]),
    "a nullable column, all there": pd.Series([1, 2], dtype="Int64"),
    "a table of pandas": pd.DataFrame({"a": [1.0], "b": [2]}),
    "another library": Foreign(np.array([1.0, 2.0])),
    "a matrix": np.asmatrix([[1.0, 2.0]]),
    "a range": range(3),
    "nothing": [],
}


@pytest.mark.parametrize(("of", "kind"), [(floats, np.float64), (integers, np.int64)])
@pytest.mark.parametrize("given", NUMBERS)
def test_arrays_of_numbers(of, kind, given):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array = of("x", NUMBERS[given])
    assert type(array) is np.ndarray
    assert array.dtype == kind
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, np.atleast_1d(np.asarray(NUMBERS[given], np.float64)))


def test_arrays_that_must_not_be_written_are_taken():
    fixed = np.ones((2, 3))
    fixed.flags.writeable = False
    assert floats("x", fixed) is fixed
    assert fastp2p.match_orders(fixed, fixed, fixed[0], fixed[0]).n_books == 2


def test_true_and_false_are_numbers_but_no_places():
    assert floats("x", [True, False]).tolist() == [1.0, 0.0]
    for places in ([True, False], np.array([True, False]), pd.array([True], "boolean")):
        with pytest.raises(fastp2p.InputError, match=r"true and false; numpy\.flatnonzero"):
            integers("x", places)


def test_numbers_beyond_a_float_are_not_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert floats("x", np.array(["1e4000"], np.longdouble))[0] == np.inf
        with pytest.raises(fastp2p.InputError, match="whole numbers"):
            integers("x", np.array([np.inf], np.float16))


@pytest.mark.parametrize("missing", [pd.array([1, None], "Int64"), pd.Series([1.5, None], dtype="Float64")])
def test_missing_numbers_of_pandas_are_no_numbers(missing):
    """They become NaN, as in any other column of pandas, and NaN is refused."""
    with pytest.raises(fastp2p.InputError, match="whole numbers"):
        integers("x", missing)
    with pytest.raises(fastp2p.InputError, match="bid_kwh: book 0, bus 1 holds nan"):
        fastp2p.match_orders([missing], [missing], [0.2, 0.2], [0.1, 0.1])


@pytest.fixture(scope="module")
def cigre():
    return fastp2p.Network.load("cigre_lv")


# --- every public function that takes arrays

TWO = np.ones((2, 3))


def arrays_of_functions(network):
    """By function and argument: a call that takes the value in place of an array."""
    trades = fastp2p.match_orders(TWO * [1, 0, 0], TWO * [0, 1, 0], np.full(3, 0.2), np.full(3, 0.1))
    base = np.zeros((2, network.n_bus))
    clearing = fastp2p.clear(network, trades, base)
    whole = np.ones((2, network.n_bus))
    left = fastp2p.leave_over(whole, whole, trades)
    orders = {"bid_kwh": TWO, "ask_kwh": TWO, "bid_per_kwh": TWO[0], "ask_per_kwh": TWO[0]}
    settled = {"load_kwh": whole, "pv_kwh": whole, "retail_per_kwh": 0.2, "feed_in_per_kwh": 0.1}
    of_trades = {
        name: getattr(trades, name) for name in ("offset", "seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")
    }
    flow = {"injection_kw": base, "injection_kvar": base}
    calls = {
        "make_orders": (lambda **a: fastp2p.make_orders(**a), {"load_kwh": TWO, "pv_kwh": TWO}),
        "match_orders": (lambda **a: fastp2p.match_orders(**a), orders),
        "Trades": (lambda **a: fastp2p.Trades(**a), of_trades),
        "price_trades": (
            lambda **a: fastp2p.price_trades(trades, **a), {**orders, "retail_per_kwh": 0.2, "feed_in_per_kwh": 0.1},
        ),
        "reduce_orders": (lambda **a: fastp2p.reduce_orders(trades, **a), orders),
        "leave_over": (lambda **a: fastp2p.leave_over(trades=trades, **a), {"load_kwh": whole, "pv_kwh": whole}),
        "clear": (
            lambda base_kw, **a: fastp2p.clear(network, trades, base_kw, **a),
            {"base_kw": base, "export_kw": base, "bus": np.arange(network.n_bus)},
        ),
        "clear, reactive": (
            lambda **a: fastp2p.clear(network, trades, base, physics="lindistflow", reactive=fastp2p.Reactive(**a)),
            {"base_kvar": base, "pv_kvar_per_kw": base[0], "load_kvar_per_kw": base[0]},
        ),
        "settle": (
            lambda **a: fastp2p.settle(trades, clearing, left=left, **a),
            {**settled, "buyer_per_kwh": trades.ask_per_kwh, "seller_per_kwh": trades.ask_per_kwh, "charge_per_kwh": 0.0},
        ),
        "settle, left": (
            lambda **a: fastp2p.settle(trades, clearing, left=dataclasses.replace(left, **a), **settled),
            {"self_kwh": whole, "deficit_kwh": whole, "surplus_kwh": whole},
        ),
        "ac_flow": (lambda **a: fastp2p.ac_flow(network, **a), {**flow, "bus": np.arange(network.n_bus)}),
        "lindistflow": (lambda **a: fastp2p.lindistflow(network, **a), {**flow, "bus": np.arange(network.n_bus)}),
        "Network.flow_kw": (network.flow_kw, {"injection_kw": base, "bus": np.arange(network.n_bus)}),
        "Network.slack_kw": (network.slack_kw, {"injection_kw": base}),
        "Network.positions": (network.positions, {"bus_ids": [0, 1]}),
        "Profiles": (lambda **a: fastp2p.Profiles(("home",), ("load",), **a), {"kwh_per_unit": np.ones((1, 24))}),
    }  # fmt: skip
    arrays = {field.name for field in dataclasses.fields(network)} - {
        "load_kind",
        "element",
        "winding",
        "std_type",
        "ac_faults",
        "zero",
    }
    calls["Network"] = (
        lambda **a: dataclasses.replace(network, **a),
        {name: getattr(network, name) for name in sorted(arrays)},
    )  # fmt: skip
    return calls


def test_every_argument_of_every_function_refuses_what_is_no_array_of_numbers(cigre):
    wrong = {
        "masked": lambda a: np.ma.masked_array(a, np.zeros(a.shape, bool)),
        "dates": lambda a: np.zeros(a.shape, "M8[ns]"),
        "objects": lambda a: a.astype(object),
        "texts": lambda a: a.astype(str),
    }
    for call, arguments in arrays_of_functions(cigre).values():
        call(**arguments)
        for name, value in arguments.items():
            array = np.atleast_1d(np.asarray(value))
            made = {**wrong, "complex": lambda a: a.astype(complex)} if array.dtype.kind != "c" else wrong
            for make in made.values():
                message = "bus indices" if name == "bus_ids" else name
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    with pytest.raises(fastp2p.InputError, match=message):
                        call(**{**arguments, name: make(array)})
