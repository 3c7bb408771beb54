"""The log as files: the examples of the format, and any log written out and read back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrity.merkle import (
    CompactRange,
    consistency_path,
    inclusion_path,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from integrity.tiles import MOST_BYTES, Tile, TileError, bundle, reader, tile_of, tiles_of

MANY = 70_000


class Log:
    """A whole tree, and its files by their paths."""

    def __init__(self, size: int) -> None:
        self.entries = [b"entry %d" % number for number in range(size)]
        tree = CompactRange()
        self.roots = [tree.root()]
        self.nodes: dict[tuple[int, int], bytes] = {}
        for entry in self.entries:
            self.nodes.update({(level, index): hash_ for level, index, hash_ in tree.append(leaf_hash(entry))})
            self.roots.append(tree.root())

    def file(self, tile: Tile) -> bytes:
        first = tile.index * 256
        if tile.level is None:
            return bundle(self.entries[first : first + tile.width])
        return b"".join(self.nodes[8 * tile.level, first + place] for place in range(tile.width))


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(MANY)


def test_the_tiles_of_seventy_thousand_entries() -> None:
    rows: dict[int | None, list[int]] = {}
    for tile in tiles_of(MANY):
        rows.setdefault(tile.level, []).append(tile.width)
    assert rows[0] == rows[None] == [256] * 273 + [112]
    assert (rows[1], rows[2]) == ([256, 17], [1])
    assert set(rows) == {None, 0, 1, 2}


def test_a_tree_of_one_full_tile_has_one_above() -> None:
    assert [str(tile) for tile in tiles_of(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    assert list(tiles_of(0)) == []


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 1_234_067), "tile/1/x001/x234/067"),
        (Tile(None, 999, 1), "tile/entries/999.p/1"),
        (Tile(63, 1_000, 255), "tile/63/x001/000.p/255"),
    ],
)
def test_a_path(tile: Tile, path: str) -> None:
    assert (str(tile), Tile.parse(path)) == (path, tile)


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0/0", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/x/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x01/002",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000/", "/tile/0/000", "tile/0/000\n", "tile/0/x001/",
        "tile/0/" + "x001/" * 1500 + "000", "tile/entries/x000/000", "tile/data/000", "tile/0/٠٠٠",
    ],
)  # fmt: skip
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(TileError):
        Tile.parse(path)


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 10**12), st.integers(1, 256))
def test_every_path_is_read_back(level: int | None, index: int, width: int) -> None:
    assert Tile.parse(str(Tile(level, index, width))) == Tile(level, index, width)


@given(st.integers(0, MANY), st.integers(0, MANY))
def test_what_a_growing_log_writes_is_what_it_needs(old: int, new: int) -> None:
    old, new = sorted((old, new))
    before, added = set(tiles_of(old)), list(tiles_of(new, since=old))
    assert len(added) == len(set(added))
    assert set(tiles_of(new)) - before == set(added)


@settings(deadline=None)
@given(st.data())
def test_proofs_are_made_of_tiles_alone(log: Log, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MANY))
    written = {str(tile) for tile in tiles_of(size)}
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    read: list[str] = []

    def fetch(tile: Tile) -> bytes:
        read.append(str(tile))
        return log.file(tile)

    node = reader(size, fetch)
    verify_inclusion(leaf_hash(log.entries[index]), index, size, inclusion_path(index, size, node), log.roots[size])
    verify_consistency(old, log.roots[old], size, log.roots[size], consistency_path(old, size, node))
    assert set(read) <= written, "a file was asked for that a log of this size does not have"


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 2_000))
def test_bundles_read_again_are_the_same_tree(log: Log, size: int) -> None:
    tree = CompactRange()
    for tile in tiles_of(size):
        if tile.level is None:
            entries = tile.entries(log.file(tile))
            assert [tree.size, tree.size + len(entries)] == list(tile.span)
            hashes = Tile(0, tile.index, tile.width).hashes(log.file(Tile(0, tile.index, tile.width)))
            assert [leaf_hash(entry) for entry in entries] == hashes
            for hash_ in hashes:
                tree.append(hash_)
    assert tree.root() == log.roots[size]


def test_the_leaves_under_a_tile() -> None:
    assert Tile(0, 3, 5).span == Tile(None, 3, 5).span == (768, 773)
    assert Tile(2, 0, 1).span == (0, 65_536)


def test_a_node_that_is_not_there_yet() -> None:
    for level, index in ((0, 5), (1, 2), (3, 0)):
        with pytest.raises(TileError, match="no complete subtree"):
            tile_of(level, index, 5)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_a_bundle_is_read_back_and_nothing_else_is(entries: list[bytes]) -> None:
    assert bundle([b"ab", b""]) == b"\0\2ab\0\0"
    data, tile = bundle(entries), Tile(None, 0, len(entries))
    assert tile.entries(data) == entries
    for wrong in (data[:-1], data + b"\0", data + b"\0\0", data + b"\0\1"):
        with pytest.raises(TileError):
            tile.entries(wrong)


def test_an_entry_at_the_limit() -> None:
    largest = bytes(MOST_BYTES)
    assert Tile(None, 0, 2).entries(bundle([largest, b""])) == [largest, b""]
    with pytest.raises(TileError, match="at most 65535 bytes"):
        bundle([largest + b"\0"])


def test_a_tile_of_another_length() -> None:
    for data in (b"", bytes(63), bytes(96)):
        with pytest.raises(TileError, match="64 bytes"):
            Tile(0, 0, 2).hashes(data)
    assert Tile(0, 0, 2).hashes(bytes(64)) == [bytes(32)] * 2


def test_hashes_are_not_read_as_entries_nor_the_other_way() -> None:
    with pytest.raises(TileError, match="not hashes"):
        Tile(None, 0, 2).hashes(bytes(64))
    with pytest.raises(TileError, match="not entries"):
        Tile(0, 0, 2).entries(bytes(4))
