"""A tariff by hours of the day, minute by minute."""

from datetime import datetime, timedelta

MONDAY = datetime(2024, 1, 1)


def tariff_by_hours(spans, value, otherwise, weekend, first, n_steps, step_minutes):
    """A value per step: where every minute of the step is in a span, or on a weekend, or neither.

    `spans` are pairs of minutes after midnight; one whose end comes first goes over midnight. `first` is the start of the
    first step on the clock of the profiles.
    """
    costly = set()
    for start, end in spans:
        minute = start
        while True:
            costly.add(minute % 1440)
            minute += 1
            if minute % 1440 == end % 1440:
                break
    values = []
    for step in range(n_steps):
        begin = first + timedelta(minutes=step_minutes * step)
        minutes = [begin + timedelta(minutes=one) for one in range(step_minutes)]
        inside = {60 * one.hour + one.minute in costly for one in minutes}
        assert len(inside) == 1, f"a span ends inside the step of {begin}"
        if weekend is not None and begin.strftime("%A") in ("Saturday", "Sunday"):
            values.append(weekend)
        else:
            values.append(value if inside.pop() else otherwise)
    return values
