"""What tender tells: packages, stages, bids, openings, decisions. Never a price before it is public, never a content."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.values import Moment, Nonce, Rupiah, Sha256
from kit.envelope import Event

__all__ = [
    "AccessDenied",
    "AccessGranted",
    "AppointmentIssued",
    "BidOpened",
    "BidRefused",
    "BidReplaced",
    "BidSubmitted",
    "DisturbanceSuspected",
    "EvaluationRecorded",
    "ManifestRow",
    "ObjectionAnswered",
    "ObjectionFiled",
    "PackageCreated",
    "QuestionAnswered",
    "QuestionAsked",
    "StageChanged",
    "StageRow",
    "TenderAnnounced",
    "TenderClosed",
    "TenderFailed",
    "TenderOpened",
    "WinnerAnnounced",
    "WinnerDetermined",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackageCreated(Event):
    """A PPK created a package (Pasal 1(10), 5(1)a). Subject: the package."""

    TYPE: ClassVar[str] = "tender.package.created.v1"

    package: UUID
    code: str
    skpd: str
    category: str
    regime: str
    pagu: Rupiah


class StageRow(_Part):
    no: int
    code: str
    starts_at: Moment
    ends_at: Moment


class TenderAnnounced(Event):
    """A Pokja published a tender (Pasal 2(2)a, 16). Subject: the tender."""

    TYPE: ClassVar[str] = "tender.tender.announced.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset(
        {"tender", "code", "skpd", "category", "regime", "pagu", "hps", "closes_at", "stages"}
    )

    tender: UUID
    code: str
    package: UUID
    name: str
    skpd: str
    category: str
    regime: str
    pagu: Rupiah
    hps: Rupiah
    committee: UUID
    stages: list[StageRow]
    closes_at: Moment


class StageChanged(Event):
    """Other stages are active now (Pasal 2(2)e). Subject: the tender."""

    TYPE: ClassVar[str] = "tender.stage.changed.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"tender", "code", "active"})

    tender: UUID
    code: str
    active: list[str]
    closes_at: Moment


class TenderFailed(Event):
    """A tender ended without a winner, on a ground of the law. Subject: the tender."""

    TYPE: ClassVar[str] = "tender.tender.failed.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"tender", "code", "ground"})

    tender: UUID
    code: str
    ground: str


class QuestionAsked(Event):
    """Subject: the question. Its text stays in tender."""

    TYPE: ClassVar[str] = "tender.question.asked.v1"

    question: UUID
    tender: UUID
    provider: UUID


class QuestionAnswered(Event):
    """Subject: the question."""

    TYPE: ClassVar[str] = "tender.question.answered.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"question", "tender"})

    question: UUID
    tender: UUID


class BidSubmitted(Event):
    """A bidder consented in time (Pasal 14(5)). `record_sha256` fixes every file and price row. Subject: the bid."""

    TYPE: ClassVar[str] = "tender.bid.submitted.v1"

    bid: UUID
    code: str
    tender: UUID
    provider: UUID
    version: int
    record_sha256: Sha256
    consented_at: Moment
    closes_at: Moment


class BidReplaced(Event):
    """A later bid of the same provider took this one's place before the deadline. Subject: the bid that gave way."""

    TYPE: ClassVar[str] = "tender.bid.replaced.v1"

    bid: UUID
    by: UUID
    tender: UUID


class BidRefused(Event):
    """A consent came too late. Subject: the bid."""

    TYPE: ClassVar[str] = "tender.bid.refused.v1"

    bid: UUID
    code: str
    tender: UUID
    provider: UUID
    reason: str
    article: str
    record_sha256: Sha256
    instant: Moment
    closes_at: Moment


class DisturbanceSuspected(Event):
    """A consent in time found the tender already closed: a fault of ours, for the helpdesk. Subject: the bid."""

    TYPE: ClassVar[str] = "tender.disturbance.suspected.v1"

    bid: UUID
    tender: UUID
    code: str
    instant: Moment
    closes_at: Moment


class ManifestRow(_Part):
    bid: UUID
    version: int
    record_sha256: Sha256


class TenderClosed(Event):
    """No bid can be added, dropped or exchanged any more: the manifest's hash is public. Subject: the tender.

    The nonce stays private until the opening: without it the hash of an empty list would tell that there is no bid.
    """

    TYPE: ClassVar[str] = "tender.tender.closed.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"tender", "code", "closes_at", "manifest_sha256"})

    tender: UUID
    code: str
    closes_at: Moment
    manifest_sha256: Sha256
    nonce: Nonce
    bids: list[ManifestRow]


class TenderOpened(Event):
    """The Pokja opened the bids after the deadline; list and nonce give the hash of the closing. Subject: the tender."""

    TYPE: ClassVar[str] = "tender.tender.opened.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"tender", "code", "manifest_sha256", "nonce", "bids"})

    tender: UUID
    code: str
    manifest_sha256: Sha256
    nonce: Nonce
    bids: list[ManifestRow]


class BidOpened(Event):
    """Subject: the bid."""

    TYPE: ClassVar[str] = "tender.bid.opened.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"bid", "tender"})

    bid: UUID
    tender: UUID
    provider: UUID


class EvaluationRecorded(Event):
    """One step of one bid's evaluation; the outcome shows with the announcement. Subject: the bid."""

    TYPE: ClassVar[str] = "tender.evaluation.recorded.v1"

    bid: UUID
    tender: UUID
    step: Literal["administrasi", "teknis", "harga", "kualifikasi", "pembuktian"]
    passed: bool


class WinnerDetermined(Event):
    """Subject: the tender."""

    TYPE: ClassVar[str] = "tender.winner.determined.v1"

    tender: UUID
    code: str
    bid: UUID
    provider: UUID
    price: Rupiah


class WinnerAnnounced(Event):
    """The winner is public; named by id, the name is shown from the registry's view. Subject: the tender."""

    TYPE: ClassVar[str] = "tender.winner.announced.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"tender", "code", "bid", "provider", "price"})

    tender: UUID
    code: str
    bid: UUID
    provider: UUID
    price: Rupiah


class ObjectionFiled(Event):
    """A sanggah. Subject: the objection."""

    TYPE: ClassVar[str] = "tender.objection.filed.v1"

    objection: UUID
    tender: UUID
    provider: UUID


class ObjectionAnswered(Event):
    """Subject: the objection."""

    TYPE: ClassVar[str] = "tender.objection.answered.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"objection", "tender", "upheld"})

    objection: UUID
    tender: UUID
    upheld: bool


class AppointmentIssued(Event):
    """The PPK issued the SPPBJ. Subject: the tender."""

    TYPE: ClassVar[str] = "tender.appointment.issued.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"tender", "code", "provider", "price"})

    tender: UUID
    code: str
    provider: UUID
    price: Rupiah


class AccessGranted(Event):
    """An auditor was shown a part of a tender under his mandate (Pasal 6(1)e, 4(2)b). Subject: the access; who it was is the
    actor. `what` was shown: the tender itself, a bid, or a grant for a file; `record` says which.
    """

    TYPE: ClassVar[str] = "tender.access.granted.v1"

    mandate: UUID
    tender: UUID
    what: str
    record: UUID


class AccessDenied(Event):
    """An auditor asked for a part of a tender that he may not see, or not yet (Pasal 6(2)). Subject: the refusal; as the
    access.
    """

    TYPE: ClassVar[str] = "tender.access.denied.v1"

    tender: UUID
    what: str
    record: UUID
    reason: str
