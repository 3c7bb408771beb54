"""`lpse clock`: the business clock of the training profile, in all service databases together, forward only."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from cli.installation import Installation
from cli.mistakes import Mistake
from kit import clock
from kit.clock import WIB
from kit.db import Db

__all__ = ["move", "now", "show"]

MARGIN = timedelta(seconds=1)
"""A running clock goes on while five databases are told to stop: they stop at an instant none has passed."""


FARTHEST = timedelta(days=400)


class TooFar(Mistake):
    def __init__(self, wanted: datetime, now: datetime) -> None:
        super().__init__(
            f"{wanted.isoformat()} is more than {FARTHEST.days} days after {now.isoformat(timespec='seconds')}. The clock never "
            "goes back, and letters, licences and schedules run out on the way: go in smaller steps if you mean it."
        )


class Immovable(Mistake):
    def __init__(self) -> None:
        super().__init__("The clock moves in the training profile (latihan) only; this is a production instance.")


async def move(installation: Installation, action: str, at: datetime | None = None) -> datetime:
    """Stop, set or run the clock everywhere: each database is locked first, then all move to one instant."""
    if installation.profile != "latihan":
        raise Immovable
    async with AsyncExitStack() as stack:
        sessions = [await _locked(stack, installation, name) for name in installation.databases]
        now = max(await asyncio.gather(*(clock.business_now(db) for db in sessions)))
        wanted = at or now + (MARGIN if action == "stop" else timedelta(0))
        if wanted > now + FARTHEST:
            raise TooFar(wanted, now)
        real = await clock.real_now(sessions[0])
        for db in sessions:
            await _apply(db, action, wanted, real)
    return wanted


async def _locked(stack: AsyncExitStack, installation: Installation, service: str) -> Db:
    database = await stack.enter_async_context(installation.database(service))
    db = await stack.enter_async_context(database.transaction())
    await db.execute(clock.clock.select().with_for_update())
    return db


async def _apply(db: Db, action: str, at: datetime, real: datetime) -> None:
    if action == "stop":
        await clock.stop(db, at)
    elif action == "set":
        await clock.set_to(db, at, real)
    else:
        await clock.run(db, real)


async def show(installation: Installation) -> list[str]:
    lines = []
    for name in installation.databases:
        async with installation.reading(name) as db:
            now = await clock.business_now(db)
            state = "real time" if await clock.is_true(db) else "moved or stopped"
            lines.append(f"{name}: {now.astimezone(WIB).isoformat(timespec='milliseconds')} ({state})")
    return lines


async def now(installation: Installation) -> datetime:
    """Business time, as tender's database tells it."""
    async with installation.reading("tender") as db:
        return await clock.business_now(db)
