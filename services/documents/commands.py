"""Taking bytes in and giving bytes out, each under a grant of the service that owns the matter."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from kit.auth import Actor
from kit.clock import real_now
from kit.db import Db
from kit.grants import DownloadGrant, Statement, UploadGrant
from kit.ids import new_id
from kit.keys import SigningKey
from kit.limits import Limits
from kit.outbox import emit
from kit.problems import Conflict, Forbidden, Problem, Unauthenticated
from kit.service import Service
from kit.storage import StorageError, StorageUnavailable, Stored
from services.documents import events, queries
from services.documents.models import Access, Attempt, Document
from services.documents.rules import Span

__all__ = ["Incoming", "granted_read", "granted_upload", "open_document", "store"]

MOST_ATTEMPTS = 10
"""Under one grant at a time: a line that breaks is tried again before its end is noticed, but nobody fills the store."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file as its sender declares it."""

    name: str
    media_type: str
    size: int


async def granted_upload(service: Service, token: str, actor: Actor) -> UploadGrant:
    async with service.database.reading() as db:
        grant = UploadGrant.verify(token, service.ring, await real_now(db))
    if grant.account != actor.account:
        raise _not_yours()
    return grant


async def store(service: Service, grant: UploadGrant, file: Incoming, body: AsyncIterator[bytes]) -> Document:
    """Store first, then state: a statement exists only about bytes that the store holds.

    What ends in order without a document leaves nothing; what a crash or an absent store leaves, a job removes.
    """
    attempt = await _begin(service, grant, file.size)
    try:
        stored = await service.store().put_stream(str(attempt), body, size=file.size, content_type=file.media_type)
    except (StorageUnavailable, StorageError):
        raise
    except BaseException:
        await _forget(service, attempt)
        raise
    try:
        async with service.database.transaction() as db:
            return await _state(db, service, grant, attempt, file, stored)
    except (Conflict, IntegrityError) as error:
        await service.store().remove(stored.key, stored.version_id)
        await _forget(service, attempt)
        if isinstance(error, IntegrityError) and "uq_document_grant" in str(error.orig):
            raise _used(grant) from error
        raise


async def _begin(service: Service, grant: UploadGrant, size: int) -> UUID:
    attempt = new_id()
    async with service.database.transaction() as db:
        if (await db.execute(select(Document.id).where(Document.grant == grant.id))).first():
            raise _used(grant)
        await _require_quota(db, grant.account, size, service.settings.limits)
        begun = select(func.count()).where(Attempt.grant == grant.id)
        if (await db.execute(begun)).scalar_one() >= MOST_ATTEMPTS:
            raise Conflict(
                "too_many_attempts",
                "{most} uploads under this grant are under way, or broke off and are not cleared away yet.",
                remedy="Let one of them end, or ask for another grant where you got this one.",
                most=MOST_ATTEMPTS,
            )
        await db.execute(insert(Attempt).values(id=attempt, grant=grant.id, began_at=await real_now(db)))
    return attempt


async def _require_quota(db: Db, account: UUID, size: int, limits: Limits) -> None:
    """Few uploads of an account run at a time (the gateway sees to it), so those under way need no counting."""
    lately = Document.account == account, Document.stored_at > func.clock_timestamp() - timedelta(days=1)
    stored = (await db.execute(select(func.coalesce(func.sum(Document.size), 0)).where(*lately))).scalar_one()
    if int(stored) + size > limits.upload_bytes_per_day:
        raise Problem(
            "upload_quota",
            "This account stored {stored} bytes in 24 hours; {most} are the most, and this file has {size}.",
            remedy="Send only what you hand in, or go on tomorrow; the helpdesk can raise the limit for a large tender.",
            status=429,
            extra={"retry_after": 3600},
            stored=int(stored),
            most=limits.upload_bytes_per_day,
            size=size,
        )


async def _forget(service: Service, attempt: UUID) -> None:
    async with service.database.transaction() as db:
        await db.execute(delete(Attempt).where(Attempt.id == attempt))


async def _state(
    db: Db, service: Service, grant: UploadGrant, attempt: UUID, file: Incoming, stored: Stored
) -> Document:
    """The document, its event and its statement, in the transaction that ends the attempt."""
    ended = await db.execute(delete(Attempt).where(Attempt.id == attempt).returning(Attempt.id))
    if ended.first() is None:
        raise Conflict(
            "upload_too_slow",
            "The upload took longer than a day and was given up.",
            remedy="Send the file again, over a faster line.",
        )
    db.info["actor"] = grant.account
    at = await real_now(db)
    document = _document(grant, attempt, file, stored, at)
    document.statement = _statement(document).issue(_key(service, at), owner=grant.owner)
    db.add(document)
    await emit(db, events.document_stored(document))
    return document


def _document(grant: UploadGrant, id: UUID, file: Incoming, stored: Stored, at: datetime) -> Document:
    return Document(
        id=id,
        sequence=0,
        name=file.name,
        media_type=file.media_type,
        size=stored.size,
        md5=stored.md5,
        sha256=stored.sha256,
        store_key=stored.key,
        store_version=stored.version_id,
        grant=grant.id,
        owner=grant.owner,
        purpose=grant.purpose,
        record=grant.record,
        account=grant.account,
        stored_at=at,
    )


def _statement(document: Document) -> Statement:
    return Statement(
        object=document.id,
        size=document.size,
        md5=document.md5,
        sha256=document.sha256,
        grant=document.grant,
        purpose=document.purpose,
        record=document.record,
        account=document.account,
        at=document.stored_at,
    )


def _key(service: Service, at: datetime) -> SigningKey:
    """Looked for each time, so that a renewed key is used without a restart."""
    return SigningKey.load(service.settings.keys, "documents", "statement", at)


async def granted_read(service: Service, token: str, id: UUID, actor: Actor | None) -> tuple[DownloadGrant, Document]:
    async with service.database.reading() as db:
        grant = DownloadGrant.verify(token, service.ring, await real_now(db))
        if grant.object != id:
            raise Forbidden(
                "grant_for_another_document",
                "This grant is for another document.",
                remedy="Ask for a grant for this document where it is listed.",
            )
        if grant.account is not None and actor is None:
            raise Unauthenticated("login_required", "This document is not public.", remedy="Log in and try again.")
        if grant.account is not None and actor is not None and grant.account != actor.account:
            raise _not_yours()
        return grant, await queries.document(db, id)


async def open_document(
    service: Service, grant: DownloadGrant, document: Document, span: Span, actor: Actor | None
) -> AsyncIterator[bytes]:
    """The bytes asked for. That they are read is recorded before the first of them is given out (Pasal 4(2)b)."""
    async with service.database.transaction() as db:
        db.info["actor"] = actor.account if actor else None
        access = Access(
            sequence=0,
            document=document.id,
            grant=grant.id,
            owner=grant.owner,
            purpose=grant.purpose,
            account=actor.account if actor else None,
            first=span.first,
            length=span.length,
            at=await real_now(db),
        )
        db.add(access)
        await db.flush()
        await emit(db, events.document_accessed(access))
        # Last in the transaction: bytes the store cannot give now were not read.
        return await service.store().open(document.store_key, document.store_version, span.first, span.length)


def _used(grant: UploadGrant) -> Conflict:
    return Conflict(
        "grant_used",
        "A file was already handed in under this grant.",
        remedy=f"Its statement is at GET /api/documents/uploads/{grant.id}; for another file ask for another grant.",
        extra={"upload": f"/api/documents/uploads/{grant.id}"},
    )


def _not_yours() -> Forbidden:
    return Forbidden(
        "grant_of_another",
        "This grant was given to another account.",
        article="Perwali Mojokerto 21/2011 Pasal 14(2)-(3)",
        remedy="Log in with that account, or ask for a grant of your own.",
    )
