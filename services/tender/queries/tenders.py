"""Tenders as their committee, their PPK and logged-in users see them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from kit.auth import Actor
from kit.clock import business_now
from kit.db import Db
from kit.paging import Page, page
from kit.problems import NotFound
from services.tender.access import (
    announced,
    buys_for,
    committee_tender,
    is_member,
    not_a_participant,
    one,
    takes_part,
)
from services.tender.models import (
    Approval,
    CommitteeView,
    Participation,
    Question,
    SkpdView,
    Stage,
    Tender,
    TenderDocument,
)
from services.tender.queries.packages import hps_rows, rows_out
from services.tender.regime_copies import template_of
from services.tender.rules import schedule
from services.tender.rules.regime import ANNOUNCEMENT, Template
from services.tender.schemas.tenders import QuestionOut, StageOut, TenderOut, TenderRow
from services.tender.schemas.values import FileOut
from services.tender.stages import spans_of, stages_of

__all__ = ["detail", "documents_of", "listing", "open_to", "questions", "rows_of", "stages_out", "tender_out"]


async def detail(db: Db, id: UUID, actor: Actor) -> TenderOut:
    """For the committee and the buyers always; for others from the announcement on, without the owner's prices."""
    tender, now = await one(db, Tender, id), await business_now(db)
    committee = await db.get(CommitteeView, tender.committee)
    member, buyer = is_member(committee, actor, now), buys_for(actor, tender.skpd)
    if tender.announced_at is None and not (member or buyer):
        raise NotFound("tender", id)
    shown = await tender_out(db, tender, now, official=member or buyer)
    joined = await db.get(Participation, (id, actor.provider)) if actor.provider else None
    relation = "committee" if member else "buyer" if buyer else "participant" if joined else None
    return shown.model_copy(update={"relation": relation, "joined_at": joined.at if joined else None})


async def tender_out(db: Db, row: Tender, now: datetime, *, official: bool) -> TenderOut:
    template = await template_of(db, row)
    stages = await stages_of(db, row.id)
    committee = await one(db, CommitteeView, row.committee)
    approvals = (await db.execute(select(Approval.account).where(Approval.tender_id == row.id))).scalars().all()
    given = {name: getattr(row, name) for name in TenderOut.model_fields if hasattr(row, name) and name != "active"}
    return TenderOut(
        **given,
        package=row.package_id,
        evaluation_order=list(template.evaluation),
        stages=stages_out(template, stages, now),
        active=schedule.active(spans_of(stages), now),
        hps_rows=rows_out(await hps_rows(db, row.package_id), prices=official),
        documents=await documents_of(db, row.id),
        approvals=list(approvals) if official else [],
        members=len(committee.members),
    )


def stages_out(template: Template, stages: Sequence[Stage], now: datetime) -> list[StageOut]:
    active = schedule.active(spans_of(stages), now)
    return [
        StageOut(
            no=stage.no,
            code=stage.code,
            name=template.stage(stage.code).name,
            name_en=template.stage(stage.code).name_en,
            starts_at=stage.starts_at,
            ends_at=stage.ends_at,
            changes=stage.changes,
            active=stage.code in active,
        )
        for stage in stages
    ]


async def documents_of(db: Db, tender: UUID) -> list[FileOut]:
    arrived = TenderDocument.object.is_not(None)
    query = select(TenderDocument).where(TenderDocument.tender_id == tender, arrived).order_by(TenderDocument.id)
    return [FileOut.model_validate(row) for row in (await db.execute(query)).scalars()]


async def listing(db: Db, actor: Actor, *, cursor: str | None, limit: int) -> Page[TenderRow]:
    """The tenders of the actor's committees, SKPD or firm, drafts among them."""
    query = select(Tender).where(or_(*await _mine(db, actor)))
    found, more = await page(db, query, [Tender.created_at, Tender.id], cursor=cursor, limit=limit)
    return Page(items=await rows_of(db, found), next=more)


async def open_to(db: Db, actor: Actor, *, cursor: str | None, limit: int) -> Page[TenderRow]:
    """Running tenders that the actor's firm may join and has not joined, those announced last first."""
    now = await business_now(db)
    begun = select(Stage.tender_id).where(
        Stage.tender_id == Tender.id, Stage.code == ANNOUNCEMENT, Stage.starts_at <= now
    )
    joined = select(Participation.tender_id).where(Participation.provider == actor.provider)
    query = select(Tender).where(
        Tender.announced_at.is_not(None),
        Tender.status == "running",
        Tender.closes_at >= now,
        begun.exists(),
        Tender.id.not_in(joined),
    )
    found, more = await page(db, query, [Tender.announced_at, Tender.id], cursor=cursor, limit=limit)
    return Page(items=await rows_of(db, found), next=more)


async def _mine(db: Db, actor: Actor) -> list[ColumnElement[bool]]:
    now = await business_now(db)
    committees = (await db.execute(select(CommitteeView))).scalars()
    sits_in = [committee.id for committee in committees if is_member(committee, actor, now)]
    skpd = [code for _, code in actor.scopes if buys_for(actor, code)]
    joined = select(Participation.tender_id).where(Participation.provider == actor.provider)
    return [Tender.committee.in_(sits_in), Tender.skpd.in_(skpd), Tender.id.in_(joined)]


async def rows_of(db: Db, tenders: Sequence[Tender]) -> list[TenderRow]:
    """Lines of a list: the stages of all of them in one query, each with its first active stage."""
    now = await business_now(db)
    stages: dict[UUID, list[Stage]] = {}
    query = select(Stage).where(Stage.tender_id.in_([t.id for t in tenders])).order_by(Stage.tender_id, Stage.no)
    for stage in (await db.execute(query)).scalars():
        stages.setdefault(stage.tender_id, []).append(stage)
    names = await skpd_names(db, {tender.skpd for tender in tenders})
    return [await _row(db, tender, stages[tender.id], names, now) for tender in tenders]


async def _row(db: Db, row: Tender, stages: Sequence[Stage], names: dict[str, str], now: datetime) -> TenderRow:
    active = schedule.active(spans_of(stages), now) if row.status in {"running", "finished"} else []
    template = await template_of(db, row)
    given = {name: getattr(row, name) for name in TenderRow.model_fields if hasattr(row, name)}
    return TenderRow(
        **given,
        skpd_name=names.get(row.skpd, row.skpd),
        stage=active[0] if active else None,
        stage_name=template.stage(active[0]).name if active else None,
        more_stages=len(active) > 1,
        begins_at=min(stage.starts_at for stage in stages),
    )


async def skpd_names(db: Db, codes: set[str]) -> dict[str, str]:
    found = await db.execute(select(SkpdView.code, SkpdView.name).where(SkpdView.code.in_(codes)))
    return {row.code: row.name for row in found}


async def questions(db: Db, id: UUID, actor: Actor) -> list[QuestionOut]:
    """All questions, to committee and participants; who asked is told to nobody but the asker."""
    if actor.provider is None:
        await committee_tender(db, id, actor, write=False)
    elif not await takes_part(db, (await announced(db, id)).id, actor):
        raise not_a_participant()
    rows = (await db.execute(select(Question).where(Question.tender_id == id).order_by(Question.id))).scalars()
    return [QuestionOut.model_validate(row).model_copy(update={"mine": row.provider == actor.provider}) for row in rows]
