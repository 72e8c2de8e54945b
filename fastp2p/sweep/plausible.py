"""Input that is allowed but looks wrong: unlikely units, days without a trade, single-phase homes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.network import Network
from fastp2p.market.orders import make_orders
from fastp2p.market.rules import RULES
from fastp2p.pipeline.devices import run_at_homes
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.trading_storage import batteries_trade
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study
from fastp2p.study.sections import NetworkPart, OfTransformer, Price, Series, profile_names
from fastp2p.study.tariffs import ByHours, FromFile

Floats = NDArray[np.float64]

PHASES = (
    "every connection is modelled as balanced three-phase; single-phase PV raises voltages more; network.phases = 3 puts each "
    "home on its phase (docs/phases.md)"
)
THREE_PHASES = "between phase and neutral; the neutral counts as one with earth{transposed} (docs/phases.md)"
TYPICAL_DAY = (
    "loads are median days of clusters of US buildings (NREL End-Use Load Profiles), PV is of clusters of days in the Global "
    "Solar Atlas"
)
MAJOR = {
    "EUR", "USD", "GBP", "CHF", "AUD", "CAD", "NZD", "SGD", "€", "$", "£", "US$", "EURO", "EUROS", "DOLLAR", "DOLLARS", "POUND",
    "POUNDS", "FRANKEN",
}  # fmt: skip
"""Currencies of which a kWh costs less than `DEAREST`."""
DEAREST = 2.0
DEAREST_HUNDREDTHS = 100.0
"""No kWh costs more cents; what is above is a price per MWh."""
HEAVIEST_CO2 = 2.0
"""kg per kWh; lignite stays below 1.2."""
DAILY_KWH = (0.05, 3_000.0)
"""Between these lies what a home or customer uses on a day."""
PEAK_KW_PER_KWP = (0.01, 1.5)
"""Between these lies the highest output of PV over a whole study."""
LARGEST_KWP, SMALLEST_KWP = 1_000.0, 0.05
"""Of one bus of a low-voltage network."""
LARGEST_KWH = 1_000.0
"""Capacity of a battery at one bus of a low-voltage network."""
LARGEST_CHARGER_KW, LARGEST_NEED_KWH = 1_000.0, 200.0
"""Of one electric vehicle: its charger, and what it needs in a day."""
LARGEST_HEAT_PUMP_KW = 1_000.0
COOLING_HOURS = (2.0, 2_000.0)
"""Between these lies resistance times capacity of a house: the time in which most of its warmth is gone."""
LARGEST_KA = 5.0
"""No line of a distribution network carries more."""
PLACEHOLDER_KA = 0.9
"""Low-voltage lines do not carry this much; where several types share such an ampacity, nobody has entered it."""
SMALL_HOMES, SMALL_KWP = 3.0, 10.0
"""Buses of so few homes, or of so little PV, are likely to have single-phase connections."""
LOOKED_AT = 20
"""Scenarios that are drawn to see what is in them."""
MOST_CELLS = 2_000_000
"""Steps times participants times scenarios that `why_no_trades` looks at."""


def placeholder_text(network: Network) -> str:
    """What is wrong with ampacities that are all the same and too large; empty where they look like ratings."""
    lines = network.element == "line"
    ampacity, types = network.ampacity_ka[lines], network.std_type[lines]
    if len(ampacity) < 2 or len(np.unique(ampacity)) > 1 or not ampacity[0] >= PLACEHOLDER_KA:
        return ""
    return (
        f"all {len(ampacity)} lines ({len(np.unique(types))} standard types) have the ampacity {ampacity[0]:g} kA: a "
        "placeholder, not a rating; set network.ampacity_ka, .ampacity_ka_by_std_type or .ampacity_ka_by_line"
    )


def energy_text(profiles: Profiles, study: Study) -> str:
    """Energy of a day of the profiles that a study names, per home and per kWp."""
    days = profiles.n_steps * profiles.step_hours / 24.0
    texts = []
    for kind, unit in (("load", "home"), ("pv", "kWp")):
        daily = {name: kwh.sum() / days for name, kwh in _named(study, profiles, kind).items()}
        values = daily.values()
        each = f"{min(values):.1f}…{max(values):.1f} ({len(daily)} profiles)" if len(daily) > 4 else ""
        texts.append(f"{each or ', '.join(f'{one} {kwh:.1f}' for one, kwh in daily.items())} kWh per {unit} and day")
    return "; ".join(texts)


def _named(study: Study, profiles: Profiles, kind: str) -> dict[str, Floats]:
    """The profiles of a kind that a study names, or, where each bus has its own, those of buses: kWh per step."""
    names = profile_names(study.load.profile if kind == "load" else study.pv.profile)
    names = names or profiles.of_buses(kind)
    return {name: profiles.kwh_per_unit[profiles.row(name, kind)] for name in dict.fromkeys(names)}


def unit_warnings(study: Study, profiles: Profiles, scenarios: Scenarios) -> list[str]:
    """Quantities that are right in another unit only.

    Parameters
    ----------
    study : Study
    profiles : Profiles
        On the study's axis.
    scenarios : Scenarios
        Some of the study's draws.
    """
    return [*_of_prices(study), *_of_profiles(study, profiles), *_of_sizes(study, scenarios)]


def _of_prices(study: Study) -> list[str]:
    market, currency, warnings = study.market, study.currency, []
    prices = {f"market.{key}": getattr(market, key) for key in type(market).model_fields if key.endswith("_per_kwh")}
    if study.battery is not None and study.battery.value_per_kwh is not None:
        prices["battery.value_per_kwh"] = study.battery.value_per_kwh
    for key, price in prices.items():
        usual = _usual(price)
        if key == "market.co2_kg_per_kwh" and usual > HEAVIEST_CO2:
            warnings.append(f"{key} = {usual:g} kg per kWh: probably in g; divide by 1000")
        elif key != "market.co2_kg_per_kwh" and usual > DEAREST and currency.strip().upper() in MAJOR:
            of = f"in hundredths of {currency}; divide by 100" if usual <= DEAREST_HUNDREDTHS else "per MWh; divide by 1000"
            warnings.append(f"{key} = {usual:g} {currency} per kWh: probably {of}")
    return warnings


def _of_profiles(study: Study, profiles: Profiles) -> list[str]:
    days = profiles.n_steps * profiles.step_hours / 24.0
    limits = {"load": (DAILY_KWH, "kWh per home and day"), "pv": (PEAK_KW_PER_KWP, "kW per kWp at its highest")}
    warnings = []
    for kind, ((least, most), of) in limits.items():
        wrong: dict[str, list[str]] = {"W or Wh": [], "MW or MWh": []}
        for one, kwh in _named(study, profiles, kind).items():
            value = kwh.sum() / days if kind == "load" else kwh.max() / profiles.step_hours
            if value > most:
                wrong["W or Wh"].append(f"{one} {value:,.4g}")
            elif 0.0 < value < least:
                wrong["MW or MWh"].append(f"{one} {value:,.4g}")
        for unit, found in wrong.items():
            if found:
                whole = ", or of a whole system and not of a kWp" if kind == "pv" and unit == "W or Wh" else ""
                shown = ", ".join(found[:4]) + ", …" * (len(found) > 4)
                warnings.append(f"{kind}.profile: {shown} {of}: probably in {unit}{whole}")
    return warnings


def _of_sizes(study: Study, scenarios: Scenarios) -> list[str]:
    warnings = []
    kwp = scenarios.kwp[scenarios.kwp > 0.0]
    if len(kwp) and not isinstance(study.pv.kwp, OfTransformer):
        middle = float(np.median(kwp))
        if not SMALLEST_KWP <= middle <= LARGEST_KWP:
            unit = "W" if middle > LARGEST_KWP else "MW"
            warnings.append(f"pv.kwp = {middle:g} kWp at one bus: probably in {unit}")
    if study.battery is not None and (kwh := _usual(study.battery.kwh)) > LARGEST_KWH:
        warnings.append(f"battery.kwh = {kwh:g} kWh at one bus: probably in Wh; divide by 1000")
    if study.ev is not None:
        for key, unit, most in (("kw", "W", LARGEST_CHARGER_KW), ("kwh", "Wh", LARGEST_NEED_KWH)):
            if (usual := _usual(getattr(study.ev, key))) > most:
                warnings.append(f"ev.{key} = {usual:g} k{unit} of one vehicle: probably in {unit}; divide by 1000")
    warnings += _of_houses(study)
    part: NetworkPart = study.network
    by_line = [(str(line), ka) for line, ka in part.ampacity_ka_by_line.items()]
    given = [("ampacity_ka", part.ampacity_ka or 0.0), *part.ampacity_ka_by_std_type.items(), *by_line]
    large = [f"{key} {ka:g}" for key, ka in given if ka > LARGEST_KA]
    if large:
        warnings.append(f"ampacities of network: {', '.join(large[:4])} kA: probably in A; divide by 1000")
    return warnings


def _of_houses(study: Study) -> list[str]:
    part, warnings = study.heat_pump, []
    if part is None or part.profile is not None:
        return []
    kw, resistance, capacity = (
        0.0 if amount is None else _usual(amount) for amount in (part.kw, part.resistance_k_per_kw, part.capacity_kwh_per_k)
    )
    if kw > LARGEST_HEAT_PUMP_KW:
        warnings.append(f"heat_pump.kw = {kw:g} kW at one bus: probably in W; divide by 1000")
    least, most = COOLING_HOURS
    if not least <= resistance * capacity <= most:
        warnings.append(
            f"heat_pump: {resistance:g} K per kW times {capacity:g} kWh per K is {resistance * capacity:g} h, in which most "
            f"warmth of a house is gone, and houses have 20 to 300 h: one of them is probably in other units"
        )
    return warnings


def _usual(amount: Price) -> float:
    """A number that stands for an amount: the largest of a list, the middle of a tariff by the clock or of a distribution."""
    if isinstance(amount, int | float):
        return float(amount)
    if isinstance(amount, tuple):
        return max(amount, default=0.0)
    if isinstance(amount, Series):
        return float(np.median(amount.series))
    if isinstance(amount, ByHours):
        return float(np.median(amount.values))
    if isinstance(amount, FromFile):
        return 0.0 if amount.per_step is None else float(np.median(amount.per_step))
    return float(amount.quantile(np.array([0.5]))[0])


def why_no_trades(study: Study, profiles: Profiles, scenarios: Scenarios) -> str:
    """Why nothing is traded in any step of these scenarios; empty where something may be.

    Parameters
    ----------
    study : Study
    profiles : Profiles
        On the study's axis.
    scenarios : Scenarios
        Looked at as far as `MOST_CELLS` reaches, but for one at least.
    """
    if batteries_trade(study):
        return ""  # they may sell what they bought
    who, market = scenarios.participant, study.market
    few = slice(0, max(1, MOST_CELLS // max(1, profiles.n_steps * len(who))))
    load, pv = (
        np.where(rows[few, :, None] >= 0, size[few, :, None] * profiles.kwh_per_unit[rows[few]], 0.0)
        for rows, size in ((scenarios.load_profile, scenarios.homes), (scenarios.pv_profile, scenarios.kwp))
    )  # (scenario, participant, step)
    has_pv, has_load, had_surplus = (bool(there.any()) for there in (pv, load, pv > load))
    at_homes = [np.ascontiguousarray(energy.transpose(0, 2, 1)) for energy in (load, pv)]
    devices = run_at_homes(study, profiles, scenarios, *at_homes)
    flat = [energy.reshape(-1, len(who)) for energy in (devices.with_batteries() if devices else at_homes)]
    orders = make_orders(*flat, orders=market.orders, min_order_kwh=market.min_order_kwh)
    bid, ask = (kwh.reshape(len(load), -1, len(who)) > 0.0 for kwh in (orders.bid_kwh, orders.ask_kwh))
    if not ask.any() and not has_pv:
        return "there is no PV, so nobody sells"
    if not bid.any() and not has_load:
        return "there is no load, so nobody buys"
    if not ask.any() and devices is not None and had_surplus:
        parts = (("heat pumps", study.heat_pump), ("electric vehicles", study.ev), ("batteries", study.battery))
        takers = " and ".join(name for name, part in parts if part is not None)
        return f"there is no surplus: {takers} take all that homes do not use themselves"
    if not ask.any():
        most = (flat[1] / np.where(flat[0] > 0.0, flat[0], np.inf)).max()
        return f"there is no surplus: no bus ever has more PV than load (at most {most:.0%} of it)"
    both = bid.any(axis=2) & ask.any(axis=2)
    if not both.any() and len(who) == 1:
        return "a single bus takes part, which has nobody to trade with"
    if not both.any():
        return "whenever a bus has a surplus, every other has one, too, so nobody buys"
    if RULES[market.pricing].is_pool:
        prices = [scenarios.retail_per_kwh[None, :, None], scenarios.feed_in_per_kwh[None, :, None]]
    else:
        prices = [
            price[None, :, None] if price.ndim == 1 else price[few, None]  # by step, or by scenario and participant
            for price in (scenarios.bid_per_kwh, scenarios.ask_per_kwh)
        ]
    highest = np.where(bid, prices[0], -np.inf).max(axis=2)
    lowest = np.where(ask, prices[1], np.inf).min(axis=2)
    if (highest >= lowest)[both].any():
        return ""
    return (
        f"bids are below asks whenever there is a surplus: at most {highest[both].max():g} is bid, and at least "
        f"{lowest[both].min():g} {study.currency} per kWh is asked"
    )


def voltages_text(study: Study, network: Network) -> str:
    """Of which model voltages are."""
    if study.network.phases == 1:
        return PHASES
    is_alike = network.zero is None or not len(network.zero.matrix_series_pu)
    return THREE_PHASES.format(transposed=", and cables as transposed" if is_alike else "")


def phases_text(study: Study, scenarios: Scenarios) -> str:
    """How homes and PV are connected in a study of three phases."""
    assert study.connection is not None
    assert scenarios.load_phase is not None
    codes, words = scenarios.load_phase[0].tolist(), ("on a", "on b", "on c", "balanced")
    counted = ", ".join(f"{codes.count(code)} {word}" for code, word in enumerate(words) if code in codes)
    homes = "one drawn for each bus" if study.connection.phases == "random" else f"of {len(codes)} buses {counted}"
    return f"three, {homes}; PV of more than {study.three_phase_above_kw:g} kWp on all of them"


def has_small_homes(scenarios: Scenarios) -> bool:
    """Whether some connections are so small that they are likely to have a single phase."""
    homes, kwp = scenarios.homes[scenarios.load_profile >= 0], scenarios.kwp[scenarios.pv_profile >= 0]
    return bool((homes <= SMALL_HOMES).any() or (kwp <= SMALL_KWP).any())


def asks_for_voltages(study: Study) -> bool:
    """Whether a study says anything of voltages."""
    return study.clearing.physics != "dc" or bool(study.audited_every)
