"""The dead letters of one service: looked at by taking them and giving them back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractExchange, AbstractIncomingMessage, AbstractQueue

from kit.bus import DeadLetter, Topology
from kit.bus.rabbit.connection import PATIENCE, reachable, session
from kit.bus.rabbit.wire import again, copy, letter, open_delivery

__all__ = ["Letters"]

WORN = 10
"""Looks after which a letter is written anew: RabbitMQ 4 throws away what was returned 20 times."""


class Letters:
    def __init__(self, url: str) -> None:
        self._url = url
        self._one_at_a_time = asyncio.Lock()

    async def read(self, topology: Topology, service: str, limit: int) -> list[DeadLetter]:
        async with self._opened(topology, service) as queue:
            taken = await _take(queue, limit)
            await _give_back(queue, topology, service, taken)
        return [letter(one, service) for one in taken]

    async def retry(self, topology: Topology, service: str, id: str) -> bool:
        """Confirmed in the service's queue first, removed here second: a crash between leaves two, never none."""
        async with self._opened(topology, service) as queue:
            found = await _find(queue, topology, service, id)
            if found is not None:
                await (await _dead(queue, topology)).publish(again(found), topology.again(service))
                await found.ack()
        return found is not None

    async def discard(self, topology: Topology, service: str, id: str) -> bool:
        async with self._opened(topology, service) as queue:
            found = await _find(queue, topology, service, id)
            if found is not None:
                await found.ack()
        return found is not None

    @asynccontextmanager
    async def _opened(self, topology: Topology, service: str) -> AsyncIterator[AbstractQueue]:
        name = topology.dead_queue(service)
        with reachable():
            async with (
                self._one_at_a_time,
                session(self._url, f"{name} reader") as opened,
                asyncio.timeout(3 * PATIENCE),
            ):
                yield await opened.channel.get_queue(name, ensure=False)


async def _take(queue: AbstractQueue, limit: int) -> list[AbstractIncomingMessage]:
    taken: list[AbstractIncomingMessage] = []
    while len(taken) < limit and (message := await queue.get(fail=False)) is not None:
        taken.append(message)
    return taken


async def _dead(queue: AbstractQueue, topology: Topology) -> AbstractExchange:
    return await queue.channel.get_exchange(topology.dead, ensure=False)


async def _give_back(
    queue: AbstractQueue, topology: Topology, service: str, taken: list[AbstractIncomingMessage]
) -> None:
    for message in taken:
        if open_delivery(message, "").returned >= WORN:
            await (await _dead(queue, topology)).publish(copy(message), service)
            await message.ack()
        else:
            await message.nack(requeue=True)


async def _find(queue: AbstractQueue, topology: Topology, service: str, id: str) -> AbstractIncomingMessage | None:
    """Look twice: what another reader has just given back may take a moment to be there."""
    for pause in (0.3, 0):
        taken = await _take(queue, 1_000_000)
        found = next((one for one in taken if letter(one, service).id == id), None)
        await _give_back(queue, topology, service, [one for one in taken if one is not found])
        if found is not None:
            return found
        await asyncio.sleep(pause)
    return None
