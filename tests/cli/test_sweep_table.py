"""The hosting capacity on the terminal, by what limits it and beside the balanced model."""

import numpy as np
import pandas as pd
from rich.console import Console

from fastp2p.cli.sweep_table import hosting_capacity, make_hosting_table


def scenarios(**first):
    """Of a hundred scenarios at each of 10, 30 and 60 %, those in which a limit breaks begin with a number at each share."""
    table = pd.DataFrame({"share": np.repeat([0.1, 0.3, 0.6], 100), "scenario": np.tile(np.arange(100), 3)})
    table = table.assign(executed_kwh=1.0, n_cut=0, n_base_overload=0, n_ac_broken=0, losses_cost=0.0)
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
    """4 of 100 are at most 5 %, but their interval, 1.1 to 9.9 %, is not: the share is 60 %, at least 30 %."""
    table = make_hosting_table(scenarios(**COUNTS))
    console = Console(width=100)
    with console.capture() as printed:
        console.print(table)
    lines = [" ".join(line.split()) for line in printed.get().splitlines()]
    assert "hosting capacity, limited by three phases balanced" in lines
    assert "voltages 10% (10% to 10%) 30% (30% to 30%)" in lines
    assert "cables and transformers 60% (30% to 60%) 60% (60% to 60%)" in lines
    assert "unbalance 0% (0% to 0%) -" in lines
    assert "in at most 5 % of the scenarios, by AC and with nothing controlled" in " ".join(lines)


def test_one_phase_has_a_line():
    balanced = {name: COUNTS[name] for name in ("full_breaks_voltage", "full_breaks_current")}
    assert hosting_capacity(scenarios(**balanced)) == "voltages 10% (10% to 10%), cables and transformers 60% (30% to 60%)"
