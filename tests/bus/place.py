"""A backend under test: its server, new buses on it, and a handler that remembers."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

import aio_pika
import asyncpg

from cli.servers import Postgres, RabbitMQ
from kit.bus import Bus, Delivery, Handler, Message, Topology
from kit.bus.embedded import EmbeddedBus
from kit.bus.rabbit import RabbitBus
from tests.containers import Broker, ContainedRabbitMQ

__all__ = ["Place", "Seen", "consuming", "make_bus", "messages", "until"]


def make_bus(url: str) -> Bus:
    return EmbeddedBus(url) if url.startswith("postgresql") else RabbitBus(url, "tests")


@dataclass
class Place:
    """One server, which tests share; every test has a prefix of its own."""

    server: Postgres | Broker

    @property
    def is_rabbitmq(self) -> bool:
        return not isinstance(self.server, Postgres)

    @property
    def url(self) -> str:
        return self.server.dsn if isinstance(self.server, Postgres) else self.server.url

    @asynccontextmanager
    async def bus(self, topology: Topology) -> AsyncIterator[Bus]:
        bus = make_bus(self.url)
        await bus.start()
        try:
            await bus.declare(topology)
            yield bus
        finally:
            await bus.close()

    def topology(self, **patterns: set[str]) -> Topology:
        subscriptions = {service: frozenset(wanted) for service, wanted in patterns.items()}
        return Topology(f"t{uuid.uuid4().hex[:10]}", subscriptions)

    async def delete_queue(self, name: str) -> None:
        if self.is_rabbitmq:
            async with await aio_pika.connect(self.url) as connection, await connection.channel() as channel:
                await channel.queue_delete(name)
            return
        database = await asyncpg.connect(self.url)
        await database.execute("delete from bus.queue where name = $1", name)
        await database.close()

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self._local.wait()

    async def restart(self) -> None:
        await self._local.stop()
        await self._local.start()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def _local(self) -> Postgres | RabbitMQ:
        assert not isinstance(self.server, ContainedRabbitMQ), "a broker in a container is no process of ours"
        return self.server

    def _signal(self, number: signal.Signals) -> None:
        assert self._local.pid
        os.kill(self._local.pid, number)


@dataclass
class Seen:
    """A handler that remembers, and does first what `then` says."""

    then: Callable[[Delivery], Awaitable[None]] | None = None
    deliveries: list[Delivery] = field(default_factory=list)

    async def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if self.then:
            await self.then(delivery)

    @property
    def ids(self) -> list[str]:
        return [delivery.message.id for delivery in self.deliveries]

    async def wait(self, number: int, seconds: float = 20) -> None:
        await until(lambda: len(self.deliveries) >= number, seconds, lambda: f"{len(self.deliveries)} of {number} came")


async def until(
    is_so: Callable[[], bool], seconds: float = 20, what: Callable[[], str] = lambda: "it never came to be"
) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not is_so():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(what()) from None


@asynccontextmanager
async def consuming(bus: Bus, queue: str, handler: Handler, prefetch: int = 32) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(bus.consume(queue, handler, prefetch=prefetch))
    try:
        yield task
        assert not task.done() or task.cancelled(), f"the consumer ended by itself: {task.exception()!r}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


_number = count(1)


def messages(number: int, key: str = "registry.provider.verified.v1") -> list[Message]:
    return [
        Message(f"m{next(_number):06}", key, f'{{"n": {n}}}'.encode(), {"traceparent": f"00-{n:032x}-{n:016x}-01"})
        for n in range(number)
    ]
