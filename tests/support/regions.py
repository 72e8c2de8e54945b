"""A small region: three feeders of 3 to 5 homes, one that cannot run, and names that are not to be trusted."""

import pandapower as pp
import pandas as pd

from tests.support.chains import chain

NAMES = ("=1+1", "<b>[red]ma%{x}$rkup$", "share")
STUDY = """
name = "area"
description = "of <i>many</i> [bold]feeders[/bold]"
seed = 5
[network]
sources = "table.csv"
limit_factor = 0.03
[participants]
buses = "loads"
[load]
profile = { choice = ["residential_0", "residential_1"] }
[pv]
profile = "solar_2"
kwp = { distribution = "uniform", low = 5, high = 30 }
[clearing]
audit = true
[scenarios]
count = 5
shares = [0.3, 0.9]
"""


def write_region(folder):
    """`area.toml` with its networks in a folder; the path of the study."""
    rows = []
    for place, name in enumerate(NAMES):
        net = chain(3 + place)
        for bus in range(2, 5 + place):
            pp.create_load(net, bus, 0.001)
        pp.to_json(net, folder / f"f{place}.json")
        rows.append({"name": name, "file": f"f{place}.json", "weight": 1 + place, "region": ("north", "", "north")[place]})
    rows.append({"name": "gone", "file": "gone.json", "weight": 1, "region": "north"})
    pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)
    study = folder / "area.toml"
    study.write_text(STUDY)
    return study
