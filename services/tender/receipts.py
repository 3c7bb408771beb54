"""Receipts (INTEGRITY 2.3): a signed answer to every consent, also to one that is refused."""

from typing import Any
from uuid import UUID

from contracts.values import rfc3339
from integrity import dsse
from integrity.canonical import canonical
from kit.keys import SigningKey
from kit.service import Service
from services.tender.records import Record
from services.tender.rules.lateness import ARTICLE, Verdict
from services.tender.texts import CONSENT
from services.tender.values import BidRow

__all__ = ["PAYLOAD_TYPE", "sign"]

PAYLOAD_TYPE = "application/vnd.lpse.receipt+json"


def sign(service: Service, bid: BidRow, verdict: Verdict, record: Record, event: UUID) -> dict[str, Any]:
    """A DSSE envelope over the canonical `receipt/v1`. Provisional: the log's index is not known yet. No price."""
    payload = {
        "type": "receipt/v1",
        "of": "bid" if verdict.accepted else "rejection",
        "host": service.settings.instance,
        "id": str(event),
        "subject": str(bid.id),
        "code": bid.code,
        "tender": bid.tender_code,
        "version": bid.version,
        "received_at": rfc3339(verdict.instant),
        "files": record.files,
        "record_sha256": record.sha256,
        "consent": {
            "version": CONSENT.version,
            "text_sha256": CONSENT.sha256,
            "at": rfc3339(verdict.instant),
        },
        "decision": {
            "reason": verdict.reason,
            "closes_at": rfc3339(verdict.closes_at),
            "article": ARTICLE,
        },
        "status": "provisional",
    }
    key = SigningKey.load(service.settings.keys, "tender", "receipt")
    return dsse.sign(canonical(payload), PAYLOAD_TYPE, key.private, key.kid)
