"""Sanggah: a bidder objects, the Pokja answers in writing (Perpres 70/2012 Pasal 81)."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from contracts.roles import Role
from kit.auth import Actor
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.ids import new_id
from kit.outbox import emit
from kit.problems import NotFound
from kit.service import Service
from services.tender import events, uploads
from services.tender.access import buys_for, committee_tender, is_member, locked, one, takes_part
from services.tender.commands.failure import fail
from services.tender.models import Bid, CommitteeView, Objection, ObjectionDocument, Tender
from services.tender.queries.objections import objection_out
from services.tender.rules import objection
from services.tender.rules.regime import OBJECTION
from services.tender.schemas.objections import NewObjection, ObjectionAnswer, ObjectionOut
from services.tender.schemas.values import Download, Granted, NewFile
from services.tender.stages import span_of, stages_of

__all__ = ["add_document", "answer", "document_download", "file"]


async def file(call: Call, actor: Actor, id: UUID, body: NewObjection) -> ObjectionOut:
    async with call.transaction() as db:
        tender, now = await locked(db, Tender, id), await business_now(db)
        if tender.announced_at is None:
            raise NotFound("tender", id)
        objection.check_right(submitted=await _has(db, Bid, id, actor), objected=await _has(db, Objection, id, actor))
        span = span_of(await stages_of(db, id), OBJECTION)
        announced = tender.winner_announced_at is not None and tender.status == "running"
        objection.check_window(now, announced=announced, starts_at=span.starts_at, ends_at=span.ends_at)
        row = Objection(
            tender_id=id,
            provider=actor.provider,
            account=actor.account,
            text=body.text,
            filed_at=now,
            sequence=0,
        )
        db.add(row)
        await emit(db, events.objection_filed(row))
        return call.answer(await objection_out(db, row))


async def _has(db: Db, model: type[Bid] | type[Objection], tender: UUID, actor: Actor) -> bool:
    """Whether this provider submitted a bid (or objected) in this tender."""
    query = select(model.id).where(model.tender_id == tender, model.provider == actor.provider)
    if model is Bid:
        query = query.where(Bid.status == "submitted")
    return (await db.execute(query)).first() is not None


async def add_document(service: Service, call: Call, actor: Actor, id: UUID, body: NewFile) -> Granted:
    async with call.transaction() as db:
        row = await one(db, Objection, id)
        await committee_tender(db, row.tender_id, actor, write=False, of=NotFound("objection", id))
        objection.check_answer(answered=row.answered_at is not None)
        file = ObjectionDocument(
            id=new_id(),
            grant=new_id(),
            account=actor.account,
            name=body.name,
            media_type=body.media_type,
            objection_id=id,
        )
        db.add(file)
        return call.answer(Granted(id=file.id, grant=await uploads.upload_grant(service, db, file, "objection_answer")))


async def answer(service: Service, call: Call, actor: Actor, id: UUID, body: ObjectionAnswer) -> ObjectionOut:
    """The uploaded answer is mandatory. Upheld: the tender fails on F8 and its winner is none any more."""
    statement = uploads.statement_of(service, body.statement, datetime.now(UTC))
    async with call.transaction() as db:
        about = (await one(db, Objection, id)).tender_id
        tender, now = await committee_tender(db, about, actor, of=NotFound("objection", id))
        row = await locked(db, Objection, id)
        objection.check_answer(answered=row.answered_at is not None)
        letter = await locked(db, ObjectionDocument, statement.record)
        if letter.objection_id != id:
            raise NotFound("objection document", statement.record)
        uploads.check(letter, statement, "objection_answer", md5=body.md5, sha256=body.sha256)
        uploads.accept(letter, statement)
        row.answer, row.upheld, row.answered_at, row.answered_by = body.text, body.upheld, now, actor.account
        await emit(db, events.objection_answered(row))
        if body.upheld and tender.status == "running":
            await fail(db, tender, "F8", actor.account, now, evidence=f"sanggah {row.id}")
        await db.flush()
        return call.answer(await objection_out(db, row))


async def document_download(service: Service, call: Call, actor: Actor, id: UUID) -> Download:
    """The answer's letter, for the committee; once it is given for every participant, PPK, PA, KPA and Inspektur
    (Perpres 70/2012 Pasal 81).
    """
    async with call.transaction() as db:
        row = await one(db, ObjectionDocument, id)
        about = await one(db, Objection, row.objection_id)
        tender = await one(db, Tender, about.tender_id)
        committee = await db.get(CommitteeView, tender.committee)
        member = is_member(committee, actor, await business_now(db))
        told = actor.has(Role.INSPEKTUR) or buys_for(actor, tender.skpd) or await takes_part(db, tender.id, actor)
        if row.object is None or not (member or (told and about.answered_at is not None)):
            raise NotFound("objection document", id)
        grant = await uploads.download_grant(service, db, row, "objection_answer", actor.account)
        return call.answer(Download(grant=grant, object=row.object))
