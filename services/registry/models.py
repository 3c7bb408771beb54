"""The tables of the registry."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

import kit.db
from kit import receipts
from kit.db import Instant, Sequenced, service_metadata
from kit.ids import new_id

__all__ = [
    "Account",
    "Assignment",
    "Base",
    "Committee",
    "CommitteeMember",
    "Credential",
    "LoginAttempt",
    "Paper",
    "Provider",
    "Receipt",
    "Session",
    "Skpd",
    "Verification",
]

NOW = text("clock_timestamp()")
BUSINESS_NOW = text("business_now()")


class Base(kit.db.Base):
    __abstract__ = True
    metadata = service_metadata()


class Skpd(Sequenced, Base):
    """A work unit of the city; `parent` is the code of the unit above it."""

    __tablename__ = "skpd"

    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    parent: Mapped[str | None] = mapped_column(ForeignKey("skpd.code"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Account(Base):
    """Who acts (Pasal 1(17)-(18)). `user_id` and `email` are kept in small letters. A `nip` stands for one person."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text, index=True)
    nip: Mapped[str | None] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=NOW)


class Credential(Base):
    """How an account proves itself. `totp_secret` is there for officials; `totp_step` is the last step that was used."""

    __tablename__ = "credential"

    account: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(Text)
    totp_secret: Mapped[str | None] = mapped_column(Text)
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)


class Session(Base):
    """A session, open or over; its secret is known to the client alone. All times are of the real clock."""

    __tablename__ = "session"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    account: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    place: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    """Where it was opened (services/registry/origin.py): that place is known from then on."""


class LoginAttempt(Base):
    """An attempt that is under way or failed. Its user id need not exist and may be a mistyped password: only a hash."""

    __tablename__ = "login_attempt"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    place: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    known: Mapped[bool]
    """Whether somebody had logged in from there before."""
    at: Mapped[datetime] = mapped_column(Instant, server_default=NOW, index=True)

    __table_args__ = (Index("ix_login_attempt_user_id_sha256_at", "user_id_sha256", "at"),)


class Assignment(Sequenced, Base):
    """A letter that gives an account a role for a time of the business clock (Pasal 9(1)b)."""

    __tablename__ = "assignment"

    account: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[str] = mapped_column(Text)
    skpd: Mapped[str | None] = mapped_column(ForeignKey("skpd.code"))
    letter_number: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_to: Mapped[datetime] = mapped_column(Instant)
    registered_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    registered_at: Mapped[datetime] = mapped_column(Instant, server_default=BUSINESS_NOW)


class Committee(Sequenced, Base):
    """A Pokja by decree (Pasal 1(13)-(14))."""

    __tablename__ = "committee"

    name: Mapped[str] = mapped_column(Text)
    decree_number: Mapped[str] = mapped_column(Text, unique=True)
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_to: Mapped[datetime] = mapped_column(Instant)


class CommitteeMember(Base):
    __tablename__ = "committee_member"

    committee: Mapped[UUID] = mapped_column(ForeignKey("committee.id"), primary_key=True)
    account: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True, index=True)


class Provider(Sequenced, Base):
    """A provider and how far its registration went: draft, submitted, verified, rejected (Pasal 9(1)a, 9(2))."""

    __tablename__ = "provider"

    account: Mapped[UUID] = mapped_column(ForeignKey("account.id"), unique=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    npwp: Mapped[str] = mapped_column(Text)
    """As it was typed; `npwp16` is what is compared."""
    npwp16: Mapped[str] = mapped_column(Text, index=True)
    email: Mapped[str] = mapped_column(Text, index=True)
    address: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text)
    responsible_name: Mapped[str] = mapped_column(Text)
    amended_deed: Mapped[bool]
    branch: Mapped[bool]
    status: Mapped[str] = mapped_column(Text, default="draft")
    submitted_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (Index("ix_provider_queue", "submitted_at", "id", postgresql_where=text("status = 'submitted'")),)


class Paper(Base):
    """A paper of a provider; the newest uploaded one of a kind counts. `grant` is the upload grant that was given out."""

    __tablename__ = "paper"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    provider: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(Text)
    issued_on: Mapped[date]
    expires_on: Mapped[date | None]
    grant: Mapped[UUID] = mapped_column(Uuid, unique=True)
    object: Mapped[UUID | None] = mapped_column(Uuid)
    size: Mapped[int | None] = mapped_column(BigInteger)
    md5: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(Text)
    uploaded_at: Mapped[datetime | None] = mapped_column(Instant)


class Receipt(receipts.Columns, Base):
    """What a provider was answered to its papers: that they came, or why they were refused. Its subject is the provider."""

    __tablename__ = "receipt"


class Verification(Base):
    """One decision of a verifier: who, when, where, and what was missing (Pasal 9(2)). Never changed."""

    __tablename__ = "verification"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    provider: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), index=True)
    outcome: Mapped[str] = mapped_column(Text)
    verifier: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime] = mapped_column(Instant, server_default=BUSINESS_NOW)
    place: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    originals: Mapped[list[str]]
    deficiencies: Mapped[list[str]]
    resolved_duplicates: Mapped[list[str]]
