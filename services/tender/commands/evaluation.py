"""The Pokja evaluates step by step and has the originals shown (Perpres 54/2010 Pasal 79)."""

from datetime import datetime
from uuid import UUID

from kit.auth import Actor
from kit.call import Call
from kit.db import Db
from kit.outbox import emit
from kit.problems import Conflict, NotFound
from services.tender import events
from services.tender.access import committee_tender, locked, one, require_open
from services.tender.models import Bid, Evaluation, Tender
from services.tender.queries.bids import evaluation_out
from services.tender.queries.standing import PROOF as PROOF_STEP
from services.tender.queries.standing import Standing, standing
from services.tender.rules import evaluation, schedule, winner
from services.tender.rules.regime import EVALUATION, PROOF, Recorded
from services.tender.schemas.bids import EvaluationOut, NewEvaluation, NewProof
from services.tender.stages import spans_of, stages_of

__all__ = ["evaluate", "prove"]


async def evaluate(call: Call, actor: Actor, id: UUID, body: NewEvaluation) -> EvaluationOut:
    async with call.transaction() as db:
        bid, tender, now, state = await _load(db, id, actor, EVALUATION)
        entry = state.entry(id)
        evaluation.check_step(state.template.evaluation, entry.done(state.template), body.step)
        evaluation.check_result(passed=body.passed, reason=body.reason)
        if body.step == "harga":
            evaluation.check_price(passed=body.passed, corrected=entry.correction.total, hps=tender.hps)
            bid.corrected = entry.correction.total
        return call.answer(await _record(db, bid, body.step, body, actor, now))


async def prove(call: Call, actor: Actor, id: UUID, body: NewProof) -> EvaluationOut:
    """The candidate winner shows originals (pembuktian kualifikasi); who fails makes way for the next in rank."""
    async with call.transaction() as db:
        bid, _, now, state = await _load(db, id, actor, PROOF)
        if not state.finished:
            raise Conflict(
                "evaluation_unfinished",
                "Some bids are not evaluated to the end, so there is no candidate yet.",
                article="Perpres 54/2010 Pasal 79",
                remedy="Finish the evaluation of every bid first.",
            )
        winner.check_candidate(id, state.ranked, state.proven)
        evaluation.check_result(passed=body.passed, reason=body.reason)
        return call.answer(await _record(db, bid, PROOF_STEP, body, actor, now))


async def _load(db: Db, id: UUID, actor: Actor, stage: str) -> tuple[Bid, Tender, datetime, Standing]:
    """Nothing of a bid shows here before the opening, not even that it exists."""
    found, unseen = await one(db, Bid, id), NotFound("bid", id)
    tender, now = await committee_tender(db, found.tender_id, actor, of=unseen)
    bid = await locked(db, Bid, id)
    if tender.opened_at is None or bid.status != "submitted":
        raise unseen
    require_open(tender)
    if tender.determined_at is not None:
        raise Conflict(
            "evaluation_over",
            "The winner of {tender} is determined; the evaluation is over.",
            article="Perpres 54/2010 Pasal 80",
            remedy="See the evaluation sheet.",
            tender=tender.code,
        )
    state = await standing(db, tender)
    name = state.template.stage(stage).name
    schedule.require_begun(spans_of(await stages_of(db, tender.id)), stage, now, name=name)
    return bid, tender, now, state


async def _record(
    db: Db, bid: Bid, step: Recorded, body: NewEvaluation | NewProof, actor: Actor, now: datetime
) -> EvaluationOut:
    row = Evaluation(bid_id=bid.id, step=step, passed=body.passed, reason=body.reason, by=actor.account, at=now)
    db.add(row)
    await db.flush()
    await emit(db, events.evaluation_recorded(bid, step, passed=body.passed))
    return evaluation_out(row)
