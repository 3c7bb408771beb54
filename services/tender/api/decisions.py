"""Opening, evaluation, winner, objections, appointment, failure."""

from uuid import UUID

from fastapi import APIRouter

from contracts.roles import Role
from kit.auth import ActorDep, allow
from kit.call import CallDep
from services.tender.access import BUYERS
from services.tender.api.needs import ReadDep, ServiceDep
from services.tender.commands import appointment, evaluation, failure, objections, opening, winner
from services.tender.queries import bids as queries
from services.tender.queries import objections as objection_queries
from services.tender.schemas.bids import (
    AnnouncedWinner,
    CorrectedRowOut,
    EvaluationOut,
    NewEvaluation,
    NewProof,
    OpenedBid,
    OpeningOut,
    SheetOut,
    WinnerApprovalOut,
)
from services.tender.schemas.objections import NewObjection, ObjectionAnswer, ObjectionOut
from services.tender.schemas.tenders import AppointmentOut, FailureOut, NewAppointment, NewFailure
from services.tender.schemas.values import Download, Granted, NewFile

router = APIRouter(tags=["decisions"])

COPIED = (*BUYERS, Role.INSPEKTUR)
"""Who gets a copy of objections and answers (Perpres 70/2012 Pasal 81)."""


@router.post("/tenders/{id}/opening", status_code=201, **allow(Role.POKJA))
async def open_bids(id: UUID, call: CallDep, actor: ActorDep) -> OpeningOut:
    return await opening.open_bids(call, actor, id)


@router.get("/tenders/{id}/bids", **allow(Role.POKJA))
async def list_opened_bids(id: UUID, db: ReadDep, actor: ActorDep) -> list[OpenedBid]:
    return await queries.opened(db, id, actor)


@router.post("/bids/{id}/evaluations", status_code=201, **allow(Role.POKJA))
async def evaluate_bid(id: UUID, body: NewEvaluation, call: CallDep, actor: ActorDep) -> EvaluationOut:
    return await evaluation.evaluate(call, actor, id, body)


@router.post("/bids/{id}/pembuktian", status_code=201, **allow(Role.POKJA))
async def prove_qualification(id: UUID, body: NewProof, call: CallDep, actor: ActorDep) -> EvaluationOut:
    return await evaluation.prove(call, actor, id, body)


@router.get("/tenders/{id}/evaluation", **allow(Role.POKJA))
async def evaluation_sheet(id: UUID, db: ReadDep, actor: ActorDep) -> SheetOut:
    return await queries.sheet(db, id, actor)


@router.get("/bids/{id}/correction", **allow(Role.POKJA))
async def corrected_lines(id: UUID, db: ReadDep, actor: ActorDep) -> list[CorrectedRowOut]:
    """One offer line by line: what was offered, what counts, and why (Perpres 54/2010 Pasal 79)."""
    return await queries.correction(db, id, actor)


@router.post("/tenders/{id}/winner/approvals", status_code=201, **allow(Role.POKJA))
async def approve_winner(id: UUID, call: CallDep, actor: ActorDep) -> WinnerApprovalOut:
    """Stand behind the first in rank; a majority of the members determines the winner."""
    return await winner.approve(call, actor, id)


@router.post("/tenders/{id}/winner/announcement", status_code=201, **allow(Role.POKJA))
async def announce_winner(id: UUID, call: CallDep, actor: ActorDep) -> AnnouncedWinner:
    return await winner.announce(call, actor, id)


@router.post("/tenders/{id}/failure", status_code=201, **allow(Role.POKJA))
async def declare_failed(id: UUID, body: NewFailure, call: CallDep, actor: ActorDep) -> FailureOut:
    return await failure.declare(call, actor, id, body)


@router.post("/tenders/{id}/objections", status_code=201, **allow(Role.PENYEDIA))
async def file_objection(id: UUID, body: NewObjection, call: CallDep, actor: ActorDep) -> ObjectionOut:
    return await objections.file(call, actor, id, body)


@router.get("/tenders/{id}/objections", **allow(Role.POKJA, Role.PENYEDIA, *COPIED))
async def list_objections(id: UUID, db: ReadDep, actor: ActorDep) -> list[ObjectionOut]:
    return await objection_queries.listing(db, id, actor)


@router.post("/objections/{id}/documents", status_code=201, **allow(Role.POKJA))
async def add_objection_document(
    id: UUID, body: NewFile, service: ServiceDep, call: CallDep, actor: ActorDep
) -> Granted:
    return await objections.add_document(service, call, actor, id, body)


@router.post("/objection-documents/{id}/download", **allow(Role.POKJA, Role.PENYEDIA, *COPIED))
async def download_objection_document(id: UUID, service: ServiceDep, call: CallDep, actor: ActorDep) -> Download:
    return await objections.document_download(service, call, actor, id)


@router.post("/objections/{id}/answer", status_code=201, **allow(Role.POKJA))
async def answer_objection(
    id: UUID, body: ObjectionAnswer, service: ServiceDep, call: CallDep, actor: ActorDep
) -> ObjectionOut:
    return await objections.answer(service, call, actor, id, body)


@router.post("/tenders/{id}/appointment", status_code=201, **allow(Role.PPK))
async def appoint(id: UUID, body: NewAppointment, call: CallDep, actor: ActorDep) -> AppointmentOut:
    """The SPPBJ, after the objections."""
    return await appointment.issue(call, actor, id, body)
