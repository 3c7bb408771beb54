"""`lpse adopt`: after the store of documents was restored from a copy, where every object has another version than before.

Documents are read by the version that the store gave them. What lies there now is taken for a document when its bytes are those
whose fingerprint was stated, and not otherwise.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, update

from cli.installation import Installation
from kit.db import Database
from kit.storage import ObjectStore, Stat
from services.documents.models import Document

__all__ = ["Adopted", "adopt"]


@dataclass(frozen=True)
class Adopted:
    documents: int
    missing: tuple[str, ...]
    """Documents of which nothing fits."""


async def adopt(installation: Installation) -> Adopted:
    """Documents whose version is there stay as they are, so that it may be run again. Everything else is read whole."""
    store = installation.documents()
    try:
        there = defaultdict[str, list[Stat]](list)
        for stat in await store.versions():
            there[stat.key].append(stat)
        async with installation.database("documents") as database:
            async with database.reading() as db:
                documents = (await db.execute(select(Document).order_by(Document.id))).scalars().all()
            return await _adopt(database, store, documents, there)
    finally:
        await store.close()


async def _adopt(
    database: Database, store: ObjectStore, documents: Iterable[Document], there: dict[str, list[Stat]]
) -> Adopted:
    adopted, missing = 0, []
    for document in documents:
        found = there.get(document.store_key, [])
        if any(stat.version_id == document.store_version for stat in found):
            continue
        fits = [stat for stat in found if stat.size == document.size and await _sha256(store, stat) == document.sha256]
        if not fits:
            missing.append(str(document.id))
            continue
        async with database.transaction() as db:
            new = update(Document).where(Document.id == document.id).values(store_version=fits[0].version_id)
            await db.execute(new)
        adopted += 1
    return Adopted(adopted, tuple(missing))


async def _sha256(store: ObjectStore, stat: Stat) -> str:
    digest = hashlib.sha256()
    async for chunk in await store.open(stat.key, stat.version_id or "null"):  # S3's own word for one that has no id
        digest.update(chunk)
    return digest.hexdigest()
