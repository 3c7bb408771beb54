"""Each event has its effect once, however often and in whatever order the bus hands it out."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text

from kit.bus import Bus, Dead, Delivery, Message, Retry, Topology, Unavailable
from kit.bus.embedded import EmbeddedBus
from kit.db import Database, Db, is_unavailable
from kit.envelope import Envelope, Event, Incoming
from kit.ids import new_id
from kit.inbox import LIMIT, RETURNS, Inbox, Reaction, delivery_failure, forget_failures, forgive, inbox, replay
from kit.outbox import Relay, emit
from kit.telemetry import Telemetry
from tests.kit.probe import VIEWS, Note, NoteStruck, NoteView, NoteWritten, written

SUBJECT = new_id()


@pytest.fixture
def once(database: Database, signals: Telemetry) -> Inbox:
    return Inbox("probe", database, {NoteWritten.TYPE: VIEWS}, signals)


def envelope(
    sequence: int = 1, *, subject: UUID = SUBJECT, type_: str = NoteWritten.TYPE, data: dict[str, Any] | None = None
) -> Envelope:
    return Envelope(
        id=new_id(),
        source="probe",
        type=type_,
        subject=subject,
        time=datetime.now(UTC),
        data={"text": f"text {sequence}"} if data is None else data,
        sequence=sequence,
        instance="uji",
        seq=sequence,
        prev="0" * 64,
    )


def delivery(what: Envelope, returned: int = 0) -> Delivery:
    return Delivery(Message(str(what.id), what.type, what.encode(), {}), "probe", returned)


async def view(database: Database, subject: UUID = SUBJECT) -> NoteView:
    async with database.reading() as db:
        return await db.get_one(NoteView, subject)


async def count(database: Database, table: Any) -> int:
    async with database.reading() as db:
        return (await db.execute(select(func.count()).select_from(table))).scalar_one()


async def test_doubled_and_shuffled(database: Database, once: Inbox) -> None:
    subjects = [new_id() for _ in range(3)]
    events = [envelope(sequence, subject=subject) for subject in subjects for sequence in range(1, 6)]
    hands = events * 3
    random.shuffle(hands)
    for event in hands:
        await once(delivery(event))
    for subject in subjects:
        seen = await view(database, subject)
        assert (seen.times, seen.sequence, seen.text) == (5, 5, "text 5")
    assert await count(database, inbox) == 15


async def test_the_same_event_in_two_consumers_at_once(database: Database, once: Inbox) -> None:
    event = envelope()
    await asyncio.gather(*(once(delivery(event)) for _ in range(6)))
    assert (await view(database)).times == 1


async def test_unknown_fields_of_a_newer_producer_are_ignored(database: Database, once: Inbox) -> None:
    await once(delivery(envelope(data={"text": "known", "mood": "new"})))
    assert (await view(database)).text == "known"


async def test_from_commit_to_reaction_over_a_real_bus(
    database: Database, once: Inbox, signals: Telemetry, empty_database: str
) -> None:
    bus: Bus = EmbeddedBus(empty_database)
    await bus.start()
    await bus.declare(Topology("uji", {"probe": frozenset({NoteWritten.TYPE})}))
    relay = Relay("probe", "uji", database, bus, signals, sweep=0.05)
    work = [asyncio.create_task(relay.run()), asyncio.create_task(bus.consume("probe", once))]
    async with database.transaction() as db:
        note = Note(text="travels")
        db.add(note)
        await emit(db, written(note))
    async with asyncio.timeout(10):
        while await count(database, NoteView) == 0:
            await asyncio.sleep(0.02)
    assert (await view(database, note.id)).text == "travels"
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    await bus.close()


async def fails(_db: Db, _incoming: Incoming[Any]) -> None:
    raise ZeroDivisionError("as always")


@pytest.fixture
def poisoned(database: Database, signals: Telemetry) -> Inbox:
    return Inbox("probe", database, {NoteWritten.TYPE: Reaction(NoteWritten, fails)}, signals)


async def test_poison_is_dead_after_ten_attempts(database: Database, poisoned: Inbox) -> None:
    event = envelope()
    pauses = []
    for _ in range(LIMIT - 1):
        with pytest.raises(Retry) as again:
            await poisoned(delivery(event))
        pauses.append(again.value.after)
    with pytest.raises(Dead, match="as always"):
        await poisoned(delivery(event))
    assert LIMIT == 10
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] <= pauses[-1] <= 5
    assert await count(database, inbox) == 0


async def test_after_a_pardon_it_counts_anew(database: Database, poisoned: Inbox) -> None:
    event = envelope()
    for _ in range(LIMIT):
        with pytest.raises((Retry, Dead)):
            await poisoned(delivery(event))
    async with database.transaction() as db:
        await forgive(db, event.id)
    with pytest.raises(Retry):
        await poisoned(delivery(event))


async def test_failures_are_forgotten_once_the_event_was_handled(
    database: Database, poisoned: Inbox, once: Inbox
) -> None:
    healed, ill = envelope(), envelope(subject=new_id())
    for event in (healed, ill):
        with pytest.raises(Retry):
            await poisoned(delivery(event))
    await once(delivery(healed))
    async with database.transaction() as db:
        await forget_failures(db)
        assert (await db.execute(select(delivery_failure.c.event_id))).scalars().all() == [ill.id]


async def test_other_events_are_not_counted_with_it(poisoned: Inbox) -> None:
    for _ in range(LIMIT + 1):
        with pytest.raises(Retry):
            await poisoned(delivery(envelope()))


async def test_one_that_kills_its_consumer_again_and_again_is_dead(poisoned: Inbox) -> None:
    with pytest.raises(Dead):
        await poisoned(delivery(envelope(), returned=RETURNS))


async def test_half_an_effect_is_none(database: Database, signals: Telemetry) -> None:
    async def half(db: Db, incoming: Incoming[NoteWritten]) -> None:
        await VIEWS.handler(db, incoming)
        await db.flush()
        raise LookupError("the other half")

    handler = Inbox("probe", database, {NoteWritten.TYPE: Reaction(NoteWritten, half)}, signals)
    with pytest.raises(Retry):
        await handler(delivery(envelope()))
    assert await count(database, NoteView) == 0
    assert await count(database, inbox) == 0
    assert await count(database, delivery_failure) == 1


@pytest.mark.parametrize(
    "broken",
    [
        Message("x", NoteWritten.TYPE, b"not json", {}),
        Message("x", NoteWritten.TYPE, envelope(data={"words": 1}).encode(), {}),
        Message("x", NoteStruck.TYPE, envelope(type_=NoteStruck.TYPE, data={}).encode(), {}),
    ],
    ids=["no envelope", "no such data", "no such type"],
)
async def test_what_can_never_be_handled_is_dead_at_once(once: Inbox, broken: Message) -> None:
    with pytest.raises(Dead):
        await once(Delivery(broken, "probe", 0))


async def test_a_database_that_is_away_is_no_attempt(signals: Telemetry) -> None:
    away = Database("postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    handler = Inbox("probe", away, {NoteWritten.TYPE: VIEWS}, signals)
    with pytest.raises(Unavailable):
        await handler(delivery(envelope()))
    await away.close()


async def test_a_database_that_ends_in_the_middle_is_no_attempt(database: Database, signals: Telemetry) -> None:
    async def cut(db: Db, _incoming: Incoming[Any]) -> None:
        async with database.transaction() as other:
            pid = (await db.execute(text("select pg_backend_pid()"))).scalar_one()
            await other.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        await db.execute(text("select 1"))

    handler = Inbox("probe", database, {NoteWritten.TYPE: Reaction(NoteWritten, cut)}, signals)
    with pytest.raises(Unavailable):
        await handler(delivery(envelope()))
    assert await count(database, delivery_failure) == 0


@pytest.mark.parametrize(
    "statement", ["select 1/0", "select pg_sleep(1)", "select * from nothing", "insert into note (text) values (null)"]
)
async def test_a_database_that_refuses_is_there(database: Database, signals: Telemetry, statement: str) -> None:
    async def refused(db: Db, _incoming: Incoming[Any]) -> None:
        await db.execute(text("set local statement_timeout = '50ms'"))
        await db.execute(text(statement))

    handler = Inbox("probe", database, {NoteWritten.TYPE: Reaction(NoteWritten, refused)}, signals)
    with pytest.raises(Retry):
        await handler(delivery(envelope()))


async def test_a_value_the_driver_cannot_send_does_not_stop_the_consumer(database: Database) -> None:
    with pytest.raises(Exception) as error:  # noqa: PT011  which class is the driver's choice
        async with database.transaction() as db:
            await db.execute(insert(Note).values(text="x", number=2**80))
    assert not is_unavailable(error.value)


async def test_everything_sees_what_no_reaction_takes(database: Database, signals: Telemetry) -> None:
    seen: list[tuple[str, bytes]] = []

    async def everything(_db: Db, incoming: Incoming[Event]) -> None:
        seen.append((incoming.envelope.type, incoming.envelope.encode()))

    handler = Inbox("probe", database, {}, signals, everything)
    event = envelope(type_="some.thing.new.v3", data={"what": [1, None]})
    body = event.encode().replace(b'"specversion"', b' "later":1, "specversion"')
    await handler(Delivery(Message(str(event.id), event.type, body, {}), "probe", 0))
    assert seen == [("some.thing.new.v3", body)]


async def test_a_replay_rebuilds_the_read_model(database: Database, once: Inbox) -> None:
    events = [envelope(sequence) for sequence in (1, 2, 3)]
    for event in events:
        await once(delivery(event))
    async with database.transaction() as db:
        await db.execute(text("update note_view set text = 'spoilt'"))
        await db.execute(insert(NoteView).values(id=new_id(), text="never was", sequence=1, times=1))
        strange = envelope(type_=NoteStruck.TYPE, data={})
        assert await replay(db, once.reactions, [*events, strange]) == 3
    assert await count(database, NoteView) == 1
    assert ((await view(database)).text, (await view(database)).times) == ("text 3", 3)
    await once(delivery(events[0]))
    assert (await view(database)).times == 3


async def test_a_replay_repeats_no_act(database: Database, once: Inbox) -> None:
    acts: list[UUID] = []

    async def act(_db: Db, incoming: Incoming[Event]) -> None:
        acts.append(incoming.envelope.id)

    reactions = {NoteWritten.TYPE: VIEWS, NoteStruck.TYPE: Reaction(NoteStruck, act)}
    async with database.transaction() as db:
        assert await replay(db, reactions, [envelope(), envelope(type_=NoteStruck.TYPE, data={})]) == 1
    assert acts == []


async def test_half_a_replay_is_refused(database: Database, signals: Telemetry) -> None:
    reactions = {NoteWritten.TYPE: VIEWS, NoteStruck.TYPE: Reaction(NoteStruck, VIEWS.handler, rebuilds=(NoteView,))}
    async with database.transaction() as db:
        await db.execute(insert(inbox).values(event_id=new_id(), type=NoteStruck.TYPE))
    async with database.transaction() as db:
        with pytest.raises(ValueError, match=NoteStruck.TYPE):
            await replay(db, reactions, [envelope()])


@pytest.fixture(autouse=True)
async def no_connection_left(database: Database) -> AsyncIterator[None]:
    yield
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
