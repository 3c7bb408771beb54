"""A Pokja prepares and announces a tender (Pasal 1(13), 2(2)a; Perpres 54/2010 Pasal 17)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from kit.auth import Actor
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.ids import new_id
from kit.jobs import TimeEvent, replan
from kit.outbox import emit
from kit.problems import Conflict, NotFound, RuleViolation
from kit.service import Service
from services.tender import events, uploads
from services.tender.access import (
    buys_for,
    committee_tender,
    is_member,
    locked,
    not_a_participant,
    one,
    refuse_both_sides,
    takes_part,
)
from services.tender.commands.packages import next_number
from services.tender.models import (
    Approval,
    CommitteeView,
    Package,
    Stage,
    Tender,
    TenderDocument,
)
from services.tender.queries.tenders import tender_out
from services.tender.regime_copies import freeze
from services.tender.regimes import regime
from services.tender.rules import hps, package, schedule
from services.tender.schemas.tenders import NewApproval, NewTender, TenderOut
from services.tender.schemas.values import Arrived, Download, FileOut, Granted, NewFile
from services.tender.stages import spans_of, stages_of
from services.tender.texts import PACT

__all__ = ["add_document", "approve", "create", "document_arrived", "document_download", "job_key"]


def job_key(tender: UUID) -> str:
    return f"tender:{tender}"


async def create(call: Call, actor: Actor, body: NewTender) -> TenderOut:
    async with call.transaction() as db:
        bought = await locked(db, Package, body.package)
        now = await business_now(db)
        if not is_member(await db.get(CommitteeView, bought.committee), actor, now):
            raise NotFound("package", body.package)
        await _refuse_second(db, bought)
        package.check_template(regime(bought.regime), method=bought.method, template=body.template)
        template = regime(bought.regime).template(body.template)
        spans = [schedule.Span(s.code, s.starts_at, s.ends_at) for s in body.stages]
        schedule.check(template, spans, now)
        row = _draft(bought, body, now, actor, await next_number(db, "tender"), schedule.closing_time(spans))
        db.add(row)
        await db.flush()
        db.add_all(
            Stage(tender_id=row.id, no=no, code=s.code, starts_at=s.starts_at, ends_at=s.ends_at, changes=0)
            for no, s in enumerate(spans, 1)
        )
        await db.flush()
        return call.answer(await tender_out(db, row, now, official=True))


def _draft(bought: Package, body: NewTender, now: datetime, actor: Actor, number: int, closes_at: datetime) -> Tender:
    return Tender(
        number=number,
        code=f"{number}000",
        package_id=bought.id,
        committee=bought.committee,
        name=bought.name,
        skpd=bought.skpd,
        category=bought.category,
        year=bought.year,
        pagu=bought.pagu,
        hps=bought.hps,
        template=body.template,
        contract_type=body.contract_type,
        qualification_requirements=list(body.qualification_requirements),
        status="draft",
        active=[],
        reserves=[],
        created_by=actor.account,
        created_at=now,
        closes_at=closes_at,
        sequence=0,
    )


async def _refuse_second(db: Db, bought: Package) -> None:
    """One package is bought once; a failed tender may be followed by another."""
    query = select(Tender.code).where(Tender.package_id == bought.id, Tender.status.in_(["running", "finished"]))
    other = (await db.execute(query)).scalars().first()
    if other is not None:
        raise Conflict(
            "package_in_tender",
            "The package {package} is in the tender {tender} already.",
            article="Perpres 54/2010 Pasal 24",
            remedy="Go on with that tender.",
            package=bought.code,
            tender=other,
        )


def _require_draft(tender: Tender) -> None:
    if tender.status != "draft":
        raise Conflict(
            "tender_announced",
            "The tender {tender} is announced and is not changed any more.",
            article="Perpres 54/2010 Pasal 61",
            remedy="Answer questions in the explanation (Pemberian Penjelasan).",
            tender=tender.code,
        )


async def add_document(service: Service, call: Call, actor: Actor, id: UUID, body: NewFile) -> Granted:
    async with call.transaction() as db:
        tender, _ = await committee_tender(db, id, actor)
        _require_draft(tender)
        row = TenderDocument(
            id=new_id(), grant=new_id(), account=actor.account, name=body.name, media_type=body.media_type, tender_id=id
        )
        db.add(row)
        return call.answer(Granted(id=row.id, grant=await uploads.upload_grant(service, db, row, "tender_document")))


async def document_arrived(service: Service, call: Call, actor: Actor, id: UUID, body: Arrived) -> FileOut:
    statement = uploads.statement_of(service, body.statement, datetime.now(UTC))
    async with call.transaction() as db:
        row = await locked(db, TenderDocument, id)
        tender, _ = await committee_tender(db, row.tender_id, actor, of=NotFound("tender document", id))
        _require_draft(tender)
        uploads.check(row, statement, "tender_document", md5=body.md5, sha256=body.sha256)
        uploads.accept(row, statement)
        return call.answer(FileOut.model_validate(row))


async def document_download(service: Service, call: Call, actor: Actor, id: UUID) -> Download:
    """For the committee and the buyers, and from the announcement on for participants."""
    async with call.transaction() as db:
        row = await one(db, TenderDocument, id)
        tender = await one(db, Tender, row.tender_id)
        member = is_member(await db.get(CommitteeView, tender.committee), actor, await business_now(db))
        if not (member or buys_for(actor, tender.skpd) or await takes_part(db, tender.id, actor)):
            raise NotFound("tender document", id) if tender.announced_at is None else not_a_participant()
        grant = await uploads.download_grant(service, db, row, "tender_document", actor.account)
        return call.answer(Download(grant=grant, object=_object(row)))


def _object(row: TenderDocument) -> UUID:
    if row.object is None:
        raise NotFound("tender document", row.id)
    return row.object


async def approve(service: Service, call: Call, actor: Actor, id: UUID, body: NewApproval) -> TenderOut:
    """A member accepts the pakta integritas; the last of them announces the tender."""
    async with call.transaction() as db:
        tender, now = await committee_tender(db, id, actor)
        _require_draft(tender)
        bought = await one(db, Package, tender.package_id)
        refuse_both_sides(pokja=True, ppk=bought.created_by == actor.account)
        PACT.require(body.pact_version)
        if await db.get(Approval, (id, actor.account)) is not None:
            raise Conflict(
                "pact_accepted_already",
                "You accepted the pakta integritas of this tender already.",
                article="Perpres 54/2010 Pasal 17",
                remedy="Wait for the other members.",
            )
        db.add(Approval(tender_id=id, account=actor.account, pact_version=body.pact_version, at=now))
        await db.flush()
        if await _all_approved(db, tender):
            await _announce(db, tender, now, grace=timedelta(seconds=service.settings.closing_grace_seconds))
        return call.answer(await tender_out(db, tender, now, official=True))


async def _all_approved(db: Db, tender: Tender) -> bool:
    committee = await one(db, CommitteeView, tender.committee)
    accounts = (await db.execute(select(Approval.account).where(Approval.tender_id == tender.id))).scalars()
    return {str(account) for account in accounts} >= set(committee.members)


async def _announce(db: Db, tender: Tender, now: datetime, *, grace: timedelta) -> None:
    bought = await locked(db, Package, tender.package_id)
    await _refuse_second(db, bought)
    await _require_document(db, tender)
    law = await freeze(db, tender, bought.regime)
    stages = await stages_of(db, tender.id)
    spans = spans_of(stages)
    schedule.check(law.template(tender.template), spans, now)
    hps.check_age(bought.hps_fixed_at, tender.closes_at, law.hps)
    tender.status, tender.announced_at, tender.active = "running", now, schedule.active(spans, now)
    await emit(db, events.tender_announced(tender, bought, stages))
    planned = [TimeEvent(*event) for event in schedule.time_events(spans, now, grace=grace)]
    await replan(db, job_key(tender.id), planned)


async def _require_document(db: Db, tender: Tender) -> None:
    have = select(func.count()).where(TenderDocument.tender_id == tender.id, TenderDocument.object.is_not(None))
    if not (await db.execute(have)).scalar_one():
        raise RuleViolation(
            "document_missing",
            "A tender is announced with its document (Dokumen Pemilihan).",
            article="Perpres 54/2010 Pasal 64",
            remedy="Upload the document first: POST /tenders/.../documents.",
        )
