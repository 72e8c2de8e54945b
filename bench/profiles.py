"""What it costs to read a year of quarter hours: NREL's layout with its 59 columns, and a table of 100 profiles.

    python -m bench.profiles

Everything runs once before it is timed; medians of seven.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import fastp2p

END_USES = [f"out.{fuel}.use_{i}.energy_consumption" for fuel in ("electricity", "natural_gas", "propane") for i in range(17)]
N = 35_040


def eulp():
    random = np.random.default_rng(0)
    stamps = pd.date_range("2018-01-01 00:15", periods=N, freq="15min").strftime("%Y-%m-%d %H:%M:%S")
    leading = {"in.state": "CO", "in.geometry_building_type_recs": "Single-Family Detached", "timestamp": stamps}
    counts = {"models_used": 3271, "units_represented": 1_490_000.5}
    totals = [
        "out.electricity.total.energy_consumption",
        "out.electricity.net.energy_consumption",
        "out.site_energy.total.energy_consumption",
    ]
    return pd.DataFrame({**leading, **counts, **{name: 1e6 * random.random(N) for name in [*END_USES, *totals]}})


def table():
    random = np.random.default_rng(1)
    times = pd.date_range("2018-01-01", periods=N, freq="15min")
    return pd.DataFrame({"time": times, **{f"home_{i} [kW]": random.random(N) for i in range(100)}})


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in (("NREL, 59 columns", eulp()), ("100 profiles", table())):
            for suffix in (".csv", ".parquet"):
                path = Path(folder) / f"year{suffix}"
                frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
                seconds = []
                for _ in range(8):
                    clock = time.perf_counter()
                    fastp2p.Profiles.load(path)
                    seconds.append(time.perf_counter() - clock)
                size = path.stat().st_size / 1e6
                print(f"{name:<18}{suffix:<9} {N:,} rows {size:6.1f} MB {statistics.median(seconds[1:]):6.3f} s")


if __name__ == "__main__":
    main()
