"""One installation under attack: the five services on real databases and a real store, and the gateway on a real port."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
from sqlalchemy import text

from kit.db import Db, kit_metadata
from kit.service import Service
from services.registry import credentials
from services.registry.models import Account, Provider, Session
from tests.services.tender.office import Draft, Office, Person, Tender, firm

__all__ = ["BIDDER", "PROBLEM", "Answer", "Matter", "Town", "fresh_key", "refused"]

BIDDER = firm("CV Penyerang")


PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """What came back over a bare connection; `status` 0 where the connection was closed without a word."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Matter:
    """What is attacked."""

    draft: str
    granted: dict[str, Any]
    """A file of the draft: its id and its upload grant."""
    tender: Tender
    bid: Draft


@dataclass
class Town:
    services: dict[str, Service]
    straight: dict[str, httpx2.AsyncClient]
    """To each service, without the gateway before it."""
    door: httpx2.AsyncClient
    """To the gateway, over TCP."""
    port: int
    key_home: Path
    tender: Office
    sessions: dict[UUID, str] = field(default_factory=dict)

    @asynccontextmanager
    async def unchanged(self, *names: str) -> AsyncIterator[None]:
        """Whatever happens inside leaves every table of these services (default: all) and the store as they were."""
        before = await self.state(*names)
        yield
        assert await self.state(*names) == before

    async def state(self, *names: str) -> dict[str, Any]:
        found: dict[str, Any] = {name: await _tables(self.services[name]) for name in names or self.services}
        return found | {"objects": await asyncio.to_thread(self.stored)}

    def stored(self) -> set[str]:
        """Names of the objects in the store."""
        wire = self.services["documents"].store()._wire
        return {str(found.object_name) for found in wire._client.list_objects(wire.bucket)}

    def bearer(self, who: Person) -> dict[str, str]:
        return {"Authorization": f"Bearer {who.token(self.key_home)}"}

    async def session(self, account: UUID, *, provider: UUID | None = None) -> str:
        """An open session of this account, for the gateway; its password is nobody's business here."""
        if account not in self.sessions:
            self.sessions[account] = secret = credentials.new_secret()
            async with self.services["registry"].database.transaction() as db:
                await _open(db, account, secret, provider)
        return self.sessions[account]

    async def send(self, raw: bytes | Iterable[bytes], *, patience: float = 10, close: bool = False) -> list[Answer]:
        """Bytes on a connection of their own; every answer that comes until the gateway closes or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in [raw] if isinstance(raw, bytes) else raw:
                writer.write(part)
                await writer.drain()
            if close:
                writer.write_eof()
            return [answer async for answer in _answers(reader, patience)]
        except (ConnectionError, BrokenPipeError):
            return []
        finally:
            writer.close()


async def _tables(service: Service) -> dict[str, str]:
    """Each table with its rows and a hash over them."""
    names = (*service.metadata.tables, *kit_metadata.tables)
    rows = "select '{0}', count(*) || ' ' || coalesce(md5(string_agg(t::text, '' order by t::text)), '') from \"{0}\" t"
    async with service.database.reading() as db:
        found = await db.execute(text(" union all ".join(rows.format(name) for name in names)))
        return {name: hashed for name, hashed in found}  # noqa: C416  rows are no pairs to dict()


async def _open(db: Db, account: UUID, secret: str, provider: UUID | None) -> None:
    email = f"{account.hex}@contoh.example"
    db.add(Account(id=account, user_id=f"u{account.hex}", name="Seseorang", email=email))
    await db.flush()
    if provider is not None:
        db.add(_provider(account, provider))
    now = datetime.now(UTC)
    db.add(
        Session(
            account=account,
            secret_sha256=credentials.digest(secret),
            created_at=now,
            last_used_at=now,
            expires_at=now + timedelta(hours=12),
        )
    )


def _provider(account: UUID, id: UUID) -> Provider:
    return Provider(
        id=id,
        account=account,
        kind="badan_usaha",
        name="CV Contoh",
        npwp="013000104609000",
        npwp16="0013000104609000",
        email=f"{account.hex}@contoh.example",
        address="Jalan Contoh 1",
        phone="0321000000",
        responsible_name="Penanggung Jawab",
        amended_deed=False,
        branch=False,
        status="verified",
    )


async def _answers(reader: asyncio.StreamReader, patience: float) -> AsyncIterator[Answer]:
    """Answers as a plain client reads them: a status line, headers, and as much body as they say."""
    while True:
        try:
            async with asyncio.timeout(patience):
                head = await reader.readuntil(b"\r\n\r\n")
                line, *lines = head.decode("latin-1").split("\r\n")[:-2]
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await _body(reader, headers)
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            return
        yield Answer(int(line.split()[1]), headers, body)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        chunks = b""
        while size := int(await reader.readline(), 16):
            chunks += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return chunks
    return await reader.readexactly(int(headers.get("content-length", 0)))


def refused(answer: httpx2.Response | Answer, status: int | set[int], code: str | None = None) -> Any:
    """The problem document of a refusal, whole: 4xx, in words, with a code and what to do next."""
    found = answer.status_code if isinstance(answer, httpx2.Response) else answer.status
    content = answer.content if isinstance(answer, httpx2.Response) else answer.body
    assert found in ({status} if isinstance(status, int) else status), f"{found} {content[:400]!r}"
    assert 400 <= found < 500
    assert answer.headers["content-type"].split(";")[0] == PROBLEM
    problem = json.loads(content)
    assert problem["status"] == found
    for member in ("type", "title", "detail", "code", "remedy"):
        assert isinstance(problem[member], str), f"no {member} in {problem}"
        assert problem[member].strip()
    assert code is None or problem["code"] == code, problem
    return problem


def fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}
