"""Results folders that somebody or something has changed, resumed, replaced and opened: what is given is right, or refused."""

import copy
import io
import json
import sys
import tempfile
from functools import cache
from pathlib import Path, PurePath
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.mutate import BYTES, LINES, TREE, Case, Finding, Turns, places, put

Tree = dict[str, bytes | str]
"""Files by path, and what is no file, as `fuzz.mutate.put` knows it."""
SENTINEL = {"beside/keep.txt": b"mine", "beside/scenarios/keep.txt": b"mine too"}
OUT = ["--out", "out", "--workers", "1"]
COMMANDS = [["run", "{}.toml", *OUT, "--resume"]] * 3 + [["run", "{}.toml", *OUT, "--overwrite"]] * 2 + [["open", "out"]] * 3


@cache
def study(name: str) -> Any:
    """A sweep of three parts, others that differ in a key, a day."""
    import fastp2p

    if name == "day":
        return fastp2p.studies()["paper-44"]
    scenarios = {"count": 3, "shares": [0.3 if name == "share" else 0.5], "keep": ["hours", "participants"]}
    part_of_its_own = {"days": 251}
    return fastp2p.studies()["pv-sweep"].with_(
        name="sweep", profiles=part_of_its_own, scenarios=scenarios, seed=2 if name == "seed" else 1
    )


@cache
def finished(name: str, parts: int = 3) -> Tree:
    """The folder of a run, ended after so many parts."""
    import fastp2p

    def stop(done: Any, _: int) -> None:
        if len(done) == parts < 3:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        try:
            fastp2p.run(study(name), out=out, workers=1, progress=stop)
        except KeyboardInterrupt:
            assert parts < 3
        return {f"out/{name}": data for name, data in read_tree(out).items()}


@cache
def tables(name: str) -> dict[str, pd.DataFrame]:
    """What a study gives, as a folder has it."""
    with tempfile.TemporaryDirectory() as folder:
        for file, what in finished(name).items():
            put(Path(folder) / file, what)
        return opened(Path(folder) / "out")


def opened(folder: Path) -> dict[str, pd.DataFrame]:
    import fastp2p

    return {name: table.to_table().to_pandas() for name, table in fastp2p.open_results(folder).items()}


def open_folder(folder: str) -> int:
    """Read every table of a folder; the exit code as the command line has it."""
    import fastp2p

    try:
        opened(Path(folder))
    except fastp2p.InputError as error:
        sys.stderr.writelines(f"error: {fault}\n" for fault in error.faults)
        return 2
    return 0


def read_tree(root: Path) -> Tree:
    """Files, links and pipes below a folder, and folders that are empty."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes()
        elif path.is_fifo():
            found[name] = "pipe"
        elif not any(path.iterdir()):
            found[name] = "folder"
    return found


def names(tree: Tree, *ends: str) -> list[str]:
    return [name for name, what in tree.items() if isinstance(what, bytes) and name.endswith(ends) and name.startswith("out/")]


def parquet(turn: Random, tree: Tree) -> str:
    """A table of the folder, mostly of a part."""
    found = names(tree, ".parquet")
    return turn.choice([name for name in found if "part-" in name] or found)


def change_record(turn: Random, tree: Tree) -> Tree:
    """What a run has noted, as a document or one a line."""
    name = turn.choice(names(tree, ".json", ".jsonl"))
    lines = tree[name].splitlines(keepends=True) if name.endswith("l") else [tree[name]]
    at = turn.randrange(len(lines))
    record = json.loads(lines[at])
    lists = [(where, key) for where, key in places(record) if isinstance(where[key], list)]
    numbers = [(where, key) for where, key in places(record) if isinstance(where[key], int)]
    where, key = turn.choice(turn.choice([lists, numbers, numbers]))
    if turn.random() < 0.5:
        record = turn.choice(TREE)(turn, record)
    elif isinstance(where[key], list):
        more = turn.choice([-1, 3, 10**9, "0", 0.0])
        where[key] = turn.choice([where[key] * 2, where[key][::-1], where[key][:-1], [*where[key], more]])
    else:
        where[key] = not where[key] if isinstance(where[key], bool) else where[key] + turn.choice([-1, 1, 100, -(2**40)])
    lines[at] = json.dumps(record).encode() + b"\n"
    tree[name] = b"".join(lines)
    return tree


def change_text(turn: Random, tree: Tree) -> Tree:
    """What a run has noted, and its study, as text."""
    name = turn.choice(names(tree, ".json", ".jsonl", ".toml"))
    text = tree[name]
    how = [text + text, text[: len(text) // 2], b"", b"{}", b"[]", b"null", b"[" * 9999, b'{"done": [0]}']
    tree[name] = turn.choice([turn.choice(LINES)(turn, text), turn.choice(how)])
    return tree


def change_bytes(turn: Random, tree: Tree) -> Tree:
    name = parquet(turn, tree)
    tree[name] = turn.choice([turn.choice(BYTES)(turn, tree[name]), tree[name][: len(tree[name]) // 2], b"", b"PAR1PAR1"])
    return tree


def change_table(turn: Random, tree: Tree) -> Tree:
    """A file that is whole but holds something else."""
    name = parquet(turn, tree)
    try:
        table = pq.read_table(io.BytesIO(tree[name]))
    except (OSError, pa.ArrowException):  # an earlier change has spoilt it
        return tree
    column = turn.randrange(max(1, table.num_columns))
    how = turn.randrange(6) if table.num_columns and table.num_rows else 1
    if how == 0:
        table = table.slice(0, turn.randrange(table.num_rows))
    elif how == 1:
        table = pa.concat_tables([table, table])
    elif how == 2:
        table = table.remove_column(column)
    elif how == 3:
        table = table.append_column("more", pa.array([1.0] * table.num_rows))
    elif how == 4:
        table = table.set_column(column, table.schema.names[column], pa.array(["a"] * table.num_rows))
    else:
        table = table.take(list(range(table.num_rows))[::-1])
    pq.write_table(table, written := io.BytesIO())
    tree[name] = written.getvalue()
    return tree


def move_file(turn: Random, tree: Tree) -> Tree:
    """Leave a file out, swap two, copy one over another or under a new name, or take one of another run."""
    name, other = turn.choice([turn.choice(names(tree, "")), parquet(turn, tree)]), parquet(turn, tree)
    how = turn.randrange(5)
    if how == 0:
        del tree[name]
    elif how == 1:
        tree[name], tree[other] = tree[other], tree[name]
    elif how == 2:
        tree[name] = tree[other]
    elif how == 3:
        tree[turn.choice(["out/scenarios/part-000003.parquet", "out/hours/part-999999.parquet", "out/books.parquet"])] = tree[
            other
        ]
    else:
        tree |= {file: what for file, what in finished(turn.choice(["seed", "share"])).items() if file == name}
    return tree


def add_files(turn: Random, tree: Tree) -> Tree:
    """What is not of a run, and what a killed one may have left."""
    own = turn.choice(
        ["notes.txt", "scenarios/notes.txt", "more/deep/notes.txt", ".git/config", "summary.csv", "part-000000.parquet"]
    )
    tree[f"out/{own}"] = b"foreign"
    return tree


def add_leftovers(turn: Random, tree: Tree) -> Tree:
    inside = [
        "scenarios/.part-000000.parquet.0123456789abcdef0123456789abcdef.partial",
        ".manifest.json.0123.partial",
        "a.partial",
    ]
    inside += [".answers.ab_c12d3.partial/summary.parquet", "manifest.json.partial", "part.old"]
    locks = [".out.fastp2p.lock", ".out.lock", "out.lock"]
    beside = [".out.ab_c12d3.partial", ".out.ab_c12d3.old/out", "out.old", "out.partial", ".out.old", ".out.partial"]
    if turn.random() < 0.1:
        tree[turn.choice(locks)] = turn.choice([b"", b"1", "folder", "pipe", "link to beside/keep.txt"])
    elif turn.random() < 0.5:
        tree[f"out/{turn.choice(inside)}"] = turn.choice([b"", b"half of it"])
    else:
        kept = turn.choice(beside)
        tree |= {name.replace("out", kept, 1): what for name, what in finished(turn.choice(["sweep", "seed"])).items()}
    return tree


def make_odd(turn: Random, tree: Tree) -> Tree:
    """Something that is no file in place of a file or of the folder of a table."""
    name = turn.choice([turn.choice(names(tree, "")), parquet(turn, tree)])
    if turn.random() < 0.3 and name.count("/") == 2:
        name = name.rpartition("/")[0]
    inside = {file: tree.pop(file) for file in [*tree] if file == name or file.startswith(f"{name}/")}
    up = "../" * name.count("/")
    kept = f"beside/kept/{name}"
    tree |= {f"beside/kept/{file}": what for file, what in inside.items()}
    tree[name] = turn.choice([f"link to {up}{kept}"] * 3 + [f"link to {Path(name).name}", "link to nowhere", "pipe", "folder"])
    return tree


MUTATIONS = [change_record] * 3 + [change_text, change_bytes, change_bytes, change_table, move_file, move_file, add_files]
MUTATIONS += [add_leftovers, make_odd]


def make(random: Random, skip: frozenset[int]) -> Case:
    turns = Turns(random, skip)
    name = random.choice(["sweep", "sweep", "sweep", "day"])
    parts = random.choice([1, 2, 3, 3])
    tree = turns.mutate(copy.deepcopy(finished(name, 3 if name == "day" else parts)), MUTATIONS, 3)
    # a link, a pipe or a file in place of a folder has nothing in it
    tree = {file: what for file, what in tree.items() if not any(str(above) in tree for above in PurePath(file).parents)}
    command = [word.format(name) for word in random.choice(COMMANDS)]
    first = {"out/manifest.json": tree.pop("out/manifest.json", b"")}
    toml = {f"{name}.toml": study(name).to_toml().encode()}
    return Case({**{file: what for file, what in first.items() if what}, **tree, **SENTINEL, **toml}, command)


def look(case: Case, code: int) -> Finding | None:
    """What is wrong with what a command has left: files that are not its own changed, or tables that are not right."""
    left = read_tree(Path())
    own = ("out/", ".out", "out.")
    for name, what in case.files.items():
        if not name.startswith(own) and left.get(name) != what:
            return Finding("a file beside the folder is changed", name.partition("/")[0])
        if "--overwrite" in case.arguments and left.get(name) != what and (code or what == b"foreign"):
            return Finding(
                f"exit code {code}, and --overwrite has changed", "a foreign file" if what == b"foreign" else "a file"
            )
    if code:
        return None
    name = "day" if "day.toml" in case.files else "sweep"
    try:
        now, wanted = opened(Path("out")), tables(name)
    except Exception as error:
        return Finding(f"exit code 0, then {type(error).__name__}", "open_results")
    kept = now["scenarios"][["share", "scenario"]] if "scenarios" in now else wanted["scenarios"][["share", "scenario"]][:0]
    if case.arguments[0] == "run" and now.keys() != wanted.keys():
        return Finding("exit code 0, and other tables", "open_results")
    for table, whole in wanted.items():
        part = whole.merge(kept).astype(whole.dtypes) if "scenario" in whole and case.arguments[0] == "open" else whole
        if not now.get(table, part[:0]).reset_index(drop=True).equals(part.reset_index(drop=True)):
            return Finding("exit code 0, and wrong rows", case.arguments[-1])
    return None


if __name__ == "__main__":
    sys.exit(open_folder(sys.argv[-1]))
