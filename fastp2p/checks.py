"""What a network or a study is, and what looks wrong with it."""

import numpy as np

from fastp2p.network import Network
from fastp2p.preparation import prepare
from fastp2p.profiles import Profiles
from fastp2p.sampling import Scenarios, draw_scenarios
from fastp2p.study import Amount, OfTransformer, Series, Study, profile_names

PLACEHOLDER_KA = 0.9
"""Low-voltage lines do not carry this much; where several types share such an ampacity, nobody has entered it."""


def check_network(source: str) -> tuple[dict[str, str], list[str]]:
    """Facts about a network, and warnings.

    Raises
    ------
    InputError
        If it cannot be read or converted.
    """
    from fastp2p.io.pandapower import disconnected_elements, load_network

    net = load_network(source)
    network = Network.from_pandapower(net)
    return _network_facts(network), _network_warnings(network) + _disconnected(
        disconnected_elements(net, network.known_id, network.known_position)
    )


def check_study(study: Study) -> tuple[dict[str, str], list[str]]:
    """Facts about a study and its network, and warnings.

    Raises
    ------
    InputError
        Everything that would keep it from running.
    """
    network, profiles = prepare(study)
    scenarios = draw_scenarios(study, network, profiles, None, range(1))
    load_bus, pv_bus = (np.flatnonzero(rows[0] >= 0) for rows in (scenarios.load_profile, scenarios.pv_profile))
    ids = network.bus_id
    loads, suns = (", ".join(profile_names(name)) or "the bus's own" for name in (study.load.profile, study.pv.profile))
    facts = {
        "study": f"{study.name}: {study.description}",
        **_network_facts(network),
        "steps": f"{profiles.n_steps} of {profiles.step_hours:g} h, {profiles.n_steps * profiles.step_hours / 24.0:g} days",
        "time": _time(profiles),
        "loads": f"{len(load_bus)} buses with {_said(study.load.homes)} x {loads}: {_listed(ids[load_bus])}",
        "PV": f"{len(pv_bus)} buses with {_said(study.pv.kwp)} kWp of {suns}: {_listed(ids[pv_bus])}",
        "market": f"{study.market.orders} orders, {study.market.priority} priority, market rule {study.market.pricing}",
        "prices": (
            f"bid {_said(study.market.bid_per_kwh)}, ask {_said(study.market.ask_per_kwh)}, "
            f"retail {_said(study.market.retail_per_kwh)}, "
            f"feed-in {_said(study.market.feed_in_per_kwh)} {study.currency} per kWh"
        ),
        "clearing": f"{study.clearing.objective}, unserved {study.clearing.unserved}, surplus {study.clearing.surplus}",
        "physics": _physics(study),
    }
    sweep = study.scenarios
    if study.n_cases > 1:
        shares = ", ".join(f"{share:.0%}" for share in sweep.shares) or "as listed"
        facts["scenarios"] = f"{sweep.count} each with PV at a share of {shares}: {study.n_cases * profiles.n_steps:,} books"
    return facts, _network_warnings(network) + _study_warnings(study, network, scenarios)


def _time(profiles: Profiles) -> str:
    """First and last instant of the steps, and on which clock."""
    if profiles.time is None:
        return "no dates: typical days, or days that repeat"
    step = np.timedelta64(round(3600.0 * profiles.step_hours), "s")
    return f"{profiles.time[0]:%Y-%m-%d %H:%M} to {profiles.time[-1] + step:%Y-%m-%d %H:%M}, {profiles.clock}"


def _physics(study: Study) -> str:
    """What limits are, and what is held against AC."""
    if study.clearing.physics == "dc" and not study.audited_every:
        return "dc; no audit, so nothing is known of voltages and losses"
    audited = {0: "no audit", 1: "every book audited"}.get(study.audited_every, f"every {study.audited_every}th book audited")
    signs = f"load {study.load.power_factor:g} {study.load.reactive}, PV {study.pv.power_factor:g} {study.pv.reactive}"
    band = f"{study.network.v_min_pu:g}…{study.network.v_max_pu:g} p.u."
    return f"{study.clearing.physics}, voltages within {band}, power factor of {signs}; {audited}"


def _network_facts(network: Network) -> dict[str, str]:
    limited = np.isfinite(network.limit_kw)
    kinds, counts = np.unique(network.element, return_counts=True)
    limits = f"{network.limit_kw[limited].min():.4g} … {network.limit_kw[limited].max():.4g} kW" if limited.any() else "none"
    return {
        "buses": f"{network.n_bus} (pandapower has {len(network.known_id)}: closed switches join some, open ends add some)",
        "branches": f"{network.n_branch}: " + ", ".join(f"{n} {kind}" for kind, n in zip(kinds, counts, strict=True)),
        "form": "radial" if network.is_radial else "meshed",
        "external grids": f"at bus {_listed(network.bus_id[network.reference_bus])}",
        "leaf buses": _listed(network.bus_id[network.leaf_buses()]),
        "limits": f"{int(limited.sum())} of {network.n_branch} branches, {limits}",
    }


def _network_warnings(network: Network) -> list[str]:
    warnings = []
    lines = network.element == "line"
    ampacity, types = network.ampacity_ka[lines], network.std_type[lines]
    if lines.any() and len(np.unique(ampacity)) == 1 and ampacity[0] >= PLACEHOLDER_KA and len(ampacity) > 1:
        warnings.append(
            f"all {len(ampacity)} lines ({len(np.unique(types))} standard types) have the ampacity {ampacity[0]:g} kA: a "
            "placeholder, not a rating; set network.ampacity_ka, .ampacity_ka_by_std_type or .ampacity_ka_by_line"
        )
    negative = network.branch_name[(network.limit_kw <= 0) | (network.rating_kw <= 0) | (network.ampacity_ka <= 0)]
    if len(negative):
        warnings.append(f"ratings that are not positive: {', '.join(negative.tolist()[:8])}; a study refuses negative ones")
    missing = int(np.isnan(ampacity).sum())
    if missing:
        warnings.append(f"{missing} lines have no ampacity (max_i_ka) and are not limited")
    dead = network.known_id[network.known_position < 0]
    if len(dead):
        warnings.append(f"{len(dead)} buses have no path to an external grid and are left out: {_listed(dead)}")
    return warnings


def _study_warnings(study: Study, network: Network, scenarios: Scenarios) -> list[str]:
    warnings = []
    who = scenarios.participant
    bids, asks = (p[:, who] if p.shape[1] > 1 else p for p in (scenarios.bid_per_kwh, scenarios.ask_per_kwh))
    if asks.min() > bids.max():
        warnings.append("asks are dearer than bids: nothing will be traded")
    if (scenarios.feed_in_per_kwh > scenarios.retail_per_kwh).any():
        warnings.append("the feed-in tariff is above the retail tariff: exporting pays more than using one's own PV")
    band, default = (study.network.v_min_pu, study.network.v_max_pu), (0.90, 1.10)
    if band != default and study.clearing.physics == "dc" and not study.audited_every:
        warnings.append("network.v_min_pu and v_max_pu have no effect: clearing.physics is 'dc', and nothing is audited")
    if bids.max() > scenarios.retail_per_kwh.max():
        warnings.append("bids are above the retail tariff: buyers would pay their neighbours more than the retailer")
    if not network.is_radial and network.n_branch * network.n_bus > 50_000_000:
        warnings.append("a large meshed network: congested hours need a dense sensitivity matrix of several GB")
    return warnings


def _said(amount: Amount | Series | OfTransformer) -> str:
    """An amount in words: the number, the range of a list or series, or the distribution and its parameters."""
    if isinstance(amount, float):
        return f"{amount:g}"
    if isinstance(amount, tuple):
        return f"{min(amount):g}…{max(amount):g} (listed)"
    if isinstance(amount, Series):
        return f"{min(amount.series):g}…{max(amount.series):g} (by the clock)"
    if isinstance(amount, OfTransformer):
        return f"{amount.of_transformer:g} of the transformer's"
    parameters = amount.model_dump(exclude={"distribution"}, exclude_none=True)
    return f"{amount.distribution}({', '.join(f'{key} {value}' for key, value in parameters.items())})"


def _disconnected(elements: list[str]) -> list[str]:
    if not elements:
        return []
    return [f"{len(elements)} elements are in service without a path to an external grid: {', '.join(elements[:8])}"]


def _listed(ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]], most: int = 14) -> str:
    """Bus ids in a line, the tail left out."""
    shown = ", ".join(str(int(i)) for i in ids[:most])
    return f"{shown}, … ({len(ids)})" if len(ids) > most else shown or "none"
