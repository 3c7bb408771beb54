from collections.abc import AsyncIterator

import httpx2
import pytest

from kit.service import Service
from services.audit.app import build
from tests.conftest import MakeSettings
from tests.services.audit.source import Source


@pytest.fixture
async def service(make_settings: MakeSettings) -> AsyncIterator[Service]:
    service = build(await make_settings("audit"))
    yield service
    await service.database.close()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://audit") as client:
        yield client


@pytest.fixture
def source() -> Source:
    return Source()
