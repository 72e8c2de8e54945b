"""Results folders taken elsewhere: what is in each format, what is refused, and what is replaced."""

import sys
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import xarray as xr

import fastp2p
from fastp2p.results.dataset import make_dataset
from fastp2p.study.model import Study
from tests.support.commands import call, refused_command
from tests.support.results_folders import flip

ANSWERS = ("summary", "changes", "probabilities")


def test_csv_files_hold_the_numbers_of_all_tables_and_answers(made, expected, tmp_path):
    shown = call("export", made / "sweep", "--to", "csv", "--out", tmp_path / "out").stdout
    assert "wrote" in shown
    assert {path.stem for path in (tmp_path / "out").glob("*.csv")} == {"run", "scenarios", "books", *ANSWERS}
    assert Study.from_toml(tmp_path / "out" / "study.toml") == Study.from_toml(made / "sweep" / "study.toml")
    tables = expected | {name: pd.read_parquet(made / "sweep" / f"{name}.parquet") for name in ANSWERS}
    for name, table in tables.items():
        back = pd.read_csv(tmp_path / "out" / f"{name}.csv", float_precision="round_trip")
        back = back.rename(columns=lambda head: head.partition(" [")[0])
        if name in ("summary", "changes"):
            assert back.pop("unit").fillna("").isin(["", "kWh", "kW", "kWp", "%", "1", "h", "kg", "EUR", "USD"]).all()
        table = table.assign(**{one: table[one].astype(object) for one in table.select_dtypes("category")})
        pd.testing.assert_frame_equal(back, table, check_exact=True, check_dtype=False)
    about = pd.read_csv(tmp_path / "out" / "run.csv", index_col="key")["value"]
    assert about["seed"] == "11"
    assert len(about["SHA-256 of network"]) == 64


def test_netcdf_gives_the_dataset_back(made, expected, tmp_path):
    call("export", made / "sweep", "--to", "netcdf", "--out", tmp_path / "out.nc", "--tables", "books,summary")
    frames = {"books": expected["books"], "summary": pd.read_parquet(made / "sweep" / "summary.parquet")}
    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as back:
        assert back.attrs["SHA-256 of study"]
        assert back.attrs["fastp2p_version"] == back.attrs["version of fastp2p"]
        xr.testing.assert_equal(back.load(), make_dataset(frames, Study.from_toml(made / "sweep" / "study.toml")))
        assert back.books_import_kwh.attrs["units"] == "kWh"
        assert back.sizes == {"share": 2, "scenario": 40, "step": 24, "indicator": back.sizes["indicator"]}


def test_a_comparison_is_exported_too(made, tmp_path):
    place = tmp_path / "rules"
    call("export", made / "rules", "--to", "xlsx", "--out", place.with_suffix(".xlsx"))
    call("export", made / "rules", "--to", "netcdf", "--out", place.with_suffix(".nc"))
    call("export", made / "rules", "--to", "latex", "--out", place.with_suffix(".tex"))
    book = openpyxl.load_workbook(place.with_suffix(".xlsx"))
    assert book.sheetnames == ["run", "study", "comparison", "savings"]
    assert "ask_saving [USD]" in [cell.value for cell in book["savings"][1]]
    with xr.open_dataset(place.with_suffix(".nc"), engine="h5netcdf") as back:
        assert set(back.comparison_mean.dims) == {"share", "rule", "indicator"}
        assert set(back.savings_k_saving.dims) == {"share", "scenario", "bus"}
    assert r"rule ask}" in place.with_suffix(".tex").read_text()


def test_latex_has_the_summary_or_the_totals(made, tmp_path):
    call("export", made / "sweep", "--to", "latex", "--out", tmp_path / "sweep.tex")
    call("export", made / "day", "--to", "latex", "--out", tmp_path / "day.tex")
    sweep, day = ((tmp_path / f"{name}.tex").read_text() for name in ("sweep", "day"))
    assert r"indicator & unit & PV 20\,\% & PV 60\,\% \\" in sweep
    assert "95 % confidence interval" in sweep
    assert r"indicator & unit & total \\" in day
    assert r"\texttt{executed\_kwh} & kWh & 44.57 \\" in day


def test_only_what_was_exported_is_replaced(place, monkeypatch):
    monkeypatch.chdir(place)
    for to, name in {"csv": "day-csv", "xlsx": "day.xlsx", "netcdf": "day.nc", "latex": "day.tex"}.items():
        call("export", "day", "--to", to)
        assert f"{name} exists; choose another" in refused_command("export", "day", "--to", to)
        call("export", "day", "--to", to, "--overwrite")
        mine = Path(f"mine{name[3:]}")
        mine.mkdir() if to == "csv" else mine.write_text("mine")
        (mine / "run.csv").write_text("x") if to == "csv" else None
        told = refused_command("export", "day", "--to", to, "--out", mine, "--overwrite")
        assert "was not exported by fastp2p" in told
    Path("day-csv/notes.txt").touch()
    assert "notes.txt was not exported" in refused_command("export", "day", "--to", "csv", "--overwrite")
    assert not list(place.glob(".*"))


def test_what_cannot_be_exported_is_told(place, monkeypatch):
    monkeypatch.chdir(place)
    assert "must be one of csv, xlsx, netcdf, latex" in refused_command("export", "day", "--to", "stata")
    told = refused_command("export", "day", "--to", "csv", "--tables", "trades")
    assert "no table 'trades'; it has scenarios, books" in told
    assert "must end in .xlsx" in refused_command("export", "day", "--to", "xlsx", "--out", "day.xls")
    assert "stays as it was written" in refused_command("export", "day", "--to", "csv", "--out", "day/csv")
    assert "leave --tables out" in refused_command("export", "day", "--to", "latex", "--tables", "books")
    assert "not a results folder" in refused_command("export", ".", "--to", "csv")
    flip(place / "sweep" / "summary.parquet")
    assert "summary.parquet: not as it was written" in refused_command("export", "sweep", "--to", "csv")
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    assert 'pip install "fastp2p[export]"' in refused_command("export", "day", "--to", "netcdf")


def test_chosen_scenarios_have_no_summary(place, monkeypatch):
    monkeypatch.chdir(place)
    fastp2p.run(Study.from_toml("sweep/study.toml").with_(description="a\0b"), scenarios=[3, 17], out="chosen")
    call("export", "chosen", "--to", "latex")
    text = Path("chosen.tex").read_text()
    assert r"\shortstack{PV 20\,\%\\scenario 3}" in text
    assert "confidence" not in text
    call("export", "chosen", "--to", "netcdf")
    with xr.open_dataset("chosen.nc", engine="h5netcdf") as back:
        assert back.attrs["scenarios"] == "3, 17"
        assert back.attrs["description"] == r"a\x00b"
        assert back.scenario.to_numpy().tolist() == [3, 17]
        assert np.isfinite(back.branches_largest_flow_kw).all()
