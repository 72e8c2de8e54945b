"""A study file with a comment at each key: the text that `fastp2p new` writes."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from fastp2p.study.changes import section_type
from fastp2p.study.model import Study
from fastp2p.text import escaped_toml, shown_text

WIDTH = 110
FURTHER = {
    "connection": "which phase a home is on, where network.phases = 3 (docs/phases.md)",
    "heat_pump": "heat pumps of homes (docs/devices.md)",
    "ev": "electric vehicles of homes (docs/devices.md)",
    "battery": "batteries of homes, such as kwh = 8.0 (docs/devices.md)",
    "community_battery": "one battery for all participants (docs/devices.md)",
}
"""Sections that a study need not have."""
SECTIONS = {
    "network": "Which network, and its limits.",
    "profiles": "Energy per step of a home and of a kWp of PV (docs/profiles.md).",
    "participants": "Who takes part in the market.",
    "load": "What participants use.",
    "pv": "What participants generate.",
    "market": "The auction; prices per kWh in the currency above (docs/market-rules.md).",
    "clearing": "What the network carries of the trades, and what is checked.",
    "scenarios": "How many random scenarios.",
}
"""What each section is about."""
WITH_CONNECTION = {"network": SECTIONS["network"], "connection": f"{FURTHER['connection'].capitalize()}."} | SECTIONS
"""The same of a study of three phases."""


def commented_study(tables: Mapping[str, Any], comments: Mapping[str, str], head: Sequence[str] = ()) -> str:
    """A study as TOML: a comment above every key, and the further keys of each section below its own.

    Parameters
    ----------
    tables : mapping
        The study's keys and sections, as `Study` takes them.
    comments : mapping
        What to say of a key, by its dotted name, such as ``load.homes``.
    head : sequence of str
        Paragraphs at the top.

    Returns
    -------
    str
        TOML without characters that are not seen.
    """
    lines = [*(line for paragraph in head for line in _comment(paragraph)), ""]
    top = {key: value for key, value in tables.items() if section_type(Study, key) is None}
    lines += _keys(top, comments, "")
    for name, about in SECTIONS.items() if "connection" not in tables else WITH_CONNECTION.items():
        kind, keys = section_type(Study, name), tables.get(name, {})
        assert kind is not None
        lines += ["", *_comment(about), f"[{name}]", *_keys(keys, comments, f"{name}.")]
        further = [key for key in kind.model_fields if key not in keys]
        if further:
            lines += _comment(f"Further keys: {', '.join(further)}.")
    lines += ["", *_comment("Further sections (docs/study.md has all keys):")]
    lines += [line for name, about in FURTHER.items() if name not in tables for line in _comment(f"[{name}] {about}.")]
    return escaped_toml("\n".join([*lines, ""]))


def _keys(keys: Mapping[str, Any], comments: Mapping[str, str], section: str) -> list[str]:
    lines = []
    for key, value in keys.items():
        lines += [*_comment(comments.get(f"{section}{key}", "")), f"{key} = {_value(value)}"]
    return lines


def _comment(text: str) -> list[str]:
    """A paragraph as comment lines; texts of users within it cannot end them."""
    wrapped = textwrap.wrap(shown_text(text), WIDTH, break_on_hyphens=False)
    return [f"# {line}" for line in wrapped]


def _value(value: Any) -> str:
    """A value as TOML; a list that is longer than a line goes over several."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        ones = [_value(one) for one in value]
        short = f"[{', '.join(ones)}]"
        if len(short) <= WIDTH:
            return short
        if all(isinstance(one, int | float) for one in value):  # as many on a line as it holds
            return "\n".join(
                ["[", *textwrap.wrap(f"{', '.join(ones)},", WIDTH, initial_indent="    ", subsequent_indent="    "), "]"]
            )
        return "\n".join(["[", *(f"    {one}," for one in ones), "]"])
    return str(value)
