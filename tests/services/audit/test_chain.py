"""Every event of a source once, in its order, without a gap; what contradicts the chain is refused."""

import asyncio
import random
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import func, select, update

from kit.bus import Dead
from kit.envelope import Envelope, Event, Incoming
from kit.jobs import Job
from kit.service import Service
from services.audit.jobs import PATIENCE
from services.audit.models import ParkedEvent, ProducerCursor
from services.audit.reactions import Recorder
from tests.locks import until_waiting
from tests.services.audit.source import AT, Source, assert_whole, deliver, entries, parked, pending, sequence, signer_of


async def recorded(service: Service, source: str = "tender") -> int | None:
    async with service.database.reading() as db:
        query = select(ProducerCursor.last_seq).where(ProducerCursor.source == source)
        return (await db.execute(query)).scalar_one_or_none()


async def test_events_in_order(service: Service, source: Source) -> None:
    made = [source.public() for _ in range(3)]
    await deliver(service, *made)
    assert await pending(service.database) == [envelope.id for envelope in made]
    assert await recorded(service) == 3


async def test_a_gap_is_parked_and_taken_up(service: Service, source: Source) -> None:
    first, second, third, fourth = (source.public() for _ in range(4))
    await deliver(service, first, fourth, third)
    assert await pending(service.database) == [first.id]
    assert (await parked(service.database), await recorded(service)) == (2, 1)
    await deliver(service, second)
    assert set(await pending(service.database)) == {first.id, second.id, third.id, fourth.id}
    assert (await parked(service.database), await recorded(service)) == (0, 4)


async def test_any_order_and_doubles_make_one_log(service: Service, source: Source) -> None:
    made = [source.public() if random.random() < 0.5 else source.blind() for _ in range(20)]
    hands = made * 2
    random.shuffle(hands)
    await deliver(service, *hands)
    await sequence(service)
    logged = {entry.event_id for entry in await entries(service.database)}
    assert {envelope.id for envelope in made} <= logged
    assert (await parked(service.database), await recorded(service)) == (0, 20)
    await deliver(service, *hands)
    assert await sequence(service) == 0


async def test_two_consumers_at_once(service: Service, source: Source) -> None:
    made = [source.public() for _ in range(12)]
    await asyncio.gather(*(deliver(service, envelope) for envelope in made))
    assert (await parked(service.database), await recorded(service)) == (0, 12)
    await sequence(service)
    await assert_whole(service.database)


async def test_a_consumer_waits_for_the_one_that_looks_at_the_same_chain(service: Service, source: Source) -> None:
    """Else an event is parked in the moment in which the one before it finds nobody parked, and stays so."""
    await deliver(service, source.public())
    second, third = source.public(), source.public()
    async with service.database.transaction() as db:
        await Recorder(signer_of(service)).record(db, Incoming(third, Event()))
        other = asyncio.create_task(deliver(service, second))
        await until_waiting(service.database, other)
    await other
    assert (await parked(service.database), await recorded(service)) == (0, 3)


async def test_each_source_has_its_own_chain(service: Service, source: Source) -> None:
    registry = Source("registry")
    registry.short_blind()
    await deliver(service, source.public(), registry.short_blind())
    assert (await recorded(service), await recorded(service, "registry")) == (1, 0)


async def test_another_history_is_refused(service: Service, source: Source) -> None:
    await deliver(service, source.public())
    with source.aside():
        rewritten = source.public()
    await deliver(service, source.public())
    with pytest.raises(Dead, match="chain_broken: tender 2"):
        await deliver(service, rewritten)
    assert await recorded(service) == 2
    await deliver(service, source.public())
    assert await recorded(service) == 3


async def test_one_that_follows_another_is_refused(service: Service, source: Source) -> None:
    await deliver(service, source.public())
    source.prev = "0" * 64
    with pytest.raises(Dead, match="chain_broken"):
        await deliver(service, source.public())
    assert (await recorded(service), len(await pending(service.database))) == (1, 1)


async def test_a_parked_one_that_does_not_follow_stays_parked(service: Service, source: Source) -> None:
    first = source.public()
    with source.aside():
        source.prev = "f" * 64
        forged = source.public()
    second = source.public()
    await deliver(service, forged, first)
    assert (await parked(service.database), await recorded(service)) == (1, 1)
    await deliver(service, second)
    assert (await parked(service.database), await recorded(service)) == (1, 2)
    assert forged.id not in await pending(service.database)


async def test_fields_of_a_newer_envelope_are_part_of_the_chain(service: Service, source: Source) -> None:
    body = source.public().encode().replace(b'"specversion"', b'"later":1,"specversion"')
    source.prev = Envelope.digest(body)
    await deliver(service, Envelope.decode(body), source.public())
    assert await recorded(service) == 2


async def test_a_gap_is_told_of_once_after_a_minute_and_is_one_until_it_is_closed(
    service: Service, source: Source
) -> None:
    lost = source.public()
    await deliver(service, source.public())
    alarm = service.jobs["alarm_gaps"]

    async def look() -> list[str]:
        with structlog.testing.capture_logs() as logs:
            async with service.database.transaction() as db:
                await alarm(db, Job("alarm_gaps", "periodic", AT))
        return [f"{entry['event']}: {entry['source']} {entry['waiting']} {entry['recorded_up_to']}" for entry in logs]

    assert await look() == []
    async with service.database.transaction() as db:
        long_ago = func.clock_timestamp() - PATIENCE - timedelta(seconds=1)
        await db.execute(update(ParkedEvent).values(parked_at=long_ago))
    assert await told(service) == {"tender": 0}
    assert await look() == ["gap in the chain of events: tender 2 0"]
    assert await look() == []
    assert await told(service) == {"tender": 1}
    await deliver(service, lost)
    assert await told(service) == {"tender": 0}


async def told(service: Service) -> dict[str, int]:
    """To the operators, by every replica alike."""
    async with service.database.reading() as db:
        [gauge] = [gauge for gauge in service.gauges if gauge.name == "lpse.audit.gaps"]
        return {row.source: row.value for row in await db.execute(gauge.rows)}
