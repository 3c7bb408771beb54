"""`bid-record/v1`: everything a bidder consented to, as one canonical text whose hash stands in events and receipts.

It holds a random nonce, so that nobody can guess a price from the hash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from integrity.canonical import canonical, parse
from kit import receipts
from kit.grants import Statement
from services.tender.rules.evaluation import OfferRow
from services.tender.schemas.bids import Offer, Qualification
from services.tender.texts import CONSENT
from services.tender.values import BidRow, ManifestRow

__all__ = ["Record", "StatedFile", "build", "manifest", "offer_rows"]

RECORD = "bid-record/v1"
MANIFEST = "closing-manifest/v1"


@dataclass(frozen=True, slots=True)
class StatedFile:
    """A file of a bid with what documents vouched for."""

    id: UUID
    name: str
    statement: Statement

    def as_json(self) -> dict[str, Any]:
        said = self.statement
        return {
            "name": self.name,
            "object": str(said.object),
            "size": said.size,
            "md5": said.md5,
            "sha256": said.sha256,
        }


@dataclass(frozen=True, slots=True)
class Record:
    text: str
    sha256: str
    files: list[dict[str, Any]]


def build(bid: BidRow, files: Sequence[StatedFile], offer: Offer, qualification: Qualification) -> Record:
    listed = [file.as_json() for file in files]
    said = receipts.record(
        RECORD,
        bid=str(bid.id),
        code=bid.code,
        tender=bid.tender_code,
        provider=str(bid.provider),
        version=bid.version,
        files=listed,
        offer=offer.model_dump(mode="json"),
        qualification=qualification.model_dump(mode="json"),
        consent={"version": CONSENT.version, "text_sha256": CONSENT.sha256},
    )
    return Record(said.text, said.sha256, listed)


def offer_of(record: str) -> Offer:
    return Offer.model_validate(parse(record.encode())["offer"])


def qualification_of(record: str) -> Qualification:
    return Qualification.model_validate(parse(record.encode())["qualification"])


def offer_rows(offer: Offer) -> list[OfferRow]:
    return [OfferRow(row.no, row.quantity, row.unit_price, row.amount or Decimal("0.00")) for row in offer.rows]


def manifest(tender: UUID, rows: Sequence[ManifestRow], nonce: str) -> tuple[str, str]:
    """The list that fixes which bids there are at closing, and its hash: public at once, the random nonce with the
    opening, so that until then nobody can compare the hash with that of an empty list.
    """
    bids = [{"bid": str(row.bid), "version": row.version, "record_sha256": row.record_sha256} for row in rows]
    data = canonical({"type": MANIFEST, "nonce": nonce, "tender": str(tender), "bids": bids})
    return data.decode(), hashlib.sha256(data).hexdigest()
