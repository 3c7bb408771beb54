"""A bus that does everything the contract allows: what comes twice, late or out of order must change nothing."""

import random
from collections.abc import Sequence

from kit.bus import Bus, DeadLetter, Delivery, Depth, Handler, Message, Retry, Topology

__all__ = ["ChaosBus"]

PATIENCE = 5
"""Hand-outs after which a message is left in peace, so that a test ends."""


class ChaosBus:
    """Wraps a bus: doubles and shuffles what is published, delays deliveries, repeats some that were handled.

    `doubled`: the chance of being published twice, where it is not that of everything else.
    """

    def __init__(self, bus: Bus, *, seed: int, chance: float = 0.3, doubled: float | None = None) -> None:
        self.name = f"{bus.name} in chaos (seed {seed})"
        self._bus = bus
        self._random = random.Random(seed)
        self._chance = chance
        self._doubled = chance if doubled is None else doubled

    def _strikes(self) -> bool:
        return self._random.random() < self._chance

    def _doubles(self) -> bool:
        return self._random.random() < self._doubled

    async def publish(self, messages: Sequence[Message]) -> list[Exception | None]:
        order = [index for index in range(len(messages)) for _ in range(2 if self._doubles() else 1)]
        self._random.shuffle(order)
        outcomes: list[Exception | None] = [None] * len(messages)
        for index, outcome in zip(order, await self._bus.publish([messages[i] for i in order]), strict=True):
            outcomes[index] = outcomes[index] or outcome
        return outcomes

    async def consume(self, queue: str, handler: Handler, *, prefetch: int = 32) -> None:
        async def disturbed(delivery: Delivery) -> None:
            calm = delivery.returned >= PATIENCE
            if not calm and self._strikes():
                raise Retry(self._random.uniform(0, 0.3))
            await handler(delivery)
            if not calm and self._strikes():
                raise Retry(0)

        await self._bus.consume(queue, disturbed, prefetch=prefetch)

    async def start(self) -> None:
        await self._bus.start()

    async def close(self) -> None:
        await self._bus.close()

    async def declare(self, topology: Topology) -> None:
        await self._bus.declare(topology)

    async def depth(self, topology: Topology) -> dict[str, Depth]:
        return await self._bus.depth(topology)

    async def dead(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        return await self._bus.dead(queue, limit)

    async def retry_dead(self, queue: str, id: str) -> bool:
        return await self._bus.retry_dead(queue, id)

    async def discard_dead(self, queue: str, id: str) -> bool:
        return await self._bus.discard_dead(queue, id)

    async def differences(self, topology: Topology) -> list[str]:
        return await self._bus.differences(topology)

    async def remove(self, topology: Topology) -> None:
        await self._bus.remove(topology)
