"""Hourly data of PVGIS in the source's layout."""

import numpy as np
import pandas as pd
import pytest

from data.make import pvgis_csv
from fastp2p import InputError, Profiles

TEXT = pvgis_csv(kwp=2.0, days=3, minute=11).replace("\r\n", "\n")


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, **options):
        path = tmp_path / "Timeseries_48.100_0.000.csv"
        path.write_bytes(text.encode())
        return Profiles.load(path, **options)

    return write_and_read


def faults(read, text, **options):
    with pytest.raises(InputError) as error:
        read(text, **options)
    return error.value.faults


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_hours_of_utc_per_kwp(read, end):
    found = read(TEXT.replace("\n", end))
    watts = np.array([float(line.split(",")[1]) for line in TEXT.splitlines() if line.startswith("2018")])
    assert (found.names, found.kinds, found.step_hours) == (("Timeseries_48.100_0.000",), ("pv",), 1.0)
    np.testing.assert_allclose(found.kwh_per_unit[0], watts / 1e3 / 2.0, rtol=1e-12)
    assert found.time.equals(pd.date_range("2018-07-02", periods=72, freq="h", tz=found.time.tz))
    assert found.clock == "UTC+00:00"


def test_on_the_clock_of_a_zone(read):
    with pytest.warns(UserWarning, match="begins at 2018-07-02 02:00 on UTC"):
        found = read(TEXT, zone="Europe/Berlin")
    assert (found.clock, str(found.time[0])) == ("UTC+02:00", "2018-07-03 00:00:00+02:00")


def test_irradiance_alone_is_refused_with_a_way_out(read):
    lines = [line for line in TEXT.splitlines() if not line.startswith(("Nominal", "System"))]
    bare = "\n".join(line.replace(",P,", ",") for line in lines)
    no_size, no_power = faults(read, bare)
    assert "not known per kWp; download the hourly data again with PV power" in no_size
    assert "has no PV power (time,P,…), only time,G(i),H_sun,T2m,WS10m,Int" in no_power
    (typical,) = faults(read, "Latitude (decimal degrees):\t48.1\ntime(UTC),T2m\n20180101:0000,1\n")[1:]
    assert "has no PV power" in typical
    (nothing,) = faults(read, "Latitude (decimal degrees):\t48.1\n1,2\n")
    assert "has no table of hours" in nothing


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("20180702:0311", "20180702:0211", "row 17: 2018-07-02 02:00 appears twice"),
        ("20180702:0311", "2018-07-02 03:11", "row 17: time '2018-07-02 03:11' must be as in 20180131:2310"),
        ("20180702:0311,0.00", "20180702:0311,-5", "row 17: P = '-5' must be a finite number, not negative"),
        ("20180702:0311,0.00", "20180702:0311,x", "row 17: P = 'x' must be a finite number"),
        ("20180702:0311,0.00,", "20180702:0311,", "row 17: has 6 fields where the header has 7"),
        ("(kWp):\t2.0", "(kWp):\t0", "the nominal power is '0'; it must be a positive number of kWp"),
        ("(kWp):\t2.0", "(kWp):\tx", "the nominal power is 'x'"),
    ],
)
def test_a_fault_names_its_row(read, old, new, fault):
    assert old in TEXT
    message, *_ = faults(read, TEXT.replace(old, new))
    assert fault in message


def test_a_head_without_hours_and_options_that_do_not_apply(read):
    head = TEXT[: TEXT.index("20180702")]
    assert "has no hours below row 13" in faults(read, head)[0]
    assert "is hourly data of PVGIS; unit does not apply to it" in faults(read, TEXT, unit="kW")[0]
