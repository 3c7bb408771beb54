"""The whole system in one file: its parts, what each needs, and how they are started on one machine.

Servers first (PostgreSQL, object store, bus), then what the services own in them (databases, buckets, keys, queues), then
the services and the gateway. Everything is idempotent: a second start on the same directory finds all as it was.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from cli import accounts, seals
from cli.ceremony import ceremony
from cli.installation import Backends, Credentials, Installation
from cli.keeping import Kept
from cli.mistakes import Mistake
from cli.servers import Identity, Postgres, SeaweedFS
from cli.servers.directory import Claim, secret
from cli.servers.ports import LOOPBACK, free_ports
from cli.servers.server import Server
from cli.wiring import topology
from cli.witnesses import Watching, prepared
from kit import keys, migrations
from kit.bus import Bus, BusUnavailable
from kit.bus.choice import open_bus
from kit.keys import Purpose
from kit.problems import Problem
from kit.service import Service
from kit.settings import Profile
from kit.storage import ObjectStore
from services import SERVICES, build

__all__ = ["PARTS", "Options", "System", "Trainee", "installed", "trainees"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """One service or the gateway: what it owns beside its code."""

    name: str
    purposes: tuple[Purpose, ...] = ()
    """What its keys sign."""
    bucket: str | None = None
    copied: bool = True
    """Whether its bucket holds what nobody can make anew."""
    database: bool = True


PARTS: tuple[Part, ...] = (
    Part("registry", purposes=("access", "grant", "receipt")),
    Part("tender", purposes=("grant", "receipt")),
    Part("documents", purposes=("statement",), bucket="documents"),
    Part("helpdesk", purposes=("grant", "receipt")),
    Part("audit", purposes=("log",), bucket="log", copied=False),
    Part("gateway", purposes=("service",), database=False),
)
BUS_DATABASE = "bus"
KEY_DAYS = 365
LOG_KEY_DAYS = 3650
"""Whoever follows the log knows it by this key."""


def days(purpose: Purpose) -> int:
    """How long a new key of this purpose is valid."""
    return LOG_KEY_DAYS if purpose == "log" else KEY_DAYS


@dataclass(frozen=True)
class Options:
    """What `up` and `demo` were asked for; addresses of servers that run elsewhere, or None for embedded ones."""

    var: Path
    port: int = 8080
    prefix: str = "lpse"
    instance: str = "latihan-mojokerto"
    profile: Profile = "latihan"
    database: str | None = field(default=None, repr=False)
    objects: str | None = field(default=None, repr=False)
    bus: str | None = field(default=None, repr=False)
    sweep: float = 1.0
    log_period: float | None = None
    trace_ratio: float = 0.1
    witnesses: int = 0
    """How many witnesses of the log run beside it."""
    lent: bool = False
    """Whether what is made on servers that run elsewhere is taken away again at the end."""


@dataclass(frozen=True)
class Trainee:
    """An account of the training tenant, as `up` prints it."""

    user_id: str
    name: str
    role: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)


@dataclass
class System:
    """An installation with its servers running; `services` are filled where they run in this process."""

    installation: Installation
    trainees: tuple[Trainee, ...] = ()
    servers: tuple[Server, ...] = ()
    """The embedded ones."""
    witnesses: tuple[Watching, ...] = ()
    kept: dict[str, Kept] = field(default_factory=dict)
    """What runs in processes of its own and is started again when it ends, by names like `postgresql` and `tender`."""
    services: dict[str, Service] = field(default_factory=dict)
    bus: Bus | None = None


@asynccontextmanager
async def installed(options: Options, say: Say) -> AsyncIterator[System]:
    """Servers running, everything the services own in place, nobody serving yet."""
    try:
        options.var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"{options.var} cannot be made: {error.strerror}. Name another directory with --var.") from error
    async with AsyncExitStack() as stack:
        claim = await asyncio.to_thread(Claim, options.var, "OpenLPSE")
        stack.callback(claim.release)
        servers: list[Server] = []
        database, database_name = await _database_server(options, stack, say, servers)
        if options.lent and options.database:
            stack.push_async_callback(_cleared, say, _drop_databases, options)
        bus, bus_name = await _bus(options, database)
        if options.lent and options.bus:
            stack.push_async_callback(_cleared, say, _remove_queues, options)
        objects, admin, credentials, objects_name, store = await _object_store(options, stack, say)
        servers += [store] if store else []
        if options.lent and options.objects:
            stack.push_async_callback(_cleared, say, _remove_buckets, options, objects, admin)
        installation = Installation(
            var=options.var,
            instance=options.instance,
            profile=options.profile,
            prefix=options.prefix,
            databases=await _databases(options, database, say),
            bus=bus,
            objects=objects,
            credentials=credentials,
            backends=Backends(database=database_name, objects=objects_name, bus=bus_name),
            gateway=f"http://{LOOPBACK}:{options.port}",
            sweep=options.sweep,
            log_period=options.log_period,
            trace_ratio=options.trace_ratio,
        )
        _keys(installation)
        system = System(installation, servers=tuple(servers))
        if options.witnesses:
            system.witnesses = await _witnesses(options, installation, database)
        if options.profile == "latihan":
            held = ceremony(options.var / "roots", installation.jwks.parent, options.instance, installation.log_policy)
            installation.trust_root = held.file
        await _buckets(installation, admin, store)
        await _schemas(installation, say)
        await _declare(system)
        if options.profile == "latihan":
            system.trainees = await _seed(installation, say)
        installation.write()
        yield system


async def _database_server(options: Options, stack: AsyncExitStack, say: Say, servers: list[Server]) -> tuple[str, str]:
    """The administrator's address of the PostgreSQL server, and what it is."""
    if options.database:
        connection = await _connected(options.database)
        try:
            version = str(await connection.fetchval("show server_version")).split()[0]
        finally:
            await connection.close()
        return options.database, f"postgresql {version}"
    say("starting PostgreSQL")
    server = await stack.enter_async_context(Postgres(options.var / "postgresql", say=say))
    servers.append(server)
    return server.dsn, f"postgresql {server.version} embedded"


async def _connected(database: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(database, timeout=10)
    except (OSError, ValueError, asyncpg.PostgresError) as error:
        raise Mistake(f"PostgreSQL at the address of --database cannot be used: {error}") from error


async def _bus(options: Options, database: str) -> tuple[str, str]:
    if options.bus:
        if not options.bus.startswith(("amqp://", "amqps://")):
            raise Mistake(
                "--bus takes amqp://user:password@host:port of a RabbitMQ; without it the embedded bus is used."
            )
        return options.bus, "rabbitmq"
    return await _own_database(options, database, BUS_DATABASE), "embedded"


Store = tuple[str, Credentials, dict[str, Credentials], str, SeaweedFS | None]


async def _object_store(options: Options, stack: AsyncExitStack, say: Say) -> Store:
    """Endpoint, administrator, each service's own credentials, what it is, and the server if it is ours."""
    owners = [part for part in PARTS if part.bucket]
    if options.objects:
        address = urlsplit(options.objects)
        admin = Credentials(key=unquote(address.username or ""), secret=unquote(address.password or ""))
        endpoint = urlunsplit((address.scheme, address.netloc.rpartition("@")[2], "", "", ""))
        return endpoint, admin, {part.name: admin for part in owners}, "s3", None
    say("starting the object store")
    credentials = {
        part.name: Credentials(key=part.name, secret=secret(options.var / f"objects-{part.name}.password"))
        for part in owners
    }
    identities = [
        Identity(part.name, credentials[part.name].key, credentials[part.name].secret, _rights(options, part))
        for part in owners
    ]
    server = await stack.enter_async_context(SeaweedFS(options.var / "seaweedfs", identities=identities, say=say))
    admin = Credentials(key=server.admin.access_key, secret=server.admin.secret_key)
    return server.endpoint, admin, credentials, f"seaweedfs {server.version} embedded", server


def _rights(options: Options, part: Part) -> tuple[str, ...]:
    return tuple(f"{right}:{options.prefix}-{part.bucket}" for right in ("Read", "Write", "List", "Tagging"))


async def _databases(options: Options, admin: str, say: Say) -> dict[str, str]:
    """One role and one database per service; no role may enter another's database."""
    say("preparing databases")
    return {part.name: await _own_database(options, admin, part.name) for part in PARTS if part.database}


async def _own_database(options: Options, admin: str, owner: str) -> str:
    name = f"{options.prefix}_{owner}".replace("-", "_")
    kept = options.var / f"database-{owner}.password"
    ours = kept.exists()
    password = secret(kept)
    connection = await asyncpg.connect(admin, timeout=10)
    try:
        exists = await connection.fetchval("select 1 from pg_roles where rolname = $1", name)
        if exists and not ours:
            kept.unlink()
            raise Mistake(
                f"The role {name} is on that PostgreSQL server already, and its password is not in {options.var}: another "
                "installation uses it. Start that one with its own --var, or use another server."
            )
        verb = "alter" if exists else "create"
        await connection.execute(f"{verb} role \"{name}\" login password '{password}'")
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}" owner "{name}"')
        await connection.execute(f'revoke connect on database "{name}" from public')
    finally:
        await connection.close()
    address = urlsplit(admin)
    place = address.netloc.rpartition("@")[2]
    return urlunsplit(("postgresql", f"{name}:{password}@{place}", f"/{name}", address.query, ""))


async def _witnesses(options: Options, installation: Installation, admin: str) -> tuple[Watching, ...]:
    """Each with a database of its own, which only it may enter."""
    databases = [await _own_database(options, admin, owner) for owner in _watchers(options)]
    for database in databases:
        await migrations.upgrade(database, "witness")
    return tuple(prepared(installation, databases, free_ports(options.witnesses)))


def _watchers(options: Options) -> list[str]:
    return [f"witness_{number}" for number in range(1, options.witnesses + 1)]


def _keys(installation: Installation) -> None:
    """Every part signs with its own key for each purpose; renewed here when none is valid any more."""
    for part in PARTS:
        folder = installation.keys(part.name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for purpose in part.purposes:
            try:
                keys.SigningKey.load(folder, part.name, purpose)
            except keys.UntrustedKey as untrusted:
                if untrusted.code != "no_signing_key":
                    raise Mistake(f"{untrusted} {untrusted.remedy}") from untrusted
                keys.generate(folder, installation.jwks, part.name, purpose, days(purpose))
    seals.ensure(installation.jwks.parent, installation.instance)


async def _buckets(installation: Installation, admin: Credentials, server: SeaweedFS | None) -> None:
    names = [f"{installation.prefix}-{part.bucket}" for part in PARTS if part.bucket]
    for name in names:
        store = ObjectStore(installation.objects, admin.key, admin.secret, name)
        try:
            await store.ensure_bucket()
            if server is None:
                installation.backends.objects = (await store.version()).lower() or "s3"
        except Problem as problem:
            raise Mistake(f"The object store cannot be used: {problem}") from problem
        finally:
            await store.close()
    marker = installation.var / "seaweedfs" / f"fsync-{installation.prefix}"
    if server and not marker.exists():  # kept by the store from then on; asking takes a second
        await server.fsync(*names)
        marker.touch()


async def _schemas(installation: Installation, say: Say) -> None:
    say("bringing the databases to this version's schema")
    for name in SERVICES:
        await migrations.upgrade(installation.databases[name], name)


async def _declare(system: System) -> None:
    installation = system.installation
    bus = open_bus(installation.bus, application="lpse up")
    try:
        await bus.start()
        await bus.declare(topology(installation.prefix, whole=True))
        installation.backends.bus = bus.name
    except BusUnavailable as error:
        raise Mistake(f"The broker at the address of --bus cannot be used: {error}") from error
    finally:
        await bus.close()


async def _seed(installation: Installation, say: Say) -> tuple[Trainee, ...]:
    """The training tenant: a city, its work units and officials, with passwords of this installation alone."""
    if not installation.trainees.exists():
        say("preparing the training tenant")
        accounts.draft(installation.trainees)
    await accounts.seed(installation.databases["registry"], accounts.read(installation.trainees))
    return trainees(installation)


def trainees(installation: Installation) -> tuple[Trainee, ...]:
    """The accounts of the training tenant, with the passwords of this installation alone."""
    from services.registry.training import TRAINING_USERS

    known = accounts.read(installation.trainees)
    return tuple(Trainee(user_id, name, role, *known[user_id]) for user_id, name, role, _ in TRAINING_USERS)


@asynccontextmanager
async def in_one_process(system: System) -> AsyncIterator[System]:
    """The five services in this process, their background work running."""
    installation = system.installation
    bus = open_bus(installation.bus, application="lpse")
    await bus.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        services = {name: build(name, installation.settings(name)) for name in SERVICES}
        await bus.declare(topology(installation.prefix))
        for name, service in services.items():
            system.services[name] = await stack.enter_async_context(service.running(bus))
        system.bus = bus
        yield system


def spare_port() -> int:
    return free_ports(1)[0]


async def _cleared(say: Say, remove: Callable[..., Awaitable[None]], options: Options, *where: object) -> None:
    """What cannot be removed is said; it hides neither what went wrong before nor keeps the rest from being removed."""
    try:
        await remove(options, *where)
    except (OSError, Problem, asyncpg.PostgresError) as error:
        say(f"something named {options.prefix} stays on a lent server: {error}")


async def _remove_queues(options: Options) -> None:
    bus = open_bus(str(options.bus), application="lpse demo")
    try:
        await bus.start()
        await bus.remove(topology(options.prefix))
    finally:
        await bus.close()


async def _drop_databases(options: Options) -> None:
    owners = [part.name for part in PARTS if part.database] + ([] if options.bus else [BUS_DATABASE])
    owners += _watchers(options)
    connection = await asyncpg.connect(options.database, timeout=10)
    try:
        for owner in owners:
            name = f"{options.prefix}_{owner}".replace("-", "_")
            await connection.execute(f'drop database if exists "{name}" with (force)')
            await connection.execute(f'drop role if exists "{name}"')
    finally:
        await connection.close()


async def _remove_buckets(options: Options, endpoint: str, admin: Credentials) -> None:
    for part in PARTS:
        if part.bucket:
            store = ObjectStore(endpoint, admin.key, admin.secret, f"{options.prefix}-{part.bucket}")
            try:
                await store.remove_bucket()
            finally:
                await store.close()


def environment_of(installation: Installation, service: str) -> Mapping[str, str]:
    return {**os.environ, **installation.environment(service)}
