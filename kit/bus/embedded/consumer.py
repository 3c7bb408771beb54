"""One supervised consumer of one queue of the embedded bus."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg
import structlog

from kit.bus import Dead, Delivery, Handler, Message, Retry, Unavailable
from kit.bus.embedded import schema
from kit.bus.handling import attempt, finish, is_cancelled, pauses

__all__ = ["Consumer", "connect", "wake"]

log = structlog.get_logger()

SHORTEST_SWEEP, LONGEST_SWEEP = 0.1, 1.0
"""Seconds between looks at an idle queue: other processes publish too, and retries come due."""
TURN = 1.0
"""Seconds after which a batch is committed even when not all of it is handled."""

_listeners: defaultdict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)


def wake(dsn: str, queue: str) -> None:
    """Tell the consumers of this process that something was published."""
    for listener in _listeners.get((dsn, queue), ()):
        listener.set()


@contextmanager
def _listening(dsn: str, queue: str) -> Iterator[asyncio.Event]:
    listener = asyncio.Event()
    _listeners[dsn, queue].add(listener)
    try:
        yield listener
    finally:
        _listeners[dsn, queue].discard(listener)


async def connect(dsn: str) -> Any:
    """A slow handler is not an idle transaction, whatever the server's default says."""
    settings = {"application_name": "lpse bus", "idle_in_transaction_session_timeout": "0"}
    return await asyncpg.connect(dsn, timeout=5, command_timeout=30, server_settings=settings)


class Consumer:
    """The rows of a batch stay locked while they are handled; a crash frees them, and they come again."""

    def __init__(self, dsn: str, queue: str, service: str, handler: Handler, prefetch: int) -> None:
        self._dsn = dsn
        self._queue = queue
        self._service = service
        self._handler = handler
        self._prefetch = prefetch
        self._stop = asyncio.Event()
        self._pauses = pauses()

    async def run(self) -> None:
        while True:
            why = await self._supervised()
            pause = next(self._pauses)
            log.warning("consumer lost its database", queue=self._service, why=why, again_after=round(pause, 1))
            await asyncio.sleep(pause)

    async def _supervised(self) -> str:
        try:
            connection = await connect(self._dsn)
            try:
                with _listening(self._dsn, self._queue) as published:
                    await self._consume(connection, published)
            finally:
                with suppress(Exception):
                    await connection.close(timeout=3)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return "stray cancellation"
        except Exception as error:  # noqa: BLE001  whatever ended the connection, the next one is the answer
            return repr(error)
        return "ended"

    async def _consume(self, connection: Any, published: asyncio.Event) -> None:
        sweep, waits = SHORTEST_SWEEP, pauses()
        while True:
            published.clear()
            taken = await finish(self._batch(connection), self._stop.set)
            self._pauses = pauses()
            if taken is None:
                await asyncio.sleep(next(waits))
                continue
            waits = pauses()
            if taken:
                sweep = SHORTEST_SWEEP
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(sweep):
                    await published.wait()
            sweep = min(LONGEST_SWEEP, sweep * 2)

    async def _batch(self, connection: Any) -> bool | None:
        """Whether there was anything to do; None when our own side cannot work now."""
        handled: list[int] = []
        available = True
        async with connection.transaction():
            rows = await connection.fetch(schema.CLAIM, self._queue, self._prefetch)
            until = asyncio.get_running_loop().time() + TURN
            for row in rows:
                match await attempt(self._handler, _delivery(row, self._service)):
                    case None:
                        handled.append(row["position"])
                    case Retry(after=after):
                        await connection.execute(schema.LATER, row["position"], float(after))
                    case Dead() as why:
                        await connection.execute(schema.BURY, row["position"], _clean(why.reason), _clean(why.detail))
                    case Unavailable():
                        available = False
                if not available or self._stop.is_set() or asyncio.get_running_loop().time() > until:
                    break
            await connection.execute(schema.DONE, handled)
        return bool(rows) if available else None


def _delivery(row: Any, service: str) -> Delivery:
    message = Message(id=row["id"], key=row["key"], body=row["body"], headers=json.loads(row["headers"]))
    return Delivery(message, service, row["returned"])


def _clean(text: str) -> str:
    """PostgreSQL's text holds every character but one."""
    return text.replace("\0", "")
