"""What a service tells those who run it about its own outbox, queue, dead letters and database, and what they may do to
its dead letters. Every service has these routes (kit/service.py); the page `/sistem` and `lpse dead` stand on them.

Nothing leaves the dead letters but by a retry or a discard, and each is an event of its own in the log: which letter,
whose, by whom, when. It is recorded first: an act that is recorded and not done can be done again.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from sqlalchemy import select, text

from kit import migrations
from kit.auth import allow
from kit.bus import Bus, BusUnavailable, DeadLetter, Topology
from kit.call import Call, CallDep, Replayed
from kit.db import Db
from kit.inbox import forgive, inbox
from kit.letters import letter_discarded, letter_retried
from kit.outbox import BACKLOG, emit
from kit.problems import Conflict, NotFound, Problem

if TYPE_CHECKING:
    from kit.service import Service

__all__ = ["event_id", "find", "queue_of", "record_discard", "record_retry", "router", "said"]

OPERATOR: Final = "admin_ppe"
EVERY: Final = 1_000_000
"""More letters than there are."""
BUS_SECONDS: Final = 2.0
"""A broker that hangs must not hide what else there is to tell."""

router = APIRouter(prefix="/operations", tags=["operations"])


# The acts, shared with `lpse dead`


async def find(bus: Bus, queue: str, id: str) -> DeadLetter | None:
    return next((letter for letter in await bus.dead(queue, EVERY) if letter.id == id), None)


async def record_retry(db: Db, letter: DeadLetter, operator: str) -> None:
    """In a transaction of the letter's own service; after it, `bus.retry_dead`. Attempts are counted anew."""
    await _forget_failures(db, letter)
    await emit(db, letter_retried(letter, operator))


async def record_discard(db: Db, letter: DeadLetter, operator: str) -> None:
    """In a transaction of the letter's own service; after it, `bus.discard_dead`."""
    await _forget_failures(db, letter)
    await emit(db, letter_discarded(letter, operator))


async def _forget_failures(db: Db, letter: DeadLetter) -> None:
    if (id := event_id(letter)) is not None:
        await forgive(db, id)


def event_id(letter: DeadLetter) -> UUID | None:
    """None: it came from somebody who does not number events as we do."""
    try:
        return UUID(letter.id)
    except ValueError:
        return None


def said(letter: DeadLetter) -> object:
    """What could not be read as an event may be no JSON at all."""
    try:
        return json.loads(letter.body)
    except ValueError:
        return letter.body.decode(errors="replace")


# What is told


class OutboxOut(BaseModel):
    depth: int
    age_seconds: float
    """Of the oldest event that waits to be published."""


class QueueOut(BaseModel):
    """`consumers` is None where the bus does not know."""

    ready: int
    dead: int
    consumers: int | None


class DiskOut(BaseModel):
    total: int
    free: int


class OperationsOut(BaseModel):
    service: str
    schema_found: str | None
    schema_wanted: str | None
    outbox: OutboxOut
    queue: QueueOut | None
    """None: the bus does not answer."""
    database_bytes: int
    disk: DiskOut | None
    """Where the database lies, if that is on this machine and we may know."""


class LetterRow(BaseModel):
    id: str
    type: str
    reason: str
    first_seen: datetime | None
    attempts: int


class LetterOut(LetterRow):
    detail: str
    trace: str | None
    event: Any
    """As it came: JSON, or the text of what is no JSON."""


class LettersOut(BaseModel):
    """The first hundred."""

    items: list[LetterRow]


class LetterDone(BaseModel):
    id: str


def _of(request: Request) -> "Service":
    from kit.service import service_of

    return service_of(request)


ServiceDep = Annotated[Any, Depends(_of)]


@router.get("", **allow(OPERATOR))
async def operations(service: ServiceDep) -> OperationsOut:
    """What waits here, and how much room there is."""
    async with service.database.reading() as db:
        found, wanted = await migrations.schema(db, service.name)
        waiting = (await db.execute(BACKLOG)).one()
        size = (await db.execute(text("select pg_database_size(current_database())"))).scalar_one()
        folder = (await db.execute(_DATA_HERE)).scalar_one_or_none()
    return OperationsOut(
        service=service.name,
        schema_found=found,
        schema_wanted=wanted,
        outbox=OutboxOut(depth=waiting.depth, age_seconds=float(waiting.age_seconds)),
        queue=await queue_of(service),
        database_bytes=size,
        disk=await asyncio.to_thread(_disk, folder) if folder else None,
    )


@router.get("/letters", **allow(OPERATOR))
async def letters(service: ServiceDep) -> LettersOut:
    """Events that this service could not handle."""
    with _reached():
        found = await _bus(service).dead(service.name)
    return LettersOut(items=[LetterRow(**_row(letter)) for letter in found])


@router.get("/letters/{id}", **allow(OPERATOR))
async def show_letter(id: str, service: ServiceDep) -> LetterOut:
    letter = _there(await _dead(service, id), id)
    body = said(letter)
    within = body.get("traceparent") if isinstance(body, dict) else None
    trace = _trace(letter.headers.get("traceparent")) or _trace(within)
    return LetterOut(**_row(letter), detail=letter.detail, trace=trace, event=body)


@router.post("/letters/{id}/retry", **allow(OPERATOR))
async def retry_letter(id: str, call: CallDep, service: ServiceDep) -> LetterDone:
    """Hand the event to this service once more."""
    letter = await _dead(service, id)
    async with _then(lambda: _bus(service).retry_dead(service.name, id)), call.transaction() as db:
        await record_retry(db, _there(letter, id), _operator(call))
        return call.answer(LetterDone(id=id))


@router.post("/letters/{id}/discard", **allow(OPERATOR))
async def discard_letter(id: str, call: CallDep, service: ServiceDep) -> LetterDone:
    """Give the event up for this service. It stays in its producer's outbox and in the log."""
    found = await _dead(service, id)
    async with _then(lambda: _bus(service).discard_dead(service.name, id)), call.transaction() as db:
        letter = _there(found, id)
        if service.everything is not None:
            await _refuse_gap(db, letter)
        await record_discard(db, letter, _operator(call))
        return call.answer(LetterDone(id=id))


@asynccontextmanager
async def _then(act: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    """The act follows its record, also a record that an earlier sending of the same request left without its act.

    Where the letter is gone already, it does nothing.
    """
    replayed = None
    try:
        yield
    except Replayed as before:
        replayed = before
    with _reached():
        await act()
    if replayed is not None:
        raise replayed


async def _refuse_gap(db: Db, letter: DeadLetter) -> None:
    """The log has every event that was really emitted. Whether this one was, only its producer's outbox knows."""
    id = event_id(letter)
    handled = select(inbox.c.event_id).where(inbox.c.event_id == id)
    if id is not None and (await db.execute(handled)).first() is None:
        raise Conflict(
            "letter_needed",
            "The log may need the event {letter}: without one that was really emitted, all later ones of its source would "
            "wait for ever.",
            article="Perwali Mojokerto 21/2011 Pasal 4(2)b",
            remedy="Mend what keeps it from being taken, then retry. `lpse dead discard audit` looks into every outbox and "
            "gives up what nobody emitted.",
            letter=letter.id,
        )


async def _dead(service: "Service", id: str) -> DeadLetter | None:
    """Asked before a transaction: a broker may take its time."""
    with _reached():
        return await find(_bus(service), service.name, id)


def _there(letter: DeadLetter | None, id: str) -> DeadLetter:
    if letter is None:
        raise NotFound("dead letter", id)
    return letter


async def queue_of(service: "Service") -> QueueOut | None:
    topology = Topology(service.settings.prefix, {service.name: service.subscriptions})
    try:
        async with asyncio.timeout(BUS_SECONDS):
            depth = (await _bus(service).depth(topology)).get(service.name)
    except (BusUnavailable, Problem, TimeoutError):
        return None
    return QueueOut(ready=depth.ready, dead=depth.dead, consumers=depth.consumers) if depth else None


def _bus(service: "Service") -> Bus:
    if service.bus is None:
        raise _away()
    return service.bus


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except BusUnavailable as error:
        raise _away() from error


def _away() -> Problem:
    return Problem(
        "bus_away",
        "The bus does not answer just now, so its dead letters cannot be reached.",
        status=503,
        remedy="Try again once it is back: what was recorded and not done can be done again.",
    )


def _operator(call: Call) -> str:
    return str(call.account)


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "type": letter.key,
        "reason": letter.reason,
        "first_seen": letter.first_seen,
        "attempts": letter.attempts,
    }


def _trace(parent: object) -> str | None:
    """The trace's own number, which traces and logs are searched by."""
    parts = str(parent or "").split("-")
    return parts[1] if len(parts) == 4 else None


# Only some database roles may read it, and it says something about this machine only where the server runs on it.
_DATA_HERE = text("""
    select setting from pg_settings where name = 'data_directory'
    and coalesce(inet_server_addr(), '127.0.0.1') <<= any(array['127.0.0.0/8', '::1/128']::inet[])
""")


def _disk(folder: str) -> DiskOut | None:
    if not Path(folder).is_dir():
        return None
    usage = shutil.disk_usage(folder)
    return DiskOut(total=usage.total, free=usage.free)
