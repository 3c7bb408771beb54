"""SPPBJ (Perpres 54/2010 Pasal 85): the letter of appointment comes after the objections."""

from datetime import datetime
from typing import Any

from kit.problems import Conflict

__all__ = ["check"]

ARTICLE = "Perpres 54/2010 Pasal 85"


def check(
    *,
    now: datetime,
    objection_ends: datetime,
    announced: bool,
    unanswered: int,
    upheld: int,
    issued: bool,
    running: bool,
) -> None:
    """Raises Conflict while a rule stands against the appointment of the announced winner."""
    if issued:
        raise _not_now("appointment_issued", "The SPPBJ of this tender is issued.", "See the tender's page.")
    if not announced:
        raise _not_now("winner_not_announced", "No winner is announced yet.", "The Pokja announces the winner first.")
    if now <= objection_ends:
        raise _not_now(
            "objection_period_open",
            "Bidders may object until {ends}.",
            "Issue the SPPBJ after the Masa Sanggah.",
            ends=objection_ends.isoformat(),
        )
    if unanswered:
        raise _not_now(
            "objections_open", "{count} objections are not answered.", "The Pokja answers them first.", count=unanswered
        )
    if upheld:
        raise _not_now(
            "objection_upheld", "An objection was upheld.", "The tender failed because of it; it has no winner."
        )
    if not running:
        raise _not_now("tender_failed", "The tender failed; it has no winner.", "See the tender's page.")


def _not_now(code: str, sentence: str, remedy: str, **params: Any) -> Conflict:
    return Conflict(code, sentence, article=ARTICLE, remedy=remedy, **params)
