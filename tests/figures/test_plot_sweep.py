"""The public functions that draw panels of sweeps: from results, folders and tables, on given axes, and what they refuse."""

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import fastp2p
from fastp2p import plot
from fastp2p.errors import InputError
from fastp2p.figures.pages import house_style
from fastp2p.report.figures import charts_of
from fastp2p.report.runs import Run
from tests.support.commands import call, refused_command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("sweep")
    study = fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 4, "shares": [0.2, 0.6]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastp2p.sweep.drawing.draw_sweep_figures", lambda *_: {})
        patch.setattr("fastp2p.sweep.drawing.draw_comparison_figures", lambda *_: {})
        fastp2p.run(study, out=place / "run", workers=1)
        fastp2p.compare_rules(study, ["ask", "k"], out=place / "rules", workers=1)
    return place


@pytest.fixture(scope="module")
def results(folder):
    return fastp2p.read_results(folder / "run")


def panel():
    return Figure().subplots()


def same(one, other):
    """Whether two panels show the same."""
    texts = [[axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left")] for axes in (one, other)]
    assert texts[0] == texts[1]
    assert len(one.lines) == len(other.lines) > 0
    for mine, yours in zip(one.lines, other.lines, strict=True):
        np.testing.assert_array_equal(mine.get_xydata(), yours.get_xydata())


def test_results_their_folder_and_the_table_give_the_same(folder, results):
    for draw, table in ((plot.hours, "hours"), (plot.hosting_capacity, "scenarios")):
        for source in (folder / "run", getattr(results, table)):
            ax = panel()
            assert draw(source, ax) is ax
            same(ax, draw(results, panel()))
    same(plot.energy(results.scenarios, panel(), days=1.0), plot.energy(str(folder / "run"), panel()))
    assert plot.loading(results, panel()).get_xlabel().startswith("Worst branch loading in 24 hours")
    assert plot.loading(results.scenarios, panel()).get_xlabel().startswith("Worst branch loading of a scenario")


def test_choices(results):
    assert plot.hours(results, panel()).get_title(loc="left") == "60% PV"
    assert plot.hours(results, panel(), share=0.2).get_title(loc="left") == "20% PV"
    line = plot.energy(results, panel(), quantities=["import_kwh"]).lines[0]
    np.testing.assert_allclose(line.get_ydata(), results.scenarios.groupby("share")["import_kwh"].median())
    assert plot.hosting_capacity(results, panel(), cause="base").get_title(loc="left") == "Before any trade"
    with pytest.raises(InputError, match=r"did not keep the table 'books'; run some of its scenarios alone"):
        plot.supply(results, panel())


def test_three_panels_stand_side_by_side_with_titles_of_the_caller(folder, results):
    """Of a figure as wide as two columns: no legend reaches into the next panel, and no text lies on a title."""
    with matplotlib.rc_context(house_style()):
        figure = Figure(figsize=(7.16, 2.6), layout="constrained")
        panels = list(figure.subplots(1, 3))
        draws = [plot.hosting_capacity, plot.energy, lambda _, ax: plot.bills(folder / "rules", ax)]
        for draw, ax in zip(draws, panels, strict=True):
            draw(results, ax)
            ax.set_title("(a)", loc="left")
            assert not ax.texts
        figure.draw_without_rendering()
        for ax, after in zip(panels, [*panels[1:], None], strict=True):
            end = after.get_tightbbox().x0 if after else figure.bbox.x1
            assert ax.get_legend().get_window_extent().x1 <= end
    titled = plot.hosting_capacity(results, panel()).get_title(loc="left")
    assert titled.startswith("As the market is cleared\nhosting capacity at least 60%")


def test_bills_of_results_of_a_folder_and_of_its_table(folder, results):
    rules = {
        rule: fastp2p.run(results.study.with_(market={"pricing": rule}, scenarios={"keep": ["participants"]}), workers=1)
        for rule in ("ask", "k")
    }
    ax = plot.bills(folder / "rules", panel(), share=0.2)
    assert ax.get_xlabel() == f"Saved by a participant\nin 24 hours ({results.study.currency})"
    same(ax, plot.bills(rules, panel(), share=0.2))
    table = fastp2p.open_results(folder / "rules")["savings"].to_table().to_pandas()
    same(ax, plot.bills(table, panel(), currency=results.study.currency, period="24 hours", share=0.2))


def test_the_figures_of_a_comparison_are_drawn_again(folder, tmp_path, elsewhere):
    told = call("figures", folder / "rules", "--out", tmp_path, "--format", "svg", "--width", "3.5")
    assert [path.name for path in tmp_path.iterdir()] == ["bills.svg"]
    assert "wrote 1 files" in told.stdout
    refused = refused_command("figures", folder / "rules", "--out", tmp_path, "--only", "hours")
    assert "this comparison has no figure 'hours'; it has bills" in refused


def test_a_new_figure_has_the_style_in_force(results):
    with matplotlib.rc_context({"lines.linewidth": 7.0, "backend": "agg"}):
        axes = plot.hosting_capacity(results)
        assert isinstance(axes, Axes)
        assert axes.lines[0].get_linewidth() == 7.0
        matplotlib.pyplot.close(axes.figure)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda run, place: plot.hours(run, share=0.3), "share = 0.3 was not run; there are share: 0.2, 0.6"),
        (lambda run, place: plot.hours(run, ev_share=0.3), "ev_share is no share of these results; they have share"),
        (lambda run, place: plot.hours(run.scenarios), "the table lacks the columns hour"),
        (
            lambda run, place: plot.energy(run, quantities="import_kwh"),
            "quantities = 'import_kwh': must be some of executed_kwh",
        ),
        (lambda run, place: plot.energy(run, quantities=["kwp"]), "must be some of executed_kwh"),
        (lambda run, place: plot.hosting_capacity(run, cause="voltage"), "known of these results are cleared, base"),
        (lambda run, place: plot.hosting_capacity(run, cause="me"), "must be one of cleared, base, voltage, cable, unbalance"),
        (lambda run, place: plot.bills(place / "run"), "holds a run, not a comparison"),
        (lambda run, place: plot.bills({"ask": run}), 'that kept "participants"'),
        (lambda run, place: plot.bills(run.scenarios), "lacks the column RULE_saving"),
        (lambda run, place: plot.bills(3), "savings, not 3"),
        (lambda run, place: plot.loading(place / "rules"), "holds a comparison of market rules, not a run"),
        (lambda run, place: plot.loading(run, ax=3), "ax must be an Axes of matplotlib"),
        (lambda run, place: plot.loading(run, Figure().add_subplot(projection="polar")), "not the projection 'polar'"),
        (lambda run, place: plot.loading(run.scenarios.iloc[:0]), "the table has no rows"),
        (lambda run, place: plot.energy(run.scenarios.astype(str)), "executed_kwh of the table must hold numbers"),
        (lambda run, place: plot.energy(run.scenarios.assign(share=np.nan)), "share of the table is unknown in some rows"),
        (lambda run, place: plot.loading(run.scenarios.assign(worst_loading_percent=np.nan)), "is unknown in some rows"),
        (lambda run, place: plot.energy(run.scenarios.assign(time=None)), "the column time of the table is unknown"),
        (lambda run, place: plot.energy(run, quantities=3), "quantities = 3: must be some of executed_kwh"),
        (lambda run, place: plot.energy(run, quantities=[["cut_kwh"]]), "must be some of executed_kwh"),
        (lambda run, place: plot.energy(run.scenarios, days="x"), "days = 'x': must be a number above 0"),
        (lambda run, place: plot.hosting_capacity(run, cause=["cut"]), "must be one of cleared"),
        (lambda run, place: plot.hours(run, share="x"), "share = 'x': must be a number"),
        (lambda run, place: plot.bills(place / "rules", currency=3), "currency must be a text, not 3"),
        (lambda run, place: plot.supply(run.scenarios, share=["x"]), r"share = ['x']: must be a number"),
        (lambda run, place: plot.supply(run.scenarios, scenario=[1]), r"scenario = [1]: must be a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_refused(results, folder, wrong, told):
    with pytest.raises(fastp2p.InputError) as refused:
        wrong(results, folder)
    assert told in str(refused.value)


def test_steps_longer_than_an_hour_fill_the_day(results):
    study = results.study.with_(profiles={"step_hours": 4.0}, clearing={"audit": True}, scenarios={"count": 2})
    run = fastp2p.run(study, workers=1)
    for ax in (plot.hours(run, panel()), plot.hours(run.hours, panel())):
        assert ax.get_xlim() == (0.0, 24.0)
        assert ax.get_ylabel() == "Energy\n(kWh per 240 min)"
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.arange(0.0, 25.0, 4.0))
    ax = plot.voltage(run, panel())
    assert ax.get_xlim() == (0.0, 24.0)
    np.testing.assert_array_equal(ax.lines[-1].get_xdata(), np.arange(2.0, 24.0, 4.0))
    charts = {chart.key: chart.views for chart in charts_of(Run("run", study, "", None, run))}
    for view in (charts["hours"]["Traded"], charts["voltage"]["all"]):
        assert view["data"][-1]["x"][-1] == 24.0
    assert charts["hours"]["Traded"]["layout"]["yaxis"]["title"]["text"] == "Energy per 240 min (kWh)"
    with pytest.warns(fastp2p.InputWarning, match="clock"):
        day = fastp2p.run(study.with_(profiles={"step_hours": 24.0}), workers=1)
    assert plot.hours(day, panel()).get_xlim() == (0.0, 24.0)
    assert plot.voltage(day, panel()).lines[-1].get_marker() == "o"
