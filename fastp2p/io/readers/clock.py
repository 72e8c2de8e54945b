"""Clocks: offsets to UTC in time stamps, and the offset of a zone."""

import re
from datetime import timedelta, timezone, tzinfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse
from fastp2p.ranges import FIRST_YEAR, LAST_YEAR

Ints = NDArray[np.int64]

SHOWN = 5
"""Faulty rows that are named, per column."""
STAMP = (
    r"^(?P<face>.*?(?:\d:\d\d(?::\d\d(?:[.,]\d+)?)?|\d[T ]\d\d|T\d{4}(?:\d\d)?(?:\.\d+)?))"
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?:UTC|GMT)?(?P<sign>[-+−])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?)\s*(?:\[[^\]]*\])?$"
)
"""A date and time, and its offset to UTC: Z, UTC, +1, -06, +0530, +05:30, after a space or not."""
DOTTED = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T]+(\d.*))?$"
END_OF_DAY = r"(?<=[T ])24:00(?::00)?$"
DAY = pd.Timedelta(days=1)
"""What 24:00 is ahead of 00:00."""
ZONE = r"(?a)(?!dateutil/)[A-Za-z][\w+/-]*|(?:UTC|GMT)?[+-]\d\d:?\d\d"
"""Names of zones and offsets to UTC; pandas knows others, such as tzlocal(), which are of the machine or half supported."""
MOST_OFFSET_HOURS = 14
ASCII = "(?a)"


def parse_times(where: str, given: pd.Series, rows: Ints) -> pd.DatetimeIndex:
    """Stamps as they are written, or on the clock of the first of them where they carry an offset to UTC.

    Parameters
    ----------
    where : str
        File and column, for messages.
    given : Series
        Dates, or texts in ISO 8601 or such as 31.12.2016 23:45; 24:00 is the next day's 00:00.
    rows : (n,) int64
        Their rows in the file.

    Raises
    ------
    InputError
        Stamps that are missing or cannot be read, or of which only some have an offset.
    """
    if pd.api.types.is_datetime64_any_dtype(given):
        refuse(_unreadable(where, given, given, rows) or year_faults(where, pd.DatetimeIndex(given), rows))
        index = pd.DatetimeIndex(given).as_unit("ns")
        return index if index.tz is None else on_first_offset(index)
    texts = given.astype(str).str.strip()
    parts = texts.str.extract("(?i)" + ASCII + STAMP)
    has_offset = parts["face"].notna()
    face = parts["face"].where(has_offset, texts).str.replace(ASCII + DOTTED, r"\3-\2-\1 \4", regex=True).str.strip()
    is_end = face.str.contains(ASCII + END_OF_DAY, regex=True)
    face = face.str.replace(ASCII + END_OF_DAY, "00:00", regex=True)
    face = face.mask(face.str.contains(r"[T :]\d\d.*[-+Zz]", regex=True))  # some other offset
    read = pd.to_datetime(face, format="ISO8601", errors="coerce").astype("datetime64[ns]")
    refuse(year_faults(where, pd.DatetimeIndex(read), rows))
    read = read.where(~is_end, read + DAY)
    minutes = _offset_minutes(parts)
    read = read.mask(has_offset & minutes.isna())
    refuse(_unreadable(where, given, read, rows))
    if has_offset.any() and not has_offset.all():
        at = int(np.flatnonzero(has_offset.to_numpy() != has_offset.iloc[0])[0])
        raise InputError(f"{where}, row {rows[at]}: some stamps have an offset to UTC and some have none")
    if not has_offset.any():
        return pd.DatetimeIndex(read).as_unit("ns")
    instants = pd.DatetimeIndex(read - pd.to_timedelta(minutes, unit="min")).as_unit("ns").tz_localize("UTC")
    return instants.tz_convert(timezone(timedelta(minutes=float(minutes.iloc[0]))))


def localise(where: str, stamps: pd.DatetimeIndex, zone: str, *, period_ending: bool = False) -> pd.DatetimeIndex:
    """Stamps of a clock that may change for summer, on the time that the first of them has all year.

    Stamps that end their steps may be the start on that clock plus a step (… 02:45, 03:00, 02:15 … 03:00 in autumn), or what
    the clock shows at the end (… 02:45, 02:00, 02:15 … 03:00); whichever gives steps of one length is taken.

    Raises
    ------
    InputError
        Unknown zone, hours that the clock skips, or a doubled hour that is there once.
    """
    first_offset(zone, pd.Timestamp(0, tz="UTC"))
    jump = np.diff(stamps.asi8)
    lengths, count = np.unique(jump[jump > 0], return_counts=True)
    step = pd.Timedelta(int(lengths[count.argmax()]), "ns") if period_ending and len(lengths) else pd.Timedelta(0)
    found = []
    for ahead in [step, pd.Timedelta(0)] if step else [step]:
        try:
            found.append((stamps - ahead).tz_localize(zone, ambiguous="infer") + ahead)
        except Exception:  # pandas lets pytz's and zoneinfo's errors through, of several bases
            continue
    if not found:
        raise InputError(f"{where}: the stamps do not fit the clock of {zone}{_why_no_clock(stamps - step, zone)}")
    return on_first_offset(next((one for one in found if len(np.unique(np.diff(one.asi8))) == 1), found[0]))


def _why_no_clock(stamps: pd.DatetimeIndex, zone: str) -> str:
    """Which hour a clock skips, or shows twice, that stamps have, or have once."""
    skipped = stamps[stamps.tz_localize(zone, nonexistent="NaT", ambiguous=np.ones(len(stamps), bool)).isna()]
    doubled = stamps[stamps.tz_localize(zone, nonexistent="shift_forward", ambiguous="NaT").isna()]
    if not len(skipped) and not len(doubled):
        return ""
    at = skipped[0] if len(skipped) else doubled[0]
    why = "is skipped by it" if len(skipped) else "is shown twice by it, and is not there twice"
    winter = pd.DatetimeIndex([at]).tz_localize(standard_offset(zone, at.year))
    return f": {at:%Y-%m-%d %H:%M} {why}; one that stays on winter time has the zone {clock_name(winter).removeprefix('UTC')}"


def on_first_offset(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """On the offset to UTC that the first stamp has, so that every day has the same number of steps."""
    return index.tz_convert(timezone(index[0].utcoffset() or timedelta()))


def first_offset(zone: str | tzinfo, at: pd.Timestamp) -> tzinfo:
    """The offset to UTC that a zone has at an instant, as a clock for the whole year.

    Raises
    ------
    InputError
        An unknown zone.
    """
    try:
        if isinstance(zone, str) and not re.fullmatch(ZONE, zone):
            raise ValueError(zone)
        return timezone(at.tz_convert(zone).utcoffset() or timedelta())
    except Exception as error:  # pytz's, zoneinfo's and pandas' own, of several bases
        raise InputError(f"zone {zone!r} is unknown; use one such as Europe/Berlin, UTC, Etc/GMT+5 or +01:00") from error


def standard_offset(zone: str, year: int) -> tzinfo:
    """The offset to UTC that a zone has in a year without its summer time.

    Raises
    ------
    InputError
        An unknown zone.
    """
    first_offset(zone, pd.Timestamp(0, tz="UTC"))
    winter = min(pd.Timestamp(f"{year}-{month}-01", tz=zone).utcoffset() or timedelta() for month in ("01", "07"))
    return timezone(winter)


def clock_name(time: pd.DatetimeIndex | None) -> str:
    """How an axis says where it is in time: UTC+01:00, or nothing."""
    if time is None or time.tz is None:
        return ""
    offset = time[0].strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:]}"


def _offset_minutes(parts: pd.DataFrame) -> pd.Series:
    """Minutes east of UTC; missing where a stamp has none, or one that no clock has."""
    hours, minutes = (pd.to_numeric(parts[name], errors="coerce") for name in ("hours", "minutes"))
    minutes = minutes.fillna(0.0)
    real = (hours <= MOST_OFFSET_HOURS) & minutes.isin((0, 15, 30, 45)) & ((hours > 0) | (minutes == 0))
    size = (60.0 * hours + minutes).where(real)  # 00:15-00:30 is no offset, but from and to
    signed = size.where(parts["sign"] == "+", -size)
    return signed.mask(parts["utc"].notna(), 0.0)


def year_faults(where: str, stamps: pd.DatetimeIndex, rows: Ints | None = None) -> list[str]:
    """A fault for stamps of years in which nobody has profiles; arithmetic beyond overflows."""
    wrong = np.flatnonzero((stamps.year < FIRST_YEAR) | (stamps.year > LAST_YEAR))
    message = f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}"
    places = [f"[{at}]" if rows is None else f", row {rows[at]}" for at in wrong.tolist()]
    return listed([f"{where}{place}: {stamps[at]} {message}" for at, place in zip(wrong.tolist(), places, strict=True)], where)


def _unreadable(where: str, given: pd.Series, read: pd.Series, rows: Ints) -> list[str]:
    wrong = np.flatnonzero(read.isna())
    return listed([f"{where}, row {rows[at]}: {_stamp_fault(given.iloc[at])}" for at in wrong[:SHOWN]], where, len(wrong))


def _stamp_fault(value: object) -> str:
    """Why a cell is no stamp, with examples of stamps."""
    text = "" if pd.isna(value) else str(value).strip()  # type: ignore[call-overload]
    such = "; such as 2018-01-01 00:15, 2018-01-01T00:15+01:00 or 01.01.2018 00:15"
    if not text:
        return f"no time{such}"
    shown = repr(value) if isinstance(value, str) else str(value)
    if re.fullmatch(r"-?\d+(\.\d*)?", text):
        return f"{shown} is a number, not a date and time{such}"
    if re.match(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}", text):
        return f"{shown} may have its day or its month first; write 2018-01-31 00:15 or 31.01.2018 00:15"
    return f"{shown} is not a date and time of the years {FIRST_YEAR} to {LAST_YEAR}{such}"


def listed(faults: list[str], place: str, n_faults: int | None = None) -> list[str]:
    """The first few faults, and how many more there are of `n_faults`; no more than these need be in words."""
    more = (len(faults) if n_faults is None else n_faults) - SHOWN
    return faults if more <= 0 else [*faults[:SHOWN], f"{place}: and {more} more rows"]
