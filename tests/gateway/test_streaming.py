"""Large bodies go through both ways as they come, whichever kind of upstream, and a client that leaves is noticed."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from cli.serving import listening
from gateway import app as gateway
from gateway.upstream import Http
from tests.gateway.conftest import MakeApp
from tests.gateway.standins import MIB, Echo, Registry

SIZE = 100 * MIB
GROWTH = 40 * MIB
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@asynccontextmanager
async def flat_memory() -> AsyncIterator[None]:
    """Fails when this process, which holds client, gateway and service, grows by much while the body runs."""
    before, most, running = resident(), 0, True

    async def watch() -> None:
        nonlocal most
        while running:
            most = max(most, resident() - before)
            await asyncio.sleep(0.005)

    watcher = asyncio.create_task(watch())
    yield
    running = False
    await watcher
    assert most < GROWTH, f"grew by {most / MIB:.0f} MiB"


@pytest.fixture(params=["in_process", "http"])
async def door(request: pytest.FixtureRequest, make_app: MakeApp, echo: Echo) -> AsyncIterator[int]:
    """The port of a gateway before the echo service, which is in its process or behind HTTP."""
    async with AsyncExitStack() as stack:
        upstream: object = echo.app
        if request.param == "http":
            port = await stack.enter_async_context(listening(echo.app, host="127.0.0.1", port=0))
            upstream = Http(f"http://127.0.0.1:{port}")
        app = make_app(tender=upstream, documents=upstream, public_url="http://127.0.0.1")
        await stack.enter_async_context(gateway.running(app))
        yield await stack.enter_async_context(listening(app, host="127.0.0.1", port=0))


@asynccontextmanager
async def client_of(port: int) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
        yield http


async def test_a_download_streams(door: int) -> None:
    size = 0
    async with client_of(door) as http, flat_memory(), http.stream("GET", "/api/tender/download/100") as response:
        assert response.headers["content-length"] == str(SIZE)
        async for chunk in response.aiter_raw():
            size += len(chunk)
    assert size == SIZE


async def test_an_upload_streams(door: int, registry: Registry) -> None:
    block, digest = os.urandom(MIB), hashlib.sha256()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            digest.update(block)
            yield block

    headers = {"content-length": str(SIZE), "authorization": f"Bearer {registry.open()}"}
    async with client_of(door) as http, flat_memory():
        response = await http.put("/api/documents/uploads", content=body(), headers=headers)
    assert response.status_code == 201
    assert response.json() == {"size": SIZE, "sha256": digest.hexdigest(), "length": str(SIZE)}


async def test_nobody_reads_on_for_a_client_that_left(door: int, echo: Echo) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door)
    writer.write(b"GET /api/tender/download/400 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    await reader.read(MIB)
    writer.transport.abort()
    await asyncio.sleep(0.5)
    given = echo.given
    await asyncio.sleep(0.5)
    assert echo.given == given < 400 * 16


async def test_an_upload_that_breaks_off_is_no_fault_of_the_service(door: int, echo: Echo) -> None:
    for _ in range(6):
        _, writer = await asyncio.open_connection("127.0.0.1", door)
        writer.write(b"PUT /api/documents/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\nabc")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
    await asyncio.sleep(0.2)
    async with client_of(door) as http:
        assert (await http.get("/api/documents/still-there")).status_code == 200
