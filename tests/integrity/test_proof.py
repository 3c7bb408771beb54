"""Proofs that stand alone, and what a log asks of a witness: read back, and refused with one bit or line different."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrity import base64
from integrity.checkpoint import Checkpoint
from integrity.ed25519 import SignatureError
from integrity.merkle import ProofError, consistency_path, inclusion_path
from integrity.note import Note, NoteError, cosign, sign
from integrity.policy import Policy, PolicyError
from integrity.proof import MOST_HASHES, Growth, Proof
from tests.integrity.test_merkle import MANY, ROOTS, stored
from tests.integrity.test_policy import LOG, ORIGIN, WITNESSES, private

SIZE, INDEX = len(MANY), 77
POLICY = Policy.parse((LOG + WITNESSES + "group q 2 a b c\nquorum q\n").encode())
LEAF = MANY[INDEX]
TEXT = str(Checkpoint(ORIGIN, SIZE, ROOTS[SIZE]))
SIGNED = (
    sign(TEXT, ORIGIN, private(0)),
    cosign(TEXT, "a.example", private(1), 5),
    cosign(TEXT, "b.example", private(2), 6),
)
GOOD = Proof(INDEX, tuple(inclusion_path(INDEX, SIZE, stored)), Note(TEXT, SIGNED))
LINES = str(GOOD).split("\n")


def test_it_stands_alone() -> None:
    assert LINES[:2] == ["c2sp.org/tlog-proof@v1", "index 77"]
    seen = Proof.parse(str(GOOD).encode()).verify(LEAF, POLICY)
    assert (seen.checkpoint.size, seen.witnesses) == (SIZE, {"a": 5, "b": 6})


@given(st.integers(0, SIZE - 1), st.one_of(st.none(), st.binary(min_size=1)))
def test_it_is_read_back(index: int, extra: bytes | None) -> None:
    made = Proof(index, GOOD.path, GOOD.note, extra)
    assert Proof.parse(str(made).encode()) == made


@given(st.data())
def test_another_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    good = str(GOOD).encode()
    place, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
    bad = good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :]
    with pytest.raises((NoteError, SignatureError, ProofError, PolicyError)):
        Proof.parse(bad).verify(LEAF, POLICY)


def test_nobody_vouches_for_the_extra_data() -> None:
    seen = {
        Proof(INDEX, GOOD.path, GOOD.note, extra).verify(LEAF, POLICY).checkpoint.size
        for extra in (None, b"one", b"another")
    }
    assert seen == {SIZE}


def test_another_entry_is_not_there() -> None:
    with pytest.raises(ProofError):
        GOOD.verify(MANY[INDEX + 1], POLICY)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "an empty line comes before"),
        ([LINES[0], "extra ", *LINES[1:]], "no line for it"),
        ([*LINES[: LINES.index("") + 1], "no", "", *LINES[-3:]], "three lines"),
        (["c2sp.org/tlog-proof@v2", *LINES[1:]], "a proof begins with"),
        ([*LINES[:1], *LINES[2:]], "names the index"),
        ([LINES[0], "extra AAB=", *LINES[1:]], "canonical"),
        ([LINES[0], "index 077", *LINES[2:]], "without leading zeroes"),
        ([*LINES[:2], "AAAA", *LINES[3:]], "32 bytes"),
        ([*LINES[:2], "é", *LINES[3:]], "plain ASCII"),
        ([*LINES[:2], *[LINES[2]] * (MOST_HASHES + 1), *LINES[LINES.index("") :]], "at most 63"),
        ([LINES[0], LINES[1], "extra AAAA", *LINES[2:]], "not base64"),
        (LINES[: LINES.index("") + 1], "an empty line comes before"),
    ],
)
def test_what_is_no_proof(lines: list[str], why: str) -> None:
    with pytest.raises(NoteError, match=why):
        Proof.parse("\n".join(lines).encode())


def test_what_a_log_asks_of_a_witness() -> None:
    asked = Growth(0, (), GOOD.note)
    assert str(asked).startswith("old 0\n\nlpse.example/log/1\n300\n")
    assert Growth.parse(str(asked).encode()) == asked
    assert asked.checkpoint.size == SIZE
    more = Growth(64, (LEAF, bytes(32)), GOOD.note)
    assert str(more).split("\n")[:4] == ["old 64", base64.encode(LEAF), base64.encode(bytes(32)), ""]
    assert Growth.parse(str(more).encode()) == more


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("old", "old size"), ("new 0", "says the old size"), ("old  0", "leading zeroes"), ("old 01", "leading zeroes"),
        ("old -1", "leading zeroes"), ("old 0\nAAAA", "32 bytes"), ("old ٣", "plain ASCII"),
        ("old 0" + f"\n{base64.encode(bytes(32))}" * (MOST_HASHES + 1), "at most 63"),
    ],
)  # fmt: skip
def test_what_is_no_request(first: str, why: str) -> None:
    with pytest.raises(NoteError, match=why):
        Growth.parse(f"{first}\n\n{GOOD.note}".encode())
    with pytest.raises(NoteError, match="an empty line comes before"):
        Growth.parse(b"old 0\n")


def test_a_log_that_grew_and_one_that_did_not() -> None:
    path = tuple(consistency_path(64, SIZE, stored))
    Growth(0, (), GOOD.note).verify(ROOTS[0])
    Growth(64, path, GOOD.note).verify(ROOTS[64])
    Growth(SIZE, (), GOOD.note).verify(ROOTS[SIZE])
    for old, hashes, root in (
        (0, path, ROOTS[0]), (64, path, ROOTS[63]), (64, path[1:], ROOTS[64]), (SIZE, path, ROOTS[SIZE]), (SIZE, (), ROOTS[0]),
        (SIZE + 1, path, ROOTS[64]),
    ):  # fmt: skip
        with pytest.raises(ProofError):
            Growth(old, hashes, GOOD.note).verify(root)
