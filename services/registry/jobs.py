"""What the registry does when time passes."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete

from kit.clock import real_now
from kit.db import Db
from kit.jobs import Job, Periodic
from kit.outbox import emit
from services.registry import events
from services.registry.models import Assignment, LoginAttempt, Session

KEPT: Final = timedelta(days=90)
"""How long a user sees his ended sessions."""
PERIODIC: Final = (Periodic("forget_logins", timedelta(hours=1)),)


async def letter_ends(db: Db, job: Job) -> None:
    """The role itself ends by its dates; this tells so (Pasal 9(1)b)."""
    await emit(db, events.user_expired(await db.get_one(Assignment, UUID(job.key))))


async def forget_logins(db: Db, _job: Job) -> None:
    now = await real_now(db)
    await db.execute(delete(LoginAttempt).where(LoginAttempt.at < now - timedelta(hours=1)))
    await db.execute(delete(Session).where(Session.expires_at < now - KEPT))
