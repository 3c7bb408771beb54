"""The leaves of the public log: what each says to everybody, and what it only commits to.

A public entry names its kind and public fields; a blind entry hides even the kind, so that nobody can count the bids of a
tender before closing. All blind entries have the same length, and the time of one, cut to the minute, is when it was logged:
how long it waited for its turn would tell how many others did.

Both commit to an opening `{"actor","at","body","kind","place","src"}`, with 32 random bytes `r` that keep it from being
guessed. For a blind entry `body` is everything the event says; for a public one it holds only the fields that are not
in `pub`. Kind and exact time stand in every opening, so an opening fits one entry and reads the same for both.

`place` is a commitment of its own, to `{"seq","src"}`: the number of the event among those of its source. Whoever is
given two openings must not count from their numbers what happened in between, so the number opens to auditors alone.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from .canonical import canonical, parse

BLIND: Final = "blind"
OPENING_TYPE: Final = "log-opening/v1"
PLACE_TYPE: Final = "log-place/v1"
MAX_ENTRY_BYTES: Final = 32 * 1024
FEWEST_BLIND_PER_BATCH: Final = 4
R_BYTES: Final = 32

_PUBLIC_FIELDS: Final = {"v", "kind", "at", "pub", "priv"}
_BLIND_FIELDS: Final = {"v", "kind", "at", "c"}
_COMMITMENT: Final = re.compile(r"[0-9a-f]{64}")


class EntryError(ValueError):
    """The entry is not one our log may hold, or the opening does not belong to it; the text says why."""


def commitment(type_: str, r: bytes, body: bytes) -> bytes:
    """SHA-256(type || 0x00 || r || body): binds to `body` and hides it as long as `r` is secret."""
    if len(r) != R_BYTES:
        raise EntryError(f"r is {R_BYTES} random bytes, not {len(r)}")
    if "\0" in type_:
        raise EntryError("a type ends at the first zero byte, so it holds none")
    return hashlib.sha256(type_.encode() + b"\0" + r + body).digest()


@dataclass(frozen=True)
class Place:
    """Which event of its source it is: `seq` counts from 1 without gaps. Padding has 0."""

    src: str
    seq: int

    def commitment(self, r: bytes) -> bytes:
        """`r` is not that of the opening: who may see the opening need not see the place."""
        return commitment(PLACE_TYPE, r, canonical(vars(self)))


@dataclass(frozen=True)
class Opening:
    """What an entry hides. `place` is the commitment to a Place in hexadecimal; `actor` is None where the system acted
    by itself.
    """

    kind: str
    at: datetime
    src: str
    place: str
    actor: str | None
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "at": rfc3339_ms(self.at)}

    def canonical(self) -> bytes:
        return canonical(self.as_json())

    def commitment(self, r: bytes) -> bytes:
        return commitment(OPENING_TYPE, r, self.canonical())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Opening":
        names = {field.name for field in fields(cls)}
        if set(value) != names:
            raise EntryError(f"an opening has the fields {', '.join(sorted(names))} and no others")
        opening = cls(**{**value, "at": _time(value["at"])})
        if rfc3339_ms(opening.at) != value["at"]:
            raise EntryError("the time of an opening is in UTC with milliseconds")
        _check_commitment(opening.place)
        return opening


def public_entry(kind: str, at: datetime, pub: Mapping[str, Any], commitment: bytes) -> bytes:
    """The leaf of an event that may be seen: no names and no free text in `pub`."""
    return _leaf({"v": 1, "kind": kind, "at": rfc3339_ms(at), "pub": pub, "priv": commitment.hex()})


def blind_entry(at: datetime, commitment: bytes) -> bytes:
    return _leaf({"v": 1, "kind": BLIND, "at": _minute(at), "c": commitment.hex()})


def padding(real_blind: int, least: int = FEWEST_BLIND_PER_BATCH) -> int:
    """How many dummies join a batch so that its blind entries are a power of two, at least `least` (one itself).

    A dummy is a blind entry like any other; keep an opening for it too, so that an auditor who is shown all openings
    sees that nothing was held back.
    """
    if real_blind < 0:
        raise EntryError(f"a batch cannot have {real_blind} entries")
    total = max(least, 1 << max(real_blind - 1, 0).bit_length())
    return total - real_blind


def parse_entry(entry: bytes) -> dict[str, Any]:
    """The fields of an entry of the log, public or blind. Raises EntryError or NotCanonical."""
    if len(entry) > MAX_ENTRY_BYTES:
        raise EntryError(f"an entry has at most {MAX_ENTRY_BYTES} bytes, not {len(entry)}")
    value = parse(entry)
    if not isinstance(value, dict) or set(value) not in (_PUBLIC_FIELDS, _BLIND_FIELDS):
        raise EntryError("neither a public nor a blind entry")
    if value["v"] is True or value["v"] != 1:
        raise EntryError("not version 1 of an entry")
    check = _check_public if "pub" in value else _check_blind
    check(value)
    return value


def verify_opening(entry: bytes, opening: Opening, r: bytes) -> None:
    """Returns if this opening is what the entry committed to, else raises EntryError or NotCanonical."""
    value = parse_entry(entry)
    blind = value["kind"] == BLIND
    if not blind and value["kind"] != opening.kind:
        raise EntryError("the opening is of another kind than the entry")
    if value["at"] < _minute(opening.at) if blind else value["at"] != rfc3339_ms(opening.at):
        raise EntryError("the opening is of another time than the entry")
    if value["c" if blind else "priv"] != opening.commitment(r).hex():
        raise EntryError("the entry committed to something else")


def verify_place(opening: Opening, place: Place, r: bytes) -> None:
    """Returns if this is the place the opening committed to, else raises EntryError; `r` is that of the place."""
    if place.src != opening.src:
        raise EntryError("the place is of another source than the opening")
    if opening.place != place.commitment(r).hex():
        raise EntryError("the opening committed to another place")


def rfc3339_ms(at: datetime) -> str:
    """UTC with milliseconds, cut and not rounded: 2026-11-23T02:59:58.123Z. A naive time is refused."""
    return _utc(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check_public(value: Mapping[str, Any]) -> None:
    if not isinstance(value["kind"], str) or value["kind"] == BLIND or not isinstance(value["pub"], dict):
        raise EntryError("a public entry has a kind of its own and an object of public fields")
    if rfc3339_ms(_time(value["at"])) != value["at"]:
        raise EntryError("the time of a public entry is in UTC with milliseconds")
    _check_commitment(value["priv"])


def _check_blind(value: Mapping[str, Any]) -> None:
    if value["kind"] != BLIND:
        raise EntryError("a blind entry does not say its kind")
    if _minute(_time(value["at"])) != value["at"]:
        raise EntryError("the time of a blind entry is in UTC and cut to the minute")
    _check_commitment(value["c"])


def _check_commitment(value: object) -> None:
    if not isinstance(value, str) or _COMMITMENT.fullmatch(value) is None:
        raise EntryError("a commitment is 64 lower-case hexadecimal digits")


def _minute(at: datetime) -> str:
    return _utc(at).replace(second=0).isoformat(timespec="seconds").replace("+00:00", "Z")


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise EntryError("a time without its zone says nothing")
    return at.astimezone(UTC)


def _time(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError as error:
        raise EntryError(f"{text!r} is not a time") from error


def _leaf(value: Mapping[str, Any]) -> bytes:
    entry = canonical(value)
    parse_entry(entry)
    return entry
