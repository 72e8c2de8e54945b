"""Studies that are odd, but right: they run, and energy is conserved."""

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

from tests.support.commands import call
from tests.support.studies import run_text, study_text

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")


@pytest.mark.parametrize(
    "sections",
    [
        {"load": "homes = 0"},
        {"pv": "kwp = 0"},
        {"load": "homes = 0", "pv": "kwp = 0"},
        {"pv": "buses = []"},
        {"load": "buses = []"},
        {"load": "buses = [12]", "pv": "buses = [12]"},
        {"load": "buses = [12]", "pv": "buses = [12]", "market": 'orders = "gross"'},
        {"participants": "buses = [0]", "market": 'orders = "gross"'},
        {"network": "limits = []"},
        {"network": "limits = []\nangle_deg = 0.001", "pv": "kwp = 50"},
        {"network": "limit_factor = 1e-6", "pv": "kwp = 50"},
        {"network": 'source = "case14"', "participants": 'buses = "all"', "pv": 'kwp = 1e4\nbuses = "odd"'},
        {"network": 'source = "case14"\nangle_deg = 0.001', "participants": 'buses = "loads"', "pv": "kwp = 1e4"},
        pytest.param(
            {
                "network": 'source = "mv_oberrhein"\nlimit_factor = 0.001',
                "participants": 'buses = "all"',
                "pv": 'buses = "odd"',
            },
            marks=pytest.mark.slow,
        ),
        {"load": "homes = 1e6", "pv": "kwp = 1e6"},
        {"market": "bid_per_kwh = 0\nask_per_kwh = 0\nretail_per_kwh = 0"},
        {"market": "bid_per_kwh = 0.1\nask_per_kwh = 0.2"},
        {"top": 'currency = ""\ndescription = "[red]x[/red] ☀"\nseed = 123456789012345678901234567890'},
    ],
)
def test_odd_studies_run_and_conserve_energy(sections):
    run_text(study_text(**sections))
    books = pd.read_parquet("out/books.parquet")
    scale = max(1.0, books.load_kwh.max(), books.pv_kwh.max())
    served = books.self_kwh + books.executed_kwh + books.import_kwh + books.shed_kwh
    used = books.self_kwh + books.executed_kwh + books.export_kwh + books.spilled_kwh
    np.testing.assert_allclose(served, books.load_kwh, atol=1e-9 * scale)
    np.testing.assert_allclose(used, books.pv_kwh, atol=1e-9 * scale)
    assert np.isfinite(books.select_dtypes(float).to_numpy()).all()
    assert not (books.status == "failed").any()


def test_everything_at_one_bus_of_a_network_without_branches():
    net = pp.create_empty_network()
    pp.create_ext_grid(net, pp.create_bus(net, 0.4))
    pp.to_json(net, "one.json")
    assert "buses           1 (pandapower has 1)\n" in call("check", "one.json").stdout
    one = study_text(network='source = "one.json"', participants="buses = [0]", market='orders = "gross"')
    run_text(one)
    books = pd.read_parquet("out/books.parquet")
    assert books.executed_kwh.sum() > 0
    assert (books.worst_loading_percent == 0).all()
