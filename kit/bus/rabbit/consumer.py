"""One supervised consumer of one queue: session after session, until it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aiormq.abc import DeliveredMessage

from kit.bus import Dead, Handler, Retry, Topology, Unavailable
from kit.bus.handling import attempt, finish, is_cancelled, pauses
from kit.bus.rabbit.connection import PATIENCE, Session, declare, session
from kit.bus.rabbit.wire import Outgoing, burial, open_delivery

__all__ = ["Consumer"]

log = structlog.get_logger()

LONGEST_HOLD = 5.0
"""Seconds a message may wait here for its next try. It counts against the prefetch meanwhile."""

Bury = Callable[[Outgoing], Awaitable[Exception | None]]


class Consumer:
    def __init__(self, url: str, topology: Topology, service: str, handler: Handler, prefetch: int, bury: Bury) -> None:
        self._url = url
        self._topology = topology
        self._service = service
        self._handler = handler
        self._prefetch = prefetch
        self._bury = bury
        self._pauses = pauses()
        self._held: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        while True:
            why = await self._supervised()
            pause = next(self._pauses)
            log.warning("consumer lost its session", queue=self._service, why=why, again_after=round(pause, 1))
            await asyncio.sleep(pause)

    async def _supervised(self) -> str:
        try:
            async with session(self._url, f"{self._topology.queue(self._service)} consumer") as opened:
                return await self._consume(opened)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return "stray cancellation"
        except Exception as error:  # noqa: BLE001  whatever ended the session, the next one is the answer
            return repr(error)

    async def _consume(self, opened: Session) -> str:
        arrived: asyncio.Queue[DeliveredMessage | None] = asyncio.Queue()
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def arrive(delivered: DeliveredMessage) -> None:
            arrived.put_nowait(delivered)

        def end(*_: object) -> None:
            if not over.done():
                over.set_result(None)
                arrived.put_nowait(None)

        opened.lost.add_done_callback(end)
        queue = self._topology.queue(self._service)
        async with asyncio.timeout(PATIENCE):
            await opened.channel.set_qos(prefetch_count=self._prefetch)
            await declare(opened.connection, self._topology, [self._service])
            channel = await opened.channel.get_underlay_channel()
            # the library's own `Queue.consume` would make one more task of every message
            tag = str((await channel.basic_consume(queue, arrive)).consumer_tag)
        self._pauses = pauses()
        try:
            await finish(self._work(arrived, over), end)
            return opened.lost.result()
        finally:
            await self._leave(opened, tag)

    async def _leave(self, opened: Session, tag: str) -> None:
        """Give everything back unhandled. Said with nack, which newer brokers do not count as a failed delivery."""
        for task in self._held:
            task.cancel()
        self._held.clear()
        if opened.lost.done():
            return
        with suppress(Exception):
            async with asyncio.timeout(3):
                channel = await opened.channel.get_underlay_channel()
                await channel.basic_cancel(tag)
                await channel.basic_nack(0, multiple=True, requeue=True)

    async def _work(self, arrived: asyncio.Queue[DeliveredMessage | None], over: asyncio.Future[None]) -> None:
        """One message after the other. While our own side cannot work, keep the message and take no other."""
        while (message := await arrived.get()) is not None:
            waits = pauses()
            while not over.done() and not await self._settle(message):
                await asyncio.wait({over}, timeout=next(waits))
            if over.done():
                return

    async def _settle(self, message: DeliveredMessage) -> bool:
        delivery = open_delivery(message, self._service)
        match await attempt(self._handler, delivery):
            case Unavailable():
                return False
            case Retry(after=after):
                self._hold(message, after)
            case Dead() as why:
                if (trouble := await self._bury(burial(message, delivery, why))) is None:
                    await _acknowledge(message)
                else:
                    log.warning("dead letter not taken", queue=self._service, id=delivery.message.id, why=str(trouble))
                    self._hold(message, LONGEST_HOLD)
            case None:
                await _acknowledge(message)
        return True

    def _hold(self, message: DeliveredMessage, seconds: float) -> None:
        task = asyncio.create_task(_give_back(message, min(seconds, LONGEST_HOLD)))
        self._held.add(task)
        task.add_done_callback(self._held.discard)


async def _acknowledge(message: DeliveredMessage) -> None:
    """The next message need not wait until the socket took this one's: what is lost on the way comes again.

    The library's queue for the socket is short and nobody empties it once its writer has gone: that ends the session too.
    """
    async with asyncio.timeout(PATIENCE):
        await message.channel.basic_ack(message.delivery_tag or 0, wait=False)


async def _give_back(message: DeliveredMessage, seconds: float) -> None:
    """Said with reject, which every broker counts; when the session is gone the broker has the message already."""
    await asyncio.sleep(seconds)
    with suppress(Exception):
        await message.channel.basic_reject(message.delivery_tag or 0, requeue=True)
