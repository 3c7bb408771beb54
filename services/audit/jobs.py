"""What audit does when time passes: it tells of gaps, and it doubts its own log."""

from datetime import timedelta

import structlog
from opentelemetry.metrics import Counter
from sqlalchemy import func, select, update

from kit.db import Db
from services.audit.models import ParkedEvent, ProducerCursor

__all__ = ["PATIENCE", "alarm_gaps"]

log = structlog.get_logger()

PATIENCE = timedelta(seconds=60)
"""How long an event may wait for one before it: longer than any bus reorders."""


async def alarm_gaps(db: Db, gaps: Counter) -> None:
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
        gaps.add(1, {"source": row.source})
