"""Who appends: one batch at a time, in one transaction, under one lock, however many processes try.

What is public is logged as it comes. What is hidden is logged at its hour: each period one batch of the same size, whether much
happened or nothing (`services/audit/rules.py`). Without a period everything is logged at once, which shows when something was.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import delete, func, insert, select, update

from integrity.checkpoint import Checkpoint as Statement
from integrity.entries import FEWEST_BLIND_PER_BATCH, padding
from integrity.merkle import CompactRange, leaf_hash
from kit.clock import business_now, real_now
from kit.db import Database, Db, woken
from kit.ids import new_id
from kit.outbox import emit
from kit.places import note_included
from services.audit.events import entries_included
from services.audit.log import check
from services.audit.log.guard import LOCK, Guard
from services.audit.log.leaves import commitment_of, dummy, logged_at
from services.audit.log.signing import Signer
from services.audit.log.tree import Head, LogBroken, head, right_edge
from services.audit.models import Checkpoint, EntrySecret, Imported, LogEntry, LogNode, PendingEntry
from services.audit.rules import GATHER, QUIET, blind_due, ticks

__all__ = ["LOCK", "Sequencer"]

log = structlog.get_logger()

BATCH = 1000
STEADY = 0.05
"""Seconds after the beginning of a step at which its batch is made."""
DISTRUST = 60.0
"""Seconds before a log that was found altered is looked at again."""
LOT = secrets.SystemRandom()

Row = dict[str, Any]
OURS: Final = "audit"


class Entry(NamedTuple):
    """`source`: whose event it is; None of padding, and of the first release's."""

    event: UUID
    text: bytes
    source: str | None = None


Entries = list[Entry]


@dataclass(slots=True)
class Sequencer:
    """`run()` is supervised by the service and never ends by itself."""

    database: Database
    signer: Signer
    guard: Guard
    doubt: asyncio.Event
    """Set where somebody outside says that he saw more of the log, or another one."""
    period: timedelta = timedelta()
    sweep: float = 1.0
    _looked: bool = field(default=False, init=False)
    """Whether this process has read the whole log once; from then on the monitor does."""
    _last: Head | None = field(default=None, init=False)
    """The log as this process saw it last: a database that holds less was restored meanwhile."""
    _ahead: float = field(default=0.0, init=False)
    """Seconds by which the database's clock is ahead of this machine's."""

    async def run(self) -> None:
        try:
            await self.guard.check()
            if not self._looked:
                await check.everything(self.database)
                self._looked = True
            await self._append_for_ever()
        except LogBroken as why:
            log.critical("the log was altered, nothing is added to it", why=str(why))
            await asyncio.sleep(DISTRUST)
            raise

    async def _append_for_ever(self) -> None:
        async with self.database.waker() as waker:
            while True:
                waker.clear()
                if self.doubt.is_set():
                    self.doubt.clear()
                    await self.guard.check()
                    self._last = None
                while await self.append():
                    pass
                await woken(waker, self._pause(), GATHER)

    def _pause(self) -> float:
        """A step is taken when its time comes, whether events woke us or none did: else its moment would tell which."""
        if not self.period:
            return self.sweep
        step = self.period.total_seconds()
        return min(self.sweep, step - (time.time() + self._ahead) % step + STEADY)

    async def append(self) -> int:
        """Give what is pending its place and sign the checkpoint; returns by how many leaves the log grew."""
        async with self.database.transaction() as db:
            if not (await db.execute(select(func.pg_try_advisory_xact_lock(LOCK)))).scalar_one():
                return 0
            last = await head(db)
            if self._last and last != self._last and last.size <= self._last.size:
                self.doubt.set()
                return 0
            self._last = last
            public = await _public(db)
            hidden = await self._hidden(db, public)
            if not public and hidden is None:
                return 0
            batch = public + (hidden or [])
            edge = await right_edge(db, last)
            leaves, nodes = await asyncio.to_thread(_grow, edge, batch)
            note = self.signer.sign(Statement(self.signer.origin, edge.size, edge.root()))
            await db.execute(insert(LogEntry), leaves)
            if nodes:
                await db.execute(insert(LogNode), nodes)
            await _tell(db, edge.size, {entry: index for index, entry in enumerate(batch, last.size)})
            db.add(Checkpoint(size=edge.size, root=edge.root(), note=str(note), blind=len(hidden or [])))
            db.info["wakes"] = True  # whoever publishes
        self._last = Head(edge.size, edge.root())
        return len(batch)

    async def _hidden(self, db: Db, public: Entries) -> Entries | None:
        """The blind entries whose turn it is and their dummies, by lot; None where this batch is to have none."""
        due = await self._due(db) if self.period else BATCH
        if due is None:
            return None
        now = await business_now(db)
        taken = await _take(db, blind=True, most=min(due, BATCH))
        # another database's clock may be ahead by a little; all of a batch have one time
        now = max([now, *(row.at for row in taken)])
        waiting = [Entry(row.event_id, logged_at(row.entry, now), row.source) for row in taken]
        if not self.period and not waiting and not public:
            return None
        return await _padded(db, waiting, now, padding(len(waiting), QUIET if self.period else FEWEST_BLIND_PER_BATCH))

    async def _due(self, db: Db) -> int | None:
        last = select(Checkpoint.at).where(Checkpoint.blind > 0).order_by(Checkpoint.size.desc()).limit(1)
        count = select(func.count(), func.min(PendingEntry.enqueued_at)).where(PendingEntry.blind)
        now = await real_now(db)
        self._ahead = now.timestamp() - time.time()
        waiting, since = (await db.execute(count)).one()
        tick = ticks((await db.execute(last)).scalar_one_or_none(), now, self.period)
        return blind_due(waiting, now - since if since else timedelta(), self.period, tick=tick)


async def _recognised(db: Db, taken: Sequence[PendingEntry]) -> Sequence[PendingEntry]:
    """Those that have no place yet. What was published before this database lost it has its place already, and now gets its
    event again, whose producer is told as of any other."""
    if (await db.execute(select(Imported.idx).limit(1))).first() is None:
        return taken
    waiting = {commitment_of(row.entry): row for row in taken}
    mine = Imported.commitment.in_(waiting)
    places = {}
    for known in (await db.execute(delete(Imported).where(mine).returning(Imported.commitment, Imported.idx))).all():
        row = waiting.pop(known.commitment)
        await db.execute(update(LogEntry).where(LogEntry.idx == known.idx).values(event_id=row.event_id))
        places[Entry(row.event_id, row.entry, row.source)] = known.idx
    await _tell(db, (await head(db)).size, places)
    return list(waiting.values())


async def _public(db: Db) -> Entries:
    """As they came."""
    return [Entry(row.event_id, row.entry, row.source) for row in await _take(db, blind=False, most=BATCH)]


async def _take(db: Db, *, blind: bool, most: int) -> Sequence[PendingEntry]:
    query = select(PendingEntry).where(PendingEntry.blind == blind)
    order = query.order_by(PendingEntry.enqueued_at, PendingEntry.event_id).limit(most)
    pending = (await db.execute(order)).scalars().all()
    await db.execute(delete(PendingEntry).where(PendingEntry.event_id.in_([row.event_id for row in pending])))
    return await _recognised(db, pending) if pending else pending


async def _padded(db: Db, waiting: Entries, now: datetime, dummies: int) -> Entries:
    made = [(new_id(), dummy(now)) for _ in range(dummies)]
    if made:
        await db.execute(insert(EntrySecret), [leaf.secret(id) for id, leaf in made])
    entries = waiting + [Entry(id, leaf.entry) for id, leaf in made]
    LOT.shuffle(entries)
    return entries


async def _tell(db: Db, size: int, places: Mapping[Entry, int]) -> None:
    """Whose events have places now. Ours are noted here: to tell of them would be an event that is to be told of."""
    others = {entry.event: index for entry, index in places.items() if entry.source not in {None, OURS}}
    for emission in entries_included(size, others):
        await emit(db, emission)
    await note_included(db, {entry.event: index for entry, index in places.items() if entry.source == OURS})


def _grow(edge: CompactRange, batch: Entries) -> tuple[list[Row], list[Row]]:
    leaves, nodes = [], []
    for entry in batch:
        hash_ = leaf_hash(entry.text)
        leaves.append({"idx": edge.size, "event_id": entry.event, "leaf_hash": hash_, "entry": entry.text})
        nodes += [{"level": level, "idx": index, "hash": node} for level, index, node in edge.append(hash_) if level]
    return leaves, nodes
