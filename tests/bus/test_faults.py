"""The server dies, freezes, or loses a queue: nothing confirmed is lost, and consumers come back by themselves."""

import asyncio
from collections.abc import Sequence

import aio_pika
import pytest

from kit.bus import Bus, BusUnavailable, Dead, Delivery, Message, Topology
from tests.bus.place import Place, Seen, consuming, make_bus, messages, until

SETTLED = 1.5
"""Seconds. RabbitMQ 3.10 writes down a new quorum queue a moment late: killed before that, it never leads it again."""


async def test_a_killed_server_loses_nothing_and_nobody(mortal: Place) -> None:
    topology = mortal.topology(tender={"#"}, audit={"#"})
    before, during, after = messages(30), messages(3), messages(5)
    seen = Seen()

    async def condemn(delivery: Delivery) -> None:
        raise Dead("invalid")

    async with mortal.bus(topology) as bus:
        assert await bus.publish(before) == [None] * 30
        async with consuming(bus, "audit", condemn):
            await until_dead(bus, topology, 30)
        async with consuming(bus, "tender", seen):
            await seen.wait(30)
            assert await bus.publish(after[:2]) == [None, None]
            await asyncio.sleep(SETTLED)
            await mortal.kill()
            outcomes = await bus.publish(during)
            assert [type(outcome) for outcome in outcomes] == [BusUnavailable] * 3
            with pytest.raises(BusUnavailable):
                await bus.depth(topology)
            await mortal.restart()
            await publish_until_taken(bus, after[2:])
            await until(lambda: {message.id for message in before + after} <= set(seen.ids))
        assert not set(seen.ids) & {message.id for message in during}
        assert (await bus.depth(topology))["audit"].dead >= 30
        assert {letter.id for letter in await bus.dead("audit")} >= {message.id for message in before}


async def test_a_bus_that_starts_before_its_broker_finds_it_later(rabbitmq: Place) -> None:
    """A service starts without the broker: the outbox holds what it has to say."""
    bus = make_bus("amqp://lpse:none@127.0.0.1:1")
    await bus.start()
    topology = rabbitmq.topology(tender={"#"})
    with pytest.raises(BusUnavailable):
        await bus.declare(topology)
    assert bus.name == "rabbitmq"
    assert isinstance((await bus.publish(messages(1)))[0], BusUnavailable)
    seen = Seen()
    async with consuming(bus, "tender", seen):
        await asyncio.sleep(0.3)
        bus._publisher._url = rabbitmq.url  # type: ignore[attr-defined]
        assert await bus.publish(messages(1)) == [None], "declared on the way"
    await bus.close()


async def test_the_name_tells_the_version(place: Place) -> None:
    async with place.bus(place.topology(tender={"#"})) as bus:
        assert bus.name == (f"rabbitmq {place.server.version}" if place.is_rabbitmq else "embedded")


async def test_a_queue_deleted_under_its_consumer_comes_back(place: Place) -> None:
    topology = place.topology(tender={"#"})
    seen = Seen()
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(messages(1))
        await seen.wait(1)
        await place.delete_queue(topology.queue("tender"))
        await publish_until_taken(bus, messages(1))
        await seen.wait(2)


async def test_a_frozen_broker_is_waited_for(mortal_rabbitmq: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing raises by itself while a broker is frozen; patience ends it, and the next event arrives."""
    monkeypatch.setattr("kit.bus.rabbit.publisher.PATIENCE", 1.0)
    topology = mortal_rabbitmq.topology(tender={"#"})
    seen = Seen()
    async with mortal_rabbitmq.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(messages(1))
        await seen.wait(1)
        mortal_rabbitmq.freeze()
        try:
            outcomes = await bus.publish(messages(2))
            assert [type(outcome) for outcome in outcomes] == [BusUnavailable] * 2
            await asyncio.sleep(1)
        finally:
            mortal_rabbitmq.thaw()
        last = messages(1)
        await publish_until_taken(bus, last)
        await until(lambda: last[0].id in seen.ids)


async def test_a_consumer_leaves_a_broker_whose_heartbeat_stopped(
    mortal_rabbitmq: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.bus.rabbit.connection.HEARTBEAT", 1)
    topology = mortal_rabbitmq.topology(tender={"#"})
    seen = Seen()
    async with mortal_rabbitmq.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(messages(1))
        await seen.wait(1)
        mortal_rabbitmq.freeze()
        try:
            await asyncio.sleep(5)
        finally:
            mortal_rabbitmq.thaw()
        last = messages(1)
        await publish_until_taken(bus, last)
        await until(lambda: last[0].id in seen.ids)


async def test_a_queue_with_other_arguments_is_told(rabbitmq: Place) -> None:
    topology = rabbitmq.topology(tender={"#"})
    async with await aio_pika.connect(rabbitmq.url) as connection, await connection.channel() as channel:
        await channel.declare_queue(
            topology.queue("tender"), durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 3}
        )
    bus = make_bus(rabbitmq.url)
    await bus.start()
    with pytest.raises(BusUnavailable, match="PRECONDITION_FAILED"):
        await bus.declare(topology)
    sentences = await bus.differences(topology)
    await bus.close()
    assert any(f"{topology.queue('tender')} has other properties" in sentence for sentence in sentences)
    assert len(sentences) == 1, "what is as declared is not mentioned"


async def test_a_database_that_does_not_answer_is_away(embedded: Place) -> None:
    bus = make_bus("postgresql://lpse:none@127.0.0.1:1/none")
    await bus.start()
    with pytest.raises(BusUnavailable):
        await bus.declare(embedded.topology(tender={"#"}))
    assert isinstance((await bus.publish(messages(1)))[0], BusUnavailable)
    bus._dsn = embedded.url  # type: ignore[attr-defined]
    assert await bus.publish(messages(1)) == [None], "declared on the way"
    await bus.close()


async def publish_until_taken(bus: Bus, wanted: Sequence[Message]) -> None:
    left = list(wanted)
    async with asyncio.timeout(30):
        while left:
            outcomes = await bus.publish(left)
            left = [message for message, outcome in zip(left, outcomes, strict=True) if outcome]
            await asyncio.sleep(0.2 if left else 0)


async def until_dead(bus: Bus, topology: Topology, number: int) -> None:
    for _ in range(100):
        if (await bus.depth(topology))["audit"].dead >= number:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the dead letters never came")
