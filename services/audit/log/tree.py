"""The stored tree: leaves in `log_entry`, complete subtrees in `log_node`, one root after each batch in `log_checkpoint`."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from integrity.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Node,
    ProofError,
    consistency_nodes,
    fold,
    inclusion_nodes,
    peak_nodes,
)
from kit.db import Db
from services.audit.models import Checkpoint, LogEntry, LogNode

__all__ = ["Head", "LogBroken", "consistency", "head", "inclusion", "right_edge", "root_of"]


class LogBroken(RuntimeError):
    """What is stored is not what was published: somebody changed it. Nothing is added until a person has looked."""


@dataclass(frozen=True, slots=True)
class Head:
    size: int
    root: bytes


async def head(db: Db) -> Head:
    """The tree as it was last published."""
    query = select(Checkpoint.size, Checkpoint.root).order_by(Checkpoint.size.desc()).limit(1)
    row = (await db.execute(query)).one_or_none()
    return Head(row.size, row.root) if row else Head(0, EMPTY_ROOT)


async def right_edge(db: Db, head: Head) -> CompactRange:
    """The stored tree, ready to grow. Raises LogBroken when it has another root than was published."""
    wanted = peak_nodes(head.size)
    try:
        stored = await _read(db, wanted)
        edge = CompactRange(head.size, [stored[node] for node in wanted])
    except KeyError as missing:
        raise LogBroken(f"the subtree {missing} of the published tree of {head.size} leaves is gone") from missing
    if edge.root() != head.root:
        raise LogBroken(f"the stored tree of {head.size} leaves has another root than was published")
    return edge


async def root_of(db: Db, size: int) -> bytes:
    """The root of its first entries. Raises ProofError where it holds fewer."""
    wanted = peak_nodes(size)
    stored = await _read(db, wanted) if wanted else {}
    try:
        return CompactRange(size, [stored[node] for node in wanted]).root()
    except KeyError as missing:
        raise ProofError(f"the tree does not hold {missing} yet") from missing


async def inclusion(db: Db, index: int, size: int) -> list[bytes]:
    """Raises ProofError unless the leaf stands in a tree of that size."""
    return await _fold(db, inclusion_nodes(index, size))


async def consistency(db: Db, old: int, new: int) -> list[bytes]:
    return await _fold(db, consistency_nodes(old, new))


async def _fold(db: Db, groups: list[list[Node]]) -> list[bytes]:
    stored = await _read(db, [node for group in groups for node in group])
    try:
        return fold(groups, stored)
    except KeyError as missing:
        raise ProofError(f"the tree does not hold {missing} yet") from missing


async def _read(db: Db, nodes: Iterable[Node]) -> dict[Node, bytes]:
    wanted = list(nodes)
    leaves = [index for level, index in wanted if level == 0]
    above = [node for node in wanted if node[0] > 0]
    entries = select(LogEntry.idx, LogEntry.leaf_hash).where(LogEntry.idx.in_(leaves))
    subtrees = select(LogNode).where(tuple_(LogNode.level, LogNode.idx).in_(above))
    found = {(0, row.idx): row.leaf_hash for row in await db.execute(entries)} if leaves else {}
    if above:
        found |= {(node.level, node.idx): node.hash for node in (await db.execute(subtrees)).scalars()}
    return found
