"""What happened in the tenders a firm takes part in, told from the rows that hold it: nothing is stored twice."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, Uuid, and_, cast, func, literal, null, or_, select, union_all

from kit.auth import Actor
from kit.clock import business_now
from kit.db import Db, Instant
from kit.paging import Page, page_of_rows
from services.tender.models import (
    Appointment,
    Bid,
    Failure,
    MaintenanceView,
    Objection,
    Participation,
    Question,
    Stage,
    Tender,
)
from services.tender.schemas.tenders import InboxItem

__all__ = ["inbox"]


async def inbox(db: Db, actor: Actor, *, cursor: str | None, limit: int) -> Page[InboxItem]:
    """The latest first. A maintenance stands at its beginning, so that one to come stands above all."""
    told = union_all(*_matters(actor.provider, await business_now(db))).subquery()
    columns = told.c
    query = select(*columns, Tender.code, Tender.name).join(Tender, Tender.id == columns.tender)
    rows, following = await page_of_rows(db, query, [columns.at, columns.key], cursor=cursor, limit=limit)
    return Page(items=[InboxItem.model_validate(row) for row in rows], next=following)


def _matters(provider: UUID | None, now: datetime) -> list[Select[Any]]:
    """One select for each kind of news, all of the same columns; each only about what the firm may know by then."""
    own_question, own_objection = Question.provider == provider, Objection.provider == provider
    return [
        _of(provider, "stage", Stage.starts_at, Stage.code, stage=Stage.code)
        .join(Stage, Stage.tender_id == Tender.id)
        .outerjoin(Failure, Failure.tender_id == Tender.id)
        .where(Stage.starts_at <= now, or_(Failure.at.is_(None), Stage.starts_at < Failure.at)),
        _of(provider, "question_answered", Question.answered_at, Question.id, own=own_question)
        .join(Question, Question.tender_id == Tender.id)
        .where(Question.answered_at.is_not(None)),
        _of(provider, "opened", Tender.opened_at).where(Tender.opened_at.is_not(None)),
        _of(provider, "winner_announced", Tender.winner_announced_at).where(Tender.winner_announced_at.is_not(None)),
        _of(provider, "objection_answered", Objection.answered_at, Objection.id, own=own_objection)
        .join(Objection, Objection.tender_id == Tender.id)
        .where(Objection.answered_at.is_not(None)),
        _of(provider, "failed", Failure.at).join(Failure, Failure.tender_id == Tender.id),
        _of(provider, "appointed", Appointment.at).join(Appointment, Appointment.tender_id == Tender.id),
        _of(provider, "maintenance", MaintenanceView.starts_at, MaintenanceView.id, until=MaintenanceView.ends_at).join(
            MaintenanceView, MaintenanceView.tenders.contains(func.jsonb_build_array(Tender.code))
        ),
        *(
            _of(provider, f"bid_{kind}", Bid.consented_at, Bid.id, own=literal(value=True), bid=Bid.id)
            .join(Bid, and_(Bid.tender_id == Tender.id, Bid.provider == provider))
            .where(Bid.consented_at.is_not(None), states)
            for kind, states in (("received", Bid.status != "refused"), ("refused", Bid.status == "refused"))
        ),
    ]


def _of(
    provider: UUID | None,
    kind: str,
    at: Any,
    what: Any = "",
    *,
    stage: Any = None,
    until: Any = None,
    bid: Any = None,
    own: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """`what` tells news of one kind in one tender apart; kind, tender and it make the key."""
    key = func.concat_ws(
        ":", kind, cast(Tender.id, String), what if isinstance(what, str) else cast(what, String), type_=String
    )
    return (
        select(
            at.label("at"),
            key.label("key"),
            literal(kind).label("kind"),
            Tender.id.label("tender"),
            cast(null() if stage is None else stage, String).label("stage"),
            cast(null() if until is None else until, Instant).label("until"),
            cast(null() if bid is None else bid, Uuid).label("bid"),
            (literal(value=False) if own is None else own).label("own"),
        )
        .select_from(Tender)
        .join(Participation, and_(Participation.tender_id == Tender.id, Participation.provider == provider))
    )
