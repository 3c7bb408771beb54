"""What is done when time passes: durable `(when, what)` pairs, computed from state and stored with it.

A command that changes a subject replaces the subject's jobs in the same transaction (`replan`). A worker claims a due one
with SKIP LOCKED and runs it in the transaction that removes it, so a job's effect happens once, also when the process dies
in the middle. A job due by the business clock follows the training clock's jumps.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import Column, Index, Integer, Row, Table, Text, Uuid, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from kit.clock import business_now, real_now
from kit.db import Database, Db, Instant, kit_metadata, woken
from kit.ids import new_id
from kit.telemetry import Telemetry, traceparent

__all__ = ["Job", "Periodic", "TimeEvent", "Worker", "plan", "replan"]

log = structlog.get_logger()

Clock = Literal["business", "real"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN_LOCK = 0x6A6F62  # "job": one advisory lock per service database

job = Table(
    "job",
    kit_metadata,
    Column("id", Uuid, primary_key=True, default=new_id),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("clock", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("last_error", Text),
    Column("traceparent", Text),
    Index("uq_job_kind_key_due_at", "kind", "key", "due_at", unique=True),
    Index("ix_job_due_at", "due_at"),
)


@dataclass(frozen=True, slots=True)
class TimeEvent:
    """Something to do about a subject when an instant has come: what pure rules answer."""

    when: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its handler gets it. `key` says about what; `due_at` when it should have run."""

    kind: str
    key: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job that comes back every so often; one missed by a jump of the clock or a long stop runs once."""

    kind: str
    every: timedelta
    clock: Clock = "real"


Handler = Callable[[Db, Job], Awaitable[None]]


async def plan(db: Db, what: TimeEvent, key: str, *, clock: Clock = "business") -> None:
    row = insert(job).values(
        id=new_id(), kind=what.what, key=key, due_at=what.when, clock=clock, traceparent=traceparent()
    )
    await db.execute(row.on_conflict_do_nothing())
    db.info["wakes"] = True


async def replan(db: Db, key: str, events: Iterable[TimeEvent], *, clock: Clock = "business") -> None:
    """Make these the only jobs about `key`: called wherever the state they are computed from changes."""
    await db.execute(delete(job).where(job.c.key == key))
    for what in events:
        await plan(db, what, key, clock=clock)


@dataclass(slots=True)
class Worker:
    """Runs the due jobs of one service, one after the other."""

    service: str
    database: Database
    handlers: Mapping[str, Handler]
    signals: Telemetry
    periodic: tuple[Periodic, ...] = ()
    sweep: float = 1.0
    _periods: dict[str, Periodic] = field(default_factory=dict)

    async def run(self) -> None:
        self._periods = {period.kind: period for period in self.periodic}
        for period in self.periodic:
            await self._begin(period)
        async with self.database.waker() as waker:
            while True:
                waker.clear()
                while await self.run_one():
                    pass
                await woken(waker, self.sweep)

    async def _begin(self, period: Periodic) -> None:
        async with self.database.transaction() as db:
            # One replica after the other: what one begins is on its way or done before the next one looks for it.
            await db.execute(select(func.pg_advisory_xact_lock(BEGIN_LOCK)))
            planned = (await db.execute(select(job.c.id).where(job.c.kind == period.kind).limit(1))).first()
            if planned is None:
                now = await _now(db, period.clock)
                # on a common grid, so that no replica's start moves the hour of the night
                due = now - (now - EPOCH) % period.every
                await plan(db, TimeEvent(due, period.kind), "periodic", clock=period.clock)

    async def run_one(self) -> bool:
        """Claim and run the job that is due longest; False when none is due."""
        claimed: Row[tuple[object, ...]] | None = None
        try:
            async with self.database.transaction() as db:
                claimed = (await db.execute(_DUE)).one_or_none()
                if claimed is None:
                    return False
                await db.execute(delete(job).where(job.c.id == claimed.id))
                await self._run(db, claimed)
        except Exception as error:
            if claimed is None:
                raise
            await self._put_off(claimed, error)
        return True

    async def _run(self, db: Db, row: Row[tuple[object, ...]]) -> None:
        started = time.perf_counter()
        with self.signals.linked(f"job {row.kind}", row.traceparent, kind="internal", key=str(row.key)):
            await self.handlers[str(row.kind)](db, Job(str(row.kind), str(row.key), row.due_at))
        self.signals.job_seconds.record(time.perf_counter() - started, {"service": self.service, "kind": str(row.kind)})
        period = self._periods.get(str(row.kind))
        if period is not None:
            await plan(
                db, TimeEvent(await self._next(db, period, row.due_at), period.kind), "periodic", clock=period.clock
            )

    async def _next(self, db: Db, period: Periodic, due_at: datetime) -> datetime:
        now = await _now(db, period.clock)
        missed = max(0, (now - due_at) // period.every)
        return due_at + (missed + 1) * period.every

    async def _put_off(self, row: Row[tuple[object, ...]], error: Exception) -> None:
        log.error("job failed", kind=row.kind, key=row.key, attempts=row.attempts + 1, exc_info=error)
        delay = timedelta(seconds=min(300, 2**row.attempts))
        async with self.database.transaction() as db:
            await db.execute(
                update(job)
                .where(job.c.id == row.id)
                .values(attempts=job.c.attempts + 1, not_before=func.clock_timestamp() + delay, last_error=repr(error))
            )


async def _now(db: Db, clock: Clock) -> datetime:
    return await (business_now(db) if clock == "business" else real_now(db))


# Both clocks are asked once, not for every row, so that what is due much later is not even looked at.
_BUSINESS = select(func.business_now()).scalar_subquery()
_REAL = select(func.clock_timestamp()).scalar_subquery()
LAG = select(
    func.coalesce(
        func.extract("epoch", func.max(case((job.c.clock == "business", _BUSINESS), else_=_REAL) - job.c.due_at)), 0
    )
).where(job.c.due_at <= case((job.c.clock == "business", _BUSINESS), else_=_REAL))
"""Seconds that the job which is due longest is late by, whatever holds it up."""
_DUE = (
    select(job)
    .where(
        job.c.due_at <= func.greatest(_BUSINESS, _REAL),
        job.c.due_at <= case((job.c.clock == "business", _BUSINESS), else_=_REAL),
        job.c.not_before <= func.clock_timestamp(),
    )
    .order_by(job.c.due_at, job.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
