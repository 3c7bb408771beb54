from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast
from uuid import uuid4

import httpx2
import pytest

from cli.servers import Postgres, SeaweedFS
from cli.serving import listening
from gateway import app as gateway
from gateway.upstream import InProcess
from kit.bus import Bus
from kit.limits import Limits
from kit.settings import GatewaySettings, Settings
from services import SERVICES, build
from tests.conftest import new_database
from tests.hostile.town import BIDDER, Matter, Town
from tests.services.tender.office import POKJA, Office

NO_BUS = cast("Bus", None)
"""Nothing is published: no worker runs."""


@pytest.fixture(scope="session")
async def town(
    postgres: Postgres, templates: dict[str, str], seaweedfs: SeaweedFS, key_home: Path
) -> AsyncIterator[Town]:
    shared = {
        "instance": "uji",
        "profile": "latihan",
        "bus": postgres.dsn,
        "jwks": key_home / "jwks.json",
        "prefix": f"serang-{uuid4().hex[:8]}",
        "objects": seaweedfs.endpoint,
        "objects_key": seaweedfs.admin.access_key,
        "objects_secret": seaweedfs.admin.secret_key,
        "trace_ratio": 1.0,
    }
    async with AsyncExitStack() as stack:
        services, straight = {}, {}
        for name in SERVICES:
            database = await new_database(postgres, templates, name)
            settings = Settings.model_validate({**shared, "database": database, "keys": key_home / name})
            services[name] = await stack.enter_async_context(build(name, settings).running(NO_BUS, worker=False))
            transport = httpx2.ASGITransport(app=services[name].app, raise_app_exceptions=False)
            client = httpx2.AsyncClient(transport=transport, base_url=f"http://{name}")
            straight[name] = await stack.enter_async_context(client)
        await services["documents"].store().ensure_bucket()
        own = GatewaySettings(
            profile="latihan",
            public_url="http://127.0.0.1",
            keys=key_home / "gateway",
            jwks=key_home / "jwks.json",
            limits=Limits(requests_per_account=1_000_000, requests_per_address=1_000_000),
            trace_ratio=1.0,
        )
        app = gateway.build(own, {name: InProcess(service.app) for name, service in services.items()})
        await stack.enter_async_context(gateway.running(app))
        port = await stack.enter_async_context(listening(app, host="127.0.0.1", port=0))
        client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
        door = await stack.enter_async_context(client)
        tender = Office(services["tender"], straight["tender"], key_home)
        await tender.found()
        yield Town(services, straight, door, port, key_home, tender)


@pytest.fixture(scope="session")
async def matter(town: Town) -> Matter:
    """A draft with a granted file that did not arrive, and an announced tender that takes bids with one draft bid in it."""
    office = town.tender
    draft = await office.draft()
    file = {"name": "dokumen.pdf", "media_type": "application/pdf"}
    granted = await office.do(POKJA[0], f"/tenders/{draft['id']}/documents", file)
    tender = await office.announced()
    await tender.join(BIDDER)
    await tender.begin("upload_penawaran")
    return Matter(draft["id"], granted, tender, await tender.draft(BIDDER))
