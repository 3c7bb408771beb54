"""What a service keeps of others' events is what those events give when they are applied again from nothing."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, select, text

from cli.installation import Installation
from cli.invariants.flow import Flow
from cli.wiring import reactions
from kit.db import Base, Db
from kit.envelope import Envelope
from kit.inbox import Reaction, inbox, replay
from kit.outbox import outbox
from services import SERVICES

__all__ = ["breaches"]


async def breaches(installation: Installation, _flow: Flow) -> list[str]:
    found = []
    for name in SERVICES:
        rebuilding = {reaction.event.TYPE: reaction for reaction in reactions(name) if reaction.rebuilds}
        if rebuilding:
            found += [f"{name}: {sentence}" for sentence in await _replayed(installation, name, rebuilding)]
    return found


async def _replayed(installation: Installation, name: str, rebuilding: Mapping[str, Reaction]) -> list[str]:
    """Everything happens in one transaction that is never committed, and sees the one instant at which it began."""
    models = {model for reaction in rebuilding.values() for model in reaction.rebuilds}
    async with installation.reading(name) as db:
        await db.execute(text("set transaction isolation level repeatable read"))
        handled = set((await db.execute(select(inbox.c.event_id).where(inbox.c.type.in_(rebuilding)))).scalars())
        history = await _history(installation, rebuilding, handled)
        for model in models:
            await db.execute(text(f"create temporary table {_before(model)} as table {model.__tablename__}"))
            await db.execute(delete(model))
        await replay(db, rebuilding, history)
        return [
            f"{number} rows of {model.__tablename__} are not what the events say"
            for model in sorted(models, key=lambda model: model.__tablename__)
            if (number := await _differences(db, model))
        ]


def _before(model: type[Base]) -> str:
    return f"{model.__tablename__}_before"


async def _differences(db: Db, model: type[Base]) -> int:
    now, before = model.__tablename__, _before(model)
    ways = f"(table {now} except all table {before}) union all (table {before} except all table {now})"
    return int((await db.execute(text(f"select count(*) from ({ways}) as differing"))).scalar_one())  # noqa: S608  our names


async def _history(installation: Installation, types: Iterable[str], handled: set[UUID]) -> Sequence[Envelope]:
    """What this service has handled, source by source."""
    history: list[Envelope] = []
    for name in SERVICES:
        async with installation.reading(name) as db:
            query = select(outbox.c.event_id, outbox.c.envelope).where(outbox.c.type.in_(list(types)))
            rows = await db.execute(query.where(outbox.c.seq.is_not(None)).order_by(outbox.c.seq))
            history += [Envelope.decode(row.envelope) for row in rows if row.event_id in handled]
    return history
