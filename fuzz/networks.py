"""Networks: pandapower's JSON and workbooks, mutated as a document, as tables, as bytes; some would run code."""

import copy
import io
import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutate import BYTES, EXTREMES, ROWS, Case, Finding, Turns, any_cell, places, replace_value, strange
from fuzz.studies import bases, sample, schema, write_toml

Net = dict[str, Any]
NAMES = ["four_loads_with_branches_out", "simple_four_bus_system", "example_simple", "example_multivoltage", "cigre_lv"]
DTYPES = ["object", "bool", "int64", "uint32", "float64", "float16", "category", "datetime64[ns]", "complex128", "str", "?"]
CANARY = "canary"
"""A file that nothing of ours makes."""
RUNS_CODE = [
    ("builtins", "exec", f"open({CANARY!r}, 'w')"),
    ("builtins", "eval", f"open({CANARY!r}, 'w')"),
    ("builtins", "open", CANARY),
    ("builtins", "__import__", "bird"),
    ("builtins", "exit", 3),
    ("os", "system", f"touch {CANARY}"),
    ("os", "mkdir", CANARY),
    ("posix", "mkdir", CANARY),
    ("subprocess", "check_output", ["touch", CANARY]),
    ("bird", "Bird", {}),
    ("numpy.f2py.__main__", "main", {}),
    ("pandapower.auxiliary", "eval", f"open({CANARY!r}, 'w')"),
    ("pandas.core.computation.eval", "eval", f"open({CANARY!r}, 'w')"),
    ("pandapower.control.basic_controller", "BasicCtrl", {"__deepcopy__": {"_module": "builtins", "_class": "exit"}}),
]
"""What a file may ask pandapower's reader to call."""
BIRD = f"open({CANARY!r}, 'w')".encode()
"""A module that lies beside the network."""
ASKED = {"physics": ("dc", "lindistflow", "ac"), "audit": (False, True)}


@cache
def network(name: str) -> Net:
    """A small network as a JSON document, its tables decoded and the library of standard types left out."""
    import pandapower as pp

    from fastp2p.io.network_sources import load_network

    net = json.loads(pp.to_json(load_network(name)))["_object"]
    tables = {key: one for key, one in net.items() if not key.startswith("res_")}
    for one in tables.values():
        if isinstance(one, dict) and one.get("_class") == "DataFrame":
            one["_object"] = json.loads(one["_object"])
    return tables | {"std_types": {"line": {}, "trafo": {}, "trafo3w": {}}}


def table_of(turn: Random, net: Net) -> Net:
    """A table that has rows, and what is beside it."""
    tables = [one for one in net.values() if isinstance(one, dict) and isinstance(one.get("_object"), dict)]
    return turn.choice([one for one in tables if one["_object"]["data"]])


def change_table(turn: Random, net: Net) -> Net:
    """Cells, names of columns, rows, columns; the index is the first of them."""
    table = table_of(turn, net)["_object"]
    rows = [["index", *table["columns"]], *([at, *row] for at, row in zip(table["index"], table["data"], strict=True))]
    rows = turn.choice(ROWS)(turn, rows)
    table |= {"columns": rows[0][1:], "index": [row[0] for row in rows[1:]], "data": [row[1:] for row in rows[1:]]}
    return net


def set_reference(turn: Random, net: Net) -> Net:
    """A bus, or the element of a switch."""
    table = table_of(turn, net)["_object"]
    columns = [at for at, name in enumerate(table["columns"]) if name.endswith("bus") or name == "element"]
    turn.choice(table["data"])[turn.choice(columns)] = turn.choice([-1, 10**8, 2**40, 0.7, 99, 0, 1, None, "1"])
    return net


def set_index(turn: Random, net: Net) -> Net:
    index = table_of(turn, net)["_object"]["index"]
    index[turn.randrange(len(index))] = turn.choice([-1, 1000, 10**7, 2**40, 0.7, "a", "1", None, index[0]])
    return net


def set_type(turn: Random, net: Net) -> Net:
    table = table_of(turn, net)
    table["dtype"][turn.choice(table["_object"]["columns"])] = turn.choice(DTYPES)
    return net


def change_document(turn: Random, net: Net) -> Net:
    """Scalars, whole tables, and what is beside a table."""
    key = turn.choice([*net])
    if isinstance(net[key], dict) and turn.random() < 0.7:
        net[key][turn.choice([*net[key]])] = strange(turn)
    elif turn.random() < 0.3:
        del net[key]
    else:
        net[turn.choice([key, "sn_mva", "f_hz", "version", "format_version", "name"])] = strange(turn)
    return net


def tag(turn: Random) -> Any:
    """What a reader may take for an object to be made; also as text, as objects within tables are."""
    module, name, given = turn.choice(RUNS_CODE)
    tagged = {"_module": module, "_class": name, "_object": given}
    return turn.choice([tagged, json.dumps(tagged), tagged | {"_init": given}, tagged | {"_object": json.dumps(given)}])


def set_tag(turn: Random, net: Net) -> Net:
    """Instead of a value, of a cell, or of what is there to be made."""
    where, key = turn.choice(turn.choice([[(net, name) for name in net], places(net)]))
    if turn.random() < 0.3 and isinstance(where[key], dict):
        where[key] |= dict(zip(("_module", "_class", "_object"), turn.choice(RUNS_CODE), strict=True))
    else:
        where[key] = tag(turn)
    return net


def set_extreme(turn: Random, net: Net) -> Net:
    table = table_of(turn, net)["_object"]
    row = turn.choice(table["data"])
    row[turn.choice([at for at, cell in enumerate(row) if isinstance(cell, (int, float))])] = turn.choice(EXTREMES)
    return net


STRUCTURE = [change_table] * 6 + [set_reference, set_reference, set_index, set_type, change_document, change_document]
STRUCTURE += [set_tag, set_extreme]


def write_json(net: Net, turns: Turns) -> bytes:
    """The document as pandapower reads it."""
    outer: Net = {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {}}
    for key, one in net.items():
        table = isinstance(one, dict) and one.get("_class") == "DataFrame" and isinstance(one.get("_object"), dict)
        outer["_object"][key] = one | {"_object": json.dumps(_named(one["_object"]), default=str)} if table else one
    if turns.random.random() < 0.05:
        outer = turns.mutate(outer, [replace_value], 1)
    return json.dumps(_named(outer), default=str).encode("utf-8", "replace")


def _named(one: object) -> object:
    """A document whose keys are those that JSON has; a change may have put a date or a list there."""
    if isinstance(one, dict):
        return {key if isinstance(key, str | int | float | None) else str(key): _named(value) for key, value in one.items()}
    return [_named(value) for value in one] if isinstance(one, list) else one


def escape(turn: Random, text: bytes) -> bytes:
    """The same document, with letters of it written as JSON may write them."""
    word = turn.choice([b"_module", b"_class", b"_object", b"builtins", b"exec", b"os", b"pandapower", b"DataFrame"])
    return text.replace(word, b"\\u%04x" % word[0] + word[1:])


@cache
def workbook(name: str) -> bytes:
    """A network as pandapower writes it into a workbook."""
    import pandapower as pp

    from fastp2p.io.network_sources import load_network

    with tempfile.TemporaryDirectory() as folder:
        pp.to_excel(load_network(name), f"{folder}/net.xlsx")
        return Path(folder, "net.xlsx").read_bytes()


def cell_value(turn: Random) -> Any:
    """What a cell may hold; openpyxl writes no control characters, and no whole numbers beyond floats."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    found = turn.choice([tag(turn), any_cell(turn), turn.choice(EXTREMES)])
    found = json.dumps(found) if isinstance(found, (dict, list)) else found
    found = str(found) if isinstance(found, int) and abs(found) > 10**300 else found
    return ILLEGAL_CHARACTERS_RE.sub("", found) if isinstance(found, str) else found


def change_workbook(turn: Random, data: bytes) -> bytes:
    """A cell, a row or a sheet."""
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book[turn.choice(book.sheetnames)]
    how = turn.randrange(6)
    if how == 0:
        book.remove(sheet)
    elif how == 1:
        sheet.delete_rows(turn.randint(1, sheet.max_row))
    elif how == 2:
        sheet.append([cell_value(turn) for _ in range(sheet.max_column)])
    else:
        sheet.cell(turn.randint(1, sheet.max_row), turn.randint(1, sheet.max_column)).value = cell_value(turn)
    book.save(written := io.BytesIO())
    return written.getvalue()


def look(_: Case, code: int) -> Finding | None:
    """Whether something of a network was run."""
    return Finding(f"code of a network was run, exit code {code}", CANARY) if Path(CANARY).exists() else None


def make(random: Random, skip: frozenset[int]) -> Case:
    turns = Turns(random, skip)
    if random.random() < 0.05:
        book = turns.mutate(workbook(random.choice(NAMES[1:3])), [change_workbook], 4)
        book = turns.mutate(book, BYTES, 1) if random.random() < 0.1 else book
        return Case({"net.xlsx": book, "bird.py": BIRD}, ["check", "net.xlsx"])
    if random.random() < 0.01:
        odd = random.choice(["pipe", "folder", "link to net.json", "link to /dev/zero", "link to nowhere", "link to ."])
        return Case(
            {"net.json": odd, "net.xlsx": odd}, ["check", random.choice(["net.json", "net.xlsx", "/" * 5000 + "net.json"])]
        )
    net = turns.mutate(copy.deepcopy(network(random.choice(NAMES))), STRUCTURE, 5)
    text = write_json(net, turns)
    if random.random() < 0.15:
        text = turns.mutate(text, [*BYTES, escape, escape], 3)
    if random.random() < 0.7:
        return Case({"net.json": text, "bird.py": BIRD}, ["check", "net.json", *["--json"] * (random.random() < 0.2)])
    study = copy.deepcopy(random.choice(bases()))
    study["network"] = {"source": "net.json"}
    study.pop("scenarios", None)
    study["participants"]["buses"] = random.choice(["leaves", "loads", "all"])
    study["clearing"] = {key: random.choice(values) for key, values in ASKED.items()}
    study["market"]["pricing"] = sample(random, schema()["$defs"]["MarketPart"]["properties"]["pricing"], schema(), [])
    return Case({"net.json": text, "study.toml": write_toml(study), "bird.py": BIRD}, ["run", "study.toml", "--out", "out"])
