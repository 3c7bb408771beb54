"""What a leaf says to everybody and what it only commits to."""

from datetime import timedelta

import pytest

from contracts import CATALOGUE
from contracts.tender import ManifestRow, TenderOpened
from integrity.canonical import canonical
from integrity.entries import MAX_ENTRY_BYTES, EntryError, Place, parse_entry, verify_opening, verify_place
from kit.envelope import Envelope
from kit.ids import new_id
from services.audit.log.leaves import commitment_of, dummy, leaf_of, logged_at
from tests.services.audit.source import AT, Source

SECRET = bytes(range(32))


def test_a_public_entry_holds_the_public_fields_and_no_others() -> None:
    leaf = leaf_of(Source().public(), SECRET)
    shown = parse_entry(leaf.entry)
    assert shown["kind"] == "question.answered"
    assert shown["at"] == "2026-11-23T02:59:58.123Z"
    assert set(shown["pub"]) == {"question", "tender"}
    verify_opening(leaf.entry, leaf.opening, leaf.r)


@pytest.mark.parametrize("type_", sorted(CATALOGUE))
def test_no_event_shows_more_than_its_contract_says(type_: str) -> None:
    event = CATALOGUE[type_]
    values = {name: f"value of {name}" for name in event.model_fields}
    source = Source()
    envelope = source.public().model_copy(update={"type": type_, "data": values, "actor": new_id()})
    leaf = leaf_of(envelope, SECRET)
    shown = parse_entry(leaf.entry)
    hidden = set(values) - (event.PUBLIC or set())
    assert shown.get("pub", {}).keys() == (event.PUBLIC or set())
    assert set(leaf.opening.body) == hidden
    for secret in [values[name] for name in hidden] + [str(envelope.actor), str(envelope.id), str(envelope.subject)]:
        assert f'"{secret}"'.encode() not in leaf.entry
    assert leaf.blind == (event.PUBLIC is None)
    verify_opening(leaf.entry, leaf.opening, leaf.r)


def test_blind_entries_and_dummies_cannot_be_told_apart() -> None:
    source = Source()
    leaves = [leaf_of(source.blind(actor=new_id()), SECRET), leaf_of(source.short_blind(), SECRET), dummy(AT)]
    assert len({len(leaf.entry) for leaf in leaves}) == 1
    shown = [parse_entry(leaf.entry) for leaf in leaves]
    assert {(entry["kind"], entry["at"]) for entry in shown} == {("blind", "2026-11-23T02:59:00Z")}
    for leaf in leaves:
        verify_opening(leaf.entry, leaf.opening, leaf.r)
        verify_place(leaf.opening, leaf.place, leaf.place_r)
    assert [leaf.place for leaf in leaves] == [Place("tender", 1), Place("tender", 2), Place("audit", 0)]


def test_an_opening_does_not_tell_the_place() -> None:
    """Neither in its bytes nor by its random number: whoever has both cannot try the few numbers there are."""
    source = Source()
    for leaf in (
        leaf_of(source.blind(actor=new_id()), SECRET),
        leaf_of(source.public(actor=new_id()), SECRET),
        dummy(AT),
    ):
        assert set(leaf.opening.as_json()) == {"actor", "at", "body", "kind", "place", "src"}
        assert leaf.opening.place != leaf.place.commitment(leaf.r).hex()
        assert leaf.place_r.hex().encode() not in leaf.opening.canonical()


def test_an_event_of_a_kind_we_do_not_know_is_blind() -> None:
    unknown = Source().public().model_copy(update={"type": "tender.bid.weighed.v2", "data": {"provider": "p"}})
    leaf = leaf_of(unknown, SECRET)
    assert leaf.blind
    assert (leaf.opening.kind, leaf.opening.body) == ("bid.weighed", {"provider": "p"})


def test_an_event_that_is_sent_again_gives_the_same_leaf() -> None:
    """What was published of it before a database forgot it opens again, to who knows the secret."""
    envelope = Source().blind()
    assert leaf_of(envelope, SECRET) == leaf_of(envelope, SECRET)
    assert leaf_of(envelope, SECRET).entry != leaf_of(envelope, bytes(32)).entry


def test_each_leaf_has_secrets_of_its_own() -> None:
    """A place and a body that can be guessed hide behind bytes that cannot."""
    envelope = Source().blind()
    twin = envelope.model_copy(update={"id": new_id()})
    leaves = [leaf_of(envelope, SECRET), leaf_of(twin, SECRET), dummy(AT), dummy(AT)]
    assert len({secret for leaf in leaves for secret in (leaf.r, leaf.place_r)}) == 8


def test_a_blind_leaf_takes_the_time_of_its_batch() -> None:
    leaf = leaf_of(Source().blind(), SECRET)
    later = logged_at(leaf.entry, AT + timedelta(minutes=5))
    assert parse_entry(later)["at"] == "2026-11-23T03:04:00Z"
    verify_opening(later, leaf.opening, leaf.r)
    assert commitment_of(later) == commitment_of(leaf.entry) == leaf.opening.commitment(leaf.r)


def test_an_opening_opens_its_own_entry_alone() -> None:
    source = Source()
    one, other = leaf_of(source.blind(), SECRET), leaf_of(source.blind(), SECRET)
    with pytest.raises(EntryError):
        verify_opening(one.entry, other.opening, other.r)


def opened_with(bids: int) -> Envelope:
    rows = [ManifestRow(bid=new_id(), version=1, record_sha256="ab" * 32) for _ in range(bids)]
    event = TenderOpened(tender=new_id(), code="10000000001", manifest_sha256="cd" * 32, nonce="ef" * 32, bids=rows)
    return Source().envelope(event)


def test_a_public_field_that_does_not_fit_is_public_by_its_hash() -> None:
    from hashlib import sha256

    assert len(parse_entry(leaf_of(opened_with(100), SECRET).entry)["pub"]["bids"]) == 100
    envelope = opened_with(500)
    leaf = leaf_of(envelope, SECRET)
    shown = parse_entry(leaf.entry)["pub"]
    assert set(shown) == {"tender", "code", "manifest_sha256", "nonce", "bids_sha256"}
    assert shown["bids_sha256"] == sha256(canonical(envelope.data["bids"])).hexdigest()
    assert leaf.opening.body["bids"] == envelope.data["bids"]
    assert len(leaf.entry) <= MAX_ENTRY_BYTES
    verify_opening(leaf.entry, leaf.opening, leaf.r)


@pytest.mark.parametrize("bids", range(190, 230, 3))
def test_around_the_limit_every_entry_fits(bids: int) -> None:
    assert len(leaf_of(opened_with(bids), SECRET).entry) <= MAX_ENTRY_BYTES


def test_a_dummy_takes_the_minute_it_is_given() -> None:
    assert parse_entry(dummy(AT + timedelta(minutes=1)).entry)["at"] == "2026-11-23T03:00:00Z"
