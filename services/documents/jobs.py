"""What documents does when time passes."""

from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select

from kit.db import Db
from kit.storage import ObjectMissing, ObjectStore
from services.documents.models import Attempt

__all__ = ["GRACE", "remove_orphans"]

log = structlog.get_logger()

GRACE = timedelta(days=1)
"""Longer than any upload takes; one that takes longer is refused at its end."""
AT_ONCE = 500


async def remove_orphans(db: Db, store: ObjectStore) -> None:
    """Remove what uploads left that never ended: stored, perhaps, but vouched for by nobody."""
    old = select(Attempt).where(Attempt.began_at < func.clock_timestamp() - GRACE).order_by(Attempt.began_at)
    for attempt in (await db.execute(old.limit(AT_ONCE).with_for_update(skip_locked=True))).scalars().all():
        if await _remove(store, str(attempt.id)):
            log.info("removed the object of an upload that never ended", object=str(attempt.id))
        await db.execute(delete(Attempt).where(Attempt.id == attempt.id))


async def _remove(store: ObjectStore, key: str) -> bool:
    try:
        stat = await store.stat(key)
    except ObjectMissing:
        return False
    await store.remove(key, stat.version_id or "null")  # S3's own word for a version that has no id
    return True
