"""README, CONTRIBUTING, docs and data: files that they name exist, and snippets print what the page shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").glob("*.md"), *(ROOT / "examples").glob("*.md")]
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
NAMED = re.compile(r"`((?:\w+/)+[\w-]+\.(?:py|md|toml|csv))`")


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for path, anchor in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    """As a path from the root, from the package, or from the page."""
    named = set(NAMED.findall(page.read_text(encoding="utf-8")))
    missing = [path for path in named if not any((folder / path).exists() for folder in (ROOT, ROOT / "fastp2p", page.parent))]
    assert missing == []


def snippets(page):
    """The Python blocks of a page, each with the output that follows it, and the study files that are saved before.

    Blocks of the same section that print nothing run before it.
    """
    found, text, files, code, end = [], page.read_text(encoding="utf-8"), {}, None, 0
    for match in BLOCK.finditer(text):
        language, block = match.groups()
        if "\n## " in text[end : match.start()]:
            code = None
        end = match.end()
        if language == "toml" and (name := re.search(r'\Aname = "([\w-]+)"$', block, re.MULTILINE)):
            files[f"{name.group(1)}.toml"] = block
        if language == "python":
            code = (match.start(), code[1] + block if code else block)
        elif language == "text" and code:
            found.append((f"{page.stem}:{text.count(chr(10), 0, code[0]) + 2}", dict(files), code[1], block))
            code = None
    return found


SNIPPETS = [snippet for page in PAGES for snippet in snippets(page)]


@pytest.mark.slow
@pytest.mark.parametrize(("files", "code", "output"), [found[1:] for found in SNIPPETS], ids=[found[0] for found in SNIPPETS])
def test_snippets_print_what_the_page_shows(files, code, output, tmp_path):
    if "import pvlib" in code or "from pvlib" in code:
        pytest.importorskip("pvlib")
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, output), done.stderr
