"""Networks: pandapower's JSON, mutated as a document, as tables, as bytes."""

import copy
import json
from functools import cache
from random import Random
from typing import Any

from fuzz.mutate import BYTES, ROWS, Case, Turns, replace_value, strange
from fuzz.studies import bases, sample, schema, write_toml

Net = dict[str, Any]
NAMES = ["four_loads_with_branches_out", "simple_four_bus_system", "example_simple", "example_multivoltage", "cigre_lv"]
DTYPES = ["object", "bool", "int64", "uint32", "float64", "float16", "category", "datetime64[ns]", "complex128", "str", "?"]
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


STRUCTURE = [change_table] * 6 + [set_reference, set_reference, set_index, set_type, change_document, change_document]


def write_json(net: Net, turns: Turns) -> bytes:
    """The document as pandapower reads it."""
    outer: Net = {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {}}
    for key, one in net.items():
        table = isinstance(one, dict) and one.get("_class") == "DataFrame" and isinstance(one.get("_object"), dict)
        outer["_object"][key] = one | {"_object": json.dumps(one["_object"], default=str)} if table else one
    if turns.random.random() < 0.05:
        outer = turns.mutate(outer, [replace_value], 1)
    return json.dumps(outer, default=str).encode("utf-8", "replace")


def make(random: Random, skip: frozenset[int]) -> Case:
    turns = Turns(random, skip)
    net = turns.mutate(copy.deepcopy(network(random.choice(NAMES))), STRUCTURE, 5)
    text = write_json(net, turns)
    if random.random() < 0.15:
        text = turns.mutate(text, BYTES, 3)
    if random.random() < 0.7:
        return Case({"net.json": text}, ["check", "net.json", *["--json"] * (random.random() < 0.2)])
    study = copy.deepcopy(random.choice(bases()))
    study["network"] = {"source": "net.json"}
    study.pop("scenarios", None)
    study["participants"]["buses"] = random.choice(["leaves", "loads", "all"])
    study["clearing"] = {key: random.choice(values) for key, values in ASKED.items()}
    study["market"]["pricing"] = sample(random, schema()["$defs"]["MarketPart"]["properties"]["pricing"], schema(), [])
    return Case({"net.json": text, "study.toml": write_toml(study)}, ["run", "study.toml", "--out", "out"])
