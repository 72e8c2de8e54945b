"""What mkdocs does besides: pages from outside docs/ join the site, notebooks are run, links of the repository lead to them."""

import os
import posixpath
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[2]
PLACES = {
    "README.md": "overview.md",  # mkdocs takes README.md for the index
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "LICENSE.txt",
    "CITATION.cff": "CITATION.cff",
    "data/README.md": "example-inputs.md",
    "fastp2p/data/README.md": "shipped-data.md",
    "examples/README.md": "examples.md",
    "examples/street.toml": "examples/street.toml",
    "examples/own/lane.toml": "examples/own/lane.toml",
} | {
    path.relative_to(ROOT).as_posix(): f"gallery/{path.name}"
    for folder in ("examples/gallery", "fastp2p/data/studies")
    for path in (ROOT / folder).glob("*.toml")
}
"""Path in the repository, and where it lies on the site."""

NOTEBOOKS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/*/*.ipynb"))
"""Each becomes a page, and can be downloaded beside it."""

PAGES = PLACES | {path: path.removeprefix("examples/").replace(".ipynb", ".md") for path in NOTEBOOKS}
AT_ONCE = 2
"""Notebooks that run at a time, each in a process of its own."""

CODE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)(?=[)#])")


def on_files(files, config):
    for path, place in PLACES.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    for path, (text, pictures) in zip(NOTEBOOKS, run_notebooks(), strict=True):
        page = PAGES[path]
        files.append(File.generated(config, page, content=text))
        files.append(File.generated(config, page.replace(".md", ".ipynb"), abs_src_path=str(ROOT / path)))
        for name, picture in pictures.items():
            files.append(File.generated(config, posixpath.join(posixpath.dirname(page), name), content=picture))
    return files


def run_notebooks():
    """The page and the pictures of each, run in a copy of examples/ and data/, so that what they write is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("examples", "data"):
            shutil.copytree(ROOT / name, Path(folder, name))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda path: run_notebook(Path(folder, path)), NOTEBOOKS))


def run_notebook(path):
    """A notebook as Markdown with its outputs, and its pictures by file name. It must print no warning."""
    notebook = nbformat.read(path, as_version=4)
    env = os.environ | {
        "MATPLOTLIBRC": str(ROOT / "docs" / "site" / "matplotlibrc"),
        "IPYTHONDIR": str(path.parent / ".ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}, extra_arguments=["--log-level=ERROR"]
    )
    try:
        client.execute(env=env)
    except CellExecutionError as error:
        raise PluginError(f"{path.name}: {error}") from error
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise PluginError(f"{path.name} warns: {output.text}")
    text, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": path.stem, "output_files_dir": path.stem})
    return readable(text, path.name), resources["outputs"]


def readable(text, name):
    """Tables in the style of the site, and a link to the notebook below its title."""
    text = re.sub(r"<style scoped>.*?</style>", "", text, flags=re.DOTALL)
    text = text.replace('<table border="1" class="dataframe">', "<table>").replace("![png](", "![Figure](")
    title, rest = text.lstrip().split("\n", 1)
    return f'{title}\n\n<a href="{name}" download>Download this notebook</a>\n{rest}'


def on_page_markdown(markdown, page, config, files):
    """Links to files of the repository, as links to pages of the site; mkdocs complains of those that lead nowhere."""
    place = page.file.src_uri
    home = next((path for path, other in PAGES.items() if other == place), f"docs/{place}")

    def on_site(match):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(home), match[1]))
        target = PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        return posixpath.relpath(target, posixpath.dirname(place) or ".") if target else match[1]

    pieces, end = [], 0
    for code in CODE.finditer(markdown):
        pieces += [LINK.sub(on_site, markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*pieces, LINK.sub(on_site, markdown[end:])])
