"""What helpdesk takes and answers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.helpdesk import Recipient
from contracts.roles import Role
from contracts.values import Moment
from kit.auth import Actor
from services.helpdesk.models import Complaint

__all__ = [
    "AnnouncementOut",
    "ComplaintOut",
    "ComplaintSubmitted",
    "ComplaintTracked",
    "ForwardingOut",
    "MessageOut",
    "NewAnnouncement",
    "NewAnswer",
    "NewComplaint",
    "NewForwardings",
    "NewMessage",
    "NewTicket",
    "TicketOpened",
    "TicketOut",
    "TicketRow",
    "TicketTracked",
]

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Paragraphs = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Category = Annotated[str, Field(pattern=r"^[a-z_]{2,40}$")]
TenderCode = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class NewTicket(_In):
    channel: Literal["internet", "telepon", "kunjungan"] = "internet"
    category: Category
    subject: Line
    text: Paragraphs
    contact: Line | None = None
    tender: TenderCode | None = None


class TicketOpened(BaseModel):
    """`tracking` is shown once, to people without an account."""

    id: UUID
    code: str
    tracking: str | None = None


class TicketRow(_Out):
    id: UUID
    code: str
    channel: str
    category: str
    tender: str | None
    subject: str
    status: str
    opened_at: Moment
    closed_at: Moment | None


class NewMessage(_In):
    text: Paragraphs


class MessageOut(_Out):
    id: UUID
    by_helpdesk: bool
    text: str
    at: Moment


class TicketTracked(_Out):
    """A request as the person who holds its tracking code sees it."""

    code: str
    category: str
    subject: str
    text: str
    status: str
    opened_at: Moment
    closed_at: Moment | None
    messages: list[MessageOut]


class TicketOut(TicketRow):
    text: str
    contact: str | None
    messages: list[MessageOut]


class NewComplaint(_In):
    category: Category
    tender: TenderCode | None = None
    text: Paragraphs
    reporter_name: Line | None = None
    contact: Line | None = None
    hide_reporter: bool = True


class ComplaintSubmitted(BaseModel):
    """`tracking_code` is shown once: it is the only way to follow the complaint. `receipt` is a DSSE envelope, provisional
    still (`GET /complaints/tracked/receipt`).
    """

    code: str
    tracking_code: str
    due_forward_at: Moment
    receipt: dict[str, Any]


class NewForwardings(_In):
    letter_number: Line
    recipients: list[Recipient]


class NewAnswer(_In):
    text: Paragraphs


class ForwardingOut(_Out):
    recipient: str
    letter_number: str
    at: Moment


class ComplaintTracked(_Out):
    code: str
    category: str
    submitted_at: Moment
    due_forward_at: Moment
    overdue_at: Moment | None
    forwarded_at: Moment | None
    forwardings: list[ForwardingOut]
    answer: str | None
    answered_at: Moment | None


class ComplaintOut(ComplaintTracked):
    id: UUID
    tender: str | None
    text: str
    hide_reporter: bool
    reporter_name: str | None
    contact: str | None

    @classmethod
    def of(cls, complaint: Complaint, reader: Actor | None) -> "ComplaintOut":
        """A hidden reporter shows only to the inspectorate, which may have to ask; never to the LPSE."""
        seen = cls.model_validate(complaint)
        if complaint.hide_reporter and not (reader and reader.has(Role.INSPEKTUR)):
            return seen.model_copy(update={"reporter_name": None, "contact": None})
        return seen


class NewAnnouncement(_In):
    """`acknowledged`: the codes of the tenders with a deadline in the window, which a first refusal lists."""

    kind: Literal["maintenance"]
    title: Line
    text: Paragraphs
    starts_at: Moment
    ends_at: Moment
    acknowledged: list[TenderCode] = []


class AnnouncementOut(_Out):
    id: UUID
    kind: str
    title: str
    text: str
    starts_at: Moment
    ends_at: Moment
    tenders: list[str]
    announced_at: Moment
