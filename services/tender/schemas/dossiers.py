"""The parts of a tender's dossier, for auditors."""

from typing import Any
from uuid import UUID

from contracts.values import Moment
from services.tender.schemas.bids import SheetOut
from services.tender.schemas.objections import ObjectionOut
from services.tender.schemas.tenders import PublicTender, QuestionOut, TenderOut
from services.tender.schemas.values import Answer

__all__ = ["BidPartOut", "DossierBid", "DossierFile", "Facts", "FactsOut"]


class DossierBid(Answer):
    """A bid that was decided on. `event`: the one by which the log has the decision."""

    id: UUID
    code: str
    provider: UUID
    name: str
    version: int
    status: str
    consented_at: Moment
    record_sha256: str
    event: UUID
    opened: bool


class DossierFile(Answer):
    """`of` says of what it is: the tender, a bid, an objection; `owner` of which."""

    id: UUID
    of: str
    owner: UUID
    name: str
    media_type: str
    size: int
    md5: str
    sha256: str


class Facts(Answer):
    """All that tender knows of one tender but the bytes, the records and the receipts. `manifest` is the list of closing, word
    for word; `sheet` the evaluation, null where the bids were never opened.
    """

    type: str
    host: str
    made_at: Moment
    mandate: UUID
    tender: TenderOut
    public: PublicTender
    manifest: str | None
    sheet: SheetOut | None
    questions: list[QuestionOut]
    objections: list[ObjectionOut]
    bids: list[DossierBid]
    files: list[DossierFile]


class FactsOut(Answer):
    """`statement`: a DSSE envelope over the facts as canonical JSON, signed with the key of receipts."""

    statement: dict[str, Any]


class BidPartOut(Answer):
    """`record` is null where the bid was not opened."""

    id: UUID
    code: str
    event_id: UUID
    receipt: dict[str, Any]
    record: str | None
