"""Our rows as contract events. Never a text, never a name."""

from typing import cast

from contracts.helpdesk import (
    ComplaintAnswered,
    ComplaintForwarded,
    ComplaintOverdue,
    ComplaintSubmitted,
    MaintenanceAnnounced,
    Recipient,
    TicketAnswered,
    TicketClosed,
    TicketOpened,
)
from kit.envelope import Emission
from services.helpdesk.models import Announcement, Complaint, Ticket

__all__ = [
    "complaint_answered",
    "complaint_forwarded",
    "complaint_overdue",
    "complaint_submitted",
    "maintenance_announced",
    "ticket_answered",
    "ticket_closed",
    "ticket_opened",
]


def ticket_opened(ticket: Ticket) -> Emission:
    data = {"ticket": ticket.id, "code": ticket.code, "channel": ticket.channel}
    return Emission(ticket, TicketOpened.model_validate(data))


def ticket_answered(ticket: Ticket) -> Emission:
    return Emission(ticket, TicketAnswered(ticket=ticket.id, code=ticket.code))


def ticket_closed(ticket: Ticket) -> Emission:
    return Emission(ticket, TicketClosed(ticket=ticket.id, code=ticket.code))


def complaint_submitted(complaint: Complaint, record_sha256: str) -> Emission:
    return Emission(
        complaint,
        ComplaintSubmitted(
            complaint=complaint.id,
            code=complaint.code,
            category=complaint.category,
            tender=complaint.tender,
            record_sha256=record_sha256,
        ),
    )


def complaint_forwarded(complaint: Complaint) -> Emission:
    assert complaint.forwarded_at is not None  # noqa: S101  set by the command that tells of it
    recipients = [cast("Recipient", forwarding.recipient) for forwarding in complaint.forwardings]
    return Emission(
        complaint,
        ComplaintForwarded(
            complaint=complaint.id, code=complaint.code, recipients=recipients, forwarded_at=complaint.forwarded_at
        ),
    )


def complaint_overdue(complaint: Complaint) -> Emission:
    return Emission(
        complaint, ComplaintOverdue(complaint=complaint.id, code=complaint.code, due_at=complaint.due_forward_at)
    )


def complaint_answered(complaint: Complaint) -> Emission:
    return Emission(complaint, ComplaintAnswered(complaint=complaint.id, code=complaint.code))


def maintenance_announced(announcement: Announcement) -> Emission:
    return Emission(
        announcement,
        MaintenanceAnnounced(
            announcement=announcement.id,
            starts_at=announcement.starts_at,
            ends_at=announcement.ends_at,
            tenders=announcement.tenders,
        ),
    )
