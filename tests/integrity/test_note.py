"""Signed notes and checkpoints: against a note that others made, round trips, and every spelling that is not the one."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from integrity import base64
from integrity.checkpoint import Checkpoint
from integrity.ed25519 import SignatureError
from integrity.note import (
    COSIGNATURE,
    LATEST,
    MOST_BYTES,
    MOST_SIGNATURES,
    Key,
    Note,
    NoteError,
    Signature,
    cosign,
    sign,
)

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", ValueError)[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of golang.org/x/mod/sumdb/note."""
CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
"""The example of tlog-cosignature."""

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
TEXT = "lpse.example/log/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def key(private: Ed25519PrivateKey = PRIVATE, name: str = "lpse.example/log/1", kind: int = 1) -> Key:
    return Key(name, private.public_key().public_bytes_raw(), kind)


def test_a_note_of_others_is_read_and_made_again() -> None:
    known = Key.parse(GO_KEY)
    assert str(known) == GO_KEY
    note = Note.parse(GO_NOTE.encode())
    assert (note.text, str(note)) == (GO_TEXT, GO_NOTE)
    assert note.signed_by([known]) == {known: 0}
    assert Note(GO_TEXT, (sign(GO_TEXT, "PeterNeumann", Ed25519PrivateKey.from_private_bytes(GO_SEED)),)) == note


def test_a_checkpoint_of_others_is_read() -> None:
    note = Note.parse(CHECKPOINT.encode())
    assert str(note) == CHECKPOINT
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert str(checkpoint) == note.text
    log, witness = note.signatures
    assert (log.id.hex(), witness.id.hex()) == ("033de0ae", "8d66cf3f")
    assert int.from_bytes(witness.value[:8], "big") == 1679315147


def test_what_is_signed_is_what_the_texts_say() -> None:
    """Against the curve itself, with the bytes written out: our signing and our reading could be wrong together."""
    public = OTHER.public_key()
    plain, line = sign(TEXT, "w", OTHER), cosign(TEXT, "w", OTHER, 1_700_000_000)
    public.verify(plain.value, TEXT.encode())
    public.verify(line.value[8:], b"cosignature/v1\ntime 1700000000\n" + TEXT.encode())
    for found, kind in ((plain, b"\x01"), (line, b"\x04")):
        assert found.id == hashlib.sha256(b"w\n" + kind + public.public_bytes_raw()).digest()[:4]


def test_a_cosignature_says_when() -> None:
    witness = key(OTHER, "inspektorat.example", COSIGNATURE)
    line = cosign(TEXT, witness.name, OTHER, 1_700_000_000)
    later = cosign(TEXT, witness.name, OTHER, 1_700_000_009)
    assert Note(TEXT, (line,)).signed_by([witness]) == {witness: 1_700_000_000}
    assert Note(TEXT, (later, line)).signed_by([witness]) == {witness: 1_700_000_009}
    moved = Signature(line.name, line.id, (1_700_000_001).to_bytes(8, "big") + line.value[8:])
    with pytest.raises(SignatureError, match="does not belong"):
        Note(TEXT, (moved,)).signed_by([witness])


@pytest.mark.parametrize("time", [-1, LATEST + 1])
def test_a_time_that_no_clock_shows(time: int) -> None:
    with pytest.raises(NoteError, match="seconds since 1970"):
        cosign(TEXT, "w", OTHER, time)


def test_a_time_beyond_what_may_be_is_refused() -> None:
    line = cosign(TEXT, "w", OTHER, LATEST)
    witness = key(OTHER, "w", COSIGNATURE)
    assert Note(TEXT, (line,)).signed_by([witness]) == {witness: LATEST}
    for value in (b"\xff" + line.value[1:], line.value[:-1], line.value + b"\0", b""):
        with pytest.raises(SignatureError, match="not a cosignature"):
            witness.verify(TEXT, value)


def test_a_plain_signature_is_no_cosignature_nor_the_other_way() -> None:
    plain, cosigned = sign(TEXT, "w", OTHER), cosign(TEXT, "w", OTHER, 1)
    assert plain.id != cosigned.id
    with pytest.raises(SignatureError):
        key(OTHER, "w", COSIGNATURE).verify(TEXT, plain.value)
    with pytest.raises(SignatureError):
        key(OTHER, "w").verify(TEXT, cosigned.value)


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    mine = sign(TEXT, "lpse.example/log/1", PRIVATE)
    same_name, same_id = Signature(mine.name, b"\0\0\0\0", b"x"), Signature("another", mine.id, b"x")
    note = Note(TEXT, (same_name, same_id, mine))
    assert note.signed_by([key()]) == {key(): 0}
    assert Note(TEXT, (same_name, same_id)).signed_by([key()]) == {}


def test_a_known_key_that_only_seems_to_have_signed_makes_the_note_one_to_refuse() -> None:
    mine = sign(TEXT, "lpse.example/log/1", PRIVATE)
    for note in (Note(TEXT, (mine, Signature(mine.name, mine.id, mine.value[::-1]))), Note("other\n", (mine,))):
        with pytest.raises(SignatureError, match="does not belong"):
            note.signed_by([key()])


def test_a_newer_signature_takes_the_place_of_the_same_keys() -> None:
    mine, first, later = sign(TEXT, "log", PRIVATE), cosign(TEXT, "w", OTHER, 1), cosign(TEXT, "w", OTHER, 2)
    note = Note(TEXT, (mine,)).with_signatures([first, mine])
    assert note.signatures == (mine, first)
    assert note.with_signatures([later]).signatures == (mine, later)
    with pytest.raises(NoteError, match="at most"):
        note.with_signatures(cosign(TEXT, f"w{number}", OTHER, 1) for number in range(MOST_SIGNATURES))


LINE = str(sign(TEXT, "name", PRIVATE))
WRONG = {
    "nothing": ("", "an empty line"),
    "no signature": (TEXT, "an empty line"),
    "no lines after the empty one": (TEXT + "\n", "an empty line"),
    "no newline at the end": (f"{TEXT}\n{LINE}"[:-1], "an empty line"),
    "a carriage return": (f"{TEXT}\n{LINE}".replace("\n", "\r\n"), "control characters"),
    "a tab": (f"a\tb\n\n{LINE}", "control characters"),
    "a hyphen for the dash": (f"{TEXT}\n{LINE}".replace("—", "-"), "em dash"),
    "two spaces": (f"{TEXT}\n{LINE}".replace("name ", "name  "), "em dash"),
    "a space at the end": (f"{TEXT}\n{LINE[:-1]} \n", "em dash"),
    "a plus in the name": (f"{TEXT}\n{LINE}".replace("name", "na+me"), "no name"),
    "another space in the name": (f"{TEXT}\n{LINE}".replace("name", "na\u2003me"), "no name"),
    "no base64": (f"{TEXT}\n— name *\n", "not base64"),
    "url-safe base64": (f"{TEXT}\n— name -_-_-_-_\n", "not base64"),
    "a second spelling": (f"{TEXT}\n— name AAAAAAB=\n", "canonical"),
    "an id alone": (f"{TEXT}\n— name AAAAAA==\n", "something more"),
    "too many": (f"{TEXT}\n{LINE * (MOST_SIGNATURES + 1)}", "at most"),
}


@pytest.mark.parametrize(("note", "why"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_note(note: str, why: str) -> None:
    with pytest.raises(NoteError, match=why):
        Note.parse(note.encode())


def test_what_is_no_text_or_too_much_of_it() -> None:
    with pytest.raises(NoteError, match="UTF-8"):
        Note.parse(b"\xff\n\n" + LINE.encode())
    with pytest.raises(NoteError, match="at most 1048576 bytes"):
        Note.parse(b"a" * MOST_BYTES + f"\n\n{LINE}".encode())


def test_as_many_signatures_as_may_be() -> None:
    assert len(Note.parse(f"{TEXT}\n{LINE * MOST_SIGNATURES}".encode()).signatures) == MOST_SIGNATURES


def test_a_text_with_empty_lines_ends_at_the_last() -> None:
    text = "one\n\n— two AAAAAAA=\n\nthree\n"
    note = Note(text, (sign(text, "name", PRIVATE),))
    assert Note.parse(str(note).encode()) == note


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "a\0\n"])
def test_what_cannot_be_signed(text: str) -> None:
    for act in (lambda: sign(text, "name", PRIVATE), lambda: cosign(text, "name", PRIVATE, 1)):
        with pytest.raises(NoteError):
            act()


GOOD, SHORT = str(key()), base64.encode(bytes([1]) + key().public[1:])
KEYS = {
    "nothing": ("", "joined by"),
    "two parts": (f"{key().name}+{key().id.hex()}", "joined by"),
    "no name": (GOOD.replace(key().name, ""), "joined by"),
    "a space in the name": (GOOD.replace("lpse", "lp se"), "no name"),
    "an id in capitals": (GOOD.replace(key().id.hex(), key().id.hex().upper()), "joined by"),
    "the id of another": (GOOD.replace(key().id.hex(), "00000000"), "not that of its key"),
    "another name": (GOOD.replace("lpse", "epse"), "not that of its key"),
    "no key": (f"{key().name}+{key().id.hex()}+====", "not base64"),
    "the kind alone": (f"{key().name}+{key().id.hex()}+AQ==", "32 bytes"),
    "no kind": (f"{key().name}+{key().id.hex()}+AA==", "of the kind 0 "),
    "another kind": (GOOD.replace("+AQ", "+Ag"), "of the kind 2 "),
    "a name that is no text": (GOOD.replace("lpse", "\udcff"), "no name"),
    "a byte too few": (f"{key().name}+{key().id.hex()}+{SHORT}", "32 bytes"),
}


@pytest.mark.parametrize(("text", "why"), KEYS.values(), ids=KEYS.keys())
def test_what_is_no_verifier_key(text: str, why: str) -> None:
    with pytest.raises(NoteError, match=why):
        Key.parse(text)


NOT_A_CHECKPOINT = {
    "two lines": ("o\n1\n", "three lines"),
    "no newline at the end": (TEXT[:-1], "three lines"),
    "an empty origin": ("\n" + TEXT.partition("\n")[2], "three lines"),
    "an empty extension": (TEXT + "\n", "three lines"),
    "a leading zero": (TEXT.replace("\n0\n", "\n00\n"), "without leading zeroes"),
    "a sign": (TEXT.replace("\n0\n", "\n+1\n"), "without leading zeroes"),
    "other digits": (TEXT.replace("\n0\n", "\n\N{ARABIC-INDIC DIGIT ONE}\n"), "without leading zeroes"),
    "more than can be proved": (TEXT.replace("\n0\n", f"\n{2**63}\n"), "up to"),
    "another root of nothing": (TEXT.replace("47DE", "48DE"), "an empty log has one root"),
    "twenty digits": (TEXT.replace("\n0\n", f"\n{10**19}\n"), "without leading zeroes"),
    "a short root": ("o\n1\nAAAA\n", "32 bytes"),
    "a second spelling": (TEXT.replace("FU=", "FV="), "canonical"),
}


@pytest.mark.parametrize(("text", "why"), NOT_A_CHECKPOINT.values(), ids=NOT_A_CHECKPOINT.keys())
def test_what_is_no_checkpoint(text: str, why: str) -> None:
    with pytest.raises(NoteError, match=why):
        Checkpoint.parse(text)


names = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="+"), min_size=1, max_size=20)
lines = st.text(st.characters(exclude_categories=["C"]), max_size=30)


@given(st.lists(lines, min_size=1), st.lists(names, min_size=1, max_size=5), st.integers(0, LATEST))
def test_whatever_is_signed_is_read_back(texts: list[str], who: list[str], time: int) -> None:
    text = "".join(f"{line}\n" for line in texts)
    note = Note(text, tuple(cosign(text, name, PRIVATE, time) for name in who))
    assert Note.parse(str(note).encode()) == note
    witnesses = {key(PRIVATE, name, COSIGNATURE) for name in who}
    assert {Key.parse(str(witness)) for witness in witnesses} == witnesses
    assert note.signed_by(witnesses) == dict.fromkeys(witnesses, time)


@given(st.data())
def test_another_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    known = key(), key(OTHER, "w", COSIGNATURE)
    good = str(Note(TEXT, (sign(TEXT, known[0].name, PRIVATE), cosign(TEXT, "w", OTHER, 7)))).encode()
    place, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
    bad = good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :]
    try:
        found = Note.parse(bad).signed_by(known)
    except (NoteError, SignatureError):
        return
    assert set(found) != set(known), "both still signed it"


@given(
    st.text(max_size=40).filter(lambda origin: origin.isprintable() and origin),
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_a_checkpoint_is_read_back(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root, ("more",))
    assert Checkpoint.parse(str(checkpoint)) == checkpoint
