"""Reads and lists."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from contracts.roles import Role
from kit.auth import Actor
from kit.clock import business_now, real_now
from kit.db import Db
from kit.paging import page
from kit.problems import NotFound
from kit.receipts import ReceiptOut, given
from kit.settings import Settings
from services.helpdesk import tracking
from services.helpdesk.models import Announcement, Complaint, Receipt, TenderView, Ticket

__all__ = [
    "ComplaintState",
    "announcements",
    "complaint",
    "complaints",
    "due_between",
    "ticket",
    "tickets",
    "tracked_complaint",
    "tracked_receipt",
    "tracked_ticket",
]

ComplaintState = Literal["overdue", "waiting", "forwarded", "answered"]


async def tickets(
    db: Db, actor: Actor, status: str | None, *, cursor: str | None, limit: int
) -> tuple[list[Ticket], str | None]:
    query = select(Ticket)
    if not actor.has(Role.HELPDESK):
        query = query.where(Ticket.account == actor.account)
    if status is not None:
        query = query.where(Ticket.status == status)
    return await page(db, query, (Ticket.opened_at, Ticket.id), cursor=cursor, limit=limit)


async def ticket(db: Db, id: UUID, actor: Actor) -> Ticket:
    found = await db.get(Ticket, id, options=[selectinload(Ticket.messages)])
    if found is None or not (found.account == actor.account or actor.has(Role.HELPDESK)):
        raise NotFound("request", id)
    return found


async def tracked_ticket(db: Db, code: str) -> Ticket:
    query = select(Ticket).where(Ticket.tracking_sha256 == tracking.digest(code))
    found = (await db.execute(query.options(selectinload(Ticket.messages)))).scalar_one_or_none()
    if found is None:
        raise NotFound("request", "with this tracking code")
    return found


async def complaints(
    db: Db, state: ComplaintState | None, *, cursor: str | None, limit: int
) -> tuple[list[Complaint], str | None]:
    query = select(Complaint)
    if state in {"overdue", "waiting"}:
        late = Complaint.due_forward_at < await business_now(db)
        query = query.where(Complaint.forwarded_at.is_(None), late if state == "overdue" else ~late)
    elif state == "forwarded":
        query = query.where(Complaint.forwarded_at.is_not(None), Complaint.answered_at.is_(None))
    elif state == "answered":
        query = query.where(Complaint.answered_at.is_not(None))
    return await page(db, query, (Complaint.submitted_at, Complaint.id), cursor=cursor, limit=limit)


async def complaint(db: Db, id: UUID) -> Complaint:
    found = await db.get(Complaint, id)
    if found is None:
        raise NotFound("complaint", id)
    return found


async def tracked_complaint(db: Db, code: str) -> Complaint:
    query = select(Complaint).where(Complaint.tracking_sha256 == tracking.digest(code))
    found = (await db.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("complaint", "with this tracking code")
    return found


async def tracked_receipt(db: Db, settings: Settings, code: str) -> ReceiptOut:
    complaint = await tracked_complaint(db, code)
    found = (await db.execute(select(Receipt).where(Receipt.subject == complaint.id))).scalar_one_or_none()
    if found is None:
        raise NotFound("receipt", "of a complaint of before there were receipts")
    return given(settings, "helpdesk", found.event, found.receipt, found.record, await real_now(db))


async def announcements(
    db: Db, *, current: bool, cursor: str | None, limit: int
) -> tuple[list[Announcement], str | None]:
    query = select(Announcement)
    if current:
        query = query.where(Announcement.ends_at > await business_now(db))
    return await page(db, query, (Announcement.starts_at, Announcement.id), cursor=cursor, limit=limit)


async def due_between(db: Db, starts_at: datetime, ends_at: datetime) -> list[str]:
    """Codes of the tenders whose bids are due while the system is away, its first and last instant included."""
    due = select(TenderView.code).where(TenderView.closes_at.between(starts_at, ends_at))
    return list((await db.execute(due.order_by(TenderView.code))).scalars())
