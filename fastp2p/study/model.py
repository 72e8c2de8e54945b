"""A study: frozen, validated, read from and written to TOML."""

from __future__ import annotations

import os
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, get_args

import tomli_w
from pydantic import Field, ValidationError, field_validator

from fastp2p.arguments import described, way_to
from fastp2p.errors import InputError, refuse
from fastp2p.io.paths import check_file, is_folder_name, is_missing
from fastp2p.study.changes import as_tables, merge, section_type
from fastp2p.study.devices import BatteryPart, CommunityBatteryPart
from fastp2p.study.ev import EvPart
from fastp2p.study.faults import shown, validation_faults
from fastp2p.study.heat_pump import HeatPumpPart
from fastp2p.study.participants import BackgroundPart, ParticipantsPart
from fastp2p.study.scenarios import ScenariosPart
from fastp2p.study.sections import (
    HOURS_UP_TO,
    THREE_PHASE_ABOVE_KW,
    ClearingPart,
    ConnectionPart,
    FeederPart,
    LoadPart,
    MarketPart,
    NetworkPart,
    ProfilesPart,
    PvPart,
    Section,
    Source,
    SourcePart,
    Table,
)
from fastp2p.study.tariffs import FromFile
from fastp2p.text import escaped_toml

MAX_BYTES = 4_000_000
"""Of a study file: a year of quarter hours for each price is half of it."""
NETWORK_FILES = (".json", ".xlsx", ".dss")
MOST_PARTS = 50
"""Of a dotted key; the time that tomllib takes grows with their square, and no study has more than three."""
TEXTS = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}|"(?:[^"\\\n]++|\\.)*+"' + r"|'''.*?'{3,5}|'[^'\n]*+'|#[^\n]*+", re.DOTALL
)
"""What a TOML document says in quotes and in comments."""


class Study(Section):
    """One study; `Study.from_toml` reads it from a file, `studies()` has the built-in ones."""

    name: str
    """Also the name of its results folder."""
    description: str = ""
    currency: str = "USD"
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**128)] = 0
    network: NetworkPart
    profiles: ProfilesPart = ProfilesPart()
    participants: ParticipantsPart = ParticipantsPart()
    load: LoadPart
    pv: PvPart
    connection: ConnectionPart | None = None
    heat_pump: HeatPumpPart | None = None
    ev: EvPart | None = None
    battery: BatteryPart | None = None
    community_battery: CommunityBatteryPart | None = None
    market: MarketPart = MarketPart()
    clearing: ClearingPart = ClearingPart()
    scenarios: ScenariosPart = ScenariosPart()

    def __init__(self, **tables: Any) -> None:
        """A study of the tables of a study file.

        Raises
        ------
        InputError
            Unknown keys (with the nearest right one) and wrong values, all in one message.
        """
        try:
            super().__init__(**tables)
        except ValidationError as error:
            raise InputError(validation_faults(error, type(self), tables)) from None

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # model_validate need not call it

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not is_folder_name(name):
            raise ValueError(
                "must be usable as a folder name: no slashes, no control characters, no leading dot, no spaces around it, not "
                "empty, not longer than 100 characters, and no name that Windows reserves, such as CON"
            )
        return name

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that a run keeps."""
        kept = self.scenarios.keep
        if kept is None:
            one = tuple(table for table in get_args(Table) if table != "histograms")
            kept = one if self.n_cases == 1 else ("hours",) if self.n_cases <= HOURS_UP_TO else ("histograms",)
            kept = () if self.network.sources else kept
        return ("scenarios", *kept)

    @property
    def audited_every(self) -> int:
        """1 where an AC power flow checks every book, N where it checks one in N, drawn at random, 0 for none."""
        return 1 if self.clearing.physics == "ac" else int(self.clearing.audit)

    @property
    def three_phase_above_kw(self) -> float:
        """PV of more kWp is connected to all three phases."""
        given = self.pv.three_phase_above_kw
        return THREE_PHASE_ABOVE_KW if given is None else given

    @property
    def background(self) -> tuple[BackgroundPart, ...] | None:
        """`participants.background`; None where there is none."""
        return self.participants.background or None

    @property
    def n_cases(self) -> int:
        """Scenarios over all points: shares of PV and of devices."""
        return self.scenarios.count * self.scenarios.n_points

    @classmethod
    def from_toml(cls, path: str | Path) -> Study:
        """Read a study file.

        Paths in it are taken from the folder of the file.

        Raises
        ------
        InputError
            Missing file, wrong TOML, unknown keys (with the nearest right one) and wrong values, all in one message.
        """
        if not isinstance(path, str | Path):
            raise InputError(f"a study is read from a path, not from {described(path)}; {way_to('Study', path)}")
        path = Path(path)
        if is_missing(path):
            known = f"; fastp2p.studies()[{str(path)!r}] is a built-in one" if str(path) in study_files() else ""
            raise InputError(f"study file {path}: not found{known or '; `fastp2p studies` lists the built-in studies'}")
        check_file(path, "study file", MAX_BYTES)
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"study file {path}: could not be read as UTF-8 text ({error})") from error
        study = cls._parse(text, str(path))
        networks = _networks_beside(path, study.network)
        given = study.profiles.source
        profiles = tuple(_found(path, one) for one in given) if isinstance(given, tuple) else _found(path, given)
        tables = {name: _tables_beside(path, section) for name, section in vars(study).items() if isinstance(section, Section)}
        changes = {name: found for name, found in tables.items() if found}
        return study.with_(network=networks, profiles={"source": profiles}, **changes)

    def with_(self, **changes: Any) -> Study:
        """The study with some keys changed: ``study.with_(seed=2, market={"ask_per_kwh": 0.1})``.

        Parameters
        ----------
        **changes
            Keys and sections of a study file. A table changes the keys that it names and leaves the others of its section;
            any other value is replaced whole: a list, a distribution, a series, `ampacity_ka_by_line`. None brings a key or a
            section back to its default. Paths are taken from the current folder.

        Raises
        ------
        InputError
            Unknown keys (with the nearest right one) and wrong values, all in one message.
        """
        tables, faults = merge(self, changes)
        return Study._of_tables(tables, faults)

    def validated(self) -> Study:
        """The study, whatever it was made by.

        Raises
        ------
        InputError
            Where `model_copy` or `model_construct`, which check nothing, have put wrong values or unknown keys into it.
        """
        tables = as_tables(self)
        # which of its keys a bare table should leave as they are, nobody can tell
        faults = [
            f"{key} = {shown(value)}: is not a section of a study; study.with_({key}={{…}}) changes the keys that it names"
            for key, value in vars(self).items()
            if (section := section_type(Study, key)) and value is not None and not isinstance(value, section)
        ]
        return Study._of_tables(tables, faults)

    @classmethod
    def _of_tables(cls, tables: dict[str, Any], faults: list[str]) -> Study:
        """The study of these tables; their faults come after the given ones."""
        named = {fault.partition(" = ")[0] for fault in faults}
        try:
            study = cls.model_validate(tables)
        except ValidationError as error:
            found = validation_faults(error, cls, tables)
            faults = faults + [fault for fault in found if fault.partition(" = ")[0] not in named]
        refuse(faults)
        return study

    def to_toml(self) -> str:
        """The study with every default written out."""
        parts = self.model_dump(mode="json", exclude_none=True)
        network = {key: value for key, value in parts["network"].items() if value != {}}
        if self.network.phases == 1:
            del network["phases"]  # folders from before there were three phases are resumed
        if not self.network.source:
            del network["source"]
        parts["network"] = network
        return escaped_toml(tomli_w.dumps(parts))

    @classmethod
    def _parse(cls, text: str, where: str) -> Study:
        try:
            _check_keys(text)
            given = tomllib.loads(text)
        except RecursionError:
            raise InputError(f"{where}: not valid TOML: lists or tables are nested too deeply") from None
        except ValueError as error:
            raise InputError(f"{where}: not valid TOML: {error}") from None
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InputError([f"{where}: {fault}" for fault in validation_faults(error, cls, given)]) from error


def studies() -> dict[str, Study]:
    """The built-in studies by name."""
    return {name: Study._parse(text, name) for name, text in study_files().items()}


def study_files() -> dict[str, str]:
    """The built-in studies' files, by name."""
    folder = files("fastp2p") / "data" / "studies"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return {f.name.removesuffix(".toml"): f.read_text(encoding="utf-8") for f in found}


def _check_keys(text: str) -> None:
    """That no key of a TOML document has so many parts that reading it would take minutes.

    Raises
    ------
    ValueError
    """
    bare = re.split(r"[\n=,\[\]{}]", TEXTS.sub("", text))
    if max(one.count(".") for one in bare) >= MOST_PARTS:
        raise ValueError(f"a key has more than {MOST_PARTS} parts")


def _found(study_file: Path, source: Source) -> Source:
    """A source of profiles, its path taken from the folder of the study file."""
    if isinstance(source, SourcePart):
        return source.model_copy(update={"file": _found(study_file, source.file)})
    return _beside(study_file, source, (".csv", ".parquet", ".xlsx", ".json", ".dss"))


def _tables_beside(study_file: Path, section: Section) -> dict[str, FromFile]:
    """Values of a section that are columns of files, their paths taken from the folder of the study file."""
    return {
        key: value.model_copy(update={"file": _beside(study_file, value.file, (".csv", ".parquet"))})
        for key, value in vars(section).items()
        if isinstance(value, FromFile)
    }


def _networks_beside(study_file: Path, part: NetworkPart) -> dict[str, Any]:
    """The key that names a network, or many, their paths taken from the folder of the study file."""
    given = part.sources
    if given is None:
        return {"source": _beside(study_file, part.source, NETWORK_FILES)}
    if isinstance(given, str):
        return {"sources": real_path(study_file.parent / given)}
    feeders = [FeederPart(file=one) if isinstance(one, str) else one for one in given]
    found = [_beside(study_file, one.file, NETWORK_FILES) for one in feeders]
    return {"sources": [one.model_copy(update={"file": file}) for one, file in zip(feeders, found, strict=True)]}


def _beside(study_file: Path, source: str, suffixes: tuple[str, ...]) -> str:
    if Path(source).suffix.lower() not in suffixes or Path(source).is_absolute():
        return source
    return real_path(study_file.parent / source)


def real_path(path: Path) -> str:
    """A whole path, links followed, unlike `Path.resolve` also of a link that leads to itself."""
    try:
        return os.path.realpath(path)
    except ValueError:  # a NUL byte: there is no such file, as whoever reads it tells
        return str(path)
