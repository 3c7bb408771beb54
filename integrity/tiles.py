"""The log as files that never change (C2SP tlog-tiles): rows of hashes of its tree, and its entries in bundles.

A tile at level `n` is a row of up to 256 roots of complete subtrees of `256**n` leaves. A bundle holds the entries under one
tile of level 0, each behind its length in two bytes. A tile that is not full yet says its width in its path.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .merkle import HASH_SIZE, root

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
TOP: Final = 63
MOST_BYTES: Final = 0xFFFF
"""Of one entry in a bundle."""

_PATH: Final = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


class TileError(ValueError):
    """No path of a tile, or not its content; the text says why."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One file. `level` is None for a bundle of entries. `str(tile)` is its path under the log's own."""

    level: int | None
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (0 <= (self.level or 0) <= TOP and self.index >= 0 and 1 <= self.width <= WIDTH):
            raise TileError(f"no log has a tile {self.level}, {self.index} of the width {self.width}")

    def __str__(self) -> str:
        *above, last = _thousands(self.index)
        folders = "".join(f"x{part:03}/" for part in above)
        part = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.level is None else self.level}/{folders}{last:03}{part}"

    @classmethod
    def parse(cls, path: str) -> "Tile":
        """From its one right spelling. Raises TileError."""
        parts = _PATH.fullmatch(path)
        if parts is None:
            raise TileError(f"{path[:80]!r} is not the path of a tile")
        level = None if parts[1] == "entries" else int(parts[1])
        tile = cls(level, int(re.sub("[x/]", "", parts[2])), int(parts[3] or WIDTH))
        if str(tile) != path:
            raise TileError(f"the path of this tile is {tile}")
        return tile

    @property
    def span(self) -> tuple[int, int]:
        """The leaves under it, from the first up to but without the second."""
        under = 1 << HEIGHT * (self.level or 0)
        first = self.index * WIDTH * under
        return first, first + self.width * under

    def hashes(self, data: bytes) -> list[bytes]:
        """Of a tile, left to right. Raises TileError unless it is as long as its path says."""
        if self.level is None:
            raise TileError(f"{self} has entries, not hashes")
        if len(data) != self.width * HASH_SIZE:
            raise TileError(f"{self} has {self.width * HASH_SIZE} bytes, not {len(data)}")
        return [data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE)]

    def entries(self, data: bytes) -> list[bytes]:
        """Of a bundle. Raises TileError unless it holds as many as its path says, and nothing after them."""
        if self.level is not None:
            raise TileError(f"{self} has hashes, not entries")
        found, place = [], 0
        for _ in range(self.width):
            end = place + 2 + int.from_bytes(data[place : place + 2], "big")
            found.append(data[place + 2 : end])
            place = end
        if place != len(data):
            raise TileError(f"{self} has {self.width} entries, and ends with the last of them")
        return found


def bundle(entries: Iterable[bytes]) -> bytes:
    """The content of a bundle. Raises TileError for an entry that no log can hold."""
    return b"".join(_sized(entry) for entry in entries)


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """The files of a log of this size, bundles first; with `since` only those a log of that smaller size did not have."""
    yield from (Tile(None, tile.index, tile.width) for tile in _row(0, size, since))
    level = 0
    while size >> HEIGHT * level:
        yield from _row(level, size, since)
        level += 1


def tile_of(level: int, index: int, size: int) -> tuple[Tile, slice]:
    """Where a log of this size keeps the node `(level, index)` of its tree: the hashes whose root it is."""
    row, height = divmod(level, HEIGHT)
    first = index << height
    tile, offset = divmod(first, WIDTH)
    width = min(WIDTH, (size >> HEIGHT * row) - tile * WIDTH)
    if offset + (1 << height) > width:
        raise TileError(f"a log of {size} entries has no complete subtree {level}, {index}")
    return Tile(row, tile, width), slice(offset, offset + (1 << height))


def reader(size: int, fetch: Callable[[Tile], bytes]) -> Callable[[int, int], bytes]:
    """`node(level, index)` for `merkle.inclusion_path` and `consistency_path`, out of a log's files."""

    def node(level: int, index: int) -> bytes:
        tile, place = tile_of(level, index, size)
        return root(tile.hashes(fetch(tile))[place])

    return node


def _row(level: int, size: int, since: int) -> Iterator[Tile]:
    have, want = since >> HEIGHT * level, size >> HEIGHT * level
    if have == want:
        return
    for index in range(have // WIDTH, -(-want // WIDTH)):
        yield Tile(level, index, min(WIDTH, want - index * WIDTH))


def _thousands(number: int) -> Sequence[int]:
    parts = [number % 1000]
    while number := number // 1000:
        parts.append(number % 1000)
    return parts[::-1]


def _sized(entry: bytes) -> bytes:
    if len(entry) > MOST_BYTES:
        raise TileError(f"an entry of a log has at most {MOST_BYTES} bytes, not {len(entry)}")
    return len(entry).to_bytes(2, "big") + entry
