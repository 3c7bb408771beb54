"""One whole tender and everything that goes wrong around it: no log, trace, event or command line tells a secret."""

import asyncio
import io
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from cli.demo.cast import npwp
from cli.demo.portal import Portal
from cli.demo.story import Story
from cli.system import Options, System, spare_port
from cli.up import running
from kit import telemetry
from services import SERVICES
from tests.conftest import reachable
from tests.containers import Broker, ContainedRabbitMQ
from tests.secrets.witness import PERSONAL, TOLD_ONCE, Witness

SLIP = "kata-sandi-SALAH-7141"
FIELD = "kata-sandi-sebagai-nama-8826"
MISPLACED = "kata-sandi-di-tempat-lain-5203"
NIK = "3576010101801234"
NPWP = npwp(777)
PHONE = "081234567890"
MAIL = "rahasia@contoh.example"
CODE = "ABCD-EFGH-JKLM-NPQR"
GRANT = "eyJhbGciOiJFZDI1NTE5In0.eyJyYWhhc2lhIjp0cnVlfQ.c2lnbmF0dXJl"
SESSION = "sesi-palsu-0123456789abcdefghij"


@dataclass
class Played:
    system: System
    witness: Witness
    log: bytes
    spans: bytes
    commands: bytes
    rabbitmq: bytes


@pytest.fixture(scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory, rabbitmq: Broker) -> AsyncIterator[Played]:
    home = reachable(tmp_path_factory.mktemp("secrets"))
    options = Options(home / "var", spare_port(), "rahasia", trace_ratio=1.0, bus=rabbitmq.url, lent=True)
    witness, spans, kept = Witness(), deque[object](), telemetry.RECENT
    telemetry.configure_logs("DEBUG")
    log = logging.getLogger().handlers[0].stream = io.StringIO()  # type: ignore[attr-defined]
    telemetry.RECENT = spans  # type: ignore[assignment]
    try:
        async with running(options) as system:
            await play(system, witness, home)
            await go_wrong(system, witness)
            known(system, witness)
            yield Played(
                system,
                witness,
                log.getvalue().encode(),
                "\n".join({f"{span.name} {span.attributes} {span.status.description} {event.attributes}"
                           for span in spans for event in [*span.events, span]}).encode(),  # type: ignore[attr-defined]
                b"\n".join(command_lines()),
                log_of(rabbitmq),
            )  # fmt: skip
    finally:
        telemetry.RECENT = kept
        telemetry.configure_logs("WARNING", json=False)


def log_of(broker: Broker) -> bytes:
    if isinstance(broker, ContainedRabbitMQ):
        return broker.log()
    return b"".join(file.read_bytes() for file in broker.directory.rglob("*.log"))


async def play(system: System, witness: Witness, home: Path) -> None:
    files = [home / name for name in ("penawaran.bin", "teknis.bin")]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 100_000)
    (home / "work").mkdir()
    story = Story(system, home / "work", files, home)
    witness.listen(story.portal.http)
    await story.play()


async def go_wrong(system: System, witness: Witness) -> None:
    """What people mistype, what attackers send, and a database that refuses a row."""
    async with Portal(system.installation.gateway) as portal:
        witness.listen(portal.http)
        for kind, value in (
            ("password", SLIP), ("password", MISPLACED), ("npwp", NIK), ("npwp", NPWP), ("phone", PHONE), ("email", MAIL),
            ("field", FIELD), ("tracking", CODE), ("grant", GRANT), ("session", SESSION),
        ):  # fmt: skip
            witness.note(kind, value)
        registration = {
            "user_id": "rahasia", "password": SLIP, "email": MAIL, "kind": "badan_usaha", "name": "CV Rahasia",
            "npwp": NPWP, "address": "Jalan Rahasia", "phone": PHONE, "responsible_name": "Orang", "amended_deed": False,
        }  # fmt: skip
        complaint = {"category": "lainnya", "text": f"Hubungi {PHONE} atau {MAIL}, NIK {NIK}", "contact": PHONE}
        post = _Post(portal)
        await post("/api/registry/sessions", {"user_id": "ppk", "password": SLIP})
        await post("/api/registry/sessions", {"user_id": MISPLACED, "password": SLIP, "totp": "123456"})
        await post("/api/registry/sessions", {"user_id": ["ppk", SLIP], FIELD: SLIP})
        await post("/session", {"user_id": "ppk", "password": SLIP})
        await post("/api/registry/registrations", registration | {"npwp": NIK + "x", "email": PHONE, "kind": MISPLACED})
        await post("/api/registry/registrations", registration | {"address": f"NUL \0 {NPWP}"})
        await post("/api/helpdesk/complaints", complaint | {"category": MISPLACED})
        await post("/api/helpdesk/complaints", complaint | {"text": f"{NIK} \0"})
        raw = f'{{"user_id": "ppk", "password": "{SLIP}'.encode()
        await portal.http.post(
            "/api/registry/sessions", content=raw, headers={"content-type": "application/octet-stream"}
        )
        for path in (
            f"/api/helpdesk/complaints/track/{CODE}",
            f"/api/helpdesk/tickets/{CODE}?grant={GRANT}",
            f"/x/{CODE}",
        ):
            await portal.http.get(path)
        for path in ("/api/helpdesk/complaints/tracked", "/api/helpdesk/tickets/tracked"):
            await portal.http.get(path, headers={"lpse-tracking": CODE})
        await portal.http.put("/api/documents/uploads", content=b"x", headers={"lpse-grant": GRANT})
        await portal.http.get(f"/api/documents/objects/{uuid4()}", headers={"lpse-grant": GRANT})
        await portal.http.get("/api/registry/sessions", headers={"authorization": f"Bearer {SESSION}"})
        await broken(system, "registry", "provider", post, "/api/registry/registrations", registration)
        await broken(system, "helpdesk", "complaint", post, "/api/helpdesk/complaints", complaint)
        await broken(system, "registry", "session", post, "/api/registry/sessions", _login(system))


def _login(system: System) -> dict[str, str]:
    import pyotp

    trainee = next(trainee for trainee in system.trainees if trainee.role == "auditor")
    return {
        "user_id": trainee.user_id,
        "password": trainee.password,
        "totp": pyotp.TOTP(trainee.totp_secret).now(),
    }


class _Post:
    def __init__(self, portal: Portal) -> None:
        self._http = portal.http

    async def __call__(self, path: str, body: object) -> int:
        return (await self._http.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})).status_code


async def broken(system: System, service: str, table: str, post: _Post, path: str, body: object) -> None:
    """PostgreSQL refuses the row, and names all of it in its words: a fault of ours, answered 500."""
    connection = await asyncpg.connect(system.installation.databases[service])
    try:
        await connection.execute(f"alter table {table} add constraint broken check (id is null) not valid")
        assert await post(path, body) == 500
    finally:
        await connection.execute(f"alter table {table} drop constraint broken")
        await connection.close()


def known(system: System, witness: Witness) -> None:
    for trainee in system.trainees:
        witness.note("password", trainee.password)
        witness.note("totp_secret", trainee.totp_secret)
    for file in system.installation.var.rglob("*.password"):
        witness.note("server password", file.read_text())
    for file in system.installation.var.rglob("*.pem"):
        witness.note("private key", file.read_text().splitlines()[-2])


def command_lines() -> list[bytes]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes())
        except OSError:  # it has ended meanwhile
            continue
    return found


async def test_the_story_gave_every_kind_of_secret(played: Played) -> None:
    kinds = {*TOLD_ONCE, *PERSONAL, "statement", "unit_price", "server password", "private key"} - {
        "tracking",
        "contact",
    }
    assert {kind for kind in kinds if not played.witness.values[kind]} == set()
    assert f"npwp: {NIK}" in played.witness.told(f"({NIK})".encode())


async def test_no_log_of_ours_tells(played: Played) -> None:
    assert played.log.count(b"unexpected error") == 3
    assert played.witness.told(played.log) == []


async def test_no_span_tells(played: Played) -> None:
    assert b"insert into provider" in played.spans.lower()
    assert played.witness.told(played.spans) == []


@pytest.mark.parametrize("server", ["postgresql", "seaweedfs"])
async def test_no_log_of_a_server_tells(played: Played, server: str) -> None:
    log = (played.system.installation.var / server / "server.log").read_bytes()
    assert (b'violates check constraint "broken"' if server == "postgresql" else b"Start Seaweed") in log
    assert played.witness.told(log) == []


async def test_the_brokers_log_tells_nothing(played: Played) -> None:
    assert b"accepting AMQP connection" in played.rabbitmq or b"connection" in played.rabbitmq
    assert played.witness.told(played.rabbitmq) == []


async def test_no_refusal_repeats_what_it_refuses(played: Played) -> None:
    assert len(played.witness.refusals) > 15
    assert (
        played.witness.told(
            "\n".join(played.witness.refusals).encode(), {"password", "session", "grant", "npwp", "phone"}
        )
        == []
    )


async def test_no_command_line_tells(played: Played) -> None:
    assert b"postgres" in played.commands
    assert played.witness.told(played.commands) == []


async def test_events_and_the_public_log_hold_no_person_and_no_secret(played: Played) -> None:
    for service in SERVICES:
        events = await everything_in(played.system.installation.databases[service], "outbox")
        assert played.witness.told(events, {*TOLD_ONCE, *PERSONAL, "statement"}) == [], service
    log = await everything_in(played.system.installation.databases["audit"])
    assert len(log) > 10_000
    assert played.witness.told(log, {*TOLD_ONCE, *PERSONAL, "statement", "unit_price"}) == []


async def test_what_is_told_once_lies_in_no_database(played: Played) -> None:
    """TOTP secrets must: they are compared with."""
    told = await asyncio.gather(*(everything_in(played.system.installation.databases[service]) for service in SERVICES))
    assert played.witness.told(b"".join(told), TOLD_ONCE - {"totp_secret"}) == []


async def everything_in(address: str, only: str = "%") -> bytes:
    connection = await asyncpg.connect(address)
    try:
        listed = "select tablename from pg_tables where schemaname = 'public' and tablename like $1"
        rows = [
            row
            for (table,) in await connection.fetch(listed, only)
            for row in await connection.fetch(f'table "{table}"')
        ]
    finally:
        await connection.close()
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)


PUBLIC = {"jwks.json", "owner.lock", "server.pid", "trust-root"}


async def test_nobody_else_on_the_machine_reads_a_file(played: Played) -> None:
    """Where strangers may not enter a directory, what lies in it is closed to them whatever its own mode."""
    var = played.system.installation.var
    open_, waiting = [], [var]
    while waiting:
        for path in waiting.pop().iterdir():
            mode = path.lstat().st_mode
            if path.is_dir() and not path.is_symlink():
                waiting += [path] if mode & 0o001 else []
            elif mode & 0o004 and path.is_file() and path.stat().st_size and path.name not in PUBLIC:
                open_.append(str(path.relative_to(var)))
    assert open_ == []
