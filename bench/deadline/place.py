"""The two sides: the system's gateway, and the bare route beside it on a copy of tender's rows."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import Computed, insert, select

from bench.deadline.bare import DATABASE
from cli.demo.portal import Portal
from cli.rush.crowd import Bidder, Crowd
from cli.servers import Postgres
from cli.servers.ports import LOOPBACK, answers, free_ports
from cli.servers.process import Process
from cli.system import System
from kit import migrations
from kit.db import Database
from services.tender.models import Base

__all__ = ["Bare", "Ours", "bare_side"]

ROOT = Path(__file__).resolve().parents[2]
COPY = "bench_bare"


class Ours:
    def __init__(self, crowd: Crowd) -> None:
        self.receipts: list[UUID] = []
        self._crowd = crowd

    async def consent(self, bidder: Bidder) -> bool:
        draft = bidder.drafts[0]
        async with Portal(bidder.line.url, bidder.line.local) as once:  # the bidder's own line would try again
            path = f"/api/tender/bids/{draft.id}/consent"
            answer = await _post(once, path, self._crowd.consent(draft, bidder), bidder)
        if answer:
            self.receipts.append(UUID(answer["event_id"]))
        return bool(answer)


class Bare:
    def __init__(self, crowd: Crowd, url: str) -> None:
        self._crowd, self._url = crowd, url

    async def consent(self, bidder: Bidder) -> bool:
        draft = bidder.drafts[0]
        async with Portal(self._url, bidder.line.local) as once:
            return bool(await _post(once, f"/bids/{draft.id}/consent", self._crowd.consent(draft, bidder), bidder))


async def _post(portal: Portal, path: str, body: Any, who: Bidder) -> dict[str, Any] | None:
    headers = {"Authorization": f"Bearer {who.user.session}", "Idempotency-Key": str(uuid4())}
    response = await portal.request("POST", path, json=body, headers=headers)
    answer: dict[str, Any] = response.json()
    return answer if response.status_code == 201 else None


@asynccontextmanager
async def bare_side(crowd: Crowd, home: Path) -> AsyncIterator[Bare]:
    address = await _copied(crowd.office.system)
    port = free_ports(1)[0]
    process = Process("bare", log=home / "bare.log", cwd=ROOT)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(process.stop)
        command = [sys.executable, "-P", "-m", "bench.deadline.bare", str(port)]
        await process.start(command, lambda: answers(port), env={"PYTHONPATH": str(ROOT), DATABASE: address})
        yield Bare(crowd, f"http://{LOOPBACK}:{port}")


async def _copied(system: System) -> str:
    """A database with tender's tables and what stands in them now; its address."""
    original = system.installation.databases["tender"]
    address, _, owner = original.rpartition("/")
    server = next(server for server in system.servers if isinstance(server, Postgres))
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f'create database "{COPY}" owner "{owner}"')
    finally:
        await connection.close()
    await migrations.upgrade(f"{address}/{COPY}", "tender")
    await _copy_rows(Database(original, pool=2), Database(f"{address}/{COPY}", pool=2))
    return f"{address}/{COPY}"


async def _copy_rows(source: Database, target: Database) -> None:
    try:
        async with source.reading() as old, target.transaction() as new:
            for table in Base.metadata.sorted_tables:
                columns = [column for column in table.columns if not isinstance(column.computed, Computed)]
                rows = (await old.execute(select(*columns))).mappings().all()
                if rows:
                    await new.execute(insert(table), [dict(row) for row in rows])
    finally:
        await source.close()
        await target.close()
