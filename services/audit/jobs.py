"""What audit does when time passes: it tells of gaps, and it doubts its own log."""

from datetime import timedelta

import structlog
from sqlalchemy import func, select, update

from kit.db import Db
from kit.jobs import Job
from kit.measures import Gauge
from services.audit.models import ParkedEvent, ProducerCursor

__all__ = ["GAPS", "PATIENCE", "alarm_gaps"]

log = structlog.get_logger()

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
