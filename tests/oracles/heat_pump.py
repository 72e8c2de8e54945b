"""The heat pump of one house from its definition, step by step in plain Python."""

import math


def run_house(net_kwh, outdoor_c, cop, *, kw, resistance, capacity, low, high, first_c, step_hours, surplus):
    """What is drawn in each step, how warm the room is after it, and the degree-hours below the band."""
    phi = math.exp(-step_hours / (resistance * capacity))
    room, drawn, rooms, cold = first_c, [], [], []
    for net, outside, performance in zip(net_kwh, outdoor_c, cop, strict=True):

        def power_to(target, room=room, outside=outside, performance=performance):
            return (target - phi * room - (1.0 - phi) * outside) / ((1.0 - phi) * resistance * performance)

        kept = min(max(power_to(low), 0.0), kw)
        if surplus:
            kept = max(kept, min(max(net, 0.0) / step_hours, power_to(high), kw))
        room = phi * room + (1.0 - phi) * (outside + resistance * performance * kept)
        drawn.append(kept * step_hours)
        rooms.append(room)
        cold.append(max(low - room, 0.0) * step_hours)
    return drawn, rooms, cold


def heat_lost(drawn_kwh, before_c, outdoor_c, performance, *, resistance, capacity, step_hours):
    """What flows out of the house in a step: the integral of (θ - θ_out) / R, of which θ is an exponential."""
    phi = math.exp(-step_hours / (resistance * capacity))
    settled = outdoor_c + resistance * performance * drawn_kwh / step_hours
    mean = settled + (before_c - settled) * resistance * capacity * (1.0 - phi) / step_hours
    return (mean - outdoor_c) / resistance * step_hours


def returning_room(days, least, greatest):
    """The room that a map of rooms before to rooms after the days leads back to, by halving; it rises by less than one."""
    for _ in range(100):
        middle = (least + greatest) / 2.0
        least, greatest = (middle, greatest) if days(middle) > middle else (least, middle)
    return (least + greatest) / 2.0


def performance_at(outdoor_c, temperatures, coefficients):
    """A coefficient of performance, linear between the listed temperatures and constant outside them."""
    if outdoor_c <= temperatures[0]:
        return coefficients[0]
    for i in range(len(temperatures) - 1):
        a, b = temperatures[i : i + 2]
        if outdoor_c <= b:
            return coefficients[i] + (coefficients[i + 1] - coefficients[i]) * (outdoor_c - a) / (b - a)
    return coefficients[-1]
