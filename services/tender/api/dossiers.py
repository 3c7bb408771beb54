"""What auditors read under a mandate (Pasal 6(1)e, 6(2)). Each question is an event, answered or refused."""

from uuid import UUID

from fastapi import APIRouter

from contracts.roles import Role
from kit.auth import ActorDep, allow
from kit.call import CallDep
from services.tender.api.needs import ReadDep, ServiceDep
from services.tender.commands import dossiers as commands
from services.tender.queries import dossiers as queries
from services.tender.schemas.dossiers import BidPartOut, FactsOut
from services.tender.schemas.tenders import TenderRow
from services.tender.schemas.values import Download

router = APIRouter(prefix="/dossiers", tags=["dossiers"])


@router.get("", **allow(Role.AUDITOR))
async def list_dossiers(db: ReadDep, actor: ActorDep) -> list[TenderRow]:
    """The tenders that my mandates in force name."""
    return await queries.listing(db, actor)


@router.get("/{tender}", **allow(Role.AUDITOR))
async def get_facts(tender: str, service: ServiceDep, call: CallDep, actor: ActorDep) -> FactsOut:
    """What was announced, asked, closed, evaluated, decided and objected to, as one signed statement."""
    return await commands.facts(service, call, actor, tender)


@router.get("/{tender}/bids/{bid}", **allow(Role.AUDITOR))
async def get_bid_part(tender: str, bid: UUID, call: CallDep, actor: ActorDep) -> BidPartOut:
    """A bid's receipt and, where it was opened, what was consented to."""
    return await commands.bid(call, actor, tender, bid)


@router.post("/{tender}/files/{file}/download", **allow(Role.AUDITOR))
async def download_dossier_file(
    tender: str, file: UUID, service: ServiceDep, call: CallDep, actor: ActorDep
) -> Download:
    """A grant for one of the dossier's files."""
    return await commands.file_download(service, call, actor, tender, file)
