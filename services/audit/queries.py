"""What anybody may read of the log, and what only those concerned may."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select

from contracts.mandates import Mandate as Held
from contracts.roles import Role
from integrity.canonical import parse
from integrity.checkpoint import Checkpoint as Statement
from integrity.merkle import EMPTY_ROOT, ProofError
from integrity.note import Note, Signature
from integrity.policy import Policy
from integrity.proof import Proof
from integrity.tiles import Tile, TileError
from kit.auth import Actor
from kit.clock import business_now
from kit.db import Db
from kit.grants import OpeningGrant
from kit.paging import Page, page
from kit.problems import NotFound, Problem, Reason
from kit.storage import ObjectMissing, ObjectStore
from services.audit.log import tree
from services.audit.log.witnesses import seen
from services.audit.models import Checkpoint, Cosignature, EntrySecret, LogEntry, Mandate, Published
from services.audit.schemas import (
    ConsistencyOut,
    DossierEntriesOut,
    DossierEntryOut,
    EntriesOut,
    EntryOut,
    HeadOut,
    InclusionOut,
    LeavesOut,
    MandateOut,
    OpenedEntryOut,
    WitnessOut,
)

__all__ = [
    "GRANTORS",
    "WATCHERS",
    "checkpoint",
    "consistency",
    "cosignatures",
    "entries",
    "entries_of",
    "file",
    "granted",
    "head",
    "held_by",
    "inclusion",
    "leaves",
    "mandate_out",
    "mandates",
    "newest_note",
    "opened",
    "place_of",
    "proof",
    "trust_root",
]

WATCHERS = (Role.AUDITOR, Role.INSPEKTUR)
GRANTORS = (Role.INSPEKTUR, Role.KETUA_LPSE)
"""Who may let an auditor in: he who sends auditors, and he who answers for the LPSE's information (Pasal 6(1)e). Not Admin PPE, who
runs the servers and reads no bid (DOMAIN 1.3).
"""


async def checkpoint(db: Db) -> Note:
    """The newest that is published, with all signatures there are."""
    newest = select(Checkpoint).join(Published, Published.size == Checkpoint.size).order_by(Checkpoint.size.desc())
    found = (await db.execute(newest.limit(1))).scalar_one_or_none()
    if found is None:
        raise Problem(
            "log_empty", "Nothing was published of this log yet.", status=404, remedy="Ask again in a few seconds."
        )
    lines = await _cosigned(db, found.size)
    return Note.parse(str(found.note).encode()).with_signatures(map(Signature.parse, lines))


async def cosignatures(db: Db) -> Sequence[str]:
    newest = (await db.execute(select(func.max(Published.size)))).scalar_one_or_none()
    return await _cosigned(db, newest or 0)


async def _cosigned(db: Db, size: int) -> Sequence[str]:
    query = select(Cosignature.line).where(Cosignature.size == size).order_by(Cosignature.witness)
    return (await db.execute(query)).scalars().all()


async def file(store: ObjectStore, path: str) -> bytes:
    try:
        Tile.parse(path)
        return await store.read(path)
    except (TileError, ObjectMissing) as error:
        raise Problem(
            "no_such_tile",
            "The log has no file {path}.",
            status=404,
            remedy="Take its size from the checkpoint; once a tile is full its parts are gone.",
            path=path,
        ) from error


async def trust_root(file: Path | None) -> bytes:
    if file is None:
        raise Problem(
            "no_trust_root",
            "This LPSE has published no root of trust.",
            status=404,
            remedy="Its operator makes one with `lpse keys ceremony` and names it in LPSE_TRUST_ROOT.",
        )
    return await asyncio.to_thread(file.read_bytes)


async def head(db: Db, origin: str, policy: Policy) -> HeadOut:
    query = select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1)
    last = (await db.execute(query)).scalar_one_or_none()
    if last is None:
        size, root, at = 0, EMPTY_ROOT, None
    else:
        size, root, at = last.size, last.root, last.at
    found = await seen(db, policy)
    times = found.witnesses if found else {}
    return HeadOut(
        origin=origin,
        size=size,
        root=root.hex(),
        at=at,
        seen=found.size if found else 0,
        witnesses=[WitnessOut(name=name, at=times.get(name)) for name in policy.witnesses],
    )


async def proof(db: Db, policy: Policy, index: int, *, only_seen: bool) -> Proof:
    """Against the newest checkpoint that enough witnesses saw; where none of them has the entry yet, against the newest
    published one."""
    found = await seen(db, policy, larger_than=index)
    if found is None and only_seen:
        raise Problem(
            "not_seen_yet",
            "Too few witnesses have seen the log with the entry {index}.",
            status=404,
            remedy="Ask again in a few minutes.",
            index=index,
        )
    if found is None:
        note = await checkpoint(db)
        size = Statement.parse(note.text).size
    else:
        note, size = found.note, found.size
    try:
        return Proof(index, tuple(await tree.inclusion(db, index, size)), note)
    except ProofError as error:
        sentence = "index {index} is not in a tree of {size} leaves"
        raise _no_proof(Reason("index_outside", sentence, index=index, size=size)) from error


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


async def granted(db: Db, grant: OpeningGrant) -> OpenedEntryOut:
    """A service opens its own events and no other's."""
    secret = await db.get(EntrySecret, grant.event)
    if secret is None or parse(secret.opening)["src"] != grant.owner:
        raise NotFound("log entry of the event", grant.event)
    return opened(await place_of(db, grant.event), secret, watches=False)


async def place_of(db: Db, event_id: UUID) -> Row[*tuple[Any, ...]]:
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
    return row


def opened(row: Row[*tuple[Any, ...]], secret: EntrySecret, *, watches: bool) -> OpenedEntryOut:
    """Its place among the events of its source is for those who watch alone."""
    return OpenedEntryOut(
        **_shown(row),
        event_id=secret.event_id,
        opening=parse(secret.opening),
        r=secret.r.hex(),
        seq=secret.seq if watches else None,
        place_r=secret.place_r.hex() if watches else None,
    )


async def mandates(db: Db, actor: Actor, *, cursor: str | None, limit: int) -> Page[MandateOut]:
    """To an auditor his own, to those who grant them all, the latest first."""
    query = select(Mandate)
    if not actor.has(*GRANTORS):
        query = query.where(Mandate.account == actor.account)
    rows, following = await page(db, query, [Mandate.granted_at, Mandate.id], cursor=cursor, limit=limit)
    now = await business_now(db)
    return Page(items=[mandate_out(row, now) for row in rows], next=following)


def mandate_out(row: Mandate, now: datetime) -> MandateOut:
    given = {name: getattr(row, name) for name in MandateOut.model_fields if name != "running"}
    return MandateOut(**given, running=row.valid_from <= now < row.valid_to)


async def held_by(db: Db, account: UUID) -> list[Held]:
    rows = (await db.execute(select(Mandate).where(Mandate.account == account))).scalars()
    return [Held(row.id, row.tenders, row.valid_from, row.valid_to) for row in rows]


async def newest_note(db: Db, policy: Policy) -> Note:
    """The newest that enough witnesses saw; where none is, the newest that is published."""
    found = await seen(db, policy)
    return found.note if found else await checkpoint(db)


async def entries_of(db: Db, tender: UUID, *, size: int, start: int, count: int) -> DossierEntriesOut:
    """Those of one tender, from `start` on, proved to the tree of that size."""
    await _refuse_unpublished(db, size)
    query = (
        select(LogEntry.idx, LogEntry.entry, EntrySecret)
        .join(EntrySecret, EntrySecret.event_id == LogEntry.event_id)
        .where(EntrySecret.tender == tender, LogEntry.idx >= start, LogEntry.idx < size)
        .order_by(LogEntry.idx)
    )
    rows = (await db.execute(query.limit(count + 1))).all()
    shown = [
        DossierEntryOut(
            index=idx,
            entry=entry.decode(),
            opening=parse(secret.opening),
            r=secret.r.hex(),
            seq=secret.seq,
            place_r=secret.place_r.hex(),
            path=[hash_.hex() for hash_ in await tree.inclusion(db, idx, size)],
        )
        for idx, entry, secret in rows[:count]
    ]
    return DossierEntriesOut(entries=shown, next=rows[count].idx if len(rows) > count else None)


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
