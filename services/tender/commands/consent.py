"""A bidder consents: the act by which a bid is submitted, in time or too late (Pasal 14(5); DESIGN section 5).

The instant is that of the arrival. Then one transaction takes the stage row FOR SHARE, decides, and stores the bid, its
event and its receipt together. Rows are reached by Core statements that are built once: this is the rush before the
deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, bindparam, select, update

from contracts.values import rfc3339
from kit.auth import Actor
from kit.call import Call
from kit.db import Db
from kit.envelope import Subject
from kit.grants import Statement
from kit.outbox import emit
from kit.problems import Conflict, NotFound, Problem
from kit.service import Service
from services.tender import events, receipts, records, uploads
from services.tender.models import Bid, BidFile, Participation, Stage, Tender
from services.tender.records import Record, StatedFile
from services.tender.rules.lateness import ARTICLE, Verdict, decide
from services.tender.rules.regime import UPLOAD
from services.tender.schemas.bids import Consent, ConsentedFile, ConsentOut
from services.tender.texts import CONSENT
from services.tender.values import BidRow

__all__ = ["consent"]

BIDS, FILES, STAGES = (cast("Table", model.__table__) for model in (Bid, BidFile, Stage))
BID, FILE, STAGE = BIDS.c, FILES.c, STAGES.c


async def consent(service: Service, call: Call, actor: Actor, id: UUID, body: Consent, at: datetime) -> ConsentOut:
    """`at`: the instant the request arrived at, of the business clock."""
    CONSENT.require(body.consent_version)
    now = datetime.now(UTC)
    stated = [(file, uploads.statement_of(service, file.statement, now)) for file in body.files]
    async with call.transaction() as db:
        bid = await _load(db, id, actor)
        verdict = decide(at, opens_at=bid.opens_at, closes_at=bid.closes_at, closed=bid.closed)
        files, differing = await _check_files(db, bid, stated)
        if differing:
            verdict = verdict.received_otherwise()
        record = records.build(bid, files, body.offer, body.qualification)
        act = _Act(service, db, bid, verdict, record)
        receipt, event = await (_accept(act) if verdict.accepted else _refuse(act))
        if verdict.reason == "fingerprints_differ":
            await _store_refused_draft(act, receipt, event)
        else:
            await _store(act, body, files, receipt, event)
        out = _out(act, receipt, event)
        if verdict.accepted:
            return call.answer(out)
        call.refuse(_refusal(verdict, out, differing))
    return out


@dataclass(frozen=True, slots=True)
class _Act:
    service: Service
    db: Db
    bid: BidRow
    verdict: Verdict
    record: Record


_LOAD = (
    select(
        BID.id,
        BID.code,
        BID.tender_id,
        BID.provider,
        BID.account,
        BID.version,
        BID.status,
        BID.sequence,
        Tender.code.label("tender_code"),
        Tender.status.label("tender_status"),
        STAGE.starts_at,
        STAGE.ends_at,
        STAGE.closed_at,
    )
    .select_from(BIDS)
    .join(Tender, Tender.id == BID.tender_id)
    .join(STAGES, (STAGE.tender_id == BID.tender_id) & (STAGE.code == UPLOAD))
    .where(BID.id == bindparam("bid"))
)
_SHARED = _LOAD.with_for_update(read=True, of=STAGES)
_PROVIDER = (
    select(Participation.at)
    .where(Participation.tender_id == bindparam("tender"), Participation.provider == bindparam("provider"))
    .with_for_update()
)
_STATUS = select(BID.status).where(BID.id == bindparam("bid"))
_FILES = select(BidFile).where(FILE.bid_id == bindparam("bid")).with_for_update()
_REPLACE = (
    update(BIDS)
    .where(BID.tender_id == bindparam("of"), BID.provider == bindparam("bidder"), BID.status == "submitted")
    .values(status="replaced", sequence=BID.sequence + 1)
    .returning(BID.id, BID.sequence)
)
_STORE = update(BIDS).where(BID.id == bindparam("bid"))
_ARRIVED = update(FILES).where(FILE.id == bindparam("file"))


async def _load(db: Db, id: UUID, actor: Actor) -> BidRow:
    """The bid with the stage that decides lateness, shared with other consents; closing waits for us."""
    row = (await db.execute(_SHARED, {"bid": id})).one_or_none()
    if row is None or actor.provider is None or row.provider != actor.provider:
        raise NotFound("bid", id)
    await _lock_provider(db, row.tender_id, row.provider)
    status = (await db.execute(_STATUS, {"bid": id})).scalar_one()
    if status != "draft":
        raise Conflict(
            "bid_decided",
            "The bid {bid} is {state} already.",
            article="Perpres 54/2010 Pasal 78",
            remedy="Look at the bid: its receipt is kept there.",
            bid=row.code,
            state=status,
        )
    return BidRow(
        id=row.id,
        code=row.code,
        tender_id=row.tender_id,
        tender_code=row.tender_code,
        provider=row.provider,
        account=row.account,
        version=row.version,
        opens_at=row.starts_at,
        closes_at=row.ends_at,
        closed=row.closed_at is not None or row.tender_status != "running",
        subject=Subject(row.id, row.sequence),
    )


async def _lock_provider(db: Db, tender: UUID, provider: UUID) -> None:
    """Two bids of one provider are decided one after the other; other providers' never wait."""
    await db.execute(_PROVIDER, {"tender": tender, "provider": provider})


async def _check_files(
    db: Db, bid: BidRow, stated: Sequence[tuple[ConsentedFile, Statement]]
) -> tuple[list[StatedFile], str | None]:
    """The files as they arrived, and the name of one that is not what was sent (Pasal 14(4))."""
    rows = {row.id: row for row in (await db.execute(_FILES, {"bid": bid.id})).scalars()}
    if len({file.file for file, _ in stated}) != len(stated):
        raise Conflict("file_twice", "The consent names a file twice.", remedy="Name each file once.")
    for file, statement in stated:
        if file.file not in rows:
            raise NotFound("bid file", file.file)
        uploads.check_row(rows[file.file], statement, "bid_file")
    differing = (rows[file.file].name for file, said in stated if (file.md5, file.sha256) != (said.md5, said.sha256))
    return [StatedFile(file.file, rows[file.file].name, statement) for file, statement in stated], next(differing, None)


async def _accept(act: _Act) -> tuple[dict[str, Any], UUID]:
    await _replace_earlier(act)
    event = await emit(act.db, events.bid_submitted(act.bid, act.verdict, act.record.sha256))
    return receipts.sign(act.service, act.bid, act.verdict, act.record, event), event


async def _replace_earlier(act: _Act) -> None:
    gone = await act.db.execute(_REPLACE, {"of": act.bid.tender_id, "bidder": act.bid.provider})
    for row in gone.all():
        await emit(act.db, events.bid_replaced(row.id, row.sequence - 1, act.bid))


async def _refuse(act: _Act) -> tuple[dict[str, Any], UUID]:
    event = await emit(act.db, events.bid_refused(act.bid, act.verdict, act.record.sha256))
    if act.verdict.disturbed:
        await emit(act.db, events.disturbance_suspected(act.bid, act.bid.tender_code, act.verdict))
    return receipts.sign(act.service, act.bid, act.verdict, act.record, event), event


async def _store(act: _Act, body: Consent, files: Sequence[StatedFile], receipt: dict[str, Any], event: UUID) -> None:
    bid = act.bid
    await act.db.execute(
        _STORE,
        {
            "bid": bid.id,
            "status": _status(act.verdict),
            "sequence": bid.subject.sequence,
            "consented_at": act.verdict.instant,
            "closes_at": act.verdict.closes_at,
            "record": act.record.text,
            "record_sha256": act.record.sha256,
            "offered": body.offer.total,
            "receipt": receipt,
            "event": event,
        },
    )
    for file in files:
        said = file.statement
        values = {"object": said.object, "size": said.size, "md5": said.md5, "sha256": said.sha256}
        await act.db.execute(_ARRIVED, {"file": file.id, **values, "stored_at": said.at})


async def _store_refused_draft(act: _Act, receipt: dict[str, Any], event: UUID) -> None:
    """It stays a draft: nothing of it was taken, and the bidder has it in writing."""
    values = {
        "sequence": act.bid.subject.sequence,
        "record": act.record.text,
        "record_sha256": act.record.sha256,
        "receipt": receipt,
        "event": event,
    }
    await act.db.execute(_STORE, {"bid": act.bid.id, **values})


def _status(verdict: Verdict) -> str:
    if verdict.reason == "fingerprints_differ":
        return "draft"
    return "submitted" if verdict.accepted else "refused"


def _out(act: _Act, receipt: dict[str, Any], event: UUID) -> ConsentOut:
    return ConsentOut(
        id=act.bid.id,
        code=act.bid.code,
        status=_status(act.verdict),
        consented_at=act.verdict.instant,
        closes_at=act.verdict.closes_at,
        event_id=event,
        receipt=receipt,
        record=act.record.text,
        record_sha256=act.record.sha256,
    )


def _refusal(verdict: Verdict, out: ConsentOut, differing: str | None) -> Problem:
    """The refusal with its proof: the receipt is the bidder's, whoever was at fault."""
    instant, closes_at = rfc3339(verdict.instant), rfc3339(verdict.closes_at)
    extra = {
        "receipt": out.receipt,
        "event_id": str(out.event_id),
        "instant": instant,
        "closes_at": closes_at,
        "bid": str(out.id),
        "bid_code": out.code,
        "record": out.record,
        "record_sha256": out.record_sha256,
    }
    if verdict.reason == "fingerprints_differ":
        return uploads.fingerprints_differ(str(differing), extra)
    if verdict.disturbed:
        return Conflict(
            "bid_disturbed",
            "Your consent came in time, at {instant}, but the tender was closed already: this is our fault.",
            article=ARTICLE,
            remedy="The helpdesk has been told. Keep the receipt: it proves that you were in time.",
            extra=extra,
            instant=instant,
        )
    return Conflict(
        "bid_late",
        "Your consent came at {instant}, after the deadline of {closes_at}.",
        article=ARTICLE,
        remedy="Keep the receipt: it proves what the server decided and when.",
        extra=extra,
        instant=instant,
        closes_at=closes_at,
    )
