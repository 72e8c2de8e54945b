"""Devices of one home from their definitions, step by step in plain Python."""


def run_battery(net_kwh, *, kwh, limit_kwh, lowest_kwh, first_kwh, one_way, price=None, day=None):
    """What a battery charges and discharges in each step, and what is stored after it: for self use, or by a tariff."""
    stored, charged, discharged = [first_kwh], [], []
    for step, net in enumerate(net_kwh):
        before = stored[-1]
        room, left = max(kwh - before, 0.0) / one_way, max(before - lowest_kwh, 0.0) * one_way
        if price is not None and is_cheapest(step, price, day):
            charged.append(min(limit_kwh, room))
            discharged.append(0.0)
        elif price is not None and is_cheapest(step, [-one for one in price], day):
            charged.append(0.0)
            discharged.append(min(limit_kwh, left))
        else:
            charged.append(min(max(net, 0.0), limit_kwh, room))
            discharged.append(min(max(-net, 0.0), limit_kwh, left))
        stored.append(before + one_way * charged[-1] - discharged[-1] / one_way)
    return charged, discharged, stored[1:]


def is_cheapest(step, price, day):
    """Whether a step has the least price of its day, on which not all are the same."""
    of_day = [one for one, there in zip(price, day, strict=True) if there == day[step]]
    return price[step] == min(of_day) != max(of_day)


def cyclic_states(net_kwh, *, kwh, limit_kwh, lowest_kwh, one_way, tolerance, **tariff):
    """The least and the greatest first energy that the last step leads back to, to a tolerance.

    What is stored at the end rises with what is stored at first, and by no more than that; so the difference falls.
    """

    def gained(first_kwh):
        battery = {"kwh": kwh, "limit_kwh": limit_kwh, "lowest_kwh": lowest_kwh, "one_way": one_way, **tariff}
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
