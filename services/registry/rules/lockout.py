"""When a user id that somebody guesses at is closed for a while, and to whom (Pasal 4(2)a). By the real clock.

Closing it to everybody would let anybody shut a rival out before a deadline. So each place (an address, or a browser that
logged in before) has its own few failures; strangers have a number together, past which only known places get through.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from kit.limits import Limits

__all__ = ["Failure", "wait"]


@dataclass(frozen=True, slots=True)
class Failure:
    """`known`: somebody had logged in with this user id from that place before."""

    at: datetime
    place: bytes
    known: bool


def wait(failures: Iterable[Failure], place: bytes, now: datetime, limits: Limits, *, known: bool) -> int:
    """Seconds until the next attempt with this user id from `place` is allowed, 0 for now."""
    window = timedelta(seconds=limits.guess_window)
    recent = [failure for failure in failures if now - failure.at < window]
    own = [failure.at for failure in recent if failure.place == place]
    strangers = [] if known else [failure.at for failure in recent if not failure.known]
    ends = (_end(own, limits.guesses_per_place, window), _end(strangers, limits.guesses_per_user_id, window))
    return max((max(1, ceil((end - now).total_seconds())) for end in ends if end), default=0)


def _end(at: Sequence[datetime], most: int, window: timedelta) -> datetime | None:
    """When the `most`-th last failure stops to count, if there are so many."""
    return sorted(at)[-most] + window if len(at) >= most else None
