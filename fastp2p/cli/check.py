"""Facts about a network or a study, and warnings of likely mistakes."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.cli.network_text import disconnected_text, listed, load_kinds, network_facts, network_warnings
from fastp2p.errors import some
from fastp2p.grid.network import Network
from fastp2p.io.opendss.facts import opendss_facts
from fastp2p.io.opendss.source import is_opendss
from fastp2p.market.rules import RULES
from fastp2p.pipeline.devices import count_vehicles, run_devices
from fastp2p.pipeline.draws import Scenarios, draw_scenarios
from fastp2p.pipeline.heat_pump_draws import HeatPumpProfiles
from fastp2p.pipeline.members import find_eligible
from fastp2p.pipeline.tariffs import hold_tariffs
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.devices import BatteryPart, CommunityBatteryPart
from fastp2p.study.ev import EvPart
from fastp2p.study.heat_pump import HeatPumpPart
from fastp2p.study.model import Study
from fastp2p.study.points import points_of
from fastp2p.study.scenarios import SWEPT
from fastp2p.study.sections import Amount, Buses, OfTransformer, Price, Series, profile_names
from fastp2p.study.tariffs import ByHours, FromFile
from fastp2p.sweep.plausible import (
    LOOKED_AT,
    MOST_CELLS,
    PHASES,
    TYPICAL_DAY,
    asks_for_voltages,
    energy_text,
    has_small_homes,
    phases_text,
    unit_warnings,
    why_no_trades,
)  # fmt: skip
from fastp2p.sweep.prepare import checked, prepare
from fastp2p.text import LONGEST_UNIT, shown_text

Ints = NDArray[np.int64]

BACKGROUND_UNITS = {"load": "x", "pv": "kWp of", "net": "x net load"}
"""Between the size of background and its profiles."""


def check_network(source: str) -> tuple[dict[str, str], list[str]]:
    """Facts about a network, and warnings.

    Raises
    ------
    InputError
        If it cannot be read or converted.
    """
    if is_opendss(source):
        network = Network.load(source, phases=3)
        return network_facts(network) | opendss_facts(source), network_warnings(network)
    from fastp2p.io.network_sources import load_network
    from fastp2p.io.pandapower import disconnected_elements

    net = load_network(source)
    network = Network.from_pandapower(net)
    one_phase = sum(int(net[table].in_service.sum()) for table in ("asymmetric_load", "asymmetric_sgen"))
    asymmetric = [f"{one_phase} loads and generators are asymmetric: {PHASES}"] if one_phase else []
    return network_facts(network), network_warnings(network) + asymmetric + disconnected_text(
        disconnected_elements(net, network.known_id, network.known_position)
    )


def check_study(study: Study) -> tuple[dict[str, str], list[str]]:
    """Facts about a study and its network or networks, and warnings.

    Raises
    ------
    InputError
        Everything that would keep it from running.
    """
    study = checked(study, None, None, None)
    if study.network.sources:
        from fastp2p.cli.check_region import check_region

        return check_region(study)
    network, profiles = prepare(study)
    return describe(hold_tariffs(study, profiles), network, profiles)


def describe(study: Study, network: Network, profiles: Profiles) -> tuple[dict[str, str], list[str]]:
    """Facts about a study of one network that can run, and warnings."""
    scenarios = draw_scenarios(study, network, profiles, None, range(min(study.scenarios.count, LOOKED_AT)))
    load_bus, pv_bus = (scenarios.participant[rows[0] >= 0] for rows in (scenarios.load_profile, scenarios.pv_profile))
    ids, eligible = network.bus_id, find_eligible(study, network, [])
    loads, suns = (some(profile_names(name)) or "the bus's own" for name in (study.load.profile, study.pv.profile))
    days = profiles.n_steps * profiles.step_hours / 24.0
    facts = {
        "study": f"{study.name}: {study.description}" if study.description else study.name,
        **network_facts(network),
        **(opendss_facts(study.network.source) if is_opendss(study.network.source) else {}),
        "steps": f"{profiles.n_steps} of {profiles.step_hours:g} h, {days:g} day{'s' * (days != 1.0)}",
        "time": _time(profiles),
        "may take part": _eligible_fact(study, network, eligible),
        "loads": (
            f"{len(load_bus)} buses{_places(study.load.buses, network, eligible)} with {_words(study.load.homes)} x {loads}: "
            f"{listed(ids[load_bus])}"
        ),
        "PV": (
            f"{len(pv_bus)} buses{_places(study.pv.buses, network, eligible)} with {_words(study.pv.kwp)} kWp of {suns}: "
            f"{listed(ids[pv_bus])}"
        ),
        **_heat_pump_facts(study, network, profiles, scenarios),
        **_ev_facts(study, network),
        **_battery_facts(study, network, profiles),
        **_beside_facts(study, profiles, scenarios),
        "energy": energy_text(profiles, study),
        **({"typical day": TYPICAL_DAY} if any(one.file == "typical_day" for one in study.profiles.sources) else {}),
        "market": f"{study.market.orders} orders, {study.market.priority} priority, market rule {study.market.pricing}",
        "prices": (
            f"bid {_words(study.market.bid_per_kwh)}, ask {_words(study.market.ask_per_kwh)}, "
            f"retail {_words(study.market.retail_per_kwh)}, "
            f"feed-in {_words(study.market.feed_in_per_kwh)} {shown_text(study.currency, LONGEST_UNIT)} per kWh"
        ),
        "clearing": f"{study.clearing.objective}, unserved {study.clearing.unserved}, surplus {study.clearing.surplus}",
        "physics": _physics(study),
    }
    has_asymmetric = any("asymmetric" in kind for kind in network.load_kind.tolist())
    if study.network.phases == 3:
        facts["phases"] = phases_text(study, scenarios)
    elif has_asymmetric or asks_for_voltages(study) or has_small_homes(scenarios):
        facts["phases"] = PHASES
    sweep = study.scenarios
    if study.n_cases > 1:
        shares = ", ".join(f"{share:.0%}" for share in sweep.shares)
        pv = f"PV at a share of {shares}" if shares else "the study's PV"
        devices = "".join(
            f", {SWEPT[device]} at {', '.join(f'{share:.0%}' for share in of_device)}"
            for device, of_device in sweep.swept.items()
        )
        n_books = study.n_cases * profiles.n_steps
        facts["scenarios"] = f"{sweep.count} each with {pv}{devices}: {n_books:,} books"
    return facts, find_warnings(study, network, profiles)


def find_warnings(study: Study, network: Network, profiles: Profiles) -> list[str]:
    """What looks wrong with a study of one network that can run."""
    sweep = study.scenarios
    looked_at = range(min(sweep.count, LOOKED_AT))
    scenarios = draw_scenarios(study, network, profiles, None, looked_at)
    warnings = network_warnings(network) + unit_warnings(study, profiles, scenarios)
    why = ""
    for at in points_of(study):
        drawn = draw_scenarios(at.of(study), network, profiles, at.share, looked_at)
        if not (why := why_no_trades(at.of(study), profiles, drawn)):
            break
    if why:
        first = f" in the first {LOOKED_AT} scenarios" if sweep.count > LOOKED_AT else ""
        warnings.append(f"nothing will be traded{first}: {why}")
    return warnings + _ev_warnings(study, profiles, scenarios) + _study_warnings(study, network, scenarios)


def _eligible_fact(study: Study, network: Network, eligible: Ints) -> str:
    """How many buses may take part, and which buses were counted."""
    chosen = {
        "leaves": "leaf buses: ends of the energised network, no external grid among them",
        "loads": f"buses with a load in the network{load_kinds(network)}",
        "all": "buses: all but the external grids",
    }
    of = study.participants.buses
    return f"{len(eligible)} {chosen[of] if isinstance(of, str) else 'buses, as listed'}"


def _places(buses: Buses, network: Network, eligible: Ints) -> str:
    """Which of those that may take part have a role; an odd number has a last one that has neither."""
    if buses not in ("even", "odd"):
        return ""
    last = (
        f", so that bus {network.bus_id[eligible[-1]]}, the last of {len(eligible)}, is at neither" if len(eligible) % 2 else ""
    )
    return f" at {buses} places (as many as at {'odd' if buses == 'even' else 'even'} ones{last})"


def _heat_pump_facts(study: Study, network: Network, profiles: Profiles, scenarios: Scenarios) -> dict[str, str]:
    """Who has a heat pump, of what house or profile, and what it draws in the first scenarios."""
    part, drawn = study.heat_pump, scenarios.heat_pump
    if part is None or drawn is None:
        return {}
    if part.profile is not None:
        does = f"{_words(part.size)} x {some(profile_names(part.profile))}"
    else:
        given = (part.kw, part.resistance_k_per_kw, part.capacity_kwh_per_k, part.temperature_c)
        kw, resistance, capacity, outdoors = (_words(one) for one in given if one is not None)
        cop = f"{part.cop:g}" if isinstance(part.cop, float) else "{:g}…{:g}".format(*part.cop.extremes) if part.cop else ""
        until = f"kept at {part.comfort_c[0]:g} °C or more"
        until += f", and heated to {part.comfort_c[1]:g} °C by own surplus" if part.rule == "surplus" else ""
        does = (
            f"{kw} kW at a COP of {cop}, houses of {resistance} K per kW and {capacity} kWh per K, {until}, "
            f"outdoors {outdoors} °C"
        )
    few = range(max(1, min(len(scenarios.number), MOST_CELLS // max(1, profiles.n_steps * len(scenarios.participant)))))
    ran = run_devices(study, profiles, draw_scenarios(study, network, profiles, None, few))
    assert ran is not None
    days = profiles.n_steps * profiles.step_hours / 24.0
    size = drawn.size if isinstance(drawn, HeatPumpProfiles) else drawn.kw
    each = max(1, int((size[: len(few)] > 0.0).sum())) * days
    kwh, cold = (float(ran.of[name].sum()) / each for name in ("heat_pump_kwh", "cold_kh"))
    too_cold = f", {cold:.1f} K h below the band" if cold > 0.0 else ""
    return {"heat pumps": f"{_devices_at(part, network)}: {does}: {kwh:.1f} kWh per heat pump and day{too_cold}"}


def _ev_facts(study: Study, network: Network) -> dict[str, str]:
    """Who has an electric vehicle, and how it is charged."""
    part = study.ev
    if part is None:
        return {}
    how = {
        "immediate": "from the arrival on",
        "surplus": "from own surplus first, the rest in time",
        "cheapest": "when it is cheapest",
    }
    return {
        "electric vehicles": (
            f"{_devices_at(part, network)}: {_words(part.kwh)} kWh a day at {_words(part.kw)} kW, from "
            f"{_words(part.arrival)} to {_words(part.departure)} h; charged {how[part.rule]}"
        )
    }


def _ev_warnings(study: Study, profiles: Profiles, scenarios: Scenarios) -> list[str]:
    """How many electric vehicles of some scenarios need more than their chargers give while they are plugged in."""
    n_vehicles, n_unmet = count_vehicles(profiles, scenarios)
    if not n_unmet:
        return []
    first = f" of the first {LOOKED_AT} scenarios" if study.scenarios.count > LOOKED_AT else ""
    return [
        f"ev: {n_unmet:,} of {n_vehicles:,} vehicles{first} ({n_unmet / n_vehicles:.0%}) need more than ev.kw gives in the "
        f"whole steps of {60.0 * profiles.step_hours:g} min from arrival to departure; what is missing is in ev_unmet_kwh"
    ]


def _devices_at(part: BatteryPart | EvPart | HeatPumpPart, network: Network) -> str:
    """Where homes may have a device, and how likely each has one."""
    if isinstance(part.buses, tuple):
        where = f"at {len(part.buses)} buses: {listed(np.sort(network.bus_id[network.positions(part.buses)]))}"
    else:
        where = "where PV is" if part.buses == "pv" else "at all participants"
    return where if part.share == 1.0 else f"{where}, each with a probability of {part.share:.0%}"


def _battery_facts(study: Study, network: Network, profiles: Profiles) -> dict[str, str]:
    """Who has a battery, and what it can do."""
    part = study.battery
    if part is None:
        return {}
    by_tariff = ", and by the hours of the retail tariff" if part.rule == "tariff" else ""
    of_market = ""
    if part.value_per_kwh is not None:
        of_market = f", and the rest is traded; a stored kWh is worth {_words(part.value_per_kwh)} {study.currency}"
    words = _battery_words(part, profiles, f"for a home's own use{by_tariff}{of_market}")
    return {"batteries": f"{_devices_at(part, network)}: {words}"}


def _battery_words(part: BatteryPart | CommunityBatteryPart, profiles: Profiles, use: str) -> str:
    """What a battery can do, for whom, and how it begins."""
    power = "half of that per hour" if part.kw is None else f"{_words(part.kw)} kW"
    back, full = (f"{one:.0%}" if isinstance(one, float) else _words(one) for one in (part.efficiency, part.first))
    begins = "steps repeat, and each ends as it begins" if profiles.time is None else f"{full} full at first"
    return f"{_words(part.kwh)} kWh, {power}, {back} of a charge comes back; {use}; {begins}"


def _beside_facts(study: Study, profiles: Profiles, scenarios: Scenarios) -> dict[str, str]:
    """What the network carries beside the market."""
    facts, battery = {}, study.community_battery
    if study.background and scenarios.background:
        n_buses, units = np.bincount(scenarios.background.entry, minlength=len(study.background)).tolist(), BACKGROUND_UNITS
        facts["background"] = "; ".join(
            f"{n} bus{'es' * (n != 1)} with {_words(part.size)} {units[part.kind]} "
            f"{some(profile_names(part.profile)) or 'profiles of their own'}"
            for n, part in zip(n_buses, study.background, strict=True)
        )
    if battery is not None:
        use = "for what participants together have over and need"
        facts["community battery"] = f"at bus {battery.bus}: {_battery_words(battery, profiles, use)}"
    return facts


def _time(profiles: Profiles) -> str:
    """First and last instant of the steps, and on which clock."""
    if profiles.time is None:
        return "no dates: typical days, or days that repeat"
    step = np.timedelta64(round(3600.0 * profiles.step_hours), "s")
    return f"{profiles.time[0]:%Y-%m-%d %H:%M} to {profiles.time[-1] + step:%Y-%m-%d %H:%M}, {profiles.clock}"


def _physics(study: Study) -> str:
    """What limits are, and which books an AC power flow checks."""
    if study.clearing.physics == "dc" and not study.audited_every:
        return "dc without an audit: voltages and losses are not computed"
    sample = f"one book in {study.audited_every} audited, drawn at random"
    audited = {0: "no audit", 1: "every book audited"}.get(study.audited_every, sample)
    signs = f"load {study.load.power_factor:g} {study.load.reactive}, PV {study.pv.power_factor:g} {study.pv.reactive}"
    band = f"{study.network.v_min_pu:g}…{study.network.v_max_pu:g} p.u."
    return f"{study.clearing.physics}, voltages within {band}, power factor of {signs}; {audited}"


def _study_warnings(study: Study, network: Network, scenarios: Scenarios) -> list[str]:
    warnings = []
    bids_count = not RULES[study.market.pricing].is_pool
    if (scenarios.feed_in_per_kwh > scenarios.retail_per_kwh).any():
        warnings.append("the feed-in tariff is above the retail tariff: exporting pays more than using one's own PV")
    band, default = (study.network.v_min_pu, study.network.v_max_pu), (0.90, 1.10)
    if band != default and study.clearing.physics == "dc" and not study.audited_every:
        warnings.append("network.v_min_pu and v_max_pu have no effect: clearing.physics is 'dc', and no book is audited")
    n_steps, bids = len(scenarios.retail_per_kwh), scenarios.bid_per_kwh
    highest = bids if bids.ndim == 1 else bids.max()
    if bids_count and (n_above := int((highest > scenarios.retail_per_kwh).sum())):
        when = "" if n_above == n_steps else f" in {n_above} of {n_steps} steps"
        warnings.append(f"bids are above the retail tariff{when}: buyers would pay their neighbours more than the retailer")
    if (n_negative := int((scenarios.feed_in_per_kwh < 0).sum())) and study.clearing.surplus != "spill":
        warnings.append(
            f"the feed-in tariff is negative in {n_negative} of {n_steps} steps, and surplus is still exported, at a "
            "cost; clearing.surplus = 'spill' exports nothing"
        )
    if not network.is_radial and network.n_branch * network.n_bus > 50_000_000:
        warnings.append("a large meshed network: congested hours need a dense sensitivity matrix of several GB")
    return warnings


def _words(amount: Amount | Price | OfTransformer) -> str:
    """An amount in words: the number, the range of a list or series, or the distribution and its parameters."""
    if isinstance(amount, float):
        return f"{amount:g}"
    if isinstance(amount, tuple):
        return f"{min(amount):g}…{max(amount):g} (listed)"
    if isinstance(amount, Series):
        return f"{min(amount.series):g}…{max(amount.series):g} (by the clock)"
    if isinstance(amount, ByHours):
        weekend = "" if amount.weekend is None else f", at weekends {amount.weekend:g}"
        return f"{amount.value:g} at {amount.hours}, else {amount.otherwise:g}{weekend}"
    if isinstance(amount, FromFile):
        assert amount.per_step is not None
        return f"{amount.per_step.min():g}…{amount.per_step.max():g} ({shown_text(amount.column, LONGEST_UNIT)} of a file)"
    if isinstance(amount, OfTransformer):
        return f"{amount.of_transformer:g} times the transformer's kVA as"
    parameters = amount.model_dump(exclude={"distribution"}, exclude_none=True)
    return f"{amount.distribution}({', '.join(f'{key} {value}' for key, value in parameters.items())})"
