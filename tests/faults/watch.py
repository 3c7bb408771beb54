"""Looks into the databases of a running system, and waits for what they will show."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from cli import dead
from cli.invariants import Told
from cli.rig import Rig
from cli.servers import Postgres

__all__ = ["acts", "administer", "ask", "dead_letter", "event_of", "has_handled"]


async def ask(dsn: str, query: str, *values: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()


async def administer(rig: Rig, statement: str) -> None:
    server = rig.part("postgresql")
    assert isinstance(server, Postgres)
    await ask(server.dsn, statement)


async def event_of(rig: Rig, told: Told) -> UUID:
    type_, subject = told
    query = "select event_id from outbox where type = $1 and subject = $2"
    return UUID(str(await ask(rig.installation.databases[type_.split(".")[0]], query, type_, subject)))


async def has_handled(rig: Rig, service: str, told: Told, seconds: float = 60) -> None:
    id = await event_of(rig, told)
    async with asyncio.timeout(seconds):
        while not await ask(rig.installation.databases[service], "select 1 from inbox where event_id = $1", id):
            await asyncio.sleep(0.05)


async def dead_letter(rig: Rig, database: str, told: Told, seconds: float = 90) -> str:
    """Until the event waits in tender's dead letters. Most attempts are counted as done before: each
    waits longer for the next."""
    id = await event_of(rig, told)
    async with asyncio.timeout(seconds):
        while (str(id), "tender") not in {(letter.id, letter.queue) for letter in await dead.letters(rig.installation)}:
            await ask(database, "update delivery_failure set attempts = 9 where event_id = $1", id)
            await asyncio.sleep(0.2)
    return str(id)


async def acts(rig: Rig, letter: str) -> list[str]:
    """What operators did to a letter of tender, as the log will have it."""
    connection = await asyncpg.connect(rig.installation.databases["tender"])
    try:
        query = "select type from outbox where data::json ->> 'letter' = $1 order by position"
        return [row["type"] for row in await connection.fetch(query, letter)]
    finally:
        await connection.close()
