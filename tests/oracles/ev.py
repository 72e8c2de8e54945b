"""The electric vehicle of one home from its definition, in plain Python; times are whole minutes."""


def sessions(arrival, departure, *, step, n_steps, cyclic):
    """Of every arrival on the axis: the step in which it is, the steps that are plugged whole, and whether the end cuts it.

    Steps are of `step` minutes, the first begins at midnight; steps from `n_steps` on are beyond the end.
    Where steps repeat, no session goes on into the next one.
    """
    stays = (departure - arrival) % 1440 or 1440
    arrivals = list(range(arrival % 1440, n_steps * step, 1440))
    found = []
    for at in arrivals:
        until = at + stays
        whole = [t for t in range(at // step, until // step) if at <= t * step and (t + 1) * step <= until]
        if cyclic:
            again = -(-arrivals[0] // step) + n_steps
            whole = [t for t in whole if t < again]
        found.append((at // step, whole, not cyclic and until // step > n_steps))
    return found


def charge(net, retail, whole, *, limit, need, rule):
    """What is charged in each of the steps of a session, and what is left; beyond the end, prices repeat."""
    charged, left = dict.fromkeys(whole, 0.0), need
    in_order = sorted(whole, key=lambda t: retail[t % len(retail)]) if rule == "cheapest" else whole
    for place, t in enumerate(in_order):
        most = min(limit, left)
        if rule == "surplus":
            must = max(left - limit * (len(whole) - place - 1), 0.0)
            most = min(most, max(must, net[t % len(net)]))
        charged[t] = most
        left -= most
    return charged, left


def run_ev(net, retail, *, kw, kwh, arrival, departure, rule, step, cyclic):
    """kWh charged and not met in each step, and how many sessions end before the data do."""
    n_steps = len(net)
    ev, unmet, complete = [0.0] * n_steps, [0.0] * n_steps, 0
    if kwh == 0.0:
        return ev, unmet, 0
    for arrives, whole, is_cut in sessions(arrival, departure, step=step, n_steps=n_steps, cyclic=cyclic):
        charged, left = charge(net, retail, whole, limit=kw * step / 60.0, need=kwh, rule=rule)
        for t, energy in charged.items():
            if cyclic or t < n_steps:
                ev[t % n_steps] += energy
        if not is_cut:
            complete += 1
            unmet[(whole[-1] if whole else arrives) % n_steps] += left
    return ev, unmet, complete
