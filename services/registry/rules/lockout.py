"""When an account that somebody guesses at is closed for a while (Pasal 4(2)a). By the real clock."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from typing import Final

__all__ = ["FAILURES", "WINDOW", "wait"]

FAILURES: Final = 5
WINDOW: Final = timedelta(minutes=15)


def wait(attempts: Iterable[datetime], now: datetime) -> int:
    """Seconds until the next attempt is allowed, 0 for now: the fifth last of the failures must be 15 minutes old."""
    recent = sorted(at for at in attempts if now - at < WINDOW)
    if len(recent) < FAILURES:
        return 0
    return max(1, ceil((recent[-FAILURES] + WINDOW - now).total_seconds()))
