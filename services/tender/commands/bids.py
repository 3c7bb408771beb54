"""A bidder prepares an offer: a draft and its files. Nothing here looks at the deadline; the consent does."""

import secrets
from uuid import UUID

from sqlalchemy import func, select

from kit.auth import Actor
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.ids import new_id
from kit.problems import Conflict, NotFound
from kit.service import Service
from services.tender import uploads
from services.tender.access import (
    announced,
    is_member,
    not_a_participant,
    one,
    own_bid,
    provider_of,
    require_open,
)
from services.tender.models import Bid, BidFile, CommitteeView, Participation, Tender
from services.tender.schemas.bids import BidDraft
from services.tender.schemas.values import Download, Granted, NewFile

__all__ = ["add_file", "draft", "file_download"]

MOST_FILES = 50
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


async def draft(call: Call, actor: Actor, id: UUID) -> BidDraft:
    async with call.transaction() as db:
        tender = await announced(db, id)
        require_open(tender)
        now = await business_now(db)
        provider = await provider_of(db, actor, now)
        if await db.get(Participation, (id, provider.id), with_for_update=True) is None:
            raise not_a_participant()
        before = select(func.count()).where(Bid.tender_id == id, Bid.provider == provider.id)
        row = Bid(
            code=_code(),
            tender_id=id,
            provider=provider.id,
            account=actor.account,
            version=(await db.execute(before)).scalar_one() + 1,
            status="draft",
            created_at=now,
            sequence=0,
        )
        db.add(row)
        await db.flush()
        return call.answer(BidDraft.model_validate(row))


def _code() -> str:
    """Random: a running number would tell how many bids there are."""
    return "PN-" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


async def add_file(service: Service, call: Call, actor: Actor, id: UUID, body: NewFile) -> Granted:
    async with call.transaction() as db:
        bid = await own_bid(db, id, actor)
        if bid.status != "draft":
            raise Conflict(
                "bid_decided",
                "The bid {bid} is {state} and is not changed any more.",
                article="Perpres 54/2010 Pasal 78",
                remedy="Start a new bid; it replaces this one when it is submitted before the deadline.",
                bid=bid.code,
                state=bid.status,
            )
        await _refuse_too_many(db, id)
        tender = await one(db, Tender, bid.tender_id)
        row = BidFile(
            id=new_id(), grant=new_id(), account=actor.account, name=body.name, media_type=body.media_type, bid_id=id
        )
        db.add(row)
        grant = await uploads.upload_grant(service, db, row, "bid_file", deadline=tender.closes_at)
        return call.answer(Granted(id=row.id, grant=grant))


async def _refuse_too_many(db: Db, bid: UUID) -> None:
    if (await db.execute(select(func.count()).where(BidFile.bid_id == bid))).scalar_one() >= MOST_FILES:
        raise Conflict(
            "too_many_files",
            "A bid has at most {most} files.",
            remedy="Put several documents into one file.",
            most=MOST_FILES,
        )


async def file_download(service: Service, call: Call, actor: Actor, id: UUID) -> Download:
    """The owner at any time; the committee only after the opening (Perpres 54/2010 Pasal 78)."""
    async with call.transaction() as db:
        row = await one(db, BidFile, id)
        bid = await one(db, Bid, row.bid_id)
        mine = actor.provider is not None and actor.provider == bid.provider
        if row.object is None or not (mine or await _may_open(db, bid, actor)):
            raise NotFound("bid file", id)
        grant = await uploads.download_grant(service, db, row, "bid_file", actor.account)
        return call.answer(Download(grant=grant, object=row.object))


async def _may_open(db: Db, bid: Bid, actor: Actor) -> bool:
    tender = await one(db, Tender, bid.tender_id)
    committee = await db.get(CommitteeView, tender.committee)
    member = is_member(committee, actor, await business_now(db))
    return member and tender.opened_at is not None and bid.status == "submitted"
