import os

import pandas as pd
import pytest

import fastp2p
from fastp2p.study.sections import FeederPart
from fastp2p.sweep.feeder_list import list_feeders


def faults(sources):
    with pytest.raises(fastp2p.InputError) as error:
        list_feeders(sources)
    return list(error.value.faults)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_list():
    listed = list_feeders(
        ("simbench:1-LV-rural1--0-sw", FeederPart(file="cigre_lv", name="c", weight=3, region="north"), "/b.json")
    )
    assert listed.to_dict("list") == {
        "feeder": ["1-LV-rural1--0-sw", "b", "c"],
        "file": ["simbench:1-LV-rural1--0-sw", "/b.json", "cigre_lv"],
        "weight": [1.0, 1.0, 3.0],
        "region": ["", "", "north"],
    }


def test_a_folder_and_a_pattern(tmp_path):
    touch(tmp_path, "b.json", "a.xlsx", "notes.txt", "north/main.json", "south/main.json")
    (tmp_path / "Master.dss").write_text("Clear\n  new object=Circuit.c bus1=a\nRedirect Lines.dss\n")
    (tmp_path / "Lines.dss").write_text("New Line.circuit.of_a bus1=a\n")
    assert list(list_feeders(str(tmp_path))["feeder"]) == ["Master", "a", "b"]
    found = list_feeders(str(tmp_path / "*" / "main.json"))
    assert list(found["feeder"]) == ["north/main", "south/main"]
    assert list(found["file"]) == [str(tmp_path / one / "main.json") for one in ("north", "south")]
    assert list(list_feeders(str(tmp_path / "**" / "*.json"))["feeder"]) == ["b", "north/main", "south/main"]


def test_what_is_not_there(tmp_path):
    assert "there is no such folder" in faults(str(tmp_path / "none"))[0]
    assert faults(str(tmp_path)) == [f"network.sources = {str(tmp_path)!r}: has no file of a network (.json, .xlsx, .dss)"]
    assert faults(str(tmp_path / "*.json")) == [f"network.sources = {str(tmp_path / '*.json')!r}: no file fits this pattern"]
    assert faults(("a.json", "b/a.json")) == ["network.sources: several feeders are named a; give each a name of its own"]
    assert "characters" in faults((FeederPart(file="a.json", name="a\nb"),))[0]
    region = faults((FeederPart(file="a.json", region="a\x1b[2Jb\ud800"),))[0]
    assert region.startswith(r"network.sources: the region 'a\\x1b[2Jb\\ud800' may have up to 100 characters, no control")
    assert faults((FeederPart(file="a.json", weight=0),)) == [
        "network.sources: all feeders have weight 0; at least one must count"
    ]


def test_what_only_looks_like_files(tmp_path):
    (tmp_path / "folder.dss").mkdir()
    os.mkfifo(tmp_path / "pipe.dss")
    (tmp_path / "loop.dss").symlink_to(tmp_path / "loop.dss")
    touch(tmp_path, "a.json")
    assert list(list_feeders(str(tmp_path))["feeder"]) == ["a", "folder", "loop", "pipe"], "each has a fault of its own"
    assert "entire path component" in faults(str(tmp_path / "a**b.json"))[0]
    assert "File name too long" in faults("a" * 5000)[0]


def test_texts_of_a_table_stay_what_they_are(tmp_path):
    path = tmp_path / "feeders.csv"
    path.write_text("name;file;weight;region\n007;a.json;1,5;NA\n7;b.json;2;01\n1.10;c.json;3;\n")
    assert list_feeders(str(path)).to_dict("list") == {
        "feeder": ["007", "1.10", "7"],
        "file": [str(tmp_path / f"{one}.json") for one in "acb"],
        "weight": [1.5, 3.0, 2.0],
        "region": ["NA", "", "01"],
    }


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table(tmp_path, ending):
    table = pd.DataFrame({"name": ["z", ""], "file": ["sub/z.json", "cigre_lv"], "weight": [2.5, 1], "region": ["west", ""]})
    write(table, tmp_path / f"feeders{ending}")
    assert list_feeders(str(tmp_path / f"feeders{ending}")).to_dict("list") == {
        "feeder": ["cigre_lv", "z"],
        "file": ["cigre_lv", str(tmp_path / "sub" / "z.json")],
        "weight": [1.0, 2.5],
        "region": ["", "west"],
    }


def write(table, path):
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)


def test_every_wrong_row_of_a_table_is_named(tmp_path):
    path = tmp_path / "feeders.csv"
    path.write_text("file;weight\na.json;1\n;2\nb.json;many\nc.json;-1\nd.json;1\n")
    assert faults(str(path)) == [
        f"feeder table {path}: file is empty in row 3",
        f"feeder table {path}: weight = many in row 4: must be a number, 0…1e+12",
        f"feeder table {path}: weight = -1 in row 5: must be a number, 0…1e+12",
    ]
    path.write_text("files,wieght,km\na.json,1,2\n")
    assert faults(str(path)) == [
        f"feeder table {path}: unknown column 'files'; did you mean file?",
        f"feeder table {path}: unknown column 'wieght'; did you mean weight?",
        f"feeder table {path}: unknown column 'km'; it may have name, file, weight, region; leave others out",
    ]
    path.write_text("name,weight\na,1\n")
    assert faults(str(path)) == [f"feeder table {path}: has no column file; it has name, weight"]
    path.write_text("name,file\n")
    assert faults(str(path)) == [f"feeder table {path}: is empty"]


def test_paths_are_taken_from_the_folder_of_the_study(tmp_path):
    text = 'name = "a"\n[network]\nsources = {}\n[load]\nprofile = "l"\n[pv]\nprofile = "p"\nkwp = 1\n'
    for given, read in (
        ('"grids"', str(tmp_path / "grids")),
        ('"grids/*.json"', str(tmp_path / "grids/*.json")),
        ('["a.json", { file = "cigre_lv", weight = 2 }]', (str(tmp_path / "a.json"), "cigre_lv")),
    ):
        (tmp_path / "study.toml").write_text(text.format(given))
        study = fastp2p.Study.from_toml(tmp_path / "study.toml")
        sources = study.network.sources
        assert (sources if isinstance(sources, str) else tuple(one.file for one in sources)) == read
        (tmp_path / "again.toml").write_text(study.to_toml())
        assert fastp2p.Study.from_toml(tmp_path / "again.toml") == study
    (tmp_path / "study.toml").write_text(text.replace("sources = {}", ""))
    for given in ('"a\\u0000"', '["a\\u0000.json"]', '"a\\u0000.csv"'):
        (tmp_path / "nul.toml").write_text(text.format(given))
        with pytest.raises(fastp2p.InputError, match=r"not found|no such folder|control"):
            list_feeders(fastp2p.Study.from_toml(tmp_path / "nul.toml").network.sources)
    with pytest.raises(fastp2p.InputError, match=r"network\.sources\.1 = '': "):
        study.with_(network={"sources": ["a.json", ""]})
    for network in ({}, {"source": "cigre_lv", "sources": ["cigre_lv"]}):
        with pytest.raises(fastp2p.InputError, match="needs either source, one network, or sources, many of them"):
            study.with_(network={"sources": None, **network})
