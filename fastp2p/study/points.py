"""Points of a sweep: a share of PV, with a share of every device that the study sweeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

from fastp2p.study.model import Study
from fastp2p.study.scenarios import SWEPT

MOST_POINTS = 10_000
"""Of a study that sweeps shares of devices; more are nothing that tables or figures could show."""


@dataclass(frozen=True)
class Point:
    """The shares at which some scenarios of a study are drawn.

    Attributes
    ----------
    share : float or None
        Of the buses that may have PV; None: all of them have it.
    devices : dict of float
        Of the homes that may have each device that the study sweeps, by section.
    """

    share: float | None
    devices: dict[str, float] = field(default_factory=dict)

    def of(self, study: Study) -> Study:
        """The study with these shares of its devices."""
        sections = {device: getattr(study, device) for device in self.devices}
        return study.model_copy(
            update={device: part.model_copy(update={"share": self.devices[device]}) for device, part in sections.items()}
        )


def points_of(study: Study) -> tuple[Point, ...]:
    """Every share of PV with every share of every device that the study sweeps; rising, those of the last device first."""
    shares, swept = study.scenarios.shares or (None,), study.scenarios.swept
    return tuple(
        Point(share, dict(zip(swept, devices, strict=True))) for share, devices in product(shares, product(*swept.values()))
    )


def swept_shares(study: Study) -> dict[str, float]:
    """The share that each device has whose shares the study sweeps, by section; of a section that is missing none."""
    parts = {device: getattr(study, device, None) for device in study.scenarios.swept}
    return {device: float(part.share) for device, part in parts.items() if part is not None}


def point_faults(study: Study) -> list[str]:
    """Devices that are swept without being in the study, and more points than there may be."""
    sweep = study.scenarios
    missing = [device for device in sweep.swept if getattr(study, device, None) is None]
    faults = [
        f"scenarios.sweep.{device}: the study has no {SWEPT[device]}; add the section {device}, or leave its shares out"
        for device in missing
    ]
    if sweep.swept and sweep.n_points > MOST_POINTS:
        faults.append(
            f"scenarios.sweep: {sweep.n_points:,} combinations of shares of PV and devices; sweep {MOST_POINTS:,} at most"
        )
    return faults
