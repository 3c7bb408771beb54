"""documents on a real database and a real object store, asked over its HTTP API."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
import pytest
import uvicorn
from sqlalchemy import Row, select, text

from cli.servers import SeaweedFS
from kit.grants import DownloadGrant, UploadGrant
from kit.keys import SigningKey
from kit.outbox import outbox
from kit.service import Service
from kit.settings import Settings
from services.documents.app import build
from tests.services.documents.people import Person

PDF = "application/pdf"
BIDDER = Person("budi", ("penyedia",))
RIVAL = Person("rina", ("penyedia",))
AUDITOR = Person("ana", ("auditor",))


@dataclass(frozen=True)
class House:
    """The service, an HTTP client for it, and the pen of the services that give grants."""

    service: Service
    http: httpx2.AsyncClient
    key_home: Path

    @property
    def key(self) -> SigningKey:
        return SigningKey.load(self.key_home / "tender", "tender", "grant")

    def upload_grant(self, **changes: Any) -> tuple[UUID, str]:
        now = datetime.now(UTC)
        grant = UploadGrant(
            id=uuid4(),
            purpose="bid",
            owner="tender",
            record=uuid4(),
            account=BIDDER.account,
            media_types=(PDF,),
            max_size=64 << 20,
            expires_at=now + timedelta(hours=1),
        )
        grant = replace(grant, **changes)
        return grant.id, grant.issue(self.key, min(now, grant.expires_at - timedelta(seconds=1)))

    def download_grant(self, object: UUID | str, **changes: Any) -> str:
        now = datetime.now(UTC)
        grant = DownloadGrant(
            id=uuid4(),
            object=UUID(str(object)),
            account=BIDDER.account,
            purpose="bid",
            owner="tender",
            expires_at=now + timedelta(minutes=5),
        )
        grant = replace(grant, **changes)
        return grant.issue(self.key, min(now, grant.expires_at - timedelta(seconds=1)))

    def headers(self, grant: str, who: Person = BIDDER, name: str = "penawaran.pdf") -> dict[str, str]:
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        named = {"Lpse-Grant": grant, "Content-Type": PDF, "Content-Disposition": disposition}
        return named | who.headers(self.key_home)

    async def upload(
        self, content: bytes | AsyncIterator[bytes], grant: str | None = None, **others: Any
    ) -> httpx2.Response:
        headers = self.headers(grant or self.upload_grant()[1], **others)
        return await self.http.put("/uploads", content=content, headers=headers)

    async def download(
        self,
        object: UUID | str,
        who: Person | None = BIDDER,
        grant: str | None = None,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> httpx2.Response:
        sent = {"Lpse-Grant": grant or self.download_grant(object), **(who.headers(self.key_home) if who else {})}
        return await self.http.get(f"/objects/{object}", headers=sent | dict(extra))

    async def rows(self, statement: Any) -> list[Row[Any]]:
        async with self.service.database.reading() as db:
            return list((await db.execute(statement)).all())

    async def events(self) -> list[str]:
        return [row.type for row in await self.rows(select(outbox.c.type).order_by(outbox.c.position))]

    async def count(self, table: str) -> int:
        return int((await self.rows(text(f"select count(*) from {table}")))[0][0])  # noqa: S608

    def stored(self) -> set[str]:
        """Keys in the bucket."""
        client = self.service.store()._wire._client
        return {found.object_name or "" for found in client.list_objects(self.service.store()._wire.bucket)}


OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(
    make_settings: Callable[..., Awaitable[Settings]], seaweedfs: SeaweedFS, key_home: Path
) -> AsyncIterator[OpenHouse]:
    houses: list[House] = []

    async def open_one(**others: Any) -> House:
        store = {
            "prefix": f"uji-{uuid4().hex[:8]}",
            "objects": seaweedfs.endpoint,
            "objects_key": seaweedfs.admin.access_key,
            "objects_secret": seaweedfs.admin.secret_key,
        }
        service = build(await make_settings("documents", **(store | others)))
        transport = httpx2.ASGITransport(app=service.app, raise_app_exceptions=False)
        houses.append(House(service, httpx2.AsyncClient(transport=transport, base_url="http://documents"), key_home))
        return houses[-1]

    yield open_one
    for house in houses:
        await house.http.aclose()
        await house.service.store().close()
        await house.service.database.close()
        house.service.signals.shut_down()


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    house = await open_house()
    await house.service.store().ensure_bucket()
    return house


@asynccontextmanager
async def served(house: House) -> AsyncIterator[tuple[House, int]]:
    """The same house behind a real server on the loopback, for what only a connection can do."""
    config = uvicorn.Config(house.service.app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
        yield replace(house, http=http), port
    server.should_exit = True
    await running


def fingerprints(content: bytes) -> dict[str, object]:
    return {
        "size": len(content),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
