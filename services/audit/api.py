"""The public log, by the paths of INTEGRITY 2.1. Everybody may read and check it; what is hidden opens to few."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from kit.auth import ActorDep, logged_in, public
from kit.service import service_of
from services.audit import queries
from services.audit.schemas import (
    CheckpointOut,
    ConsistencyOut,
    EntriesOut,
    InclusionOut,
    KeysOut,
    LeavesOut,
    OpenedEntryOut,
)

__all__ = ["router"]

router = APIRouter(prefix="/log/1", tags=["log"])

LARGEST = 2**62
Place = Annotated[int, Query(ge=0, le=LARGEST)]
Count = Annotated[int, Query(ge=1, le=1000)]


@router.get("/checkpoint", **public())
async def checkpoint(request: Request) -> CheckpointOut:
    """The log as it is now: keep it, and later ask for the consistency proof from its size."""
    service = service_of(request)
    async with service.database.reading() as db:
        return await queries.checkpoint(db, origin=f"{service.settings.instance}/log/1")


@router.get("/keys", **public())
async def keys(request: Request) -> KeysOut:
    """The public keys of this installation, also those that sign no more: what receipts are checked with."""
    return KeysOut.model_validate(service_of(request).ring.document())


@router.get("/leaves", **public())
async def leaves(request: Request, start: Place = 0, count: Count = 1000) -> LeavesOut:
    async with service_of(request).database.reading() as db:
        return await queries.leaves(db, start, count)


@router.get("/entries", **public())
async def entries(
    request: Request, start: Annotated[int | None, Query(ge=0, le=LARGEST)] = None, count: Count = 100
) -> EntriesOut:
    """From `start` on, or the newest `count`."""
    async with service_of(request).database.reading() as db:
        return await queries.entries(db, start, count)


@router.get("/entries/{event_id}", **logged_in())
async def opened(request: Request, event_id: UUID, actor: ActorDep) -> OpenedEntryOut:
    """What an event became in the log, with its opening: for who caused it, and for auditors. They alone see which
    number it has among the events of its source.
    """
    async with service_of(request).database.reading() as db:
        return await queries.opened(db, event_id, actor)


@router.get("/proof/inclusion", **public())
async def inclusion(request: Request, index: Place, size: Place) -> InclusionOut:
    async with service_of(request).database.reading() as db:
        return await queries.inclusion(db, index, size)


@router.get("/proof/consistency", **public())
async def consistency(
    request: Request,
    old: Annotated[int, Query(alias="from", ge=1, le=LARGEST)],
    new: Annotated[int, Query(alias="to", ge=1, le=LARGEST)],
) -> ConsistencyOut:
    async with service_of(request).database.reading() as db:
        return await queries.consistency(db, old, new)
