"""Every event of every service goes into the log, in the order its source gave it and without a gap."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from contracts.tender import TenderAnnounced, TenderFailed, TenderOpened
from kit.bus import Dead
from kit.db import Db
from kit.envelope import FIRST, Envelope, Event, Incoming
from services.audit.log.leaves import leaf_of
from services.audit.log.signing import Signer
from services.audit.models import EntrySecret, ParkedEvent, PendingEntry, ProducerCursor, TenderView
from services.audit.rules import Place, place

__all__ = ["EVERYTHING", "Recorder"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Recorder:
    """The reaction to every event there is, whoever emits it."""

    signer: Signer

    async def record(self, db: Db, incoming: Incoming[Event]) -> None:
        """Log the event and those that waited for it, or park it until the ones before it have come.

        An event that contradicts the chain goes to the dead letters for a person to look at: somebody wrote history anew,
        or the source's database was restored to an older state.
        """
        envelope = incoming.envelope
        cursor = await _cursor(db, envelope.source)
        match _place(envelope, cursor):
            case Place.NEXT:
                await _append(db, cursor, envelope, self._secret)
                await self._take_up_parked(db, cursor)
            case Place.LATER:
                _park(db, envelope)
            case Place.BROKEN:
                raise Dead("chain_broken", f"{envelope.source} {envelope.seq} does not follow {cursor.last_seq}")

    async def _take_up_parked(self, db: Db, cursor: ProducerCursor) -> None:
        while following := await _following(db, cursor):
            await _append(db, cursor, following, self._secret)
            await db.execute(delete(ParkedEvent).where(ParkedEvent.event_id == following.id))

    @cached_property
    def _secret(self) -> bytes:
        return self.signer.secret()


async def _cursor(db: Db, source: str) -> ProducerCursor:
    """Locked: two consumers at once must not both continue one chain."""
    query = select(ProducerCursor).where(ProducerCursor.source == source).with_for_update()
    cursor = (await db.execute(query)).scalar_one_or_none()
    if cursor is None:
        first = insert(ProducerCursor).values(source=source, last_seq=0, last_digest=FIRST)
        await db.execute(first.on_conflict_do_nothing())
        cursor = (await db.execute(query)).scalar_one()
    return cursor


def _place(envelope: Envelope, cursor: ProducerCursor) -> Place:
    return place(envelope.seq, envelope.prev, last_seq=cursor.last_seq, last_digest=cursor.last_digest)


async def _append(db: Db, cursor: ProducerCursor, envelope: Envelope, secret: bytes) -> None:
    leaf = leaf_of(envelope, secret)
    db.add(PendingEntry(event_id=envelope.id, entry=leaf.entry, blind=leaf.blind, source=envelope.source, at=leaf.at))
    db.add(EntrySecret(**leaf.secret(envelope.id), tender=_tender(envelope)))
    await _know(db, envelope)
    cursor.last_seq, cursor.last_digest = envelope.seq, Envelope.digest(envelope.encode())
    db.info["wakes"] = True


def _tender(envelope: Envelope) -> UUID | None:
    """The field has this name in every event about a tender. Elsewhere it is a code that people wrote, which tells of none."""
    try:
        return UUID(str(envelope.data.get("tender")))
    except ValueError:
        return None


async def _know(db: Db, envelope: Envelope) -> None:
    """In the order of the chain, so that no older event comes after a newer one."""
    said = envelope.data
    match envelope.type:
        case TenderAnnounced.TYPE:
            known = insert(TenderView).values(id=UUID(said["tender"]), code=said["code"])
            await db.execute(known.on_conflict_do_nothing())
        case TenderOpened.TYPE | TenderFailed.TYPE:
            mine = TenderView.id == UUID(said["tender"])
            await db.execute(update(TenderView).where(mine).values(sealed=False))


def _park(db: Db, envelope: Envelope) -> None:
    body = envelope.encode()
    db.add(ParkedEvent(event_id=envelope.id, source=envelope.source, seq=envelope.seq, envelope=body))


async def _following(db: Db, cursor: ProducerCursor) -> Envelope | None:
    """The parked event that continues the chain. One that only claims to stays parked, and the alarm tells of it."""
    query = select(ParkedEvent.envelope).where(
        ParkedEvent.source == cursor.source, ParkedEvent.seq == cursor.last_seq + 1
    )
    candidates = [Envelope.decode(body) for body in (await db.execute(query)).scalars()]
    return next((envelope for envelope in candidates if _place(envelope, cursor) is Place.NEXT), None)


EVERYTHING = Recorder
"""Reacts to every event there is (cli/wiring.py)."""
