"""What a crash may leave of a folder at every file operation of a run, and errors at every one of them.

A killed process leaves what is on the disk. So one run is enough to know what all crashes of it leave: the tree is read before
each operation. Besides, it is written in other ways:

- *torn*: a file that has changed since the last operation is cut in half, and what was written after it is not there yet;
- *power*: files have what was in them when they were last synced, mostly nothing, as after a loss of power: a file system may
  put a rename on the disk before the data.
"""

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.utime")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
SYNCS = ("fsync", "fdatasync")
GROWING = ("open", "os.mkdir", "os.link", "os.symlink", *SYNCS)

Tree = dict[str, bytes | None]
"""Files below a folder by their path, and folders, as None."""


class State(NamedTuple):
    """What is on the disk when a run ends before an operation, or in the middle of what came before it."""

    how: str
    before: str
    tree: Tree


class _Watch:
    """Called before each operation on a file below `root`; an audit hook cannot be taken back, so there is one for all."""

    root: Path | None = None
    before: Callable[[str, str], None]

    def __init__(self) -> None:
        self.lock = threading.RLock()
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple) -> None:
        if self.root is None or (event != "open" and event not in CHANGES):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        self.tell(event, arguments[1] if event == "os.link" else arguments[0])

    def tell(self, event: str, path: object) -> None:
        if isinstance(path, int):
            path = Path(f"/proc/self/fd/{path}").readlink()
        named = Path(os.fsdecode(path))
        if self.root is not None and (not named.is_absolute() or named.is_relative_to(self.root)):
            with self.lock:
                self.before(event, str(named))


_watch = _Watch()


@contextmanager
def watched(root: Path, before: Callable[[str, str], None], synced: Callable[[int], None] = lambda _: None) -> Iterator[None]:
    """Call `before` with each operation on a file below `root` and its path, and `synced` with what was synced."""
    real = {name: getattr(os, name) for name in SYNCS}

    def sync(name: str, descriptor: int) -> None:
        with _watch.lock:  # so that no operation of another thread is told of between the two
            _watch.tell(name, descriptor)
            synced(descriptor)  # the disk itself is not waited for

    _watch.before, _watch.root = before, root
    for name in SYNCS:
        setattr(os, name, lambda descriptor, name=name: sync(name, descriptor))
    try:
        yield
    finally:
        _watch.root = None
        for name, function in real.items():
            setattr(os, name, function)


def read_tree(root: Path) -> Tree:
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in sorted(root.rglob("*"))}


def write_tree(tree: Tree, root: Path) -> None:
    """Make a folder hold this and nothing else."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, data in tree.items():
        if data is None:
            (root / name).mkdir()
        else:
            (root / name).write_bytes(data)


def crash_states(root: Path, action: Callable[[], object]) -> list[State]:
    """Every different thing that a crash of `action` may leave below `root`, in the order of time; the last is its end."""
    states: list[State] = []
    written = {_file(root / name): data for name, data in read_tree(root).items() if data is not None}
    safe = dict(written)
    """What files had at the last operation, and when they were last synced."""

    def synced(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}")
        if path.is_file():
            safe[_file(path)] = path.resolve().read_bytes()

    def add(how: str, before: str, tree: Tree) -> None:
        if all(tree != state.tree for state in states):
            states.append(State(how, before, tree))

    def note(event: str, path: str) -> None:
        before, tree = f"{event} {path}".replace(f"{root}/", ""), read_tree(root)
        files = {name: _file(root / name) for name, data in tree.items() if data}
        had = {name: _begin(tree[name], written.get(files[name], b"")) for name in files}
        changed = [name for name in files if written.get(files[name]) != tree[name]]
        changed.sort(key=lambda name: (root / name).stat().st_mtime_ns)
        for at, name in enumerate(changed):
            half = tree[name][: (len(had[name]) + len(tree[name])) // 2]
            add("torn", before, tree | {name: half} | {later: had[later] for later in changed[at + 1 :]})
        add("killed", before, tree)
        add("power", before, tree | {name: _begin(tree[name], safe.get(files[name], b"")) for name in files})
        written.update({files[name]: tree[name] for name in files})

    with watched(root, note, synced):
        action()
    note("the end", "")
    return states


def _file(path: Path) -> int:
    """What stays of a file when it gets another name."""
    return path.stat().st_ino


def _begin(data: bytes, earlier: bytes) -> bytes:
    """What a file had earlier, if it has only grown since."""
    return earlier if data.startswith(earlier) else b""


def failing(number: int, code: int) -> Callable[[str, str], None]:
    """Errors from an operation on: a broken disk once, a full one wherever something grows, else whatever is changed."""
    count = 0

    def before(event: str, path: str) -> None:
        nonlocal count
        count += 1
        if count - 1 == number or (count > number and code != errno.EIO and (code != errno.ENOSPC or event in GROWING)):
            raise OSError(code, os.strerror(code), path)

    return before


@contextmanager
def tmpfs(path, *options):
    """A file system of its own, where the machine lets the tests mount one."""
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", path], capture_output=True).returncode:
        pytest.skip("this machine does not let the tests mount a file system")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)
