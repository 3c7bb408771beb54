"""What audit answers. Hashes are lower-case hexadecimal; an entry is the text that was hashed, byte for byte."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.values import Moment

__all__ = [
    "ConsistencyOut",
    "EntriesOut",
    "EntryOut",
    "HeadOut",
    "InclusionOut",
    "KeysOut",
    "LeavesOut",
    "OpenedEntryOut",
]


class WitnessOut(BaseModel):
    """`at` by its own clock; null where it has not seen this much of the log."""

    name: str
    at: Moment | None


class HeadOut(BaseModel):
    """The state of the log. An empty one was never signed: `at` is null.

    `seen` is how many entries enough witnesses have seen, and `witnesses` says which and when.
    """

    origin: str
    algorithm: Literal["rfc6962-sha256"] = "rfc6962-sha256"
    size: int
    root: str
    at: Moment | None
    seen: int
    witnesses: list[WitnessOut]


class KeyOut(BaseModel):
    """RFC 8037, with whose key it is, for what, and from when up to when (without it) it may sign, in Unix seconds."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    lpse_owner: str
    lpse_purpose: str
    nbf: int
    exp: int


class KeysOut(BaseModel):
    keys: list[KeyOut]


class LeavesOut(BaseModel):
    start: int
    leaves: list[str]


class EntryOut(BaseModel):
    index: int
    leaf_hash: str
    entry: str


class EntriesOut(BaseModel):
    """In the order of the log."""

    size: int
    entries: list[EntryOut]


class InclusionOut(BaseModel):
    index: int
    size: int
    leaf_hash: str
    path: list[str]


class ConsistencyOut(BaseModel):
    old: int
    new: int
    path: list[str]


class OpenedEntryOut(EntryOut):
    """An entry with what it hides: `opening` and `r` are what integrity.entries.verify_opening takes.

    `seq` and `place_r` are what verify_place takes besides, for auditors; null for others, who could count from two
    numbers what happened between them.
    """

    event_id: UUID
    opening: dict[str, Any]
    r: str
    seq: int | None
    place_r: str | None
