"""Network files that try to run something when they are opened; each would leave a file at `canary`, or import a module."""

import io
import json
import warnings

import pandapower as pp
import pandas as pd

from tests.support.chains import chain

NET = {"_module": "pandapower.auxiliary", "_class": "pandapowerNet"}


def typed(module, name, thing, **more):
    return {"_module": module, "_class": name, "_object": thing, **more}


CELLS = [
    ("controller", "object"), ("load", "object"), ("mine", "recycle"), ("gen", "q_max_characteristic"), ("bus", "geo"),
]  # fmt: skip
"""Sheets and columns that pandapower decodes."""


def objects(canary):
    """Objects that a decoder of pandapower's kind may make, each by name."""
    code = f"open({str(canary)!r}, 'w').close()"
    touch = f"touch {canary}"
    frame = json.dumps({"columns": ["a"], "index": [0], "data": [[typed("builtins", "exec", code)]]})
    trap = json.dumps({"__deepcopy__": typed("builtins", "function", "exit"), "name": ""})
    found = {
        "exec": typed("builtins", "exec", code),
        "eval": typed("builtins", "eval", f"exec({code!r})"),
        "compile": typed("builtins", "compile", code, filename="x", mode="exec"),
        "import": typed("builtins", "__import__", "network_trap"),
        "open": typed("builtins", "open", str(canary), mode="w"),
        "os.system": typed("os", "system", touch),
        "posix.system": typed("posix", "system", touch),
        "subprocess": typed("subprocess", "getoutput", touch),
        "popen": typed("subprocess", "Popen", ["touch", str(canary)]),
        "importlib": typed("importlib", "import_module", "network_trap"),
        "runpy": typed("runpy", "run_path", "network_trap.py"),
        "a module that runs on import": typed("numpy.f2py.__main__", "A", "{}"),
        "a module of the folder": typed("network_trap", "A", "{}"),
        "this": typed("this", "s", "{}"),
        "a function": typed("os", "function", "system"),
        "a function of the folder": typed("network_trap", "function", "A"),
        "a method": typed("network_trap", "method", "A"),
        "attribute traversal": typed("builtins", "object.__subclasses__", []),
        "a module as a class": typed("pandas.io.common", "os", touch),
        "read_pickle": typed("pandas", "read_pickle", str(canary)),
        "pandas.io.json.read_json": typed("pandas.io.json", "read_json", "http://127.0.0.1:9/x"),
        "read_csv": typed("pandas", "read_csv", "http://127.0.0.1:9/x.csv"),
        "pandas.eval": typed("pandas", "eval", "@exec"),
        "numpy.load": typed("numpy", "load", str(canary), allow_pickle=True),
        "numpy.memmap": typed("numpy", "memmap", str(canary), mode="w+", shape=[1]),
        "numpy.fromfile": typed("numpy", "fromfile", str(canary)),
        "numpy.save": typed("numpy", "save", str(canary), arr=[1]),
        "pandapower.from_pickle": typed("pandapower", "from_pickle", str(canary)),
        "pandapower.to_json": typed("pandapower", "to_json", {}, filename=str(canary)),
        "a shapely function": typed("shapely", "from_wkb", "00"),
        "networkx": typed("networkx", "read_gpickle", str(canary)),
        "a graph": typed("networkx", "DiGraph", {}),
        "geopandas": typed("geopandas", "read_file", "http://127.0.0.1:9/x"),
        "pickle": typed("pickle", "loads", "cos\nsystem\n"),
        "a frame of a file": typed("pandas.core.frame", "DataFrame", "other.json", orient="split"),
        "a frame with options": typed("pandas.core.frame", "DataFrame", frame, compression="zip"),
        "an object in a frame": typed("pandas.core.frame", "DataFrame", frame, orient="split"),
        "a series": typed("pandas.core.series", "Series", "http://127.0.0.1:9/x", storage_options={}),
        "a controller that deep copies": typed("pandapower.control.basic_controller", "BasicCtrl", trap),
        "a class that is none": typed("pandapower.control", "run_control", "{}"),
        "a class without a name": {"_module": "os", "_object": touch},
        "a name that is no text": typed(["os"], {"a": 1}, touch),
        "a state": {"_module": "os", "_class": "system", "_state": touch},
        "in a tuple": typed("builtins", "tuple", [typed("builtins", "exec", code)]),
        "in an array": typed("numpy", "array", [typed("builtins", "exec", code)]),
        "in a string": json.dumps(typed("builtins", "exec", code)),
        "in a string of a string": json.dumps(json.dumps([typed("builtins", "exec", code)])),
        "in a network": {**NET, "_object": {"name": typed("builtins", "exec", code)}},
        "in a network of text": {**NET, "_object": json.dumps({"name": typed("builtins", "exec", code)})},
    }  # fmt: skip
    return found


def small_document():
    """A network without results and standard types, as JSON."""
    document = json.loads(pp.to_json(chain()))
    kept = {name: one for name, one in document["_object"].items() if not name.startswith("res_")}
    return {**document, "_object": {**kept, "std_types": {}}}


def places(document, thing):
    """The document with a thing at each of the places where a decoder comes by."""
    yield "entry", _entry(document, "mine", thing)
    yield "scalar", _entry(document, "sn_mva", thing)
    yield "table", _entry(document, "load", thing)
    yield "std_types", _entry(document, "std_types", {"line": {"mine": {"r_ohm_per_km": thing}}})
    yield "options", _entry(document, "user_pf_options", {"max_iteration": thing})
    yield "controller", _entry(document, "controller", _frame({"object": thing, "in_service": True}))
    yield "result", _entry(document, "res_bus", _frame({"vm_pu": thing}))
    yield "cell", _cell(document, "bus", "name", thing)
    yield "profiles", _entry(document, "profiles", {"load": _frame({"a": thing})})


def _entry(document, name, thing):
    return {**document, "_object": {**document["_object"], name: thing}}


def _frame(row):
    text = json.dumps({"columns": list(row), "index": [0], "data": [list(row.values())]})
    return typed("pandas.core.frame", "DataFrame", text, orient="split", dtype=dict.fromkeys(row, "object"))


def _cell(document, table, column, thing):
    old = document["_object"][table]
    content = json.loads(old["_object"])
    content["data"][0][content["columns"].index(column)] = thing
    return _entry(document, table, {**old, "_object": json.dumps(content)})


def escaped(text):
    """The same JSON with the keys and the modules spelt with escapes."""
    return text.replace("_module", "\\u005fmodule").replace('"os"', '"\\u006fs"').replace("exec", "\\u0065xec")


def json_attacks(canary):
    """Files by name: every object at one place, some at all of them, and spelt otherwise."""
    document = small_document()
    for name, thing in objects(canary).items():
        yield f"{name} as an entry", json.dumps(_entry(document, "mine", thing)).encode()
        yield f"{name}, all the file", json.dumps(thing).encode()
        yield f"{name} in a controller", json.dumps(_entry(document, "controller", _frame({"object": thing}))).encode()
    for name in ("exec", "a module of the folder", "in a string", "a controller that deep copies"):
        for place, changed in places(document, objects(canary)[name]):
            text = json.dumps(changed)
            yield f"{name} at {place}", text.encode()
            yield f"{name} at {place}, escaped", b"\xef\xbb\xbf" * (place == "cell") + escaped(text).encode()
    first, second = (json.dumps(one) for one in (objects(canary)["exec"], 1))
    text = json.dumps(document).removesuffix("}}")
    yield "a key twice", f'{text}, "mine": {first}, "mine": {second}}}}}'.encode()
    yield "a module twice", f'{text}, "mine": {{"_module": "numpy", {first[1:]}}}}}'.encode()


def xlsx_attacks(canary):
    """Workbooks with an object in a cell that pandapower decodes."""
    for name in ("exec", "a function of the folder", "a controller that deep copies"):
        for sheet, column in CELLS:
            yield f"{name} in sheet {sheet}, {column}", _workbook(sheet, column, json.dumps(objects(canary)[name]))


def _workbook(sheet, column, text):
    net = chain()
    pp.create_load(net, 4, 0.001)
    frame = net[sheet].copy() if sheet in net and len(net[sheet]) else net.load[["name"]].copy()
    frame[column] = text
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = {name: net[name] for name in ("bus", "ext_grid", "line", "trafo", "load")}
        with pd.ExcelWriter(target, engine="xlsxwriter") as writer:
            for name, table in {**tables, sheet: frame}.items():
                table.to_excel(writer, sheet_name=name)
    return target.getvalue()
