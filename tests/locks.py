"""Who waits for whom inside a database: how a test holds two transactions apart without a clock."""

import asyncio
from typing import Any

from sqlalchemy import text

from kit.db import Database

__all__ = ["until_waiting"]

WAITING = text("select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")


async def until_waiting(database: Database, task: "asyncio.Task[Any]", count: int = 1) -> None:
    """Until so many transactions of this database wait for a lock, or the task ended because nothing held it up."""
    while not task.done() and await _waiting(database) < count:
        await asyncio.sleep(0.01)


async def _waiting(database: Database) -> int:
    async with database.reading() as db:
        return len((await db.execute(WAITING)).all())
