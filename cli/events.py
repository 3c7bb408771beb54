"""`lpse events`: what was emitted and handled, replays into read models, and the contracts' generated files."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, table, update

from cli.installation import Installation
from cli.wiring import subscriptions
from kit.bus import matches
from kit.envelope import Envelope
from kit.inbox import inbox, replay
from kit.outbox import BACKLOG, outbox
from services import SERVICES, build

__all__ = ["Count", "all_logged", "backlog", "count", "listing", "replayed", "resent", "unlogged"]


@dataclass(frozen=True)
class Count:
    """`emitted`: outbox rows of all services. `handled`: those that every queue subscribed to them has handled."""

    emitted: int
    handled: int
    dead: int
    waiting: tuple[str, ...]
    """Types with events that some queue has yet to handle."""


async def count(installation: Installation, dead: int = 0) -> Count:
    emitted: dict[UUID, str] = {}
    handled: dict[str, set[UUID]] = {}
    wants = subscriptions()
    for name in SERVICES:
        async with installation.reading(name) as db:
            emitted |= {row.event_id: row.type for row in await db.execute(select(outbox.c.event_id, outbox.c.type))}
            handled[name] = set((await db.execute(select(inbox.c.event_id))).scalars())
    open_ = {event: type_ for event, type_ in emitted.items() if not _done(event, type_, wants, handled)}
    return Count(len(emitted), len(emitted) - len(open_), dead, tuple(sorted(set(open_.values()))))


async def all_logged(installation: Installation) -> bool:
    """Whether every event has its place in the log and its producer knows it."""
    for name in SERVICES:
        async with installation.reading(name) as db:
            waits = select(outbox.c.event_id).where(outbox.c.log_index.is_(None)).limit(1)
            if (await db.execute(waits)).first() is not None:
                return False
    return True


def _done(event: UUID, type_: str, wants: dict[str, frozenset[str]], handled: dict[str, set[UUID]]) -> bool:
    takers = [name for name, patterns in wants.items() if any(matches(pattern, type_) for pattern in patterns)]
    return bool(takers) and all(event in handled[name] for name in takers)


async def listing(installation: Installation, service: str, pattern: str, limit: int) -> list[str]:
    """The last events of one service that match, newest first."""
    found: list[str] = []
    async with installation.reading(service) as db:
        async for row in await db.stream(select(outbox).order_by(outbox.c.position.desc())):
            if fnmatchcase(row.type, pattern):
                found.append(_line(row))
            if len(found) == limit:
                break
    return found


def _line(row: Row[*tuple[Any, ...]]) -> str:
    return (
        f"{row.time.isoformat(timespec='milliseconds')} seq={row.seq} {row.type} subject={row.subject} "
        f"id={row.event_id}{'' if row.published_at else ' (not yet published)'}"
    )


async def replayed(installation: Installation, source: str, target: str, pattern: str) -> int:
    """Rebuild the read models of `target` from what `source` emitted; returns how many events were applied."""
    envelopes = await _history(installation, source, pattern)
    service = build(target, installation.settings(target))
    try:
        async with service.database.transaction() as db:
            return await replay(db, service.inbox.reactions, envelopes)
    finally:
        await service.database.close()


async def _history(installation: Installation, source: str, pattern: str) -> Iterable[Envelope]:
    async with installation.reading(source) as db:
        bodies = await db.execute(
            select(outbox.c.type, outbox.c.envelope).where(outbox.c.seq.is_not(None)).order_by(outbox.c.seq)
        )
        return [Envelope.decode(row.envelope) for row in bodies if fnmatchcase(row.type, pattern)]


async def resent(installation: Installation, target: str) -> int:
    """Have the relays publish again what `target` wants and never handled: its queue was deleted with what it held.

    Everybody gets these events once more, and the inboxes of those who had them see to it that nothing happens twice.
    """
    from cli.invariants.flow import Flow

    flow = await Flow.read(installation)
    missing = [id for name, id in flow.owed() if name == target]
    for source in SERVICES:
        mine = [id for id in missing if flow.emitted[id].source == source]
        async with installation.database(source) as database, database.transaction() as db:
            await db.execute(update(outbox).where(outbox.c.event_id.in_(mine)).values(published_at=None))
    return len(missing)


async def unlogged(installation: Installation) -> int:
    """Events that audit has taken and not yet put into the log."""
    async with installation.reading("audit") as db:
        return int((await db.execute(select(func.count()).select_from(table("log_pending")))).scalar_one())


async def backlog(installation: Installation) -> dict[str, tuple[int, float]]:
    """Per service: unpublished events and the age of the oldest in seconds."""
    found = {}
    for name in SERVICES:
        async with installation.reading(name) as db:
            row = (await db.execute(BACKLOG)).one()
            found[name] = (int(row.depth), float(row.age_seconds))
    return found
