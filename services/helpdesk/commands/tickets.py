"""Requests for service and consultation."""

from datetime import datetime
from uuid import UUID

from contracts.roles import Role
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.outbox import emit
from kit.problems import NotFound
from services.helpdesk import events, rules, tracking
from services.helpdesk.models import Message, Ticket
from services.helpdesk.schemas import MessageOut, NewMessage, NewTicket, TicketOpened, TicketRow

__all__ = ["close", "message", "open_by_system", "open_ticket", "write"]


async def open_ticket(call: Call, body: NewTicket) -> TicketOpened:
    by_helpdesk = call.actor is not None and call.actor.has(Role.HELPDESK)
    rules.require_channel(body.channel, by_helpdesk=by_helpdesk)
    # A call or visit is the request of the person who came, not of the officer who wrote it down.
    account = call.actor.account if call.actor and body.channel == "internet" else None
    code = None if account else tracking.new_code()
    async with call.transaction() as db:
        ticket = Ticket(
            **body.model_dump(),
            account=account,
            tracking_sha256=tracking.digest(code) if code else None,
            status="open",
            opened_at=await business_now(db),
        )
        await _open(db, ticket)
        return call.answer(TicketOpened(id=ticket.id, code=ticket.code, tracking=code))


async def open_by_system(db: Db, *, tender: str, subject: str, text: str, at: datetime) -> None:
    await _open(
        db,
        Ticket(
            channel="sistem",
            category="gangguan",
            tender=tender,
            subject=subject,
            text=text,
            status="open",
            opened_at=at,
        ),
    )


async def _open(db: Db, ticket: Ticket) -> None:
    db.add(ticket)
    await db.flush()
    await emit(db, events.ticket_opened(ticket))


async def write(call: Call, id: UUID, body: NewMessage) -> MessageOut:
    async with call.transaction() as db:
        ticket = await _seen(db, call, id)
        rules.require_open(ticket.status)
        by_helpdesk = ticket.account != call.account
        said = message(ticket, text=body.text, at=await business_now(db), account=call.account, by_helpdesk=by_helpdesk)
        db.add(said)
        await db.flush()
        ticket.status = "answered" if by_helpdesk else "open"
        if by_helpdesk:
            ticket.handler = ticket.handler or call.account
            await emit(db, events.ticket_answered(ticket))
        return call.answer(MessageOut.model_validate(said))


def message(
    ticket: Ticket, *, text: str, at: datetime, account: UUID | None = None, by_helpdesk: bool = False
) -> Message:
    return Message(ticket=ticket.id, account=account, by_helpdesk=by_helpdesk, text=text, at=at)


async def close(call: Call, id: UUID) -> TicketRow:
    async with call.transaction() as db:
        ticket = await _seen(db, call, id)
        rules.require_open(ticket.status)
        ticket.status, ticket.closed_at = "closed", await business_now(db)
        ticket.handler = ticket.handler or call.account
        await emit(db, events.ticket_closed(ticket))
        return call.answer(TicketRow.model_validate(ticket))


async def _seen(db: Db, call: Call, id: UUID) -> Ticket:
    """The request, locked: the caller's own, or any for the helpdesk."""
    ticket = await db.get(Ticket, id, with_for_update=True)
    if ticket is None or not (ticket.account == call.account or (call.actor and call.actor.has(Role.HELPDESK))):
        raise NotFound("request", id)
    return ticket
