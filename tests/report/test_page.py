"""Reports as files: what is in them, that no text of a study is markup or script, and where they may go."""

import base64
import hashlib
import json
from html.parser import HTMLParser

import pytest

import fastp2p
from fastp2p.report import place
from fastp2p.report.page import write_report
from fastp2p.report.plain import chart_text, decimals_for, number, safe_json
from tests.support.commands import call
from tests.support.reports import ATTACKS, HOSTILE


class Reader(HTMLParser):
    """The elements of a page with their attributes, the text of the scripts, and all other text."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.texts, self.inside = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside[: len(self.inside) - 1 - self.inside[::-1].index(tag)] if tag in self.inside else self.inside

    def handle_data(self, data):
        if self.inside and self.inside[-1] == "script":
            self.scripts[-1] += data
        elif not self.inside or self.inside[-1] != "style":
            self.texts.append(data.strip())

    @property
    def data(self):
        return json.loads(self.scripts[0])


def sections(page):
    return [about["id"] for tag, about in Reader(page).elements if tag == "section"]


def test_no_text_of_a_study_is_markup_or_script(page):
    for html in (page("hostile"), page("hostile", "sweep")):
        read = Reader(html)
        kinds = [about.get("type") for tag, about in read.elements if tag == "script"]
        assert kinds == ["application/json", None, None]
        assert not {"img", "i", "b", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in read.elements} - {"form"}
        assert [name for _, about in read.elements for name in about if name.startswith("on")] == []
        links = [about[name] for _, about in read.elements for name in ("src", "href") if name in about]
        assert [link for link in links if not link.startswith("#")] == ["data:,"]
        text = "\n".join(read.texts)
        for attack in ATTACKS:
            assert attack.replace("\u2028", r"\u2028") in text
        assert HOSTILE.name in text
        assert HOSTILE.load.profile in text
        shown = json.dumps(read.data)
        assert "&lt;i&gt;&#36;x&#36;%&#123;x}" in shown
        assert "<" not in shown


def test_a_page_loads_nothing_and_runs_its_own_scripts_alone(page):
    read = Reader(page("hostile"))
    policies = [about["content"] for tag, about in read.elements if about.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in read.scripts[1:]]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert f"script-src {allowed};" in policies[0]
    assert policies[0].startswith("default-src 'none';")


def test_every_kind_of_run_has_its_sections(page):
    usual = ["headlines", "figures", "feeder", "tables", "study", "warnings", "again", "cite"]
    assert sections(page("hostile")) == usual
    assert sections(page("sweep")) == ["headlines", "hosting", "figures", "feeder", "audit", *usual[3:]]
    assert sections(page("bare")) == ["headlines", "hosting", *usual[1:3], "audit", *usual[3:]]
    assert "This run is not finished" in page("stopped")
    assert "This run is not finished" not in page("sweep")
    data = {name: Reader(page(name)).data for name in ("hostile", "sweep", "bare")}
    charts = {name: {key.rpartition("-")[0] for key in of["charts"]} for name, of in data.items()}
    assert charts == {
        "hostile": {"supply", "state", "bills"},
        "sweep": {"probability", "shares", "hours", "voltage", "loading", "bills"},
        "bare": {"probability", "shares", "loading"},
    }


def test_the_same_folder_makes_the_same_bytes_and_stays_as_it_is(folders, page, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in folders.rglob("*")}
    written = write_report([folders / "hostile"], tmp_path / "report.html")
    assert written.read_text(encoding="utf-8") == page("hostile")
    assert {path: path.stat().st_mtime_ns for path in folders.rglob("*")} == before


def test_a_report_goes_beside_its_folder_and_replaces_reports_alone(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).symlink_to(folders / "bare")
    assert "a.html" in call("report", "a").stdout
    assert "a.html exists" in call("report", "a", code=2).stderr
    call("report", "a", "--overwrite")
    call("report", "a", "b")
    (tmp_path / "mine.html").write_text("<title>mine</title>")
    (tmp_path / "claims.html").write_text("x" * 2_000 + place.is_ours.__globals__["GENERATOR"])
    for name in ("mine.html", "claims.html"):
        message = call("report", "a", "--out", name, "--overwrite", code=2).stderr
        assert "was not written by fastp2p" in message
    assert "ends in .html" in call("report", "a", "--out", "a.txt", code=2).stderr
    assert "stays as it was written" in call("report", "a", "--out", "a/a.html", code=2).stderr
    assert "of one results folder or of two" in call("report", "a", "a", "a", code=2).stderr
    assert sorted(path.name for path in tmp_path.glob("*.html")) == ["a-and-b.html", "a.html", "claims.html", "mine.html"]


def test_a_run_writes_its_report_or_refuses_before_it_runs(elsewhere, no_figures, tmp_path):
    told = call("run", "paper-44", "--out", "day", "--report")
    assert "day.html: the report" in told.stdout
    (tmp_path / "other.html").write_text("mine")
    assert "was not written by fastp2p" in call("run", "paper-44", "--out", "other", "--report", code=2).stderr
    assert not (tmp_path / "other").exists()
    assert (
        json.loads(call("run", "paper-44", "--out", "day", "--report", "--overwrite", "--json").stdout)["study"] == "paper-44"
    )


def test_missing_packages_are_named(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(place, "find_spec", lambda name: None)
    with pytest.raises(fastp2p.InputError, match=r"a report needs jinja2 and plotly; install fastp2p\[report\]"):
        write_report([folders / "bare"], tmp_path / "a.html")


def test_other_folders_are_refused(folders, tmp_path, no_figures):
    fastp2p.compare_rules(fastp2p.studies()["paper-44"], ["ask", "k"], out=tmp_path / "rules")
    with pytest.raises(fastp2p.InputError, match="holds a comparison of market rules"):
        write_report([tmp_path / "rules"])
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.parametrize("text", ATTACKS)
def test_texts_and_json_hold_no_markup(text):
    assert not set("<>") & set(chart_text(text))
    packed = safe_json({"text": text})
    assert not set("<>&") & set(packed)
    assert packed.isascii()
    assert json.loads(packed) == {"text": text}


def test_numbers_read_as_people_write_them():
    assert [number(value, 1) for value in (1234.56, -0.04, -2.0, float("nan"), float("inf"))] == [
        "1,234.6",
        "0.0",
        "−2.0",
        "–",
        "∞",
    ]
    assert [decimals_for(values) for values in ([12.3, 4], [1.0, 300.0], [0.00001], [12345.6], [], [float("nan")])] == [
        2,
        0,
        4,
        0,
        0,
        0,
    ]
