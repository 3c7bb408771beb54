"""Providers join a tender and ask; the Pokja answers (Perpres 54/2010 Pasal 77)."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from kit.auth import Actor
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.outbox import emit
from kit.problems import Conflict
from services.tender import events
from services.tender.access import (
    announced,
    committee_tender,
    locked,
    not_a_participant,
    provider_of,
    require_open,
    takes_part,
)
from services.tender.models import Participation, Question
from services.tender.regime_copies import template_of
from services.tender.rules.regime import ANNOUNCEMENT, EXPLANATION
from services.tender.rules.schedule import require_active, require_begun
from services.tender.schemas.tenders import NewAnswer, NewQuestion, ParticipationOut, QuestionOut
from services.tender.stages import spans_of, stages_of

__all__ = ["answer", "ask", "join"]

MOST_QUESTIONS = 50


async def join(call: Call, actor: Actor, id: UUID) -> ParticipationOut:
    async with call.transaction() as db:
        tender = await announced(db, id)
        require_open(tender)
        now = await business_now(db)
        provider = await provider_of(db, actor, now)
        template = await template_of(db, tender)
        require_begun(spans_of(await stages_of(db, id)), ANNOUNCEMENT, now, name=template.stage(ANNOUNCEMENT).name)
        if now > tender.closes_at:
            raise Conflict(
                "bidding_over",
                "The time for bids is over since {closes_at}.",
                article="Perpres 54/2010 Pasal 61",
                remedy="Look for another tender.",
                closes_at=tender.closes_at.isoformat(),
            )
        joined = {"tender_id": id, "provider": provider.id, "account": actor.account, "name": provider.name, "at": now}
        await db.execute(insert(Participation).values(joined).on_conflict_do_nothing())
        row = await db.get_one(Participation, (id, provider.id))
        return call.answer(ParticipationOut(tender=id, provider=provider.id, at=row.at))


async def ask(call: Call, actor: Actor, id: UUID, body: NewQuestion) -> QuestionOut:
    async with call.transaction() as db:
        tender = await announced(db, id)
        require_open(tender)
        now = await business_now(db)
        if actor.provider is None or not await takes_part(db, id, actor):
            raise not_a_participant()
        template = await template_of(db, tender)
        require_active(spans_of(await stages_of(db, id)), EXPLANATION, now, name=template.stage(EXPLANATION).name)
        await _refuse_too_many(db, id, actor.provider)
        row = Question(
            tender_id=id, provider=actor.provider, chapter=body.chapter, text=body.text, asked_at=now, sequence=0
        )
        db.add(row)
        await emit(db, events.question_asked(row))
        return call.answer(QuestionOut.model_validate(row).model_copy(update={"mine": True}))


async def _refuse_too_many(db: Db, tender: UUID, provider: UUID) -> None:
    """All questions stand on the tender's page: nobody makes it too long to be read."""
    asked = select(func.count()).where(Question.tender_id == tender, Question.provider == provider)
    if (await db.execute(asked)).scalar_one() >= MOST_QUESTIONS:
        raise Conflict(
            "too_many_questions",
            "A participant asks at most {most} questions in one tender.",
            remedy="Wait for the answers; put what belongs together into one question.",
            most=MOST_QUESTIONS,
        )


async def answer(call: Call, actor: Actor, id: UUID, body: NewAnswer) -> QuestionOut:
    async with call.transaction() as db:
        row = await locked(db, Question, id)
        _, now = await committee_tender(db, row.tender_id, actor, write=False)
        if row.answered_at is not None:
            raise Conflict(
                "question_answered",
                "This question is answered; the answer stands.",
                article="Perpres 54/2010 Pasal 77",
                remedy="See the tender's page: question and answer stand there.",
            )
        row.answer, row.answered_at, row.answered_by = body.text, now, actor.account
        await emit(db, events.question_answered(row))
        return call.answer(QuestionOut.model_validate(row))
