"""A process made to stand still at exactly one statement, by a lock in its database: there it can be hurt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

__all__ = ["Trap", "poisoned", "trapped"]

KEY = 0x74726170


class Trap:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def caught(self, seconds: float = 60) -> None:
        """Until somebody stands in it."""
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and objid = $1 and not granted"
        async with asyncio.timeout(seconds):
            while not await self._connection.fetchval(waiting, KEY):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def trapped(dsn: str, table: str, statement: str, condition: str = "true") -> AsyncIterator[Trap]:
    """`statement`, such as `update of published_at`, waits on every row that meets the condition until the end."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("select pg_advisory_lock($1)", KEY)
    await _trigger(connection, table, statement, condition, f"perform pg_advisory_xact_lock_shared({KEY});")
    try:
        yield Trap(connection)
    finally:
        with suppress(Exception):  # the server may have been killed, and the lock with it
            await connection.close(timeout=3)
        await _untrigger(dsn, table)


@asynccontextmanager
async def poisoned(dsn: str, table: str, condition: str) -> AsyncIterator[None]:
    """Inserting such a row fails every time, as a defect of the code does."""
    connection = await asyncpg.connect(dsn)
    await _trigger(connection, table, "insert", condition, "raise exception 'poison';")
    await connection.close()
    try:
        yield
    finally:
        await _untrigger(dsn, table)


async def _trigger(connection: Any, table: str, statement: str, condition: str, body: str) -> None:
    await connection.execute(
        f"""
        create function pitfall() returns trigger language plpgsql as
        $$ begin if {condition} then {body} end if; return coalesce(new, old); end $$;
        create trigger pitfall before {statement} on {table} for each row execute function pitfall();
        """
    )


async def _untrigger(dsn: str, table: str) -> None:
    """The server may only be coming back."""
    async with asyncio.timeout(60):
        while True:
            try:
                connection = await asyncpg.connect(dsn, timeout=5)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.1)
            else:
                await connection.execute(f"drop trigger pitfall on {table}; drop function pitfall()")
                await connection.close()
                return
