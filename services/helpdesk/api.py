"""The HTTP side of helpdesk."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request

from contracts.roles import Role
from kit.auth import ActorDep, allow, logged_in, public
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from kit.receipts import ReceiptOut
from kit.service import service_of
from services.helpdesk import queries
from services.helpdesk.commands import announcements, complaints, tickets
from services.helpdesk.schemas import (
    AnnouncementOut,
    ComplaintOut,
    ComplaintSubmitted,
    ComplaintTracked,
    MessageOut,
    NewAnnouncement,
    NewAnswer,
    NewComplaint,
    NewForwardings,
    NewMessage,
    NewTicket,
    TicketOpened,
    TicketOut,
    TicketRow,
    TicketTracked,
)

__all__ = ["router"]

router = APIRouter(tags=["helpdesk"])

TrackingCode = Annotated[
    str,
    Header(
        alias="Lpse-Tracking",
        min_length=32,
        max_length=60,
        description="The tracking code. A header, since addresses end up in logs, histories and traces.",
    ),
]


@router.post("/tickets", status_code=201, **public())
async def open_ticket(body: NewTicket, call: CallDep) -> TicketOpened:
    """Ask for service or advice; without an account, follow the answer by the tracking code (Pasal 6(1)c-d)."""
    return await tickets.open_ticket(call, body)


@router.get("/tickets", **logged_in())
async def list_tickets(
    request: Request,
    actor: ActorDep,
    status: Literal["open", "answered", "closed"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[TicketRow]:
    """All requests for the helpdesk, one's own for others; the newest first."""
    async with service_of(request).database.reading() as db:
        rows, following = await queries.tickets(db, actor, status, cursor=cursor, limit=limit)
    return Page(items=[TicketRow.model_validate(row) for row in rows], next=following)


@router.get("/tickets/tracked", **public())
async def track_ticket(request: Request, lpse_tracking: TrackingCode) -> TicketTracked:
    async with service_of(request).database.reading() as db:
        return TicketTracked.model_validate(await queries.tracked_ticket(db, lpse_tracking))


@router.get("/tickets/{id}", **logged_in())
async def show_ticket(request: Request, id: UUID, actor: ActorDep) -> TicketOut:
    async with service_of(request).database.reading() as db:
        return TicketOut.model_validate(await queries.ticket(db, id, actor))


@router.post("/tickets/{id}/messages", status_code=201, **logged_in())
async def write(id: UUID, body: NewMessage, call: CallDep) -> MessageOut:
    return await tickets.write(call, id, body)


@router.post("/tickets/{id}/closure", status_code=201, **allow(Role.HELPDESK))
async def close_ticket(id: UUID, call: CallDep) -> TicketRow:
    return await tickets.close(call, id)


@router.post("/complaints", status_code=201, **public())
async def complain(request: Request, body: NewComplaint, call: CallDep) -> ComplaintSubmitted:
    """Complain, also without an account and unnamed (Pasal 18(1)). The tracking code is shown only here."""
    return await complaints.submit(service_of(request), call, body)


@router.get("/complaints/tracked", **public())
async def track_complaint(request: Request, lpse_tracking: TrackingCode) -> ComplaintTracked:
    async with service_of(request).database.reading() as db:
        return ComplaintTracked.model_validate(await queries.tracked_complaint(db, lpse_tracking))


@router.get("/complaints/tracked/receipt", **public())
async def tracked_receipt(request: Request, lpse_tracking: TrackingCode) -> ReceiptOut:
    """The receipt of a complaint, for whoever holds its tracking code."""
    service = service_of(request)
    async with service.database.reading() as db:
        return await queries.tracked_receipt(db, service.settings, lpse_tracking)


@router.get("/complaints", **allow(Role.HELPDESK, Role.KETUA_LPSE, Role.INSPEKTUR))
async def list_complaints(
    request: Request,
    actor: ActorDep,
    state: queries.ComplaintState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ComplaintOut]:
    """The newest first. `overdue`: not forwarded and past its due date, which `waiting` has not reached."""
    async with service_of(request).database.reading() as db:
        rows, following = await queries.complaints(db, state, cursor=cursor, limit=limit)
    return Page(items=[ComplaintOut.of(row, actor) for row in rows], next=following)


@router.get("/complaints/{id}", **allow(Role.HELPDESK, Role.KETUA_LPSE, Role.INSPEKTUR))
async def show_complaint(request: Request, id: UUID, actor: ActorDep) -> ComplaintOut:
    async with service_of(request).database.reading() as db:
        return ComplaintOut.of(await queries.complaint(db, id), actor)


@router.post("/complaints/{id}/forwardings", status_code=201, **allow(Role.HELPDESK, Role.KETUA_LPSE))
async def forward_complaint(id: UUID, body: NewForwardings, call: CallDep) -> ComplaintOut:
    """Pass a complaint on to LPSE Pusat and the Steering Team, both (Pasal 18(2))."""
    return await complaints.forward(call, id, body)


@router.post("/complaints/{id}/answer", status_code=201, **allow(Role.HELPDESK, Role.KETUA_LPSE))
async def answer_complaint(id: UUID, body: NewAnswer, call: CallDep) -> ComplaintOut:
    return await complaints.answer(call, id, body)


@router.post("/announcements", status_code=201, **allow(Role.HELPDESK))
async def announce(body: NewAnnouncement, call: CallDep) -> AnnouncementOut:
    """Announce maintenance (Pasal 12(3)). Tenders with a deadline in the window must be acknowledged, each by its code."""
    return await announcements.announce(call, body)


@router.get("/announcements", **public())
async def list_announcements(
    request: Request, *, current: bool = False, cursor: Cursor = None, limit: Limit = 50
) -> Page[AnnouncementOut]:
    """What was announced, the latest first; `current` leaves out what is over."""
    async with service_of(request).database.reading() as db:
        rows, following = await queries.announcements(db, current=current, cursor=cursor, limit=limit)
    return Page(items=[AnnouncementOut.model_validate(row) for row in rows], next=following)
