"""The transactional outbox: an event is stored with the change it tells of, and published after the commit.

`emit` writes the row. One relay per service, chosen by an advisory lock, gives each row its place in the service's
gapless chain (`seq`, `prev`), publishes it with the broker's confirmation and marks it. A row is never deleted: replays
read it. Rows are picked by `published_at is null`, never by a high-water mark, so a transaction that commits late is
not jumped over.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    Uuid,
    bindparam,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from kit import telemetry
from kit.bus import Bus, BusUnavailable, Message
from kit.db import Database, Db, Instant, core, kit_metadata, woken
from kit.envelope import FIRST, Emission, Envelope, Subject
from kit.ids import new_id

__all__ = ["BACKLOG", "UNLOGGED", "Relay", "emit", "outbox"]

log = structlog.get_logger()

outbox = Table(
    "outbox",
    kit_metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("actor", Uuid),
    Column("traceparent", Text),
    Column("time", Instant, nullable=False, server_default=text("business_now()")),
    Column("data", Text, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("seq", BigInteger, unique=True),
    Column("envelope", LargeBinary),
    Column("published_at", Instant),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Index("ix_outbox_unpublished", "position", postgresql_where=text("published_at is null")),
    Column("log_index", BigInteger),
    Index("ix_outbox_unnumbered", "position", postgresql_where=text("seq is null")),
    Index("ix_outbox_unlogged", "position", postgresql_where=text("log_index is null and published_at is not null")),
)


async def emit(db: Db, emission: Emission) -> UUID:
    """Store the event in this transaction; returns its id. The subject's own row is written first and counts it."""
    if not db.info.get("writing"):
        raise RuntimeError("emit() belongs inside transaction(): an event without its change would be a lie")
    emission.subject.sequence += 1
    event_id = new_id()
    row = {
        "event_id": event_id,
        "type": emission.data.TYPE,
        "subject": emission.subject.id,
        "sequence": emission.subject.sequence,
        "actor": db.info.get("actor"),
        "traceparent": telemetry.traceparent(),
        "data": emission.data.model_dump_json(),
    }
    if not isinstance(emission.subject, Subject):
        await db.flush()
    await core(db, _STORE, row)
    db.info["wakes"] = True
    return event_id


@dataclass(slots=True)
class Relay:
    """Carries one service's outbox to the bus. `run()` is supervised by the service and never ends by itself."""

    service: str
    instance: str
    database: Database
    bus: Bus
    signals: telemetry.Telemetry
    sweep: float = 1.0
    batch: int = 200
    leading: bool = False

    async def run(self) -> None:
        async with self.database.engine.connect() as connection, self.database.waker() as waker:
            try:
                await self._wait_for_lead(connection)
                self.leading = True
                await self._lead(connection, waker)
            finally:
                self.leading = False
                # A pooled connection keeps its session lock: close it for good, so that another relay may lead.
                await connection.invalidate()

    async def _wait_for_lead(self, connection: AsyncConnection) -> None:
        while not (await connection.execute(select(func.pg_try_advisory_lock(RELAY_LOCK)))).scalar_one():
            await connection.rollback()
            await asyncio.sleep(self.sweep)
        await connection.commit()

    async def _lead(self, connection: AsyncConnection, waker: asyncio.Event) -> None:
        pause = 0.0
        while True:
            waker.clear()
            while await self.number(connection) == self.batch:
                pass
            published, failed = await self.publish(connection)
            if failed:
                pause = min(5.0, max(0.2, pause * 2))
                await asyncio.sleep(pause)
                continue
            pause = 0.0
            if not published:
                await woken(waker, self.sweep)

    async def number(self, connection: AsyncConnection) -> int:
        """Give the rows that committed since the last look their place in the chain, in one transaction."""
        async with connection.begin():
            rows = (await connection.execute(_UNNUMBERED, {"batch": self.batch})).all()
            if not rows:
                return 0
            last = (await connection.execute(_LAST)).one_or_none()
            seq, prev = (last.seq, Envelope.digest(last.envelope)) if last else (0, FIRST)
            numbered = []
            for row in rows:
                seq += 1
                envelope = self._envelope(row, seq, prev).encode()
                prev = Envelope.digest(envelope)
                numbered.append({"at": row.position, "seq": seq, "envelope": envelope})
            await connection.execute(_NUMBER, numbered)
        return len(numbered)

    def _envelope(self, row: Row[*tuple[Any, ...]], seq: int, prev: str) -> Envelope:
        return Envelope(
            id=row.event_id,
            source=self.service,
            type=row.type,
            subject=row.subject,
            time=row.time,
            data=json.loads(row.data),
            sequence=row.sequence,
            traceparent=row.traceparent,
            actor=row.actor,
            instance=self.instance,
            seq=seq,
            prev=prev,
        )

    async def publish(self, connection: AsyncConnection) -> tuple[int, int]:
        """Publish one batch; returns how many the broker took and how many it did not.

        Only a refusal of that very message counts as an attempt; a broker that is away counts none.
        """
        async with connection.begin():
            rows = (await connection.execute(_UNPUBLISHED, {"batch": self.batch})).all()
        if not rows:
            return 0, 0
        messages = [self._message(row) for row in rows]
        outcomes = await self.bus.publish(messages)
        taken = [row.position for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
        refused = [
            (row, outcome)
            for row, outcome in zip(rows, outcomes, strict=True)
            if outcome is not None and not is_away(outcome)
        ]
        async with connection.begin():
            if taken:
                await connection.execute(_PUBLISHED, {"taken": taken})
            for row, outcome in refused:
                await self._put_off(connection, row, outcome)
        self.signals.published.add(len(taken), {"service": self.service})
        return len(taken), len(rows) - len(taken)

    def _message(self, row: Row[*tuple[Any, ...]]) -> Message:
        headers = {}
        if row.traceparent:  # to be sent goes on with a trace and begins none
            with self.signals.linked("send events", row.traceparent, kind="producer", event=str(row.event_id)):
                headers["traceparent"] = telemetry.traceparent() or row.traceparent
        return Message(id=str(row.event_id), key=str(row.type), body=bytes(row.envelope), headers=headers)

    async def _put_off(self, connection: AsyncConnection, row: Row[*tuple[Any, ...]], why: Exception) -> None:
        log.warning("event refused by the broker", event_id=str(row.event_id), type=row.type, why=str(why))
        delay = func.make_interval(0, 0, 0, 0, 0, 0, func.least(300, func.power(2, func.least(9, outbox.c.attempts))))
        await connection.execute(
            update(outbox)
            .where(outbox.c.position == row.position)
            .values(attempts=outbox.c.attempts + 1, next_attempt_at=func.clock_timestamp() + delay)
        )


RELAY_LOCK = 0x6C707365  # "lpse": one advisory lock per service database

# Statements are built once: building one costs as much as sending it.
_STORE = outbox.insert().inline()
_LAST = select(outbox.c.seq, outbox.c.envelope).where(outbox.c.seq.is_not(None)).order_by(outbox.c.seq.desc()).limit(1)
_UNNUMBERED = select(outbox).where(outbox.c.seq.is_(None)).order_by(outbox.c.position).limit(bindparam("batch"))
_NUMBER = (
    update(outbox)
    .where(outbox.c.position == bindparam("at"))
    .values(seq=bindparam("seq"), envelope=bindparam("envelope"))
)
_UNPUBLISHED = (
    select(outbox.c.position, outbox.c.event_id, outbox.c.type, outbox.c.traceparent, outbox.c.envelope)
    .where(
        outbox.c.published_at.is_(None),
        outbox.c.seq.is_not(None),
        outbox.c.next_attempt_at <= func.clock_timestamp(),
    )
    .order_by(outbox.c.seq)
    .limit(bindparam("batch"))
)
_PUBLISHED = (
    update(outbox)
    .where(outbox.c.position == func.any(bindparam("taken", type_=ARRAY(BigInteger))))
    .values(published_at=func.clock_timestamp())
)
BACKLOG = select(
    func.count().label("depth"),
    func.coalesce(func.extract("epoch", func.clock_timestamp() - func.min(outbox.c.created_at)), 0).label(
        "age_seconds"
    ),
).where(outbox.c.published_at.is_(None))
"""How much waits and since when, read from the rows that wait alone: all others stay for ever."""

UNLOGGED = select(
    func.coalesce(func.extract("epoch", func.clock_timestamp() - func.min(outbox.c.published_at)), 0)
).where(outbox.c.log_index.is_(None), outbox.c.published_at.is_not(None))
"""Seconds since the oldest event was published that has no place in the public log; its producer was told of none."""


def is_away(outcome: Exception) -> bool:
    return isinstance(outcome, BusUnavailable)
