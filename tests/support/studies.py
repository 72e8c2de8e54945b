"""Study files with one thing changed, and the commands that run or refuse them."""

from pathlib import Path

from tests.support.commands import call, refused_command

SECTIONS = {
    "": 'name = "mine"',
    "network": 'source = "cigre_lv"',
    "profiles": "",
    "participants": "",
    "load": 'profile = "residential_0"',
    "pv": 'profile = "solar_1"',
    "market": "",
    "clearing": "",
}


def study_text(**sections):
    """A study whose sections hold these lines besides the required ones; a line of the same key replaces it."""
    parts = []
    for name, required in SECTIONS.items():
        lines = sections.get(name or "top", "")
        keys = {line.split("=")[0].strip() for line in lines.splitlines()}
        kept = "" if required.split("=")[0].strip() in keys else required
        parts.append((f"[{name}]\n" if name else "") + f"{kept}\n{lines}\n")
    return "\n".join(parts)


def run_text(text):
    """What `run` says of a study of this text, written into `out`."""
    Path("mine.toml").write_text(text, encoding="utf-8")
    return call("run", "mine.toml", "--out", "out")


def refused(text, *told):
    """The study is refused, and the message, which is returned, tells all of these."""
    Path("mine.toml").write_text(text, encoding="utf-8")
    message = refused_command("run", "mine.toml", "--out", "out")
    assert [piece for piece in told if piece not in message] == [], message
    return message
