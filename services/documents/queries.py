"""Reads and lists."""

from uuid import UUID

from sqlalchemy import select

from contracts.roles import Role
from kit.auth import Actor
from kit.db import Db
from kit.paging import page
from kit.problems import NotFound
from services.documents.models import Access, Document

__all__ = ["accesses", "document", "upload"]


async def upload(db: Db, grant: UUID, actor: Actor) -> Document:
    found = (await db.execute(select(Document).where(Document.grant == grant))).scalar_one_or_none()
    if found is None or found.account != actor.account:
        raise NotFound("upload under the grant", grant)
    return found


async def document(db: Db, id: UUID) -> Document:
    found = await db.get(Document, id)
    if found is None:
        raise NotFound("document", id)
    return found


async def accesses(
    db: Db, id: UUID, actor: Actor, *, cursor: str | None, limit: int
) -> tuple[list[Access], str | None]:
    found = await document(db, id)
    if found.account != actor.account and not actor.has(Role.AUDITOR):
        raise NotFound("document", id)
    query = select(Access).where(Access.document == id)
    return await page(db, query, (Access.at, Access.id), cursor=cursor, limit=limit)
