"""Each service's events are one chain without a gap, each subject's are counted without a gap, and each is what it says."""

from typing import Any

from sqlalchemy import Row, func, select

from cli.installation import Installation
from cli.invariants.flow import Flow
from kit.db import Db
from kit.envelope import FIRST, Envelope
from kit.outbox import outbox
from services import SERVICES

__all__ = ["breaches"]


async def breaches(installation: Installation, _flow: Flow) -> list[str]:
    found = []
    for name in SERVICES:
        async with installation.reading(name) as db:
            found += [f"{name}: {sentence}" for sentence in await _chain(db) + await _subjects(db)]
    return found


async def _chain(db: Db) -> list[str]:
    """The first break, if there is one: what follows it would all be wrong."""
    seq, prev = 0, FIRST
    columns = (outbox.c.seq, outbox.c.event_id, outbox.c.type, outbox.c.subject, outbox.c.sequence, outbox.c.envelope)
    async for row in await db.stream(select(*columns).where(outbox.c.seq.is_not(None)).order_by(outbox.c.seq)):
        seq += 1
        envelope = Envelope.decode(row.envelope)
        if (row.seq, envelope.seq, envelope.prev) != (seq, seq, prev):
            return [
                f"the chain breaks at its event {seq}: {row.event_id} has number {row.seq} and names another before it"
            ]
        if not _same(row, envelope):
            return [f"the event {row.event_id} was published as something else than it is stored as"]
        prev = Envelope.digest(row.envelope)
    return []


def _same(row: Row[*tuple[Any, ...]], envelope: Envelope) -> bool:
    said = (envelope.id, envelope.type, envelope.subject, envelope.sequence)
    return said == (row.event_id, row.type, row.subject, row.sequence)


async def _subjects(db: Db) -> list[str]:
    count, last = func.count(outbox.c.sequence.distinct()), func.max(outbox.c.sequence)
    wrong = select(outbox.c.subject).group_by(outbox.c.subject).having((count != last) | (count != func.count()))
    return [f"the events about {subject} are not counted from 1" for subject in (await db.execute(wrong)).scalars()]
