"""The tree and its proofs, against RFC 6962's reference tree and against the definitions written out naively."""

from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrity.merkle import (
    EMPTY_ROOT,
    CompactRange,
    ProofError,
    consistency_nodes,
    consistency_path,
    fold,
    inclusion_nodes,
    inclusion_path,
    leaf_hash,
    node_hash,
    peak_nodes,
    root,
    verify_consistency,
    verify_inclusion,
)

REFERENCE_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

Hashes: TypeAlias = list[bytes]


def leaves_of(size: int) -> Hashes:
    return [leaf_hash(b"leaf %d" % number) for number in range(size)]


MANY = leaves_of(300)
STORED = {
    (level, index): hash_ for tree in [CompactRange()] for leaf in MANY for level, index, hash_ in tree.append(leaf)
}
ROOTS = [root(MANY[:size]) for size in range(len(MANY) + 1)]


def stored(level: int, index: int) -> bytes:
    return STORED[level, index]


# The definitions of RFC 6962, 2.1, word for word.


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(d: Hashes) -> bytes:
    if not d:
        return EMPTY_ROOT
    return d[0] if len(d) == 1 else node_hash(mth(d[: split(len(d))]), mth(d[split(len(d)) :]))


def naive_path(m: int, d: Hashes) -> Hashes:
    if len(d) == 1:
        return []
    k = split(len(d))
    return [*naive_path(m, d[:k]), mth(d[k:])] if m < k else [*naive_path(m - k, d[k:]), mth(d[:k])]


def naive_proof(m: int, d: Hashes, whole: bool = True) -> Hashes:
    if m == len(d):
        return [] if whole else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*naive_proof(m, d[:k], whole), mth(d[k:])]
    return [*naive_proof(m - k, d[k:], False), mth(d[:k])]


def flipped(hash_: bytes, bit: int) -> bytes:
    return (int.from_bytes(hash_) ^ (1 << bit)).to_bytes(len(hash_))


def damaged(path: Hashes, bit: int) -> list[Hashes]:
    """Every way to spoil a path at one place: flipped, dropped, doubled, cut short, swapped."""
    ways = [[*path, ROOTS[1]], [ROOTS[1], *path], [*path, b""], [b"", *path]]
    for place, hash_ in enumerate(path):
        before, after = path[:place], path[place + 1 :]
        ways += [[*before, flipped(hash_, bit), *after], [*before, *after], [*before, hash_, hash_, *after]]
        ways += [[*before, hash_[:-1], *after], [*before, hash_ + b"\0", *after]]
        ways += [[*before, after[0], hash_, *after[1:]]] if after else []
    return ways


def rejected(check: Callable[[], None]) -> bool:
    try:
        check()
    except ProofError:
        return True
    return False


@st.composite
def leaf_and_size(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, len(MANY)))
    return draw(st.integers(0, size - 1)), size


@st.composite
def two_sizes(draw: st.DrawFn) -> tuple[int, int]:
    new = draw(st.integers(1, len(MANY)))
    return draw(st.integers(1, new)), new


@pytest.mark.parametrize("size", range(9))
def test_reference_tree(size: int) -> None:
    assert root(leaf_hash(leaf) for leaf in REFERENCE_LEAVES[:size]).hex() == REFERENCE_ROOTS[size]


def test_leaves_and_nodes_never_collide() -> None:
    left, right = MANY[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


def test_roots_are_those_of_the_definition() -> None:
    assert [mth(MANY[:size]) for size in range(100)] == ROOTS[:100]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 64, 255, 299])
def test_a_tree_goes_on_from_its_stored_edge(size: int) -> None:
    tree = CompactRange(size, [stored(*node) for node in peak_nodes(size)])
    assert tree.root() == ROOTS[size]
    for leaf in MANY[size:]:
        tree.append(leaf)
    assert (tree.size, tree.root()) == (300, ROOTS[300])


def test_each_complete_subtree_is_yielded_once_with_its_own_root() -> None:
    tree = CompactRange()
    yielded = [node for leaf in MANY[:64] for node in tree.append(leaf)]
    assert len(yielded) == 127
    for level, index, hash_ in yielded:
        assert hash_ == mth(MANY[index << level : (index + 1) << level])


@pytest.mark.parametrize(("size", "peaks"), [(3, 1), (3, 3), (0, 1), (-1, 0), (-1, 1)])
def test_an_edge_that_does_not_fit_is_refused(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="peaks"):
        CompactRange(size, MANY[:peaks])


def test_a_leaf_that_is_no_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        CompactRange().append(b"leaf")


@given(leaf_and_size())
def test_inclusion_path_is_that_of_the_definition_and_verifies(case: tuple[int, int]) -> None:
    index, size = case
    path = inclusion_path(index, size, stored)
    assert path == naive_path(index, MANY[:size])
    verify_inclusion(MANY[index], index, size, path, ROOTS[size])


@given(two_sizes())
def test_consistency_path_is_that_of_the_definition_and_verifies(case: tuple[int, int]) -> None:
    old, new = case
    path = consistency_path(old, new, stored)
    assert path == naive_proof(old, MANY[:new])
    verify_consistency(old, ROOTS[old], new, ROOTS[new], path)


def test_every_proof_of_the_small_trees_verifies() -> None:
    for new in range(1, 34):
        for old in range(1, new + 1):
            verify_consistency(old, ROOTS[old], new, ROOTS[new], consistency_path(old, new, stored))
            verify_inclusion(MANY[old - 1], old - 1, new, inclusion_path(old - 1, new, stored), ROOTS[new])


@given(leaf_and_size(), st.integers(0, 255))
def test_a_damaged_inclusion_proof_fails(case: tuple[int, int], bit: int) -> None:
    index, size = case
    leaf, path, tree_root = MANY[index], inclusion_path(index, size, stored), ROOTS[size]
    for wrong in damaged(path, bit):
        assert wrong == path or rejected(lambda wrong=wrong: verify_inclusion(leaf, index, size, wrong, tree_root))
    assert rejected(lambda: verify_inclusion(flipped(leaf, bit), index, size, path, tree_root))
    assert rejected(lambda: verify_inclusion(leaf, index, size, path, flipped(tree_root, bit)))
    for other in {index - 1, index + 1, index ^ 2, index + size} - {index}:
        assert rejected(lambda other=other: verify_inclusion(leaf, other, size, path, tree_root))
    assert rejected(lambda: verify_inclusion(leaf, index, size * 2, path, tree_root))
    assert rejected(lambda: verify_inclusion(leaf, index, size // 2, path, tree_root))


@given(two_sizes(), st.integers(0, 255))
def test_a_damaged_consistency_proof_fails(case: tuple[int, int], bit: int) -> None:
    old, new = case
    path, old_root, new_root = consistency_path(old, new, stored), ROOTS[old], ROOTS[new]
    for wrong in damaged(path, bit):
        assert wrong == path or rejected(lambda wrong=wrong: verify_consistency(old, old_root, new, new_root, wrong))
    assert rejected(lambda: verify_consistency(old, flipped(old_root, bit), new, new_root, path))
    assert rejected(lambda: verify_consistency(old, old_root, new, flipped(new_root, bit), path))
    assert old == new or rejected(lambda: verify_consistency(old, new_root, new, old_root, path))
    for other in {old - 1, old + 1, old ^ 2, new + 1} - {old}:
        assert rejected(lambda other=other: verify_consistency(other, old_root, new, new_root, path))
    assert rejected(lambda: verify_consistency(old, old_root, new * 2, new_root, path))
    assert rejected(lambda: verify_consistency(old, old_root, new // 2, new_root, path))


def test_a_tree_that_changed_its_past_is_not_consistent() -> None:
    forged = leaves_of(20)
    forged[3] = leaf_hash(b"another bid")
    forged_root = root(forged)
    for old in range(4, 20):
        for path in (consistency_path(old, 20, stored), naive_proof(old, forged)):
            assert rejected(lambda old=old, path=path: verify_consistency(old, ROOTS[old], 20, forged_root, path))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (8, 8), (-1, 8), (0, -1), (-2, -1)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ProofError, match="is not in a tree"):
        verify_inclusion(MANY[0], index, size, [], MANY[0])
    with pytest.raises(ProofError, match="is not in a tree"):
        inclusion_nodes(index, size)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_hashes_of_another_length_are_named(length: int) -> None:
    short, whole = bytes(length), MANY[0]
    for leaf, sibling, tree_root in [(short, whole, whole), (whole, short, whole), (whole, whole, short)]:
        with pytest.raises(ProofError, match=f"32 bytes, not {length}"):
            verify_inclusion(leaf, 0, 2, [sibling], tree_root)
        with pytest.raises(ProofError, match=f"32 bytes, not {length}"):
            verify_consistency(1, leaf, 2, tree_root, [sibling])


def test_a_path_of_another_length_is_named() -> None:
    with pytest.raises(ProofError, match="1 hashes where these sizes need 0"):
        verify_inclusion(MANY[0], 0, 1, [MANY[0]], MANY[0])
    with pytest.raises(ProofError, match="0 hashes where these sizes need 1"):
        verify_consistency(1, ROOTS[1], 2, ROOTS[2], [])


@pytest.mark.parametrize("size", [0, 1, 5, 8])
def test_equal_sizes_demand_equal_roots_and_an_empty_path(size: int) -> None:
    verify_consistency(size, ROOTS[size], size, ROOTS[size], [])
    with pytest.raises(ProofError, match="roots differ"):
        verify_consistency(size, ROOTS[size], size, ROOTS[9], [])
    with pytest.raises(ProofError, match="1 hashes where these sizes need 0"):
        verify_consistency(size, ROOTS[size], size, ROOTS[size], [ROOTS[size]])


@pytest.mark.parametrize(("old", "new"), [(0, 1), (0, 8), (2, 1), (8, 7), (1, 0), (-1, 1), (-1, -1)])
def test_sizes_that_cannot_be_compared(old: int, new: int) -> None:
    for path in ([], [EMPTY_ROOT]):
        with pytest.raises(ProofError, match="does not grow into"):
            verify_consistency(old, EMPTY_ROOT, new, EMPTY_ROOT, path)
    with pytest.raises(ProofError, match="does not grow into"):
        consistency_nodes(old, new)


def test_which_root_is_missed_is_named() -> None:
    path = consistency_path(6, 9, stored)
    with pytest.raises(ProofError, match="another old root"):
        verify_consistency(6, ROOTS[5], 9, ROOTS[9], path)
    with pytest.raises(ProofError, match="another new root"):
        verify_consistency(6, ROOTS[6], 9, ROOTS[8], path)


def test_a_proof_in_a_huge_tree_needs_few_nodes() -> None:
    size = 2**40 - 3
    for groups in (inclusion_nodes(size // 3, size), consistency_nodes(size // 3, size)):
        assert sum(map(len, groups)) <= 80


def test_fold_says_which_node_is_missing() -> None:
    with pytest.raises(KeyError, match=r"\(0, 2\)"):
        fold(inclusion_nodes(0, 3), {(0, 1): MANY[1]})
