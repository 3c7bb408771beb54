"""Working days (hari kerja): Monday to Friday less the holidays and joint leave days of the yearly joint decree.

The decree is revised in mid-year at times, so the days are data with the decree they come from (`holidays.toml`), not a
library's guess. A year without a decree yet has the holidays of fixed date only.
"""

import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

__all__ = ["add_working_days", "is_working_day", "working_days_between"]

WIB = ZoneInfo("Asia/Jakarta")


@cache
def _holidays() -> tuple[frozenset[date], frozenset[int]]:
    data = tomllib.loads((files("contracts") / "holidays.toml").read_text())
    days = frozenset(day for year in data["year"] for day in (*year["holidays"], *year["joint_leave"]))
    return days, frozenset(year["year"] for year in data["year"])


_FIXED = frozenset({(1, 1), (5, 1), (6, 1), (8, 17), (12, 25)})


def is_working_day(day: date) -> bool:
    days, decreed = _holidays()
    if day.weekday() >= 5:
        return False
    return day not in days if day.year in decreed else (day.month, day.day) not in _FIXED


def _following(day: date) -> Iterator[date]:
    while True:
        day += timedelta(days=1)
        if is_working_day(day):
            yield day


def add_working_days(start: datetime, count: int) -> datetime:
    """The end (24:00 WIB) of the `count`-th working day after `start`; the day of the event does not count."""
    days = _following(start.astimezone(WIB).date())
    last = start.astimezone(WIB).date()
    for _ in range(count):
        last = next(days)
    return datetime.combine(last + timedelta(days=1), time.min, WIB)


def working_days_between(start: datetime, end: datetime) -> int:
    """Working days that lie after the day of `start`, up to and with the day of `end` (an end at 00:00 is the day before)."""
    first = start.astimezone(WIB).date()
    last = (end.astimezone(WIB) - timedelta(microseconds=1)).date()
    return sum(1 for offset in range(1, (last - first).days + 1) if is_working_day(first + timedelta(days=offset)))
