"""The envelope every event travels in: CloudEvents 1.0 in JSON, with our extensions. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr

__all__ = ["FIRST", "Emission", "Envelope", "Event", "EventT", "Incoming", "Subject", "SubjectRow"]

FIRST = "0" * 64
"""`prev` of a source's first envelope."""


class Event(BaseModel):
    """What happened, as `data` of the envelope. Producers forbid unknown fields, consumers ignore them (`parse`).

    `PUBLIC` names the fields that anybody may read in the transparency log from the first moment; None makes the whole
    entry blind: not even its kind shows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    TYPE: ClassVar[str]
    PUBLIC: ClassVar[frozenset[str] | None] = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Event":
        return cls.model_validate(data, extra="ignore")


EventT = TypeVar("EventT", bound=Event)


class SubjectRow(Protocol):
    """What an event is about: a row that counts its own events."""

    id: UUID
    sequence: int


@dataclass(slots=True)
class Subject:
    """A subject where no ORM row is at hand (hot paths)."""

    id: UUID
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Emission:
    """An event about to be emitted: `emit` counts `subject.sequence` up and stores the event in the outbox."""

    subject: Any  # a SubjectRow; ORM descriptors do not match protocols under mypy
    data: Event


class Envelope(BaseModel):
    """`seq` and `prev` are given by the producer's relay: a gapless chain per source, for the log."""

    model_config = ConfigDict(frozen=True)

    specversion: str = "1.0"
    id: UUID
    source: str
    type: str
    subject: UUID
    time: datetime
    datacontenttype: str = "application/json"
    data: dict[str, Any]
    sequence: int
    traceparent: str | None = None
    actor: UUID | None = None
    instance: str
    seq: int
    prev: str

    _wire: bytes | None = PrivateAttr(default=None)

    def encode(self) -> bytes:
        """The bytes it travels in; of a received one, exactly those it came in."""
        return self._wire or self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def decode(cls, body: bytes) -> "Envelope":
        envelope = cls.model_validate_json(body)
        envelope._wire = body  # noqa: SLF001  its own
        return envelope

    @staticmethod
    def digest(body: bytes) -> str:
        """What the next envelope of the same source names as `prev`."""
        return hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Incoming(Generic[EventT]):
    """An event as a reaction gets it."""

    envelope: Envelope
    data: EventT

    @property
    def subject(self) -> UUID:
        return self.envelope.subject

    @property
    def sequence(self) -> int:
        return self.envelope.sequence
