"""Our rows as contract events: the only place that builds them."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final
from uuid import UUID

from contracts.audit import (
    AccessDenied,
    AccessExpired,
    AccessGranted,
    EntriesIncluded,
    LogAltered,
    MandateEnded,
    MandateGranted,
    ReleaseRecorded,
)
from kit.envelope import Emission, Subject
from kit.ids import new_id
from kit.logged import Included
from services.audit.models import Mandate

__all__ = [
    "access_denied",
    "access_expired",
    "access_granted",
    "entries_included",
    "log_altered",
    "mandate_ended",
    "mandate_granted",
    "release_recorded",
]

AT_ONCE: Final = 200
"""Places that one event tells."""


def log_altered(index: int, what: str) -> Emission:
    return Emission(Subject(new_id()), LogAltered(index=index, what=what))


def entries_included(size: int, places: Mapping[UUID, int]) -> Iterator[Emission]:
    rest = iter(places.items())
    while some := list(islice(rest, AT_ONCE)):
        told = [Included(event=event, index=index) for event, index in some]
        yield Emission(Subject(new_id()), EntriesIncluded(size=size, entries=told))


def release_recorded(files: Mapping[str, str]) -> Emission:
    return Emission(Subject(new_id()), ReleaseRecorded(files=dict(files)))


def mandate_granted(row: Mandate) -> Emission:
    return Emission(row, MandateGranted(**_mandate(row)))


def mandate_ended(row: Mandate) -> Emission:
    return Emission(row, MandateEnded(**_mandate(row)))


def _mandate(row: Mandate) -> dict[str, Any]:
    return {
        "mandate": row.id,
        "account": row.account,
        "number": row.number,
        "tenders": row.tenders,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
    }


def access_granted(mandate: UUID | None, tender: UUID | None, what: str, record: UUID | None) -> Emission:
    return Emission(Subject(new_id()), AccessGranted(mandate=mandate, tender=tender, what=what, record=record))


def access_denied(tender: UUID | None, what: str, record: UUID | None, reason: str) -> Emission:
    return Emission(Subject(new_id()), AccessDenied(tender=tender, what=what, record=record, reason=reason))


def access_expired(row: Mandate) -> Emission:
    return Emission(row, AccessExpired(mandate=row.id, account=row.account, number=row.number))
