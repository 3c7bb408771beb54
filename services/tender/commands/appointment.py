"""The PPK appoints the winner: SPPBJ (Perpres 54/2010 Pasal 85)."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from contracts.roles import Role
from kit.auth import Actor
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.outbox import emit
from kit.problems import Conflict, Forbidden, NotFound
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
            raise NotFound("tender", id) if tender.announced_at is None else _not_ppk_here(tender.skpd)
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
        bid = await _winner(db, tender)
        price = price_of(bid)
        issued = {
            "tender_id": id,
            "bid_id": bid.id,
            "number": body.number,
            "price": price,
            "by": actor.account,
            "at": now,
        }
        await _add(db, issued)
        tender.status = "finished"
        await emit(db, events.appointment_issued(tender, bid.provider, price))
        name = (await names_of(db, id))[bid.provider]
        return call.answer(AppointmentOut(number=body.number, name=name, price=price, at=now))


def _not_ppk_here(skpd: str) -> Forbidden:
    return Forbidden(
        "not_ppk_here",
        "The PPK of the SKPD {skpd} appoints its provider.",
        article="Perpres 54/2010 Pasal 85; Perwali Mojokerto 21/2011 Pasal 1(10)",
        remedy="Ask the Admin Agency to register the decree that appoints you there.",
        skpd=skpd,
    )


async def _winner(db: Db, tender: Tender) -> Bid:
    if tender.winner is None:
        raise NotFound("winner of tender", tender.code)
    return await one(db, Bid, tender.winner)


async def _add(db: Db, issued: dict[str, Any]) -> None:
    """The database alone says whether the number is free: of two letters at once one gets it."""
    row = insert(Appointment).values(issued).on_conflict_do_nothing(index_elements=["number"])
    if (await db.execute(row.returning(Appointment.tender_id))).one_or_none() is None:
        raise Conflict(
            "letter_number_used",
            "The letter number {number} is used already.",
            article="Perpres 54/2010 Pasal 85",
            remedy="Give the next number of your register.",
            number=issued["number"],
        )
