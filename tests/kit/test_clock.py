"""Two clocks: the business clock stops and jumps, forward only; the real one never."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from kit import clock
from kit.clock import business_now, real_now
from kit.db import Database

HOUR = timedelta(hours=1)


async def test_business_time_is_real_time_at_first(database: Database) -> None:
    async with database.transaction() as db:
        assert await clock.is_true(db)
        before, business, after = await real_now(db), await business_now(db), await real_now(db)
    assert before <= business <= after
    assert business.microsecond % 1000 == 0
    assert business.utcoffset() == timedelta(0)


async def test_a_stopped_clock_stands_and_goes_on_from_there(database: Database) -> None:
    async with database.transaction() as db:
        stopped = await clock.stop(db)
        await db.execute(text("select pg_sleep(0.02)"))
        assert await business_now(db) == stopped
        assert not await clock.is_true(db)
        assert await clock.run(db) == stopped
        await db.execute(text("select pg_sleep(0.02)"))
        assert stopped < await business_now(db) < stopped + HOUR
        assert await real_now(db) > stopped


async def test_a_stopped_clock_jumps_and_stays_stopped(database: Database) -> None:
    async with database.transaction() as db:
        there = await clock.stop(db) + HOUR
        assert await clock.set_to(db, there) == there
        assert await business_now(db) == there


async def test_a_running_clock_jumps_and_runs_on(database: Database) -> None:
    async with database.transaction() as db:
        there = await business_now(db) + HOUR
        await clock.set_to(db, there)
        await db.execute(text("select pg_sleep(0.02)"))
        assert there < await business_now(db) < there + HOUR
        assert await real_now(db) < there


async def test_it_never_goes_back(database: Database) -> None:
    async with database.transaction() as db:
        now = await clock.stop(db)
        with pytest.raises(ValueError, match="only moves forward"):
            await clock.set_to(db, now - timedelta(milliseconds=1))
        with pytest.raises(ValueError, match="only moves forward"):
            await clock.stop(db, now - HOUR)
        await clock.run(db)
        with pytest.raises(ValueError, match="only moves forward"):
            await clock.set_to(db, now - HOUR)


async def test_there_is_one_clock(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as db:
            await db.execute(text("insert into clock default values"))
