"""Closing and opening of the bids (Perpres 54/2010 Pasal 78): what was closed is what is opened."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kit.auth import Actor
from kit.call import Call
from kit.db import Db
from kit.outbox import emit
from kit.problems import Conflict, RuleViolation
from services.tender import events, records
from services.tender.access import committee_tender, require_open
from services.tender.models import Bid, Stage, Tender
from services.tender.queries.standing import least_bidders, submitted
from services.tender.regime_copies import template_of
from services.tender.rules.regime import OPENING, UPLOAD
from services.tender.rules.schedule import require_active
from services.tender.schemas.bids import OpeningOut
from services.tender.stages import spans_of, stages_of
from services.tender.values import ManifestRow

__all__ = ["close", "open_bids", "require_closed"]


async def close(db: Db, tender: Tender, now: datetime) -> None:
    """Once: from here on no bid is added, dropped or exchanged. Waits for consents in flight, which hold the stage."""
    stage = await db.get_one(Stage, (tender.id, UPLOAD), with_for_update=True)
    if stage.closed_at is not None:
        return
    rows = _manifest(await submitted(db, tender.id))
    stage.closed_at = tender.closed_at = now
    tender.manifest_nonce = secrets.token_hex(32)
    tender.manifest, tender.manifest_sha256 = records.manifest(tender.id, rows, tender.manifest_nonce)
    await emit(db, events.tender_closed(tender, rows))


def _manifest(bids: Sequence[Bid]) -> list[ManifestRow]:
    return [ManifestRow(bid.id, bid.version, str(bid.record_sha256)) for bid in bids]


def require_closed(tender: Tender) -> None:
    if tender.closed_at is None:
        raise Conflict(
            "bidding_not_closed",
            "The bids of {tender} are not closed yet; bidding ends at {closes_at}.",
            article="Perpres 54/2010 Pasal 78",
            remedy="Wait for the closing, which comes shortly after the deadline.",
            tender=tender.code,
            closes_at=tender.closes_at.isoformat(),
        )


async def open_bids(call: Call, actor: Actor, id: UUID) -> OpeningOut:
    async with call.transaction() as db:
        tender, now = await committee_tender(db, id, actor)
        require_open(tender)
        template, spans = await template_of(db, tender), spans_of(await stages_of(db, id))
        require_active(spans, OPENING, now, name=template.stage(OPENING).name)
        require_closed(tender)
        if tender.opened_at is not None:
            raise Conflict(
                "opened_already",
                "The bids of {tender} are opened.",
                article="Perpres 54/2010 Pasal 78",
                remedy="Go on with the evaluation.",
                tender=tender.code,
            )
        bids = await submitted(db, id)
        _require_enough(len(bids), await least_bidders(db, tender, template), template.bidders.source)
        rows = _manifest(bids)
        _require_unchanged(tender, rows)
        tender.opened_at, tender.opened_by = now, actor.account
        await emit(db, events.tender_opened(tender, rows))
        for bid in bids:
            await emit(db, events.bid_opened(bid))
        return call.answer(
            OpeningOut(tender=id, opened_at=now, manifest_sha256=str(tender.manifest_sha256), bids=len(bids))
        )


def _require_enough(bids: int, least: int, source: str) -> None:
    if bids < least:
        raise RuleViolation(
            "too_few_bids",
            "Only {bids} bids were submitted; {least} are needed, so they stay closed.",
            article=source,
            remedy="Declare the tender failed: fewer bids came than the law asks for.",
            bids=bids,
            least=least,
        )


def _require_unchanged(tender: Tender, rows: Sequence[ManifestRow]) -> None:
    if records.manifest(tender.id, rows, str(tender.manifest_nonce))[1] != tender.manifest_sha256:
        raise Conflict(
            "manifest_differs",
            "The bids are not those that were there at closing.",
            article="Perpres 54/2010 Pasal 78; Perwali Mojokerto 21/2011 Pasal 10",
            remedy="Tell the LPSE at once: the log holds the hash of the list made at closing.",
        )
