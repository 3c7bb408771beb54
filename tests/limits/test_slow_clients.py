"""Clients that are slow on purpose: each is told so or dropped after a while, and the others go on."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import Message

from cli.connections import Connections
from cli.serving import listening
from gateway import app as gateway
from gateway.bodies import Steady
from gateway.upstream import Http, InProcess
from kit.limits import Limits
from kit.settings import GatewaySettings
from tests.gateway.standins import MIB, Answers, Echo, Registry

HOST = b"Host: 127.0.0.1\r\n"


@asynccontextmanager
async def door(key_home: Path, registry: Registry, echo: Echo, **limits: Any) -> AsyncIterator[int]:
    """A gateway on a port, with these limits; documents is behind HTTP."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(listening(echo.app, host="127.0.0.1", port=0))
        settings = GatewaySettings.model_validate(
            {
                "profile": "latihan",
                "public_url": "http://127.0.0.1",
                "keys": key_home / "gateway",
                "jwks": key_home / "jwks.json",
                "limits": limits,
            }
        )
        services = {name: InProcess(Answers()) for name in ("tender", "helpdesk", "audit")}
        documents = Http(f"http://127.0.0.1:{port}")
        app = gateway.build(settings, {**services, "registry": InProcess(registry.app), "documents": documents})
        await stack.enter_async_context(gateway.running(app))
        yield await stack.enter_async_context(
            listening(app, host="127.0.0.1", port=0, connections=Connections(settings))
        )


@pytest.fixture
def registry(key_home: Path) -> Registry:
    return Registry(key_home)


@pytest.fixture
def echo() -> Echo:
    return Echo()


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[int], Awaitable[Line]]


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Opens a line to a port; all of them are cut at the end."""
    lines: list[Line] = []

    async def dial(port: int) -> Line:
        lines.append(await asyncio.open_connection("127.0.0.1", port, limit=1 << 16))
        return lines[-1]

    yield dial
    for _, writer in lines:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


def cut(lines: list[Line]) -> None:
    """Before the gateway stops, which would wait for them."""
    for _, writer in lines:
        writer.transport.abort()


async def said(line: Line, *parts: bytes) -> None:
    for part in parts:
        line[1].write(part)
        await line[1].drain()


async def told(line: Line) -> tuple[int, dict[str, Any]]:
    """Status and problem of the answer after which the line is closed."""
    async with asyncio.timeout(20):
        answer = await line[0].read()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if b"problem+json" in head else {}


async def others_go_on(port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        assert (await http.get("/health/live")).status_code == 200


async def test_a_slow_head_is_told_so(dial: Dial, key_home: Path, registry: Registry, echo: Echo) -> None:
    async with door(key_home, registry, echo, head_seconds=0.5) as port:
        line = await dial(port)
        await said(line, b"GET / HTTP/1.1\r\n", HOST)
        await others_go_on(port)
        status, problem = await told(line)
    assert (status, problem["code"]) == (408, "head_slow")


@pytest.mark.parametrize("endless", [b"X-A: " + b"a" * (1 << 20), b"X-A: a\r\n" * 100_000])
async def test_an_endless_head_is_cut_off(
    dial: Dial, key_home: Path, registry: Registry, echo: Echo, endless: bytes
) -> None:
    async with door(key_home, registry, echo) as port:
        line = await dial(port)
        await said(line, b"GET / HTTP/1.1\r\n", HOST)
        with pytest.raises(ConnectionError):
            await said(line, *([endless] * 200))
        await others_go_on(port)


async def test_a_long_target_is_refused(dial: Dial, key_home: Path, registry: Registry, echo: Echo) -> None:
    async with door(key_home, registry, echo) as port:
        line = await dial(port)
        await said(line, b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\n", HOST, b"Connection: close\r\n\r\n")
        status, problem = await told(line)
    assert (status, problem["code"]) == (414, "target_too_long")


async def test_an_idle_connection_ends(dial: Dial, key_home: Path, registry: Registry, echo: Echo) -> None:
    async with door(key_home, registry, echo, idle_seconds=0.3) as port:
        line = await dial(port)
        async with asyncio.timeout(10):
            assert await line[0].read() == b""


async def test_idle_connections_make_room(dial: Dial, key_home: Path, registry: Registry, echo: Echo) -> None:
    async with door(key_home, registry, echo, connections=30, connections_per_address=20) as port:
        idle = [await dial(port) for _ in range(60)]
        for _ in range(5):
            await others_go_on(port)
        async with asyncio.timeout(10):
            for reader, _ in idle[:30]:
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)


async def test_busy_connections_make_none_and_are_told_so(
    dial: Dial, key_home: Path, registry: Registry, echo: Echo
) -> None:
    async with door(key_home, registry, echo, connections_per_address=8) as port:
        busy = [await dial(port) for _ in range(8)]
        for line in busy:
            await said(line, b"POST /session HTTP/1.1\r\n", HOST, b"Content-Length: 9\r\n\r\n{")
        async with asyncio.timeout(10):
            while (await told(line := await dial(port)))[0] != 429:
                line[1].transport.abort()
        cut(busy)


async def test_a_slow_body_is_told_so(dial: Dial, key_home: Path, registry: Registry, echo: Echo) -> None:
    async with door(key_home, registry, echo, body_seconds=0.5) as port:
        line = await dial(port)
        await said(line, b"POST /session HTTP/1.1\r\n", HOST, b"Content-Length: 99\r\nConnection: close\r\n\r\n{")
        status, problem = await told(line)
    assert (status, problem["code"]) == (408, "body_slow")


async def upload(dial: Dial, port: int, session: str) -> Line:
    line = await dial(port)
    who = f"Authorization: Bearer {session}\r\nContent-Length: 99999\r\nConnection: close\r\n\r\n".encode()
    await said(line, b"PUT /api/documents/uploads HTTP/1.1\r\n", HOST, who, b"some")
    return line


async def test_a_silent_upload_is_told_so_and_is_no_fault_of_the_service(
    dial: Dial, key_home: Path, registry: Registry, echo: Echo
) -> None:
    async with door(key_home, registry, echo, upload_window=0.4, uploads_per_account=9) as port:
        session = registry.open()
        lines = [await upload(dial, port, session) for _ in range(8)]
        answers = [await told(line) for line in lines]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            assert (await http.get("/api/documents/still-there")).status_code == 200
    assert [(status, problem["code"]) for status, problem in answers] == [(408, "upload_slow")] * 8


async def test_a_sender_whom_we_let_wait_is_not_blamed() -> None:
    """A store that is slow, or full disks, let him stand for longer than he himself might be silent."""

    async def quick() -> Message:
        return {"type": "http.request", "body": bytes(1024), "more_body": True}

    steady = Steady(quick, Limits(upload_window=0.1, upload_rate=MIB))
    for _ in range(4):
        assert await steady()
        await asyncio.sleep(0.2)


async def test_an_account_has_few_uploads_at_a_time(dial: Dial, key_home: Path, registry: Registry, echo: Echo) -> None:
    async with door(key_home, registry, echo, uploads_per_account=2) as port:
        session, other = registry.open(), registry.open()
        lines = [await upload(dial, port, session) for _ in range(2)]
        async with asyncio.timeout(10):
            status, problem = await told(await upload(dial, port, session))
        assert (status, problem["code"]) == (429, "too_many_uploads")
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            headers = {"authorization": f"Bearer {other}"}
            assert (await http.put("/api/documents/uploads", content=b"x", headers=headers)).status_code == 201
        cut(lines)


async def test_nobody_waits_for_a_reader_that_does_not_read(
    dial: Dial, key_home: Path, registry: Registry, echo: Echo
) -> None:
    async with door(key_home, registry, echo, stalled_seconds=0.5) as port:
        reader, writer = await dial(port)
        await said((reader, writer), b"GET /api/documents/download/200 HTTP/1.1\r\n", HOST, b"\r\n")
        async with asyncio.timeout(20):
            while not echo.given:
                await asyncio.sleep(0.01)
            await asyncio.sleep(1.5)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(200 * MIB)
        await others_go_on(port)


async def test_the_client_is_who_a_trusted_web_server_names() -> None:
    from ipaddress import ip_network

    from gateway.clients import Clients, address_of

    clients = Clients([ip_network("10.0.0.0/8")])

    def client(peer: str, named: str) -> str:
        scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", named.encode())]}
        return address_of(clients.behind(scope))

    assert client("10.0.0.1", "192.0.2.9") == "192.0.2.9"
    assert client("10.0.0.1", "203.0.113.1, 192.0.2.9, 10.0.0.2") == "192.0.2.9"
    assert client("10.0.0.1", "192.0.2.9, nonsense") == "10.0.0.1"
    assert client("198.51.100.1", "192.0.2.9") == "198.51.100.1"
