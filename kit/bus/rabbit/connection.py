"""One plain AMQP connection with one channel, and how it ends.

The library's robust connection does not bring back a consumer the broker cancelled, and hides losses; here every loss
ends the session, and whoever runs it starts a new one.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from aiormq.exceptions import ChannelAccessRefused

from kit.bus import BusUnavailable
from kit.bus.handling import is_cancelled
from kit.bus.topology import AGAIN, BURIED, Topology

__all__ = ["PATIENCE", "Session", "declare", "open_channel", "probe", "reachable", "session"]

PATIENCE = 10.0
"""Seconds the broker has for an answer."""
HEARTBEAT = 15


@dataclass(frozen=True, slots=True)
class Session:
    """`lost` is resolved with the reason when the connection, the channel or a consumer on it ends."""

    connection: AbstractConnection
    channel: AbstractChannel
    lost: asyncio.Future[str]


class _Connection(aio_pika.Connection):
    """Its session closes it. The library's finalizer begins a `close()` that nobody awaits where no loop runs."""

    def __del__(self) -> None:
        pass


@asynccontextmanager
async def session(url: str, name: str) -> AsyncIterator[Session]:
    lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def lose(why: str) -> None:
        if not lost.done():
            lost.set_result(why)

    properties: Any = {"connection_name": name}
    connection = await aio_pika.connect(
        url, timeout=5, heartbeat=HEARTBEAT, client_properties=properties, connection_class=_Connection
    )
    try:
        async with asyncio.timeout(PATIENCE):
            connection.close_callbacks.add(lambda *_: lose("connection closed"))
            channel = await open_channel(connection)
            channel.close_callbacks.add(lambda *_: lose("channel closed"))
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _: lose("consumer cancelled by the broker"))
        yield Session(connection, channel, lost)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(3):
                await connection.close()


async def open_channel(connection: AbstractConnection) -> AbstractChannel:
    """A channel on which an unroutable message is an error; the library's default lets it vanish."""
    return await connection.channel(publisher_confirms=True, on_return_raises=True)


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the many ways in which a broker is away into one."""
    try:
        yield
    except (OSError, AMQPError, ChannelInvalidStateError) as error:
        raise BusUnavailable(f"RabbitMQ cannot be used: {error!r}") from error
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise BusUnavailable("RabbitMQ cannot be used: the connection was given up") from error


@asynccontextmanager
async def probe(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    """A channel of its own: the broker closes the one on which a question has a bad answer."""
    channel = await open_channel(connection)
    try:
        yield channel
    finally:
        await channel.close()


async def declare(connection: AbstractConnection, topology: Topology, services: Collection[str]) -> None:
    """Where the user may not (a cluster's operator declares, and each service has only its `rights`), all must be there."""
    try:
        async with probe(connection) as channel:
            await _declare(channel, topology, services)
    except ChannelAccessRefused:
        for exchange in (topology.events, topology.dead, *map(topology.letters, services)):
            await _look(connection, "declare_exchange", exchange)
        for service in services:
            for queue in (topology.queue(service), topology.dead_queue(service)):
                await _look(connection, "declare_queue", queue)


async def _look(connection: AbstractConnection, how: str, name: str) -> None:
    """From RabbitMQ 4.2.6 on a broker shows to nobody what he has no right to: that is no sign that it is missing."""
    with suppress(ChannelAccessRefused):
        async with probe(connection) as channel:
            await getattr(channel, how)(name, passive=True)


async def _declare(channel: AbstractChannel, topology: Topology, services: Iterable[str]) -> None:
    events = await channel.declare_exchange(topology.events, aio_pika.ExchangeType.TOPIC, durable=True)
    dead = await channel.declare_exchange(topology.dead, aio_pika.ExchangeType.DIRECT, durable=True)
    for service in services:
        letters = await channel.declare_queue(
            topology.dead_queue(service), durable=True, arguments={**topology.dead_arguments()}
        )
        own = await channel.declare_exchange(topology.letters(service), aio_pika.ExchangeType.DIRECT, durable=True)
        await letters.bind(dead, service)
        await letters.bind(own, BURIED)
        queue = await channel.declare_queue(
            topology.queue(service), durable=True, arguments={**topology.arguments(service)}
        )
        await queue.bind(own, AGAIN)
        await queue.unbind(dead, f"{service}.again")  # the way at first, which was open to all services
        for pattern in sorted(topology.subscriptions[service]):
            await queue.bind(events, pattern)
        for type_ in sorted(topology.retired(service)):
            await queue.unbind(events, type_)
