"""What cites and packs fastp2p agrees with pyproject.toml; the draft of a paper cites what it lists."""

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import yaml

from fastp2p.citation import citation

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAPER_TITLE = "Peer-to-Peer (P2P) Electricity Markets for Low Voltage Networks"
ARXIV = "arXiv:2407.21403"
OTHER_NAMES = {"matplotlib": "matplotlib-base"}
"""Packages that conda-forge splits."""


def test_citation_file_says_what_pyproject_says():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert set(cff) >= {"cff-version", "message", "title", "authors", "version", "license", "type"}
    assert (cff["cff-version"], cff["type"]) == ("1.2.0", "software")
    same = {"title": "name", "version": "version", "license": "license", "authors": "authors", "keywords": "keywords"}
    for key, its in same.items():
        assert cff[key] == PROJECT[its], key
    (paper,) = cff["references"]
    assert (paper["type"], paper["title"], paper["year"]) == ("conference-paper", PAPER_TITLE, 2024)
    assert paper["identifiers"][0]["value"] == ARXIV


def test_codemeta_says_what_pyproject_says():
    meta = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    assert (meta["@context"], meta["@type"]) == ("https://w3id.org/codemeta/3.0", "SoftwareSourceCode")
    for key in ("name", "version", "description", "keywords"):
        assert meta[key] == PROJECT[key], key
    assert meta["license"] == f"https://spdx.org/licenses/{PROJECT['license']}"
    assert meta["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    assert [one["name"] for one in meta["author"]] == [one["name"] for one in PROJECT["authors"]]
    assert sorted(meta["softwareRequirements"]) == sorted(PROJECT["dependencies"])
    assert meta["referencePublication"][0]["identifier"] == ARXIV


def test_conda_recipe_needs_what_pyproject_needs():
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == PROJECT["version"]
    assert (recipe["package"]["name"], recipe["about"]["license"]) == (PROJECT["name"], PROJECT["license"])
    assert recipe["build"]["python"]["entry_points"] == [f"fastp2p = {PROJECT['scripts']['fastp2p']}"]
    wanted = {f"python {PROJECT['requires-python']}"}
    for dependency in PROJECT["dependencies"]:
        name, bound = re.fullmatch(r"([\w-]+)(>=[\d.]+)", dependency).groups()
        wanted.add(f"{OTHER_NAMES.get(name, name)} {bound}")
    assert set(recipe["requirements"]["run"]) == wanted
    python = next(one for one in recipe["requirements"]["host"] if one.startswith("python "))
    assert python == PROJECT["requires-python"].replace(">=", "python ") + ".*"


def test_bibtex_has_the_software_and_the_paper():
    software, paper = citation().split("\n\n")
    assert software.startswith("@software{fastp2p,\n")
    assert f"version = {{{version('fastp2p')}}}" in software
    assert PROJECT["authors"][0]["name"] in software
    assert PAPER_TITLE in paper
    assert ARXIV in paper
    for entry in (software, paper):
        assert entry.count("{") == entry.count("}")


def test_paper_has_the_sections_that_the_journal_asks_for():
    headings = re.findall(r"^# (.*)$", (ROOT / "paper" / "paper.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [
        "Summary",
        "Statement of need",
        "State of the field",
        "Software design",
        "Research impact statement",
        "AI usage disclosure",
        "Acknowledgements",
        "References",
    ]


def test_paper_cites_what_its_bibliography_has():
    _, head, text = (ROOT / "paper" / "paper.md").read_text(encoding="utf-8").split("---\n", 2)
    bibliography = (ROOT / "paper" / "paper.bib").read_text(encoding="utf-8")
    entries = re.findall(r"^@\w+\{([\w-]+),$", bibliography, re.MULTILINE)
    assert len(entries) == len(set(entries))
    assert set(re.findall(r"@([\w-]+)", text)) == set(entries)
    assert bibliography.count("{") == bibliography.count("}")
    assert 750 <= len(text.split()) <= 1750
    assert yaml.safe_load(head)["bibliography"] == "paper.bib"
