"""Bids: to their owner always, to the committee after the opening, to nobody else."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select

from kit.auth import Actor
from kit.clock import real_now
from kit.db import Db
from kit.paging import Page, page
from kit.problems import Conflict, NotFound
from kit.receipts import ReceiptOut, given
from kit.settings import Settings
from services.tender import records
from services.tender.access import committee_tender, one, own_bid
from services.tender.models import Bid, BidFile, Evaluation, Tender, WinnerApproval
from services.tender.queries.standing import Entry, corrected_offer, items_of, names_of, standing, submitted
from services.tender.rules import winner
from services.tender.schemas.bids import (
    BidFileOut,
    BidOut,
    CorrectedRowOut,
    EvaluationOut,
    OpenedBid,
    OpenedOffer,
    SheetOut,
    SheetRow,
)
from services.tender.schemas.values import FileOut

__all__ = ["correction", "evaluation_out", "mine", "opened", "own", "receipt", "require_opened", "sheet", "sheet_of"]

ITEM = TypeVar("ITEM")


async def mine(db: Db, actor: Actor, *, tender: UUID | None, cursor: str | None, limit: int) -> Page[BidOut]:
    query = select(Bid).where(Bid.provider == actor.provider)
    if tender is not None:
        query = query.where(Bid.tender_id == tender)
    rows, more = await page(db, query, [Bid.created_at, Bid.id], cursor=cursor, limit=limit)
    return Page(items=[await _own(db, row) for row in rows], next=more)


async def own(db: Db, id: UUID, actor: Actor) -> BidOut:
    return await _own(db, await own_bid(db, id, actor))


async def receipt(db: Db, settings: Settings, id: UUID, actor: Actor) -> ReceiptOut:
    bid = await own_bid(db, id, actor)
    if bid.receipt is None or bid.event is None or bid.record is None:
        raise Conflict(
            "no_receipt",
            "The bid {bid} is a draft; a receipt comes with the consent.",
            article="Perwali Mojokerto 21/2011 Pasal 14(5)",
            remedy="Finish the bid and send it.",
            bid=bid.code,
        )
    return given(settings, "tender", bid.event, bid.receipt, bid.record, await real_now(db))


async def _own(db: Db, row: Bid) -> BidOut:
    """With the corrected price once the winner is announced: the bidder sees both values (DOMAIN 2.7)."""
    tender = await one(db, Tender, row.tender_id)
    names = BidOut.model_fields.keys() - {"tender", "tender_code", "tender_name", "event_id", "files", "corrected"}
    return BidOut(
        **{name: getattr(row, name) for name in names},
        tender=tender.id,
        tender_code=tender.code,
        tender_name=tender.name,
        event_id=row.event,
        corrected=row.corrected if tender.winner_announced_at else None,
        files=await _places(db, row.id),
    )


async def _places(db: Db, bid: UUID) -> list[BidFileOut]:
    """Every file a grant was given for, whether it came or not."""
    query = select(BidFile).where(BidFile.bid_id == bid).order_by(BidFile.id)
    return [BidFileOut.model_validate(row) for row in (await db.execute(query)).scalars()]


async def files_of(db: Db, bids: Sequence[UUID]) -> dict[UUID, list[FileOut]]:
    """What arrived."""
    query = select(BidFile).where(BidFile.bid_id.in_(bids), BidFile.object.is_not(None)).order_by(BidFile.id)
    found: dict[UUID, list[FileOut]] = {}
    for row in (await db.execute(query)).scalars():
        found.setdefault(row.bid_id, []).append(FileOut.model_validate(row))
    return found


def require_opened(tender: Tender) -> None:
    if tender.opened_at is None:
        raise Conflict(
            "bids_not_opened",
            "The bids of {tender} are not opened; until then nobody but their owners sees them, nor how many there are.",
            article="Perpres 54/2010 Pasal 78",
            remedy="Open them in the stage Pembukaan Dokumen Penawaran.",
            tender=tender.code,
        )


async def opened(db: Db, id: UUID, actor: Actor) -> list[OpenedBid]:
    tender, _ = await committee_tender(db, id, actor, write=False)
    require_opened(tender)
    names, bids = await names_of(db, id), await submitted(db, id)
    files = await files_of(db, [bid.id for bid in bids])
    return [
        OpenedBid(
            id=bid.id,
            code=bid.code,
            provider=bid.provider,
            name=names[bid.provider],
            version=bid.version,
            consented_at=_there(bid.consented_at),
            record_sha256=_there(bid.record_sha256),
            offer=_opened_offer(bid),
            qualification=records.qualification_of(_there(bid.record)),
            files=files.get(bid.id, []),
        )
        for bid in bids
    ]


def _opened_offer(bid: Bid) -> OpenedOffer:
    offer = records.offer_of(_there(bid.record))
    return OpenedOffer(validity_days=offer.validity_days, total=offer.total)


def _there(value: ITEM | None) -> ITEM:
    """A submitted bid has all of these."""
    if value is None:
        raise RuntimeError("a submitted bid without its record")
    return value


async def sheet(db: Db, id: UUID, actor: Actor) -> SheetOut:
    tender, _ = await committee_tender(db, id, actor, write=False)
    require_opened(tender)
    return await sheet_of(db, tender)


async def sheet_of(db: Db, tender: Tender) -> SheetOut:
    """Only of a tender whose bids were opened."""
    now = await standing(db, tender)
    places = {ranked.bid: place for place, ranked in enumerate(now.ranked, 1)}
    first = winner.candidate(now.ranked, now.proven) if now.finished else None
    order = now.template.evaluation
    rows = [_sheet_row(entry, tender, order, places.get(entry.bid.id)) for entry in now.entries]
    return SheetOut(
        tender=tender.id,
        hps=tender.hps,
        contract_type=tender.contract_type,
        order=list(order),
        candidate=first.bid if first else None,
        approvals=await _behind(db, tender.id, first.bid) if first else [],
        bids=sorted(rows, key=lambda row: (row.rank or len(rows) + 1, row.corrected)),
    )


async def _behind(db: Db, tender: UUID, bid: UUID) -> list[UUID]:
    query = select(WinnerApproval.account).where(WinnerApproval.tender_id == tender, WinnerApproval.bid_id == bid)
    return list((await db.execute(query.order_by(WinnerApproval.at, WinnerApproval.account))).scalars())


def _sheet_row(entry: Entry, tender: Tender, order: Sequence[str], place: int | None) -> SheetRow:
    failed = any(not step.passed for step in entry.steps.values())
    missing = next((step for step in order if step not in entry.steps), None)
    return SheetRow(
        bid=entry.bid.id,
        code=entry.bid.code,
        provider=entry.bid.provider,
        name=entry.name,
        offered=entry.correction.offered,
        corrected=entry.correction.total,
        within_hps=0 < entry.correction.total <= tender.hps,
        rank=place,
        next_step=None if failed else missing,
        steps=[evaluation_out(step) for step in sorted(entry.steps.values(), key=lambda step: step.at)],
        changed=sum(bool(row.changes) for row in entry.correction.rows),
    )


async def correction(db: Db, id: UUID, actor: Actor) -> list[CorrectedRowOut]:
    """The lines of one offer as the arithmetic correction leaves them: of all bids together they may be many megabytes."""
    bid, unseen = await one(db, Bid, id), NotFound("bid", id)
    tender, _ = await committee_tender(db, bid.tender_id, actor, write=False, of=unseen)
    if tender.opened_at is None or bid.status != "submitted":
        raise unseen
    corrected = corrected_offer(tender, await items_of(db, tender), bid)
    typed = {row.no: row for row in records.offer_of(_there(bid.record)).rows}
    return [
        CorrectedRowOut(
            no=row.no,
            offered_quantity=typed[row.no].quantity if row.no in typed else None,
            offered_unit_price=typed[row.no].unit_price if row.no in typed else None,
            offered_amount=typed[row.no].amount if row.no in typed else None,
            quantity=row.quantity,
            unit_price=row.unit_price,
            amount=row.amount,
            changes=list(row.changes),
        )
        for row in corrected.rows
    ]


def evaluation_out(row: Evaluation) -> EvaluationOut:
    return EvaluationOut(bid=row.bid_id, step=row.step, passed=row.passed, reason=row.reason, at=row.at)
