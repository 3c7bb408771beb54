"""Receipts (INTEGRITY 2.3): a signed answer to every consent, also to one that is refused. No price in it."""

from typing import Any
from uuid import UUID

from contracts.values import rfc3339
from kit import receipts
from kit.service import Service
from services.tender.records import Record
from services.tender.rules.lateness import ARTICLE, Verdict
from services.tender.texts import CONSENT
from services.tender.values import BidRow

__all__ = ["sign"]


def sign(service: Service, bid: BidRow, verdict: Verdict, record: Record, event: UUID) -> dict[str, Any]:
    return receipts.sign(
        service.settings,
        "tender",
        "bid" if verdict.accepted else "rejection",
        event=event,
        subject=bid.id,
        code=bid.code,
        at=verdict.instant,
        record_sha256=record.sha256,
        files=record.files,
        tender=bid.tender_code,
        version=bid.version,
        consent={
            "version": CONSENT.version,
            "text_sha256": CONSENT.sha256,
            "at": rfc3339(verdict.instant),
        },
        decision={
            "reason": verdict.reason,
            "closes_at": rfc3339(verdict.closes_at),
            "article": ARTICLE,
        },
    )
