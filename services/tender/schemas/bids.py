from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from contracts.values import Moment, Rupiah
from services.tender.rules.regime import Step
from services.tender.schemas.values import Answer, Arrived, FileOut, Quantity, Reason, Request

__all__ = ["BidOut", "Consent", "ConsentOut", "NewEvaluation", "NewProof", "Offer", "Qualification"]


class OfferRowIn(Request):
    """A line of the offer; `unit_price` null: included in other prices."""

    no: Annotated[int, Field(ge=1, le=10_000)]
    quantity: Quantity
    unit_price: Rupiah | None = None
    amount: Rupiah | None = None


class Offer(Request):
    """Prices include every tax. What is typed is kept as typed; the arithmetic is corrected at evaluation."""

    validity_days: Annotated[int, Field(ge=1, le=400)]
    rows: Annotated[list[OfferRowIn], Field(max_length=2_000)]
    total: Rupiah

    @field_validator("rows")
    @classmethod
    def _each_once(cls, rows: list[OfferRowIn]) -> list[OfferRowIn]:
        if len({row.no for row in rows}) != len(rows):
            raise PydanticCustomError("line_twice", "a line number stands twice in the offer")
        return rows


class Qualification(Request):
    licence_number: Annotated[str, Field(min_length=1, max_length=100)]
    licence_expires: date | None = None
    tax_year: Annotated[int, Field(ge=2000, le=2100)]
    experience: Annotated[str, Field(max_length=4_000)] = ""


class ConsentedFile(Arrived):
    file: UUID


class Consent(Request):
    files: Annotated[list[ConsentedFile], Field(min_length=1, max_length=50)]
    offer: Offer
    qualification: Qualification
    consent_version: str


class ConsentOut(Answer):
    """`receipt` is a DSSE envelope; `record` the canonical text whose SHA-256 it signs."""

    id: UUID
    code: str
    status: str
    consented_at: Moment
    closes_at: Moment
    event_id: UUID
    receipt: dict[str, Any]
    record: str
    record_sha256: str


class BidDraft(Answer):
    id: UUID
    code: str
    version: int


class BidFileOut(FileOut):
    """A file as the bidder sees it. `grant`: under it documents says once more what arrived (`GET /uploads/{grant_id}`),
    so that a bid can be prepared today and consented to tomorrow.
    """

    grant: UUID


class BidOut(Answer):
    """A bid as its owner sees it."""

    id: UUID
    code: str
    tender: UUID
    tender_code: str
    tender_name: str
    version: int
    status: str
    created_at: Moment
    consented_at: Moment | None
    closes_at: Moment | None
    event_id: UUID | None
    receipt: dict[str, Any] | None
    record: str | None
    record_sha256: str | None
    offered: Rupiah | None
    corrected: Rupiah | None
    files: list[BidFileOut]


class OpenedOffer(Answer):
    validity_days: int
    total: Rupiah


class OpenedBid(Answer):
    """A bid as the committee sees it after the opening; its lines are those of `GET /bids/{id}/correction`."""

    id: UUID
    code: str
    provider: UUID
    name: str
    version: int
    consented_at: Moment
    record_sha256: str
    offer: OpenedOffer
    qualification: Qualification
    files: list[FileOut]


class OpeningOut(Answer):
    tender: UUID
    opened_at: Moment
    manifest_sha256: str
    bids: int


class NewEvaluation(Request):
    step: Step
    passed: bool
    reason: Reason = ""


class NewProof(Request):
    passed: bool
    reason: Reason = ""


class EvaluationOut(Answer):
    bid: UUID
    step: str
    passed: bool
    reason: str
    at: Moment


class CorrectedRowOut(Answer):
    no: int
    offered_quantity: Quantity | None
    offered_unit_price: Rupiah | None
    offered_amount: Rupiah | None
    quantity: Quantity
    unit_price: Rupiah
    amount: Rupiah
    changes: list[str]


class SheetRow(Answer):
    """`changed`: how many lines the correction changed; `GET /bids/{id}/correction` has them."""

    bid: UUID
    code: str
    provider: UUID
    name: str
    offered: Rupiah
    corrected: Rupiah
    within_hps: bool
    rank: int | None
    next_step: str | None
    steps: list[EvaluationOut]
    changed: int


class SheetOut(Answer):
    """The evaluation: what was offered, what counts after correction, who stands where.

    `approvals`: the members who stand behind the candidate as the winner.
    """

    tender: UUID
    hps: Rupiah
    contract_type: str
    order: list[str]
    candidate: UUID | None
    approvals: list[UUID]
    bids: list[SheetRow]


class WinnerApprovalOut(Answer):
    tender: UUID
    bid: UUID
    approvals: int
    members: int
    determined: bool


class AnnouncedWinner(Answer):
    tender: UUID
    bid: UUID
    provider: UUID
    name: str
    price: Rupiah
    announced_at: Moment
    reserves: list[UUID]
