"""What every test may use: real servers, started once per run when first asked for, and fresh databases on them."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from cli.servers import Postgres, RabbitMQ, SeaweedFS, install_rabbitmq, rabbitmq_available
from cli.system import PARTS
from kit import keys, migrations, telemetry
from kit.settings import Settings

USED: dict[str, str] = {}
"""Backend -> what it was, for the closing lines."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tests too")
    parser.addoption("--require-backends", action="store_true", help="a backend that cannot be had is a failure")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes; run with --long")
    telemetry.configure_logs("WARNING", json=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        chosen = [item for item in items if item.get_closest_marker("long") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def pytest_report_header(config: pytest.Config) -> list[str]:
    from cli.servers.postgres import server_version
    from cli.servers.rabbitmq import server_version as rabbitmq_version

    broker = rabbitmq_version() if rabbitmq_available() else "to be installed" if _may_install() else "not to be had"
    return [
        f"backends: postgresql {server_version()} (wheel), seaweedfs {SeaweedFS(Path()).version} (wheel), "
        f"embedded bus (postgresql), rabbitmq {broker}"
    ]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    used = ", ".join(f"{name} {version}" for name, version in sorted(USED.items()))
    terminalreporter.write_line(f"backends used: {used or 'none'}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it used to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["backends"] = USED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    USED.update(getattr(node, "workeroutput", {}).get("backends", {}))


def _may_install() -> bool:
    return os.geteuid() == 0 and Path("/usr/bin/apt-get").exists()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """Shared by the tests that do not kill it, and so without waiting for the disk: a new database takes half the time."""
    async with Postgres(reachable(tmp_path_factory.mktemp("postgresql"))) as server:
        USED["postgresql"] = server.version
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            await _admin(server, f"alter system set {setting} = off")
        await _admin(server, "select pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
async def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SeaweedFS]:
    async with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")) as server:
        USED["seaweedfs"] = server.version
        yield server


@pytest.fixture(scope="session")
async def rabbitmq(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitMQ]:
    if not rabbitmq_available():
        if not _may_install():
            message = "RabbitMQ is not installed here: run `apt-get install rabbitmq-server`, or run the tests as root"
            if request.config.getoption("--require-backends"):
                pytest.fail(message)
            pytest.skip(message)
        await install_rabbitmq()
    async with RabbitMQ(reachable(tmp_path_factory.mktemp("rabbitmq"))) as server:
        USED["rabbitmq"] = server.version
        yield server


def reachable(directory: Path) -> Path:
    """pytest's directories are for root alone; a database server runs as somebody else, who only passes through."""
    for parent in (directory, *directory.parents[:2]):
        parent.chmod(parent.stat().st_mode & 0o7777 | 0o011)
    return directory


@pytest.fixture(scope="session")
def key_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real keys of every part: private ones in `<home>/<part>`, public ones in `<home>/jwks.json`."""
    home = tmp_path_factory.mktemp("keys")
    for part in PARTS:
        (home / part.name).mkdir(mode=0o700)
        for purpose in part.purposes:
            keys.generate(home / part.name, home / "jwks.json", part.name, purpose, 30)
    return home


MakeDatabase = Callable[[str], Awaitable[str]]


@pytest.fixture(scope="session")
async def templates(postgres: Postgres) -> dict[str, str]:
    return {}


@pytest.fixture
async def make_database(postgres: Postgres, templates: dict[str, str]) -> AsyncIterator[MakeDatabase]:
    """`await make_database("tender")`: the address of a new database with that service's schema, by its migrations."""
    made: list[str] = []

    async def make(service: str) -> str:
        if service not in templates:
            name = f"template_{service}"
            await _admin(postgres, f'create database "{name}"')
            await migrations.upgrade(_address(postgres, name), service)
            templates[service] = name
        name = f"{service}_{uuid4().hex[:12]}"
        await _admin(postgres, f'create database "{name}" template "{templates[service]}"')
        made.append(name)
        return _address(postgres, name)

    yield make
    for name in made:
        await _admin(postgres, f'drop database "{name}" with (force)')


@pytest.fixture
async def empty_database(postgres: Postgres) -> AsyncIterator[str]:
    name = f"empty_{uuid4().hex[:12]}"
    await _admin(postgres, f'create database "{name}"')
    yield _address(postgres, name)
    await _admin(postgres, f'drop database "{name}" with (force)')


def _address(server: Postgres, database: str) -> str:
    return server.dsn.rpartition("/")[0] + f"/{database}"


async def _admin(server: Postgres, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


MakeSettings = Callable[..., Awaitable[Settings]]


@pytest.fixture
def make_settings(make_database: MakeDatabase, key_home: Path, empty_database: str) -> MakeSettings:
    """`await make_settings("tender")`: settings of one service with a fresh database, an embedded bus and real keys."""

    async def make(service: str, **others: Any) -> Settings:
        values = {
            "instance": "uji",
            "profile": "latihan",
            "database": await make_database(service),
            "bus": empty_database,
            "keys": key_home / service,
            "jwks": key_home / "jwks.json",
            "sweep": 0.1,
            "trace_ratio": 1.0,
        }
        return Settings.model_validate(values | others)

    return make
