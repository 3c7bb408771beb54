"""Who is believed is said by two of three offices, and changed by two of the old and two of the new."""

import contextlib
import dataclasses
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrity import base64
from integrity.note import Key, Note, Signature
from integrity.trust import SigningKey, TrustError, TrustRoot

Roots = Mapping[str, Ed25519PrivateKey]


def three(label: str = "root") -> Roots:
    return {f"uji/{label}-{number}": Ed25519PrivateKey.generate() for number in (1, 2, 3)}


def public(name: str, private: Ed25519PrivateKey) -> str:
    return str(Key(name, private.public_key().public_bytes_raw()))


OLD, NEW = three(), three("new")
LOG = Ed25519PrivateKey.generate()
RECEIPT = Ed25519PrivateKey.generate()
ROOT = TrustRoot(
    instance="uji",
    version=1,
    roots=tuple(public(name, private) for name, private in OLD.items()),
    threshold=2,
    policy=f"log {public('uji/log/1', LOG)}\nquorum none\n",
    receipts=(SigningKey("k1", "tender", base64.encode(RECEIPT.public_key().public_bytes_raw()), 1_000, 2_000),),
)


def some(roots: Roots, number: int) -> Roots:
    return dict(list(roots.items())[:number])


@pytest.mark.parametrize("number", [2, 3])
def test_two_of_three_are_enough(number: int) -> None:
    assert TrustRoot.parse(str(ROOT.signed(some(OLD, number))).encode()) == ROOT


@pytest.mark.parametrize(
    "signers", [{}, some(OLD, 1), NEW, {**some(OLD, 1), **NEW}], ids=["none", "one", "others", "mixed"]
)
def test_fewer_are_not(signers: Roots) -> None:
    note = ROOT.signed(signers)
    data = str(note).encode() if signers else (note.text + "\n").encode()
    with pytest.raises(TrustError):
        TrustRoot.parse(data)


def test_one_who_signs_twice_is_one() -> None:
    once = ROOT.signed(some(OLD, 1))
    with pytest.raises(TrustError, match="1 of its own roots"):
        TrustRoot.parse(str(Note(once.text, once.signatures * 2)).encode())


def test_a_digit_changed_anywhere_is_found() -> None:
    data = str(ROOT.signed(OLD)).encode()
    for place in range(0, len(data), 7):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with contextlib.suppress(TrustError):
            assert TrustRoot.parse(changed) == ROOT, "only a signature beyond the second may be spoiled"


def test_a_false_signature_spoils_enough_true_ones() -> None:
    note = ROOT.signed(OLD)
    *two, last = note.signatures
    false = Signature(last.name, last.id, bytes(64))
    with pytest.raises(TrustError, match="does not hold"):
        TrustRoot.parse(str(Note(note.text, (*two, false))).encode())


def next_one(**changes: object) -> TrustRoot:
    roots = tuple(public(name, private) for name, private in NEW.items())
    return dataclasses.replace(ROOT, **{"version": 2, "roots": roots, **changes})  # type: ignore[arg-type]


def test_the_next_is_signed_by_old_and_new() -> None:
    root = next_one()
    assert TrustRoot.succeeding(ROOT, str(root.signed({**some(OLD, 2), **some(NEW, 2)})).encode()) == root
    for signers in ({**some(OLD, 1), **some(NEW, 2)}, some(NEW, 3)):
        with pytest.raises(TrustError, match="the roots before it"):
            TrustRoot.succeeding(ROOT, str(root.signed(signers)).encode())
    with pytest.raises(TrustError, match="its own roots"):
        TrustRoot.succeeding(ROOT, str(root.signed({**some(OLD, 3), **some(NEW, 1)})).encode())


@pytest.mark.parametrize("changes", [{"version": 1}, {"version": 3}, {"instance": "lain"}])
def test_versions_follow_each_other(changes: dict[str, object]) -> None:
    root = next_one(**changes)
    with pytest.raises(TrustError, match="is followed by"):
        TrustRoot.succeeding(ROOT, str(root.signed({**OLD, **NEW})).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": 1},
        {"threshold": 4},
        {"roots": (ROOT.roots[0], ROOT.roots[0], ROOT.roots[1])},
        {"roots": ("nobody", *ROOT.roots[1:])},
        {"roots": (*ROOT.roots[:2], public("uji/other-name", OLD["uji/root-1"]))},
        {"version": True},
        {"policy": None},
        {"receipts": ROOT.receipts * 2},
        {"receipts": (dataclasses.replace(ROOT.receipts[0], since="1000"),)},
        {"receipts": (dataclasses.replace(ROOT.receipts[0], public="YQ=="),)},
        {"receipts": (dataclasses.replace(ROOT.receipts[0], public=base64.encode(bytes(32))),)},
        {"policy": "quorum somebody\n"},
        {"version": 0},
        {"instance": "a\nb"},
    ],
)
def test_what_is_none(changes: dict[str, object]) -> None:
    with pytest.raises(TrustError):
        dataclasses.replace(ROOT, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kid", "at", "why"), [("k1", 999, "not valid"), ("k1", 2_000, "not valid"), ("k2", 1_500, "not know")]
)
def test_who_may_not_have_signed(kid: str, at: int, why: str) -> None:
    with pytest.raises(TrustError, match=why):
        ROOT.signing(kid, at)


def test_who_may() -> None:
    assert ROOT.signing("k1", 1_000).key().public_bytes_raw() == RECEIPT.public_key().public_bytes_raw()


def test_its_fingerprint_is_of_what_it_says() -> None:
    groups = ROOT.fingerprint.split(" ")
    assert (len(groups), {len(group) for group in groups}) == (16, {4})
    assert dataclasses.replace(ROOT, version=2).fingerprint != ROOT.fingerprint
