"""Objections: to the committee all, and to those who get a copy; to a bidder its own, to participants what is answered
(Perpres 70/2012 Pasal 81).
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from contracts.roles import Role
from kit.auth import Actor
from kit.db import Db
from services.tender.access import announced, buys_for, committee_tender, one, takes_part
from services.tender.models import Objection, ObjectionDocument, Tender
from services.tender.schemas.objections import ObjectionOut
from services.tender.schemas.values import FileOut

__all__ = ["listing", "objection_out", "objections_of"]


async def listing(db: Db, id: UUID, actor: Actor) -> list[ObjectionOut]:
    tender, rows = await one(db, Tender, id), await objections_of(db, id)
    if actor.provider is None:
        copied = buys_for(actor, tender.skpd) or (actor.has(Role.INSPEKTUR) and tender.announced_at is not None)
        if not copied:
            await committee_tender(db, id, actor, write=False)
    else:
        published = await takes_part(db, (await announced(db, id)).id, actor)
        rows = [row for row in rows if row.provider == actor.provider or (published and row.answered_at is not None)]
    return [await objection_out(db, row) for row in rows]


async def objections_of(db: Db, tender: UUID) -> Sequence[Objection]:
    query = select(Objection).where(Objection.tender_id == tender).order_by(Objection.id)
    return (await db.execute(query)).scalars().all()


async def objection_out(db: Db, row: Objection) -> ObjectionOut:
    arrived = ObjectionDocument.object.is_not(None)
    query = select(ObjectionDocument).where(ObjectionDocument.objection_id == row.id, arrived)
    given = {name: getattr(row, name) for name in ObjectionOut.model_fields if hasattr(row, name)}
    files = [FileOut.model_validate(file) for file in (await db.execute(query)).scalars()]
    return ObjectionOut(**given, tender=row.tender_id, documents=files)
