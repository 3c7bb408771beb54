"""Sanggah (Perpres 70/2012 Pasal 81): who may object, when, and what an answer needs."""

from datetime import datetime

from kit.problems import Conflict, Forbidden

__all__ = ["check_answer", "check_right", "check_window"]

ARTICLE = "Perpres 70/2012 Pasal 81"
COMPLAIN = (
    "Bring the matter as a complaint (pengaduan) to the helpdesk: POST /api/helpdesk/complaints, "
    "Perwali Mojokerto 21/2011 Pasal 18."
)


def check_window(now: datetime, *, announced: bool, starts_at: datetime, ends_at: datetime) -> None:
    if not announced or not starts_at <= now <= ends_at:
        raise Conflict(
            "objection_out_of_time",
            "Objections to the announced winner are taken from {starts_at} to {ends_at}.",
            article=ARTICLE,
            remedy=COMPLAIN,
            starts_at=starts_at.isoformat(),
            ends_at=ends_at.isoformat(),
        )


def check_right(*, submitted: bool, objected: bool) -> None:
    if not submitted:
        raise Forbidden(
            "objection_not_by_bidder",
            "Only a provider that submitted an offer in this tender may object to its result.",
            article=ARTICLE,
            remedy=COMPLAIN,
        )
    if objected:
        raise Conflict(
            "objection_filed",
            "You filed an objection in this tender already.",
            article=ARTICLE,
            remedy="Wait for the Pokja's answer; further facts go to the helpdesk as a complaint.",
        )


def check_answer(*, answered: bool) -> None:
    if answered:
        raise Conflict(
            "objection_answered",
            "This objection is answered and the answer stands.",
            article=ARTICLE,
            remedy="See the objection: its answer and letter stand there.",
        )
