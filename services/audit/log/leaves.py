"""From an event to the leaf the log holds of it. Pure but for the dummies' random numbers.

What hides an event is made of a secret and the event's id, as random to everybody else as a lot: a database that lost its
newest rows makes the same anew when the event is sent again, and opens what was published of it.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from contracts import CATALOGUE
from integrity.canonical import canonical
from integrity.entries import MAX_ENTRY_BYTES, R_BYTES, Opening, Place, blind_entry, parse_entry, public_entry
from kit.envelope import Envelope

__all__ = ["Leaf", "commitment_of", "dummy", "leaf_of", "logged_at"]

ROOM = MAX_ENTRY_BYTES - 1024
"""Bytes for the public fields of one entry; the rest is for what surrounds them."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry with what opens it, and what opens its place. `at` is the event's time."""

    entry: bytes
    blind: bool
    at: datetime
    r: bytes
    opening: Opening
    place_r: bytes
    place: Place
    actor: UUID | None

    def secret(self, event_id: UUID) -> dict[str, Any]:
        """The row of `entry_secret`."""
        return {
            "event_id": event_id,
            "r": self.r,
            "opening": self.opening.canonical(),
            "place_r": self.place_r,
            "seq": self.place.seq,
            "actor": self.actor,
        }


def leaf_of(envelope: Envelope, secret: bytes) -> Leaf:
    """Its contract's PUBLIC fields may be read by everybody; an event without a contract or without them is blind."""
    hidden, shown = _divided(envelope)
    place = Place(envelope.source, envelope.seq)
    r, place_r = (hmac.digest(secret, b"%b\0%b" % (name, envelope.id.bytes), "sha256") for name in (b"r", b"place_r"))
    return _leaf(_kind(envelope.type), envelope.time, place, envelope.actor, hidden, shown, r, place_r)


def dummy(at: datetime) -> Leaf:
    """Padding: nobody who lacks the opening can tell it from a blind entry of a real event."""
    r, place_r = secrets.token_bytes(R_BYTES), secrets.token_bytes(R_BYTES)
    return _leaf("padding", at, Place("audit", 0), None, {}, None, r, place_r)


def logged_at(entry: bytes, at: datetime) -> bytes:
    """A blind entry with the time of its batch."""
    return blind_entry(at, commitment_of(entry))


def commitment_of(entry: bytes) -> bytes:
    said = parse_entry(entry)
    return bytes.fromhex(said["c"] if "c" in said else said["priv"])


def _divided(envelope: Envelope) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """What the entry hides and what it shows, which is None where it is blind."""
    contract = CATALOGUE.get(envelope.type)
    if contract is None or contract.PUBLIC is None:
        return envelope.data, None
    public = {name: value for name, value in envelope.data.items() if name in contract.PUBLIC}
    private = {name: value for name, value in envelope.data.items() if name not in contract.PUBLIC}
    too_large = _too_large(public)
    shown = {name: value for name, value in public.items() if name not in too_large}
    shown |= {f"{name}_sha256": sha256(canonical(public[name])).hexdigest() for name in too_large}
    return private | {name: public[name] for name in too_large}, shown


def _too_large(public: Mapping[str, Any]) -> set[str]:
    """The fields that do not fit into one entry, largest first: a tender with hundreds of bids. They stand in it by
    their hash, and as they are in the opening.
    """
    sizes = {name: len(canonical(value)) for name, value in public.items()}
    left_out: set[str] = set()
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        if sum(size for kept, size in sizes.items() if kept not in left_out) <= ROOM:
            break
        left_out.add(name)
    return left_out


def _kind(type_: str) -> str:
    """`tender.bid.submitted.v1` is a `bid.submitted`."""
    _producer, *words, _version = type_.split(".")
    return ".".join(words)


def _leaf(
    kind: str,
    at: datetime,
    place: Place,
    actor: UUID | None,
    hidden: Mapping[str, Any],
    shown: Mapping[str, Any] | None,
    r: bytes,
    place_r: bytes,
) -> Leaf:
    unseen = place.commitment(place_r).hex()
    opening = Opening(kind, at, place.src, unseen, str(actor) if actor else None, hidden)
    committed = opening.commitment(r)
    entry = blind_entry(at, committed) if shown is None else public_entry(kind, at, shown, committed)
    return Leaf(entry, shown is None, at, r, opening, place_r, place, actor)
