"""What every test may use: real servers, started once per run when first asked for, and fresh databases on them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from cli import seals
from cli.servers import (
    Postgres,
    RabbitMQ,
    SeaweedFS,
    install_poppler,
    install_rabbitmq,
    poppler_available,
    rabbitmq_available,
)
from cli.servers.poppler import NEEDED as POPPLER_NEEDED
from cli.system import PARTS
from kit import keys, migrations, telemetry
from kit.settings import Settings
from tests.containers import IMAGE, Broker, ContainedRabbitMQ, NoImage, engine_answers

TESTS = Path(__file__).parent

# What a helper asserts then tells what was there, as in the tests themselves.
pytest.register_assert_rewrite(*(f"tests.{folder.name}" for folder in TESTS.iterdir() if folder.is_dir()))

LONGEST = ("browser", "faults", "fuzz", "flows", "launcher", "access", "gateway", "limits")
"""Folders whose files take minutes: run first, so that at the end no process waits for the other's last file."""

COPIED = "strategy file_copy"
"""A new database is a copy of files: PostgreSQL's other way, through its log, takes six times as long."""

USED: set[str] = set()
"""Backends with their versions, for the closing lines: a run may use two brokers."""

MISSED: set[str] = set()
"""What a run went on without, and what it took instead."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tests too")
    parser.addoption("--require-backends", action="store_true", help="a backend that cannot be had is a failure")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes; run with --long")
    telemetry.configure_logs("WARNING", json=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long") is not None]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item.get_closest_marker("long") is None]
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(LONGEST)))


def pytest_report_header(config: pytest.Config) -> list[str]:
    from cli.servers.postgres import server_version
    from cli.servers.rabbitmq import server_version as rabbitmq_version

    broker = rabbitmq_version() if rabbitmq_available() else "to be installed" if _may_install() else "not to be had"
    if engine_answers():
        broker = f"{IMAGE.rpartition(':')[2]} (container), else {broker}"
    return [
        f"backends: postgresql {server_version()} (wheel), seaweedfs {SeaweedFS(Path()).version} (wheel), "
        f"embedded bus (postgresql), rabbitmq {broker}"
    ]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for sentence in sorted(MISSED):
        terminalreporter.write_line(sentence)
    terminalreporter.write_line(f"backends used: {', '.join(sorted(USED)) or 'none'}")
    _fuzz_summary(terminalreporter)


def _fuzz_summary(terminalreporter: Any) -> None:
    """How much was sent to whom, in one line and as JSON in the cache directory."""
    told = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "fuzz" and getattr(report, "when", "") == "call"
    ]
    if told:
        sent, routes = sum(row["requests"] for row in told), len({r for row in told for r in row["routes"]})
        kept = terminalreporter.config.rootpath / ".pytest_cache" / "fuzz.json"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps({"requests": sent, "routes": routes, "targets": told}, indent=1))
        terminalreporter.write_line(f"fuzzed: {sent} requests to {routes} routes ({kept})")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it used to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["backends"] = sorted(USED)
        output["missed"] = sorted(MISSED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", {})
    USED.update(output.get("backends", ()))
    MISSED.update(output.get("missed", ()))


def _may_install() -> bool:
    return os.geteuid() == 0 and Path("/usr/bin/apt-get").exists()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """Shared by the tests that do not kill it, and so without waiting for the disk: a new database takes half the time."""
    async with Postgres(reachable(tmp_path_factory.mktemp("postgresql"))) as server:
        USED.add(f"postgresql {server.version}")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            await _admin(server, f"alter system set {setting} = off")
        await _admin(server, "select pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
async def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SeaweedFS]:
    async with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")) as server:
        USED.add(f"seaweedfs {server.version}")
        yield server


@pytest.fixture(scope="session")
async def rabbitmq_installed(request: pytest.FixtureRequest) -> None:
    if not rabbitmq_available():
        if not _may_install():
            message = "RabbitMQ is not installed here: run `apt-get install rabbitmq-server`, or run the tests as root"
            if request.config.getoption("--require-backends"):
                pytest.fail(message)
            pytest.skip(message)
        await install_rabbitmq()


@pytest.fixture(scope="session")
async def local_rabbitmq(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitMQ]:
    """The distribution's: a process of this machine, which a test may kill or freeze."""
    async with RabbitMQ(reachable(tmp_path_factory.mktemp("rabbitmq"))) as server:
        USED.add(f"rabbitmq {server.version}")
        yield server


@pytest.fixture(scope="session")
def rabbitmq(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """In a container where a Docker engine answers and has or fetches the image, else `local_rabbitmq`."""
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(ContainedRabbitMQ()) if engine_answers() else None
        except NoImage as missing:
            MISSED.add(f"rabbitmq: the distribution's and none in a container, since {missing}")
            broker = None
        if broker is not None:
            USED.add(f"rabbitmq {broker.version} (container)")
        yield broker or request.getfixturevalue("local_rabbitmq")


@pytest.fixture(scope="session")
def poppler(request: pytest.FixtureRequest) -> None:
    """How others read a PDF: its text, its pages as pictures, its seal."""
    if not poppler_available():
        if not _may_install():
            if request.config.getoption("--require-backends"):
                pytest.fail(POPPLER_NEEDED)
            pytest.skip(POPPLER_NEEDED)
        asyncio.run(install_poppler())
    USED.add("poppler")


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
    seals.ensure(home, "uji")
    return home


MakeDatabase = Callable[[str], Awaitable[str]]


@pytest.fixture(scope="session")
async def templates(postgres: Postgres) -> dict[str, str]:
    return {}


async def new_database(postgres: Postgres, templates: dict[str, str], service: str) -> str:
    """The address of a new database with this service's schema, by its migrations."""
    if service not in templates:
        name = f"template_{service}"
        await _admin(postgres, f'create database "{name}"')
        await migrations.upgrade(_address(postgres, name), service)
        templates[service] = name
    name = f"{service}_{uuid4().hex[:12]}"
    await _admin(postgres, f'create database "{name}" template "{templates[service]}" {COPIED}')
    return _address(postgres, name)


@pytest.fixture
async def make_database(postgres: Postgres, templates: dict[str, str]) -> AsyncIterator[MakeDatabase]:
    """`await make_database("tender")`: as `new_database`, dropped when the test ends."""
    made: list[str] = []

    async def make(service: str) -> str:
        made.append(await new_database(postgres, templates, service))
        return made[-1]

    yield make
    for address in made:
        await _admin(postgres, f'drop database "{address.rpartition("/")[2]}" with (force)')


@pytest.fixture
async def empty_database(postgres: Postgres) -> AsyncIterator[str]:
    name = f"empty_{uuid4().hex[:12]}"
    await _admin(postgres, f'create database "{name}" {COPIED}')
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
def make_settings(make_database: MakeDatabase, key_home: Path) -> MakeSettings:
    """`await make_settings("tender")`: settings of one service with a fresh database, an embedded bus and real keys.

    The bus of all the services of one test has its tables in the first one's database.
    """
    buses: list[str] = []

    async def make(service: str, **others: Any) -> Settings:
        database = await make_database(service)
        buses.append(database)
        values = {
            "instance": "uji",
            "profile": "latihan",
            "database": database,
            "bus": buses[0],
            "keys": key_home / service,
            "jwks": key_home / "jwks.json",
            "sweep": 0.1,
            "trace_ratio": 1.0,
        }
        return Settings.model_validate(values | others)

    return make
