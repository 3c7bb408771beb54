"""Complaints: anybody brings one, the LPSE must pass it on, nobody can make it disappear (Pasal 18)."""

from uuid import UUID

from contracts.values import rfc3339
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.jobs import plan
from kit.outbox import emit
from kit.problems import NotFound
from kit.receipts import record, sign
from kit.service import Service
from services.helpdesk import events, rules, tracking
from services.helpdesk.jobs import forwarding_ends
from services.helpdesk.models import Complaint, Forwarding, Receipt
from services.helpdesk.schemas import ComplaintOut, ComplaintSubmitted, NewAnswer, NewComplaint, NewForwardings

RECORD = "complaint-record/v1"
__all__ = ["answer", "forward", "submit"]


async def submit(service: Service, call: Call, body: NewComplaint) -> ComplaintSubmitted:
    if body.hide_reporter:
        call.actor = None  # the account is kept nowhere: not in the event, not beside the idempotency key
    code = tracking.new_code()
    async with call.transaction() as db:
        now = await business_now(db)
        complaint = Complaint(
            **body.model_dump(),
            tracking_sha256=tracking.digest(code),
            submitted_at=now,
            due_forward_at=rules.forward_due(now),
            forwardings=[],
        )
        db.add(complaint)
        await db.flush()
        await plan(db, forwarding_ends(complaint), key=str(complaint.id))
        receipt = await _receipt(db, service, complaint, body)
        return call.answer(
            ComplaintSubmitted(
                code=complaint.code,
                tracking_code=code,
                due_forward_at=complaint.due_forward_at,
                receipt=receipt.receipt,
            )
        )


async def _receipt(db: Db, service: Service, complaint: Complaint, body: NewComplaint) -> Receipt:
    said = record(
        RECORD, code=complaint.code, submitted_at=rfc3339(complaint.submitted_at), **body.model_dump(mode="json")
    )
    event = await emit(db, events.complaint_submitted(complaint, said.sha256))
    signed = sign(
        service.settings,
        "helpdesk",
        "complaint",
        event=event,
        subject=complaint.id,
        code=complaint.code,
        at=complaint.submitted_at,
        record_sha256=said.sha256,
        decision={
            "article": "Perwali Mojokerto 21/2011 Pasal 18",
            "due_forward_at": rfc3339(complaint.due_forward_at),
        },
    )
    kept = Receipt(event=event, subject=complaint.id, record=said.text, receipt=signed, at=complaint.submitted_at)
    db.add(kept)
    return kept


async def forward(call: Call, id: UUID, body: NewForwardings) -> ComplaintOut:
    async with call.transaction() as db:
        complaint = await _locked(db, id)
        rules.require_not_forwarded(complaint.forwarded_at)
        rules.require_both_recipients(body.recipients)
        now = complaint.forwarded_at = await business_now(db)
        complaint.forwardings.extend(
            Forwarding(recipient=recipient, letter_number=body.letter_number, account=call.account, at=now)
            for recipient in rules.RECIPIENTS
        )
        await db.flush()
        await emit(db, events.complaint_forwarded(complaint))
        return call.answer(ComplaintOut.of(complaint, call.actor))


async def answer(call: Call, id: UUID, body: NewAnswer) -> ComplaintOut:
    async with call.transaction() as db:
        complaint = await _locked(db, id)
        rules.require_answerable(complaint.forwarded_at, complaint.answered_at)
        complaint.answer, complaint.answered_by = body.text, call.account
        complaint.answered_at = await business_now(db)
        await emit(db, events.complaint_answered(complaint))
        return call.answer(ComplaintOut.of(complaint, call.actor))


async def _locked(db: Db, id: UUID) -> Complaint:
    complaint = await db.get(Complaint, id, with_for_update=True)
    if complaint is None:
        raise NotFound("complaint", id)
    return complaint
