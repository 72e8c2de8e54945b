"""One input in a process: run the command line on it, and say whether what came of it is a failure."""

import json
import os
import re
import resource
import subprocess
import sys
import traceback
from pathlib import Path
from random import Random
from types import ModuleType

from fuzz import folders, networks, phases, profiles, studies
from fuzz.mutate import Case, Finding

TARGETS: dict[str, ModuleType] = {
    "studies": studies, "phases": phases, "profiles": profiles, "networks": networks, "folders": folders,
}  # fmt: skip
"""A new target is a module with `make(random, skip) -> Case`, and a name here; `look(case, code)` looks at what is left."""
CODES = (0, 1, 2, 130)
LIMIT_BYTES = 2 * 10**9
OURS = re.compile(r"(error|warning|failed|waiting|stopped|note)\b|.*: [\d,]+ of [\d,]+ parts\b|Usage:|Try |Error:|$")
"""How a line on stderr begins that the command line wrote."""
FRAME = re.compile(r'File "[^"]*?/(fastp2p/[^"]+|fuzz/[^"]+)", line \d+,? in (\S+)')
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys, and shows nothing of."""
MEMORY = re.compile(r"Unable to allocate|MemoryError|bad_alloc|malloc of size|[Oo]ut of memory")


def make_case(target: str, seed: int, skip: frozenset[int] = frozenset()) -> Case:
    return TARGETS[target].make(Random(f"{target} {seed}"), skip)


def judge(arguments: list[str], code: int, out: str, errors: str) -> Finding | None:
    """A failure, if it is one."""
    found = [f"{where}:{name}" for where, name in FRAME.findall(errors)]
    frames = [one for one in found if one.startswith("fastp2p/")] or found or ["?"]
    if "Fatal Python error" in errors or code < 0:
        return Finding(f"crash ({code})", frames[0])
    if "Traceback (most recent call last)" in errors:
        last = [line for line in errors.splitlines() if re.match(r"[\w.]+(:|$)", line)]
        return Finding(f"traceback of {(last or ['?'])[-1].partition(':')[0]}", frames[-1])
    if code not in CODES:
        return Finding(f"exit code {code}", frames[-1])
    if memory := MEMORY.search(errors):
        return Finding("memory", memory[0])
    if leaked := re.search(r"([\w./-]+\.py):\d+: (\w*Warning)", errors):
        return Finding(f"leaked {leaked[2]}", re.sub(r".*/site-packages/|.*/(?=fastp2p/)", "", leaked[1]))
    if stray := [line for line in errors.splitlines() if not OURS.match(line)]:
        return Finding("stray line on stderr", re.sub(r"\W.*", "", stray[0].strip()[:40]))
    if raw := RAW.search(out + errors):
        return Finding("raw control character", f"{ord(raw[0]):#06x}")
    if code and not errors.strip():
        return Finding(f"exit code {code} without a word", arguments[0])
    if code == 0 and "--json" in arguments:
        try:
            json.loads(out)
        except ValueError as error:
            return Finding("--json prints no JSON", str(error).partition(":")[0])
    return None


def run_here(arguments: list[str]) -> int:
    """The exit code of the command line, run in this process; there is no command that opens a folder, so it is added."""
    from fastp2p.__main__ import main

    sys.argv = ["fastp2p", *arguments]
    try:
        if arguments[0] == "open":
            return folders.open_folder(arguments[1])
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_apart(arguments: list[str]) -> int:
    """The exit code of the command line, as a process of its own that shares our streams."""
    module = "fuzz.folders" if arguments[0] == "open" else "fastp2p"
    return subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode


def limit_memory() -> None:
    """No more than `LIMIT_BYTES` above what the process has now."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + LIMIT_BYTES, -1))
