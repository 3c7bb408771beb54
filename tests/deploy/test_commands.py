"""The commands that a cluster's Jobs, init containers and operators run: by their environment alone, without an installation."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pyotp
import pytest
from pydantic import ValidationError
from sqlalchemy import select

from cli import keyring
from cli.main import _parser
from cli.mistakes import Mistake
from cli.servers import SeaweedFS
from cli.servers.ports import LOOPBACK, free_ports
from cli.serving import listening
from cli.system import PARTS
from cli.wiring import topology
from gateway import app as gateway
from gateway.upstream import Http
from kit.bus.choice import open_bus
from kit.db import Database
from kit.keys import KeyRing, SigningKey
from kit.storage import ObjectStore, Stored
from services import SERVICES
from services.documents.models import Document
from tests.conftest import MakeDatabase
from tests.deploy.doors import Door
from tests.gateway.conftest import settings_with
from tests.gateway.standins import Answers

ROOT = Path(__file__).resolve().parents[2]


async def lpse(*words: str, var: Path, **told: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LPSE_")}
    environment = {**clean, "PYTHONPATH": str(ROOT)} | {f"LPSE_{name.upper()}": told[name] for name in told}
    command = [sys.executable, "-P", "-m", "cli", *words, "--var", str(var)]
    process = await asyncio.create_subprocess_exec(*command, cwd="/", env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return printed.decode()


async def test_a_database_is_migrated_while_its_service_waits(empty_database: str, tmp_path: Path) -> None:
    waiting = asyncio.create_task(lpse("db", "wait", "helpdesk", var=tmp_path, database=empty_database))
    await asyncio.sleep(3)
    assert not waiting.done(), "the schema is not there yet"
    assert "helpdesk: at 00" in await lpse("db", "upgrade", "helpdesk", var=tmp_path, database=empty_database)
    assert "waiting" in await waiting


async def test_a_migration_waits_for_its_server_and_its_database(empty_database: str, tmp_path: Path) -> None:
    """Neither is there when a cluster is begun: the server's port opens later, and its database is made after that."""
    server, (port,) = urlsplit(empty_database), free_ports(1)
    late = f"late_{uuid4().hex[:12]}"
    address = f"{server.scheme}://{server.username}:{server.password}@{LOOPBACK}:{port}/{late}"
    upgrading = asyncio.create_task(lpse("db", "upgrade", "helpdesk", var=tmp_path, database=address))
    await asyncio.sleep(3)
    assert not upgrading.done(), "nobody listens yet"
    async with Door((LOOPBACK, port), lambda: [(str(server.hostname), int(server.port or 5432))]):
        await asyncio.sleep(3)
        assert not upgrading.done(), "there is no such database yet"
        admin = await asyncpg.connect(empty_database)
        try:
            await admin.execute(f'create database "{late}"')
            said = await upgrading
        finally:
            await admin.execute(f'drop database if exists "{late}" with (force)')
            await admin.close()
    assert "waiting for its database" in said
    assert f'"{late}" does not exist' in said
    assert "helpdesk: at 00" in said


def test_keys_are_made_where_nothing_else_is(tmp_path: Path) -> None:
    """As the Secrets and the ConfigMap of the manifests want them: a folder for each part, one file for all."""
    home = tmp_path / "keys"
    printed = keyring.create(home)
    ring, now = KeyRing(home / "jwks.json"), datetime.now(UTC)
    for part in PARTS:
        for purpose in part.purposes:
            key = SigningKey.load(home / part.name, part.name, purpose)
            assert ring.lookup(key.kid, purpose, now, owner=part.name)
            assert any(line.startswith(key.kid) for line in printed)
    assert {folder.name for folder in home.iterdir()} == {part.name for part in PARTS if part.purposes} | {
        "jwks.json",
        "seal",
    }
    with pytest.raises(Mistake, match="is not empty"):
        keyring.create(home)


@pytest.fixture
async def office(make_database: MakeDatabase, seaweedfs: SeaweedFS, key_home: Path) -> AsyncIterator[dict[str, str]]:
    """The environment in which an operator types: every database, a bus with its queues, a bucket, the public keys."""
    databases = {service: await make_database(service) for service in SERVICES}
    bus = open_bus(databases["audit"], application="test")
    await bus.start()
    await bus.declare(topology("office"))
    await bus.close()
    key, secret = seaweedfs.admin.access_key, seaweedfs.admin.secret_key
    store = ObjectStore(seaweedfs.endpoint, key, secret, "office-documents")
    await store.ensure_bucket()
    yield {
        "instance": "latihan-uji",
        "profile": "latihan",
        "prefix": "office",
        "databases": json.dumps(databases),
        "bus": databases["audit"],
        "objects": seaweedfs.endpoint,
        "objects_key": key,
        "objects_secret": secret,
        "gateway": "http://127.0.0.1:9",
        "jwks": str(key_home / "jwks.json"),
    }
    await store.remove_bucket()
    await store.close()


class Typed(NamedTuple):
    ended: int
    said: str


Types = Callable[..., Awaitable[Typed]]


@pytest.fixture
def types(
    office: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Types:
    """`await types("clock", "show", profile="production")`: a command in that environment, where a variable may be another."""

    async def type_(*words: str, **others: str) -> Typed:
        asked = _parser().parse_args([*words, "--var", str(tmp_path)])
        with monkeypatch.context() as changed:
            for name, value in (office | others).items():
                changed.setenv(f"LPSE_{name.upper()}", value)
            try:
                ended = await asked.run(asked)
            except Mistake as mistake:
                return Typed(1, str(mistake))
        return Typed(ended, capsys.readouterr().out)

    return type_


async def test_an_operator_finds_everything_in_the_environment(types: Types) -> None:
    at = (await types("clock", "stop")).said.strip()
    assert (await types("clock", "show")).said.count(f"{at} (moved or stopped)") == len(SERVICES)
    assert json.loads((await types("events", "count", trace_ratio="0.1")).said) == {
        "emitted": 0,
        "handled": 0,
        "waiting": [],
    }
    assert (await types("events", "resend", "--to", "audit")).said.startswith("0 events that audit lacks")
    assert (await types("events", "replay")).said.startswith("0 events of registry")
    assert (await types("dead", "list")).said == "no dead letters\n"
    assert (await found(types, "--deep")) == [], "all that is there"
    shown = (await types("top", "--once")).said
    assert all(service in shown for service in SERVICES)
    assert "processor" not in shown, "the processes and the disk of a cluster are elsewhere"


async def found(types: Types, *words: str, **others: str) -> list[str]:
    """By `check`, which says first that the gateway gives no answer: none runs here."""
    gateway, *others_found = (await types("check", *words, **others)).said.splitlines()
    assert gateway.startswith("gateway: does not answer at http://127.0.0.1:9 ")
    return [line for line in others_found if not line.startswith("everything")]


async def test_the_training_tenant_is_brought_by_its_accounts(
    types: Types, office: dict[str, str], tmp_path: Path
) -> None:
    """As `lpse keys create --training` wrote them: seeded twice, and each code is the one that registry wants."""
    accounts = tmp_path / "keys" / "training.json"
    registry = {"database": json.loads(office["databases"])["registry"], "training": str(accounts)}
    assert "training.json cannot be read" in (await types("db", "seed", **registry)).said
    await types("keys", "create", str(tmp_path / "keys"), "--training")
    assert accounts.stat().st_mode & 0o077 == 0
    server, (port,) = urlsplit(registry["database"]), free_ports(1)
    away = registry | {"database": registry["database"].replace(f":{server.port}/", f":{port}/")}
    seeding = asyncio.ensure_future(types("db", "seed", "registry", **away))
    await asyncio.sleep(1)
    async with Door((LOOPBACK, port), lambda: [(str(server.hostname), int(server.port or 5432))]):
        ended, said = await seeding
    assert (ended, said.splitlines()[-1]) == (0, "registry: the training tenant is there")
    assert "registry: waiting for its database" in said
    for _ in range(2):
        assert await types("db", "seed", "registry", **registry) == (0, "registry: the training tenant is there\n")
    known = json.loads(accounts.read_text())
    connection = await asyncpg.connect(registry["database"])
    try:
        secrets = "select user_id, totp_secret from account join credential on credential.account = account.id"
        there = dict(map(tuple, await connection.fetch(secrets)))
        assert await connection.fetchval("select count(*) from committee") == 1
    finally:
        await connection.close()
    assert there == {user: totp for user, (_, totp) in known.items()}
    code = (await types("code", "ppk", training=str(accounts))).said.strip()
    assert pyotp.TOTP(there["ppk"]).verify(code, valid_window=1)


async def test_the_training_tenant_is_for_training_alone(types: Types, tmp_path: Path) -> None:
    nowhere = {"database": "postgresql://nobody@127.0.0.1:1/nothing", "training": str(tmp_path / "accounts.json")}
    assert "LPSE_PROFILE=latihan alone" in (await types("db", "seed", **nowhere, profile="production")).said
    assert "registry's" in (await types("db", "seed", "tender", **nowhere)).said
    assert "needs LPSE_DATABASE and LPSE_TRAINING" in (await types("db", "seed")).said
    for text, wrong in (("[", "is no file of accounts"), ('{"ppk": ["a", "b"]}', "has no account pokja1")):
        (tmp_path / "accounts.json").write_text(text)
        assert wrong in (await types("db", "seed", **nowhere)).said


async def test_the_clock_of_production_stands_still(types: Types) -> None:
    assert "production instance" in (await types("clock", "stop", profile="production")).said


async def test_check_names_a_public_key_that_is_missing(types: Types, key_home: Path, tmp_path: Path) -> None:
    listed = json.loads((key_home / "jwks.json").read_text())["keys"]
    fewer = tmp_path / "jwks.json"
    fewer.write_text(json.dumps({"keys": [key for key in listed if key["lpse_purpose"] != "receipt"]}))
    signers = ("registry", "tender", "helpdesk")
    wrong = [f"key: {fewer} has no valid key of {name} for receipt: renew it with `lpse keys`" for name in signers]
    assert await found(types, jwks=str(fewer)) == wrong
    assert "are not here" in (await types("keys", "renew", "tender", jwks=str(fewer))).said


WRONG = {
    "databases": [
        ('{"tender": "postgresql://x"}', "LPSE_DATABASES: it names tender, and must name registry, tender"),
        ("{registry}", "LPSE_DATABASES: Invalid JSON"),
    ],
    "instanse": [("x", "LPSE_INSTANSE is no setting of OpenLPSE: did you mean LPSE_INSTANCE?")],
    "profile": [("training", "LPSE_PROFILE: Input should be")],
}


async def test_what_is_wrong_in_the_environment_is_said(types: Types) -> None:
    for variable, cases in WRONG.items():
        for value, wrong in cases:
            ended, said = await types("clock", "show", **{variable: value})
            assert ended == 1
            assert wrong in said


async def test_what_up_wrote_counts_before_the_environment(types: Types, tmp_path: Path) -> None:
    (tmp_path / "installation.json").write_text("{}")
    with pytest.raises(ValidationError):
        await types("clock", "show")


PUBLISHED = {"profile": "production", "instance": "kota", "public_url": "https://lpse.kota.go.id"}


@pytest.fixture
async def published(key_home: Path) -> AsyncIterator[str]:
    """A production gateway at its inner address, before services of which audit is away."""
    (away,) = free_ports(1)
    async with listening(Answers(), host=LOOPBACK, port=0) as answers:
        ports = dict.fromkeys(SERVICES, answers) | {"audit": away}
        upstreams = {service: Http(f"http://{LOOPBACK}:{port}") for service, port in ports.items()}
        app = gateway.build(settings_with(key_home, **PUBLISHED), upstreams)
        async with gateway.running(app), listening(app, host=LOOPBACK, port=0) as inner:
            yield f"http://{LOOPBACK}:{inner}"


async def test_check_asks_a_production_gateway_by_its_published_name(types: Types, published: str) -> None:
    """At another it refuses before it asks a service, which is no answer of the service."""
    asked = await types("check", gateway=published, public_url=PUBLISHED["public_url"])
    assert asked.said.splitlines() == ["audit: gives no answer (503 at the gateway). Look at its log, start it."]
    (refused,) = (await types("check", gateway=published)).said.splitlines()
    assert refused.startswith(f"gateway: does not answer to the name {published.removeprefix('http://')}")


class Shelf:
    """The store and the table of documents, as uploads leave them."""

    def __init__(self, office: dict[str, str]) -> None:
        self.database = json.loads(office["databases"])["documents"]
        key, secret = office["objects_key"], office["objects_secret"]
        self.store = ObjectStore(office["objects"], key, secret, "office-documents")

    async def upload(self, body: bytes) -> UUID:
        id = uuid4()
        stored = await self.put(id, body)
        async with self.opened() as database, database.transaction() as db:
            row = Document(
                id=id, name="penawaran.pdf", media_type="application/pdf", size=stored.size, md5=stored.md5,
                sha256=stored.sha256, store_key=stored.key, store_version=stored.version_id, grant=uuid4(), owner="tender",
                purpose="bid", record=uuid4(), account=uuid4(), stored_at=datetime.now(UTC), statement="x",
            )  # fmt: skip
            db.add(row)
        return id

    async def put(self, id: UUID, body: bytes) -> Stored:
        async def chunks() -> AsyncIterator[bytes]:
            yield body

        return await self.store.put_stream(str(id), chunks(), size=len(body))

    async def emptied(self) -> None:
        for stat in await self.store.versions():
            await self.store.remove(stat.key, str(stat.version_id))

    async def read(self, id: UUID) -> bytes:
        async with self.opened() as database, database.reading() as db:
            row = (await db.execute(select(Document).where(Document.id == id))).scalar_one()
        return b"".join([chunk async for chunk in await self.store.open(row.store_key, row.store_version)])

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Database]:
        database = Database(self.database, pool=2)
        yield database
        await database.close()


async def test_a_restored_store_is_taken_by_fingerprint(types: Types, office: dict[str, str]) -> None:
    """Its objects have other versions than the documents know; what is not what was stated is taken for nothing."""
    shelf = Shelf(office)
    bodies = [b"satu", b"dua dua", b"tiga", b"empat"]
    stays, back, changed, lost = [await shelf.upload(body) for body in bodies]
    assert (await types("adopt")).said.startswith("0 documents")
    await shelf.emptied()
    for id, body in ((stays, b"satu"), (back, b"xxx xxx"), (back, b"dua dua"), (changed, b"TIGA")):
        await shelf.put(id, body)
    ended, said = await types("adopt")
    assert (ended, said.splitlines()[0]) == (1, "2 documents are read from now on where the store has them")
    assert all(f"the document {id} are nowhere" in said for id in (changed, lost))
    assert [await shelf.read(stays), await shelf.read(back)] == bodies[:2]
    await shelf.put(changed, b"tiga")
    await shelf.put(lost, b"empat")
    assert (await types("adopt")).ended == 0
    assert [await shelf.read(changed), await shelf.read(lost)] == bodies[2:]
    await shelf.store.close()
