"""What audit remembers: how far each source's chain came, the log itself, who saw it, and what its commitments hide."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from kit import db

__all__ = [
    "Base",
    "Checkpoint",
    "Cosignature",
    "EntrySecret",
    "Finding",
    "Imported",
    "LogEntry",
    "LogNode",
    "Mandate",
    "ParkedEvent",
    "PendingEntry",
    "ProducerCursor",
    "Published",
    "TenderView",
    "Witnessed",
]

REAL_NOW = text("clock_timestamp()")


class Base(db.Base):
    __abstract__ = True
    metadata = db.service_metadata()


class ProducerCursor(Base):
    """The last event of a source that continued its chain."""

    __tablename__ = "producer_cursor"

    source: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    last_digest: Mapped[str]


class ParkedEvent(Base):
    """An event that came before one it follows. `envelope` is as it travelled."""

    __tablename__ = "parked_event"
    __table_args__ = (Index("ix_parked_event_source_seq", "source", "seq"),)

    event_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    source: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes]
    parked_at: Mapped[datetime] = mapped_column(db.Instant, server_default=REAL_NOW)
    alarmed_at: Mapped[datetime | None] = mapped_column(db.Instant)


class PendingEntry(Base):
    """An entry that has no index yet."""

    __tablename__ = "log_pending"
    __table_args__ = (Index("ix_log_pending_enqueued_at_event_id", "enqueued_at", "event_id"),)

    event_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    entry: Mapped[bytes]
    blind: Mapped[bool]
    source: Mapped[str | None]
    """Whose event it is; None of the first release's."""
    at: Mapped[datetime] = mapped_column(db.Instant)
    """The event's own time, by the business clock."""
    enqueued_at: Mapped[datetime] = mapped_column(db.Instant, server_default=REAL_NOW)


class EntrySecret(Base):
    """What opens the commitment of an entry; `opening` is canonical JSON. `place_r` and `seq` open the place it hides,
    for auditors alone. Dummies of the padding have theirs too.
    """

    __tablename__ = "entry_secret"
    __table_args__ = (
        CheckConstraint("octet_length(r) = 32", name="r"),
        CheckConstraint("octet_length(place_r) = 32", name="place_r"),
        Index("ix_entry_secret_tender", "tender", postgresql_where=text("tender is not null")),
    )

    event_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    r: Mapped[bytes]
    opening: Mapped[bytes]
    place_r: Mapped[bytes]
    seq: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[UUID | None] = mapped_column(Uuid)
    tender: Mapped[UUID | None] = mapped_column(Uuid)
    """Which tender the event says it is about: whose mandate names it may open the entry."""


class LogEntry(Base):
    """A leaf. Never changed and never deleted: a trigger sees to it."""

    __tablename__ = "log_entry"
    __table_args__ = (CheckConstraint("octet_length(leaf_hash) = 32", name="leaf_hash"),)

    idx: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID | None] = mapped_column(Uuid, unique=True)
    """None while it is `Imported` and nobody has sent its event again."""
    leaf_hash: Mapped[bytes]
    entry: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(db.Instant, server_default=REAL_NOW)
    """Real time."""


class LogNode(Base):
    """The root of a complete subtree of two leaves or more. It can be computed again from the leaves."""

    __tablename__ = "log_node"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    idx: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class Checkpoint(Base):
    """The whole tree in one hash, after each batch. Never changed and never deleted: a trigger sees to it."""

    __tablename__ = "log_checkpoint"
    __table_args__ = (CheckConstraint("octet_length(root) = 32", name="root"),)

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    note: Mapped[str | None]
    """Signed (C2SP tlog-checkpoint); None of the first release's."""
    blind: Mapped[int | None]
    """How many entries of its batch hide what they are."""
    at: Mapped[datetime] = mapped_column(db.Instant, server_default=REAL_NOW)
    """Real time."""


class Published(Base):
    """A checkpoint whose files everybody can read. `seen`: enough witnesses signed it."""

    __tablename__ = "log_published"
    __table_args__ = (Index("ix_log_published_seen", "size", postgresql_where=text("seen")),)

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(db.Instant, server_default=REAL_NOW)
    """Real time."""
    seen: Mapped[bool] = mapped_column(server_default=text("false"))


class Witnessed(Base):
    """How much of the log each witness of the policy has seen, and when it last said so. A new one begins with nothing, now."""

    __tablename__ = "log_witnessed"

    witness: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    at: Mapped[datetime] = mapped_column(db.Instant, server_default=REAL_NOW)
    """Real time, of our database."""


class Cosignature(Base):
    """A witness's newest signature of a checkpoint."""

    __tablename__ = "log_cosignature"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(primary_key=True)
    """Its name in the policy."""
    line: Mapped[str]
    at: Mapped[datetime] = mapped_column(db.Instant)
    """By the witness's own clock."""


class Imported(Base):
    """An entry that was published and that this database had lost, until its event is sent again. `commitment` is what it
    commits to: the same event gives the same.
    """

    __tablename__ = "log_imported"

    commitment: Mapped[bytes] = mapped_column(primary_key=True)
    idx: Mapped[int] = mapped_column(BigInteger, unique=True)


class Finding(Base):
    """A place of the log that is not as it was published. Told once."""

    __tablename__ = "log_finding"

    idx: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    what: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(db.Instant, server_default=REAL_NOW)
    """Real time."""


class TenderView(Base):
    """What the events say of a tender: its public code, and whether its bids are secret still."""

    __tablename__ = "tender_view"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    sealed: Mapped[bool] = mapped_column(server_default=text("true"))


class Mandate(db.Sequenced, Base):
    """What an auditor may read by a surat tugas: tenders by their public codes, in business time. One that was ended early is
    valid up to then.
    """

    __tablename__ = "mandate"

    account: Mapped[UUID] = mapped_column(Uuid, index=True)
    number: Mapped[str]
    tenders: Mapped[list[str]]
    valid_from: Mapped[datetime] = mapped_column(db.Instant)
    valid_to: Mapped[datetime] = mapped_column(db.Instant)
    granted_by: Mapped[UUID] = mapped_column(Uuid)
    granted_at: Mapped[datetime] = mapped_column(db.Instant)
    ended_by: Mapped[UUID | None] = mapped_column(Uuid)
