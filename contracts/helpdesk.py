"""What the helpdesk tells: requests, complaints and their mandatory recipients, announcements. Never a text."""

from typing import ClassVar, Literal
from uuid import UUID

from contracts.values import Moment, Sha256
from kit.envelope import Event

__all__ = [
    "ComplaintAnswered",
    "ComplaintForwarded",
    "ComplaintOverdue",
    "ComplaintSubmitted",
    "MaintenanceAnnounced",
    "TicketAnswered",
    "TicketClosed",
    "TicketOpened",
]

Recipient = Literal["lpse_pusat", "tim_pengarah"]


class TicketOpened(Event):
    """A request for service or consultation (Pasal 6(1)c-d, 15(3)). Subject: the ticket."""

    TYPE: ClassVar[str] = "helpdesk.ticket.opened.v1"

    ticket: UUID
    code: str
    channel: Literal["internet", "telepon", "kunjungan", "sistem"]


class TicketAnswered(Event):
    """Subject: the ticket."""

    TYPE: ClassVar[str] = "helpdesk.ticket.answered.v1"

    ticket: UUID
    code: str


class TicketClosed(Event):
    """Subject: the ticket."""

    TYPE: ClassVar[str] = "helpdesk.ticket.closed.v1"

    ticket: UUID
    code: str


class ComplaintSubmitted(Event):
    """A complaint by anybody (Pasal 18(1)). `record_sha256` fixes its text. Subject: the complaint."""

    TYPE: ClassVar[str] = "helpdesk.complaint.submitted.v1"

    complaint: UUID
    code: str
    category: str
    tender: str | None
    record_sha256: Sha256 | None = None


class ComplaintForwarded(Event):
    """The complaint went to LPSE Pusat and the Steering Team, both (Pasal 18(2)). Subject: the complaint."""

    TYPE: ClassVar[str] = "helpdesk.complaint.forwarded.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"complaint", "recipients"})

    complaint: UUID
    code: str
    recipients: list[Recipient]
    forwarded_at: Moment


class ComplaintOverdue(Event):
    """The time for forwarding passed: for the accountable officer. Subject: the complaint."""

    TYPE: ClassVar[str] = "helpdesk.complaint.overdue.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"complaint"})

    complaint: UUID
    code: str
    due_at: Moment


class ComplaintAnswered(Event):
    """Subject: the complaint."""

    TYPE: ClassVar[str] = "helpdesk.complaint.answered.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"complaint"})

    complaint: UUID
    code: str


class MaintenanceAnnounced(Event):
    """Maintenance of servers or their surroundings (Pasal 12(3)). Subject: the announcement."""

    TYPE: ClassVar[str] = "helpdesk.maintenance.announced.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"announcement", "starts_at", "ends_at", "tenders"})

    announcement: UUID
    starts_at: Moment
    ends_at: Moment
    tenders: list[str]
