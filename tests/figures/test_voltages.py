"""Figures of voltages: that they show what tables and power flows say, at any width, and name limits, books and samples."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fastp2p.figures.errors import Errors, draw_ac_error
from fastp2p.figures.feeder import AlongFeeder, Feeders, draw_feeder, draw_phase_feeder
from fastp2p.figures.limits import show_limit
from fastp2p.figures.pages import ONE_COLUMN, house_style, time_edges
from fastp2p.figures.phases import draw_phases
from fastp2p.figures.voltages import MOST_STEPS, draw_voltage_hours, draw_voltage_steps

BOOK = "highest voltage of all 960 books (PV 60%, scenario 3, hour 12)"


def empty_axes(width=7.16):
    return Figure(figsize=(width, 3.0), layout="constrained").subplots()


@pytest.fixture(autouse=True)
def _style():
    with matplotlib.rc_context(house_style()):
        yield


def substation(n=6):
    """A grid, a transformer, and so many feeders of three buses: bus 10 is the grid, bus 11 below the transformer."""
    first = 2 + 3 * np.arange(n)
    ends = [(1, 0), *((bus + place, bus + place - 1 if place else 1) for bus in first.tolist() for place in range(3))]
    n_bus = 2 + 3 * n
    return Feeders(
        bus_id=10 + np.arange(n_bus),
        has_band=np.arange(n_bus) > 0,
        ends=np.array(ends),
        is_transformer=np.arange(n_bus - 1) == 0,
        feeder=np.append(-1, np.repeat(np.arange(n), 3)),
        names=[f"line {3 * one}" for one in range(n)],
    )


def along(is_high=True, n=6):
    """Voltages that are random but for the last bus, which goes farthest."""
    n_bus, rng = 2 + 3 * n, np.random.default_rng(1)
    ac = 1.0 + rng.uniform(-0.02, 0.02, n_bus)
    ac[-1] = 1.06 if is_high else 0.93
    distance = np.append([0.0, 0.0], np.tile([0.1, 0.2, 0.3], n))
    return AlongFeeder(0.6, 3, 12, is_high, distance, "km", ac, ac + 0.001)


def hour_table(shares, n=3):
    rows = [
        {
            "share": share,
            "scenario": scenario,
            "hour": hour,
            "lowest_vm_pu": 1.0 - 0.01 * share - 0.001 * scenario - 1e-4 * hour,
        }
        for share in shares
        for scenario in range(n)
        for hour in range(24)
    ]
    return pd.DataFrame(rows).assign(highest_vm_pu=lambda table: 2.0 - table["lowest_vm_pu"])


def said(axes):
    """The texts of a legend, on a line each."""
    legend = axes.get_legend()
    return [" ".join(legend.get_title().get_text().split()), *(text.get_text() for text in legend.get_texts())]


def assert_inside(axes):
    """That no words reach beyond the page."""
    axes.figure.draw_without_rendering()
    width, height = axes.figure.bbox.size
    legend = axes.get_legend()
    for text in (*axes.texts, *legend.get_texts(), legend.get_title(), axes.xaxis.label, axes.yaxis.label):
        box = text.get_window_extent()
        assert min(box.x0, box.y0) > -1.0, text
        assert box.x1 < width + 1.0, text
        assert box.y1 < height + 1.0, text


def test_hours_have_a_median_for_each_share_and_bands_of_two():
    table, axes = hour_table([0.0, 0.25, 0.5, 0.75, 1.0]), empty_axes()
    draw_voltage_hours(axes, table, end="lowest", limit_pu=0.95, books="of all 360 books")
    medians = [line.get_ydata() for line in axes.lines if line.get_linewidth() == 1.6]
    expected = table[table["scenario"] == 1].pivot_table(index="hour", columns="share", values="lowest_vm_pu")
    np.testing.assert_allclose(medians, expected.to_numpy().T)
    assert len(axes.collections) == 2
    assert said(axes)[0].endswith(
        "Line: median of 3 scenarios; band: 5% to 95% of them, at 0% and 100%. Voltages of all 360 books"
    )
    assert said(axes)[1:] == ["0%", "25%", "50%", "75%", "100%", "5% to 95%"]
    one = empty_axes()
    draw_voltage_hours(one, hour_table([0.5], n=1), end="highest", days=14, has_phases=True)
    assert not one.collections
    assert one.get_ylabel() == "Highest voltage of\nany bus and phase (p.u.)"
    assert one.get_xlabel() == "Hour of the day; the highest of 14 days"


def test_steps_of_a_scenario_have_dates_and_a_year_has_days():
    time = pd.date_range("2025-01-01", periods=4 * MOST_STEPS, freq="15min", tz="UTC+01:00")
    vm_pu, axes = np.random.default_rng(2).uniform(0.95, 1.0, len(time)), empty_axes()
    vm_pu[5] = np.nan  # a book that collapsed
    draw_voltage_steps(axes, vm_pu, time_edges(len(time), 0.25, time), end="lowest", books="of all 12,000 books")
    (stairs,) = axes.patches
    np.testing.assert_array_equal(stairs.get_data().values, np.nanmin(vm_pu.reshape(-1, 96), axis=1))
    np.testing.assert_allclose(np.diff(stairs.get_data().edges), 1.0)  # days of matplotlib
    assert said(axes)[1] == "extreme of each day of one scenario, of all 12,000 books"
    days = empty_axes()
    draw_voltage_steps(days, vm_pu[:1344], np.arange(1345) * 0.25, end="highest", limit_pu=1.1)
    assert len(days.patches[0].get_data().values) == 1344
    sampled, sample = np.where(np.arange(len(vm_pu)) % 7 == 0, vm_pu, np.nan)[:960], empty_axes()
    draw_voltage_steps(sample, sampled, np.arange(961.0), end="lowest")
    assert sample.lines[0].get_linestyle() == "None"  # steps far apart are not joined
    assert said(sample)[1] == "each audited step of one scenario"


@pytest.mark.parametrize(
    ("limit", "text"), [(1.06, "limit 1.06"), (1.1, "limit 1.1 ↑"), (0.9, "limit 0.9 ↓"), (0.97, "limit 0.97")]
)
def test_limits_are_drawn_where_they_are_near_and_named_where_not(limit, text):
    axes = empty_axes()
    is_near = show_limit(axes, 0.99, 1.03, limit)
    assert [one.get_text() for one in axes.texts] == [text]
    assert is_near == (len(axes.lines) == 1) == ("↑" not in text and "↓" not in text)
    low, high = axes.get_ylim()
    assert (low < limit < high) == is_near


@pytest.mark.parametrize("is_high", [True, False])
@pytest.mark.parametrize("width", [7.16, ONE_COLUMN])
def test_feeders_are_told_apart_and_the_farthest_bus_is_named(is_high, width):
    feeders, worst, axes = substation(), along(is_high), empty_axes(width)
    draw_feeder(axes, feeders, worst, limits_pu=(0.9, 1.1), book=BOOK)
    looks = [(line.get_color(), line.get_marker()) for line in axes.get_legend().legend_handles]
    assert len({colour for colour, _ in looks[:6]}) == len({marker for _, marker in looks[:6]}) == 6
    label = next(text for text in axes.texts if text.get_text() == f"bus 29: {1.06 if is_high else 0.93:.3f} p.u.")
    assert label.xy == pytest.approx((0.3, worst.ac_vm_pu[-1]))
    assert said(axes)[0] == "Highest voltage of all 960 books (PV 60%, scenario 3, hour 12). Feeders by AC power flow"
    assert said(axes)[1] == "from line 15"  # the one of the farthest bus comes first
    assert said(axes)[7:] == ["transformer", "external grid", "LinDistFlow"]
    *of_feeders, transformer, linear = axes.collections
    segments = np.concatenate([one.get_segments() for one in (*of_feeders, transformer)])
    assert len(segments) == len(linear.get_segments()) == 19
    assert set(segments[..., 1].ravel()) == set(worst.ac_vm_pu)
    assert_inside(axes)


def test_a_seventh_feeder_is_grey():
    axes = empty_axes()
    draw_feeder(axes, substation(8), along(n=8))
    assert said(axes)[7] == "2 others"


@pytest.mark.parametrize("is_high", [True, False])
def test_each_phase_has_a_line_and_the_farthest_is_named(is_high):
    worst, rng = along(is_high), np.random.default_rng(3)
    vm_pu = 1.0 + rng.uniform(-0.02, 0.02, (20, 3))
    vm_pu[-1, 1] = 1.07 if is_high else 0.92
    axes = empty_axes(ONE_COLUMN)
    limits = (0.9, 1.08)
    draw_phase_feeder(axes, substation(), worst, vm_pu, np.array([4, 7]), limits_pu=limits, book=BOOK)
    assert f"bus 29, phase b: {vm_pu[-1, 1]:.3f} p.u." in [text.get_text() for text in axes.texts]
    assert said(axes)[1:] == ["phase a", "phase b", "phase c", "balanced model", "transformer", "external grid"]
    for lines, of_phase in zip(axes.collections, (*vm_pu.T, worst.ac_vm_pu), strict=False):
        assert set(np.array(lines.get_segments())[..., 1].ravel()) == set(of_phase)
    looks = [(one.get_color(), one.get_marker()) for one in axes.get_legend().legend_handles[:3]]
    assert all(len(set(of)) == 3 for of in zip(*looks, strict=True))
    low, high = axes.get_ylim()
    assert low < vm_pu.min() < vm_pu.max() < high
    assert_inside(axes)


def test_a_day_has_each_phase_and_a_ring_at_its_worst_book():
    vm_pu = np.random.default_rng(4).uniform(0.95, 1.05, (96, 3))
    time = pd.date_range("2025-03-19", periods=96, freq="15min")
    edges, axes = time_edges(96, 0.25, time), empty_axes(ONE_COLUMN)
    draw_phases(axes, vm_pu, edges, end="highest", limit_pu=1.1, worst=40, book=BOOK)
    drawn = [line for line in axes.lines if line.get_label().startswith("phase")]
    np.testing.assert_array_equal([line.get_ydata() for line in drawn], vm_pu.T)
    assert drawn[0].get_xdata()[0] == np.datetime64("2025-03-19T00:07:30")
    assert len({(line.get_marker(), line.get_linestyle(), line.get_color()) for line in drawn}) == 3
    (ring,) = [line for line in axes.lines if line.get_label() == "_worst"]
    assert ring.get_ydata() == [vm_pu[40].max()]
    assert said(axes) == [f"Ring: {BOOK}. Voltages between phase and neutral", "phase a", "phase b", "phase c"]
    assert_inside(axes)


def test_errors_say_how_large_they_are_and_of_how_many_values():
    at = np.linspace(0.95, 1.05, 50)
    errors = Errors(
        at,
        {"DC (no voltage drop)": 1.0 - at, "LinDistFlow": 0.001 * (at - 1.0)},
        7000,
        {"DC (no voltage drop)": 0.06, "LinDistFlow": 0.002},
    )
    axes = empty_axes(ONE_COLUMN)
    draw_ac_error(axes, errors, quantity="voltage", books="70 books of 3 scenarios")
    dc, linear, zero = axes.lines
    np.testing.assert_allclose((dc.get_ydata(), linear.get_ydata()), (100.0 - 100.0 * at, 0.1 * (at - 1.0)), atol=1e-12)
    assert [line.get_rasterized() for line in (dc, linear, zero)] == [True, True, False]
    assert dc.get_marker() != linear.get_marker()
    assert said(axes)[0] == "70 books of 3 scenarios; 50 of 7,000 values, at random"
    assert said(axes)[1:] == ["DC (no voltage drop): up to 6%", "LinDistFlow: up to 0.2%"]
    assert_inside(axes)


def test_nothing_to_draw_is_no_crash():
    draw_voltage_steps(empty_axes(), np.full(24, np.nan), np.arange(25.0), end="lowest", limit_pu=0.9)
    draw_voltage_hours(empty_axes(), hour_table([0.5]).assign(lowest_vm_pu=np.nan), end="lowest", limit_pu=0.9)
    draw_phases(empty_axes(), np.full((24, 3), np.nan), np.arange(25.0), end="lowest", limit_pu=0.9)
    none = Errors(
        np.empty(0),
        {"DC (no voltage drop)": np.empty(0), "LinDistFlow": np.empty(0)},
        0,
        {"DC (no voltage drop)": 0.0, "LinDistFlow": 0.0},
    )
    draw_ac_error(empty_axes(), none, quantity="loading")
