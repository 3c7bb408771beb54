"""Packages and lawful schedules."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from contracts.roles import Role
from kit.auth import ActorDep, allow, logged_in, public
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from services.tender.access import BUYERS
from services.tender.api.needs import ReadDep
from services.tender.commands import packages as commands
from services.tender.queries import packages as queries
from services.tender.rules import hps
from services.tender.rules.regime import Regime
from services.tender.schemas.packages import HpsIn, HpsOut, NewPackage, PackageOut, ProposedStage
from services.tender.schemas.values import Planned

router = APIRouter(tags=["packages"])


@router.post("/packages", status_code=201, **allow(Role.PPK))
async def create_package(body: NewPackage, call: CallDep) -> PackageOut:
    """The HPS is summed here, with PPN; it may not exceed the pagu."""
    return await commands.create(call, body)


@router.get("/packages", **allow(*BUYERS, Role.POKJA))
async def list_packages(
    db: ReadDep,
    actor: ActorDep,
    waiting: Annotated[bool, Query(description="Only those without a tender, or whose tenders failed")] = False,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[PackageOut]:
    return await queries.listing(db, actor, waiting=waiting, cursor=cursor, limit=limit)


@router.post("/hps-sums", **allow(Role.PPK))
async def add_up(body: HpsIn) -> HpsOut:
    """An estimate added up as `POST /packages` will; nothing is kept."""
    items = commands.items_of(body)
    sums = hps.sums(items, body.ppn_percent)
    net, ppn, total = (hps.most(value) for value in (sums.net, sums.ppn, sums.total))
    return HpsOut(amounts=[item.amount for item in items], net=net, ppn=ppn, total=total)


@router.get("/packages/{id}", **allow(*BUYERS, Role.POKJA))
async def get_package(id: UUID, db: ReadDep, actor: ActorDep) -> PackageOut:
    return await queries.detail(db, id, actor)


@router.get("/regimes/{regime}", **public())
async def get_regime(regime: str) -> Regime:
    """The law as it stands: methods, templates with their stages and distances, grounds of failure, each with its source."""
    return queries.law(regime)


@router.get("/schedule-proposals", **logged_in())
async def propose_schedule(
    start: Annotated[Planned, Query(description="When the announcement begins, with its offset")],
    regime: str = "P70-2012",
    template: str = "T1",
) -> list[ProposedStage]:
    """A schedule that keeps every rule of the regime, to start from."""
    return queries.proposal(regime, template, start)
