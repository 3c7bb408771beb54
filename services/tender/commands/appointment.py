"""The PPK appoints the winner: SPPBJ (Perpres 54/2010 Pasal 85)."""

from uuid import UUID

from sqlalchemy import select

from contracts.roles import Role
from kit.auth import Actor
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.outbox import emit
from kit.problems import Conflict, NotFound
from services.tender import events
from services.tender.access import locked, one, refuse_both_sides
from services.tender.commands.winner import price_of
from services.tender.models import Appointment, Bid, CommitteeView, Tender
from services.tender.queries.objections import objections_of
from services.tender.queries.standing import names_of
from services.tender.rules import appointment
from services.tender.rules.regime import OBJECTION
from services.tender.schemas.tenders import AppointmentOut, NewAppointment
from services.tender.stages import span_of, stages_of

__all__ = ["issue"]


async def issue(call: Call, actor: Actor, id: UUID, body: NewAppointment) -> AppointmentOut:
    async with call.transaction() as db:
        tender, now = await locked(db, Tender, id), await business_now(db)
        if not actor.serves(Role.PPK, tender.skpd):
            raise NotFound("tender", id)
        committee = await one(db, CommitteeView, tender.committee)
        refuse_both_sides(pokja=str(actor.account) in committee.members, ppk=True)
        objections = await objections_of(db, id)
        appointment.check(
            now=now,
            objection_ends=span_of(await stages_of(db, id), OBJECTION).ends_at,
            announced=tender.winner_announced_at is not None,
            unanswered=sum(row.answered_at is None for row in objections),
            upheld=sum(row.upheld is True for row in objections),
            issued=await db.get(Appointment, id) is not None,
            running=tender.status == "running",
        )
        await _refuse_used_number(db, body.number)
        bid = await _winner(db, tender)
        price = price_of(bid)
        row = Appointment(tender_id=id, bid_id=bid.id, number=body.number, price=price, by=actor.account, at=now)
        db.add(row)
        tender.status = "finished"
        await emit(db, events.appointment_issued(tender, bid.provider, price))
        name = (await names_of(db, id))[bid.provider]
        return call.answer(AppointmentOut(number=row.number, name=name, price=price, at=now))


async def _winner(db: Db, tender: Tender) -> Bid:
    if tender.winner is None:
        raise NotFound("winner of tender", tender.code)
    return await one(db, Bid, tender.winner)


async def _refuse_used_number(db: Db, number: str) -> None:
    if (await db.execute(select(Appointment.number).where(Appointment.number == number))).first() is not None:
        raise Conflict(
            "letter_number_used",
            "The letter number {number} is used already.",
            remedy="Give the next number of your register.",
            number=number,
        )
