"""Files that are hostile by size or kind: refused in a sentence, in bounded time and memory."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastp2p
from fastp2p.io.readers import frames
from tests.support.studies import SECTIONS, study_text

pytestmark = pytest.mark.usefixtures("elsewhere")

MANY = 100_000
DAY = {"hour": np.arange(24.0)}
SECONDS, SHORT = 5.0, 20_000
"""Of a processor, and characters of a message; some once took minutes, and millions."""


@pytest.fixture(scope="module", autouse=True)
def _loaded():
    fastp2p.Network.load("cigre_lv")


def study_of(text):
    Path("mine.toml").write_text(text, encoding="utf-8")
    return fastp2p.Study.from_toml("mine.toml")


def refused(call, *arguments):
    """What is said, in bounded time and of bounded length."""
    begun = time.process_time()
    with pytest.raises(fastp2p.InputError) as message:
        call(*arguments)
    assert time.process_time() - begun < SECONDS
    assert len(str(message.value)) < SHORT
    assert sum(map(len, message.value.faults)) < SHORT
    return str(message.value)


# kinds of files

READERS = {
    "mine.toml": fastp2p.Study.from_toml,
    "mine.csv": fastp2p.Profiles.load,
    "mine.parquet": fastp2p.Profiles.load,
    "mine.xlsx": fastp2p.Profiles.load,
    "mine.json": fastp2p.Profiles.load,
}


@pytest.mark.parametrize("name", READERS)
def test_only_regular_files_are_read(name):
    path = Path(name)
    path.mkdir()
    assert "is a folder, not a file" in refused(READERS[name], path)
    path.rmdir()
    os.mkfifo(path)
    assert "is a pipe, not a file" in refused(READERS[name], path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(name)
    assert "is a socket, not a file" in refused(READERS[name], path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "is a device, not a file" in refused(READERS[name], path)
    path.unlink()
    path.symlink_to(name)
    assert "Too many levels of symbolic links" in refused(READERS[name], path)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    assert "are not read" in refused(READERS[name], path)
    path.unlink()
    assert "not found" in refused(READERS[name], path)


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
def test_files_that_change_while_they_are_read(name, monkeypatch):
    table = pd.DataFrame({**DAY, "a [kWh]": 1.0})
    for change in (lambda path: path.write_bytes(path.read_bytes()[:40]), lambda path: path.unlink()):
        table.to_parquet(name) if name.endswith("parquet") else table.to_csv(name, index=False)
        for reader in ("_check_size", "_check_rows"):
            monkeypatch.setattr(frames, reader, lambda path, *_, change=change: change(path))
        assert "mine" in refused(fastp2p.Profiles.load, name)


# study files


@pytest.mark.parametrize(
    "key",
    [
        "a." * 20_000 + "a",
        '"a".' * MANY + "a",
        "'a' . " * MANY + "a",
        "[" + "a." * 20_000 + "a]",
        'x = {y = """a"""", ' + "a." * MANY,
    ],
    ids=["bare", "quoted", "spaced", "header", "inline"],
)
def test_dotted_keys(key):
    text = key if key.startswith("[") else key + "a = 1, z = 'b'}" if key.startswith("x") else key + " = 1"
    assert "a key has more than 50 parts" in refused(study_of, text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x = " + "[" * MANY, "nested too deeply"),
        ("x = " + "{a = " * MANY, "nested too deeply"),
        ("seed = " + "9" * 500_000, "not valid TOML"),
        ("seed = 0x" + "f" * 500_000, "a number of more than 100 digits"),
        ("\n".join(f"k{i} = 1" for i in range(20_000)), "further faults"),
        ("k" * 500_000 + " = 1", "unknown key kkk"),
        (f'x = """{chr(92)}{chr(34)}' * 50_000, "not valid TOML"),
    ],
    ids=["arrays", "tables", "digits", "hex", "unknown", "long", "quotes"],
)
def test_texts_of_study_files(line, message):
    assert message in refused(study_of, line)


def test_dots_in_texts_and_comments_are_no_keys():
    dots = "a." * 100
    text = study_text(top=f'description = "{dots}"  # {dots}', load=f"homes = [{'0.5, ' * 100}]")
    assert study_of(text.replace("[pv]", f"# {dots}\n[pv]", 1)).description == dots


def test_a_year_of_quarter_hours_of_every_price_fits():
    prices = f"{{series = [{'0.1234, ' * 35_040}]}}"
    keys = ("bid_per_kwh", "ask_per_kwh", "retail_per_kwh", "feed_in_per_kwh", "co2_kg_per_kwh")
    text = study_text(market="\n".join(f"{key} = {prices}" for key in keys))
    assert len(text) < fastp2p.study.model.MAX_BYTES / 2


LISTS = {
    "load": {"buses": ("99", "'a'"), "homes": ("-1.0",), "profile": ("'nobody'",)},
    "profiles": {"months": ("13",), "source": ("1", "'none.csv'")},
    "market": {"bid_per_kwh": ("'a'",)},
}


@pytest.mark.parametrize(
    ("section", "key", "entry"),
    [(section, key, entry) for section, keys in LISTS.items() for key, entries in keys.items() for entry in entries],
)
def test_lists_of_many_wrong_entries(section, key, entry):
    def check():
        fastp2p.cli.check.check_study(study_of(study_text(**{section: f"{key} = [{', '.join([entry] * 20_000)}]"})))

    import fastp2p.cli.check

    refused(check)


@pytest.mark.parametrize("entry", ["k{} = 1", "{} = -1", "{} = 1"])
def test_tables_of_many_wrong_entries(entry):
    lines = ", ".join(entry.format(i + 1000) for i in range(20_000))
    import fastp2p.cli.check

    for table in ("ampacity_ka_by_line", "ampacity_ka_by_std_type"):
        text = study_text(network=f"{table} = {{ {lines} }}")
        refused(lambda text=text: fastp2p.cli.check.check_study(study_of(text)))


@pytest.mark.parametrize("required", [("network", "cigre_lv"), ("network", "cigre_lv", ".json"), ("load", "residential_0")])
def test_long_names(required):
    import fastp2p.cli.check

    section, old, *ending = required
    line = SECTIONS[section].replace(old, "k" * 500_000 + "".join(ending))
    message = refused(lambda: fastp2p.cli.check.check_study(study_of(study_text(**{section: line}))))
    assert " … " in message


def test_faults_are_counted_beyond_a_hundred():
    error = fastp2p.InputError([f"fault {i}" for i in range(1_000)])
    assert error.faults[99:] == ("fault 99", "and 900 further faults")
    again = fastp2p.InputError(error.faults)
    assert again.faults == error.faults
    assert fastp2p.InputError(["x" * 5_000_000 + " end"]).faults[0][-8:] == "xxxx end"


# profiles


def csv(*rows, header="hour,a [kWh]"):
    Path("mine.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return "mine.csv"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["0," + "1" * 2_000_000], "line 2 is longer than 1,000,000 bytes"),
        (['0,"1', *["1,1"] * 200_000], "field larger than field limit"),
        ([('"' + "a" * 5_000 + '\n",') * 300], "a row is longer than 1,000,000 characters"),
        (["0,1", "1,\0"], "line 3 holds a NUL byte"),
        (["0," + "x" * 100_000], "a [kWh] = 'xxx"),
        ([f"{i},x" for i in range(MANY)], "and 99995 more rows"),
    ],
    ids=["line", "quote", "quotes", "nul", "cell", "rows"],
)
def test_csv_files(rows, message):
    assert message in refused(fastp2p.Profiles.load, csv(*rows))


def test_csv_files_of_many_columns():
    header = "hour," + ",".join(f"a{i} [kWh]" for i in range(20_000))
    assert "has 20,001 columns; it may have up to 10,000" in refused(fastp2p.Profiles.load, csv("0,1", header=header))
    header = "hour" + ",a [kWh]" * 9_000
    assert "9000 columns are headed 'a [kWh]'" in refused(fastp2p.Profiles.load, csv("0,1", header=header))
    header = "timestamp," + ",".join(f"x{i}.energy_consumption" for i in range(9_000))
    assert "the nearest are" in refused(fastp2p.Profiles.load, csv("0,1", header=header))


def test_csv_files_of_many_rows(monkeypatch):
    monkeypatch.setattr(frames, "MAX_VALUES", 100)
    assert "has over 51 rows; it must have fewer than 100 values" in refused(fastp2p.Profiles.load, csv(*["0,1"] * 60))
    assert fastp2p.Profiles.load(csv(*(f"{h},1\n" for h in range(24)))).n_steps == 24  # blank rows between


def parquet(columns, **options):
    pq.write_table(pa.table(columns), "mine.parquet", **options)
    return "mine.parquet"


def test_parquet_files_that_unpack_to_far_more():
    text = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), ["x" * 1_000_000])
    hours, values = np.arange(20_000.0), np.zeros(20_000)
    message = refused(fastp2p.Profiles.load, parquet({"hour": hours, "profile": text, "load_kwh_per_home": values}))
    assert "column profile holds a text of 1,000,000 characters; it may have 1,000" in message
    message = refused(fastp2p.Profiles.load, parquet({"time": ["x" * 1_000_000] * 20, "a [kWh]": values[:20]}))
    assert "column time holds a text of 1,000,000 characters" in message


def test_parquet_files_unpacked(monkeypatch):
    monkeypatch.setattr(frames, "MAX_UNPACKED", 100_000)
    message = refused(fastp2p.Profiles.load, parquet({"hour": np.arange(9_000.0), "a [kWh]": np.arange(9_000.0)}))
    assert "it may have 0 MB" in message
    monkeypatch.setattr(frames, "MAX_VALUES", 100)
    assert "fewer than 100 values" in refused(fastp2p.Profiles.load, "mine.parquet")


def test_parquet_files_in_many_pieces(monkeypatch):
    monkeypatch.setattr(frames, "MAX_ROW_GROUPS", 20)
    message = refused(fastp2p.Profiles.load, parquet({**DAY, "a [kWh]": np.zeros(24)}, row_group_size=1))
    assert "is in 24 row groups; it may have 20" in message


def test_parquet_files_that_say_much_of_themselves(monkeypatch):
    monkeypatch.setattr(frames, "MAX_FOOTER", 10_000)
    table = pa.table({**DAY, "a [kWh]": np.zeros(24)}).replace_schema_metadata({"much": "v" * 20_000})
    pq.write_table(table, "mine.parquet")
    assert "bytes of metadata, where 10,000 are read" in refused(fastp2p.Profiles.load, "mine.parquet")


def test_parquet_texts_are_read_as_before():
    names = pa.array(["a"] * 24 + ["b"] * 24).dictionary_encode()
    columns = {"profile": names, "hour": np.tile(np.arange(24.0), 2), "load_kwh_per_home": np.tile([1.0, 2.0], 24)}
    for kind in (names, names.cast(pa.string()), names.cast(pa.large_string())):
        found = fastp2p.Profiles.load(parquet({**columns, "profile": kind}, row_group_size=7))
        assert (found.names, found.kwh_per_unit.sum()) == (("a", "b"), 72.0)


SPOILT = """
import sys, warnings
import fastp2p
warnings.simplefilter("ignore")
whole = open("whole.parquet", "rb").read()
for seed in range(120):
    import random
    draw = random.Random(seed)
    spoilt = bytearray(whole)
    if seed % 3 == 0:
        del spoilt[draw.randrange(len(spoilt)):]
    for _ in range(draw.randrange(1, 4) if spoilt else 0):
        at = draw.randrange(len(spoilt)) if seed % 2 else len(spoilt) - 1 - draw.randrange(min(800, len(spoilt)))
        spoilt[at] ^= 1 << draw.randrange(8)
    open("spoilt.parquet", "wb").write(spoilt)
    try:
        fastp2p.Profiles.load("spoilt.parquet")
    except fastp2p.InputError:
        pass
"""


def test_spoilt_parquet_files_end_in_a_sentence():
    times = pd.date_range("2018-01-01", periods=48, freq="h").astype(str)
    pq.write_table(pa.table({"time": times, "a [kWh]": np.arange(48.0), "b [kW]": np.ones(48)}), "whole.parquet")
    done = subprocess.run([sys.executable, "-c", SPOILT], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


# arguments


def test_long_arguments_end_in_a_short_sentence():
    from tests.support.commands import call

    for arguments in (["run", "x" * MANY], ["check", "x" * MANY], ["compare", "paper-44", "--rules", "x," * 20_000]):
        message = call(*arguments, code=2).stderr
        assert len(message) < SHORT
        assert message.startswith("error: ")


MEMORY = """
import resource
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import fastp2p
for name in ("line.csv", "blank.csv", "text.parquet"):
    try:
        fastp2p.Profiles.load(name)
    except fastp2p.InputError as error:
        print(name, len(str(error)))
print(*Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[:2])
"""
"""Not `ru_maxrss`, which begins with the memory of the process that starts this one."""


@pytest.mark.slow
def test_memory_is_bounded():
    with Path("line.csv").open("wb") as file:
        file.write(b"hour,a [kWh]\n0,")
        file.truncate(900_000_000)
    Path("blank.csv").write_text("hour,a [kWh]\n0,1\n" + "\n" * 26_000_000)
    text = pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), ["x" * 1_000_000])
    pq.write_table(pa.table({"time": text, "a [kWh]": np.zeros(100_000)}), "text.parquet")
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=False, timeout=120)
    *refused, most = done.stdout.splitlines()
    assert (done.returncode, len(refused)) == (0, 3), done.stderr
    assert int(most.removesuffix(" kB")) < 1_500_000
