"""Who doubts: the whole log read again, each entry hashed, each published root computed anew.

A batch checks only the right edge of the tree, in the time that takes. This finds what was changed anywhere else, and says where.
With the published files at hand each entry is held to what everybody could read of it, so that whoever changes the database
consistently is found as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, and_, func, or_, select

from integrity.checkpoint import Checkpoint as Statement
from integrity.merkle import CompactRange, Node, leaf_hash
from integrity.note import Note, NoteError
from integrity.tiles import WIDTH, Tile, TileError
from kit.db import Database, Db
from kit.storage import ObjectMissing, ObjectStore
from services.audit.log.signing import Signer
from services.audit.log.tree import LogBroken
from services.audit.models import Checkpoint, LogEntry, LogNode

__all__ = ["Files", "Finding", "What", "everything", "look"]

PAGE = 8 * WIDTH

What = Literal["gone", "beyond", "entry", "leaf", "node", "root", "note", "file"]

SENTENCES: Mapping[What, str] = {
    "gone": "entry {index} is gone",
    "beyond": "entry {index} was never published, or the log is shorter than its checkpoint",
    "entry": "entry {index} is not the one its leaf was made of",
    "leaf": "entry {index} is not the one that was published",
    "node": "a subtree that ends with entry {index} has another root than its leaves",
    "root": "the first {index} entries and the one after them have another root than was published",
    "note": "the checkpoint after entry {index} does not say what was signed, or nobody signed it",
    "file": "the published files with entry {index} are gone or were altered",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Where the log is not as it was published. `index` is that of an entry, or of the last one of what is named."""

    index: int
    what: What

    def __str__(self) -> str:
        return SENTENCES[self.what].format(index=self.index)


@dataclass(frozen=True, slots=True)
class Files:
    """The published files of the first `size` entries."""

    store: ObjectStore
    size: int

    async def leaves(self, first: int, end: int) -> tuple[list[bytes | None], list[Finding]]:
        """The leaf hashes from `first`, a multiple of 256, that are published; None where a file is no good."""
        leaves: list[bytes | None] = []
        found = []
        for start in range(first, min(end, self.size), WIDTH):
            width = min(WIDTH, self.size - start)
            try:
                hashes, entries = await self._tile(start // WIDTH, width)
            except (ObjectMissing, TileError):
                hashes, entries = [], []
            if [leaf_hash(entry) for entry in entries] != hashes or not hashes:
                found.append(Finding(start, "file"))
                hashes = []
            leaves += hashes or [None] * width
        return leaves[: end - first], found

    async def _tile(self, index: int, width: int) -> tuple[list[bytes], list[bytes]]:
        """Its part goes when the whole is there, also while we read."""
        try:
            return await self._whole(index, width)
        except ObjectMissing:
            hashes, entries = await self._whole(index, WIDTH)
            return hashes[:width], entries[:width]

    async def _whole(self, index: int, width: int) -> tuple[list[bytes], list[bytes]]:
        row, entries = Tile(0, index, width), Tile(None, index, width)
        return row.hashes(await self.store.read(str(row))), entries.entries(await self.store.read(str(entries)))


@dataclass(frozen=True, slots=True)
class _Page:
    """What the database holds of the entries from `first` up to, but without, `end`."""

    first: int
    end: int
    entries: Mapping[int, Row[*tuple[Any, ...]]]
    nodes: Mapping[Node, bytes]
    checkpoints: Mapping[int, Row[*tuple[Any, ...]]]
    published: Sequence[bytes | None]


async def everything(database: Database) -> int:
    """How many leaves were checked; raises LogBroken at the first that is not what was published."""
    size = 0
    async for found in look(database):
        raise LogBroken(str(found))
    async with database.reading() as db:
        size, _ = await _extent(db)
    return size


async def look(
    database: Database, *, signer: Signer | None = None, files: Files | None = None, pause: float = 0
) -> AsyncIterator[Finding]:
    """Everything that is wrong, as far as it can be told, from the first entry to the last; `pause` seconds between pages."""
    tree = CompactRange()
    async with database.reading() as db:
        size, held = await _extent(db)
    if held > size:
        yield Finding(size, "beyond")
    for first in range(0, size, PAGE):
        end = min(first + PAGE, size)
        public, wrong = await files.leaves(first, end) if files else ([], [])
        for found in wrong:
            yield found
        async with database.reading() as db:
            page = await _read(db, first, end, public)
        for found in await asyncio.to_thread(list, _follow(tree, page, signer)):
            yield found
        if tree.size != end:
            return
        await asyncio.sleep(pause)


async def _extent(db: Db) -> tuple[int, int]:
    """How many entries the newest checkpoint has, and how many the table seems to have, both at one instant."""
    size = select(func.coalesce(func.max(Checkpoint.size), 0)).scalar_subquery()
    held = select(func.coalesce(func.max(LogEntry.idx) + 1, 0)).scalar_subquery()
    row = (await db.execute(select(size, held))).one()
    return row[0], row[1]


async def _read(db: Db, first: int, end: int, public: Sequence[bytes | None]) -> _Page:
    entries = select(LogEntry.idx, LogEntry.leaf_hash, LogEntry.entry)
    heads = select(Checkpoint.size, Checkpoint.root, Checkpoint.note)
    spans = [
        and_(LogNode.level == level, LogNode.idx >= first >> level, LogNode.idx < end >> level)
        for level in range(1, end.bit_length())
    ]
    nodes = select(LogNode.level, LogNode.idx, LogNode.hash).where(or_(*spans)) if spans else None
    return _Page(
        first,
        end,
        {row.idx: row for row in await db.execute(entries.where(LogEntry.idx >= first, LogEntry.idx < end))},
        {(row.level, row.idx): row.hash for row in await db.execute(nodes)} if nodes is not None else {},
        {row.size: row for row in await db.execute(heads.where(Checkpoint.size > first, Checkpoint.size <= end))},
        public,
    )


def _follow(tree: CompactRange, page: _Page, signer: Signer | None) -> Iterator[Finding]:
    """The tree grows by what is published, or else by what is here; it stops where neither is to be had, and where a root is
    wrong, after which all would be."""
    for index in range(page.first, page.end):
        public = page.published[index - page.first] if index - page.first < len(page.published) else None
        row = page.entries.get(index)
        if wrong := _entry_wrong(row, public):
            yield Finding(index, wrong)
        leaf = public or (row.leaf_hash if row else None)
        if leaf is None:
            return
        completed = tree.append(leaf)
        if any(page.nodes.get((level, place)) != hash_ for level, place, hash_ in completed if level):
            yield Finding(index, "node")
        if wrong := _head_wrong(page.checkpoints.get(tree.size), tree.root, signer):
            yield Finding(index, wrong)
        if wrong == "root":
            return


def _entry_wrong(row: Row[*tuple[Any, ...]] | None, public: bytes | None) -> What | None:
    if row is None:
        return "gone"
    if leaf_hash(row.entry) != row.leaf_hash:
        return "entry"
    return "leaf" if public not in {None, row.leaf_hash} else None


def _head_wrong(head: Row[*tuple[Any, ...]] | None, root: Callable[[], bytes], signer: Signer | None) -> What | None:
    if head is None:
        return None
    if head.root != root():
        return "root"
    return "note" if signer and head.note is not None and not _signed(head, signer) else None


def _signed(head: Row[*tuple[Any, ...]], signer: Signer) -> bool:
    try:
        note = Note.parse(head.note.encode())
    except NoteError:
        return False
    return note.text == str(Statement(signer.origin, head.size, head.root)) and signer.signed(note)
