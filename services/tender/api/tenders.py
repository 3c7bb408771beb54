"""Tenders: preparation, announcement, participants, explanation."""

from uuid import UUID

from fastapi import APIRouter

from contracts.roles import Role
from kit.auth import ActorDep, allow, logged_in
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from services.tender.access import BUYERS
from services.tender.api.needs import ReadDep, ServiceDep
from services.tender.commands import participation
from services.tender.commands import tenders as commands
from services.tender.queries import tenders as queries
from services.tender.queries.inbox import inbox
from services.tender.schemas.tenders import (
    InboxItem,
    NewAnswer,
    NewApproval,
    NewQuestion,
    NewTender,
    ParticipationOut,
    QuestionOut,
    TenderOut,
    TenderRow,
)
from services.tender.schemas.values import Arrived, Download, FileOut, Granted, NewFile

router = APIRouter(tags=["tenders"])


@router.post("/tenders", status_code=201, **allow(Role.POKJA))
async def create_tender(body: NewTender, call: CallDep, actor: ActorDep) -> TenderOut:
    return await commands.create(call, actor, body)


@router.get("/tenders", **logged_in())
async def list_tenders(db: ReadDep, actor: ActorDep, cursor: Cursor = None, limit: Limit = 25) -> Page[TenderRow]:
    """Mine: of my committees, my SKPD or my firm."""
    return await queries.listing(db, actor, cursor=cursor, limit=limit)


@router.get("/tenders/open", **allow(Role.PENYEDIA))
async def open_tenders(db: ReadDep, actor: ActorDep, cursor: Cursor = None, limit: Limit = 25) -> Page[TenderRow]:
    """Those my firm may still join."""
    return await queries.open_to(db, actor, cursor=cursor, limit=limit)


@router.get("/inbox", **allow(Role.PENYEDIA))
async def read_inbox(db: ReadDep, actor: ActorDep, cursor: Cursor = None, limit: Limit = 25) -> Page[InboxItem]:
    """What happened in the tenders my firm takes part in, the latest first."""
    return await inbox(db, actor, cursor=cursor, limit=limit)


@router.get("/tenders/{id}", **logged_in())
async def get_tender(id: UUID, db: ReadDep, actor: ActorDep) -> TenderOut:
    return await queries.detail(db, id, actor)


@router.post("/tenders/{id}/documents", status_code=201, **allow(Role.POKJA))
async def add_document(id: UUID, body: NewFile, service: ServiceDep, call: CallDep, actor: ActorDep) -> Granted:
    return await commands.add_document(service, call, actor, id, body)


@router.post("/tender-documents/{id}/file", **allow(Role.POKJA))
async def document_arrived(id: UUID, body: Arrived, service: ServiceDep, call: CallDep, actor: ActorDep) -> FileOut:
    return await commands.document_arrived(service, call, actor, id, body)


@router.post("/tender-documents/{id}/download", **allow(*BUYERS, Role.POKJA, Role.PENYEDIA))
async def download_document(id: UUID, service: ServiceDep, call: CallDep, actor: ActorDep) -> Download:
    return await commands.document_download(service, call, actor, id)


@router.post("/tenders/{id}/approvals", status_code=201, **allow(Role.POKJA))
async def approve_tender(id: UUID, body: NewApproval, service: ServiceDep, call: CallDep, actor: ActorDep) -> TenderOut:
    """Accept the pakta integritas; the last member's acceptance announces the tender."""
    return await commands.approve(service, call, actor, id, body)


@router.post("/tenders/{id}/participation", status_code=201, **allow(Role.PENYEDIA))
async def join_tender(id: UUID, call: CallDep, actor: ActorDep) -> ParticipationOut:
    return await participation.join(call, actor, id)


@router.post("/tenders/{id}/questions", status_code=201, **allow(Role.PENYEDIA))
async def ask(id: UUID, body: NewQuestion, call: CallDep, actor: ActorDep) -> QuestionOut:
    return await participation.ask(call, actor, id, body)


@router.get("/tenders/{id}/questions", **allow(Role.PENYEDIA, Role.POKJA))
async def list_questions(id: UUID, db: ReadDep, actor: ActorDep) -> list[QuestionOut]:
    return await queries.questions(db, id, actor)


@router.post("/questions/{id}/answer", status_code=201, **allow(Role.POKJA))
async def answer_question(id: UUID, body: NewAnswer, call: CallDep, actor: ActorDep) -> QuestionOut:
    return await participation.answer(call, actor, id, body)
