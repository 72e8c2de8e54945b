"""The hosting capacity on the terminal, by what limits it and beside the balanced model."""

import numpy as np
import pandas as pd
from rich.console import Console

from fastp2p.cli.sweep_table import hosting_capacity, make_hosting_table


def scenarios(**first):
    """Of a hundred scenarios at each of 10, 30 and 60 %, those in which a limit breaks begin with a number at each share."""
    table = pd.DataFrame({"share": np.repeat([0.1, 0.3, 0.6], 100), "scenario": np.tile(np.arange(100), 3)})
    table = table.assign(executed_kwh=1.0, n_cut=0, n_base_overload=0, n_ac_broken=0, losses_cost=0.0)
    table = table.assign(n_audit_broken=0, n_audit_collapse=0)
    for name, counts in first.items():
        table[f"n_{name}"] = np.concatenate([np.arange(100) < n for n in counts]).astype(int)
    return table


COUNTS = {
    "full_breaks_voltage": (0, 90, 100),
    "full_breaks_current": (0, 0, 4),
    "full_breaks_unbalance": (50, 60, 70),
    "balanced_breaks_voltage": (0, 0, 20),
    "balanced_breaks_current": (0, 0, 0),
}


def test_causes_beside_the_balanced_model():
    """4 of 100 are at most 5 %, but their interval, 1.1 to 9.9 %, is not: at least 60 % are estimated, 30 % are sure."""
    table = make_hosting_table(scenarios(**COUNTS))
    console = Console(width=80)
    with console.capture() as printed:
        console.print(table)
    lines = [" ".join(line.split()) for line in printed.get().splitlines()]
    assert "limited by three phases balanced" in lines
    assert "voltages 10 to 30% 30 to 60% (95%: the same) (95%: the same)" in " ".join(lines)
    assert "cables and transformers at least 60% at least 60% (95%: at least 30%) (95%: the same)" in " ".join(lines)
    assert "unbalance below 10% - (95%: the same)" in " ".join(lines)
    assert "between which shares of PV that were tried" in " ".join(lines)


def test_one_phase_has_a_line():
    balanced = {name: COUNTS[name] for name in ("full_breaks_voltage", "full_breaks_current")}
    assert hosting_capacity(scenarios(**balanced)) == (
        "voltages 10 to 30% (95%: the same), cables and transformers at least 60% (95%: at least 30%)"
    )
