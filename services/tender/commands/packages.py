"""A PPK creates a package with its HPS (Pasal 1(10), 5(1)a)."""

from sqlalchemy import func, select

from contracts.roles import Role
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.outbox import emit
from kit.problems import Forbidden, NotFound
from services.tender import events
from services.tender.models import CommitteeView, HpsRow, Package, SkpdView
from services.tender.queries.packages import package_out
from services.tender.regimes import regime
from services.tender.rules import hps, package
from services.tender.schemas.packages import HpsIn, NewPackage, PackageOut

__all__ = ["create", "items_of", "next_number"]


async def create(call: Call, body: NewPackage) -> PackageOut:
    async with call.transaction() as db:
        await _check_place(db, call, body)
        law = regime(body.regime)
        package.check_method(law, method=body.method, category=body.category, pagu=body.pagu)
        items = items_of(body)
        total = hps.sums(items, body.ppn_percent).total
        hps.check_ceiling(total, body.pagu)
        now, number = await business_now(db), await next_number(db, "package")
        row = Package(
            **body.model_dump(exclude={"hps_rows"}),
            number=number,
            code=str(number),
            hps=total,
            created_by=call.account,
            created_at=now,
            hps_fixed_at=now,
            sequence=0,
        )
        db.add(row)
        await emit(db, events.package_created(row))
        rows = [HpsRow(package_id=row.id, no=item.no, **_line(item)) for item in items]
        db.add_all(rows)
        return call.answer(package_out(row, rows, [], prices=True))


def items_of(body: HpsIn) -> list[hps.Item]:
    return [hps.Item(no, r.description, r.unit, r.quantity, r.unit_price) for no, r in enumerate(body.hps_rows, 1)]


async def next_number(db: Db, table: str) -> int:
    return int((await db.execute(select(func.nextval(func.pg_get_serial_sequence(table, "number"))))).scalar_one())


def _line(item: hps.Item) -> dict[str, object]:
    return {
        "description": item.description,
        "unit": item.unit,
        "quantity": item.quantity,
        "unit_price": item.unit_price,
    }


async def _check_place(db: Db, call: Call, body: NewPackage) -> None:
    if await db.get(SkpdView, body.skpd) is None:
        raise NotFound("SKPD", body.skpd)
    if call.actor is None or not call.actor.serves(Role.PPK, body.skpd):
        raise Forbidden(
            "not_ppk_here",
            "Only a PPK of the SKPD {skpd} creates its packages.",
            article="Perwali Mojokerto 21/2011 Pasal 1(10), 5(1)a",
            remedy="Ask the Admin Agency to register the decree that appoints you there.",
            skpd=body.skpd,
        )
    if await db.get(CommitteeView, body.committee) is None:
        raise NotFound("committee", body.committee)
