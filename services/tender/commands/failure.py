"""A tender ends without a winner, on a ground of the law (Perpres 70/2012 Pasal 83-84)."""

from datetime import datetime
from typing import cast
from uuid import UUID

from kit.auth import Actor
from kit.call import Call
from kit.db import Db
from kit.jobs import replan
from kit.outbox import emit
from services.tender import events
from services.tender.access import committee_tender, require_open
from services.tender.commands.tenders import job_key
from services.tender.models import Failure, Tender
from services.tender.queries.objections import objections_of
from services.tender.queries.standing import least_bidders, standing, submitted
from services.tender.regime_copies import regime_of, template_of
from services.tender.rules import failure
from services.tender.rules.evaluation import ContractType
from services.tender.schemas.tenders import FailureOut, NewFailure

__all__ = ["declare", "fail"]


async def declare(call: Call, actor: Actor, id: UUID, body: NewFailure) -> FailureOut:
    async with call.transaction() as db:
        tender, now = await committee_tender(db, id, actor)
        require_open(tender)
        ground = (await regime_of(db, tender)).ground(body.ground)
        failure.check(ground, await _facts(db, tender), body.evidence)
        return call.answer(await fail(db, tender, ground.code, actor.account, now, body.evidence, body.next_action))


async def fail(
    db: Db,
    tender: Tender,
    code: str,
    by: UUID,
    now: datetime,
    evidence: str = "",
    wanted: str | None = None,
) -> FailureOut:
    """End the tender. Its jobs end with it; what was recorded stays."""
    ground = (await regime_of(db, tender)).ground(code)
    row = Failure(
        tender_id=tender.id,
        ground=code,
        evidence=evidence,
        next_action=failure.next_action(ground, wanted),
        by=by,
        at=now,
    )
    db.add(row)
    tender.status, tender.active = "failed", []
    await replan(db, job_key(tender.id), [])
    await emit(db, events.tender_failed(tender, code))
    return FailureOut(
        ground=code,
        name=ground.name,
        name_en=ground.name_en,
        next_action=row.next_action,
        source=ground.source,
        at=now,
    )


async def _facts(db: Db, tender: Tender) -> failure.Facts:
    template = await template_of(db, tender)
    objections = await objections_of(db, tender.id)
    return failure.Facts(
        closed=tender.closed_at is not None,
        opened=tender.opened_at is not None,
        contract=cast("ContractType", tender.contract_type),
        hps=tender.hps,
        least_bidders=await least_bidders(db, tender, template),
        bids=len(await submitted(db, tender.id)),
        evaluated=(await standing(db, tender)).facts if tender.opened_at is not None else (),
        upheld=sum(objection.upheld is True for objection in objections),
    )
