"""What helpdesk remembers. All instants are of the business clock."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from kit import db, receipts
from kit.clock import WIB
from kit.ids import new_id

__all__ = ["Announcement", "Base", "Complaint", "Forwarding", "Message", "Receipt", "TenderView", "Ticket"]


class Base(db.Base):
    __abstract__ = True
    metadata = db.service_metadata()


class Ticket(db.Sequenced, Base):
    """A request for service or consultation, whichever way it came (Pasal 6(1)c-d, 15(3))."""

    __tablename__ = "ticket"
    __table_args__ = (
        Index("uq_ticket_number", "number", unique=True),
        Index("ix_ticket_opened_at_id", "opened_at", "id"),
        Index("ix_ticket_account_opened_at", "account", "opened_at"),
        CheckConstraint("status in ('open', 'answered', 'closed')", name="status"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    channel: Mapped[str]
    category: Mapped[str]
    tender: Mapped[str | None]
    subject: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    contact: Mapped[str | None]
    account: Mapped[UUID | None] = mapped_column(Uuid)
    """Whose request it is; None for people without an account, who follow it by a tracking code."""
    tracking_sha256: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    handler: Mapped[UUID | None] = mapped_column(Uuid)
    """The officer who took it up: the first to answer or close it."""
    status: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(db.Instant)
    closed_at: Mapped[datetime | None] = mapped_column(db.Instant)
    messages: Mapped[list["Message"]] = relationship(order_by="(Message.at, Message.id)")

    @property
    def code(self) -> str:
        return f"TKT-{self.opened_at.astimezone(WIB).year}-{self.number:06d}"


class Message(Base):
    __tablename__ = "message"
    __table_args__ = (Index("ix_message_ticket_at", "ticket", "at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    ticket: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    account: Mapped[UUID | None] = mapped_column(Uuid)
    by_helpdesk: Mapped[bool]
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(db.Instant)


class Complaint(db.Sequenced, Base):
    """A complaint (Pasal 18). The database itself refuses to delete one or to change what was complained of.

    Of a reporter who wants to stay hidden no account is kept, only what was told about name and contact.
    """

    __tablename__ = "complaint"
    __table_args__ = (
        Index("uq_complaint_number", "number", unique=True),
        Index("ix_complaint_submitted_at_id", "submitted_at", "id"),
        CheckConstraint("answered_at is null or forwarded_at is not null", name="forwarded_first"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    category: Mapped[str]
    tender: Mapped[str | None]
    text: Mapped[str] = mapped_column(Text)
    reporter_name: Mapped[str | None]
    contact: Mapped[str | None]
    hide_reporter: Mapped[bool]
    tracking_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    submitted_at: Mapped[datetime] = mapped_column(db.Instant)
    due_forward_at: Mapped[datetime] = mapped_column(db.Instant)
    overdue_at: Mapped[datetime | None] = mapped_column(db.Instant)
    forwarded_at: Mapped[datetime | None] = mapped_column(db.Instant)
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(db.Instant)
    answered_by: Mapped[UUID | None] = mapped_column(Uuid)
    forwardings: Mapped[list["Forwarding"]] = relationship(order_by="Forwarding.recipient", lazy="selectin")

    @property
    def code(self) -> str:
        return f"ADU-{self.submitted_at.astimezone(WIB).year}-{self.number:06d}"


class Forwarding(Base):
    """A complaint went to one of its mandatory recipients (Pasal 18(2))."""

    __tablename__ = "forwarding"

    complaint: Mapped[UUID] = mapped_column(ForeignKey("complaint.id"), primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    letter_number: Mapped[str]
    account: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(db.Instant)


class Receipt(receipts.Columns, Base):
    """What the reporter was answered. Its subject is the complaint."""

    __tablename__ = "receipt"


class Announcement(db.Sequenced, Base):
    """Maintenance that users must know of beforehand (Pasal 12(3)), with the tenders it was announced to hit."""

    __tablename__ = "announcement"
    __table_args__ = (
        Index("ix_announcement_starts_at_id", "starts_at", "id"),
        CheckConstraint("starts_at < ends_at", name="window"),
    )

    kind: Mapped[str]
    title: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(db.Instant)
    ends_at: Mapped[datetime] = mapped_column(db.Instant)
    tenders: Mapped[list[str]]
    account: Mapped[UUID] = mapped_column(Uuid)
    announced_at: Mapped[datetime] = mapped_column(db.Instant)


class TenderView(Base):
    """What we know of a tender from its events: its public code and when bids must be in."""

    __tablename__ = "tender_view"
    __table_args__ = (Index("ix_tender_view_closes_at", "closes_at"),)

    tender: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    sequence: Mapped[int]
    code: Mapped[str]
    closes_at: Mapped[datetime | None] = mapped_column(db.Instant)
    """None once the tender failed: no bid is due any more."""
