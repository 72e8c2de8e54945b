"""Paths that users give."""

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is such a file; false, too, for what cannot be a path (a NUL byte, a name too long)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
