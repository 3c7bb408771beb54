"""Who publishes: the signed log as files that never change (C2SP tlog-tiles), in the object store, for everybody.

What is published is worth more than the database it came from: whoever alters that, or restores it to an older state, is held
to what others have read. The checkpoint is written last, so that nobody reads one whose files are not there yet. A process
that ends in between leaves files of a checkpoint that was signed: the next one writes the same again.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from integrity.checkpoint import Checkpoint as Statement
from integrity.merkle import ProofError
from integrity.note import Note, NoteError
from integrity.tiles import HEIGHT, WIDTH, Tile, bundle, tiles_of
from kit.db import Database, Db, woken
from kit.problems import Problem
from kit.storage import ObjectMissing, ObjectStore
from services.audit.log.signing import Signer
from services.audit.log.tree import root_of
from services.audit.models import Checkpoint, LogEntry, LogNode, Published
from services.audit.rules import GATHER

__all__ = ["CHECKPOINT", "NOTE_TYPE", "TILE_TYPE", "Publisher", "published"]

log = structlog.get_logger()

LOCK = 0x6C6F6770  # "logp"
CHECKPOINT = "checkpoint"
NOTE_TYPE = "text/plain; charset=utf-8"
TILE_TYPE = "application/octet-stream"
AT_ONCE = 64
"""Files that are in memory together."""
PAUSE = 5.0
"""Seconds before a store that did not take something is tried again."""


async def published(store: ObjectStore) -> tuple[Statement, Note] | None:
    """What everybody can read; nothing of it is believed yet. Raises NoteError where it is no checkpoint."""
    try:
        note = Note.parse(await store.read(CHECKPOINT))
    except ObjectMissing:
        return None
    return Statement.parse(note.text), note


@dataclass(slots=True)
class Publisher:
    """`run()` is supervised by the service and never ends by itself."""

    database: Database
    store: ObjectStore
    signer: Signer
    doubt: asyncio.Event
    """Set where something else is published than this database holds."""
    sweep: float = 1.0
    _looked: bool = field(default=False, init=False)
    """Whether the store really has what this database says was published: it may be a new one."""

    async def run(self) -> None:
        async with self.database.waker() as waker:
            while True:
                waker.clear()
                try:
                    await self.publish()
                except Problem as away:
                    log.warning("the log waits to be published", why=str(away))
                    await asyncio.sleep(PAUSE)
                await woken(waker, self.sweep, GATHER)

    async def publish(self) -> int | None:
        """Write the files of the newest signed checkpoint; returns its size, or None where it is published already."""
        async with self.database.transaction() as db:
            if not (await db.execute(select(func.pg_try_advisory_xact_lock(LOCK)))).scalar_one():
                return None
            query = select(Checkpoint).where(Checkpoint.note.is_not(None)).order_by(Checkpoint.size.desc()).limit(1)
            newest = (await db.execute(query)).scalar_one_or_none()
            if newest is None or (self._looked and await _is_published(db, newest.size)):
                return None
            since = await self._continued(db, newest.size)
            if since is None:
                self.doubt.set()
                return None
            if since < newest.size:
                await self._write(db, since, newest.size)
                await self._replace(str(newest.note))
                await self._tidy(since, newest.size)
            self._looked = True
            await db.execute(insert(Published).values(size=newest.size).on_conflict_do_nothing())
            db.info["wakes"] = True  # whoever asks witnesses
        return newest.size

    async def _continued(self, db: Db, size: int) -> int | None:
        """How many of our entries are published; None where something else is, which the guard must see first."""
        try:
            found = await published(self.store)
            if found is None:
                return 0
            statement, note = found
            ours = self.signer.signed(note) and statement.size <= size
            if ours and await root_of(db, statement.size) == statement.root:
                return statement.size
        except (NoteError, ProofError) as error:
            log.critical("what is published as the log is none", why=str(error))
            return None
        log.critical("another log is published than this database holds", published=statement.size, here=size)
        return None

    async def _write(self, db: Db, since: int, size: int) -> None:
        for some in _some(tiles_of(size, since)):
            contents = [await content(db, tile) for tile in some]
            await asyncio.gather(
                *(self.store.put(str(tile), data, TILE_TYPE) for tile, data in zip(some, contents, strict=True))
            )

    async def _replace(self, note: str) -> None:
        """Older versions of the checkpoint would be a list of when something happened."""
        newest = await self.store.put(CHECKPOINT, note.encode(), NOTE_TYPE)
        for one in await self.store.versions(CHECKPOINT):
            if one.version_id != newest.version_id:
                await self.store.remove(one.key, one.version_id or "")

    async def _tidy(self, since: int, size: int) -> None:
        """A part of a tile is of no use to anybody once the whole is there."""
        for tile in tiles_of(size, since):
            if tile.width == WIDTH:
                for part in await self.store.versions(f"{tile}.p/"):
                    await self.store.remove(part.key, part.version_id or "")


async def _is_published(db: Db, size: int) -> bool:
    return (await db.execute(select(Published.at).where(Published.size == size))).first() is not None


async def content(db: Db, tile: Tile) -> bytes:
    """From the database."""
    first, end = tile.span
    if tile.level is None:
        rows = select(LogEntry.entry).where(LogEntry.idx >= first, LogEntry.idx < end).order_by(LogEntry.idx)
        return bundle((await db.execute(rows)).scalars())
    if tile.level == 0:
        rows = select(LogEntry.leaf_hash).where(LogEntry.idx >= first, LogEntry.idx < end).order_by(LogEntry.idx)
    else:
        start = tile.index * WIDTH
        rows = (
            select(LogNode.hash)
            .where(LogNode.level == HEIGHT * tile.level, LogNode.idx >= start, LogNode.idx < start + tile.width)
            .order_by(LogNode.idx)
        )
    return b"".join((await db.execute(rows)).scalars())


def _some(tiles: Iterable[Tile]) -> Iterable[list[Tile]]:
    some: list[Tile] = []
    for tile in tiles:
        some.append(tile)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some
