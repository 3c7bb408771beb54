"""What is due is done once, in one transaction with the forgetting of it."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql

import kit.jobs
from kit import clock
from kit.clock import business_now, real_now
from kit.db import Database, Db
from kit.jobs import _DUE, EPOCH, Job, Periodic, TimeEvent, Worker, job, plan, replan
from kit.telemetry import RECENT, Telemetry
from tests.kit.probe import Note

HOUR = timedelta(hours=1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Ran(list[Job]):
    async def __call__(self, _db: Db, what: Job) -> None:
        self.append(what)


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def worker(database: Database, signals: Telemetry, ran: Ran) -> Worker:
    return Worker("probe", database, {"close": ran, "open": ran}, signals, sweep=0.05)


async def all_due(worker: Worker) -> int:
    done = 0
    while await worker.run_one():
        done += 1
    return done


async def waiting(database: Database) -> list[tuple[str, str, datetime]]:
    async with database.reading() as db:
        rows = (await db.execute(select(job.c.kind, job.c.key, job.c.due_at).order_by(job.c.due_at))).all()
    return [(row.kind, row.key, row.due_at) for row in rows]


async def test_what_is_due_is_done_once_and_in_order(database: Database, worker: Worker, ran: Ran) -> None:
    async with database.transaction() as db:
        await plan(db, TimeEvent(LONG_AGO + HOUR, "close"), "a")
        await plan(db, TimeEvent(LONG_AGO, "open"), "a")
        await plan(db, TimeEvent(LONG_AGO, "open"), "a")
        await plan(db, TimeEvent(await business_now(db) + HOUR, "close"), "b")
    assert await all_due(worker) == 2
    assert [(done.kind, done.key) for done in ran] == [("open", "a"), ("close", "a")]
    assert [key for _, key, _ in await waiting(database)] == ["b"]


async def test_a_business_job_follows_the_jump_and_a_real_one_does_not(
    database: Database, worker: Worker, ran: Ran
) -> None:
    async with database.transaction() as db:
        tomorrow = await business_now(db) + 24 * HOUR
        await plan(db, TimeEvent(tomorrow, "close"), "business")
        await plan(db, TimeEvent(tomorrow, "close"), "real", clock="real")
    assert await all_due(worker) == 0
    async with database.transaction() as db:
        await clock.set_to(db, tomorrow)
    assert await all_due(worker) == 1
    assert [done.key for done in ran] == ["business"]


async def test_what_is_due_much_later_is_not_looked_at(database: Database) -> None:
    """Every sweep of every service asks this: a year of planned stages must not be read each second."""
    many = "select gen_random_uuid(), 'close', n::text, now() + n * interval '1 hour', 'business' from generate_series(1, 5000) n"
    async with database.transaction() as db:
        await db.execute(text(f"insert into job (id, kind, key, due_at, clock) {many}"))
        await db.execute(text("analyze job"))
        asked = _DUE.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
        told = "\n".join((await db.execute(text(f"explain analyze {asked}"))).scalars())
    assert "Index Cond" in told
    assert "Rows Removed by Filter" not in told


async def test_a_job_goes_on_with_the_trace_that_planned_it(
    database: Database, signals: Telemetry, ran: Ran, worker: Worker
) -> None:
    with signals.tracer.start_as_current_span("asked for") as span:
        async with database.transaction() as db:
            await plan(db, TimeEvent(LONG_AGO, "close"), "a")
    RECENT.clear()
    assert await all_due(worker) == 1
    done = next(found for found in RECENT if found.name == "job close")
    assert done.context is not None
    assert done.context.trace_id == span.get_span_context().trace_id


async def test_a_new_plan_replaces_the_old_one_of_that_subject(database: Database) -> None:
    later = LONG_AGO + HOUR
    async with database.transaction() as db:
        await replan(db, "a", [TimeEvent(LONG_AGO, "open"), TimeEvent(LONG_AGO, "close")])
        await plan(db, TimeEvent(LONG_AGO, "open"), "b")
    async with database.transaction() as db:
        await replan(db, "a", [TimeEvent(later, "close")])
    assert await waiting(database) == [("open", "b", LONG_AGO), ("close", "a", later)]


async def test_many_workers_do_it_once(database: Database, signals: Telemetry, ran: Ran) -> None:
    async with database.transaction() as db:
        for number in range(20):
            await plan(db, TimeEvent(LONG_AGO, "close"), str(number))
    workers = [Worker("probe", database, {"close": ran}, signals) for _ in range(4)]
    await asyncio.gather(*(all_due(worker) for worker in workers))
    assert sorted(int(done.key) for done in ran) == list(range(20))


async def test_what_fails_changes_nothing_and_is_put_off(database: Database, signals: Telemetry, ran: Ran) -> None:
    async def fails(db: Db, _job: Job) -> None:
        db.add(Note(text="half"))
        await db.flush()
        raise ZeroDivisionError("as always")

    async with database.transaction() as db:
        await plan(db, TimeEvent(LONG_AGO, "fails"), "a")
        await plan(db, TimeEvent(LONG_AGO + HOUR, "close"), "b")
    worker = Worker("probe", database, {"fails": fails, "close": ran}, signals)
    assert await all_due(worker) == 2
    assert [done.key for done in ran] == ["b"]
    async with database.reading() as db:
        row = (await db.execute(select(job, (job.c.not_before > func.clock_timestamp()).label("later")))).one()
        notes = (await db.execute(select(func.count()).select_from(Note))).scalar_one()
    assert (row.attempts, row.later, notes) == (1, True, 0)
    assert "as always" in row.last_error


async def test_killed_in_the_middle_it_is_done_again(database: Database, signals: Telemetry, ran: Ran) -> None:
    begun = asyncio.Event()

    async def hangs(db: Db, _job: Job) -> None:
        db.add(Note(text="half"))
        await db.flush()
        begun.set()
        await asyncio.sleep(60)

    async with database.transaction() as db:
        await plan(db, TimeEvent(LONG_AGO, "close"), "a")
    task = asyncio.create_task(Worker("probe", database, {"close": hangs}, signals).run_one())
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    assert await all_due(Worker("probe", database, {"close": ran}, signals)) == 1
    async with database.reading() as db:
        assert (await db.execute(select(func.count()).select_from(Note))).scalar_one() == 0


def nightly(database: Database, signals: Telemetry, ran: Ran) -> Worker:
    return Worker("probe", database, {"night": ran}, signals, (Periodic("night", 24 * HOUR, "business"),), 0.02)


async def runs(worker: Worker, database: Database, ran: Ran, count: int) -> None:
    """Let the worker run until it has done `count` jobs, and a while longer."""
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        while len(ran) < count or not await waiting(database):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.15)
    task.cancel()
    await asyncio.wait({task})


async def test_a_periodic_job_missed_by_a_jump_runs_once(database: Database, signals: Telemetry, ran: Ran) -> None:
    await runs(nightly(database, signals, ran), database, ran, 1)
    async with database.transaction() as db:
        there = await business_now(db) + 240 * HOUR
        await clock.set_to(db, there)
    await runs(nightly(database, signals, ran), database, ran, 2)
    assert len(ran) == 2
    ((_, _, due),) = await waiting(database)
    assert there < due <= there + 24 * HOUR + timedelta(minutes=1)
    assert (due - EPOCH) % (24 * HOUR) == timedelta(0)


async def test_replicas_keep_one_periodic_job(database: Database, signals: Telemetry, ran: Ran) -> None:
    replicas = [nightly(database, signals, ran) for _ in range(4)]
    await asyncio.gather(*(runs(replica, database, ran, 1) for replica in replicas))
    assert len(ran) == 1
    assert len(await waiting(database)) == 1


async def test_a_replica_slow_to_start_does_not_begin_it_again(
    database: Database, signals: Telemetry, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()

    async def slow_once(db: Db) -> datetime:
        if not looked.is_set():
            looked.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):  # time enough for the other to begin and to run the job
                    while not ran:
                        await asyncio.sleep(0.01)
        return await business_now(db)

    monkeypatch.setattr(kit.jobs, "business_now", slow_once)
    slow = asyncio.create_task(runs(nightly(database, signals, ran), database, ran, 1))
    await looked.wait()
    await asyncio.gather(slow, runs(nightly(database, signals, ran), database, ran, 1))
    assert len(ran) == 1
    assert len(await waiting(database)) == 1


async def test_a_planned_job_wakes_the_worker(database: Database, signals: Telemetry, ran: Ran) -> None:
    task = asyncio.create_task(Worker("probe", database, {"close": ran}, signals, sweep=60).run())
    await asyncio.sleep(0.1)
    async with database.transaction() as db:
        await plan(db, TimeEvent(await real_now(db) - HOUR, "close"), "now", clock="real")
    async with asyncio.timeout(5):
        while not ran:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})
