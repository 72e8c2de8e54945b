"""The one list of columns against the tables of a run, the names' own units and the page that defines them."""

import re
from collections import Counter
from pathlib import Path

import pandas as pd

import fastp2p
from fastp2p.results.columns import COLUMNS, COMPARED, SECTIONS, TABLES, UNITS, as_markdown, columns_of
from fastp2p.settlement.settle import Accounts, BookAccounts

ENDINGS = {
    "kwh": "kWh", "kw": "kW", "kva": "kVA", "kwp": "kWp", "percent": "%", "per_kwh": "currency per kWh", "kg": "kg",
    "pu": "p.u.", "bill": "currency", "saving": "currency", "surplus": "currency", "cost": "currency", "share": "1",
    "rate": "1",
}  # fmt: skip


def test_a_table_has_a_name_once_and_a_name_has_one_unit():
    counts = Counter((table, column.name) for column in COLUMNS for table in column.tables)
    assert set(counts.values()) == {1}
    assert {(column.name, column.unit) for column in COLUMNS if column.unit} == set(UNITS.items())
    assert not [column.name for column in COLUMNS if not column.unit and column.name in UNITS]


def test_a_name_ends_in_its_unit():
    exceptions = {"jain_saving": "1", "gini_saving": "1", "hours_above_100_percent": "h"}
    for column in COLUMNS:
        endings = [ending for ending in ENDINGS if re.search(rf"(^|_){ending}$", column.name)]
        if column.name.startswith("n_"):
            assert column.unit == "", column.name
        elif endings:
            assert column.unit == exceptions.get(column.name, ENDINGS[max(endings, key=len)]), column.name


def test_a_twin_without_trading_is_the_same_quantity():
    by_name = columns_of("scenarios") | columns_of("books")
    for column in COLUMNS:
        if column.baseline:
            twin = by_name[column.baseline]
            assert (twin.unit, twin.over_steps) == (column.unit, column.over_steps)
            assert set(twin.tables) <= set(column.tables)


def test_accounts_that_columns_show_are_there():
    assert {column.account for column in COLUMNS if column.account} <= set(BookAccounts._fields)
    assert set(Accounts._fields) <= set(columns_of("participants"))
    assert set(BookAccounts._fields) <= {column.source for column in COLUMNS}


def test_places_in_a_comparison_are_counted_from_one():
    assert sorted(column.compared for column in COLUMNS if column.compared) == list(range(1, len(COMPARED) + 1))


def test_tables_of_a_run_have_exactly_these_columns():
    time = pd.date_range("2021-06-21", periods=24, freq="h", tz="UTC")
    typical = fastp2p.Profiles.load()
    dated = fastp2p.Profiles(typical.names, typical.kinds, typical.kwh_per_unit, typical.step_hours, time)
    kept = tuple(table for table in TABLES if table != "scenarios")
    study = fastp2p.studies()["pv-sweep-ac"].with_(scenarios={"count": 1, "shares": (0.5,), "keep": kept})
    tables = fastp2p.run(study, profiles=dated).tables()
    assert set(tables) == set(TABLES)
    for name, table in tables.items():
        known = [one for one in columns_of(name).values() if not (one.phases or one.device or one.swept)]
        assert set(table) == {column.name for column in known}, name


def test_columns_that_only_an_audit_gives_are_marked():
    kept = tuple(table for table in TABLES if table != "scenarios")
    study = fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 1, "shares": (0.5,), "keep": kept})
    for name, table in fastp2p.run(study).tables().items():
        known = [one for one in columns_of(name).values() if not (one.audit or one.phases or one.device or one.swept)]
        assert set(table) == {column.name for column in known if not column.name.endswith("time")}, name


def test_the_page_has_the_tables_of_the_list():
    """`python -m fastp2p.results.columns` prints them."""
    page = (Path(__file__).parents[2] / "docs" / "indicators.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^##+ ([^\n]*)\n\n(?:[^|#\n][^\n]*\n|\n)*(\| column .*?\n)(?!\|)", page, re.M | re.S))
    assert found == {section: as_markdown(section) + "\n" for section in SECTIONS}
