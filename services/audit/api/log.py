"""The public log, by the paths of INTEGRITY 2.1. Everybody may read and check it; what is hidden opens to few."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import PlainTextResponse, Response

from kit.auth import ActorDep, logged_in, public
from kit.call import CallDep
from kit.clock import real_now
from kit.grants import OpeningGrant
from kit.service import service_of
from services.audit import commands, queries
from services.audit.log import releases
from services.audit.log.publisher import TILE_TYPE
from services.audit.log.signing import signer_of
from services.audit.log.witnesses import policy_in_force, policy_text
from services.audit.schemas import (
    ConsistencyOut,
    EntriesOut,
    HeadOut,
    InclusionOut,
    KeysOut,
    LeavesOut,
    OpenedEntryOut,
    ReleaseOut,
)

__all__ = ["router", "trust"]

router = APIRouter(prefix="/log/1", tags=["log"])
trust = APIRouter(tags=["log"])

LARGEST = 2**62
Place = Annotated[int, Query(ge=0, le=LARGEST)]
GrantHeader = Annotated[str, Header(alias="Lpse-Grant", description="What came with the receipt of the event")]
Count = Annotated[int, Query(ge=1, le=1000)]


@router.get("/checkpoint", response_class=PlainTextResponse, **public())
async def checkpoint(request: Request) -> Response:
    """The published log as a signed note (C2SP tlog-checkpoint), with the signatures of the witnesses that saw it."""
    async with service_of(request).database.reading() as db:
        note = await queries.checkpoint(db)
    return PlainTextResponse(str(note), headers={"Cache-Control": "no-cache"})


@router.get("/cosignatures", response_class=PlainTextResponse, **public())
async def cosignatures(request: Request) -> Response:
    """Those of the witnesses alone, one a line."""
    async with service_of(request).database.reading() as db:
        lines = await queries.cosignatures(db)
    return PlainTextResponse("".join(f"{line}\n" for line in lines), headers={"Cache-Control": "no-cache"})


@router.get("/policy", response_class=PlainTextResponse, **public())
async def policy(request: Request) -> Response:
    """Whom to believe about this log (C2SP tlog-policy): its keys, its witnesses, and how many of these are enough."""
    service = service_of(request)
    return PlainTextResponse(policy_text(signer_of(service), service.settings.log_policy))


@router.get("/tile/{path:path}", response_class=Response, **public())
async def tile(request: Request, path: str) -> Response:
    """A file of the log that never changes (C2SP tlog-tiles): a row of hashes of its tree, or entries in a bundle."""
    content = await queries.file(service_of(request).store(), f"tile/{path}")
    return Response(content, media_type=TILE_TYPE, headers={"Cache-Control": "public, max-age=31536000, immutable"})


@router.get("/head", **public())
async def head(request: Request) -> HeadOut:
    """The log as it is now, for programs and pages that read JSON."""
    service = service_of(request)
    async with service.database.reading() as db:
        return await queries.head(db, signer_of(service).origin, policy_in_force(service))


@router.get("/keys", **public())
async def keys(request: Request) -> KeysOut:
    """The public keys of this installation, also those that sign no more: what receipts are checked with."""
    return KeysOut.model_validate(service_of(request).ring.document())


@router.get("/releases", **public())
async def releases_(request: Request) -> list[ReleaseOut]:
    """Which files the portal sends to browsers, as the log has it, the newest first: for who was sent another script."""
    async with service_of(request).database.reading() as db:
        return [ReleaseOut(**one) for one in await releases.listed(db)]


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
async def opened(event_id: UUID, call: CallDep, actor: ActorDep) -> OpenedEntryOut:
    """What an event became in the log, with its opening: for who caused it; for an auditor where a mandate of his names the
    tender; for the Inspektur. These see which number it has among the events of its source, and each time is an event itself.
    """
    return await commands.open_entry(call, actor, event_id)


@router.get("/opening", **public())
async def opening(request: Request, lpse_grant: GrantHeader) -> OpenedEntryOut:
    """The same for whoever holds the receipt of the event, with the grant that comes with it."""
    service = service_of(request)
    async with service.database.reading() as db:
        grant = OpeningGrant.verify(lpse_grant, service.ring, await real_now(db))
        return await queries.granted(db, grant)


@router.get("/proof/inclusion", **public())
async def inclusion(request: Request, index: Place, size: Place) -> InclusionOut:
    async with service_of(request).database.reading() as db:
        return await queries.inclusion(db, index, size)


@router.get("/proof/entry", response_class=PlainTextResponse, **public())
async def proof(request: Request, index: Place, *, seen: bool = False) -> Response:
    """That the entry is in the log, and who saw it there, in a file that stands alone (C2SP tlog-proof). `seen`: 404 until
    enough witnesses saw it."""
    service = service_of(request)
    async with service.database.reading() as db:
        found = await queries.proof(db, policy_in_force(service), index, only_seen=seen)
    return PlainTextResponse(str(found))


@router.get("/proof/consistency", **public())
async def consistency(
    request: Request,
    old: Annotated[int, Query(alias="from", ge=1, le=LARGEST)],
    new: Annotated[int, Query(alias="to", ge=1, le=LARGEST)],
) -> ConsistencyOut:
    async with service_of(request).database.reading() as db:
        return await queries.consistency(db, old, new)


@trust.get("/trust-root", response_class=PlainTextResponse, **public())
async def trust_root(request: Request) -> Response:
    """Whose word about this LPSE counts, signed by two of three offices. Compare its fingerprint with the one hung out there."""
    note = await queries.trust_root(service_of(request).settings.trust_root)
    return PlainTextResponse(note, headers={"Cache-Control": "no-cache"})
