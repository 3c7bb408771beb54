"""The bus on RabbitMQ 3.10 to 4.x: quorum queues, publisher confirms, supervised plain connections."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

from kit.bus import BusUnavailable, DeadLetter, Depth, Handler, Message, Topology
from kit.bus.handling import objection
from kit.bus.rabbit.connection import PATIENCE, Session, probe, reachable, session
from kit.bus.rabbit.consumer import Consumer
from kit.bus.rabbit.letters import Letters
from kit.bus.rabbit.publisher import Publisher
from kit.bus.rabbit.wire import Outgoing, outgoing
from kit.bus.topology import BURIED

__all__ = ["RabbitBus"]

log = structlog.get_logger()


class RabbitBus:
    """`url` is `amqp[s]://user:password@host:port/vhost`; `client` names the connections in the broker's lists."""

    def __init__(self, url: str, client: str = "lpse") -> None:
        self.name = "rabbitmq"
        self._url = url
        self._client = client
        self._publisher = Publisher(url, f"{client} publisher")
        self._letters = Letters(url)

    async def start(self) -> None:
        """A broker that is away does not keep a service from starting: its outbox holds what it has to say."""
        try:
            await self._publisher.open()
        except BusUnavailable as away:
            log.warning("the bus is away", why=str(away))
        else:
            self.name = f"rabbitmq {self._publisher.version}"

    async def close(self) -> None:
        await self._publisher.close()

    async def declare(self, topology: Topology) -> None:
        await self._publisher.declare(topology)
        self.name = f"rabbitmq {self._publisher.version}"

    @property
    def _topology(self) -> Topology:
        if self._publisher.topology is None:
            raise RuntimeError("declare() tells the bus its topology; call it first")
        return self._publisher.topology

    async def publish(self, messages: Sequence[Message]) -> list[Exception | None]:
        outcomes = {index: objection(message) for index, message in enumerate(messages)}
        fit = [index for index, problem in outcomes.items() if problem is None]
        letters = [(messages[index].key, outgoing(messages[index])) for index in fit]
        outcomes.update(zip(fit, await self._publisher.send(self._topology.events, letters), strict=True))
        return list(outcomes.values())

    async def consume(self, queue: str, handler: Handler, *, prefetch: int = 32) -> None:
        topology = self._topology

        async def bury(letter: Outgoing) -> Exception | None:
            return (await self._publisher.send(topology.letters(queue), [(BURIED, letter)]))[0]

        await Consumer(self._url, topology, queue, handler, prefetch, bury).run()

    async def dead(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        return await self._letters.read(self._topology, queue, limit)

    async def retry_dead(self, queue: str, id: str) -> bool:
        return await self._letters.retry(self._topology, queue, id)

    async def discard_dead(self, queue: str, id: str) -> bool:
        return await self._letters.discard(self._topology, queue, id)

    async def depth(self, topology: Topology) -> dict[str, Depth]:
        depths = {}
        async with self._administration() as opened:
            for service in topology.subscriptions:
                ready = await _count(opened.connection, topology.queue(service))
                dead = await _count(opened.connection, topology.dead_queue(service))
                if ready is not None:
                    depths[service] = Depth(ready[0], dead[0] if dead else 0, ready[1])
        return depths

    async def differences(self, topology: Topology) -> list[str]:
        """Bindings cannot be read over AMQP; `declare` adds those that are missing. Properties are told only to who may declare."""
        queues: dict[str, dict[str, str]] = {}
        for service in topology.subscriptions:
            queues[topology.queue(service)] = topology.arguments(service)
            queues[topology.dead_queue(service)] = topology.dead_arguments()
        async with self._administration() as opened:
            direct = (topology.dead, *map(topology.letters, topology.subscriptions))
            exchanges = {
                topology.events: aio_pika.ExchangeType.TOPIC,
                **dict.fromkeys(direct, aio_pika.ExchangeType.DIRECT),
            }
            found = [await _exchange_difference(opened.connection, name, kind) for name, kind in exchanges.items()]
            found += [await _queue_difference(opened.connection, name, want) for name, want in queues.items()]
        return [sentence for sentence in found if sentence]

    async def remove(self, topology: Topology) -> None:
        async with self._administration() as opened:
            for service in topology.subscriptions:
                await opened.channel.queue_delete(topology.queue(service))
                await opened.channel.queue_delete(topology.dead_queue(service))
            for exchange in (topology.events, topology.dead, *map(topology.letters, topology.subscriptions)):
                await opened.channel.exchange_delete(exchange)
        await self._publisher.close()

    @asynccontextmanager
    async def _administration(self) -> AsyncIterator[Session]:
        with reachable():
            async with session(self._url, f"{self._client} administration") as opened, asyncio.timeout(3 * PATIENCE):
                yield opened


async def _count(connection: AbstractConnection, name: str) -> tuple[int, int] | None:
    """Messages and consumers of a queue; None when it does not exist."""
    try:
        async with probe(connection) as channel:
            result = (await channel.declare_queue(name, passive=True)).declaration_result
    except ChannelNotFoundEntity:
        return None
    return result.message_count or 0, result.consumer_count or 0


async def _queue_difference(connection: AbstractConnection, name: str, arguments: dict[str, str]) -> str | None:
    if await _count(connection, name) is None:
        return f"The queue {name} is missing. `lpse up` or the start of any service declares it."
    try:
        with suppress(ChannelAccessRefused):
            async with probe(connection) as channel:
                await channel.declare_queue(name, durable=True, arguments={**arguments})
    except ChannelPreconditionFailed as error:
        return f"The queue {name} has other properties than declared ({error}). Drain, delete and declare it again."
    return None


async def _exchange_difference(connection: AbstractConnection, name: str, kind: aio_pika.ExchangeType) -> str | None:
    try:
        async with probe(connection) as channel:
            await channel.declare_exchange(name, kind, passive=True)
        with suppress(ChannelAccessRefused):
            async with probe(connection) as channel:
                await channel.declare_exchange(name, kind, durable=True)
    except ChannelNotFoundEntity:
        return f"The exchange {name} is missing. `lpse up` or the start of any service declares it."
    except ChannelPreconditionFailed as error:
        return f"The exchange {name} has other properties than declared ({error}). Delete it and declare it again."
    return None
