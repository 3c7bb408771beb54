"""tender on a real database, asked over its HTTP API; its clock is stopped and moved by the tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from kit.settings import Settings
from services.tender.app import build
from tests.services.tender.office import Office


@pytest.fixture
async def office(make_settings: Callable[..., Awaitable[Settings]], key_home: Path) -> AsyncIterator[Office]:
    service = build(await make_settings("tender"))
    transport = httpx2.ASGITransport(app=service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tender") as http:
        office = Office(service, http, key_home)
        await office.found()
        yield office
    await service.resources["instants"].close()
    await service.database.close()
    service.signals.shut_down()
