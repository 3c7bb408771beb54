"""`lpse dead`: events that a service could not handle. Nothing leaves the dead letters but by one of these acts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from cli.installation import Installation
from cli.wiring import topology
from kit.bus import Bus, DeadLetter
from kit.bus.choice import open_bus
from kit.inbox import forgive
from services import SERVICES

__all__ = ["discard", "letters", "retry", "shown"]


@asynccontextmanager
async def _bus(installation: Installation) -> AsyncIterator[Bus]:
    bus = open_bus(installation.bus, application="lpse dead")
    await bus.start()
    try:
        await bus.declare(topology(installation.prefix))
        yield bus
    finally:
        await bus.close()


async def letters(installation: Installation) -> list[DeadLetter]:
    async with _bus(installation) as bus:
        return [letter for name in SERVICES for letter in await bus.dead(name)]


async def shown(installation: Installation, queue: str, id: str) -> str | None:
    for letter in await letters(installation):
        if letter.queue == queue and letter.id == id:
            body = json.loads(letter.body)
            head = {"reason": letter.reason, "detail": letter.detail, "attempts": letter.attempts}
            return json.dumps(head | {"event": body}, indent=2, ensure_ascii=False)
    return None


async def retry(installation: Installation, queue: str, id: str) -> bool:
    """Hand the event to this service once more, counting its attempts anew."""
    async with installation.database(queue) as database, database.transaction() as db:
        await forgive(db, UUID(id))
    async with _bus(installation) as bus:
        return await bus.retry_dead(queue, id)


async def discard(installation: Installation, queue: str, id: str) -> bool:
    async with _bus(installation) as bus:
        return await bus.discard_dead(queue, id)
