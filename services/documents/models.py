"""What documents remembers. The bytes themselves lie in the object store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kit import db

__all__ = ["Access", "Attempt", "Base", "Document"]


class Base(db.Base):
    __abstract__ = True
    metadata = db.service_metadata()


class Attempt(Base):
    """An upload that began. Its id names the object in the store, and becomes the document's when it ends well.

    Whatever stops an upload leaves this row, so that a job can remove what may have been stored under its name.
    """

    __tablename__ = "attempt"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    grant: Mapped[UUID] = mapped_column(Uuid)
    began_at: Mapped[datetime] = mapped_column(db.Instant, index=True)
    """Real time."""


class Document(db.Sequenced, Base):
    """An upload that ended: bytes, where they lie, their fingerprints and the statement about them."""

    __tablename__ = "document"
    __table_args__ = (
        Index("uq_document_grant", "grant", unique=True),
        Index("ix_document_account_stored_at", "account", "stored_at"),
        CheckConstraint("size >= 0", name="size"),
        CheckConstraint("md5 ~ '^[0-9a-f]{32}$' and sha256 ~ '^[0-9a-f]{64}$'", name="fingerprints"),
    )

    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    md5: Mapped[str]
    sha256: Mapped[str]
    store_key: Mapped[str]
    store_version: Mapped[str]
    grant: Mapped[UUID] = mapped_column(Uuid)
    owner: Mapped[str]
    """The service that gave the grant."""
    purpose: Mapped[str]
    record: Mapped[UUID] = mapped_column(Uuid)
    """The owner's row that the document is for."""
    account: Mapped[UUID] = mapped_column(Uuid)
    stored_at: Mapped[datetime] = mapped_column(db.Instant)
    """Real time, as the statement says it."""
    statement: Mapped[str]


class Access(db.Sequenced, Base):
    """Somebody was given a document's bytes; `first` and `last` are the positions of the bytes that were asked for."""

    __tablename__ = "access"
    __table_args__ = (Index("ix_access_document_at_id", "document", "at", "id"),)

    document: Mapped[UUID] = mapped_column(ForeignKey("document.id"))
    grant: Mapped[UUID] = mapped_column(Uuid)
    owner: Mapped[str]
    purpose: Mapped[str]
    account: Mapped[UUID | None] = mapped_column(Uuid)
    first: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(db.Instant)
    """Real time."""
