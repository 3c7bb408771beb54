"""The tables of tender. Views of other services' facts are filled by reactions only."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Computed, ForeignKey, Identity, Index, Numeric, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from kit.db import Base as KitBase
from kit.db import Instant, Money, Sequenced, service_metadata
from kit.ids import new_id

metadata = service_metadata()
Quantity = Numeric(18, 4)


class Base(KitBase):
    __abstract__ = True
    metadata = metadata


class Uploaded:
    """A file that documents keeps for one of our rows: the grant we gave, and what came back under it."""

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    grant: Mapped[UUID] = mapped_column(Uuid, unique=True)
    account: Mapped[UUID] = mapped_column(Uuid)
    name: Mapped[str]
    media_type: Mapped[str]
    object: Mapped[UUID | None] = mapped_column(Uuid)
    size: Mapped[int | None] = mapped_column(BigInteger)
    md5: Mapped[str | None]
    sha256: Mapped[str | None]
    stored_at: Mapped[datetime | None] = mapped_column(Instant)


# What other services told us


class SkpdView(Base):
    __tablename__ = "skpd_view"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    parent: Mapped[str | None]
    sequence: Mapped[int]


class CommitteeView(Base):
    __tablename__ = "committee_view"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str]
    members: Mapped[list[str]]
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_to: Mapped[datetime] = mapped_column(Instant)
    sequence: Mapped[int]


class ProviderView(Base):
    __tablename__ = "provider_view"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    account: Mapped[UUID] = mapped_column(Uuid)
    name: Mapped[str]
    kind: Mapped[str]
    licence_expires: Mapped[date | None]
    sequence: Mapped[int]


class MaintenanceView(Base):
    __tablename__ = "maintenance_view"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    tenders: Mapped[list[str]]
    sequence: Mapped[int]


class MandateView(Base):
    """Which tenders an auditor may read by a surat tugas, and when, in business time."""

    __tablename__ = "mandate_view"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    account: Mapped[UUID] = mapped_column(Uuid, index=True)
    tenders: Mapped[list[str]]
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_to: Mapped[datetime] = mapped_column(Instant)
    sequence: Mapped[int]


# Preparation


class Package(Sequenced, Base):
    """What a PPK wants to buy. `number` gives the code."""

    __tablename__ = "package"

    number: Mapped[int] = mapped_column(BigInteger, Identity(start=10_000_001), unique=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    skpd: Mapped[str] = mapped_column(index=True)
    category: Mapped[str]
    method: Mapped[str]
    regime: Mapped[str]
    year: Mapped[int]
    location: Mapped[str]
    funding: Mapped[str]
    pagu: Mapped[Decimal] = mapped_column(Money)
    rup_code: Mapped[str]
    hps: Mapped[Decimal] = mapped_column(Money)
    ppn_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    committee: Mapped[UUID] = mapped_column(Uuid, index=True)
    created_by: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Instant)
    hps_fixed_at: Mapped[datetime] = mapped_column(Instant)


class HpsRow(Base):
    __tablename__ = "hps_row"

    package_id: Mapped[UUID] = mapped_column(ForeignKey("package.id"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True)
    description: Mapped[str]
    unit: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    unit_price: Mapped[Decimal] = mapped_column(Money)


class RegimeCopy(Base):
    """A regime as it stood when a tender was announced under it; equal copies are one row."""

    __tablename__ = "regime_copy"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    data: Mapped[dict[str, Any]]


class Tender(Sequenced, Base):
    """`status`: draft, running, failed, finished. The instants say what was done; which stages are active is computed.

    Name, category and the like are the package's, repeated here because the public list filters and sorts by them.
    """

    __tablename__ = "tender"

    number: Mapped[int] = mapped_column(BigInteger, Identity(start=10_080_001), unique=True)
    code: Mapped[str] = mapped_column(unique=True)
    package_id: Mapped[UUID] = mapped_column(ForeignKey("package.id"), index=True)
    committee: Mapped[UUID] = mapped_column(Uuid, index=True)
    name: Mapped[str]
    search: Mapped[str] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple', name)", persisted=True), deferred=True
    )
    skpd: Mapped[str]
    category: Mapped[str]
    year: Mapped[int]
    pagu: Mapped[Decimal] = mapped_column(Money)
    hps: Mapped[Decimal] = mapped_column(Money)
    template: Mapped[str]
    contract_type: Mapped[str]
    qualification_requirements: Mapped[list[str]]
    regime_sha256: Mapped[str | None] = mapped_column(ForeignKey("regime_copy.sha256"))
    status: Mapped[str] = mapped_column(default="draft")
    active: Mapped[list[str]] = mapped_column(default=list)
    created_by: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Instant)
    announced_at: Mapped[datetime | None] = mapped_column(Instant)
    closes_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    manifest: Mapped[str | None]
    manifest_sha256: Mapped[str | None]
    manifest_nonce: Mapped[str | None]
    opened_at: Mapped[datetime | None] = mapped_column(Instant)
    opened_by: Mapped[UUID | None] = mapped_column(Uuid)
    winner: Mapped[UUID | None] = mapped_column(Uuid)
    reserves: Mapped[list[str]] = mapped_column(default=list)
    determined_at: Mapped[datetime | None] = mapped_column(Instant)
    winner_announced_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        Index("ix_tender_announced", "announced_at", "id", postgresql_where=text("announced_at is not null")),
        Index("ix_tender_closing", "closes_at", "id", postgresql_where=text("status = 'running'")),
        Index("ix_tender_filter", "category", "year", "skpd", "announced_at", "id"),
        Index("ix_tender_search", "search", postgresql_using="gin"),
    )


class Stage(Base):
    """One stage of a tender. Consents read the bidding stage FOR SHARE; closing and schedule changes FOR UPDATE."""

    __tablename__ = "stage"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    no: Mapped[int]
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    changes: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class TenderDocument(Uploaded, Base):
    __tablename__ = "tender_document"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), index=True)


class Approval(Base):
    """A member's acceptance of the pakta integritas for one tender."""

    __tablename__ = "approval"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), primary_key=True)
    account: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    pact_version: Mapped[str]
    at: Mapped[datetime] = mapped_column(Instant)


# Bidding


class Participation(Base):
    """A provider joined a tender. Its row is locked while a bid of this provider takes the place of another."""

    __tablename__ = "participation"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), primary_key=True)
    provider: Mapped[UUID] = mapped_column(Uuid, primary_key=True, index=True)
    account: Mapped[UUID] = mapped_column(Uuid)
    name: Mapped[str]
    at: Mapped[datetime] = mapped_column(Instant)


class Question(Sequenced, Base):
    __tablename__ = "question"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), index=True)
    provider: Mapped[UUID] = mapped_column(Uuid)
    chapter: Mapped[str]
    text: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(Instant)
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answered_by: Mapped[UUID | None] = mapped_column(Uuid)


class Bid(Sequenced, Base):
    """`status`: draft, submitted, replaced, refused. `record` is the canonical `bid-record/v1`: all that was consented to."""

    __tablename__ = "bid"

    code: Mapped[str] = mapped_column(unique=True)
    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"))
    provider: Mapped[UUID] = mapped_column(Uuid)
    account: Mapped[UUID] = mapped_column(Uuid)
    version: Mapped[int]
    status: Mapped[str] = mapped_column(default="draft")
    created_at: Mapped[datetime] = mapped_column(Instant)
    consented_at: Mapped[datetime | None] = mapped_column(Instant)
    closes_at: Mapped[datetime | None] = mapped_column(Instant)
    record: Mapped[str | None]
    record_sha256: Mapped[str | None]
    event: Mapped[UUID | None] = mapped_column(Uuid)
    receipt: Mapped[dict[str, Any] | None]
    offered: Mapped[Decimal | None] = mapped_column(Money)
    corrected: Mapped[Decimal | None] = mapped_column(Money)

    __table_args__ = (
        UniqueConstraint("tender_id", "provider", "version"),
        Index(
            "uq_bid_one_submitted", "tender_id", "provider", unique=True, postgresql_where=text("status = 'submitted'")
        ),
        Index("ix_bid_provider", "provider", "created_at", "id"),
    )


class BidFile(Uploaded, Base):
    __tablename__ = "bid_file"

    bid_id: Mapped[UUID] = mapped_column(ForeignKey("bid.id"), index=True)


# Decisions


class Evaluation(Base):
    """One step of one bid, written once. `pembuktian` stands here too."""

    __tablename__ = "evaluation"

    bid_id: Mapped[UUID] = mapped_column(ForeignKey("bid.id"), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    passed: Mapped[bool]
    reason: Mapped[str]
    by: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(Instant)


class WinnerApproval(Base):
    __tablename__ = "winner_approval"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), primary_key=True)
    account: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    bid_id: Mapped[UUID] = mapped_column(ForeignKey("bid.id"))
    at: Mapped[datetime] = mapped_column(Instant)


class Objection(Sequenced, Base):
    __tablename__ = "objection"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), index=True)
    provider: Mapped[UUID] = mapped_column(Uuid)
    account: Mapped[UUID] = mapped_column(Uuid)
    text: Mapped[str]
    filed_at: Mapped[datetime] = mapped_column(Instant)
    answer: Mapped[str | None]
    upheld: Mapped[bool | None]
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answered_by: Mapped[UUID | None] = mapped_column(Uuid)

    __table_args__ = (UniqueConstraint("tender_id", "provider"),)


class ObjectionDocument(Uploaded, Base):
    __tablename__ = "objection_document"

    objection_id: Mapped[UUID] = mapped_column(ForeignKey("objection.id"), index=True)


class Failure(Base):
    """Why a tender ended without a winner (Pasal 83) and what follows (Pasal 84)."""

    __tablename__ = "failure"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), primary_key=True)
    ground: Mapped[str]
    evidence: Mapped[str]
    next_action: Mapped[str]
    by: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(Instant)


class Appointment(Base):
    """The SPPBJ."""

    __tablename__ = "appointment"

    tender_id: Mapped[UUID] = mapped_column(ForeignKey("tender.id"), primary_key=True)
    bid_id: Mapped[UUID] = mapped_column(ForeignKey("bid.id"))
    number: Mapped[str] = mapped_column(unique=True)
    price: Mapped[Decimal] = mapped_column(Money)
    by: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(Instant)
