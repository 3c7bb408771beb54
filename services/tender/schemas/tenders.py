from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.values import Moment, Rupiah
from services.tender.rules.evaluation import ContractType
from services.tender.schemas.packages import HpsRowOut
from services.tender.schemas.values import Answer, FileOut, Name, Planned, Request, Text

__all__ = ["FiguresOut", "NewTender", "PublicTender", "TenderOut", "TenderRow"]


class NewStage(Request):
    code: str
    starts_at: Planned
    ends_at: Planned


class NewTender(Request):
    package: UUID
    template: str = "T1"
    stages: Annotated[list[NewStage], Field(max_length=100)]
    contract_type: ContractType = "harga_satuan"
    qualification_requirements: Annotated[list[Text], Field(max_length=100, default_factory=list)]


class StageOut(Answer):
    no: int
    code: str
    name: str
    name_en: str
    starts_at: Moment
    ends_at: Moment
    changes: int
    active: bool


class NewApproval(Request):
    pact_version: str


class TenderOut(Answer):
    """A tender as its committee and its participants see it."""

    id: UUID
    code: str
    package: UUID
    name: str
    status: str
    template: str
    contract_type: str
    category: str
    skpd: str
    year: int
    pagu: Rupiah
    hps: Rupiah
    closes_at: Moment
    announced_at: Moment | None
    closed_at: Moment | None
    opened_at: Moment | None
    determined_at: Moment | None
    winner_announced_at: Moment | None
    qualification_requirements: list[str]
    evaluation_order: list[str]
    stages: list[StageOut]
    active: list[str]
    hps_rows: list[HpsRowOut]
    documents: list[FileOut]
    approvals: list[UUID]
    members: int
    relation: Literal["committee", "buyer", "participant"] | None = None
    """What who reads it is to this tender."""
    joined_at: Moment | None = None
    """When the reader's own firm joined."""


class TenderRow(Answer):
    """A line of the public list."""

    id: UUID
    code: str
    name: str
    skpd: str
    skpd_name: str
    category: str
    year: int
    hps: Rupiah
    closes_at: Moment
    status: str
    stage: str | None
    stage_name: str | None
    more_stages: bool
    begins_at: Moment
    """When the first of its stages does."""


class FigureOut(Answer):
    tenders: int
    hps: Rupiah


class MonthOut(FigureOut):
    month: int


class StatusOut(FigureOut):
    status: str


class FiguresOut(Answer):
    """The tenders announced in a year, all twelve months of it."""

    year: int
    months: list[MonthOut]
    statuses: list[StatusOut]
    total: FigureOut


class ParticipantOut(Answer):
    name: str
    offered: Rupiah | None = None
    corrected: Rupiah | None = None


class StepOut(Answer):
    step: str
    passed: bool
    reason: str


class ResultOut(Answer):
    """How one bid fared, as it is announced with the winner."""

    name: str
    offered: Rupiah
    corrected: Rupiah | None
    steps: list[StepOut]
    winner: bool


class WinnerOut(Answer):
    name: str
    price: Rupiah
    announced_at: Moment
    reserves: list[str]


class AnsweredQuestion(Answer):
    """A question without its asker."""

    chapter: str
    text: str
    asked_at: Moment
    answer: str | None
    answered_at: Moment | None


class ObjectionsOut(Answer):
    filed: int
    answered: int
    upheld: int


class MaintenanceOut(Answer):
    starts_at: Moment
    ends_at: Moment


class FailureOut(Answer):
    ground: str
    name: str
    name_en: str
    next_action: str
    source: str
    at: Moment


class AppointmentOut(Answer):
    number: str
    name: str
    price: Rupiah
    at: Moment


class PublicTender(Answer):
    """SPSE's public page of a tender, tab by tab."""

    id: UUID
    code: str
    name: str
    status: str
    rup_code: str
    funding: str
    announced_at: Moment
    skpd: str
    skpd_name: str
    category: str
    category_name: str
    method: str
    method_name: str
    template: str
    template_name: str
    regime: str
    regime_sha256: str
    year: int
    pagu: Rupiah
    hps: Rupiah
    contract_type: str
    location: str
    qualification_requirements: list[str]
    evaluation_order: list[str]
    closes_at: Moment
    participant_count: int
    stages: list[StageOut]
    active: list[str]
    documents: list[FileOut]
    quantities: list[HpsRowOut]
    questions: list[AnsweredQuestion]
    maintenance: list[MaintenanceOut]
    manifest_sha256: str | None
    participants: list[ParticipantOut]
    results: list[ResultOut]
    winner: WinnerOut | None
    objections: ObjectionsOut
    appointment: AppointmentOut | None
    failure: FailureOut | None


class NewQuestion(Request):
    chapter: Name
    text: Text


class NewAnswer(Request):
    text: Text


class QuestionOut(Answer):
    id: UUID
    chapter: str
    text: str
    asked_at: Moment
    answer: str | None
    answered_at: Moment | None
    mine: bool = False


class InboxItem(Answer):
    """News for a firm. `own`: about its own question, objection or bid; `until` where it lasts."""

    key: str
    kind: str
    at: Moment
    until: Moment | None
    tender: UUID
    code: str
    name: str
    stage: str | None
    bid: UUID | None
    own: bool


class ParticipationOut(Answer):
    tender: UUID
    provider: UUID
    at: Moment


class TextOut(Answer):
    version: str
    text: str
    sha256: str


class NewFailure(Request):
    ground: Annotated[str, Field(max_length=10)]
    evidence: Annotated[str, Field(max_length=10_000)] = ""
    next_action: Literal["evaluasi_ulang", "penyampaian_ulang", "pelelangan_ulang", "penghentian"] | None = None


class NewAppointment(Request):
    number: Annotated[str, Field(min_length=1, max_length=100)]
