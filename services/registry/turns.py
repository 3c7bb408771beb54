"""Who hashes next. Passwords are hashed a few at a time; those who wait take turns by where they come from.

A flood from one address waits behind itself: everybody else is next after at most one of it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from kit.limits import Limits
from kit.problems import Problem

__all__ = ["Turns"]

AT_ONCE: Final = 4
"""Two hash, two ask the database: half of the pool's connections stay free for everything else."""


class Turns:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running = self._waiting = 0
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, place: str) -> AsyncIterator[None]:
        """Raises 503 when too many wait already; of a full house the place that takes most of it gives way."""
        if self._running < AT_ONCE:
            self._running += 1
        else:
            await self._wait(place)
        try:
            yield
        finally:
            self._running -= 1
            self._next()

    async def _wait(self, place: str) -> None:
        queue = self._queues.get(place, ())
        if len(queue) >= self._limits.logins_waiting_per_address:
            raise _busy()
        if self._waiting >= self._limits.logins_waiting:
            self._displace(len(queue))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(place, deque()).append(turn)
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # called up and gone at once
                self._running -= 1
                self._next()
            raise

    def _displace(self, own: int) -> None:
        place, longest = max(self._queues.items(), key=lambda item: len(item[1]))
        if len(longest) <= own + 1:
            raise _busy()
        last = longest.pop()
        self._waiting -= 1
        if not longest:
            del self._queues[place]
        if not last.done():
            last.set_exception(_busy())

    def _next(self) -> None:
        while self._queues and self._running < AT_ONCE:
            place, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            self._waiting -= 1
            if queue:
                self._queues[place] = queue
            if not turn.done():
                self._running += 1
                turn.set_result(None)


def _busy() -> Problem:
    return Problem(
        "logins_busy",
        "More people are logging in than can be served at once.",
        status=503,
        remedy="Try again in a few seconds; whoever is logged in goes on undisturbed.",
        extra={"retry_after": 5},
    )
