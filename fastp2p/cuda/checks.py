"""What kernels check books by besides DC flows: the limits of LinDistFlow, and AC power flows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.audit_sample import draw_places
from fastp2p.clearing.families import FACES, LOADING_TOLERANCE, VOLTAGE_TOLERANCE
from fastp2p.clearing.limits import placed_bounds
from fastp2p.clearing.phase_audit import UNBALANCE_PERCENT, UNBALANCE_TOLERANCE
from fastp2p.clearing.phase_limits import placed_phase_bounds, slack_at_rest_kw
from fastp2p.clearing.rows import FACE_KW
from fastp2p.cuda.ac import AuditOfBook, audit_of_book, on_device
from fastp2p.cuda.device import put
from fastp2p.cuda.draws import draw_on_device, draw_phases_on_device
from fastp2p.cuda.kernels import Checking, Sizes
from fastp2p.cuda.phase_books import phase_check
from fastp2p.cuda.phases import audit_of_phases
from fastp2p.grid.ac import columns_of
from fastp2p.grid.contraction import contracted
from fastp2p.grid.feeder import feeder_of
from fastp2p.grid.lindist3flow import phase_model
from fastp2p.grid.lindistflow import linear_model, unloaded_slack_kw
from fastp2p.grid.linear_contraction import keep_linear_limits
from fastp2p.grid.network import Network
from fastp2p.kernels.cuda.audit import Checks
from fastp2p.kernels.cuda.books import Rules
from fastp2p.kernels.cuda.linear import LinearGrid
from fastp2p.kernels.cuda.phases import PhaseGrid
from fastp2p.kernels.cuda.sample import Sample
from fastp2p.kernels.cuda.sums import Drawn
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.phase_draws import has_phase
from fastp2p.pipeline.stages import kvar_of
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study

Ints = NDArray[np.int64]


def checks_of(
    study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range, homes: Drawn, sizes: Sizes,
    rules: Rules,
) -> tuple[Checking, tuple[Any, ...]]:  # fmt: skip
    """How books are checked, and what kernels read for it.

    Parameters
    ----------
    study, network, profiles, share, numbers : as for `fastp2p.pipeline.draws.draw_scenarios`
    homes : Drawn
        These scenarios, on the device.
    sizes, rules : as for `fastp2p.cuda.kernels.make_books`
    """
    drawings, none, every = (study, network, profiles, share, numbers), put(np.empty(0)), study.audited_every
    bus, on_phases = draw_scenarios(*drawings[:4], numbers[:1]).participant, study.network.phases == 3
    grid: LinearGrid | PhaseGrid | None = None
    check = audit = balanced = None
    if every and (not on_phases or network.is_balanced):
        balanced = _audit_of(network, bus.tobytes())
    if on_phases:
        audit = audit_of_phases(network, bus) if every else None
        grid, n_ends = _phase_grid(*drawings, homes, bus)
        check = phase_check(sizes, rules, n_ends, audit and audit.function, balanced and balanced.function)
    elif study.clearing.physics != "dc":
        grid = _linear_grid(study, network, bus)
    checking = Checking(
        n_linear=grid.parent.size if isinstance(grid, LinearGrid) else None,
        audit=balanced.function if balanced and not on_phases else None,
        phases=check,
        every=every,
    )
    audits = [on_device(one.data) if one else none for one in (audit or balanced, balanced if on_phases else None)]
    sample = on_device(sample_of(study, profiles, numbers)) if every > 1 else none
    return checking, (_limits(study, len(bus)), grid or none, *audits, sample)


def sample_of(study: Study, profiles: Profiles, numbers: range) -> Sample:
    """Which books of some scenarios are audited."""
    of = draw_places(study.seed, study.audited_every, numbers.start, numbers.stop, profiles.n_steps, profiles.step_hours)
    return Sample(study.audited_every, of.hour, of.earlier, of.of_hour, of.place, of.first_block, numbers.start)


def _limits(study: Study, n: int) -> Checks:
    """What keeps the limits of AC, for n participants."""
    (load, pv), limits = kvar_of(study), study.network
    return Checks(
        least_pu=limits.v_min_pu - VOLTAGE_TOLERANCE,
        most_pu=limits.v_max_pu + VOLTAGE_TOLERANCE,
        most_percent=100.0 + LOADING_TOLERANCE,
        most_unbalance=UNBALANCE_PERCENT + UNBALANCE_TOLERANCE,
        pv_kvar_per_kw=put(np.full(n, pv)),
        load_kvar_per_kw=put(np.full(n, load)),
    )


def _linear_grid(study: Study, network: Network, bus: Ints) -> LinearGrid:
    """The tree on which LinDistFlow screens books."""
    few = contracted(network, bus, keep_linear_limits)
    feeder, band_pu = feeder_of(few), (study.network.v_min_pu, study.network.v_max_pu)
    grid = LinearGrid(
        columns_of(feeder, few.node[bus]), feeder.parent, linear_model(few), placed_bounds(few, band_pu), FACES,
        unloaded_slack_kw(network),
    )  # fmt: skip
    there: LinearGrid = on_device(grid)
    return there


def _phase_grid(
    study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range, homes: Drawn, bus: Ints
) -> tuple[PhaseGrid, int]:
    """The tree of conductors on which books are screened, and how many ends of chains it has."""
    dc, kwp = study.clearing.physics == "dc", homes.kwp
    if share is not None and study.battery is not None:  # without PV a battery is on the phases that PV would be on
        kwp = draw_on_device(study, network, profiles, None, numbers).kwp
    model, band_pu = phase_model(network, bus, dc), (study.network.v_min_pu, study.network.v_max_pu)
    grid = PhaseGrid(
        model.linear, model.mixing, placed_phase_bounds(network, bus, None if dc else band_pu), FACE_KW if dc else FACES,
        slack_at_rest_kw(network, dc), draw_phases_on_device(study, network, profiles, share, numbers), kwp,
        study.three_phase_above_kw, np.asarray(has_phase(network, bus).all(axis=1)),
    )  # fmt: skip
    return on_device(grid), len(model.linear.parent)


@lru_cache(maxsize=8)
def _audit_of(network: Network, bus: bytes) -> AuditOfBook:
    """Made once for all blocks of scenarios."""
    return audit_of_book(network, np.frombuffer(bus, np.int64))
