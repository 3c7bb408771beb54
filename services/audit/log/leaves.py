"""From an event to the leaf the log holds of it. Pure but for the random numbers."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from contracts import CATALOGUE
from integrity.canonical import canonical
from integrity.entries import MAX_ENTRY_BYTES, R_BYTES, Opening, blind_entry, public_entry
from kit.envelope import Envelope

__all__ = ["Leaf", "dummy", "leaf_of"]

ROOM = MAX_ENTRY_BYTES - 1024
"""Bytes for the public fields of one entry; the rest is for what surrounds them."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry with what opens it. `at` is the event's time."""

    entry: bytes
    blind: bool
    at: datetime
    r: bytes
    opening: Opening
    actor: UUID | None


def leaf_of(envelope: Envelope) -> Leaf:
    """Its contract's PUBLIC fields may be read by everybody; an event without a contract or without them is blind."""
    contract = CATALOGUE.get(envelope.type)
    if contract is None or contract.PUBLIC is None:
        return _blind(_opening(envelope, envelope.data), envelope.actor)
    public = {name: value for name, value in envelope.data.items() if name in contract.PUBLIC}
    private = {name: value for name, value in envelope.data.items() if name not in contract.PUBLIC}
    too_large = _too_large(public)
    opening = _opening(envelope, private | {name: public[name] for name in too_large})
    pub = {name: value for name, value in public.items() if name not in too_large}
    pub |= {f"{name}_sha256": sha256(canonical(public[name])).hexdigest() for name in too_large}
    return _public(opening, pub, envelope.actor)


def dummy(at: datetime) -> Leaf:
    """Padding: nobody who lacks the opening can tell it from a blind entry of a real event."""
    return _blind(Opening(kind="padding", at=at, src="audit", seq=0, actor=None, body={}), None)


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


def _opening(envelope: Envelope, body: Mapping[str, Any]) -> Opening:
    actor = str(envelope.actor) if envelope.actor else None
    return Opening(_kind(envelope.type), envelope.time, envelope.source, envelope.seq, actor, body)


def _kind(type_: str) -> str:
    """`tender.bid.submitted.v1` is a `bid.submitted`."""
    _producer, *words, _version = type_.split(".")
    return ".".join(words)


def _blind(opening: Opening, actor: UUID | None) -> Leaf:
    r = secrets.token_bytes(R_BYTES)
    return Leaf(blind_entry(opening.at, opening.commitment(r)), True, opening.at, r, opening, actor)


def _public(opening: Opening, pub: Mapping[str, Any], actor: UUID | None) -> Leaf:
    r = secrets.token_bytes(R_BYTES)
    entry = public_entry(opening.kind, opening.at, pub, opening.commitment(r))
    return Leaf(entry, False, opening.at, r, opening, actor)
