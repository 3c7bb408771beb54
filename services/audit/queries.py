"""What anybody may read of the log, and what only those concerned may."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select

from contracts.roles import Role
from integrity.canonical import parse
from integrity.merkle import EMPTY_ROOT, ProofError
from kit.auth import Actor
from kit.db import Db
from kit.problems import NotFound, Problem, Reason
from services.audit.log import tree
from services.audit.models import Checkpoint, EntrySecret, LogEntry
from services.audit.schemas import (
    CheckpointOut,
    ConsistencyOut,
    EntriesOut,
    EntryOut,
    InclusionOut,
    LeavesOut,
    OpenedEntryOut,
)

__all__ = ["checkpoint", "consistency", "entries", "inclusion", "leaves", "opened"]

WATCHERS = (Role.AUDITOR, Role.INSPEKTUR)


async def checkpoint(db: Db, origin: str) -> CheckpointOut:
    query = select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1)
    last = (await db.execute(query)).scalar_one_or_none()
    if last is None:
        return CheckpointOut(origin=origin, size=0, root=EMPTY_ROOT.hex(), at=None)
    return CheckpointOut(origin=origin, size=last.size, root=last.root.hex(), at=last.at)


async def leaves(db: Db, start: int, count: int) -> LeavesOut:
    found = (await db.execute(_range(select(LogEntry.leaf_hash), start, count))).scalars()
    return LeavesOut(start=start, leaves=[leaf.hex() for leaf in found])


async def entries(db: Db, start: int | None, count: int) -> EntriesOut:
    """From `start` on, or the newest."""
    size = (await tree.head(db)).size
    first = max(0, size - count) if start is None else start
    rows = (await db.execute(_range(select(LogEntry.idx, LogEntry.leaf_hash, LogEntry.entry), first, count))).all()
    return EntriesOut(size=size, entries=[EntryOut(**_shown(row)) for row in rows])


async def inclusion(db: Db, index: int, size: int) -> InclusionOut:
    await _refuse_unpublished(db, size)
    try:
        path = await tree.inclusion(db, index, size)
    except ProofError as error:
        sentence = "index {index} is not in a tree of {size} leaves"
        raise _no_proof(Reason("index_outside", sentence, index=index, size=size)) from error
    leaf = (await db.execute(select(LogEntry.leaf_hash).where(LogEntry.idx == index))).scalar_one()
    return InclusionOut(index=index, size=size, leaf_hash=leaf.hex(), path=[hash_.hex() for hash_ in path])


async def consistency(db: Db, old: int, new: int) -> ConsistencyOut:
    await _refuse_unpublished(db, new)
    try:
        path = await tree.consistency(db, old, new)
    except ProofError as error:
        sentence = "a tree of {old} leaves does not grow into one of {new}"
        raise _no_proof(Reason("sizes_reversed", sentence, old=old, new=new)) from error
    return ConsistencyOut(old=old, new=new, path=[hash_.hex() for hash_ in path])


async def opened(db: Db, event_id: UUID, actor: Actor) -> OpenedEntryOut:
    """For who did what the entry tells of, and for the auditors; its place is for the auditors alone."""
    secret = await db.get(EntrySecret, event_id)
    watches = actor.has(*WATCHERS)
    if secret is None or not (watches or secret.actor == actor.account):
        raise NotFound("log entry of the event", event_id)
    query = select(LogEntry.idx, LogEntry.leaf_hash, LogEntry.entry).where(LogEntry.event_id == event_id)
    row = (await db.execute(query)).one_or_none()
    if row is None:
        raise Problem(
            "not_yet",
            "The event {event_id} has arrived and has no place in the log yet.",
            status=404,
            remedy="Ask again in a few seconds.",
            event_id=event_id,
        )
    return OpenedEntryOut(
        **_shown(row),
        event_id=event_id,
        opening=parse(secret.opening),
        r=secret.r.hex(),
        seq=secret.seq if watches else None,
        place_r=secret.place_r.hex() if watches else None,
    )


def _range(query: Select[*tuple[Any, ...]], start: int, count: int) -> Select[*tuple[Any, ...]]:
    return query.where(LogEntry.idx >= start, LogEntry.idx < start + count).order_by(LogEntry.idx)


def _shown(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {"index": row.idx, "leaf_hash": row.leaf_hash.hex(), "entry": row.entry.decode()}


async def _refuse_unpublished(db: Db, size: int) -> None:
    have = (await tree.head(db)).size
    if size > have:
        raise _no_proof(Reason("log_shorter", "the log has {have} leaves, not {size}", have=have, size=size))


def _no_proof(why: Reason) -> Problem:
    return Problem(
        "no_such_proof",
        "There is no such proof: {why}.",
        status=422,
        remedy="Take sizes from checkpoints; an index is smaller than the size.",
        why=why,
    )
