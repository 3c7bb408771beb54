"""Every document has its bytes in the store, and the store holds nothing that nobody knows."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from cli.installation import Installation
from cli.invariants.flow import Flow
from kit.clock import real_now
from kit.storage import ObjectMissing, ObjectStore
from services.documents.jobs import GRACE
from services.documents.models import Attempt, Document

__all__ = ["breaches"]

Version = tuple[str, str | None]

READ = 200
"""Documents whose bytes are read and fingerprinted anew; of more, so many by lot."""
SLACK = timedelta(days=1)
"""For the job that removes what attempts left: it runs once in a while."""


async def breaches(installation: Installation, _flow: Flow) -> list[str]:
    """The store is listed first: what it holds then has its row before its bytes, and keeps it longer."""
    store = installation.documents()
    try:
        there = {(stat.key, stat.version_id): stat.size for stat in await store.versions()}
        async with installation.reading("documents") as db:
            attempts = (await db.execute(select(Attempt))).scalars().all()
            documents = (await db.execute(select(Document))).scalars().all()
            late = await real_now(db) - GRACE - SLACK
        found = [f"the remains of the attempt {one.id} were not removed" for one in attempts if one.began_at < late]
        found += _orphans(there, {str(one.id) for one in attempts}, documents)
        return found + await _missing(store, there, documents) + await _altered(store, documents)
    finally:
        await store.close()


def _orphans(there: dict[Version, int], attempts: set[str], documents: Sequence[Document]) -> list[str]:
    """An attempt's object waits for the job that removes it."""
    known = {(document.store_key, document.store_version) for document in documents}
    return [
        f"the store holds the object {key} (version {version}), which belongs to no document and no attempt"
        for key, version in there
        if (key, version) not in known and key not in attempts
    ]


async def _missing(store: ObjectStore, there: dict[Version, int], documents: Sequence[Document]) -> list[str]:
    found = []
    for document in documents:
        place = (document.store_key, document.store_version)
        size = there[place] if place in there else await _size(store, document)
        if size is None:
            found.append(f"the store has lost the document {document.id}")
        elif size != document.size:
            found.append(f"the document {document.id} has {size} bytes in the store, and {document.size} were stated")
    return found


async def _size(store: ObjectStore, document: Document) -> int | None:
    """Of one that was stored after the listing."""
    try:
        return (await store.stat(document.store_key, document.store_version)).size
    except ObjectMissing:
        return None


async def _altered(store: ObjectStore, documents: Sequence[Document]) -> list[str]:
    chosen = secrets.SystemRandom().sample(documents, min(READ, len(documents)))
    return [
        f"the bytes of the document {document.id} are not those whose fingerprint was stated"
        for document in chosen
        if await _sha256(store, document) not in {document.sha256, None}
    ]


async def _sha256(store: ObjectStore, document: Document) -> str | None:
    """None when it is gone, which has been told."""
    digest = hashlib.sha256()
    try:
        async for chunk in await store.open(document.store_key, document.store_version):
            digest.update(chunk)
    except ObjectMissing:
        return None
    return digest.hexdigest()
