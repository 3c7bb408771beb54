"""`lpse clock`: the business clock of the training profile, in all service databases together, forward only."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from cli.installation import Installation
from cli.mistakes import Mistake
from kit import clock
from kit.clock import WIB
from kit.db import Db
from services.tender.models import Stage, Tender
from services.tender.regime_copies import template_of

__all__ = ["move", "next_border", "now", "show", "wib"]

MARGIN = timedelta(seconds=1)
"""A running clock goes on while five databases are told to stop: they stop at an instant none has passed."""


FARTHEST = timedelta(days=400)


class TooFar(Mistake):
    def __init__(self, wanted: datetime, now: datetime) -> None:
        super().__init__(
            f"{wanted.isoformat()} is more than {FARTHEST.days} days after {now.isoformat(timespec='seconds')}. The clock never "
            "goes back, and letters, licences and schedules run out on the way: go in smaller steps if you mean it."
        )


class NothingAhead(Mistake):
    def __init__(self, now: datetime) -> None:
        super().__init__(f"After {wib(now)} no stage of a running tender begins or ends; publish a tender first.")


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
            lines.append(f"{name}: {wib(now)} ({state})")
    return lines


async def now(installation: Installation) -> datetime:
    """Business time, as tender's database tells it."""
    async with installation.reading("tender") as db:
        return await clock.business_now(db)


async def next_border(db: Db) -> tuple[datetime, list[str]]:
    """The next instant at which a stage of a running tender begins, or the last of one, and which; `db` is tender's."""
    now = await clock.business_now(db)
    ahead = [func.min(edge).filter(edge > now) for edge in (Stage.starts_at, Stage.ends_at)]
    running = select(*ahead).join(Tender, Tender.id == Stage.tender_id).where(Tender.status == "running")
    edges = [edge for edge in (await db.execute(running)).one() if edge is not None]
    if not edges:
        raise NothingAhead(now)
    at = clock.utc(min(edges))
    there = or_(Stage.starts_at == at, Stage.ends_at == at)
    query = select(Tender, Stage).join(Stage, Stage.tender_id == Tender.id).where(Tender.status == "running", there)
    found = (await db.execute(query.order_by(Tender.code, Stage.no))).all()
    return at, [line for tender, stage in found for line in await _borders(db, tender, stage, at)]


async def _borders(db: Db, tender: Tender, stage: Stage, at: datetime) -> list[str]:
    name = (await template_of(db, tender)).stage(stage.code).name
    words = [("begins", stage.starts_at), ("is at its last instant", stage.ends_at)]
    return [f"tender {tender.code}: {name} {word}" for word, edge in words if edge == at]


def wib(at: datetime) -> str:
    """As it was typed, or would be."""
    return at.astimezone(WIB).isoformat(timespec="milliseconds")
