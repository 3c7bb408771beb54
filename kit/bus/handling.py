"""What both backends do alike with a handler: read its outcome, let it finish, wait before the next try."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import structlog

from kit.bus import Dead, Delivery, Handler, Message, Retry, Unavailable

__all__ = ["attempt", "finish", "is_cancelled", "objection", "pauses"]

log = structlog.get_logger()
T = TypeVar("T")

GRACE = 10.0
"""Seconds a cancelled consumer waits for the handler in hand."""
DEFECT_DELAY = 5.0
LARGEST = 8 * 2**20
"""Bytes in a body. RabbitMQ 4 closes the channel at 16 MiB, which would fail the whole batch again and again."""


async def attempt(handler: Handler, delivery: Delivery) -> Retry | Dead | Unavailable | None:
    """Call the handler; None means done. A cancellation that nobody asked for is a defect like any other; a handler
    that outlasted the grace of `finish` is no defect, so that its message need not wait."""
    try:
        await handler(delivery)
    except (Retry, Dead, Unavailable) as outcome:
        return outcome
    except (Exception, asyncio.CancelledError):
        log.exception("handler failed", queue=delivery.queue, key=delivery.message.key, id=delivery.message.id)
        return Retry(0 if is_cancelled() else DEFECT_DELAY)
    return None


async def finish(work: Coroutine[Any, Any, T], stop: Callable[[], None]) -> T:
    """Run the work to its end also when the caller is cancelled meanwhile; `stop` tells it so. Then cancelled it is."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        stop()
        await _end(task)
        raise
    return task.result()


async def _end(task: asyncio.Task[Any]) -> None:
    try:
        await asyncio.wait({task}, timeout=GRACE)
    finally:
        task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()):
        log.warning("the message in hand could not be finished and will come again", error=repr(error))


def is_cancelled() -> bool:
    """Whether someone really cancelled this task: the AMQP library lets stray `CancelledError`s out."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def pauses(first: float = 0.2, longest: float = 5.0) -> Iterator[float]:
    """Seconds to wait before the next try: doubling, with jitter so that a crowd does not come back as one."""
    pause = first
    while True:
        yield pause * random.uniform(0.75, 1.0)  # noqa: S311  no secret
        pause = min(longest, pause * 2)


def objection(message: Message) -> Exception | None:
    """Why no broker could take this message."""
    if len(message.key.encode()) > 255:
        return ValueError(f"the routing key of {message.id} is longer than 255 bytes")
    if len(message.body) > LARGEST:
        return ValueError(f"the body of {message.id} is larger than {LARGEST} bytes")
    return None
