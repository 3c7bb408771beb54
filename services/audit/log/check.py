"""Who doubts: the whole log read again, each entry hashed, each published root computed anew.

A batch checks only the right edge of the tree, in the time that takes. This finds what was changed anywhere else.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from integrity.merkle import CompactRange, leaf_hash
from kit.db import Database, Db
from services.audit.log.tree import LogBroken, head
from services.audit.models import Checkpoint, LogEntry

__all__ = ["everything"]

PAGE = 2000


async def everything(database: Database) -> int:
    """How many leaves were checked; raises LogBroken at the first that is not what was published."""
    tree = CompactRange()
    async with database.reading() as db:
        size = (await head(db)).size
        for first in range(0, size, PAGE):
            end = min(first + PAGE, size)
            await asyncio.to_thread(_follow, tree, await _entries(db, first, end), await _roots(db, first, end))
    if tree.size != size:
        raise LogBroken(f"the log holds {tree.size} entries, {size} were published")
    return size


async def _entries(db: Db, first: int, end: int) -> Sequence[Row[*tuple[Any, ...]]]:
    query = select(LogEntry.idx, LogEntry.leaf_hash, LogEntry.entry).order_by(LogEntry.idx)
    return (await db.execute(query.where(LogEntry.idx >= first, LogEntry.idx < end))).all()


async def _roots(db: Db, first: int, end: int) -> dict[int, bytes]:
    query = select(Checkpoint.size, Checkpoint.root).where(Checkpoint.size > first, Checkpoint.size <= end)
    return {row.size: row.root for row in await db.execute(query)}


def _follow(tree: CompactRange, page: Sequence[Row[*tuple[Any, ...]]], roots: dict[int, bytes]) -> None:
    for row in page:
        if row.idx != tree.size:
            raise LogBroken(f"entry {tree.size} is gone")
        if leaf_hash(row.entry) != row.leaf_hash:
            raise LogBroken(f"entry {row.idx} is not the one its leaf was made of")
        tree.append(row.leaf_hash)
        if tree.size in roots and roots[tree.size] != tree.root():
            raise LogBroken(f"the first {tree.size} entries have another root than was published")
