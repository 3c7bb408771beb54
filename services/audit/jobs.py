"""What audit tells as time passes: operators of gaps, of a log that was altered, and of one that nobody sees; auditors of the end
of a mandate.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import func, select, update

from kit.db import Db
from kit.jobs import Job
from kit.measures import Gauge
from kit.outbox import emit
from services.audit import events
from services.audit.models import Checkpoint, Finding, Mandate, ParkedEvent, ProducerCursor, Published, Witnessed

__all__ = ["EXPIRY", "FINDINGS", "GAPS", "PATIENCE", "UNPUBLISHED", "UNSEEN", "alarm_gaps", "expire_mandate"]

log = structlog.get_logger()

EXPIRY: Final = "expire_mandate"
PATIENCE = timedelta(seconds=60)
"""How long an event may wait for one before it: longer than any bus reorders."""

GAPS = Gauge(
    "lpse.audit.gaps",
    select(ProducerCursor.source, func.count(ParkedEvent.alarmed_at).label("value"))
    .outerjoin(ParkedEvent, ParkedEvent.source == ProducerCursor.source)
    .group_by(ProducerCursor.source),
    unit="{event}",
)
"""Of every source, how many of its events have waited too long and wait still."""
FINDINGS = Gauge("lpse.audit.findings", select(func.count().label("value")).select_from(Finding), unit="{finding}")
"""Places of the log that are not as they were published."""

_NEWEST = select(func.coalesce(func.max(Published.size), 0)).scalar_subquery()
_OLDEST = select(Checkpoint.at).where(Checkpoint.size > _NEWEST).order_by(Checkpoint.size).limit(1).scalar_subquery()
_WAITS = select(func.coalesce(func.extract("epoch", func.clock_timestamp() - _OLDEST), 0).label("value"))
UNPUBLISHED = Gauge("lpse.audit.unpublished", _WAITS, unit="s")
"""For how long there has been a signed checkpoint that nobody can read."""

_AGE = func.extract("epoch", func.clock_timestamp() - Witnessed.at).label("value")
UNSEEN = Gauge("lpse.audit.unseen", select(Witnessed.witness, _AGE), unit="s")
"""How long ago each witness of the policy last saw the log."""


async def alarm_gaps(db: Db, _job: Job) -> None:
    """Tell once of each event that has waited too long: one of its source was lost, held back or rewritten."""
    late = (
        update(ParkedEvent)
        .where(ParkedEvent.alarmed_at.is_(None), ParkedEvent.parked_at < func.clock_timestamp() - PATIENCE)
        .values(alarmed_at=func.clock_timestamp())
        .returning(ParkedEvent.source, ParkedEvent.seq)
    )
    for row in (await db.execute(late)).all():
        have = await db.scalar(select(ProducerCursor.last_seq).where(ProducerCursor.source == row.source))
        log.critical("gap in the chain of events", source=row.source, waiting=row.seq, recorded_up_to=have)


async def expire_mandate(db: Db, job: Job) -> None:
    """Planned for the end that its letter names; one that was ended before has no such job any more."""
    row = await db.get_one(Mandate, UUID(job.key), with_for_update=True)
    await emit(db, events.access_expired(row))
