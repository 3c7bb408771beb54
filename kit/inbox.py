"""The inbox: each event has its effect once, however often the bus hands it out.

The event's id is inserted first, in the transaction of the reaction's own changes; the bus is told only after the
commit. Failures are counted in this database, not by the broker, which also counts what was no attempt (a restart, a
lost connection).

Rows of the inbox are never removed: a second copy of an event may come after any time (a dead letter looked at years
later, a queue sent again, a replay), and only its row keeps it from happening twice. One is about a hundred bytes with
its indexes. What was counted of failures goes once the event was handled.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import Column, Integer, Table, Text, Uuid, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from kit.bus import Dead, Delivery, Retry, Unavailable
from kit.db import Base, Database, Db, Instant, core, is_unavailable, kit_metadata
from kit.envelope import Envelope, Event, Incoming
from kit.telemetry import Telemetry

__all__ = ["Inbox", "Reaction", "inbox", "once"]

log = structlog.get_logger()

inbox = Table(
    "inbox",
    kit_metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("type", Text, nullable=False, index=True),
    Column("handled_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
)

delivery_failure = Table(
    "delivery_failure",
    kit_metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("error", Text, nullable=False),
    Column("first_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("last_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
)

LIMIT = 10
"""Attempts at one event before it goes to the dead letters."""
RETURNS = 500
"""Hand-outs without an answer before an event is taken to be one that kills its consumer."""

Handler = Callable[[Db, Incoming[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What we do about one type of event.

    `rebuilds` names the read models this reaction alone fills: a replay empties them and runs it again. A reaction
    without it is an act (it opens a case, it counts something) and is never repeated.
    """

    event: type[Event]
    handler: Handler
    rebuilds: tuple[type[Base], ...] = ()


@dataclass(slots=True)
class Inbox:
    """Turns deliveries of the bus into reactions of one service."""

    service: str
    database: Database
    reactions: Mapping[str, Reaction]
    signals: Telemetry
    everything: Handler | None = None

    async def __call__(self, delivery: Delivery) -> None:
        envelope = _open(delivery)
        name = f"process {self.service}"
        parent = delivery.message.headers.get("traceparent") or envelope.traceparent
        started = time.perf_counter()
        with self.signals.linked(name, parent, kind="consumer", event=str(envelope.id), type=envelope.type) as span:
            try:
                async with self.database.transaction() as db:
                    await once(db, envelope, self._react)
            except Exception as error:
                span.record_exception(error)
                raise await self._judge(delivery, envelope, error) from error
        self.signals.handled.add(1, {"service": self.service, "type": envelope.type})
        self.signals.reaction_seconds.record(time.perf_counter() - started, {"service": self.service})

    async def _react(self, db: Db, envelope: Envelope) -> None:
        reaction = self.reactions.get(envelope.type)
        if reaction is not None:
            await reaction.handler(db, Incoming(envelope, reaction.event.parse(envelope.data)))
        elif self.everything is not None:
            await self.everything(db, Incoming(envelope, Event()))
        else:
            raise Dead("unknown_type", f"{self.service} has no reaction to {envelope.type}")

    async def _judge(self, delivery: Delivery, envelope: Envelope, error: Exception) -> Exception:
        """What the bus shall do with an event that failed."""
        if is_unavailable(error):
            return Unavailable(str(error))
        if isinstance(error, ValidationError):
            return await self._bury("invalid", str(error))
        if isinstance(error, Dead):
            return await self._bury(error.reason, error.detail)
        try:
            async with self.database.transaction() as db:
                attempts = await _count_failure(db, envelope, error)
        except Exception as second:  # noqa: BLE001  whatever keeps us from counting is our own trouble, not the event's
            return Unavailable(str(second))
        log.warning(
            "reaction failed", event_id=str(envelope.id), type=envelope.type, attempts=attempts, error=repr(error)
        )
        if attempts >= LIMIT or delivery.returned >= RETURNS:
            return await self._bury("delivery_limit", repr(error))
        return Retry(min(5.0, 0.2 * 2**attempts))

    async def _bury(self, reason: str, detail: str) -> Dead:
        self.signals.dead.add(1, {"service": self.service, "reason": reason})
        return Dead(reason, detail)


def _open(delivery: Delivery) -> Envelope:
    try:
        return Envelope.decode(delivery.message.body)
    except ValidationError as error:
        raise Dead("invalid", str(error)) from error


async def once(db: Db, envelope: Envelope, handler: Callable[[Db, Envelope], Awaitable[None]]) -> bool:
    """Run the handler unless this event was handled before; the mark and the effect are one transaction."""
    first = await core(db, _MARK, {"event_id": envelope.id, "type": envelope.type}) is not None
    if first:
        await handler(db, envelope)
    return first


_MARK = insert(inbox).on_conflict_do_nothing().returning(inbox.c.event_id)


async def _count_failure(db: Db, envelope: Envelope, error: Exception) -> int:
    row = insert(delivery_failure).values(event_id=envelope.id, error=repr(error)[:2000])
    counted = row.on_conflict_do_update(
        index_elements=[delivery_failure.c.event_id],
        set_={
            "attempts": delivery_failure.c.attempts + 1,
            "error": row.excluded.error,
            "last_at": func.clock_timestamp(),
        },
    ).returning(delivery_failure.c.attempts)
    return int((await db.execute(counted)).scalar_one())


async def forgive(db: Db, event_id: object) -> None:
    """Start counting anew: what `dead retry` does before it hands the event out again."""
    await db.execute(delete(delivery_failure).where(delivery_failure.c.event_id == event_id))


async def forget_failures(db: Db) -> None:
    """Of events that were handled in the end. Not by the handling itself, which would pay for it every time."""
    handled = select(inbox.c.event_id).where(inbox.c.event_id == delivery_failure.c.event_id).exists()
    await db.execute(delete(delivery_failure).where(handled))


async def replay(db: Db, reactions: Mapping[str, Reaction], envelopes: Iterable[Envelope]) -> int:
    """Empty the read models that these events fill and fill them again, in this one transaction.

    Only reactions marked `rebuilds` run, so no act is repeated. Returns how many events were applied.
    """
    ours = [envelope for envelope in envelopes if _rebuilds(reactions, envelope)]
    types = {envelope.type for envelope in ours}
    models = {model for type_ in types for model in reactions[type_].rebuilds}
    feeding = {type_ for type_, reaction in reactions.items() if models.intersection(reaction.rebuilds)}
    await _refuse_half(db, feeding - types)
    for model in models:
        await db.execute(delete(model))
    await db.execute(delete(inbox).where(inbox.c.type.in_(types)))
    for envelope in ours:
        reaction = reactions[envelope.type]

        async def apply(db: Db, envelope: Envelope, reaction: Reaction = reaction) -> None:
            await reaction.handler(db, Incoming(envelope, reaction.event.parse(envelope.data)))

        await once(db, envelope, apply)
    return len(ours)


def _rebuilds(reactions: Mapping[str, Reaction], envelope: Envelope) -> bool:
    reaction = reactions.get(envelope.type)
    return reaction is not None and bool(reaction.rebuilds)


async def _refuse_half(db: Db, left_out: set[str]) -> None:
    """A read model filled by several types of events is rebuilt from all of them or not at all."""
    handled = select(inbox.c.type).where(inbox.c.type.in_(left_out)).distinct()
    missing = (await db.execute(handled)).scalars().all()
    if missing:
        raise ValueError(f"the same read models are also filled by {', '.join(sorted(missing))}: replay those as well")
