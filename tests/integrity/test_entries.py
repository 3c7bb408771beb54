"""Entries of the log: their bytes, what they commit to, and that an opening fits one entry only."""

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrity.canonical import NotCanonical, canonical, parse
from integrity.entries import (
    MAX_ENTRY_BYTES,
    EntryError,
    Opening,
    Place,
    blind_entry,
    commitment,
    padding,
    parse_entry,
    public_entry,
    rfc3339_ms,
    verify_opening,
    verify_place,
)

AT = datetime(2026, 11, 23, 2, 59, 58, 123999, tzinfo=UTC)
R = bytes(range(32))
PLACE_R = bytes(range(32, 64))
SEVENTH, EIGHTH = Place("tender", 7), Place("tender", 8)
BID = Opening(
    "tender.bid.submitted",
    AT,
    "tender",
    SEVENTH.commitment(PLACE_R).hex(),
    "akun-1",
    {"bid": "B-1", "sha256": "ab" * 32},
)
ANNOUNCED = Opening("tender.announced", AT, "tender", EIGHTH.commitment(PLACE_R).hex(), None, {"officer": "P-9"})
BLIND_ENTRY = blind_entry(AT, BID.commitment(R))
PUBLIC_ENTRY = public_entry("tender.announced", AT, {"code": "T-1"}, ANNOUNCED.commitment(R))


def test_commitment_is_the_hash_of_type_zero_r_body() -> None:
    assert commitment("kind/v1", R, b"body") == hashlib.sha256(b"kind/v1\0" + R + b"body").digest()


@pytest.mark.parametrize("length", [0, 31, 33])
def test_r_has_exactly_32_bytes(length: int) -> None:
    with pytest.raises(EntryError, match=f"not {length}"):
        commitment("kind/v1", bytes(length), b"")


def test_a_type_cannot_run_into_r() -> None:
    with pytest.raises(EntryError, match="zero byte"):
        commitment("kind\0", R, b"")


def test_bytes_of_a_blind_entry() -> None:
    c = BID.commitment(R).hex()
    assert f'{{"at":"2026-11-23T02:59:00Z","c":"{c}","kind":"blind","v":1}}'.encode() == BLIND_ENTRY


def test_bytes_of_a_public_entry() -> None:
    priv = ANNOUNCED.commitment(R).hex()
    assert (
        f'{{"at":"2026-11-23T02:59:58.123Z","kind":"tender.announced","priv":"{priv}","pub":{{"code":"T-1"}},"v":1}}'
    ).encode() == PUBLIC_ENTRY


def test_bytes_of_an_opening() -> None:
    assert BID.canonical() == (
        b'{"actor":"akun-1","at":"2026-11-23T02:59:58.123Z","body":{"bid":"B-1","sha256":"' + b"ab" * 32 + b'"},'
        b'"kind":"tender.bid.submitted","place":"' + SEVENTH.commitment(PLACE_R).hex().encode() + b'","src":"tender"}'
    )
    assert Opening.from_json(parse(BID.canonical())).canonical() == BID.canonical()


@given(st.datetimes(timezones=st.timezones()), st.binary(min_size=32, max_size=32))
def test_all_blind_entries_have_the_same_length(at: datetime, c: bytes) -> None:
    assert len(blind_entry(at, c)) == len(BLIND_ENTRY)


def test_openings_fit_their_entries() -> None:
    verify_opening(BLIND_ENTRY, BID, R)
    verify_opening(PUBLIC_ENTRY, ANNOUNCED, R)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "tender.bid.withdrawn"},
        {"at": AT + timedelta(milliseconds=1)},
        {"at": AT + timedelta(minutes=1)},
        {"src": "registry"},
        {"place": EIGHTH.commitment(R).hex()},
        {"actor": "akun-2"},
        {"body": {}},
    ],
)
def test_an_opening_that_says_anything_else_does_not_fit(change: dict[str, Any]) -> None:
    with pytest.raises(EntryError):
        verify_opening(BLIND_ENTRY, dataclasses.replace(BID, **change), R)
    with pytest.raises(EntryError):
        verify_opening(PUBLIC_ENTRY, dataclasses.replace(ANNOUNCED, **change), R)


def test_bytes_of_a_place() -> None:
    said = b'{"seq":7,"src":"tender"}'
    assert SEVENTH.commitment(PLACE_R) == hashlib.sha256(b"log-place/v1\0" + PLACE_R + said).digest()


def test_an_opening_has_one_place() -> None:
    verify_place(BID, SEVENTH, PLACE_R)
    verify_place(ANNOUNCED, EIGHTH, PLACE_R)
    for place, r in ((EIGHTH, PLACE_R), (Place("tender", 0), PLACE_R), (SEVENTH, R)):
        with pytest.raises(EntryError, match="another place"):
            verify_place(BID, place, r)


def test_a_place_is_of_the_source_that_the_opening_names() -> None:
    """Also where the commitment is honest and the opening lies about its source."""
    with pytest.raises(EntryError, match="another source"):
        verify_place(BID, Place("registry", 7), PLACE_R)
    with pytest.raises(EntryError, match="another source"):
        verify_place(dataclasses.replace(BID, src="registry"), SEVENTH, PLACE_R)


def test_another_r_does_not_fit() -> None:
    for entry, opening in ((BLIND_ENTRY, BID), (PUBLIC_ENTRY, ANNOUNCED)):
        with pytest.raises(EntryError, match="something else"):
            verify_opening(entry, opening, bytes(32))


def test_an_honest_commitment_under_a_false_time_or_kind_does_not_fit() -> None:
    with pytest.raises(EntryError, match="another time"):
        verify_opening(blind_entry(AT - timedelta(minutes=1), BID.commitment(R)), BID, R)
    late = public_entry(ANNOUNCED.kind, AT + timedelta(milliseconds=1), {}, ANNOUNCED.commitment(R))
    with pytest.raises(EntryError, match="another time"):
        verify_opening(late, ANNOUNCED, R)
    with pytest.raises(EntryError, match="another kind"):
        verify_opening(public_entry("tender.failed", AT, {}, ANNOUNCED.commitment(R)), ANNOUNCED, R)


@pytest.mark.parametrize("entry", [BLIND_ENTRY, PUBLIC_ENTRY])
@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"v": "1"},
        {"kind": 3},
        {"at": "2026-11-23T02:59:58Z"},
        {"at": "2026-11-23T02:59:00"},
        {"at": "yesterday"},
        {"at": 5},
        {"c": "AB" * 32},
        {"priv": "ab" * 31},
        {"priv": 5, "c": 5},
        {"pub": []},
        {"more": 1},
    ],
)
def test_malformed_entries_are_refused(entry: bytes, change: dict[str, Any]) -> None:
    value = parse_entry(entry)
    fields = {name: item for name, item in change.items() if name in value} or {"more": 1}
    with pytest.raises(EntryError):
        parse_entry(canonical({**value, **fields}))


def test_forms_are_not_mixed() -> None:
    for entry, kind in ((BLIND_ENTRY, "tender.announced"), (PUBLIC_ENTRY, "blind")):
        with pytest.raises(EntryError):
            parse_entry(canonical({**parse_entry(entry), "kind": kind}))
    with pytest.raises(EntryError, match="neither"):
        parse_entry(b"[]")
    with pytest.raises(EntryError, match="kind of its own"):
        public_entry("blind", AT, {}, bytes(32))
    with pytest.raises(NotCanonical):
        parse_entry(PUBLIC_ENTRY + b"\n")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_commitment_has_32_bytes(length: int) -> None:
    with pytest.raises(EntryError, match="64"):
        blind_entry(AT, bytes(length))
    with pytest.raises(EntryError, match="64"):
        public_entry("tender.announced", AT, {}, bytes(length))


def test_an_entry_has_at_most_32_kib() -> None:
    room = MAX_ENTRY_BYTES - len(public_entry("k", AT, {"x": ""}, bytes(32)))
    assert len(public_entry("k", AT, {"x": "a" * room}, bytes(32))) == MAX_ENTRY_BYTES
    with pytest.raises(EntryError, match="32768"):
        public_entry("k", AT, {"x": "a" * (room + 1)}, bytes(32))


@pytest.mark.parametrize(
    ("real", "total"), [(0, 4), (1, 4), (3, 4), (4, 4), (5, 8), (8, 8), (9, 16), (512, 512), (513, 1024)]
)
def test_padding_reaches_a_power_of_two_of_at_least_four(real: int, total: int) -> None:
    assert real + padding(real) == total


def test_padding_refuses_less_than_nothing() -> None:
    with pytest.raises(EntryError):
        padding(-1)


def test_time_is_utc_and_cut_to_milliseconds() -> None:
    wib = timezone(timedelta(hours=7))
    assert rfc3339_ms(datetime(2026, 11, 23, 9, 59, 59, 999999, tzinfo=wib)) == "2026-11-23T02:59:59.999Z"
    assert rfc3339_ms(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
    with pytest.raises(EntryError, match="zone"):
        rfc3339_ms(AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    "change",
    [
        {"at": "2026-11-23T09:59:58.123+07:00"},
        {"at": "2026-11-23T02:59:58Z"},
        {"at": "x"},
        {"at": 1},
        {"place": "AB" * 32},
        {"place": 7},
        {"seq": 7},
        {"more": 1},
    ],
)
def test_an_opening_has_one_spelling(change: dict[str, Any]) -> None:
    with pytest.raises(EntryError):
        Opening.from_json({**BID.as_json(), **change})


def test_a_blind_entry_may_be_logged_later_than_its_event_happened() -> None:
    verify_opening(blind_entry(AT + timedelta(hours=1), BID.commitment(R)), BID, R)


@pytest.mark.parametrize(("real", "dummies"), [(0, 8), (3, 5), (8, 0), (9, 7)])
def test_padding_reaches_what_a_log_always_shows(real: int, dummies: int) -> None:
    assert padding(real, 8) == dummies
