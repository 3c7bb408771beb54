"""The dead letters of one service: looked at by taking them and giving them back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage

from kit.bus import DeadLetter, Topology
from kit.bus.rabbit.connection import PATIENCE, reachable, session
from kit.bus.rabbit.wire import Outgoing, again, copy, letter, open_delivery
from kit.bus.topology import AGAIN, BURIED

__all__ = ["Letters"]

WORN = 10
"""Looks after which a letter is written anew: RabbitMQ 4 throws away what was returned 20 times."""


class Letters:
    def __init__(self, url: str) -> None:
        self._url = url
        self._one_at_a_time = asyncio.Lock()

    async def read(self, topology: Topology, service: str, limit: int) -> list[DeadLetter]:
        async with self._opened(topology, service) as dead:
            taken = await dead.take(limit)
            await dead.give_back(taken)
        return [letter(one, service) for one in taken]

    async def retry(self, topology: Topology, service: str, id: str) -> bool:
        """Confirmed in the service's queue first, removed here second: a crash between leaves two, never none."""
        async with self._opened(topology, service) as dead:
            found = await dead.find(service, id)
            if found is not None:
                await dead.publish(AGAIN, again(found))
                await dead.remove(found)
        return found is not None

    async def discard(self, topology: Topology, service: str, id: str) -> bool:
        async with self._opened(topology, service) as dead:
            found = await dead.find(service, id)
            if found is not None:
                await dead.remove(found)
        return found is not None

    @asynccontextmanager
    async def _opened(self, topology: Topology, service: str) -> AsyncIterator["_Dead"]:
        name = topology.dead_queue(service)
        with reachable():
            async with (
                self._one_at_a_time,
                session(self._url, f"{name} reader") as opened,
                asyncio.timeout(3 * PATIENCE),
            ):
                yield _Dead(await opened.channel.get_underlay_channel(), topology.letters(service), name)


@dataclass(frozen=True, slots=True)
class _Dead:
    """One queue of dead letters, open."""

    channel: AbstractChannel
    exchange: str
    queue: str

    async def take(self, limit: int) -> list[DeliveredMessage]:
        taken: list[DeliveredMessage] = []
        while len(taken) < limit:
            message = await self.channel.basic_get(self.queue)
            if isinstance(message.delivery, spec.Basic.GetEmpty):
                break
            taken.append(message)
        return taken

    async def give_back(self, taken: list[DeliveredMessage]) -> None:
        for message in taken:
            if open_delivery(message, "").returned >= WORN:
                await self.publish(BURIED, copy(message))
                await self.remove(message)
            else:
                await self.channel.basic_nack(message.delivery_tag or 0, requeue=True)

    async def find(self, service: str, id: str) -> DeliveredMessage | None:
        """Look twice: what another reader has just given back may take a moment to be there."""
        for pause in (0.3, 0):
            taken = await self.take(1_000_000)
            found = next((one for one in taken if letter(one, service).id == id), None)
            await self.give_back([one for one in taken if one is not found])
            if found is not None:
                return found
            await asyncio.sleep(pause)
        return None

    async def publish(self, key: str, message: Outgoing) -> None:
        """Confirmed; raises where no queue wants the key."""
        await self.channel.basic_publish(
            message.body, exchange=self.exchange, routing_key=key, properties=message.properties, mandatory=True
        )

    async def remove(self, message: DeliveredMessage) -> None:
        await self.channel.basic_ack(message.delivery_tag or 0)
