"""Who appends: one batch at a time, in one transaction, under one lock, however many processes try."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, func, insert, select

from integrity.entries import padding
from integrity.merkle import CompactRange, leaf_hash
from kit.db import Database, Db
from kit.ids import new_id
from services.audit.log import check
from services.audit.log.leaves import dummy
from services.audit.log.tree import LogBroken, head, right_edge
from services.audit.models import Checkpoint, EntrySecret, LogEntry, LogNode, PendingEntry

__all__ = ["LOCK", "Sequencer"]

log = structlog.get_logger()

LOCK = 0x6C6F67  # "log": one advisory lock in audit's database
BATCH = 1000
DISTRUST = 60.0
"""Seconds before a log that was found altered is looked at again."""
LOT = secrets.SystemRandom()

Row = dict[str, Any]


@dataclass(slots=True)
class Sequencer:
    """`run()` is supervised by the service and never ends by itself."""

    database: Database
    sweep: float = 1.0

    async def run(self) -> None:
        try:
            await check.everything(self.database)
            await self._append_for_ever()
        except LogBroken as why:
            log.critical("the log was altered, nothing is added to it", why=str(why))
            await asyncio.sleep(DISTRUST)
            raise

    async def _append_for_ever(self) -> None:
        async with self.database.waker() as waker:
            while True:
                waker.clear()
                while await self.append():
                    pass
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.sweep):
                        await waker.wait()

    async def append(self) -> int:
        """Give what is pending its place and publish the checkpoint; returns by how many leaves the log grew."""
        async with self.database.transaction() as db:
            if not (await db.execute(select(func.pg_try_advisory_xact_lock(LOCK)))).scalar_one():
                return 0
            pending = await _take(db)
            if not pending:
                return 0
            edge = await right_edge(db, await head(db))
            batch = _in_order(pending, await _pad(db, pending))
            leaves, nodes = await asyncio.to_thread(_grow, edge, batch)
            await db.execute(insert(LogEntry), leaves)
            await db.execute(insert(LogNode), nodes)
            db.add(Checkpoint(size=edge.size, root=edge.root()))
        return len(batch)


async def _take(db: Db) -> Sequence[PendingEntry]:
    query = select(PendingEntry).order_by(PendingEntry.enqueued_at, PendingEntry.event_id).limit(BATCH)
    pending = (await db.execute(query)).scalars().all()
    await db.execute(delete(PendingEntry).where(PendingEntry.event_id.in_([row.event_id for row in pending])))
    return pending


async def _pad(db: Db, pending: Sequence[PendingEntry]) -> list[tuple[UUID, bytes]]:
    """Dummies take the times of real blind entries: one with a time of its own would be told from them."""
    blind = [row.at for row in pending if row.blind]
    times = blind or [row.at for row in pending]
    dummies = [(new_id(), dummy(LOT.choice(times))) for _ in range(padding(len(blind)))]
    if dummies:
        await db.execute(insert(EntrySecret), [leaf.secret(id) for id, leaf in dummies])
    return [(id, leaf.entry) for id, leaf in dummies]


def _in_order(pending: Sequence[PendingEntry], dummies: list[tuple[UUID, bytes]]) -> list[tuple[UUID, bytes]]:
    """The public entries as they came, then the blind ones and their dummies, by lot."""
    blind = [(row.event_id, row.entry) for row in pending if row.blind] + dummies
    LOT.shuffle(blind)
    return [(row.event_id, row.entry) for row in pending if not row.blind] + blind


def _grow(edge: CompactRange, batch: Sequence[tuple[UUID, bytes]]) -> tuple[list[Row], list[Row]]:
    leaves, nodes = [], []
    for event_id, entry in batch:
        hash_ = leaf_hash(entry)
        leaves.append({"idx": edge.size, "event_id": event_id, "leaf_hash": hash_, "entry": entry})
        nodes += [{"level": level, "idx": index, "hash": node} for level, index, node in edge.append(hash_) if level]
    return leaves, nodes
