"""What audit answers. Hashes are lower-case hexadecimal; an entry is the text that was hashed, byte for byte."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.values import Moment

__all__ = [
    "ConsistencyOut",
    "DossierEntriesOut",
    "DossierEntryOut",
    "DossierOut",
    "EntriesOut",
    "EntryOut",
    "HeadOut",
    "InclusionOut",
    "KeysOut",
    "LeavesOut",
    "MandateOut",
    "NewMandate",
    "OpenedEntryOut",
    "ReleaseOut",
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


class ReleaseOut(BaseModel):
    """`files` by their paths below `/static`, with the SHA-256 of each."""

    index: int
    at: Moment
    files: dict[str, str]


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


TenderCode = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class NewMandate(BaseModel):
    """What the surat tugas says. `valid_to` is the first instant at which it is over."""

    model_config = ConfigDict(extra="forbid")

    account: UUID
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    tenders: Annotated[list[TenderCode], Field(min_length=1, max_length=200)]
    valid_from: Moment
    valid_to: Moment


class MandateOut(BaseModel):
    """`running`: by the business clock, now. `ended_by`: who ended it before its letter did."""

    id: UUID
    account: UUID
    number: str
    tenders: list[str]
    valid_from: Moment
    valid_to: Moment
    granted_by: UUID
    granted_at: Moment
    ended_by: UUID | None
    running: bool


class DossierOut(BaseModel):
    """The state of the log to which the entries of a tender are proved: as `note` it was signed and seen, `policy` says by whom."""

    mandate: UUID
    tender: UUID
    size: int
    note: str
    policy: str


class DossierEntryOut(BaseModel):
    """One entry with all that opens it, and its path (hexadecimal) in the tree of that size."""

    index: int
    entry: str
    opening: dict[str, Any]
    r: str
    seq: int
    place_r: str
    path: list[str]


class DossierEntriesOut(BaseModel):
    """In the order of the log. `next` is where the following ones begin; null: there are no more."""

    entries: list[DossierEntryOut]
    next: int | None
