"""What the regulation wants of complaints, announcements and the register of requests. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from contracts.calendar import add_working_days
from kit.problems import Conflict, Problem, RuleViolation

__all__ = [
    "FORWARD_WORKING_DAYS",
    "RECIPIENTS",
    "forward_due",
    "require_acknowledged",
    "require_answerable",
    "require_both_recipients",
    "require_channel",
    "require_not_forwarded",
    "require_open",
    "require_window",
]

RECIPIENTS: Final = ("lpse_pusat", "tim_pengarah")
FORWARD_WORKING_DAYS: Final = 2
"""Pasal 18(2) names no limit; this one is the LPSE's own."""


def forward_due(submitted_at: datetime) -> datetime:
    return add_working_days(submitted_at, FORWARD_WORKING_DAYS)


def require_both_recipients(recipients: Collection[str]) -> None:
    missing = [recipient for recipient in RECIPIENTS if recipient not in recipients]
    if missing:
        raise RuleViolation(
            "recipient_missing",
            "A complaint goes to LPSE Pusat and to the Steering Team; missing: {missing}.",
            article="Perwali Mojokerto 21/2011 Pasal 18(2)",
            remedy="Forward it to both with one letter.",
            missing=", ".join(missing),
        )


def require_not_forwarded(forwarded_at: datetime | None) -> None:
    if forwarded_at is not None:
        raise Conflict(
            "already_forwarded",
            "This complaint was forwarded on {at}.",
            article="Perwali Mojokerto 21/2011 Pasal 18(2)",
            remedy="Nothing is left to do; record the answer when it comes.",
            at=forwarded_at.isoformat(),
        )


def require_answerable(forwarded_at: datetime | None, answered_at: datetime | None) -> None:
    """Nothing ends a complaint that did not go where it must."""
    if forwarded_at is None:
        raise RuleViolation(
            "not_forwarded",
            "This complaint has not been forwarded, so it cannot be answered or closed.",
            article="Perwali Mojokerto 21/2011 Pasal 18(2)",
            remedy="Forward it to LPSE Pusat and to the Steering Team first.",
        )
    if answered_at is not None:
        raise Conflict(
            "already_answered",
            "This complaint was answered on {at}; an answer is not rewritten.",
            article="Perwali Mojokerto 21/2011 Pasal 18(1)",
            remedy="Open a request for what is to be added.",
            at=answered_at.isoformat(),
        )


def require_window(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if not starts_at < ends_at:
        raise Problem("window_invalid", "The work must end after it begins.", remedy="Correct the times.", status=422)
    if starts_at < now:
        raise RuleViolation(
            "announced_too_late",
            "The work would have begun at {starts_at}, before this announcement.",
            article="Perwali Mojokerto 21/2011 Pasal 12(3)",
            remedy="Announce maintenance before it begins.",
            starts_at=starts_at.isoformat(),
        )


def require_acknowledged(affected: Sequence[str], acknowledged: Collection[str]) -> None:
    """Whoever announces maintenance has seen which tenders lose time by it: exactly these, no more, no fewer."""
    if set(affected) == set(acknowledged):
        return
    raise RuleViolation(
        "tenders_affected",
        "Bids for these tenders are due in the window: {listed}.",
        article="Perwali Mojokerto 21/2011 Pasal 12(3)",
        remedy="Move the window, or ask the Pokja to move the deadlines; to go on, repeat the list as `acknowledged`.",
        extra={"tenders": sorted(affected)},
        listed=", ".join(sorted(affected)) or "none",
    )


def require_channel(channel: str, *, by_helpdesk: bool) -> None:
    """Calls and visits enter the same register, but by the officer who took them (Pasal 15(3))."""
    if channel != "internet" and not by_helpdesk:
        raise RuleViolation(
            "channel_of_helpdesk",
            "Only the helpdesk registers a request that came by {channel}.",
            article="Perwali Mojokerto 21/2011 Pasal 15(3)",
            remedy="Leave the channel out.",
            channel=channel,
        )


def require_open(status: str) -> None:
    if status == "closed":
        raise Conflict(
            "ticket_closed",
            "This request is closed.",
            article="Perwali Mojokerto 21/2011 Pasal 6(1)c",
            remedy="Open a new one and name this.",
        )
