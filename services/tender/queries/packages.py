"""Packages as PPK and Pokja see them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select

from kit.auth import Actor
from kit.clock import business_now
from kit.db import Db
from kit.paging import Page, page
from kit.problems import NotFound
from services.tender.access import buys_for, is_member, one
from services.tender.models import CommitteeView, HpsRow, Package, Tender
from services.tender.regimes import REGIMES, regime
from services.tender.rules import hps, schedule
from services.tender.rules.regime import Regime
from services.tender.schemas.packages import HpsRowOut, PackageOut, PackageTender, ProposedStage

__all__ = ["detail", "hps_rows", "law", "listing", "package_out", "proposal", "rows_out"]


def law(code: str) -> Regime:
    if code not in REGIMES:
        raise NotFound("regime", code)
    return regime(code)


def proposal(regime_code: str, template_code: str, start: datetime) -> list[ProposedStage]:
    template = regime(regime_code).template(template_code)
    spans = {span.code: span for span in schedule.propose(template, start)}
    return [
        ProposedStage(
            no=kind.no,
            code=kind.code,
            name=kind.name,
            name_en=kind.name_en,
            starts_at=spans[kind.code].starts_at,
            ends_at=spans[kind.code].ends_at,
        )
        for kind in template.stages
    ]


async def detail(db: Db, id: UUID, actor: Actor) -> PackageOut:
    row = await one(db, Package, id)
    committee = await db.get(CommitteeView, row.committee)
    if not (buys_for(actor, row.skpd) or is_member(committee, actor, await business_now(db))):
        raise NotFound("package", id)
    tenders = (await _tenders_of(db, [id])).get(id, [])
    return package_out(row, await hps_rows(db, id), tenders, prices=True)


async def listing(db: Db, actor: Actor, *, waiting: bool, cursor: str | None, limit: int) -> Page[PackageOut]:
    """The packages of the actor's SKPD (PPK, PA, KPA) and committees (Pokja); `waiting`: those without a live tender."""
    query = select(Package).where(or_(*await _mine(db, actor)))
    if waiting:
        live = exists().where(Tender.package_id == Package.id, Tender.status != "failed")
        query = query.where(~live)
    rows, more = await page(db, query, [Package.created_at, Package.id], cursor=cursor, limit=limit)
    tenders = await _tenders_of(db, [row.id for row in rows])
    return Page(items=[package_out(row, [], tenders.get(row.id, []), prices=False) for row in rows], next=more)


async def _tenders_of(db: Db, packages: Sequence[UUID]) -> dict[UUID, list[Tender]]:
    """Oldest first."""
    found: dict[UUID, list[Tender]] = {}
    query = select(Tender).where(Tender.package_id.in_(packages)).order_by(Tender.id)
    for row in (await db.execute(query)).scalars():
        found.setdefault(row.package_id, []).append(row)
    return found


async def _mine(db: Db, actor: Actor) -> list[ColumnElement[bool]]:
    skpd = [code for _, code in actor.scopes if buys_for(actor, code)]
    now = await business_now(db)
    committees = (await db.execute(select(CommitteeView))).scalars()
    sits_in = [committee.id for committee in committees if is_member(committee, actor, now)]
    return [Package.skpd.in_(skpd), Package.committee.in_(sits_in)]


async def hps_rows(db: Db, package: UUID) -> Sequence[HpsRow]:
    return (await db.execute(select(HpsRow).where(HpsRow.package_id == package).order_by(HpsRow.no))).scalars().all()


def rows_out(rows: Sequence[HpsRow], *, prices: bool) -> list[HpsRowOut]:
    """The unit prices of the HPS are the owner's; bidders get the quantities."""
    return [
        HpsRowOut(
            no=row.no,
            description=row.description,
            unit=row.unit,
            quantity=row.quantity,
            unit_price=row.unit_price if prices else None,
            amount=hps.amount(row.quantity, row.unit_price) if prices else None,
        )
        for row in rows
    ]


def package_out(row: Package, rows: Sequence[HpsRow], tenders: Sequence[Tender], *, prices: bool) -> PackageOut:
    given = {name: getattr(row, name) for name in PackageOut.model_fields.keys() - {"hps_rows", "tenders"}}
    return PackageOut(
        **given,
        hps_rows=rows_out(rows, prices=prices),
        tenders=[PackageTender.model_validate(tender) for tender in tenders],
    )
