"""What is in the network beside the market, from the definition, in plain Python."""

import math


def draw_of_buses(entries, profiles, step, step_hours):
    """By bus, what background draws in a step: kW and kvar.

    Parameters
    ----------
    entries : list of (kind, profile names by bus, sizes by bus, power factor, whether it draws (load, net) or feeds (PV))
    profiles : dict of (name, kind) to energies, kWh per step
    """
    drawn = {}
    for kind, name_of, size_of, power_factor, usual in entries:
        ratio = math.tan(math.acos(power_factor)) * (1.0 if usual else -1.0)
        for bus, name in name_of.items():
            kw = profiles[name, kind][step] * size_of[bus] / step_hours * (-1.0 if kind == "pv" else 1.0)
            before = drawn.get(bus, (0.0, 0.0))
            drawn[bus] = (before[0] + kw, before[1] + ratio * kw)
    return drawn
