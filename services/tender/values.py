"""Small values that travel between the modules of tender."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.envelope import Subject

__all__ = ["BidRow", "ManifestRow"]


@dataclass(slots=True)
class BidRow:
    """A bid as the consent's hot path reads it, with its tender's code and the stage that decides lateness."""

    id: UUID
    code: str
    tender_id: UUID
    tender_code: str
    provider: UUID
    account: UUID
    version: int
    opens_at: datetime
    closes_at: datetime
    closed: bool
    subject: Subject


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A line of the closing manifest."""

    bid: UUID
    version: int
    record_sha256: str
