"""Bids: drafts, files, the consent, and what their owners see."""

from uuid import UUID

from fastapi import APIRouter

from contracts.roles import Role
from kit.auth import ActorDep, allow, public
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from kit.receipts import ReceiptOut
from services.tender.api.needs import ReadDep, ServiceDep
from services.tender.commands import bids as commands
from services.tender.commands.consent import consent
from services.tender.instants import InstantDep
from services.tender.queries import bids as queries
from services.tender.schemas.bids import BidDraft, BidOut, Consent, ConsentOut
from services.tender.schemas.tenders import TextOut
from services.tender.schemas.values import Download, Granted, NewFile
from services.tender.texts import CONSENT, PACT, Text

router = APIRouter(tags=["bids"])


@router.post("/tenders/{id}/bids", status_code=201, **allow(Role.PENYEDIA))
async def draft_bid(id: UUID, call: CallDep, actor: ActorDep) -> BidDraft:
    return await commands.draft(call, actor, id)


@router.get("/bids/mine", **allow(Role.PENYEDIA))
async def my_bids(
    db: ReadDep, actor: ActorDep, tender: UUID | None = None, cursor: Cursor = None, limit: Limit = 25
) -> Page[BidOut]:
    """Drafts and what became of them, the latest first; of one tender, if it is named."""
    return await queries.mine(db, actor, tender=tender, cursor=cursor, limit=limit)


@router.get("/bids/{id}", **allow(Role.PENYEDIA))
async def get_bid(id: UUID, db: ReadDep, actor: ActorDep) -> BidOut:
    return await queries.own(db, id, actor)


@router.get("/bids/{id}/receipt", **allow(Role.PENYEDIA))
async def bid_receipt(id: UUID, service: ServiceDep, db: ReadDep, actor: ActorDep) -> ReceiptOut:
    """Of the last consent to this bid, also where it was refused."""
    return await queries.receipt(db, service.settings, id, actor)


@router.post("/bids/{id}/files", status_code=201, **allow(Role.PENYEDIA))
async def add_bid_file(id: UUID, body: NewFile, service: ServiceDep, call: CallDep, actor: ActorDep) -> Granted:
    return await commands.add_file(service, call, actor, id, body)


@router.post("/bids/{id}/consent", status_code=201, **allow(Role.PENYEDIA))
async def consent_to_bid(
    id: UUID, body: Consent, service: ServiceDep, call: CallDep, actor: ActorDep, at: InstantDep
) -> ConsentOut:
    """Submit the bid: sent equals received by MD5 and SHA-256 (Pasal 14(5)). Late: 409 with a receipt all the same."""
    return await consent(service, call, actor, id, body, at)


@router.post("/bid-files/{id}/download", **allow(Role.PENYEDIA, Role.POKJA))
async def download_bid_file(id: UUID, service: ServiceDep, call: CallDep, actor: ActorDep) -> Download:
    return await commands.file_download(service, call, actor, id)


@router.get("/consent-text", **public())
async def consent_text() -> TextOut:
    return _text(CONSENT)


@router.get("/pact-text", **public())
async def pact_text() -> TextOut:
    """The pakta integritas that each member of the Pokja accepts."""
    return _text(PACT)


def _text(text: Text) -> TextOut:
    return TextOut(version=text.version, text=text.text, sha256=text.sha256)
