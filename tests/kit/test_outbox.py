"""What is stored with a change is published after it: once numbered, in one chain, whoever relays."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import func, select, text, update

from kit.bus import BusUnavailable, Message, Topology
from kit.bus.embedded import EmbeddedBus
from kit.db import Database
from kit.envelope import FIRST, Emission, Envelope, Subject
from kit.ids import new_id
from kit.outbox import BACKLOG, Relay, emit, outbox
from kit.telemetry import Telemetry
from tests.kit.probe import Note, NoteStruck, NoteWritten, written

TOPOLOGY = Topology("uji", {"probe": frozenset({NoteWritten.TYPE})})


@pytest.fixture
async def bus(empty_database: str) -> AsyncIterator[EmbeddedBus]:
    bus = EmbeddedBus(empty_database)
    await bus.start()
    await bus.declare(TOPOLOGY)
    yield bus
    await bus.close()


@pytest.fixture
def relay(database: Database, bus: EmbeddedBus, signals: Telemetry) -> Relay:
    return Relay("probe", "uji", database, bus, signals, sweep=0.05)


async def write(database: Database, *texts: str) -> None:
    async with database.transaction() as db:
        for content in texts:
            note = Note(text=content)
            db.add(note)
            await emit(db, written(note))


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_published(database: Database, count: int) -> None:
    async with asyncio.timeout(20):
        while await published(database) < count:
            await asyncio.sleep(0.02)


async def published(database: Database) -> int:
    async with database.reading() as db:
        query = select(func.count()).where(outbox.c.published_at.is_not(None))
        return (await db.execute(query)).scalar_one()


async def chain(database: Database) -> list[bytes]:
    async with database.reading() as db:
        query = select(outbox.c.envelope).where(outbox.c.seq.is_not(None)).order_by(outbox.c.seq)
        return list((await db.execute(query)).scalars())


def assert_whole(envelopes: Sequence[bytes], count: int) -> None:
    prev = FIRST
    for seq, body in enumerate(envelopes, start=1):
        envelope = Envelope.decode(body)
        assert (envelope.seq, envelope.prev) == (seq, prev)
        prev = Envelope.digest(body)
    assert len({Envelope.decode(body).id for body in envelopes}) == len(envelopes) == count


async def delivered(bus: EmbeddedBus, address: str) -> list[bytes]:
    connection = await asyncpg.connect(address)
    rows = await connection.fetch("select body from bus.message order by position")
    await connection.close()
    return [row["body"] for row in rows]


async def test_an_event_without_its_change_is_refused(database: Database) -> None:
    async with database.reading() as db:
        with pytest.raises(RuntimeError, match="inside transaction"):
            await emit(db, Emission(Subject(new_id()), NoteStruck()))


async def test_no_event_without_the_commit(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as db:
            note = Note(text="lost")
            db.add(note)
            await emit(db, written(note))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.reading() as db:
        assert (await db.execute(select(func.count()).select_from(outbox))).scalar_one() == 0


async def test_a_subject_counts_its_own_events(database: Database, relay: Relay) -> None:
    async with database.transaction() as db:
        note = Note(text="first")
        db.add(note)
        await emit(db, written(note))
    async with database.transaction() as db:
        again = await db.get_one(Note, note.id, with_for_update=True)
        again.text = "second"
        await emit(db, written(again))
        await emit(db, Emission(again, NoteStruck()))
    async with database.engine.connect() as connection:
        await relay.number(connection)
    envelopes = [Envelope.decode(body) for body in await chain(database)]
    assert [(e.subject, e.sequence) for e in envelopes] == [(note.id, 1), (note.id, 2), (note.id, 3)]
    assert envelopes[1].data == {"text": "second"}
    assert (envelopes[0].source, envelopes[0].instance, envelopes[0].type) == ("probe", "uji", NoteWritten.TYPE)
    async with database.reading() as db:
        assert (await db.get_one(Note, note.id)).sequence == 3


async def test_the_actor_of_the_transaction_stands_in_the_event(database: Database, relay: Relay) -> None:
    actor = new_id()
    async with database.transaction() as db:
        db.info["actor"] = actor
        await emit(db, Emission(Subject(new_id()), NoteStruck()))
    async with database.engine.connect() as connection:
        await relay.number(connection)
    assert [Envelope.decode(body).actor for body in await chain(database)] == [actor]


async def test_one_chain_without_gaps_while_many_write(
    database: Database, relay: Relay, bus: EmbeddedBus, empty_database: str
) -> None:
    async with running(relay):
        await asyncio.gather(*(write(database, *(f"{writer}.{n}" for n in range(4))) for writer in range(25)))
        await until_published(database, 100)
    assert_whole(await chain(database), 100)
    assert await delivered(bus, empty_database) == await chain(database)


async def test_a_transaction_that_commits_late_is_not_jumped_over(database: Database, relay: Relay) -> None:
    async with running(relay):
        async with database.transaction() as slow:
            note = Note(text="slow")
            slow.add(note)
            await emit(slow, written(note))
            await write(database, "fast")
            await until_published(database, 1)
        await until_published(database, 2)
    texts = [Envelope.decode(body).data["text"] for body in await chain(database)]
    assert texts == ["fast", "slow"]
    assert_whole(await chain(database), 2)


async def test_one_leads_and_another_takes_over(
    database: Database, relay: Relay, bus: EmbeddedBus, signals: Telemetry, empty_database: str
) -> None:
    second = Relay("probe", "uji", database, bus, signals, sweep=0.05)
    async with running(relay, second) as tasks:
        await write(database, "one", "two")
        await until_published(database, 2)
        assert relay.leading != second.leading
        leader = 0 if relay.leading else 1
        tasks[leader].cancel()
        await asyncio.wait({tasks[leader]})
        await write(database, "three")
        await until_published(database, 3)
        assert [relay.leading, second.leading][1 - leader]
    assert_whole(await chain(database), 3)
    assert len(await delivered(bus, empty_database)) == 3


async def test_a_leader_whose_connection_is_cut_gives_the_lead_away(database: Database, relay: Relay) -> None:
    task = asyncio.create_task(relay.run())
    await write(database, "one")
    await until_published(database, 1)
    async with database.transaction() as db:
        ours = "database = (select oid from pg_database where datname = current_database())"
        await db.execute(
            text(f"select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and {ours}")  # noqa: S608
        )
    with pytest.raises(Exception):  # noqa: B017, PT011  the driver's word for a lost connection is its own
        async with asyncio.timeout(10):
            await task
    assert not relay.leading
    async with running(relay):
        await write(database, "two")
        await until_published(database, 2)
    assert_whole(await chain(database), 2)


async def test_a_broker_that_is_away_counts_no_attempt(database: Database, signals: Telemetry) -> None:
    away = EmbeddedBus("postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    with pytest.raises(BusUnavailable):
        await away.declare(TOPOLOGY)
    relay = Relay("probe", "uji", database, away, signals, sweep=0.05)
    await write(database, "waits")
    async with database.engine.connect() as connection:
        await relay.number(connection)
        for _ in range(3):
            assert await relay.publish(connection) == (0, 1)
        row = (await connection.execute(select(outbox))).one()
    assert (row.attempts, row.published_at, row.seq) == (0, None, 1)


async def test_an_event_nobody_takes_holds_up_no_other(
    database: Database, relay: Relay, bus: EmbeddedBus, empty_database: str
) -> None:
    async with database.transaction() as db:
        await emit(db, Emission(Subject(new_id()), NoteStruck()))
    await write(database, "goes on")
    async with database.engine.connect() as connection:
        await relay.number(connection)
        assert await relay.publish(connection) == (1, 1)
        assert await relay.publish(connection) == (0, 0)
        row = (await connection.execute(select(outbox).where(outbox.c.type == NoteStruck.TYPE))).one()
        later = (await connection.execute(select(outbox.c.next_attempt_at > func.clock_timestamp()))).scalars().all()
    assert (row.attempts, row.published_at) == (1, None)
    assert sorted(later) == [False, True]
    assert len(await delivered(bus, empty_database)) == 1


async def test_an_event_refused_for_weeks_stops_nobody(database: Database, relay: Relay) -> None:
    """Its pause stays at five minutes, however often it was tried."""
    async with database.transaction() as db:
        await emit(db, Emission(Subject(new_id()), NoteStruck()))
        await db.execute(update(outbox).values(attempts=5_000))
    await write(database, "goes on")
    async with database.engine.connect() as connection:
        await relay.number(connection)
        assert await relay.publish(connection) == (1, 1)
        pause = func.extract("epoch", outbox.c.next_attempt_at - func.clock_timestamp())
        row = (await connection.execute(select(pause).where(outbox.c.type == NoteStruck.TYPE))).scalar_one()
    assert 240 < row <= 300


async def test_what_was_published_but_not_marked_goes_out_again_unchanged(
    database: Database, relay: Relay, bus: EmbeddedBus, empty_database: str
) -> None:
    """A relay that dies between the confirmation and its mark: the inbox makes one effect of both."""
    await write(database, "twice")
    async with database.engine.connect() as connection:
        await relay.number(connection)
        body = (await chain(database))[0]
        await bus.publish([Message(str(Envelope.decode(body).id), NoteWritten.TYPE, body, {})])
        await relay.publish(connection)
    assert await delivered(bus, empty_database) == [body, body]


async def test_the_backlog_says_how_much_waits_and_since_when(database: Database) -> None:
    await write(database, "one", "two")
    async with database.reading() as db:
        row = (await db.execute(BACKLOG)).one()
    assert row.depth == 2
    assert 0 <= row.age_seconds < 30


async def test_the_backlog_is_asked_without_reading_what_was_published(database: Database) -> None:
    """Which is never deleted: after years the question would take longer than the time until the next."""
    await write(database, "one")
    old = text("""
        insert into outbox (event_id, type, subject, sequence, data, seq, published_at)
        select gen_random_uuid(), 'probe.note.written.v1', gen_random_uuid(), 1, '{}', n, now()
        from generate_series(1, 20000) n
    """)
    async with database.transaction() as db:
        await db.execute(old)
        await db.execute(text("analyze outbox"))
        asked = BACKLOG.compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True})
        plan = [str(line) for line in (await db.execute(text(f"explain {asked}"))).scalars()]
        assert (await db.execute(BACKLOG)).one().depth == 1
    assert any("ix_outbox_unpublished" in line for line in plan), plan
