"""Network files of little text that would fill the memory, last for ever, or hold numbers that no type has."""

import io
import json
import time
import zipfile
from pathlib import Path

import pandapower as pp
import pytest

import fastp2p
from fastp2p.grid.network import Network
from tests.support.chains import chain

pytestmark = pytest.mark.usefixtures("elsewhere")


def refusal(name):
    started = time.process_time()
    with pytest.raises(fastp2p.InputError) as error:
        Network.load(name)
    assert time.process_time() - started < 20.0
    return str(error.value)


def test_a_key_twice_among_many_is_found_in_a_moment():
    keys = ", ".join(f'"{n}": 0' for n in range(200_000))
    Path("net.json").write_text(f'{{{keys}, "199999": 1}}')
    assert "has the key '199999' twice" in refusal("net.json")


def test_a_long_column_beside_empty_ones_is_refused_before_it_is_a_table():
    long = dict.fromkeys(map(str, range(100_000)), 1)
    Path("net.json").write_text(json.dumps({"bus": {"a": long, **{f"b{n}": {} for n in range(999)}}}))
    assert "table bus: has columns that are longer or shorter than others" in refusal("net.json")


def test_sheets_that_share_what_they_hold_count_each():
    numbers = range(50)
    places = "".join(f'<Relationship Id="r{n}" Type="x/worksheet" Target="sheet.xml"/>' for n in numbers)
    sheets = "".join(f'<sheet name="s{n}" r:id="r{n}"/>' for n in numbers)
    wide = '<w><row><c r="ALK1"><v>1</v></c></row>' + "<row><c><v>1</v></c></row>" * 999 + "</w>"
    book = '<r><Relationship Id="r" Type="x/officeDocument" Target="xl/workbook.xml"/></r>'
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", book)
        archive.writestr("xl/_rels/workbook.xml.rels", f"<r>{places}</r>")
        archive.writestr("xl/workbook.xml", f'<w xmlns:r="r"><sheets>{sheets}</sheets></w>')
        archive.writestr("xl/sheet.xml", wide)
    Path("net.xlsx").write_bytes(target.getvalue())
    assert "more than 5,000,000 cells, most of them empty" in refusal("net.xlsx")


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [("load", "bus", "load 0: bus is inf, and there is no such bus"), ("load", "p_mw", "p_mw"), ("bus", "vn_kv", "vn_kv")],
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_whole_numbers_of_hundreds_of_digits(table, column, message, sign):
    _write_with(table, column, int(sign + "9" * 400))
    assert message.replace("inf", f"{sign}inf") in refusal("net.json")


def test_names_that_are_whole_numbers_of_hundreds_of_digits():
    _write_with("load", "name", 10**400)
    assert Network.load("net.json").n_bus == 5


def test_an_index_of_thousands_of_digits():
    Path("net.json").write_text(json.dumps({"bus": {"vn_kv": {"9" * 5000: 0.4}}}))
    assert "its index is not an integer" in refusal("net.json")


def _write_with(table, column, value):
    net = chain()
    pp.create_load(net, 4, 0.001)
    document = json.loads(pp.to_json(net))
    content = json.loads(document["_object"][table]["_object"])
    content["data"][0][content["columns"].index(column)] = value
    document["_object"][table]["_object"] = json.dumps(content)
    Path("net.json").write_text(json.dumps(document))
