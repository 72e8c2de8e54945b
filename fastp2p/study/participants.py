"""The section of a study file that says who takes part, and what else is in the network."""

from __future__ import annotations

from typing import Literal, cast

from pydantic import field_validator, model_validator

from fastp2p import ranges
from fastp2p.study.distributions import within
from fastp2p.study.sections import Amount, Index, PowerFactor, ProfileName, Section

NetworkBuses = Literal["leaves", "loads", "all"] | tuple[Index, ...]


class BackgroundPart(Section):
    """Load or PV that takes part in the network, but not in the market."""

    buses: NetworkBuses
    """As `participants.buses`; external grids are left out, and refused where they are named."""
    load: ProfileName | None = None
    """Profiles as `load.profile` names them."""
    pv: ProfileName | None = None
    net: ProfileName | None = None
    """Profiles of load less generation, which may be negative."""
    size: Amount = 1.0
    """Homes, kWp, or what a net profile is multiplied by."""
    power_factor: PowerFactor | None = None
    """By default that of `load`, also of a net profile, or of `pv`; `reactive` is theirs, too."""
    _in_range = field_validator("size")(within(ranges.BACKGROUND_SIZE))

    @model_validator(mode="after")
    def _of_one_kind(self) -> BackgroundPart:
        named = [kind for kind in ("load", "pv", "net") if getattr(self, kind) is not None]
        if len(named) != 1:
            have = f"has {' and '.join(named)}" if named else "has none of them"
            raise ValueError(f"must name a profile with one of load, pv and net; it {have}")
        return self

    @property
    def kind(self) -> Literal["load", "pv", "net"]:
        """Of its profiles."""
        return "load" if self.load is not None else "pv" if self.pv is not None else "net"

    @property
    def profile(self) -> ProfileName:
        """The one that is named."""
        return cast(ProfileName, getattr(self, self.kind))


class ParticipantsPart(Section):
    """Who may take part, and what is in the network besides."""

    buses: NetworkBuses = "leaves"
    """Ends of the energised network, no external grid among them; buses where the network has a load, an asymmetric load or a
    motor; all but the external grids; or bus indices."""
    background: tuple[BackgroundPart, ...] | None = None
    """Load and PV that does not trade; several may name one bus, and participants' buses, too."""
