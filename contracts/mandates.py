"""Whom a mandate lets in where, by one rule for every service that hides something from auditors. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kit.problems import Conflict, Forbidden

__all__ = ["DENIALS", "Mandate", "covering", "require_unsealed"]

DENIALS: Final = frozenset({"outside_mandate", "mandate_not_in_force", "bids_sealed"})
"""Refusals that are events of their own (Pasal 6(2))."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """Which tenders its holder may read, and from when up to, but without, when, in business time."""

    id: UUID
    tenders: Collection[str]
    valid_from: datetime
    valid_to: datetime


def covering(held: Iterable[Mandate], tender: str, now: datetime) -> UUID:
    """The mandate that names this tender and is in force. Raises Forbidden where none is."""
    naming = sorted((one for one in held if tender in one.tenders), key=lambda one: one.valid_to)
    for one in naming:
        if one.valid_from <= now < one.valid_to:
            return one.id
    if naming:
        raise Forbidden(
            "mandate_not_in_force",
            "Your mandate for the tender {tender} is in force from {begins} until {ends}, and not now.",
            article="Perwali Mojokerto 21/2011 Pasal 6(2)",
            remedy="Have the Inspektur register a new surat tugas.",
            tender=tender,
            begins=naming[-1].valid_from.isoformat(),
            ends=naming[-1].valid_to.isoformat(),
        )
    raise Forbidden(
        "outside_mandate",
        "None of your mandates names the tender {tender}.",
        article="Perwali Mojokerto 21/2011 Pasal 6(2)",
        remedy="Have the Inspektur register a surat tugas that names it.",
        tender=tender,
    )


def require_unsealed(tender: str, *, opened: bool) -> None:
    """Until the opening bids are secret from everybody but their owners, and so is how many there are."""
    if not opened:
        raise Conflict(
            "bids_sealed",
            "The bids of {tender} are secret until they are opened: nobody sees them before, auditors neither.",
            article="Perpres 54/2010 Pasal 78",
            remedy="Ask again after the opening; until then the tender's public page shows what may be seen.",
            tender=tender,
        )
