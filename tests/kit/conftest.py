import importlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

import services
from cli.servers import Postgres
from kit import migrations, telemetry
from kit.db import Database
from kit.service import Service
from kit.settings import TelemetrySettings
from tests.conftest import MakeDatabase, MakeSettings
from tests.kit import probe


@pytest.fixture(scope="session")
async def probe_package(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """Makes the probe a service with a history of its own, written by the kit from its models."""
    home = tmp_path_factory.mktemp("services")
    (home / "probe").mkdir()
    (home / "probe" / "__init__.py").touch()
    services.__path__.append(str(home))
    importlib.invalidate_caches()
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("create database probe_draft")
    await migrations.revision(postgres.dsn.replace("/postgres", "/probe_draft"), "probe", probe.Base.metadata, "start")
    await connection.execute("drop database probe_draft")
    await connection.close()
    yield home / "probe"
    services.__path__.remove(str(home))


@pytest.fixture
async def dsn(probe_package: Path, make_database: MakeDatabase) -> str:
    return await make_database("probe")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    database = Database(dsn)
    yield database
    await database.close()


@pytest.fixture
def signals() -> telemetry.Telemetry:
    return telemetry.set_up("probe", TelemetrySettings(trace_ratio=1.0), "uji")


@pytest.fixture
async def service(probe_package: Path, make_settings: MakeSettings) -> AsyncIterator[Service]:
    service = probe.build(await make_settings("probe"))
    yield service
    await service.database.close()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=service.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://probe") as client:
        yield client
