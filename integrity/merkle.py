"""The Merkle tree of RFC 6962 with SHA-256: growing it, proving and checking.

A node is `(level, index)`: the root of the complete subtree over the leaves `index * 2**level` up to
`(index + 1) * 2**level`. Complete subtrees never change, so a store keeps them for ever and any proof is read from
O(log n) of them. A span is `(first, end)`, the leaves from `first` up to but without `end`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

Node: TypeAlias = tuple[int, int]
Span: TypeAlias = tuple[int, int]

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofError(ValueError):
    """The proof does not show what it claims; the text says why."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    tree = CompactRange()
    for leaf in leaf_hashes:
        tree.append(leaf)
    return tree.root()


@dataclass
class CompactRange:
    """A tree that only grows, as the hashes of its right edge.

    To go on from a stored tree, read `peak_nodes(size)` and give their hashes in that order.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"{len(self.peaks)} peaks do not make a tree of {self.size} leaves")

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Adds one leaf hash; returns the subtrees it completed as (level, index, hash), the leaf itself first."""
        if len(leaf) != HASH_SIZE:
            raise ValueError(f"a leaf hash has {HASH_SIZE} bytes, not {len(leaf)}")
        level, index, hash_ = 0, self.size, leaf
        completed = [(level, index, hash_)]
        while index & 1:
            level, index, hash_ = level + 1, index >> 1, node_hash(self.peaks.pop(), hash_)
            completed.append((level, index, hash_))
        self.peaks.append(hash_)
        self.size += 1
        return completed

    def root(self) -> bytes:
        return _join(self.peaks) if self.peaks else EMPTY_ROOT


def peak_nodes(size: int) -> list[Node]:
    """The nodes whose hashes are the peaks of a tree of this size, left to right."""
    return _cover((0, size))


def inclusion_nodes(index: int, size: int) -> list[list[Node]]:
    """The stored nodes behind each hash of the inclusion path: fetch them all in one query, then `fold`."""
    return [_cover(span) for span in _inclusion_spans(index, size)]


def consistency_nodes(old_size: int, new_size: int) -> list[list[Node]]:
    """The stored nodes behind each hash of the consistency path: fetch them all in one query, then `fold`."""
    return [_cover(span) for span in _consistency_spans(old_size, new_size)]


def fold(groups: Iterable[Sequence[Node]], stored: Mapping[Node, bytes]) -> list[bytes]:
    """The path, from groups of nodes and their stored hashes. Raises KeyError for a node that is not there."""
    return [_join([stored[node] for node in group]) for group in groups]


def inclusion_path(index: int, size: int, node: Callable[[int, int], bytes]) -> list[bytes]:
    """`node(level, index)` reads one stored hash. Raises ProofError unless 0 <= index < size."""
    return _read(inclusion_nodes(index, size), node)


def consistency_path(old_size: int, new_size: int, node: Callable[[int, int], bytes]) -> list[bytes]:
    """`node(level, index)` reads one stored hash. Raises ProofError unless 1 <= old_size <= new_size."""
    return _read(consistency_nodes(old_size, new_size), node)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Returns if the leaf hash stands at `index` of the tree with this size and root, else raises ProofError."""
    spans = _inclusion_spans(index, size)
    _check_length(path, len(spans))
    _check_hashes([leaf, root, *path])
    hash_ = leaf
    for (first, _), sibling in zip(spans, path, strict=True):
        hash_ = node_hash(sibling, hash_) if first < index else node_hash(hash_, sibling)
    if hash_ != root:
        raise ProofError("the path leads to another root")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Returns if the new tree begins with the whole old tree, else raises ProofError.

    Nothing can be proved about growth from an empty tree: a caller that allows it must do so before calling.
    Equal sizes say the same tree, whatever it is: the roots must be equal and the path empty.
    """
    if old_size == new_size >= 0:
        _check_length(path, 0)
        _check_roots("the roots differ though the sizes are equal", old_root, new_root)
        return
    spans = _consistency_spans(old_size, new_size)
    _check_length(path, len(spans))
    _check_hashes([old_root, new_root, *path])
    steps = list(zip(spans, path, strict=True))
    whole = old_size.bit_count() == 1  # the old tree is one complete subtree: its root is known and not in the path
    old = new = old_root if whole else steps.pop(0)[1]
    for (first, _), sibling in steps:
        if first < old_size:  # left of the old tree's edge: part of both trees
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    _check_roots("the path leads to another old root", old, old_root)
    _check_roots("the path leads to another new root", new, new_root)


def _inclusion_spans(index: int, size: int) -> list[Span]:
    """The siblings on the way from a leaf up to the root: PATH of RFC 6962, 2.1.1."""
    if not 0 <= index < size:
        raise ProofError(f"index {index} is not in a tree of {size} leaves")
    spans, first, end = [], 0, size
    while end - first > 1:
        middle = _middle(first, end)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((first, middle))
            first = middle
    return spans[::-1]


def _consistency_spans(old_size: int, new_size: int) -> list[Span]:
    """The last complete subtree of the old tree, unless it is the whole of it, then its siblings up to the new root:
    SUBPROOF of RFC 6962, 2.1.2.
    """
    if not 1 <= old_size <= new_size:
        raise ProofError(f"a tree of {old_size} leaves does not grow into one of {new_size}")
    spans, first, end = [], 0, new_size
    while end != old_size:
        middle = _middle(first, end)
        if old_size <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((first, middle))
            first = middle
    if first:
        spans.append((first, end))
    return spans[::-1]


def _middle(first: int, end: int) -> int:
    """Where RFC 6962 splits: after the largest power of two smaller than the number of leaves."""
    return first + (1 << (end - first - 1).bit_length() - 1)


def _cover(span: Span) -> list[Node]:
    """The complete subtrees that make up a span of the tree, left to right and each smaller than the one before."""
    first, end = span
    nodes = []
    while first < end:
        level = (end - first).bit_length() - 1
        nodes.append((level, first >> level))
        first += 1 << level
    return nodes


def _join(hashes: Sequence[bytes]) -> bytes:
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


def _read(groups: list[list[Node]], node: Callable[[int, int], bytes]) -> list[bytes]:
    return fold(groups, {place: node(*place) for group in groups for place in group})


def _check_length(path: Sequence[bytes], expected: int) -> None:
    if len(path) != expected:
        raise ProofError(f"the path has {len(path)} hashes where these sizes need {expected}")


def _check_hashes(hashes: Iterable[bytes]) -> None:
    for hash_ in hashes:
        if len(hash_) != HASH_SIZE:
            raise ProofError(f"a hash has {HASH_SIZE} bytes, not {len(hash_)}")


def _check_roots(problem: str, got: bytes, expected: bytes) -> None:
    if got != expected:
        raise ProofError(problem)
