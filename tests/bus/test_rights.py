"""A service works with the rights of its own user alone (`Topology.rights`), where somebody else declared the queues."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aio_pika
import pytest
from aiormq.exceptions import ChannelAccessRefused, PublishError

from cli.servers import Postgres
from kit.bus import Bus, BusUnavailable, Dead, Delivery, Topology
from kit.bus.rabbit import RabbitBus
from kit.bus.topology import AGAIN, BURIED, Rights
from tests.bus.place import Place, Seen, consuming, messages


@pytest.fixture(scope="module")
def topology(rabbitmq: Place) -> Topology:
    return rabbitmq.topology(tender={"registry.#"}, audit={"#"}, registry=set())


@asynccontextmanager
async def user_with(rabbitmq: Place, topology: Topology, rights: Rights) -> AsyncIterator[str]:
    """The address for a user with these rights."""
    server = rabbitmq.server
    assert not isinstance(server, Postgres)
    user = f"u{uuid.uuid4().hex[:8]}"
    await server.control("add_user", user, "password-of-a-test")
    await server.control("set_permissions", "-p", "/", user, rights.configure, rights.write, rights.read)
    await server.control("set_topic_permissions", "-p", "/", user, topology.events, rights.topics, "^$")
    yield f"amqp://{user}:password-of-a-test@{urlsplit(server.url).netloc.rpartition('@')[2]}"
    await server.control("delete_user", user)


@pytest.fixture(scope="module")
async def tender(rabbitmq: Place, topology: Topology) -> AsyncIterator[str]:
    """Made once, since each order takes the broker's tool two seconds."""
    async with user_with(rabbitmq, topology, topology.rights("tender")) as address:
        yield address


@pytest.fixture(scope="module")
async def office(rabbitmq: Place, topology: Topology) -> AsyncIterator[str]:
    async with user_with(rabbitmq, topology, topology.office()) as address:
        yield address


@pytest.fixture
async def own(rabbitmq: Place, topology: Topology, tender: str) -> AsyncIterator[Bus]:
    async with rabbitmq.bus(topology):
        bus = RabbitBus(tender, "tender")
        await bus.declare(topology)
        yield bus
        await bus.close()


async def test_publishes_consumes_and_tends_its_dead_letters(rabbitmq: Place, topology: Topology, own: Bus) -> None:
    async def refuse(_: Delivery) -> None:
        raise Dead("test", "not today")

    (event,) = messages(1)
    refused, taken = Seen(refuse), Seen()
    async with rabbitmq.bus(topology) as registry:
        async with consuming(own, "tender", refused):
            assert await registry.publish([event]) == [None]
            await refused.wait(1)
            while not await own.dead("tender"):
                await asyncio.sleep(0.05)
        assert await own.retry_dead("tender", event.id)
        async with consuming(own, "tender", taken):
            await taken.wait(1)
    assert taken.deliveries[0].message == event
    assert await own.publish(messages(2, "tender.bid.submitted.v1")) == [None, None]


async def test_may_not_speak_for_another_service(own: Bus) -> None:
    (outcome,) = await own.publish(messages(1, "registry.provider.verified.v1"))
    assert outcome is not None


@pytest.mark.parametrize("queue", ["audit", "registry"])
async def test_may_not_read_or_fill_anothers_queue(topology: Topology, own: Bus, tender: str, queue: str) -> None:
    async with await aio_pika.connect(tender) as connection:
        channel = await connection.channel()
        other = await channel.get_queue(topology.queue(queue), ensure=False)
        with pytest.raises(ChannelAccessRefused):
            await other.get(fail=False)
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.default_exchange.publish(aio_pika.Message(b""), topology.queue(queue))


async def test_may_not_fill_anothers_queue_by_the_ways_of_the_dead(topology: Topology, own: Bus, tender: str) -> None:
    """What comes by them says itself what it is and whose."""
    ways = [(topology.dead, "audit"), (topology.dead, "audit.again"), (topology.letters("audit"), BURIED)]
    async with await aio_pika.connect(tender) as connection:
        for exchange, key in [*ways, (topology.letters("audit"), AGAIN)]:
            channel = await connection.channel()
            other = await channel.get_exchange(exchange, ensure=False)
            with pytest.raises(ChannelAccessRefused):
                await other.publish(aio_pika.Message(b""), key)


async def test_the_way_that_was_open_to_all_is_closed_and_its_letters_stay(rabbitmq: Place) -> None:
    """As an installation of an older version left it."""
    topology = rabbitmq.topology(tender={"registry.#"})
    async with rabbitmq.bus(topology), await aio_pika.connect(rabbitmq.url) as connection:
        channel = await connection.channel(on_return_raises=True)
        dead = await channel.get_exchange(topology.dead)
        await (await channel.get_queue(topology.queue("tender"))).bind(dead, "tender.again")
        letter = aio_pika.Message(b"{}", headers={"x-lpse-id": "old"}, type="registry.provider.verified.v1")
        await dead.publish(letter, "tender")
        async with rabbitmq.bus(topology) as newer:
            with pytest.raises(PublishError):
                await dead.publish(letter, "tender.again")
            taken = Seen()
            assert await newer.retry_dead("tender", "old")
            async with consuming(newer, "tender", taken):
                await taken.wait(1)
    assert taken.ids == ["old"]


async def test_what_nobody_declared_yet_is_a_bus_that_is_away(rabbitmq: Place, tender: str) -> None:
    bus = RabbitBus(tender, "tender")
    with pytest.raises(BusUnavailable, match="NOT_FOUND"):
        await bus.declare(rabbitmq.topology(tender={"registry.#"}))
    await bus.close()


async def test_an_operator_sees_every_queue_and_tends_every_dead_letter(
    rabbitmq: Place, topology: Topology, office: str
) -> None:
    async def refuse(_: Delivery) -> None:
        raise Dead("test", "not today")

    kept, given_up = messages(2)
    refused, taken = Seen(refuse), Seen()
    bus = RabbitBus(office, "office")
    async with rabbitmq.bus(topology) as services:
        await bus.declare(topology)
        async with consuming(services, "tender", refused):
            assert await services.publish([kept, given_up]) == [None, None]
            await refused.wait(2)
            while len(await bus.dead("tender")) < 2:
                await asyncio.sleep(0.05)
        depths = await bus.depth(topology)
        assert {name: depth.dead for name, depth in depths.items()} == {"tender": 2, "audit": 0, "registry": 0}
        assert await bus.differences(topology) == []
        assert await bus.discard_dead("tender", given_up.id)
        assert await bus.retry_dead("tender", kept.id)
        async with consuming(services, "tender", taken):
            await taken.wait(1)
        assert [delivery.message for delivery in taken.deliveries] == [kept]
    await bus.close()


async def test_an_operator_speaks_for_nobody_and_reads_nobodys_events(
    rabbitmq: Place, topology: Topology, office: str
) -> None:
    async with rabbitmq.bus(topology), await aio_pika.connect(office) as connection:
        bus = RabbitBus(office, "office")
        await bus.declare(topology)
        assert await bus.publish(messages(1)) != [None]
        await bus.close()
        for service in topology.subscriptions:
            name = topology.queue(service)
            refused = (
                lambda _, queue: queue.get(fail=False),
                lambda channel, queue: channel.default_exchange.publish(aio_pika.Message(b""), queue.name),
                lambda _, queue: queue.bind(topology.events, "tender.#"),
                lambda _, queue: queue.bind(topology.dead, "tender"),
                lambda _, queue: queue.purge(),
                lambda _, queue: queue.delete(if_unused=False, if_empty=False),
            )
            for act in refused:
                channel = await connection.channel()
                with pytest.raises(ChannelAccessRefused):
                    await act(channel, await channel.get_queue(name, ensure=False))
