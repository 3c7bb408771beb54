"""audit on a real database, and on a real object store where what it publishes matters."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from cli.servers import SeaweedFS
from kit.service import Service
from services.audit.app import build
from tests.conftest import MakeSettings
from tests.services.audit.desk import Desk
from tests.services.audit.source import Source


@pytest.fixture
def objects(seaweedfs: SeaweedFS) -> dict[str, Any]:
    """The settings with which a service finds the store; no bucket is there yet."""
    return {
        "prefix": f"uji-{uuid4().hex[:8]}",
        "objects": seaweedfs.endpoint,
        "objects_key": seaweedfs.admin.access_key,
        "objects_secret": seaweedfs.admin.secret_key,
    }


@pytest.fixture
async def service(make_settings: MakeSettings, objects: dict[str, Any]) -> AsyncIterator[Service]:
    service = build(await make_settings("audit", **objects))
    yield service
    await service.store().close()
    await service.database.close()


@pytest.fixture
async def publishing(service: Service) -> Service:
    """With its bucket."""
    await service.store().ensure_bucket()
    return service


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://audit") as client:
        yield client


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def desk(service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path) -> Desk:
    desk = Desk(service, client, source, key_home)
    await desk.begin()
    return desk
