"""Batches: padded, in one transaction, by one writer; what was altered is never built upon."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from contracts.audit import EntriesIncluded
from integrity.canonical import parse
from integrity.entries import Opening, Place, parse_entry, verify_opening, verify_place
from kit import migrations
from kit.bus.embedded import EmbeddedBus
from kit.ids import new_id
from kit.outbox import UNLOGGED, outbox
from kit.places import note_included
from kit.service import Service
from services.audit.log import check
from services.audit.log.publisher import published
from services.audit.log.tree import LogBroken
from services.audit.models import Base, Checkpoint, EntrySecret, LogEntry, LogNode
from services.audit.rules import QUIET, RUSH
from tests.services.audit.source import (
    AT,
    Source,
    assert_whole,
    checkpoints,
    deliver,
    entries,
    pending,
    sequence,
    sequencer_of,
)


@pytest.mark.parametrize(("real", "padded"), [(0, 4), (1, 4), (4, 4), (5, 8), (8, 8), (9, 16)])
async def test_blind_entries_of_a_batch_are_a_power_of_two(
    service: Service, source: Source, real: int, padded: int
) -> None:
    made = [source.blind() for _ in range(real)] + [source.public()]
    await deliver(service, *made)
    assert await sequence(service) == padded + 1
    kinds = Counter(parse_entry(entry.entry)["kind"] for entry in await entries(service.database))
    assert kinds == {"blind": padded, "question.answered": 1}
    await assert_whole(service.database)


async def test_dummies_hide_among_the_blind(service: Service, source: Source) -> None:
    """All of a batch say when it was logged, and dummies have no place of their own."""
    minutes = [AT, AT + timedelta(minutes=3)]
    made = [source.blind(at=at) for at in minutes for _ in range(20)]
    await deliver(service, *made)
    assert await sequence(service) == 64
    log = await entries(service.database)
    [shown] = {parse_entry(entry.entry)["at"] for entry in log}
    assert shown > "2026-11-23T03:02:00Z"
    real = {envelope.id for envelope in made}
    assert [entry.event_id in real for entry in log] != [True] * 40 + [False] * 24
    assert len({len(entry.entry) for entry in log}) == 1


async def test_dummies_open_too(service: Service, source: Source) -> None:
    await deliver(service, source.blind())
    await sequence(service)
    async with service.database.reading() as db:
        for entry in (await db.execute(select(LogEntry))).scalars():
            secret = await db.get_one(EntrySecret, entry.event_id)
            opening = Opening.from_json(parse(secret.opening))
            verify_opening(entry.entry, opening, secret.r)
            verify_place(opening, Place(opening.src, secret.seq), secret.place_r)


async def test_public_entries_keep_their_order(service: Service, source: Source) -> None:
    made = [source.public() for _ in range(5)]
    await deliver(service, *made)
    await sequence(service)
    ids = [entry.event_id for entry in await entries(service.database)]
    assert ids[:5] == [envelope.id for envelope in made]


async def test_nothing_pending_publishes_nothing(service: Service) -> None:
    assert await sequence(service) == 0
    assert await checkpoints(service.database) == []


async def test_several_sequencers_keep_one_chain(publishing: Service, source: Source) -> None:
    service = publishing
    made = [source.blind() if number % 3 else source.public() for number in range(40)]
    work = [asyncio.create_task(sequencer_of(service, sweep=0.01).run()) for _ in range(3)]
    for envelope in made:
        await deliver(service, envelope)
    async with asyncio.timeout(20):
        while await pending(service.database):
            await asyncio.sleep(0.02)
    for task in work:
        task.cancel()
    await asyncio.wait(work)
    assert [task.cancelled() for task in work] == [True] * 3, "one stumbled over another"
    await assert_whole(service.database)
    assert {envelope.id for envelope in made} <= {entry.event_id for entry in await entries(service.database)}


async def test_killed_at_any_moment_it_leaves_no_gap_and_no_double(service: Service, source: Source) -> None:
    sequencer = sequencer_of(service)
    await sequencer.append()
    interrupted, made = 0, []
    for _ in range(30):
        made += [source.blind(), source.public()]
        await deliver(service, *made[-2:])
        task = asyncio.create_task(sequencer.append())
        await asyncio.wait({task}, timeout=random.uniform(0, random.choice((0.003, 0.03))))
        interrupted += task.cancel()
        await asyncio.wait({task})
    assert interrupted > 3
    await sequence(service)
    await assert_whole(service.database)
    assert await check.everything(service.database) == len(await entries(service.database))
    assert {envelope.id for envelope in made} <= {entry.event_id for entry in await entries(service.database)}


async def test_more_than_one_batch(service: Service, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.audit.log.sequencer.BATCH", 3)
    await deliver(service, *(source.public() for _ in range(7)))
    assert await sequence(service) == 7 + 3 * 4
    assert [head.size for head in await checkpoints(service.database)] == [7, 14, 19]
    await assert_whole(service.database)


async def test_the_migrations_make_what_the_models_say(make_database: Callable[[str], Awaitable[str]]) -> None:
    assert await migrations.differences(await make_database("audit"), "audit", Base.metadata) == []


@pytest.mark.parametrize("table", ["log_entry", "log_checkpoint"])
@pytest.mark.parametrize("statement", ["update {} set at = at", "delete from {}", "truncate {}"])
async def test_what_is_written_stays(service: Service, source: Source, table: str, statement: str) -> None:
    await deliver(service, source.public())
    await sequence(service)
    with pytest.raises(DBAPIError, match="written once"):
        async with service.database.transaction() as db:
            await db.execute(text(statement.format(table)))
    await assert_whole(service.database)


async def tamper(service: Service, statement: object) -> None:
    """As one could who administers the database."""
    async with service.database.transaction() as db:
        for table in ("log_entry", "log_checkpoint"):
            await db.execute(text(f"alter table {table} disable trigger all"))
        await db.execute(statement)  # type: ignore[call-overload]
        for table in ("log_entry", "log_checkpoint"):
            await db.execute(text(f"alter table {table} enable trigger all"))


async def filled(service: Service, source: Source) -> int:
    """A log of several batches; returns its size, which is odd, so that the last leaf stands on the tree's edge."""
    for _ in range(3):
        await deliver(service, source.public())
        await sequence(service)
    return len(await entries(service.database))


ALTERED = "an altered entry"
CRIMES = {
    "a leaf": update(LogEntry).where(LogEntry.idx == 2).values(leaf_hash=b"x" * 32),
    "an entry": update(LogEntry).where(LogEntry.idx == 2).values(entry=b"{}"),
    "an entry gone": delete(LogEntry).where(LogEntry.idx == 2),
    "the last entry gone": delete(LogEntry).where(LogEntry.idx == 14),
    "a checkpoint": text("update log_checkpoint set root = sha256('x') where size = 5"),
    "an entry with its leaf": text("update log_entry set entry = 'x', leaf_hash = sha256('\\x0078') where idx = 3"),
}


@pytest.mark.parametrize("crime", CRIMES)
async def test_an_altered_log_is_found(service: Service, source: Source, crime: str) -> None:
    assert await filled(service, source) == 15
    assert await check.everything(service.database) == 15
    await tamper(service, CRIMES[crime])
    with pytest.raises(LogBroken):
        await check.everything(service.database)


async def test_nothing_is_added_on_an_altered_edge(service: Service, source: Source) -> None:
    size = await filled(service, source)
    await tamper(service, update(LogEntry).where(LogEntry.idx == size - 1).values(leaf_hash=b"x" * 32))
    await deliver(service, source.public())
    with pytest.raises(LogBroken, match="another root"):
        await sequencer_of(service).append()
    assert [head.size for head in await checkpoints(service.database)] == [5, 10, 15]
    assert len(await pending(service.database)) == 1


async def test_nor_where_the_edge_is_gone(service: Service, source: Source) -> None:
    await filled(service, source)
    await tamper(service, delete(LogNode).where(LogNode.level == 3))
    await deliver(service, source.public())
    with pytest.raises(LogBroken, match="is gone"):
        await sequencer_of(service).append()


async def test_a_sequencer_looks_at_everything_before_it_begins(
    publishing: Service, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = publishing
    monkeypatch.setattr("services.audit.log.sequencer.DISTRUST", 0.0)
    await filled(service, source)
    await tamper(service, CRIMES["an entry"])
    await deliver(service, source.public())
    with pytest.raises(LogBroken, match="entry 2 is not the one"):
        async with asyncio.timeout(10):
            await sequencer_of(service).run()
    assert len(await pending(service.database)) == 1


async def test_from_the_bus_to_the_published_checkpoint(publishing: Service, source: Source) -> None:
    """The whole service at work, on a real bus."""
    service = publishing
    from kit.bus import Message, Topology

    bus = EmbeddedBus(service.settings.bus.get_secret_value())
    await bus.start()
    await bus.declare(Topology("uji", {"audit": service.subscriptions}))
    made = [source.blind(), source.public(), source.blind()]
    async with service.running(bus):
        messages = [Message(str(one.id), one.type, one.encode(), {}) for one in reversed(made)]
        assert await bus.publish(messages) == [None] * 3
        async with asyncio.timeout(20):
            while not await recorded_ids(service) >= {envelope.id for envelope in made}:
                await asyncio.sleep(0.05)
            size = (await checkpoints(service.database))[-1].size
            while (found := await published(service.store())) is None or found[0].size < size:
                await asyncio.sleep(0.05)
    await assert_whole(service.database)  # now that it does not grow between two looks
    await bus.close()


async def recorded_ids(service: Service) -> set[object]:
    async with service.database.reading() as db:
        return set((await db.execute(select(LogEntry.event_id))).scalars())


async def test_the_tree_in_the_database_is_small(service: Service, source: Source) -> None:
    size = await filled(service, source)
    async with service.database.reading() as db:
        nodes = (await db.execute(select(func.count()).select_from(LogNode))).scalar_one()
    assert nodes == size - size.bit_count()


async def test_even_steps_hide_how_much_happened(service: Service, source: Source) -> None:
    """Each period one batch of the same size, whether nothing waits, three or seven; all are logged in the end."""
    sequencer = sequencer_of(service, period=timedelta(seconds=0.2))
    grown: dict[int, list[int]] = {}
    made = []
    for number in (0, 1, 7, 20):
        made += [source.blind() for _ in range(number)]
        await deliver(service, *made[len(made) - number :])
        steps = []
        while len(steps) < 3 or await pending(service.database):
            if added := await sequencer.append():
                steps.append(added)
            await asyncio.sleep(0.01)
        grown[number] = steps
    assert {added for steps in grown.values() for added in steps} == {QUIET}
    log = await entries(service.database)
    assert {envelope.id for envelope in made} <= {entry.event_id for entry in log}
    assert len({len(entry.entry) for entry in log}) == 1
    assert {head.blind for head in await checkpoints(service.database)} == {QUIET}
    await assert_whole(service.database)


async def test_what_is_public_waits_for_no_step(service: Service, source: Source) -> None:
    sequencer = sequencer_of(service, period=timedelta(hours=1))
    await sequencer.append()
    await deliver(service, source.public(), source.blind(), source.public())
    assert await sequencer.append() == 2
    assert await sequencer.append() == 0
    assert len(await pending(service.database)) == 1


async def test_a_rush_is_not_held_back(service: Service, source: Source) -> None:
    sequencer = sequencer_of(service, period=timedelta(hours=1))
    await sequencer.append()
    await deliver(service, *(source.blind() for _ in range(RUSH - 1)))
    assert await sequencer.append() == 0
    await deliver(service, source.blind(), source.blind())
    assert await sequencer.append() == 2 * RUSH
    assert await pending(service.database) == []


async def test_each_producer_is_told_the_places_of_its_events(service: Service, source: Source) -> None:
    """Not of padding, and not of audit's own, which are noted at once: to tell of them would never end."""
    made = [source.blind(), source.public(), source.blind()]
    await deliver(service, *made)
    await sequence(service)
    told = await told_of(service)
    places = {entry.event_id: entry.idx for entry in await entries(service.database)}
    assert told == {envelope.id: places[envelope.id] for envelope in made}
    async with service.database.reading() as db:
        [row] = (await db.execute(select(outbox))).all()
    own = Source("audit").envelope(EntriesIncluded.model_validate_json(row.data))
    async with service.database.transaction() as db:
        await db.execute(update(outbox).values(event_id=own.id))
    await deliver(service, own)
    await sequence(service)
    assert await told_of(service) == told, "that it was told is told to nobody"
    async with service.database.reading() as db:
        index = (await db.execute(select(outbox.c.log_index))).scalar_one()
    assert index == {entry.event_id: entry.idx for entry in await entries(service.database)}[own.id]


async def told_of(service: Service) -> dict[object, int]:
    async with service.database.reading() as db:
        said = (await db.execute(select(outbox.c.data).where(outbox.c.type == EntriesIncluded.TYPE))).scalars()
        events = [EntriesIncluded.model_validate_json(one) for one in said]
    return {one.event: one.index for event in events for one in event.entries}


async def test_a_producer_notes_them_and_misses_what_has_none(service: Service, source: Source) -> None:
    """In its own outbox, which is any service's; of the others' events nothing is there to be noted."""
    mine, later = new_id(), new_id()
    row = {"type": "x.y.z.v1", "subject": new_id(), "sequence": 1, "data": "{}", "published_at": AT}
    async with service.database.transaction() as db:
        await db.execute(insert(outbox), [{**row, "event_id": mine}, {**row, "event_id": later, "sequence": 2}])
        await note_included(db, {mine: 5, new_id(): 6})
    async with service.database.reading() as db:
        found = {one.event_id: one.log_index for one in await db.execute(select(outbox))}
        age = (await db.execute(UNLOGGED)).scalar_one()
    assert found == {mine: 5, later: None}
    assert age > 0
    async with service.database.transaction() as db:
        await note_included(db, {later: 7})
    async with service.database.reading() as db:
        assert (await db.execute(UNLOGGED)).scalar_one() == 0


async def test_a_database_that_holds_less_than_before_is_not_built_upon(service: Service, source: Source) -> None:
    """It was restored while this process ran: the guard looks first."""
    sequencer = sequencer_of(service)
    for _ in range(2):
        await deliver(service, source.public())
        await sequencer.append()
    size = len(await entries(service.database))
    await tamper(service, delete(Checkpoint).where(Checkpoint.size == size))
    await deliver(service, source.public())
    assert await sequencer.append() == 0
    assert sequencer.doubt.is_set()
    assert len(await entries(service.database)) == size
