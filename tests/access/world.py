"""One LPSE in this process: five services on their own databases and a store, the gateway before them, and people.

Background work does not run by itself: `carry` takes events from service to service, `at` moves the clock and does what
is due. So nothing changes but by what a test does.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
from sqlalchemy import text
from starlette.applications import Starlette

from cli.servers import Postgres, SeaweedFS
from gateway import app as gateway
from gateway.upstream import InProcess
from integrity.tiles import tiles_of
from kit import clock
from kit.bus import Bus, DeadLetter, Delivery, Depth, Message, Topology
from kit.grants import Claims, RoleClaim, ServiceToken
from kit.jobs import Worker
from kit.keys import SigningKey
from kit.outbox import Relay
from kit.service import Service
from kit.settings import GatewaySettings, Settings
from services import SERVICES, build
from services.registry import credentials
from services.registry.models import Session
from tests.conftest import new_database
from tests.integrity.an_lpse import AnLpse
from tests.services.audit.source import publish

__all__ = ["LETTER", "PORTAL", "Person", "World", "open_world"]

PORTAL = "http://portal.test"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATER = datetime(2036, 1, 1, tzinfo=UTC)
PDF = b"%PDF-1.7 "
LETTER = "rubbish"
"""The dead letter that each service has."""


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in. `role` None: an account without a letter."""

    name: str
    role: str | None = None
    skpd: str | None = None
    provider: UUID | None = None
    account: UUID = field(default_factory=uuid4)
    session: UUID = field(default_factory=uuid4)
    until: datetime = LATER

    @property
    def in_force(self) -> bool:
        return self.until > datetime.now(UTC)

    def token(self, key_home: Path) -> str:
        roles = (RoleClaim(self.role, self.skpd, uuid4(), self.until),) if self.role else ()
        now = datetime.now(UTC).replace(microsecond=0)
        claims = Claims(self.account, self.session, self.name, self.provider, roles, now)
        return claims.issue(SigningKey.load(key_home / "registry", "registry", "access"))


@dataclass
class World:
    key_home: Path
    services: dict[str, Service] = field(default_factory=dict)
    clients: dict[str, httpx2.AsyncClient] = field(default_factory=dict)
    """One for each service, and one for the gateway."""
    gateway: Starlette = field(default_factory=Starlette)
    people: dict[str, Person] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    """What stands in a path: the identifier, code or number of each record the story made."""
    bodies: dict[str, Any] = field(default_factory=dict)
    """What only the story could know for a request: statements with their fingerprints, grants."""
    sessions: dict[str, str] = field(default_factory=dict)
    """The secret of a session of each person, until something may have ended it."""

    # Asking

    async def ask(
        self, who: Person | None, service: str, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response:
        """`body`: bytes as they are, anything else as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent.setdefault("authorization", f"Bearer {who.token(self.key_home)}")
        if method != "GET":
            sent.setdefault("idempotency-key", str(uuid4()))
        content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        self.clients[service].cookies.clear()
        return await self.clients[service].request(method, path, headers=sent, **content)

    async def do(self, who: Person | None, service: str, path: str, body: Any = None) -> Any:
        answer = await self.ask(who, service, "POST", path, {} if body is None else body)
        assert answer.status_code in {200, 201}, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def see(self, who: Person | None, service: str, path: str) -> Any:
        answer = await self.ask(who, service, "GET", path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def upload(self, who: Person, grant: str, content: bytes, media_type: str = "application/pdf") -> Any:
        named = f"attachment; filename*=UTF-8''{quote('berkas.pdf')}"
        headers = {"lpse_grant": grant, "content_type": media_type, "content_disposition": named}
        answer = await self.ask(who, "documents", "PUT", "/uploads", content, **headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def hand_in(self, who: Person, granted: Mapping[str, Any], content: bytes = PDF) -> dict[str, str]:
        """Upload under the grant; what documents stated, as the owner wants it."""
        stored = await self.upload(who, granted["grant"], content)
        return {name: stored[name] for name in ("statement", "md5", "sha256")}

    def service_token(self, service: str) -> str:
        key = SigningKey.load(self.key_home / "gateway", "gateway", "service")
        return ServiceToken(service, datetime.now(UTC)).issue(key)

    async def open_session(self, who: Person, id: UUID | None = None) -> str:
        """A session as a login makes it; returns its secret."""
        secret = credentials.new_secret()
        async with self.services["registry"].database.transaction() as db:
            now = await clock.real_now(db)
            times = {"created_at": now, "last_used_at": now, "expires_at": now + timedelta(hours=12)}
            digest = credentials.digest(secret)
            db.add(Session(id=id or uuid4(), account=who.account, secret_sha256=digest, **times))
        return secret

    async def sessions_of_all(self) -> dict[str, str]:
        """One for many questions: a new session for each would take longer than the questions."""
        for name, who in self.people.items():
            if name not in self.sessions:
                self.sessions[name] = await self.open_session(who)
        return self.sessions

    # What happens behind

    async def carry(self) -> None:
        """Events reach who wants them, and the log takes them up."""
        post = _Post(self.services)
        carried = True
        while carried:
            carried = any([await self._carry_one(service, post) for service in self.services.values()])
        if size := await publish(self.services["audit"]):
            self.records["tile"] = str(next(tiles_of(size))).removeprefix("tile/")

    async def _carry_one(self, service: Service, post: "_Post") -> bool:
        relay = Relay(service.name, service.settings.instance, service.database, cast("Bus", post), service.signals)
        async with service.database.engine.connect() as connection:
            while await relay.number(connection):
                pass
            published, failed = await relay.publish(connection)
        assert not failed
        return published > 0

    async def at(self, moment: datetime) -> None:
        """The business clock stands at this instant everywhere, and what is due then is done."""
        for service in self.services.values():
            async with service.database.transaction() as db:
                await clock.stop(db, moment)
            worker = Worker(service.name, service.database, dict(service.jobs), service.signals)
            while await worker.run_one():
                pass
        await self.carry()

    async def now(self) -> datetime:
        async with self.services["tender"].database.reading() as db:
            return await clock.business_now(db)

    async def state(self, *services: str) -> dict[str, tuple[int, str]]:
        """Rows and digest of every table of these services."""
        found: dict[str, tuple[int, str]] = {}
        for name in services:
            async with self.services[name].database.reading() as db:
                tables = (
                    await db.execute(text("select tablename from pg_tables where schemaname = 'public'"))
                ).scalars()
                for table in sorted(tables):
                    digest = text(f"select count(*), md5(string_agg(t::text, '|' order by t::text)) from \"{table}\" t")  # noqa: S608
                    rows, digested = (await db.execute(digest)).one()
                    found[f"{name}.{table}"] = rows, str(digested)
        return found


class _Letterbox:
    """A bus without traffic: each service has the same dead letter, which nothing takes away."""

    async def depth(self, topology: Topology) -> dict[str, Depth]:
        return {service: Depth(0, 1, None) for service in topology.subscriptions}

    async def dead(self, queue: str, _limit: int = 100) -> list[DeadLetter]:
        return [DeadLetter(LETTER, queue, "nobody.knows.this.v1", b"rubbish", {}, "invalid", "", None, 1)]

    async def retry_dead(self, _queue: str, id: str) -> bool:
        return id == LETTER

    async def discard_dead(self, _queue: str, id: str) -> bool:
        return id == LETTER


class _Post:
    """Hands every message to each service that asked for its kind, at once."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    async def publish(self, messages: Sequence[Message]) -> list[Exception | None]:
        for message in messages:
            for name, service in self._services.items():
                if service.everything or message.key in service.subscriptions:
                    await service.inbox(Delivery(message, name, 0))
        return [None] * len(messages)


@asynccontextmanager
async def open_world(
    postgres: Postgres, templates: dict[str, str], seaweedfs: SeaweedFS, key_home: Path
) -> AsyncIterator[World]:
    """An empty one, with limits that nobody reaches: what they do is tested elsewhere."""
    prefix = f"dunia-{secrets.token_hex(4)}"
    world = World(key_home)
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            address = await new_database(postgres, templates, name)
            service = build(name, _settings(name, address, prefix, seaweedfs, key_home))
            world.services[name] = await stack.enter_async_context(
                service.running(cast("Bus", _Letterbox()), worker=False)
            )
            world.clients[name] = await stack.enter_async_context(_client(service.app, f"http://{name}"))
        for name in ("documents", "audit"):
            await world.services[name].store().ensure_bucket()
        upstreams = {name: InProcess(service.app) for name, service in world.services.items()}
        values = {
            "profile": "latihan",
            "public_url": PORTAL,
            "keys": key_home / "gateway",
            "jwks": key_home / "jwks.json",
        }
        limits = {"requests_per_account": 1e6, "requests_per_address": 1e6}
        world.gateway = gateway.build(GatewaySettings.model_validate(values | {"limits": limits}), upstreams)
        await stack.enter_async_context(gateway.running(world.gateway))
        world.clients["gateway"] = await stack.enter_async_context(_client(world.gateway, PORTAL))
        yield world


def _settings(name: str, address: str, prefix: str, store: SeaweedFS, key_home: Path) -> Settings:
    return Settings.model_validate(
        {
            "instance": "uji",
            "profile": "latihan",
            "prefix": prefix,
            "database": address,
            "bus": address,
            "objects": store.endpoint,
            "objects_key": store.admin.access_key,
            "objects_secret": store.admin.secret_key,
            "keys": key_home / name,
            "jwks": key_home / "jwks.json",
            "trust_root": _trust_root(key_home),
            "trace_ratio": 0.0,
        }
    )


def _trust_root(home: Path) -> Path:
    """Of another ceremony than these keys': whether it may be read, and a receipt printed by it, is the question here."""
    file = home / "trust-root"
    file.write_bytes(AnLpse("uji").root_file())
    return file


def _client(app: Any, url: str) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 1234))
    return httpx2.AsyncClient(transport=transport, base_url=url, timeout=60)
