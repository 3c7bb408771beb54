"""What an auditor reads under a mandate: each part he is given is an event, and each that he is refused (Pasal 4(2)b, 6(2))."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from contracts.mandates import DENIALS
from integrity import dsse
from integrity.canonical import canonical
from integrity.dossier import FACTS_PAYLOAD_TYPE
from kit.auth import Actor
from kit.call import Call
from kit.db import Db
from kit.keys import SigningKey
from kit.outbox import emit
from kit.problems import Problem
from kit.service import Service
from services.tender import events, uploads
from services.tender.access import announced_as, mandated
from services.tender.models import Tender
from services.tender.queries import dossiers as queries
from services.tender.schemas.dossiers import BidPartOut, FactsOut
from services.tender.schemas.values import Download

__all__ = ["bid", "facts", "file_download"]


async def facts(service: Service, call: Call, actor: Actor, code: str) -> FactsOut:
    async with _reading(call, actor, code, "tender", None) as (db, tender, mandate):
        found = await queries.facts(db, tender, mandate, service.settings.instance)
        key = SigningKey.load(service.settings.keys, "tender", "receipt", found.made_at)
        payload = canonical(found.model_dump(mode="json"))
        return call.answer(FactsOut(statement=dsse.sign(payload, FACTS_PAYLOAD_TYPE, key.private, key.kid)))


async def bid(call: Call, actor: Actor, code: str, id: UUID) -> BidPartOut:
    async with _reading(call, actor, code, "bid", id) as (db, tender, _):
        return call.answer(await queries.bid(db, tender, id))


async def file_download(service: Service, call: Call, actor: Actor, code: str, id: UUID) -> Download:
    async with _reading(call, actor, code, "file", id) as (db, tender, _):
        row, purpose = await queries.file(db, tender, id)
        grant = await uploads.download_grant(service, db, row, purpose, actor.account)
        return call.answer(Download(grant=grant, object=row.object))


@asynccontextmanager
async def _reading(
    call: Call, actor: Actor, code: str, what: str, record: UUID | None
) -> AsyncIterator[tuple[Db, Tender, UUID]]:
    """A transaction in which a part of the tender is read, and which stores that it was, or that it might not be."""
    async with call.database.reading() as db:
        tender = await announced_as(db, code)
    about = record or tender.id
    try:
        async with call.transaction() as db:
            tender = await announced_as(db, code)
            mandate = await mandated(db, tender, actor)
            await emit(db, events.access_granted(mandate, tender.id, what, about))
            yield db, tender, mandate
    except Problem as refusal:
        if refusal.code not in DENIALS:
            raise
        async with call.transaction() as db:
            await emit(db, events.access_denied(tender.id, what, about, refusal.code))
            call.refuse(refusal)
