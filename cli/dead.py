"""`lpse dead`: events that a service could not handle. Nothing leaves the dead letters but by one of these acts, and each
act is an event of its own in the log: which letter, whose, by whom, when."""

import getpass
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import select

from cli.installation import Installation
from cli.mistakes import Mistake
from cli.wiring import topology
from kit.bus import Bus, DeadLetter
from kit.bus.choice import open_bus
from kit.envelope import Emission
from kit.inbox import forgive, inbox
from kit.outbox import emit, outbox
from services import SERVICES
from services.audit import events

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
        letter = await _find(bus, queue, id)
    if letter is None:
        return None
    head = {"reason": letter.reason, "detail": letter.detail, "attempts": letter.attempts}
    return json.dumps(head | {"event": _said(letter.body)}, indent=2, ensure_ascii=False)


async def retry(installation: Installation, queue: str, id: str) -> bool:
    """Hand the event to this service once more, counting its attempts anew."""
    async with _bus(installation) as bus:
        letter = await _find(bus, queue, id)
        if letter is None:
            return False
        await _forget_failures(installation, letter)
        await _record(installation, letter, events.letter_retried)
        return await bus.retry_dead(queue, id)


async def discard(installation: Installation, queue: str, id: str) -> bool:
    """Give the event up for this service. Recorded first: an act that is recorded and not done can be done again."""
    async with _bus(installation) as bus:
        letter = await _find(bus, queue, id)
        if letter is None:
            return False
        await _refuse_gap(installation, letter)
        await _record(installation, letter, events.letter_discarded)
        await _forget_failures(installation, letter)
        return await bus.discard_dead(queue, id)


async def _find(bus: Bus, queue: str, id: str) -> DeadLetter | None:
    return next((letter for letter in await bus.dead(queue, 1_000_000) if letter.id == id), None)


def _said(body: bytes) -> object:
    """What could not be read as an event may be no JSON at all."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _event_id(letter: DeadLetter) -> UUID | None:
    """None: it came from somebody who does not number events as we do."""
    try:
        return UUID(letter.id)
    except ValueError:
        return None


async def _forget_failures(installation: Installation, letter: DeadLetter) -> None:
    if (id := _event_id(letter)) is not None:
        async with installation.database(letter.queue) as database, database.transaction() as db:
            await forgive(db, id)


async def _record(installation: Installation, letter: DeadLetter, act: Callable[[DeadLetter, str], Emission]) -> None:
    async with installation.database("audit") as database, database.transaction() as db:
        await emit(db, act(letter, _operator()))


def _operator() -> str:
    """Who sits at the machine, also behind sudo; in a container its user's number."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


async def _refuse_gap(installation: Installation, letter: DeadLetter) -> None:
    """The log has every event that was really emitted; without one, all later ones of its source would wait for ever."""
    id = _event_id(letter)
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
