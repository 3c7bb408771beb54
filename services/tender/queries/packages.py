"""Packages as PPK and Pokja see them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from kit.auth import Actor
from kit.clock import business_now
from kit.db import Db
from kit.paging import Page, page
from kit.problems import NotFound
from services.tender.access import buys_for, is_member, one
from services.tender.models import CommitteeView, HpsRow, Package
from services.tender.regimes import regime
from services.tender.rules import schedule
from services.tender.schemas.packages import HpsRowOut, PackageOut, ProposedStage

__all__ = ["detail", "hps_rows", "listing", "package_out", "proposal", "rows_out"]


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
    return package_out(row, await hps_rows(db, id), prices=True)


async def listing(db: Db, actor: Actor, *, cursor: str | None, limit: int) -> Page[PackageOut]:
    """The packages of the actor's SKPD (PPK, PA, KPA) and committees (Pokja)."""
    query = select(Package).where(or_(*await _mine(db, actor)))
    rows, more = await page(db, query, [Package.created_at, Package.id], cursor=cursor, limit=limit)
    return Page(items=[package_out(row, [], prices=False) for row in rows], next=more)


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
        )
        for row in rows
    ]


def package_out(row: Package, rows: Sequence[HpsRow], *, prices: bool) -> PackageOut:
    listed = rows_out(rows, prices=prices)
    names = [name for name in PackageOut.model_fields if name != "hps_rows"]
    return PackageOut(**{name: getattr(row, name) for name in names}, hps_rows=listed)
