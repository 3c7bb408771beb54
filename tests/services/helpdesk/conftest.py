"""helpdesk on a real database and the embedded bus, asked over its HTTP API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx2
import pytest
from sqlalchemy import Row, select, text

from kit import clock
from kit.bus import Message, Topology
from kit.bus.embedded import EmbeddedBus
from kit.envelope import Envelope, Event
from kit.jobs import TimeEvent, job, plan
from kit.outbox import outbox
from kit.service import Service
from kit.settings import Settings
from services.helpdesk.app import build
from tests.services.documents.people import Person

HELPDESK = Person("dewi", ("helpdesk",))
KETUA = Person("hadi", ("ketua_lpse",))
INSPEKTUR = Person("indra", ("inspektur",))
BIDDER = Person("budi", ("penyedia",))
POKJA = Person("pita", ("pokja",))
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday, 09:00 WIB: where the business clock stands when a test begins."""


@dataclass(frozen=True)
class Desk:
    service: Service
    http: httpx2.AsyncClient
    bus: EmbeddedBus
    key_home: Path

    def _headers(self, who: Person | None, key: str | None = None) -> dict[str, str]:
        return {"Idempotency-Key": key or str(uuid4())} | (who.headers(self.key_home) if who else {})

    async def post(self, path: str, body: Any, who: Person | None = None, key: str | None = None) -> httpx2.Response:
        return await self.http.post(path, json=body, headers=self._headers(who, key))

    async def get(self, path: str, who: Person | None = None, **query: str) -> httpx2.Response:
        return await self.http.get(path, params=query, headers=self._headers(who))

    async def follow(self, matter: str, code: str) -> httpx2.Response:
        """By the tracking code, as somebody without an account."""
        return await self.http.get(f"/{matter}/tracked", headers={"Lpse-Tracking": code})

    async def clock_to(self, moment: datetime) -> None:
        async with self.service.database.transaction() as db:
            await clock.stop(db, moment)
        self.service.database.wake()

    async def job_is_gone(self, kind: str) -> bool:
        """Whether a job of this kind is gone, asked after the worker has certainly looked once more."""
        async with self.service.database.transaction() as db:
            await plan(db, TimeEvent(await clock.real_now(db), "forget_old"), key="marker", clock="real")
        marker = select(job.c.id).where(job.c.key == "marker")
        while await self.rows(marker):
            await anyio.sleep(0.05)
        return not await self.rows(select(job.c.id).where(job.c.kind == kind))

    async def publish(self, data: Event, subject: UUID, sequence: int) -> None:
        """An event as its producer's relay would send it."""
        envelope = Envelope(
            id=uuid4(),
            source="tender",
            type=data.TYPE,
            subject=subject,
            time=datetime.now(UTC),
            data=data.model_dump(mode="json"),
            sequence=sequence,
            instance="uji",
            seq=1,
            prev="0" * 64,
        )
        [outcome] = await self.bus.publish([Message(str(envelope.id), envelope.type, envelope.encode(), {})])
        assert outcome is None

    async def handled(self, count: int) -> None:
        """Wait until the inbox has taken so many events."""
        while await self.count("inbox") < count:
            assert await self.count("delivery_failure") == 0
            await anyio.sleep(0.05)

    async def rows(self, statement: Any) -> list[Row[Any]]:
        async with self.service.database.reading() as db:
            return list((await db.execute(statement)).all())

    async def count(self, table: str) -> int:
        return int((await self.rows(text(f"select count(*) from {table}")))[0][0])  # noqa: S608

    async def events(self, type: str) -> list[Row[Any]]:
        return await self.rows(select(outbox).where(outbox.c.type == type).order_by(outbox.c.position))

    async def event(self, type: str) -> Row[Any]:
        """The first event of this type, once it is there."""
        while not (found := await self.events(type)):
            await anyio.sleep(0.05)
        return found[0]


@pytest.fixture
async def desk(make_settings: Callable[..., Awaitable[Settings]], key_home: Path) -> AsyncIterator[Desk]:
    settings = await make_settings("helpdesk")
    service = build(settings)
    bus = EmbeddedBus(settings.bus.get_secret_value())
    await bus.start()
    everything = {"helpdesk": service.subscriptions, "audit": frozenset({"#"})}
    await bus.declare(Topology(settings.prefix, everything))
    async with service.running(bus):
        transport = httpx2.ASGITransport(app=service.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://helpdesk") as http:
            desk = Desk(service, http, bus, key_home)
            async with service.database.transaction() as db:
                await db.execute(clock.clock.update().values(stopped_at=MONDAY))
            yield desk
    await bus.close()
