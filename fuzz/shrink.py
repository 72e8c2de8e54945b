"""Smaller inputs that fail in the same way: fewer mutations, then fewer lines or fewer members of a document."""

import json
import time
from collections.abc import Callable

from fuzz.judge import Finding, make_case
from fuzz.mutate import Case
from fuzz.pool import APART_EVERY, DRAWN_EVERY, Job, search

MOST_MUTATIONS = 16
MOST_SECONDS = 60.0
"""For one input; what is left by then will do."""


def failing(jobs: list[Job], finding: Finding) -> list[int]:
    """Which of these inputs fail in this way, in new processes."""
    apart = DRAWN_EVERY * APART_EVERY  # a seed also says whether figures are drawn, and whether in a process of its own
    cases = (job.case or make_case(*job[:3]) for job in jobs)
    numbered = [
        job._replace(seed=number * apart + job.seed % apart, case=case)
        for number, (job, case) in enumerate(zip(jobs, cases, strict=True))
    ]
    return sorted(seed // apart for seed in search(numbered, workers=1).found.get(finding, []))


def shrink(job: Job, finding: Finding) -> tuple[frozenset[int], Case]:
    """The mutations that can be left out, and what is left."""
    skip, case, begin = frozenset[int](), make_case(job.target, job.seed), time.monotonic()
    while time.monotonic() - begin < MOST_SECONDS:
        more = [skip | {number} for number in range(MOST_MUTATIONS) if number not in skip]
        tried = {one: make_case(job.target, job.seed, one) for one in more}
        tried = {one: less for one, less in tried.items() if less.files != case.files}
        works = failing([job._replace(case=less) for less in tried.values()], finding) if tried else []
        if not works:
            break
        skip, case = [*tried.items()][works[0]]
    name = next(iter(case.files))
    left, join = take_apart(case.files[name])
    size = len(left) // 2
    while size and time.monotonic() - begin < MOST_SECONDS:
        tries = [left[:at] + left[at + size :] for at in range(0, len(left), size)]
        works = failing([job._replace(case=case._replace(files=case.files | {name: join(one)})) for one in tries], finding)
        left = tries[works[0]] if works else left
        size = min(size, len(left) // 2) if works else size // 2
    return skip, case._replace(files=case.files | {name: join(left)}) if left else case


def take_apart(data: bytes | str) -> tuple[list[bytes], Callable[[list[bytes]], bytes]]:
    """Lines of a text, or members of a JSON document or of its `_object`; and what puts them together."""
    if isinstance(data, str):
        return [], b"".join
    try:
        outer = json.loads(data)
        inner = outer.get("_object", outer)
        parts = [json.dumps({key: value}).encode() for key, value in inner.items()]
    except (ValueError, AttributeError, RecursionError):
        return ([] if b"\0" in data else data.splitlines(keepends=True)), b"".join

    def join(left: list[bytes]) -> bytes:
        kept = {key: value for one in left for key, value in json.loads(one).items()}
        return json.dumps(outer | {"_object": kept} if "_object" in outer else kept).encode()

    return parts, join
