"""The stages of a tender, from its rows."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select

from kit.db import Db
from services.tender.models import Stage
from services.tender.rules.schedule import Span

__all__ = ["span_of", "spans_of", "stages_of"]


async def stages_of(db: Db, tender: UUID) -> Sequence[Stage]:
    query = select(Stage).where(Stage.tender_id == tender).order_by(Stage.no)
    return (await db.execute(query)).scalars().all()


def spans_of(stages: Iterable[Stage]) -> list[Span]:
    return [Span(stage.code, stage.starts_at, stage.ends_at) for stage in stages]


def span_of(stages: Iterable[Stage], code: str) -> Span:
    return next(span for span in spans_of(stages) if span.code == code)
