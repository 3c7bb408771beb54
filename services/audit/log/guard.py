"""Who remembers better than this database: before anything is signed, it is held to what others saw of the log.

A database restored to an older state would sign a second history. What was published and what witnesses signed is asked first:
what this database lost is taken back from the published files, and where that cannot be done nothing is signed. Only
checkpoints that our own key signed are believed, so that nobody outside can stop the log.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
import structlog
from sqlalchemy import func, insert, select

from integrity.checkpoint import Checkpoint as Statement
from integrity.merkle import ProofError, leaf_hash
from integrity.note import Note, NoteError
from integrity.policy import Witness
from integrity.tiles import Tile, TileError, tiles_of
from kit.db import Database, Db
from kit.storage import ObjectMissing, ObjectStore
from services.audit.log.leaves import commitment_of
from services.audit.log.publisher import published
from services.audit.log.signing import Signer
from services.audit.log.tree import LogBroken, head, right_edge, root_of
from services.audit.log.witnesses import Refusal, head_of
from services.audit.models import Checkpoint, Imported, LogEntry, LogNode

__all__ = ["LOCK", "Guard"]

log = structlog.get_logger()

LOCK = 0x6C6F67  # "log": one advisory lock in audit's database, of whoever signs


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint that we signed, by whom it is known."""

    who: str
    statement: Statement
    note: Note


@dataclass(frozen=True, slots=True)
class Guard:
    database: Database
    store: ObjectStore
    signer: Signer
    witnesses: Mapping[str, Witness]

    async def check(self) -> int:
        """How many entries were taken back. Raises LogBroken where this database contradicts what others saw of it, or cannot
        be brought to it, and StorageUnavailable: what is published must be known."""
        known = await self._known()
        async with self.database.transaction() as db:
            await db.execute(select(func.pg_advisory_xact_lock(LOCK)))
            before = (await head(db)).size
            public = [one for one in known if one.who == "the public"]
            for one in public:
                if one.statement.size > before:
                    await self._take_back(db, one)
            for one in known:
                await _refuse_contradiction(db, one)
            size = (await head(db)).size
        return size - before

    async def _known(self) -> list[Known]:
        async with httpx2.AsyncClient(trust_env=False) as http:
            told = await asyncio.gather(
                self._published(),
                *(self._witnessed(http, name, one) for name, one in self.witnesses.items() if one.url),
            )
        return [one for one in told if one is not None]

    async def _published(self) -> Known | None:
        try:
            found = await published(self.store)
        except NoteError as error:
            raise LogBroken(f"what is published as the checkpoint is none: {error}") from error
        if found is None:
            return None
        known = self._ours("the public", *found)
        if known is None:
            raise LogBroken("the published checkpoint was not signed here")
        return known

    async def _witnessed(self, http: httpx2.AsyncClient, name: str, witness: Witness) -> Known | None:
        try:
            found = await head_of(http, witness, self.signer.origin)
        except Refusal as why:
            log.warning("what a witness saw is not known", witness=name, why=str(why))
            return None
        known = self._ours(f"the witness {name}", *found) if found else None
        if found and known is None:
            log.warning("a witness tells a checkpoint that was not signed here", witness=name)
        return known

    def _ours(self, who: str, statement: Statement, note: Note) -> Known | None:
        return Known(who, statement, note) if self.signer.signed(note) else None

    async def _take_back(self, db: Db, known: Known) -> None:
        """From the published files. Whether they lead to the signed root is for the caller to see."""
        have = await head(db)
        edge = await right_edge(db, have)
        leaves, nodes, imported = [], [], []
        try:
            for entry in await self._entries(have.size, known.statement.size):
                hash_ = leaf_hash(entry)
                leaves.append({"idx": edge.size, "event_id": None, "leaf_hash": hash_, "entry": entry})
                imported.append({"commitment": commitment_of(entry), "idx": edge.size})
                nodes += [
                    {"level": level, "idx": idx, "hash": node} for level, idx, node in edge.append(hash_) if level
                ]
        except (ObjectMissing, TileError, ValueError) as error:
            raise LogBroken(f"the published files of {known.statement.size} entries cannot be read: {error}") from error
        await db.execute(insert(LogEntry), leaves)
        if nodes:
            await db.execute(insert(LogNode), nodes)
        await db.execute(insert(Imported), imported)
        db.add(Checkpoint(size=edge.size, root=edge.root(), note=str(known.note), blind=None))
        await db.flush()
        log.warning("entries that this database had lost were taken back", first=have.size, end=edge.size)

    async def _entries(self, first: int, end: int) -> list[bytes]:
        entries: list[bytes] = []
        for tile in tiles_of(end, first):
            if tile.level is None:
                start = tile.span[0]
                entries += (await self._bundle(tile))[max(0, first - start) :]
        return entries

    async def _bundle(self, tile: Tile) -> list[bytes]:
        return tile.entries(await self.store.read(str(tile)))


async def _refuse_contradiction(db: Db, known: Known) -> None:
    have = (await head(db)).size
    if known.statement.size > have:
        raise LogBroken(
            f"{known.who} saw {known.statement.size} entries; {have} are here, and what is published has no more. Nothing is "
            "signed until the published files are brought back (docs/operations/log.md)"
        )
    try:
        same = known.statement.size == 0 or await root_of(db, known.statement.size) == known.statement.root
    except ProofError:
        same = False
    if not same:
        raise LogBroken(
            f"{known.who} saw another log: its first {known.statement.size} entries are not those of this database"
        )
