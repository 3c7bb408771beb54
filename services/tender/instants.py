"""The instant a consent counts by: asked for as soon as the request arrives, on a connection kept for nothing else.

Nothing comes before it: no lock, no check of who asks, no other request's work. One question to the database answers all
who had arrived when it was asked, so that a crowd waits for one round trip and not for as many as it has heads.
"""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy import func, select
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.clock import utc
from kit.db import Database

__all__ = ["Arrivals", "InstantDep", "pool"]


def pool(dsn: str) -> Database:
    return Database(dsn, pool=2, application="tender.instants")


class Arrivals:
    """ASGI: every request to `.../consent` begins to ask for its instant, which `InstantDep` waits for."""

    def __init__(self, app: ASGIApp, instants: Database) -> None:
        self._app, self._instants = app, instants
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[datetime] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/consent"):
            scope.setdefault("state", {})["instant"] = self._joined()
        await self._app(scope, receive, send)

    def _joined(self) -> "asyncio.Task[datetime]":
        if self._next is None:
            self._next = asyncio.create_task(self._ask(), name="instant")
            self._next.add_done_callback(_seen)
        return self._next

    async def _ask(self) -> datetime:
        async with self._turn:
            self._next = None  # who arrives from now on needs a later instant
            return await _business_now(self._instants)


def _seen(done: "asyncio.Task[datetime]") -> None:
    """Nobody may be left who waits for it: then its failure is nobody's news."""
    if not done.cancelled():
        done.exception()


async def _business_now(instants: Database) -> datetime:
    """`business_now()` in milliseconds. One round trip: no transaction is begun around it."""
    engine = instants.engine
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return utc((await connection.execute(select(func.business_now()))).scalar_one())


async def _instant(request: Request) -> datetime:
    return await asyncio.shield(cast("Awaitable[datetime]", request.state.instant))


InstantDep = Annotated[datetime, Depends(_instant)]
