"""Whatever an event says, its entry fits the log's formats and reads back, or is refused with a reason."""

from typing import Any

import pytest

from contracts.tender import TenderFailed
from integrity.canonical import NotCanonical, canonical, parse
from integrity.entries import MAX_ENTRY_BYTES, EntryError, parse_entry, verify_opening
from integrity.tiles import TileError, bundle
from kit.envelope import Envelope
from kit.ids import new_id
from services.audit.log.leaves import leaf_of
from tests.services.audit.source import Source

SECRET = bytes(32)


def event(**said: Any) -> Envelope:
    """A public one, whose contract shows its code."""
    data = TenderFailed(tender=new_id(), code="1", ground="x")
    made = Source().envelope(data)
    return made.model_copy(update={"data": {**made.data, **said}})


ODD = {
    "control characters": "".join(map(chr, range(32))) + "\x7f\u2028\u202e",
    "what JSON must escape": '"\\/\b\f\n\r\t',
    "outside the first plane": "\U0001f4dc" * 200,
    "longer than an entry": "9" * 40_000,
    "longer than a bundle's entry": "9" * 70_000,
    "just below the limit": "9" * (MAX_ENTRY_BYTES - 1_200),
    "the largest number": 2**53 - 1,
    "nothing": None,
}


@pytest.mark.parametrize("code", ODD.values(), ids=ODD.keys())
def test_it_fits_and_reads_back(code: Any) -> None:
    envelope = event(code=code)
    leaf = leaf_of(envelope, SECRET)
    assert len(leaf.entry) <= MAX_ENTRY_BYTES
    verify_opening(leaf.entry, leaf.opening, leaf.r)
    shown = parse_entry(leaf.entry)["pub"]
    assert canonical(shown.get("code", leaf.opening.body.get("code"))) == canonical(code)
    assert bundle([leaf.entry])


@pytest.mark.parametrize("code", [2**53, -(2**53), 1.5, "\ud800", float("nan")], ids=repr)
def test_what_two_programs_would_read_differently_is_refused(code: Any) -> None:
    with pytest.raises(NotCanonical):
        leaf_of(event(code=code), SECRET)


def test_a_bundle_holds_65535_bytes_of_an_entry_and_not_one_more() -> None:
    assert len(bundle([bytes(65_535)])) == 65_537
    with pytest.raises(TileError):
        bundle([bytes(65_536)])


@pytest.mark.parametrize(
    "entry",
    [
        b'{"at":"2026-11-23T02:59:00Z","at":"2026-11-23T02:59:00Z","c":"%b","kind":"blind","v":1}' % (b"0" * 64),
        b'{"at":"2026-11-23T02:59:00Z","c":"%b","kind":"blind","v":1.0}' % (b"0" * 64),
        b'{"at":"2026-11-23T02:59:00Z","c":"%b","kind":"blind","v":100000000000000000000}' % (b"0" * 64),
        b'{"at":"2026-11-23T02:59:00Z","c":"%b","kind":"bli\\u006ed","v":1}' % (b"0" * 64),
        b'{"at":"2026-11-23T02:59:00Z","c":"%b","kind":"blind\x00","v":1}' % (b"0" * 64),
    ],
    ids=["a key twice", "a float", "a big number", "a second spelling", "a control character"],
)
def test_an_entry_that_could_be_read_in_two_ways_is_none(entry: bytes) -> None:
    with pytest.raises((NotCanonical, EntryError)):
        parse_entry(entry)
    with pytest.raises(NotCanonical):
        parse(entry)
