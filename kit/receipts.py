"""Receipts: the signed answer to whoever handed something in (DESIGN section 5), stored in the transaction of the decision.

Who decides signs; that is provisional. It becomes final with the log's entry of the decision, which audit opens to whoever
brings the grant that comes with a receipt, and with a proof of its place (`integrity.receipts.build` puts them together).
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Column, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from integrity import dsse, receipts
from integrity.canonical import canonical
from integrity.entries import rfc3339_ms
from kit.db import Instant
from kit.grants import OpeningGrant
from kit.ids import new_id
from kit.keys import SigningKey
from kit.settings import Settings

__all__ = ["Columns", "ReceiptOut", "Record", "create_table", "given", "record", "sign"]

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Record:
    """What was handed in, word for word, and the hash of it that stands in the event and in the receipt."""

    text: str
    sha256: str


def record(type_: str, **said: Any) -> Record:
    """With a random nonce, so that nobody can guess what was said from its hash."""
    data = canonical({"type": type_, "nonce": secrets.token_hex(32), **said})
    return Record(data.decode(), hashlib.sha256(data).hexdigest())


def sign(
    settings: Settings,
    owner: str,
    of: str,
    *,
    event: UUID,
    subject: UUID,
    code: str,
    at: datetime,
    record_sha256: str,
    files: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> dict[str, Any]:
    """A DSSE envelope over the canonical `receipt/v1`. `at`: by the business clock; `event`: what the log will hold of it."""
    now = datetime.now(UTC)
    said = {
        "type": receipts.TYPE,
        "of": of,
        "host": settings.instance,
        "id": str(event),
        "subject": str(subject),
        "code": code,
        "received_at": rfc3339_ms(at),
        "files": list(files),
        "record_sha256": record_sha256,
        "signed_at": rfc3339_ms(now),
        "status": "provisional",
        **more,
    }
    key = SigningKey.load(settings.keys, owner, "receipt", now)
    return dsse.sign(canonical(said), receipts.PAYLOAD_TYPE, key.private, key.kid)


class Columns:
    """A table of receipts: one for each event that has one."""

    event: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    subject: Mapped[UUID] = mapped_column(Uuid, index=True)
    record: Mapped[str] = mapped_column(Text)
    receipt: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(Instant)
    """By the business clock."""


def create_table() -> None:
    """For the migration of a service that begins to keep them."""
    from alembic import op

    op.create_table(
        "receipt",
        Column("event", Uuid, primary_key=True),
        Column("subject", Uuid, nullable=False, index=True),
        Column("record", Text, nullable=False),
        Column("receipt", JSONB, nullable=False),
        Column("at", Instant, nullable=False),
    )


class ReceiptOut(BaseModel):
    """`receipt` is a DSSE envelope and `record` the canonical text whose SHA-256 it signs. `grant` opens the log's entry of the
    event to its bearer, for ten minutes: `GET /log/1/opening` with the header `Lpse-Grant`.
    """

    event_id: UUID
    receipt: dict[str, Any]
    record: str
    grant: str


def given(settings: Settings, owner: str, event: UUID, receipt: dict[str, Any], text: str, now: datetime) -> ReceiptOut:
    """To whom the receipt belongs. `now`: real time."""
    grant = OpeningGrant(id=new_id(), event=event, owner=owner, expires_at=now + LIFETIME)
    key = SigningKey.load(settings.keys, owner, "grant", now)
    return ReceiptOut(event_id=event, receipt=receipt, record=text, grant=grant.issue(key, now))
