"""Tables of a row a day, their columns headed by clock times: 00:00, 00:30, … or, at the ends of the steps, 00:30, … 24:00."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse
from fastp2p.io.readers.axis import Ints
from fastp2p.io.readers.clock import listed, parse_times

DAY_MINUTES = 1_440
CLOCK_TIME = re.compile(r"(?a)(\d{1,2}):(\d\d)(?::00)?")


def clock_minutes(path: Path, headings: list[str], *, period_ending: bool, cumulative: bool) -> Ints:
    """Minutes after midnight at which the steps of columns headed by clock times start; none where no column is.

    Raises
    ------
    InputError
        Other columns beside them, or times that do not follow each other over a whole day.
    """
    found = [CLOCK_TIME.fullmatch(one) for one in headings]
    if not any(found):
        return np.zeros(0, np.int64)
    others = [one for one, match in zip(headings, found, strict=True) if match is None]
    shown = f"{path}: columns {headings[0]} … {headings[-1]}"
    if others:
        raise InputError(f"{path}: some columns are headed by clock times, a row a day, and {others[0]!r} is not; leave it out")
    minutes = np.array([60 * int(match[1]) + int(match[2]) for match in found if match], np.int64)
    step = DAY_MINUTES // len(minutes)
    if minutes[-1] == 0 and len(minutes) > 1:
        minutes[-1] = DAY_MINUTES
    if step * len(minutes) != DAY_MINUTES or (np.diff(minutes) != step).any() or minutes[0] not in (0, step):
        raise InputError(f"{shown} are clock times, a row a day, but do not follow each other over a whole day")
    if minutes[0] == 0 and period_ending:
        raise InputError(f"{shown} are the starts of steps, a row a day; period_ending does not apply to them")
    return minutes if cumulative else minutes - minutes[0]


def unrolled(path: Path, frame: pd.DataFrame, time: str, columns: list[str], minutes: Ints, value: str) -> pd.DataFrame:
    """The rows of days as a row a step: the time, the value, and the other columns repeated.

    Raises
    ------
    InputError
        Dates that cannot be read, or have a time of the day or an offset to UTC.
    """
    where, rows = f"{path}, column {time}", frame.index.to_numpy()
    days = parse_times(where, frame[time], rows)
    if days.tz is not None:
        raise InputError(f"{where}: the dates of a row a day have an offset to UTC; leave it out, and give the zone")
    at = np.flatnonzero(days != days.normalize()).tolist()
    refuse(listed([f"{where}, row {rows[one]}: {days[one]} is no date; the times stand in the headings" for one in at], where))
    long = frame.drop(columns=[time, *columns]).loc[frame.index.repeat(len(columns))]
    stamps = days.repeat(len(columns)) + pd.to_timedelta(np.tile(minutes, len(days)), unit="min")
    long[time], long[value] = stamps, frame[columns].to_numpy(float).ravel()
    return long
