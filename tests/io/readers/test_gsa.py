"""Global Solar Atlas reports and JSON in the source's layout."""

import json
import zipfile

import numpy as np
import pytest

from data.make import DAYS, MONTHS, gsa_sheets, solar_days
from fastp2p import InputError, Profiles
from tests.support.profile_files import write_gsa_json, write_workbook


@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize(
    ("kwp", "size"),
    [
        (1000.0, None),
        (3.0, None),
        (2500.0, ["2.5", "MWp"]),
        (1000.0, ["1,000 kWp"]),
        (1000.0, [1000, "[kWp]"]),
        (5.0, [5000, "Wp"]),
    ],
)
def test_twelve_days_per_kwp(texts, kwp, size, tmp_path):
    read = Profiles.load(write_workbook(tmp_path / "GSA_Report_Here.xlsx", gsa_sheets(kwp, texts=texts, size=size)))
    assert read.names == tuple(MONTHS)
    assert set(read.kinds) == {"pv"}
    assert set(read.units) == {"kWh per kWp"}
    assert (read.n_steps, read.step_hours, read.time) == (24, 1.0, None)
    np.testing.assert_allclose(read.kwh_per_unit, solar_days(kwp) / 1000 / kwp, rtol=1e-12)
    assert "GSA_Report_Here.xlsx" in read.source


def test_a_calendar_year_of_the_days(tmp_path):
    path = write_workbook(tmp_path / "here.xlsx", gsa_sheets())
    year = Profiles.load(path, year=2018)
    assert (year.names, year.n_steps) == (("here",), 8_760)
    assert year.kwh_per_unit.sum() == pytest.approx(float(solar_days(1000).sum(axis=1) @ DAYS) / 1e6, rel=1e-9)
    assert Profiles.load(path, year=2016).n_steps == 8_784
    june = year.select(months=[6])
    np.testing.assert_allclose(june.kwh_per_unit.reshape(30, 24), np.tile(solar_days(1000)[5] / 1e6, (30, 1)), rtol=1e-12)


def test_the_table_is_found_by_its_title_wherever_it_stands(tmp_path):
    sheets = gsa_sheets()
    sheets["Hourly_profiles"] = [[None, None, *row] for row in [["note"], [], [], *sheets["Hourly_profiles"]]]
    moved = Profiles.load(write_workbook(tmp_path / "moved.xlsx", sheets))
    np.testing.assert_allclose(moved.kwh_per_unit, solar_days(1000) / 1e6, rtol=1e-12)


def test_tables_side_by_side_and_titles_of_another_spelling(tmp_path):
    sheets = gsa_sheets()
    rows = sheets["Hourly_profiles"]
    title = next(i for i, row in enumerate(rows) if row and str(row[0]).startswith("Total"))
    wide = [[*(row or [None]), *[None] * (14 - len(row))] for row in rows[title : title + 28]]
    other = [[*(row or [None]), *[None] * (14 - len(row))] for row in rows[2:30]]
    wide[0][0] = "Total  photovoltaic power output (Wh)"
    for pair in ((wide, other), (other, wide)):
        sheets["Hourly_profiles"] = [[*left, *right] for left, right in zip(*pair, strict=True)]
        read = Profiles.load(write_workbook(tmp_path / "here.xlsx", sheets))
        np.testing.assert_allclose(read.kwh_per_unit, solar_days(1000) / 1e6, rtol=1e-12)


def test_the_json_form(tmp_path):
    read = Profiles.load(write_gsa_json(tmp_path / "here.json"))
    assert read.names == tuple(MONTHS)
    np.testing.assert_allclose(read.kwh_per_unit, solar_days() / 1000, rtol=1e-12)
    assert Profiles.load(tmp_path / "here.json", year=2019).n_steps == 8_760


def test_a_report_without_a_pv_system_says_so(tmp_path):
    path = write_workbook(tmp_path / "dni.xlsx", gsa_sheets(pv=False))
    with pytest.raises(InputError, match=r"sheet Hourly_profiles.*only Direct normal irradiation.*with a PV system"):
        Profiles.load(path)


def change(sheet, row, column, value):
    def changed(sheets):
        cells = list(sheets[sheet][row])
        cells[column] = value
        sheets[sheet][row] = cells

    return changed


def first_hour(sheets=None):
    """Row of the hour 0 - 1 of the PV table, counting from 0."""
    rows = (sheets or gsa_sheets())["Hourly_profiles"]
    title = next(i for i, row in enumerate(rows) if row and str(row[0]).startswith("Total photovoltaic"))
    return title + 3


def without(sheet):
    return lambda sheets: sheets.pop(sheet)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (without("Hourly_profiles"), "no sheet Hourly_profiles"),
        (without("PV_config"), "no sheet PV_config"),
        (change("Hourly_profiles", first_hour() + 12, 3, "much"), rf"row {first_hour() + 13}, Mar: 'much' must be a number"),
        (change("Hourly_profiles", first_hour() + 12, 3, -5), rf"row {first_hour() + 13}, Mar: '-5' must be"),
        (change("Hourly_profiles", first_hour() + 3, 0, "2 - 3"), rf"row {first_hour() + 4}: hour 2 - 3 is not one of"),
        (change("Hourly_profiles", first_hour() + 23, 0, "Sum"), "no hours 23"),
        (change("Hourly_profiles", first_hour() - 1, 4, "Vier"), "no row of months"),
        (change("Hourly_profiles", first_hour() - 3, 0, "Total photovoltaic power output [kWh]"), "in kWh; it must be in Wh"),
        (change("PV_config", 3, 1, "large"), "row 4: 'System size large kWp' is not a size in kWp"),
        (change("PV_config", 3, 1, "0,5"), "row 4: 'System size 0,5 kWp' is not a size in kWp"),
        (change("PV_config", 3, 1, "1 000"), "row 4: 'System size 1 000 kWp' is not a size"),
        (change("PV_config", 3, 1, "-1"), "row 4: 'System size -1 kWp' is not a size"),
        (change("PV_config", 3, 1, "500"), "PVOUT_specific: the day of Jan times 31"),
        (change("PV_config", 3, 0, "Colour"), "no row with the system's size"),
        (change("Monthly_averages", 6, 2, "10.0"), r"day of Mar times 31 is .* kWh, its month 10\.0 kWh"),
        (change("Monthly_averages", 6, 2, "many"), "sheet Monthly_averages, row 7: 'many'"),
    ],
)
def test_faults_name_sheet_and_row(fault, message, tmp_path):
    sheets = gsa_sheets()
    fault(sheets)
    with pytest.raises(InputError, match=message) as error:
        Profiles.load(write_workbook(tmp_path / "here.xlsx", sheets))
    assert "here.xlsx" in str(error.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "could not be read"),
        ("[]", "no monthly-hourly PVOUT_specific"),
        ('{"monthly-hourly": {"data": 5}}', "no monthly-hourly PVOUT_specific"),
        ('{"monthly-hourly": {"data": null}}', "no monthly-hourly PVOUT_specific"),
        (json.dumps({"monthly-hourly": {"PVOUT_specific": [[10**400] * 24] * 12}}), "must be lists of numbers"),
        (
            json.dumps({"monthly-hourly": {"PVOUT_specific": [[0] * 24] * 12}, "monthly": {"PVOUT_specific": ["x"] * 12}}),
            "PVOUT_specific of monthly must be lists of numbers",
        ),
        ('{"monthly-hourly": {"data": {"DNI": []}}}', r"it has DNI\); ask the Atlas for a PV system"),
        ('{"monthly-hourly": {"data": {"PVOUT_specific": [[1, 2]]}}}', r"has shape \(1, 2\)"),
        ('{"monthly-hourly": {"data": {"PVOUT_specific": [[1, 2], [1]]}}}', r"must be lists of numbers, \(12, 24\)"),
        (
            json.dumps({"monthly-hourly": {"PVOUT_specific": [[-1.0] * 24] * 12}}),
            r"month and hour \(0, 0\), must be a finite number",
        ),
    ],
)
def test_json_that_is_none(document, message, tmp_path):
    (tmp_path / "here.json").write_text(document)
    with pytest.raises(InputError, match=message):
        Profiles.load(tmp_path / "here.json")


def test_json_whose_days_do_not_add_up(tmp_path):
    path = write_gsa_json(tmp_path / "here.json")
    document = json.loads(path.read_text())
    document["monthly"]["data"]["PVOUT_specific"] = [999] * 12
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="day of Jan times 31"):
        Profiles.load(path)


def test_a_workbook_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("fastp2p.io.workbook.MOST_UNPACKED", 10_000_000)
    path = write_workbook(tmp_path / "whole.xlsx", gsa_sheets())
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in whole.namelist():
            packed.writestr(name, whole.read(name) + b" " * 10_000_000 * name.startswith("xl/worksheets/"))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"bomb\.xlsx: could not be read \(unpacks to more than 10 MB"):
        Profiles.load(bomb)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"PK\x03\x04", "is not a work"), (b"a,b\n1,2\n", "is not a work")]
)
def test_workbooks_that_are_none(content, message, tmp_path):
    (tmp_path / "none.xlsx").write_bytes(content)
    with pytest.raises(InputError, match=rf"none\.xlsx: (could not be read \()?{message}"):
        Profiles.load(tmp_path / "none.xlsx")


@pytest.mark.parametrize("year", [0, 99_999, 2018.5])
def test_impossible_years(year, tmp_path):
    with pytest.raises(InputError, match="must be a whole number in 1900…2200"):
        Profiles.load(write_gsa_json(tmp_path / "here.json"), year=year)


def test_what_openpyxl_warns_of_does_not_reach_the_user(tmp_path):
    """A workbook without cell styles, as other programs write them; the tests make any warning an error."""
    path = write_workbook(tmp_path / "whole.xlsx", gsa_sheets())
    plain = tmp_path / "plain.xlsx"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(plain, "w") as packed:
        for name in whole.namelist():
            text = whole.read(name)
            if name == "xl/styles.xml":
                text = text[: text.index(b"<cellStyles")] + text[text.index(b"</cellStyles>") + len(b"</cellStyles>") :]
            packed.writestr(name, text)
    np.testing.assert_array_equal(Profiles.load(plain).kwh_per_unit, Profiles.load(path).kwh_per_unit)
