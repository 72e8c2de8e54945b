"""Devices of one home from their definitions, step by step in plain Python."""


def run_battery(net_kwh, *, kwh, limit_kwh, lowest_kwh, first_kwh, one_way):
    """What a battery for self use charges and discharges in each step, and what is stored after it."""
    stored, charged, discharged = [first_kwh], [], []
    for net in net_kwh:
        before = stored[-1]
        charged.append(min(max(net, 0.0), limit_kwh, max(kwh - before, 0.0) / one_way))
        discharged.append(min(max(-net, 0.0), limit_kwh, max(before - lowest_kwh, 0.0) * one_way))
        stored.append(before + one_way * charged[-1] - discharged[-1] / one_way)
    return charged, discharged, stored[1:]


def cyclic_states(net_kwh, *, kwh, limit_kwh, lowest_kwh, one_way, tolerance):
    """The least and the greatest first energy that the last step leads back to, to a tolerance.

    What is stored at the end rises with what is stored at first, and by no more than that; so the difference falls.
    """

    def gained(first_kwh):
        battery = {"kwh": kwh, "limit_kwh": limit_kwh, "lowest_kwh": lowest_kwh, "one_way": one_way}
        return run_battery(net_kwh, first_kwh=first_kwh, **battery)[2][-1] - first_kwh

    def bisect(is_above):
        low, high = lowest_kwh, kwh
        if not is_above(low):
            return low
        for _ in range(100):
            middle = (low + high) / 2.0
            low, high = (middle, high) if is_above(middle) else (low, middle)
        return high

    return bisect(lambda first: gained(first) > tolerance), bisect(lambda first: gained(first) >= -tolerance)
