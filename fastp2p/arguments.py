"""Arguments of a wrong type: their name in messages, and the way to a right one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastp2p.errors import refuse

MAKERS = {
    "Clearing": "fastp2p.clear returns it",
    "Clusters": "fastp2p.cluster_days returns them",
    "Leftovers": "fastp2p.leave_over returns them",
    "Network": "Network.load makes one of a name or file, Network.from_pandapower of a pandapower network",
    "Profiles": "Profiles.load makes them of a name or file",
    "Reactive": "fastp2p.Reactive(base_kvar, pv_kvar_per_kw, load_kvar_per_kw) makes one",
    "Results": "fastp2p.run returns them",
    "Study": "fastp2p.studies() has the built-in ones, Study.from_toml reads one",
    "Trades": "fastp2p.match_orders returns them",
}
"""By the type that is asked for: where it comes from."""

TEXT_KEYS = ("feeder", "event")
"""Keys of tables that are names."""


def kind_faults(**given: tuple[Any, type]) -> list[str]:
    """A fault for each value that is not of its type, with the way to a right one.

    Parameters
    ----------
    **given
        By the name of the argument: the value, and the type that it must be of.
    """
    return [
        f"{name} must be {_named(kind.__name__)}, not {described(value)}; {way_to(kind.__name__, value)}"
        for name, (value, kind) in given.items()
        if not isinstance(value, kind)
    ]


def refuse_other_kinds(**given: tuple[Any, type]) -> None:
    """Refuse values that are not of their type.

    Raises
    ------
    InputError
        All of them in one message; see `kind_faults`.
    """
    refuse(kind_faults(**given))


def way_to(kind: str, value: Any) -> str:
    """How a value becomes one of that type, where there is a way; else where those of the type come from."""
    is_path, of = isinstance(value, str | Path), type(value).__name__
    ways = {
        "Network": {
            is_path: f"Network.load({str(value)!r}) makes one" if is_path else "",
            of == "pandapowerNet": "Network.from_pandapower(net) makes one of it",
        },
        "Profiles": {
            is_path: f"Profiles.load({str(value)!r}) makes them" if is_path else "",
            of in ("DataFrame", "ndarray"): (
                "Profiles(names, kinds, kwh_per_unit, step_hours, time) makes them of arrays, a row per profile; "
                "a table in a file is read by Profiles.load"
            ),
            of in ("list", "tuple"): "Profiles.combined puts several together",
        },
        "Study": {
            isinstance(value, str)
            and not str(value).endswith(".toml"): f"fastp2p.studies()[{value!r}] returns it, if it is built in",
            is_path and str(value).endswith(".toml"): f"Study.from_toml({str(value)!r}) reads one" if is_path else "",
            isinstance(value, Mapping): "fastp2p.Study(**tables) makes one of the tables of a study file",
        },
    }
    return ways.get(kind, {}).get(True) or MAKERS.get(kind, f"a {kind} is needed")


def described(value: Any) -> str:
    """A value in a message: names and paths as they are, others by their type."""
    if isinstance(value, str | Path):
        return repr(str(value))
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    return f"the class {name}" if isinstance(value, type) else f"{article} {name}"


def _named(kind: str) -> str:
    return kind if kind.endswith("s") else f"a {kind}"


def refuse_other_tables(confidence: float | None = None, **given: tuple[Any, str, tuple[str, ...], tuple[str, ...]]) -> None:
    """Refuse what is not the table that a function is about.

    Parameters
    ----------
    confidence : float, optional
        Checked as well where it is given.
    **given
        By the name of the argument: the value, where the right one comes from, columns that it must have, and the columns
        of which each combination may be there once.

    Raises
    ------
    InputError
    """
    faults = []
    for name, (value, source, columns, keys) in given.items():
        if not hasattr(value, "columns") or not hasattr(value, "groupby"):
            faults.append(f"{name} must be the table {source}, not {described(value)}")
        elif missing := [column for column in (*keys, *columns) if column not in value.columns]:
            faults.append(f"{name} has no column {', '.join(missing)}; it must be the table {source}")
        elif texts := [
            one
            for one in (*keys, *columns)
            if one not in TEXT_KEYS and value[one].dtype.kind not in ("iuf" if one in keys else "iufb")
        ]:
            faults.append(f"{name} must have numbers in {', '.join(texts)}; it must be the table {source}")
        elif not len(value):
            faults.append(f"{name} has no rows")
        elif value[list(keys)].isna().any(axis=None):
            faults.append(f"{name} has rows without {' or '.join(keys)}; it must be the table {source}")
        elif value.duplicated(list(keys)).any():
            faults.append(f"{name} has several rows of the same {' and '.join(keys)}; it must be the table {source}")
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if confidence is not None and not (is_number and 0.0 < confidence < 1.0):
        faults.append(f"confidence = {confidence!r}: must lie between 0 and 1, such as 0.95")
    refuse(faults)
