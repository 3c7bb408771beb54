"""Who may read what by which surat tugas (Pasal 6(1)e, 6(2)), and the part of a dossier that the log has."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from contracts.roles import Role
from kit.auth import ActorDep, allow
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from kit.service import service_of
from services.audit import commands, queries
from services.audit.api.log import LARGEST, Place
from services.audit.queries import GRANTORS
from services.audit.schemas import DossierEntriesOut, DossierOut, MandateOut, NewMandate

__all__ = ["router"]

router = APIRouter(tags=["mandates"])


@router.post("/mandates", status_code=201, **allow(*GRANTORS))
async def grant_mandate(body: NewMandate, call: CallDep) -> MandateOut:
    """Let an auditor read the tenders that his surat tugas names, and nothing else, as long as it says."""
    return await commands.grant(call, body)


@router.get("/mandates", **allow(*GRANTORS, Role.AUDITOR))
async def list_mandates(
    request: Request, actor: ActorDep, cursor: Cursor = None, limit: Limit = 25
) -> Page[MandateOut]:
    """An auditor's own; all of them for who grants them. The latest first."""
    async with service_of(request).database.reading() as db:
        return await queries.mandates(db, actor, cursor=cursor, limit=limit)


@router.post("/mandates/{id}/end", **allow(*GRANTORS))
async def end_mandate(id: UUID, call: CallDep) -> MandateOut:
    """Now, before the surat tugas ends."""
    return await commands.end(call, id)


@router.get("/dossiers/{tender}", **allow(Role.AUDITOR))
async def dossier(tender: str, request: Request, call: CallDep, actor: ActorDep) -> DossierOut:
    """The state of the log to prove a tender's entries by. Each question is an event, answered or refused."""
    return await commands.dossier(service_of(request), call, actor, tender)


@router.get("/dossiers/{tender}/entries", **allow(Role.AUDITOR))
async def dossier_entries(
    tender: str,
    call: CallDep,
    actor: ActorDep,
    size: Annotated[int, Query(ge=0, le=LARGEST, description="`size` of the dossier")],
    start: Place = 0,
    count: Annotated[int, Query(ge=1, le=100)] = 100,
) -> DossierEntriesOut:
    """A tender's entries with what opens them, their places and their paths in the tree. Each question is an event."""
    return await commands.dossier_entries(call, actor, tender, size=size, start=start, count=count)
