"""What the numbers of a study may be: ranges that people mean, wide enough for any currency and network, far from overflow.

A number beyond is a slip of a unit or a digit. Within them sums and products of all stages stay exact to rounding.
"""

from typing import NamedTuple


class Range(NamedTuple):
    """From `least` to `most`, both included, of a unit."""

    least: float
    most: float
    unit: str = ""

    def __str__(self) -> str:
        """As a message has it, such as "0…1,000,000 kWp at a bus"."""
        least, most = (f"{end:,.12g}" if abs(end) >= 1.0 else f"{end:.6g}" for end in (self.least, self.most))
        return f"{least}…{most} {self.unit}".rstrip()

    def has(self, value: float) -> bool:
        """Whether a value lies in it; NaN lies in none."""
        return self.least <= value <= self.most


HOMES = Range(0.0, 1e6, "homes at a bus")
KWP = Range(0.0, 1e6, "kWp at a bus")
PRICE = Range(-1e6, 1e6, "per kWh")
"""A kWh costs some 20,000 to 40,000 in the currencies of smallest unit."""
CHARGE = Range(0.0, 1e6, "per kWh")
CO2 = Range(0.0, 1e4, "kg per kWh")
KAPPA = Range(0.0, 1.0)
ORDER_KWH = Range(0.0, 1e6, "kWh")
WEIGHT = Range(0.0, 1e12)
ENERGY_KWH = Range(0.0, 1e9, "kWh in a step")
"""Of a profile's unit, and of a bus: more than the largest countries use in an hour."""
STEP_HOURS = Range(1.0 / 60.0, 24.0, "hours")
POWER_FACTOR = Range(0.1, 1.0)
VOLTAGE_PU = Range(0.01, 2.0, "p.u.")
ANGLE_DEG = Range(1e-6, 360.0, "degrees")
LIMIT_FACTOR = Range(1e-6, 1e6)
REVERSE_KW = Range(0.0, 1e9, "kW")
REVERSE_OF_RATING = Range(0.0, 2.0, "of the rating")
AMPACITY_KA = Range(1e-6, 1e6, "kA")
"""99,999 kA stands for no limit in many networks."""
BATTERY_KWH = Range(0.0, 1e6, "kWh at a bus")
BATTERY_KW = Range(0.0, 1e6, "kW at a bus")
EV_KWH = Range(0.0, 1e6, "kWh a day at a bus")
EV_KW = Range(0.0, 1e6, "kW at a bus")
HOUR_OF_DAY = Range(0.0, 24.0, "hours of the day")
CORRELATION = Range(-1.0, 1.0)
BACKGROUND_SIZE = Range(0.0, 1e6, "at a bus")
EFFICIENCY = Range(0.1, 1.0)
HEAT_PUMP_KW = Range(0.0, 1e6, "kW at a bus")
HEAT_PUMP_SIZE = Range(0.0, 1e6, "times the profile at a bus")
RESISTANCE = Range(1e-4, 1e3, "K per kW")
"""A home loses 0.05 to 0.5 kW per K; 100 homes at a bus have a hundredth of its resistance."""
CAPACITY = Range(1e-3, 1e6, "kWh per K")
TEMPERATURE = Range(-90.0, 60.0, "°C")
COP = Range(1.0, 20.0)
"""Heat by electric energy; below 1 a heater would be better."""
CORRELATION = Range(-1.0, 1.0)
PART = Range(0.0, 1.0)
CORRELATION = Range(-1.0, 1.0)
OF_TRANSFORMER = Range(1e-6, 10.0, "kWp per kVA")
ZERO_PER_POSITIVE = Range(1e-6, 1e6)
"""Zero- by positive-sequence impedance."""
C0_PER_C1 = Range(0.0, 1e6)
STRESS = Range(1e-6, 1e6)
WITHIN = Range(1e-9, 10.0)
FIRST_YEAR, LAST_YEAR = 1700, 2200
"""Years of stamps; nanoseconds in 64 bits, which pandas counts in, reach from 1677 to 2262."""
COUNT = 10**9
"""Most scenarios per share."""
ONE_IN = 10**6
"""Most books of which an audit looks at one."""
