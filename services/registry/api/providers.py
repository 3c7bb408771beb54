"""Registration, papers and verification (Pasal 9)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from contracts.roles import Role
from kit.auth import ActorDep, allow, public
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from kit.receipts import ReceiptOut
from kit.service import Service, service_of
from services.registry.commands import providers as commands
from services.registry.commands.verification import decide_provider
from services.registry.queries import providers as queries
from services.registry.schemas.providers import (
    Decision,
    Download,
    Fingerprints,
    NewCopy,
    NewPaper,
    PaperBegun,
    PaperOut,
    ProviderOut,
    ProviderSummary,
    ReceiptRow,
    Registered,
    Registration,
)

router = APIRouter(tags=["providers"])
ServiceDep = Annotated[Service, Depends(service_of)]


@router.post("/registrations", status_code=201, **public())
async def register(body: Registration, call: CallDep, service: ServiceDep) -> Registered:
    """Register as a provider. You can log in at once; you can bid once a verifier has admitted you."""
    return await commands.register(call, service, body)


@router.get("/providers/mine", **allow(Role.PENYEDIA))
async def own(actor: ActorDep, service: ServiceDep) -> ProviderOut:
    async with service.database.reading() as db:
        return await queries.provider_out(db, await queries.own_provider(db, actor.account))


@router.get("/providers/mine/receipts", **allow(Role.PENYEDIA))
async def receipts(actor: ActorDep, service: ServiceDep) -> list[ReceiptRow]:
    """That the papers came, each time, and what was refused; the newest first."""
    async with service.database.reading() as db:
        return await queries.receipts(db, actor.account)


@router.get("/receipts/{event_id}", **allow(Role.PENYEDIA))
async def receipt(event_id: UUID, actor: ActorDep, service: ServiceDep) -> ReceiptOut:
    async with service.database.reading() as db:
        return await queries.receipt(db, service.settings, event_id, actor.account)


@router.get("/providers/{id}", **allow(Role.PENYEDIA, Role.VERIFIKATOR))
async def provider(id: UUID, actor: ActorDep, service: ServiceDep) -> ProviderOut:
    async with service.database.reading() as db:
        return await queries.provider_for(db, id, actor.account, verifier=actor.has(Role.VERIFIKATOR))


@router.post("/papers", status_code=201, **allow(Role.PENYEDIA))
async def begin_paper(body: NewPaper, call: CallDep, service: ServiceDep) -> PaperBegun:
    """Enter a paper. Upload its copy with the grant, then confirm it with `/papers/{id}/file`."""
    return await commands.begin_paper(call, service, body)


@router.post("/papers/{id}/upload", status_code=201, **allow(Role.PENYEDIA))
async def begin_copy(id: UUID, body: NewCopy, call: CallDep, service: ServiceDep) -> PaperBegun:
    """Another grant for the copy of a paper entered earlier: on another day, or after an upload that went wrong."""
    return await commands.begin_copy(call, service, id, body)


@router.post("/papers/{id}/file", **allow(Role.PENYEDIA))
async def confirm_paper(id: UUID, body: Fingerprints, call: CallDep, service: ServiceDep) -> PaperOut:
    return await commands.confirm_paper(call, service, id, body)


@router.post("/papers/{id}/download", **allow(Role.PENYEDIA, Role.VERIFIKATOR))
async def download_paper(id: UUID, call: CallDep, actor: ActorDep, service: ServiceDep) -> Download:
    """A grant with which documents hands out the copy."""
    return await commands.download_paper(call, service, id, verifier=actor.has(Role.VERIFIKATOR))


@router.post("/providers/{id}/submission", **allow(Role.PENYEDIA))
async def submit(id: UUID, call: CallDep, service: ServiceDep) -> ProviderOut:
    """Ask for admission: the papers are complete, the originals will be shown."""
    return await commands.submit(call, service, id)


@router.get("/verifications", **allow(Role.VERIFIKATOR))
async def verifications(service: ServiceDep, cursor: Cursor = None, limit: Limit = 20) -> Page[ProviderSummary]:
    async with service.database.reading() as db:
        return await queries.verification_queue(db, cursor, limit)


@router.post("/providers/{id}/decision", **allow(Role.VERIFIKATOR))
async def decide(id: UUID, body: Decision, call: CallDep, service: ServiceDep) -> ProviderOut:
    """Admit or reject. `originals` are the papers whose originals you saw."""
    return await decide_provider(call, service, id, body)
