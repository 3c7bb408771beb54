"""audit on a real database, and on a real object store where what it publishes matters."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.servers import SeaweedFS
from kit.service import Service
from services.audit.app import build
from tests.conftest import MakeSettings
from tests.services.audit.desk import Desk
from tests.services.audit.history import History, fill
from tests.services.audit.source import Source, emptied


@pytest.fixture
def objects(seaweedfs: SeaweedFS) -> dict[str, Any]:
    """The settings with which a service finds the store, where it may not have a bucket yet."""
    return {
        "prefix": "uji-log",
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
    """With its bucket, in which nothing is: one for all tests, since the first files in a new one take a second."""
    await service.store().ensure_bucket()
    await emptied(service.store())
    return service


@pytest.fixture(scope="session")
def histories() -> list[History]:
    return []


@pytest.fixture
async def filled(publishing: Service, source: Source, histories: list[History]) -> Service:
    """`publishing` with a log of SIZE entries, from where `source` goes on."""
    if histories:
        await histories[0].give(publishing, source)
    else:
        await fill(publishing, source)
        histories.append(await History.of(publishing, source))
    return publishing


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
