"""The site: built strictly, with every notebook run once; and what notebooks and the API page are without that."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import fastp2p

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*/*.ipynb"))
LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
"""What a browser fetches by itself, unlike links that a reader follows."""


def test_notebooks_are_stored_without_outputs():
    assert len(NOTEBOOKS) == 11
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert 10 <= len(cells) <= 25, path.name
        for cell in cells:
            assert not cell.get("outputs"), path.name
            assert cell.get("execution_count") is None, path.name


def test_studies_of_the_gallery_are_right():
    studies = sorted((ROOT / "examples" / "gallery").glob("*.toml"))
    assert [fastp2p.Study.from_toml(path).name for path in studies] == [path.stem for path in studies]


def test_the_api_page_has_every_public_name_once():
    named = re.findall(r"^::: fastp2p\.(\S+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(fastp2p.__all__)


class Page(HTMLParser):
    """Identifiers of a page, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.loaded = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        if tag in LOADS and attrs.get(LOADS[tag]) and attrs.get("rel") != "canonical":
            self.loaded.append(attrs[LOADS[tag]])


def every_page_is_there_and_found_by_a_search(site, pages):
    markdown = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    notebooks = {f"{path.parent.name}/{path.stem}.html" for path in NOTEBOOKS}
    names = ("overview", "contributing", "security", "changelog", "examples", "example-inputs", "shipped-data")
    outside = {f"{name}.html" for name in names}
    assert set(pages) == markdown | notebooks | outside | {"404.html"}
    found = {one["location"].split("#")[0] for one in json.loads((site / "search/search_index.json").read_text())["docs"]}
    assert found == set(pages) - {"404.html"}


def the_api_is_documented(pages):
    names = [name for name in fastp2p.__all__ if name != "plot"] + [f"plot.{name}" for name in fastp2p.plot.__all__]
    assert {f"fastp2p.{name}" for name in names} <= pages["api.html"].ids


def links_of_the_repository_lead_to_pages(site):
    text = (site / "python.html").read_text(encoding="utf-8")
    assert 'href="overview.html#in-a-loop-of-your-own"' in text
    assert 'href="../study.html#forty-homes-from-your-own-files"' in (site / "notebooks/2-own-data.html").read_text(
        encoding="utf-8"
    )


def notebooks_show_their_figures(path, site, pages):
    page = f"{path.parent.name}/{path.stem}"
    figures = [(site / page).parent / one for one in pages[f"{page}.html"].loaded if one.startswith(f"{path.stem}/")]
    assert figures, page
    assert all(figure.read_bytes().startswith(b"\x89PNG") for figure in figures)
    assert (site / f"{page}.ipynb").read_bytes() == path.read_bytes()


def nothing_is_loaded_from_elsewhere(site, pages):
    loaded = {one for page in pages.values() for one in page.loaded}
    assert [one for one in loaded if re.match(r"(https?:)?//", one)] == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet.name
    assert not any("mermaid" in path.read_text(encoding="utf-8") for path in site.rglob("*.html"))  # its script would be


@pytest.mark.slow
def test_the_site_is_built_strictly_and_whole(tmp_path):
    """One test, since two processes that share tests out would each build the site."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=290, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(tmp_path).as_posix(): Page(path) for path in tmp_path.rglob("*.html")}
    every_page_is_there_and_found_by_a_search(tmp_path, pages)
    the_api_is_documented(pages)
    links_of_the_repository_lead_to_pages(tmp_path)
    for path in NOTEBOOKS:
        notebooks_show_their_figures(path, tmp_path, pages)
    nothing_is_loaded_from_elsewhere(tmp_path, pages)
