"""The sections of a study file as frozen models, with the kinds of value that their keys take."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from fastp2p import ranges
from fastp2p.market.rules import PARAMETERS, RULES
from fastp2p.study.distributions import Distribution, Number, check_weights, within
from fastp2p.study.faults import shown
from fastp2p.study.tariffs import ByHours, FromFile

Index = Annotated[int, Field(strict=True, ge=-(2**62), le=2**62)]
Flag = Annotated[bool, Field(strict=True)]
Weight = Annotated[Number, AfterValidator(within(ranges.WEIGHT))]
PerUnit = Annotated[Number, AfterValidator(within(ranges.VOLTAGE_PU))]
Ampacity = Annotated[Number, AfterValidator(within(ranges.AMPACITY_KA))]
ZeroPerPositive = Annotated[Number, AfterValidator(within(ranges.ZERO_PER_POSITIVE))]
Buses = Literal["all", "even", "odd"] | tuple[Index, ...]
Amount = Number | tuple[Number, ...] | Distribution
"""One for all, one per bus in the order of the list, or drawn per bus; every field of it has a range, prices a negative one."""
Table = Literal["hours", "histograms", "books", "trades", "branches", "participants"]
THREE_PHASE_ABOVE_KW = 4.6
"""kWp up to which PV has one phase: 4.6 kVA, 20 A at 230 V, is the usual limit of a connection to one."""
MOST_LISTED = 20_000
"""Networks that a study itself lists; a table may have more."""
MOST_SOURCES = 2_000
"""Files of profiles; a file may hold thousands."""
HOURS_UP_TO = 20_000
"""Scenarios up to which the table of hours is kept unasked: half a million rows."""


def _no_timestamp(value: Any) -> Any:
    """What pydantic makes a date of; a number is none, nor is one as a text: it would count the seconds from 1970 on."""
    if isinstance(value, int | float) or (isinstance(value, str) and not re.match(r"(?a)\d{4}-\d\d-\d\d", value)):
        raise ValueError("must be a date such as 2024-06-21")
    return value


class Section(BaseModel):
    """A table of a study file, frozen, that knows its keys and no others; printed without the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    def __repr__(self) -> str:
        """What differs from the defaults."""
        fields = type(self).model_fields
        changed = {key: value for key, value in vars(self).items() if key not in fields or value != fields[key].default}
        parts = [
            f"{key}={value!r}" if isinstance(value, Section) else f"{key}={shown(value)}" for key, value in changed.items()
        ]
        return f"{type(self).__name__}({', '.join(parts)})"

    __str__ = __repr__


class OfRating(Section):
    """A limit in proportion to each transformer."""

    of_rating: Annotated[Number, AfterValidator(within(ranges.REVERSE_OF_RATING))]
    """As a share of the transformer's rating (kVA)."""


class ZeroSequencePart(Section):
    """What holds where a network of three phases has no data of its own; `fastp2p.io.stated.STATED` says what each key is."""

    r0_per_r1: ZeroPerPositive | None = None
    x0_per_x1: ZeroPerPositive | None = None
    c0_per_c1: Annotated[Number, AfterValidator(within(ranges.C0_PER_C1))] | None = None
    trafo_z0_per_z1: ZeroPerPositive | None = None
    vector_group: Literal["Dyn", "YNyn", "Yzn"] | None = None
    grid: Literal["ideal"] | None = None

    @property
    def stated(self) -> dict[str, Any]:
        """The keys that are given."""
        return {key: value for key, value in vars(self).items() if value is not None}


FileName = Annotated[str, Field(min_length=1)]


class FeederPart(Section):
    """One of many networks."""

    file: FileName
    """As `NetworkPart.source`."""
    name: str = ""
    """By default the file's, without its ending. A feeder's draws depend on it."""
    weight: Weight = 1.0
    """How many feeders it stands for."""
    region: str = ""
    """A part of the area, for totals of its own."""


class NetworkPart(Section):
    """The network or networks, and their limits."""

    source: str = ""
    """`cigre_lv`, `village_1`, `village_2`, a function of `pandapower.networks`, or a .json, .xlsx or .dss file."""
    sources: str | Annotated[tuple[FileName | FeederPart, ...], Field(min_length=1, max_length=MOST_LISTED)] | None = None
    """Many networks, each a feeder of its own: a list, a folder, a pattern such as "grids/*.json", or a table of them."""
    phases: Literal[1, 3] = 1
    """Whether the network is balanced, or its three phases are told apart."""
    zero_sequence: ZeroSequencePart | None = None
    limits: tuple[Literal["thermal", "transformer"], ...] = ("thermal", "transformer")
    """Line ampacities, transformer ratings."""
    angle_deg: Annotated[Number, AfterValidator(within(ranges.ANGLE_DEG))] | None = None
    """Largest voltage angle over a branch, degrees; none by default."""
    limit_factor: Annotated[Number, AfterValidator(within(ranges.LIMIT_FACTOR))] = 1.0
    ampacity_ka: Ampacity | None = None
    """Ampacity of every line instead of the network's own."""
    ampacity_ka_by_std_type: dict[str, Ampacity] = {}
    ampacity_ka_by_line: dict[int, Ampacity] = {}
    reverse_kw: Number | OfRating | None = None
    """Largest power that each of the first transformers below an external grid may carry towards it, kW; none by default."""
    _in_range = field_validator("reverse_kw")(within(ranges.REVERSE_KW))
    v_min_pu: PerUnit = 0.90
    """Band of the voltages at all buses but the external grids; that of EN 50160 by default."""
    v_max_pu: PerUnit = 1.10

    @field_validator("phases", mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        if isinstance(given, bool):  # pydantic takes true for 1
            raise ValueError("must be 1 or 3")
        return given

    @model_validator(mode="after")
    def _one_or_many(self) -> NetworkPart:
        if bool(self.source) == bool(self.sources):
            raise ValueError("needs either source, one network, or sources, many of them")
        return self

    @field_validator("zero_sequence")
    @classmethod
    def _something(cls, given: ZeroSequencePart | None) -> ZeroSequencePart | None:
        return given if given and given.stated else None

    @property
    def stated(self) -> dict[str, Any]:
        """What is stated of the zero sequence, as the argument `zero_sequence` of `Network.load`."""
        return self.zero_sequence.stated if self.zero_sequence else {}

    @property
    def reverse(self) -> dict[str, float]:
        """`reverse_kw` as arguments of `Network.with_limits`."""
        if self.reverse_kw is None:
            return {}
        given = self.reverse_kw
        return {"reverse_of_rating": given.of_rating} if isinstance(given, OfRating) else {"reverse_kw": given}


class SourcePart(Section):
    """A source of profiles, and what it does not say itself."""

    file: str
    """`typical_day`, `simbench:CODE`, or a file."""
    zone: str | None = None
    """Clock of times that say no offset to UTC, such as "Europe/Berlin"."""
    cumulative: Flag = False
    """Whether the values are readings of a meter that counts on; a step has the difference of two."""


Source = str | SourcePart


def _source_faults(given: Any) -> list[str]:
    """What keeps a value from being a source."""
    if isinstance(given, str | SourcePart):
        return []
    if not isinstance(given, dict) or not isinstance(given.get("file"), str):
        return [f'{shown(given)} must be a name, a path, or {{ file = "…" }}']
    kinds = {"file": (str, "a text"), "zone": (str | None, "a text"), "cumulative": (bool, "true or false")}
    faults = [
        f"{key} must be {what}" for key, (kind, what) in kinds.items() if key in given and not isinstance(given[key], kind)
    ]
    return faults + [f"unknown key {key}, known are {', '.join(kinds)}" for key in given if key not in kinds]


Day = Annotated[date, BeforeValidator(_no_timestamp)]


class ProfilesPart(Section):
    """Where the load and PV profiles come from."""

    source: Source | Annotated[tuple[Source, ...], Field(min_length=1, max_length=MOST_SOURCES)] = "typical_day"
    """`typical_day`, `simbench:CODE`, a file (docs/profiles.md), or several of these on one axis."""
    zone: str | None = None
    """Clock of the axis, such as "Europe/Berlin": its offset to UTC at the first instant; by default the first source's."""
    first_day: Day | tuple[Day, ...] | None = None
    """Where to begin; by default where the profiles do. Of several, so many `days` from each."""
    months: tuple[Annotated[int, Field(strict=True, ge=1, le=12)], ...] = ()
    """Months to keep: a season; by default all."""
    leap_day: Flag = True
    """Whether to keep 29 February."""
    days: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    """How many days; fewer than that repeat. By default all that there are."""
    step_hours: Annotated[Number, AfterValidator(within(ranges.STEP_HOURS))] | None = None
    """Length of a step; by default the profiles' own."""

    @field_validator("source", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """Say what is wrong with a source before pydantic tries the branches of the union."""
        listed = list(given) if isinstance(given, list | tuple) else [given]
        faults = [fault for one in listed for fault in _source_faults(one)][:8]
        if faults or not listed:
            raise ValueError("; ".join(faults) or "must name a source")
        return given

    @property
    def sources(self) -> tuple[SourcePart, ...]:
        """Every source, in order."""
        listed = self.source if isinstance(self.source, tuple) else (self.source,)
        return tuple(SourcePart(file=one) if isinstance(one, str) else one for one in listed)


class ProfileChoice(Section):
    """A profile drawn for each bus, or one for all buses of a scenario (one sky over the network)."""

    choice: Annotated[tuple[str, ...], Field(min_length=1)]
    weights: tuple[Weight, ...] | None = None
    per: Literal["bus", "scenario"] = "bus"

    @model_validator(mode="after")
    def _weighted(self) -> ProfileChoice:
        check_weights(self.choice, self.weights)
        return self


ProfileName = str | tuple[str, ...] | ProfileChoice
"""One for all, one per bus in the order of the list, or drawn."""
BY_BUS = "by_bus"
"""The name that stands for each bus's own profile, named ``bus_N``."""


def profile_names(name: ProfileName) -> tuple[str, ...]:
    """The profiles that a study names, however it does; `by_bus` is none."""
    if name == BY_BUS:
        return ()
    return name.choice if isinstance(name, ProfileChoice) else (name,) if isinstance(name, str) else name


PowerFactor = Annotated[Number, AfterValidator(within(ranges.POWER_FACTOR))]


class LoadPart(Section):
    """Which participants consume, and what."""

    profile: ProfileName
    buses: Buses = "all"
    """All participants; those at even or odd places of the list, as many of either (the last of an odd number is at neither);
    or bus indices."""
    homes: Amount = 1.0
    """Homes per bus."""
    _in_range = field_validator("homes")(within(ranges.HOMES))
    power_factor: PowerFactor = 0.99
    """Reactive power follows active power; where nobody asks for voltages, without effect."""
    reactive: Literal["draws", "feeds"] = "draws"
    """Whether a load draws reactive power, or feeds it in."""


class OfTransformer(Section):
    """PV sized by the transformer that feeds its bus."""

    of_transformer: Annotated[Number, AfterValidator(within(ranges.OF_TRANSFORMER))]
    """Each system's kWp as a part of the rating (kVA) of the nearest transformer towards the external grid."""


class PvPart(Section):
    """Which participants have PV, and how much."""

    profile: ProfileName
    buses: Buses = "all"
    """Who has PV; in a sweep over shares, who may have it."""
    kwp: Amount | OfTransformer = 3.0
    """kWp per bus."""
    _in_range = field_validator("kwp")(within(ranges.KWP))
    power_factor: PowerFactor = 0.99
    reactive: Literal["draws", "feeds"] = "feeds"
    """Whether PV feeds in reactive power, or draws it, which lowers the voltage."""
    three_phase_above_kw: Annotated[Number, AfterValidator(within(ranges.KWP))] | None = None
    """PV of more kWp is connected to all three phases; with three phases `THREE_PHASE_ABOVE_KW` by default."""


class ConnectionPart(Section):
    """How homes are connected, if the network's three phases are told apart."""

    phases: Literal["balanced", "random", "as_connected", "a", "b", "c"] | tuple[Literal["a", "b", "c", "balanced"], ...]
    """A third on each phase; one phase drawn for each home; as the network's own loads are; one phase for all; or one per
    participant in the order of the list."""


class Series(Section):
    """A value per time step: one for each step of the study, or for each step of a day, which then repeats."""

    series: Annotated[tuple[Number, ...], Field(min_length=1)]

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return min(self.series), max(self.series)


ByClock = Series | ByHours | FromFile
Price = Amount | ByClock
Tariff = Number | ByClock
Charge = Annotated[Number, AfterValidator(within(ranges.CHARGE))]
if TYPE_CHECKING:
    MarketRuleName = str
else:
    MarketRuleName = Literal[tuple(RULES)]  # pydantic tells the names


class MarketPart(Section):
    """The auction and its prices, in the study's currency per kWh."""

    orders: Literal["net", "gross"] = "net"
    priority: Literal["price", "volume"] = "price"
    ties: Literal["pro_rata", "order"] = "pro_rata"
    min_order_kwh: Annotated[Number, AfterValidator(within(ranges.ORDER_KWH))] = 1e-6
    """Smaller orders are not placed: a trace of sun is not a trade."""
    bid_per_kwh: Price = 0.20
    """Of all participants, of each in the order of the list, drawn, or following the clock."""
    ask_per_kwh: Price = 0.05
    retail_per_kwh: Tariff = 0.20
    feed_in_per_kwh: Tariff = 0.0
    pricing: MarketRuleName = "ask"
    """The market rule; docs/market-rules.md has them all."""
    kappa: Annotated[Number, AfterValidator(within(ranges.KAPPA))] = 0.5
    """Where in the marginal interval the rule "k" puts the price: 0 favours buyers, 1 sellers."""
    network_charge_per_kwh: Charge = 0.0
    """What buyers pay the network operator per kWh bought from neighbours."""
    branch_charge_per_kwh: Charge = 0.0
    """The same per branch between buyer and seller: a charge on electrical distance."""
    co2_kg_per_kwh: Tariff = 0.0
    """Carbon intensity of what the retailer delivers."""
    _prices = field_validator("bid_per_kwh", "ask_per_kwh", "retail_per_kwh", "feed_in_per_kwh")(within(ranges.PRICE))
    _carbon = field_validator("co2_kg_per_kwh")(within(ranges.CO2))

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of market rules, by name."""
        return {name: getattr(self, name) for name in PARAMETERS}


class ClearingPart(Section):
    """What the network may refuse, and what happens then."""

    objective: Literal["volume", "welfare", "pro_rata"] = "volume"
    unserved: Literal["retail", "shed"] = "retail"
    surplus: Literal["export", "curtailable", "spill"] = "curtailable"
    stress: Annotated[Number, AfterValidator(within(ranges.STRESS))] = 1.0
    """Multiplies the matched quantities before clearing."""
    solver: Literal["auto", "compiled", "highs"] = "auto"
    """Who solves the LPs of congested books; the answer is the same."""
    physics: Literal["dc", "lindistflow", "ac"] = "dc"
    """What limits are: DC flows; apparent power and linear voltages; or these, tightened until an AC power flow agrees."""
    audit: Flag | Annotated[int, Field(strict=True, ge=2, le=ranges.ONE_IN)] = False
    """Whether an AC power flow checks every book, or one in N: a random sample from the seed, equally many in each hour of
    the day. Under "ac" it checks all."""
