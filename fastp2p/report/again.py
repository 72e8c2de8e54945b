"""How a run is made again."""

from __future__ import annotations

from importlib.metadata import version

from fastp2p.io.manifest import STUDY, Manifest
from fastp2p.text import shown_text

MOST_TOML = 200_000
"""Characters of a study that a report holds; longer ones have series of prices."""


def commands_of(manifest: Manifest) -> list[str]:
    """What to type, once the study below is saved."""
    number = manifest.versions.get("fastp2p", version("fastp2p"))
    lines = [f"pip install fastp2p=={shown_text(number, 40)}"]
    if manifest.rules is not None:
        return [*lines, f"fastp2p compare {STUDY} --rules {','.join(map(shown_text, manifest.rules))} --out again"]
    chosen = f" --scenarios {manifest.scenarios.replace(' ', '')}" if manifest.scenarios else ""
    return [*lines, f"fastp2p run {STUDY}{chosen} --out again"]


def study_text(text: str) -> str:
    """The study as a report shows it: every default written out."""
    if len(text) <= MOST_TOML:
        return text
    return f"# The study has {len(text):,} characters; {STUDY} in the results folder has all of it.\n{text[:MOST_TOML]}\n# …"
