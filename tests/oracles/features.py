"""Features of a feeder from their definitions, home by home and path by path."""

import math

NAN = math.nan


def features(network, homes):
    """Of a network and the positions of its homes; of a meshed one the lengths alone."""
    branches = list(zip(network.from_bus.tolist(), network.to_bus.tolist(), strict=True))
    roots = set(network.reference_bus.tolist())
    km = [0.0 if network.element[b] != "line" else float(network.length_km[b]) for b in range(len(branches))]
    trafo = [bool(network.element[b].startswith("trafo")) for b in range(len(branches))]
    rated = [float(network.rating_kw[b]) for b in range(len(branches)) if trafo[b] and _is_first(b, branches, trafo, roots)]
    kva = sum(rated) if rated and all(math.isfinite(one) for one in rated) else NAN
    paths = [_path(int(home), branches, roots) for home in homes]
    known = {
        "n_bus": sum(bus >= 0 for bus in network.bus_id.tolist()),
        "n_homes": len(homes),
        "length_km": sum(km),
        "furthest_km": max(sum(km[b] for b, _ in path) for path in paths),
        "furthest_ohm": NAN,
        "trafo_kva": kva,
        "kva_per_home": kva / len(homes),
        "first_line_a": NAN,
        "rise_percent": NAN,
    }
    if not network.is_radial:
        return known
    resistance = [[_seen_from_home(network, path, at) for at in range(len(path))] for path in paths]
    known["furthest_ohm"] = max(
        sum(of) * float(network.base_kv[home]) ** 2 * 1e3 for of, home in zip(resistance, homes, strict=True)
    )
    behind = {b: sum(b in {one for one, _ in path} for path in paths) for b in range(len(branches))}
    rise = [sum(r * behind[b] for r, (b, _) in zip(of, path, strict=True)) for of, path in zip(resistance, paths, strict=True)]
    known["rise_percent"] = 100.0 * max(rise)
    firsts = {next((b for b, _ in path if network.element[b] == "line"), None) for path in paths} - {None}
    if firsts:
        ampere = [1e3 * float(network.ampacity_ka[b]) * _parallel(network, b) for b in firsts]
        known["first_line_a"] = min(ampere)
    return known


def _parallel(network, b):
    return float(network.kw_per_ka[b]) / (math.sqrt(3.0) * float(network.base_kv[network.from_bus[b]]) * 1e3)


def _path(bus, branches, roots):
    """Branches from an external grid to a bus with whether each is directed that way: of fewest branches."""
    before, todo = dict.fromkeys(roots), sorted(roots)
    for at in todo:
        for b, (f, t) in enumerate(branches):
            for here, there, along in ((f, t, True), (t, f, False)):
                if here == at and there not in before:
                    before[there] = at, b, along
                    todo.append(there)
    path = []
    while before[bus] is not None:
        bus, b, along = before[bus]
        path.insert(0, (b, along))
    return path


def _seen_from_home(network, path, at):
    """The resistance of a branch of a path in p.u. at the path's end: turned over by the ideal transformers at and below it."""
    resistance = float(network.resistance_pu[path[at][0]])
    for place, (b, along) in enumerate(path[at:]):
        square = float(network.tap_ratio[b]) ** 2
        if place or not along:  # a branch's own ratio stands at its `from_bus`, before its impedance
            resistance *= 1.0 / square if along else square
    return resistance


def _is_first(branch, branches, trafo, roots):
    """Whether a transformer has an external grid at one side that no other transformer is before."""
    reached, todo = set(roots), list(roots)
    for at in todo:
        for b, ends in enumerate(branches):
            if at in ends and not trafo[b]:
                other = ends[1] if ends[0] == at else ends[0]
                if other not in reached:
                    reached.add(other)
                    todo.append(other)
    return (branches[branch][0] in reached) != (branches[branch][1] in reached)
