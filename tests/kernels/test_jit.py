"""A kernel is compiled again once its file, or a kernel file that it imports, has changed; and only then."""

import importlib
import os
import shutil
import sys

import pytest

from fastp2p.kernels import jit

pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")

FILES = {
    "__init__.py": "",
    "room/__init__.py": "",
    "structs.py": "from typing import NamedTuple\n\nclass Pair(NamedTuple):\n    first: float\n    second: float\n",
    "helpers.py": "from kernels_copy.jit import kernel\n\n@kernel\ndef helper(x):\n    return x + 1.0\n",
    "room/limits.py": "FACTOR = 2.0\n",
    "room/between.py": (
        "import kernels_copy.room.limits as limits\nfrom kernels_copy import (\n    helpers,\n)\n"
        "from kernels_copy.jit import kernel\n\n"
        "helper, factor = helpers.helper, limits.FACTOR\n\n@kernel\ndef between(x):\n    return factor * helper(x)\n"
    ),
    "room/other.py": "UNUSED = 1\n",
    "main.py": (
        "from kernels_copy.jit import kernel\nfrom kernels_copy.room.between import between\n"
        "from kernels_copy.structs import Pair\n\n"
        "@kernel\ndef main(pair):\n    first, second = pair\n    return between(first) - second\n"
    ),
}
"""Kernel files: main.py imports between.py, which imports helpers.py and limits.py; other.py is imported by none."""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder of kernel files with a jit.py of its own, and a call that runs its kernel as a new process would."""
    monkeypatch.setattr(jit.caching.config, "CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "kernels_copy"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copy(jit.__file__, folder / "jit.py")

    def run():
        """What main says of the pair first = 3, second = 1, and how many times it was compiled for it."""
        for name in [name for name in sys.modules if name.split(".")[0] == "kernels_copy"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        main = importlib.import_module("kernels_copy.main")
        said = main.main(main.Pair(first=3.0, second=1.0))
        return said, sum(main.main.stats.cache_misses.values())

    yield folder, run
    for name in [name for name in sys.modules if name.split(".")[0] == "kernels_copy"]:
        del sys.modules[name]


def test_a_change_in_a_file_that_a_kernel_imports_compiles_it_anew(package):
    folder, run = package
    assert run() == (7.0, 1)
    assert run() == (7.0, 0)
    for name, old, new, said in (
        ("helpers.py", "x + 1.0", "x + 2.0", 9.0),
        ("room/limits.py", "2.0", "3.0", 14.0),
        ("structs.py", "first: float\n    second: float", "second: float\n    first: float", 3.0 * (1.0 + 2.0) - 3.0),
        ("main.py", "- second", "+ second", 3.0 * (1.0 + 2.0) + 3.0),
    ):
        (folder / name).write_text((folder / name).read_text().replace(old, new))
        assert run() == (said, 1), name
        assert run() == (said, 0), name


def test_a_change_elsewhere_compiles_nothing(package):
    folder, run = package
    run()
    (folder / "room/other.py").write_text("UNUSED = 2\n")
    assert run() == (7.0, 0)
