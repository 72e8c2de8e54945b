"""The wheel and the source distribution: what is in them, and that the wheel runs where nothing else of the project is."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
IN_CACHES = {"__pycache__", ".pytest_cache", ".hypothesis"}


def call(*command, cwd, **more):
    """What a command prints; it must succeed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")} | more
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel that is made from the source distribution, as `make dist` builds both."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    (source,) = folder.glob("*.tar.gz")
    return wheel, source


def test_wheel_is_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        packed = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
        added = {name.partition(".dist-info/")[2] for name in wheel.namelist()} - {""}
    files = [path for path in (ROOT / "fastp2p").rglob("*") if path.is_file() and not IN_CACHES & set(path.parts)]
    assert packed == {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in files}
    assert {"fastp2p/py.typed", "fastp2p/data/typical_day.csv", "fastp2p/data/studies/paper-44.toml"} <= set(packed)
    assert added == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_source_distribution_has_every_file_of_the_repository(built):
    if not (ROOT / ".git").exists():
        pytest.skip("no repository to compare with")
    tracked = set(call("git", "ls-files", cwd=ROOT).splitlines())
    with tarfile.open(built[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert tracked - names == set(), "files that [tool.hatch.build.targets.sdist] leaves out"


def test_a_build_passes_the_checks_of_an_upload(built):
    """The description renders, classifiers are registered, the wheel has no stray files."""
    from trove_classifiers import classifiers

    call(sys.executable, "-m", "twine", "check", "--strict", *map(str, built), cwd=ROOT)
    call(sys.executable, "-m", "check_wheel_contents", str(built[0]), cwd=ROOT)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["classifiers"]) <= classifiers


def test_wheel_runs_a_study_in_an_environment_of_its_own(built, tmp_path):
    """Its dependencies are those of this environment, so that nothing is downloaded; kernels are not compiled."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    options = ["--no-deps", "--no-index", "--no-compile"]
    call(sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(built[0]), cwd=tmp_path)
    (installed,) = (tmp_path / "env").glob("lib/*/site-packages")
    (installed / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    command, elsewhere = str(python.with_name("fastp2p")), tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert call(str(python), "-c", "import fastp2p; print(fastp2p.__file__)", cwd=elsewhere).startswith(str(installed))
    assert call(command, "--version", cwd=elsewhere).startswith("fastp2p ")
    assert "paper-44" in call(command, "studies", cwd=elsewhere)
    assert "wrote" in call(command, "run", "paper-44", cwd=elsewhere, NUMBA_DISABLE_JIT="1")
    assert {"books.parquet", "supply.png", "supply.pdf"} <= {path.name for path in (elsewhere / "results/paper-44").iterdir()}
