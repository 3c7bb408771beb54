from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from cli.servers import Postgres
from kit import migrations
from kit.db import Database
from kit.settings import Settings
from services.registry.app import build
from services.registry.training import seed
from tests.services.registry.office import SECRETS, Office


async def _run(server: Postgres, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def seeded(postgres: Postgres) -> str:
    """A registry with the training tenant, to be copied: a dozen passwords are hashed once."""
    name = "registry_seeded"
    await _run(postgres, f"create database {name}")
    dsn = postgres.dsn.rpartition("/")[0] + f"/{name}"
    await migrations.upgrade(dsn, "registry")
    database = Database(dsn, pool=2)
    await seed(database, SECRETS)
    await database.close()
    return name


@pytest.fixture
async def registry_database(postgres: Postgres, seeded: str) -> AsyncIterator[str]:
    name = f"registry_{uuid4().hex[:12]}"
    await _run(postgres, f"create database {name} template {seeded}")
    yield postgres.dsn.rpartition("/")[0] + f"/{name}"
    await _run(postgres, f"drop database {name} with (force)")


@pytest.fixture
async def office(registry_database: str, key_home: Path) -> AsyncIterator[Office]:
    settings = Settings.model_validate(
        {
            "instance": "uji",
            "profile": "latihan",
            "database": registry_database,
            "bus": registry_database,  # in a schema of its own
            "keys": key_home / "registry",
            "jwks": key_home / "jwks.json",
            "sweep": 0.1,
        }
    )
    service = build(settings)
    transport = httpx2.ASGITransport(app=service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://registry") as client:
        yield Office(service, key_home, client)
    await service.database.close()
