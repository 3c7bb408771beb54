"""`lpse dead`: events that a service could not handle, and what kit/operations.py lets operators do about them."""

import getpass
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import select

from cli.installation import Installation
from cli.mistakes import Mistake
from cli.wiring import topology
from kit.bus import Bus, DeadLetter
from kit.bus.choice import open_bus
from kit.db import Db
from kit.inbox import inbox
from kit.operations import event_id, find, record_discard, record_retry, said
from kit.outbox import outbox
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
    async with _bus(installation) as bus:
        letter = await find(bus, queue, id)
    if letter is None:
        return None
    head = {"reason": letter.reason, "detail": letter.detail, "attempts": letter.attempts}
    return json.dumps(head | {"event": said(letter)}, indent=2, ensure_ascii=False)


async def retry(installation: Installation, queue: str, id: str) -> bool:
    """Hand the event to this service once more, counting its attempts anew."""
    async with _bus(installation) as bus:
        letter = await find(bus, queue, id)
        if letter is None:
            return False
        await _record(installation, letter, record_retry)
        return await bus.retry_dead(queue, id)


async def discard(installation: Installation, queue: str, id: str) -> bool:
    """Give the event up for this service."""
    async with _bus(installation) as bus:
        letter = await find(bus, queue, id)
        if letter is None:
            return False
        await _refuse_gap(installation, letter)
        await _record(installation, letter, record_discard)
        return await bus.discard_dead(queue, id)


async def _record(
    installation: Installation, letter: DeadLetter, act: Callable[[Db, DeadLetter, str], Awaitable[None]]
) -> None:
    async with installation.database(letter.queue) as database, database.transaction() as db:
        await act(db, letter, _operator())


def _operator() -> str:
    """Who sits at the machine, also behind sudo; in a container its user's number."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


async def _refuse_gap(installation: Installation, letter: DeadLetter) -> None:
    """The log has every event that was really emitted; without one, all later ones of its source would wait for ever."""
    id = event_id(letter)
    if letter.queue != "audit" or id is None or await _handled(installation, id):
        return
    for name in SERVICES:
        async with installation.reading(name) as db:
            emitted = (await db.execute(select(outbox.c.seq).where(outbox.c.event_id == id))).first()
        if emitted is not None:
            raise Mistake(
                f"The event {id} was emitted by {name} and the log must have it: without it every later event of {name} "
                "would wait for ever. Mend what keeps audit from taking it, then: lpse dead retry audit " + str(id)
            )


async def _handled(installation: Installation, id: UUID) -> bool:
    async with installation.reading("audit") as db:
        return (await db.execute(select(inbox.c.event_id).where(inbox.c.event_id == id))).first() is not None
