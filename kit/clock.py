"""The two clocks of DESIGN section 8, both of the database, never of the machine a service happens to run on.

`business_now()` serves stages, deadlines, letters and minutes and can be stopped and set in the training profile.
`real_now()` serves leases, back-off, sessions, tokens, grants and telemetry. Both are cut to milliseconds, the unit in
which the regulation's boundary rule is stated.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Boolean, CheckConstraint, Column, Interval, Table, select, text
from sqlalchemy.sql import func

from kit.db import Db, Instant, kit_metadata

__all__ = ["WIB", "business_now", "business_today", "clock", "real_now", "run", "set_to", "stop", "utc"]

WIB = ZoneInfo("Asia/Jakarta")

clock = Table(
    "clock",
    kit_metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("offset", Interval, nullable=False, server_default=text("interval '0'")),
    Column("stopped_at", Instant),
    CheckConstraint("one", name="one_row"),
)


async def business_now(db: Db) -> datetime:
    return utc((await db.execute(select(func.business_now()))).scalar_one())


async def business_today(db: Db) -> date:
    """The day it is in WIB: what a date on a paper or in a letter is held against."""
    return (await business_now(db)).astimezone(WIB).date()


async def real_now(db: Db) -> datetime:
    stamp = func.date_trunc("milliseconds", func.clock_timestamp())
    return utc((await db.execute(select(stamp))).scalar_one())


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


class Backwards(ValueError):
    def __init__(self, now: datetime, wanted: datetime) -> None:
        super().__init__(f"the clock stands at {now.isoformat()} and only moves forward, not to {wanted.isoformat()}")


async def stop(db: Db, at: datetime | None = None) -> datetime:
    """Hold the business clock at its present instant, or at a later one."""
    now = await business_now(db)
    wanted = at or now
    if wanted < now:
        raise Backwards(now, wanted)
    await db.execute(clock.update().values(stopped_at=wanted))
    return wanted


async def set_to(db: Db, wanted: datetime, real: datetime | None = None) -> datetime:
    """Move the clock forward. A stopped clock stays stopped, a running one runs on from there.

    `real` is the instant from which it counts: several databases moved together are given the same one.
    """
    now = await business_now(db)
    if wanted < now:
        raise Backwards(now, wanted)
    stopped = (await db.execute(select(clock.c.stopped_at))).scalar_one() is not None
    if stopped:
        return await stop(db, wanted)
    await db.execute(clock.update().values(offset=wanted - (real or await real_now(db))))
    return wanted


async def run(db: Db, real: datetime | None = None) -> datetime:
    """Let a stopped clock go on from where it stands; `real` as in `set_to`."""
    now = await business_now(db)
    await db.execute(clock.update().values(offset=now - (real or await real_now(db)), stopped_at=None))
    return now


async def state(db: Db) -> tuple[bool, bool]:
    """Whether the clock stands still, and whether it was moved away from real time."""
    row = (await db.execute(select(clock.c.offset, clock.c.stopped_at))).one()
    return row.stopped_at is not None, row.stopped_at is not None or row.offset != timedelta(0)


async def is_true(db: Db) -> bool:
    """Whether business time is real time: what the production profile demands."""
    _, moved = await state(db)
    return not moved
