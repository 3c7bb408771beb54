"""Who may touch which record. What one may not see does not exist (404); what one may see and not do is forbidden (403).

A tender shows to its PPK, PA and KPA and to its committee from the first draft, to everybody from its announcement. What an
auditor's mandate names shows to him whole, but not before its bids are opened.
"""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select

from contracts.calendar import WIB
from contracts.mandates import Mandate, covering, require_unsealed
from contracts.roles import Role
from kit.auth import Actor
from kit.clock import business_now
from kit.db import Base, Db
from kit.problems import Conflict, Forbidden, NotFound
from services.tender.models import Bid, CommitteeView, MandateView, Participation, ProviderView, Tender

__all__ = [
    "BUYERS",
    "announced",
    "announced_as",
    "buys_for",
    "committee_tender",
    "is_member",
    "locked",
    "mandated",
    "mandates_of",
    "not_a_participant",
    "one",
    "own_bid",
    "provider_of",
    "refuse_both_sides",
    "require_open",
    "takes_part",
]

ROW = TypeVar("ROW", bound=Base)


async def one(db: Db, model: type[ROW], id: UUID) -> ROW:
    row = await db.get(model, id)
    if row is None:
        raise NotFound(model.__tablename__.replace("_", " "), id)
    return row


async def locked(db: Db, model: type[ROW], id: UUID) -> ROW:
    """The row, kept from other changes until this transaction ends. Rows that refer to it may still come.

    Read anew: what was looked at before the lock may have been changed while we waited for it.
    """
    row = await db.get(model, id, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise NotFound(model.__tablename__.replace("_", " "), id)
    return row


BUYERS = (Role.PPK, Role.PA, Role.KPA)
"""Who buys for an SKPD and reads all that is its own (DOMAIN 1.3)."""


def buys_for(actor: Actor, skpd: str) -> bool:
    return any(actor.serves(role, skpd) for role in BUYERS)


async def announced(db: Db, id: UUID) -> Tender:
    """A tender that everybody knows."""
    tender = await one(db, Tender, id)
    if tender.announced_at is None:
        raise NotFound("tender", id)
    return tender


async def announced_as(db: Db, code: str) -> Tender:
    """The same by its public code."""
    query = select(Tender).where(Tender.code == code, Tender.announced_at.is_not(None))
    row = (await db.execute(query)).scalar_one_or_none()
    if row is None:
        raise NotFound("tender", code)
    return row


async def mandates_of(db: Db, actor: Actor) -> list[Mandate]:
    rows = (await db.execute(select(MandateView).where(MandateView.account == actor.account))).scalars()
    return [Mandate(row.id, row.tenders, row.valid_from, row.valid_to) for row in rows]


async def mandated(db: Db, tender: Tender, actor: Actor) -> UUID:
    """The mandate by which an auditor reads this tender. One that failed without an opening keeps its bids closed, and shows
    him who was answered what.
    """
    mandate = covering(await mandates_of(db, actor), tender.code, await business_now(db))
    require_unsealed(tender.code, opened=tender.opened_at is not None or tender.status == "failed")
    return mandate


def is_member(committee: CommitteeView | None, actor: Actor, now: datetime) -> bool:
    return (
        committee is not None
        and actor.has(Role.POKJA)
        and str(actor.account) in committee.members
        and committee.valid_from <= now < committee.valid_to
    )


async def committee_tender(
    db: Db, id: UUID, actor: Actor, *, write: bool = True, of: NotFound | None = None
) -> tuple[Tender, datetime]:
    """A tender of the actor's committee, locked for writing, with the business time.

    `of`: what others are told when they came by a record of it that shows to the committee alone.
    """
    tender = await (locked if write else one)(db, Tender, id)
    now = await business_now(db)
    committee = await one(db, CommitteeView, tender.committee)
    if not is_member(committee, actor, now):
        if of is not None or tender.announced_at is None:
            raise of or NotFound("tender", id)
        raise Forbidden(
            "not_in_committee",
            "Only members of {committee}, by a decree in force, work on this tender.",
            article="Perwali Mojokerto 21/2011 Pasal 5(1)b",
            remedy="Ask the Admin Agency to register the decree that names you.",
            committee=committee.name,
        )
    return tender, now


def refuse_both_sides(*, pokja: bool, ppk: bool) -> None:
    """Nobody signs for the Pokja and as PPK on one package: looked at again with each signature (DOMAIN 1.3)."""
    if pokja and ppk:
        raise Forbidden(
            "separation_of_duties",
            "You are PPK and member of the Pokja of the same package.",
            article="Perpres 54/2010 Pasal 17; Perwali Mojokerto 21/2011 Pasal 5",
            remedy="Let somebody else sign, and have the Admin Agency correct the assignments.",
        )


def require_open(tender: Tender) -> None:
    """Announced, neither failed nor finished."""
    if tender.status != "running":
        raise Conflict(
            "tender_not_running",
            "The tender {tender} is {state}.",
            article="Perpres 70/2012 Pasal 83-84",
            remedy="See the tender's page.",
            tender=tender.code,
            state=tender.status,
        )


async def provider_of(db: Db, actor: Actor, now: datetime) -> ProviderView:
    """The actor's provider, if a verifier admitted it and its licence is in date (Pasal 9(2))."""
    provider = await db.get(ProviderView, actor.provider) if actor.provider else None
    if provider is None:
        raise Forbidden(
            "provider_not_verified",
            "Your firm is not verified yet.",
            article="Perwali Mojokerto 21/2011 Pasal 9(2)",
            remedy="Complete and submit the registration, then show the originals of your papers to the LPSE's verifier.",
        )
    if provider.licence_expires is not None and provider.licence_expires < now.astimezone(WIB).date():
        raise Forbidden(
            "licence_expired",
            "The business licence of your firm expired on {on}.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a",
            remedy="Hand in the renewed licence to the LPSE's verifier.",
            on=provider.licence_expires,
        )
    return provider


async def takes_part(db: Db, tender: UUID, actor: Actor) -> bool:
    """Whether the actor's firm joined this tender, which only an announced one can be."""
    return actor.provider is not None and await db.get(Participation, (tender, actor.provider)) is not None


def not_a_participant() -> Forbidden:
    return Forbidden(
        "not_a_participant",
        "This is for the participants of the tender.",
        article="Perpres 54/2010 Pasal 77",
        remedy="Join the tender first.",
    )


async def own_bid(db: Db, id: UUID, actor: Actor) -> Bid:
    bid = await one(db, Bid, id)
    if actor.provider is None or bid.provider != actor.provider:
        raise NotFound("bid", id)
    return bid
