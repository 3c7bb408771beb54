"""A tender as an auditor reads it: all that was decided, and of each bid what the opening let out."""

from uuid import UUID

from sqlalchemy import select

from integrity.dossier import FACTS_TYPE
from kit.auth import Actor
from kit.clock import business_now, real_now
from kit.db import Db
from kit.problems import NotFound
from services.tender.access import mandates_of
from services.tender.models import (
    Bid,
    BidFile,
    Objection,
    ObjectionDocument,
    Question,
    Tender,
    TenderDocument,
    Uploaded,
)
from services.tender.queries import public
from services.tender.queries.bids import sheet_of
from services.tender.queries.objections import objection_out, objections_of
from services.tender.queries.standing import names_of
from services.tender.queries.tenders import rows_of, tender_out
from services.tender.schemas.dossiers import BidPartOut, DossierBid, DossierFile, Facts
from services.tender.schemas.tenders import QuestionOut, TenderRow
from services.tender.uploads import Purpose

__all__ = ["bid", "facts", "file", "listing"]


async def listing(db: Db, actor: Actor) -> list[TenderRow]:
    """The tenders that the actor's mandates in force name."""
    now = await business_now(db)
    named = {
        code for one in await mandates_of(db, actor) if one.valid_from <= now < one.valid_to for code in one.tenders
    }
    query = select(Tender).where(Tender.code.in_(named), Tender.announced_at.is_not(None)).order_by(Tender.code)
    return await rows_of(db, (await db.execute(query)).scalars().all())


async def facts(db: Db, tender: Tender, mandate: UUID, host: str) -> Facts:
    asked = select(Question).where(Question.tender_id == tender.id).order_by(Question.id)
    decided = select(Bid).where(Bid.tender_id == tender.id, Bid.status != "draft").order_by(Bid.id)
    names, bids = await names_of(db, tender.id), (await db.execute(decided)).scalars().all()
    return Facts(
        type=FACTS_TYPE,
        host=host,
        made_at=await real_now(db),
        mandate=mandate,
        tender=await tender_out(db, tender, await business_now(db), official=True),
        public=await public.detail(db, tender.code),
        manifest=tender.manifest,
        sheet=await sheet_of(db, tender) if tender.opened_at else None,
        questions=[QuestionOut.model_validate(row) for row in (await db.execute(asked)).scalars()],
        objections=[await objection_out(db, row) for row in await objections_of(db, tender.id)],
        bids=[_bid(row, names[row.provider], tender) for row in bids],
        files=[_file(*found) for found in await _files(db, tender)],
    )


def _bid(row: Bid, name: str, tender: Tender) -> DossierBid:
    given = {name: getattr(row, name) for name in DossierBid.model_fields if name not in {"name", "opened"}}
    return DossierBid(**given, name=name, opened=_is_open(row, tender))


def _is_open(bid: Bid, tender: Tender) -> bool:
    """Only what the Pokja opened: what came late, or gave way to another, stays closed."""
    return tender.opened_at is not None and bid.status == "submitted"


async def bid(db: Db, tender: Tender, id: UUID) -> BidPartOut:
    row = await db.get(Bid, id)
    if row is None or row.tender_id != tender.id or row.event is None or row.receipt is None:
        raise NotFound("bid", id)
    record = row.record if _is_open(row, tender) else None
    return BidPartOut(id=row.id, code=row.code, event_id=row.event, receipt=row.receipt, record=record)


async def file(db: Db, tender: Tender, id: UUID) -> tuple[Uploaded, Purpose]:
    for row, purpose, _ in await _files(db, tender):
        if row.id == id:
            return row, purpose
    raise NotFound("file", id)


async def _files(db: Db, tender: Tender) -> list[tuple[Uploaded, Purpose, UUID]]:
    """What arrived, with what it is and whose."""
    documents = select(TenderDocument).where(TenderDocument.tender_id == tender.id).order_by(TenderDocument.id)
    opened = select(BidFile).join(Bid).where(Bid.tender_id == tender.id, Bid.status == "submitted").order_by(BidFile.id)
    letters = (
        select(ObjectionDocument).join(Objection).where(Objection.tender_id == tender.id).order_by(ObjectionDocument.id)
    )
    found: list[tuple[Uploaded, Purpose, UUID]] = [
        (row, "tender_document", row.tender_id) for row in (await db.execute(documents)).scalars()
    ]
    if tender.opened_at is not None:
        found += [(row, "bid_file", row.bid_id) for row in (await db.execute(opened)).scalars()]
    found += [(row, "objection_answer", row.objection_id) for row in (await db.execute(letters)).scalars()]
    return [one for one in found if one[0].object is not None]


def _file(row: Uploaded, purpose: Purpose, owner: UUID) -> DossierFile:
    names = DossierFile.model_fields.keys() - {"of", "owner"}
    return DossierFile(**{name: getattr(row, name) for name in names}, of=purpose, owner=owner)
