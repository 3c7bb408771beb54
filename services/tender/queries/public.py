"""What anybody may see, and not a moment too early: participants after the opening, prices and reasons with the winner."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, func, literal_column, select

from kit.clock import WIB, business_now
from kit.db import Db
from kit.paging import Page, page
from services.tender.access import announced_as
from services.tender.models import (
    Appointment,
    Bid,
    Failure,
    MaintenanceView,
    Objection,
    Package,
    Participation,
    Question,
    Tender,
)
from services.tender.queries.packages import hps_rows, rows_out
from services.tender.queries.standing import Entry, Standing, names_of, standing, submitted
from services.tender.queries.tenders import documents_of, rows_of, skpd_names, stages_out
from services.tender.regime_copies import regime_of
from services.tender.rules import schedule
from services.tender.rules.regime import Regime
from services.tender.schemas.tenders import (
    AnsweredQuestion,
    AppointmentOut,
    FailureOut,
    FigureOut,
    FiguresOut,
    MaintenanceOut,
    MonthOut,
    ObjectionsOut,
    ParticipantOut,
    PublicTender,
    ResultOut,
    StatusOut,
    StepOut,
    TenderRow,
    WinnerOut,
)
from services.tender.stages import spans_of, stages_of

__all__ = ["Sort", "detail", "figures", "listing"]

Sort = Literal["newest", "closing"]


async def listing(
    db: Db,
    *,
    q: str | None,
    category: str | None,
    year: int | None,
    skpd: str | None,
    sort: Sort = "newest",
    cursor: str | None,
    limit: int,
) -> Page[TenderRow]:
    """Announced tenders, newest first; `q` asks for whole words of the name. `closing`: those that still take bids."""
    query = select(Tender).where(Tender.announced_at.is_not(None))
    by, closing = [Tender.announced_at, Tender.id], sort == "closing"
    if closing:
        by = [Tender.closes_at, Tender.id]
        query = query.where(Tender.status == "running", Tender.closes_at >= await business_now(db))
    wanted = {Tender.category: category, Tender.year: year, Tender.skpd: skpd}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    if q:
        query = query.where(Tender.search.bool_op("@@")(func.plainto_tsquery("simple", q)))
    found, more = await page(db, query, by, cursor=cursor, limit=limit, descending=not closing)
    return Page(items=await rows_of(db, found), next=more)


async def figures(db: Db, year: int | None) -> FiguresOut:
    """What was announced in one calendar year of WIB, this year if none is named: by month and by what became of it."""
    year = year or (await business_now(db)).astimezone(WIB).year
    first, end = (datetime(y, 1, 1, tzinfo=WIB).astimezone(UTC) for y in (year, year + 1))
    month = func.date_part("month", func.timezone(literal_column(f"'{WIB.key}'"), Tender.announced_at)).label("month")
    query = (
        select(month, Tender.status, func.count().label("tenders"), func.sum(Tender.hps).label("hps"))
        .where(Tender.announced_at >= first, Tender.announced_at < end)
        .group_by(month, Tender.status)
    )
    rows = (await db.execute(query)).all()
    return FiguresOut(
        year=year,
        months=[MonthOut(month=number, **_sum([r for r in rows if r.month == number])) for number in range(1, 13)],
        statuses=[
            StatusOut(status=status, **_sum([r for r in rows if r.status == status]))
            for status in ("running", "finished", "failed")
        ],
        total=FigureOut(**_sum(rows)),
    )


def _sum(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    return {"tenders": sum(row.tenders for row in rows), "hps": sum((row.hps for row in rows), Decimal("0.00"))}


async def detail(db: Db, code: str) -> PublicTender:
    row = await announced_as(db, code)
    now, law = await business_now(db), await regime_of(db, row)
    package, stages = await db.get_one(Package, row.package_id), await stages_of(db, row.id)
    template = law.template(row.template)
    shown = await standing(db, row) if row.winner_announced_at else None
    given = {name: getattr(row, name) for name in PublicTender.model_fields if hasattr(row, name)}
    given |= {name: getattr(package, name) for name in ("rup_code", "funding", "location", "method", "regime")}
    return PublicTender(
        **(given | {"winner": None, "active": schedule.active(spans_of(stages), now)}),
        skpd_name=(await skpd_names(db, {row.skpd})).get(row.skpd, row.skpd),
        category_name=next(c.name for c in law.categories if c.code == row.category),
        method_name=next(m.name for m in law.methods if m.code == package.method),
        template_name=template.name,
        evaluation_order=list(template.evaluation),
        stages=stages_out(template, stages, now),
        documents=await documents_of(db, row.id),
        quantities=rows_out(await hps_rows(db, row.package_id), prices=False),
        questions=await _questions(db, row.id),
        maintenance=await _maintenance(db, row.code),
        participant_count=await _participants_joined(db, row.id),
        participants=await _participants(db, row, shown),
        results=[_result(entry, row) for entry in shown.entries] if shown else [],
        objections=await _objections(db, row.id),
        appointment=await _appointment(db, row.id),
        failure=await _failure(db, row.id, law),
    ).model_copy(update={"winner": _winner(row, shown)})


async def _questions(db: Db, tender: UUID) -> list[AnsweredQuestion]:
    query = select(Question).where(Question.tender_id == tender).order_by(Question.id)
    return [AnsweredQuestion.model_validate(row) for row in (await db.execute(query)).scalars()]


async def _maintenance(db: Db, code: str) -> list[MaintenanceOut]:
    query = select(MaintenanceView).where(MaintenanceView.tenders.contains([code])).order_by(MaintenanceView.starts_at)
    return [MaintenanceOut.model_validate(row) for row in (await db.execute(query)).scalars()]


async def _participants_joined(db: Db, tender: UUID) -> int:
    query = select(func.count()).where(Participation.tender_id == tender)
    return (await db.execute(query)).scalar_one()


async def _participants(db: Db, row: Tender, shown: Standing | None) -> list[ParticipantOut]:
    """Who submitted: names after the opening, prices with the announcement."""
    if shown is not None:
        return [
            ParticipantOut(name=entry.name, offered=entry.correction.offered, corrected=entry.correction.total)
            for entry in shown.entries
        ]
    if row.opened_at is None:
        return []
    names = await names_of(db, row.id)
    return [ParticipantOut(name=names[bid.provider]) for bid in await submitted(db, row.id)]


def _result(entry: Entry, row: Tender) -> ResultOut:
    steps = sorted(entry.steps.values(), key=lambda step: (step.at, step.step == "pembuktian"))
    return ResultOut(
        name=entry.name,
        offered=entry.correction.offered,
        corrected=entry.bid.corrected,
        steps=[StepOut(step=step.step, passed=step.passed, reason=step.reason) for step in steps],
        winner=entry.bid.id == row.winner,
    )


def _winner(row: Tender, shown: Standing | None) -> WinnerOut | None:
    """An upheld objection withdraws the winner; the results stay for everybody to see."""
    if shown is None or row.winner is None or row.winner_announced_at is None or row.status == "failed":
        return None
    entry = shown.entry(row.winner)
    return WinnerOut(
        name=entry.name,
        price=entry.correction.total,
        announced_at=row.winner_announced_at,
        reserves=[shown.entry(UUID(reserve)).name for reserve in row.reserves],
    )


async def _objections(db: Db, tender: UUID) -> ObjectionsOut:
    upheld = (await db.execute(select(Objection.upheld).where(Objection.tender_id == tender))).scalars().all()
    answered = [outcome for outcome in upheld if outcome is not None]
    return ObjectionsOut(filed=len(upheld), answered=len(answered), upheld=sum(answered))


async def _appointment(db: Db, tender: UUID) -> AppointmentOut | None:
    row = await db.get(Appointment, tender)
    if row is None:
        return None
    bid = await db.get_one(Bid, row.bid_id)
    name = (await names_of(db, tender))[bid.provider]
    return AppointmentOut(number=row.number, name=name, price=row.price, at=row.at)


async def _failure(db: Db, tender: UUID, law: Regime) -> FailureOut | None:
    row = await db.get(Failure, tender)
    if row is None:
        return None
    ground = law.ground(row.ground)
    return FailureOut(
        ground=row.ground,
        name=ground.name,
        name_en=ground.name_en,
        next_action=row.next_action,
        source=ground.source,
        at=row.at,
    )
