"""Mandates, and what is read under them: each reading is an event, and each refusal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import select

from contracts.mandates import DENIALS, covering, require_unsealed
from contracts.roles import Role
from integrity.checkpoint import Checkpoint as Statement
from kit.auth import Actor
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.jobs import TimeEvent, plan, replan
from kit.outbox import emit
from kit.problems import Forbidden, NotFound, Problem
from kit.service import Service
from services.audit import events, queries
from services.audit.jobs import EXPIRY
from services.audit.log.signing import signer_of
from services.audit.log.witnesses import policy_in_force, policy_text
from services.audit.models import EntrySecret, Mandate, TenderView
from services.audit.queries import WATCHERS
from services.audit.rules import ARTICLE, check_end, check_mandate
from services.audit.schemas import DossierEntriesOut, DossierOut, MandateOut, NewMandate, OpenedEntryOut

__all__ = ["dossier", "dossier_entries", "end", "grant", "open_entry"]

ENTRY = "entry"
ENTRIES = "entries"


async def grant(call: Call, new: NewMandate) -> MandateOut:
    async with call.transaction() as db:
        now = await business_now(db)
        check_mandate(new.valid_from, new.valid_to, now, to_self=new.account == call.account)
        tenders = list(dict.fromkeys(new.tenders))
        known = set((await db.execute(select(TenderView.code).where(TenderView.code.in_(tenders)))).scalars())
        for code in tenders:
            if code not in known:
                raise NotFound("tender", code)
        row = Mandate(
            account=new.account,
            number=new.number,
            tenders=tenders,
            valid_from=new.valid_from,
            valid_to=new.valid_to,
            granted_by=call.account,
            granted_at=now,
        )
        db.add(row)
        await emit(db, events.mandate_granted(row))
        await plan(db, TimeEvent(row.valid_to, EXPIRY), str(row.id))
        return call.answer(queries.mandate_out(row, now))


async def end(call: Call, id: UUID) -> MandateOut:
    """Before its letter does. One that has not begun yet never will."""
    async with call.transaction() as db:
        row = await db.get(Mandate, id, with_for_update=True)
        if row is None:
            raise NotFound("mandate", id)
        now = await business_now(db)
        check_end(row.valid_to, now)
        row.valid_to, row.ended_by = now, call.account
        await emit(db, events.mandate_ended(row))
        await replan(db, str(row.id), ())
        return call.answer(queries.mandate_out(row, now))


async def open_entry(call: Call, actor: Actor, event_id: UUID) -> OpenedEntryOut:
    """For who did what the entry tells of, and for those who watch, whose reading is told."""
    async with call.database.reading() as db:
        secret = await db.get(EntrySecret, event_id)
        mine = secret is not None and secret.actor == actor.account
        if secret is None or not (mine or actor.has(*WATCHERS)):
            raise NotFound("log entry of the event", event_id)
        row = await queries.place_of(db, event_id)
    if mine:
        return queries.opened(row, secret, watches=False)
    async with _watching(call, actor, secret.tender, ENTRY, event_id):
        return call.answer(queries.opened(row, secret, watches=True))


async def dossier(service: Service, call: Call, actor: Actor, code: str) -> DossierOut:
    tender = await _named(call, code)
    policy = policy_in_force(service)
    async with _watching(call, actor, tender, ENTRIES) as (db, mandate):
        if mandate is None:
            raise RuntimeError("an auditor reads a tender by a mandate")
        note = await queries.newest_note(db, policy)
        words = policy_text(signer_of(service), service.settings.log_policy)
        size = Statement.parse(note.text).size
        return call.answer(DossierOut(mandate=mandate, tender=tender, size=size, note=str(note), policy=words))


async def dossier_entries(
    call: Call, actor: Actor, code: str, *, size: int, start: int, count: int
) -> DossierEntriesOut:
    tender = await _named(call, code)
    async with _watching(call, actor, tender, ENTRIES) as (db, _):
        return call.answer(await queries.entries_of(db, tender, size=size, start=start, count=count))


async def _named(call: Call, code: str) -> UUID:
    async with call.database.reading() as db:
        found = (await db.execute(select(TenderView.id).where(TenderView.code == code))).scalar_one_or_none()
    if found is None:
        raise NotFound("tender", code)
    return found


@asynccontextmanager
async def _watching(
    call: Call, actor: Actor, tender: UUID | None, what: str, record: UUID | None = None
) -> AsyncIterator[tuple[Db, UUID | None]]:
    """A transaction in which somebody who watches is shown something, with the mandate by which. That he is shown it is
    stored with it, and that he is not when he may not.
    """
    try:
        async with call.transaction() as db:
            mandate = await _admitted(db, actor, tender)
            await emit(db, events.access_granted(mandate, tender, what, record))
            yield db, mandate
    except Problem as refusal:
        if refusal.code not in {*DENIALS, "entry_of_no_tender"}:
            raise
        async with call.transaction() as db:
            await emit(db, events.access_denied(tender, what, record, refusal.code))
            call.refuse(refusal)


async def _admitted(db: Db, actor: Actor, tender: UUID | None) -> UUID | None:
    """The mandate by which; the Inspektur, who sends the auditors, needs none. Before a tender's opening nobody is let in."""
    known = await db.get(TenderView, tender) if tender else None
    mandate = None
    if not actor.has(Role.INSPEKTUR):
        if known is None:
            raise Forbidden(
                "entry_of_no_tender",
                "This entry belongs to no tender, and a mandate names tenders.",
                article=ARTICLE,
                remedy="Ask the Inspektur, who may open it.",
            )
        mandate = covering(await queries.held_by(db, actor.account), known.code, await business_now(db))
    if tender is not None:
        require_unsealed(known.code if known else str(tender), opened=known is not None and not known.sealed)
    return mandate
