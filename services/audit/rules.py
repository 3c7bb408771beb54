"""Where an event stands in the chain of its source (DESIGN section 4), when what is hidden is logged, and which mandates there
may be. Pure.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Final

from kit.problems import Conflict, RuleViolation

__all__ = [
    "ARTICLE",
    "GATHER",
    "PATIENCE",
    "QUIET",
    "RUSH",
    "Place",
    "blind_due",
    "check_end",
    "check_mandate",
    "place",
    "ticks",
]

ARTICLE: Final = "Perwali Mojokerto 21/2011 Pasal 6(2)"
"""Information goes to institutions that may audit, monitor and evaluate."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
QUIET: Final = 8
"""Blind entries of each period, whether that many wait, fewer or none: what happens between looks the same."""
RUSH: Final = 64
"""So many that wait are logged at once: a rush is seen as one, and is not held back."""
GATHER: Final = 0.25
"""Seconds for which what comes together is gathered: each batch has a signature, each publication files, and both are told."""
PATIENCE: Final = 5
"""Periods that one waits at most."""


class Place(Enum):
    NEXT = auto()
    """It continues the chain."""
    LATER = auto()
    """Others come before it that have not arrived yet."""
    BROKEN = auto()
    """It contradicts what is recorded: another event stands in its place, or it follows one that we do not know."""


def place(seq: int, prev: str, *, last_seq: int, last_digest: str) -> Place:
    """`seq` counts from 1 without gaps and `prev` is the SHA-256 of the envelope before, both given by the relay."""
    if seq > last_seq + 1:
        return Place.LATER
    return Place.NEXT if (seq, prev) == (last_seq + 1, last_digest) else Place.BROKEN


def ticks(last: datetime | None, now: datetime, period: timedelta) -> bool:
    """Whether a period has begun since the last batch that hides something. Periods begin on a grid, not with events."""
    return last is None or (now - EPOCH) // period > (last - EPOCH) // period


def blind_due(waiting: int, waited: timedelta, period: timedelta, *, tick: bool) -> int | None:
    """How many of the blind entries that wait are logged now, or None where no batch is to hide any.

    As long as fewer than RUSH wait, and none for PATIENCE periods, each period has one batch of the same size: nobody who
    reads the log can tell three bids from none.
    """
    if waiting >= RUSH or (waiting and waited > PATIENCE * period):
        return waiting
    return min(waiting, QUIET) if tick else None


def check_mandate(begins: datetime, ends: datetime, now: datetime, *, to_self: bool) -> None:
    """A surat tugas has a term that is not over, and nobody sends himself."""
    if to_self:
        raise RuleViolation(
            "mandate_to_oneself",
            "Nobody gives himself a mandate.",
            article=ARTICLE,
            remedy="Have another officer register it.",
        )
    if not begins < ends:
        raise RuleViolation(
            "mandate_term",
            "The mandate ends before it begins.",
            article=ARTICLE,
            remedy="Take both instants from the surat tugas.",
        )
    check_end(ends, now)


def check_end(ends: datetime, now: datetime) -> None:
    if ends <= now:
        raise Conflict(
            "mandate_over",
            "This mandate ended on {ends}.",
            article=ARTICLE,
            remedy="Nothing is left to do; a new surat tugas gives a new mandate.",
            ends=ends.isoformat(),
        )
