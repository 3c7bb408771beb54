"""Publishing with confirmations, over a connection of its own: under a memory alarm RabbitMQ stops reading from
connections that publish, and acknowledgements must not wait behind that."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from aio_pika.exceptions import DeliveryError, PublishError
from aiormq.abc import AbstractChannel

from kit.bus import BusUnavailable, Refused, Unroutable
from kit.bus.rabbit.connection import PATIENCE, Session, declare, reachable, session
from kit.bus.rabbit.wire import Outgoing
from kit.bus.topology import Topology

__all__ = ["Letter", "Publisher"]

Letter = tuple[str, Outgoing]
"""Routing key and message."""

SMALL = 64 << 10
"""Bytes of a body that is handed over at once; a batch of larger ones waits for the socket, one after the other."""


class Publisher:
    """Opens its session when needed and drops it when the broker did not answer."""

    def __init__(self, url: str, name: str) -> None:
        self.topology: Topology | None = None
        self.version = ""
        self._url = url
        self._name = name
        self._session: Session | None = None
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def open(self) -> Session:
        """The living session, with everything declared on it."""
        async with self._opening:
            if self._session is not None and not self._session.lost.done():
                return self._session
            await self._drop()
            with reachable():
                fresh = await self._stack.enter_async_context(session(self._url, self._name))
                self.version = _version(fresh)
                if self.topology is not None:
                    async with asyncio.timeout(PATIENCE):
                        await declare(fresh.connection, self.topology, self.topology.subscriptions)
            self._session = fresh
            return fresh

    async def declare(self, topology: Topology) -> None:
        self.topology = topology
        await self.close()
        await self.open()

    async def close(self) -> None:
        async with self._opening:
            await self._drop()

    async def _drop(self) -> None:
        self._session = None
        await self._stack.aclose()

    async def send(self, exchange: str, letters: Sequence[Letter]) -> list[Exception | None]:
        try:
            opened = await self.open()
            with reachable():
                channel = await opened.channel.get_underlay_channel()
        except BusUnavailable as away:
            return [away] * len(letters)
        outcomes = await _confirmed(_send(channel, exchange, key, message) for key, message in letters)
        if any(isinstance(outcome, BusUnavailable) for outcome in outcomes):
            await self.close()
        return outcomes


async def _confirmed(sends: Iterable[Coroutine[Any, Any, Exception | None]]) -> list[Exception | None]:
    """Wait for the broker's word on each, all under way at once, for `PATIENCE` seconds."""
    tasks = [asyncio.create_task(send) for send in sends]
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks, timeout=PATIENCE)
    finally:
        silent = [task for task in tasks if task.cancel()]
    if silent:
        await asyncio.wait(silent)
    return [_outcome(task) for task in tasks]


def _outcome(task: asyncio.Task[Exception | None]) -> Exception | None:
    return BusUnavailable("RabbitMQ did not confirm in time") if task.cancelled() else task.result()


async def _send(channel: AbstractChannel, exchange: str, key: str, message: Outgoing) -> Exception | None:
    """The exchange's own `publish` waits for the socket after each message, which halves the rate of a batch."""
    try:
        await channel.basic_publish(
            message.body,
            exchange=exchange,
            routing_key=key,
            properties=message.properties,
            mandatory=True,
            wait=len(message.body) > SMALL,  # type: ignore[call-arg]  # it is there; the abstract class lacks it
        )
    except PublishError:
        return Unroutable(f"no queue wants {key}")
    except DeliveryError as error:
        return Refused(f"RabbitMQ does not take {key}: {error!r}")
    except Exception as error:  # noqa: BLE001  the library has many words for a lost broker
        return BusUnavailable(f"RabbitMQ cannot be used: {error!r}")
    return None


def _version(opened: Session) -> str:
    transport = opened.connection.transport
    properties = transport.connection.server_properties if transport else {}
    return str(properties.get("version", "of unknown version"))
