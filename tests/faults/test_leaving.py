"""How a process of ours comes and goes: asked to stop, it finishes what it has in hand and leaves nothing to anybody else."""

import asyncio
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from cli.serving import listening
from cli.system import spare_port
from gateway.upstream import Broken, Http, Unreachable
from kit.outbox import RELAY_LOCK
from tests.conftest import MakeDatabase

ROOT = Path(__file__).parents[2]
SERVICE = "helpdesk"
GRACE = 45
"""Seconds that an orchestrator gives a process before it kills it."""


class Process:
    def __init__(self, started: subprocess.Popen[bytes], url: str) -> None:
        self.started, self.url = started, url

    async def answers(self, path: str) -> int | None:
        """The status; None: nobody listens."""
        try:
            async with httpx2.AsyncClient(timeout=30, trust_env=False, verify=False) as http:
                return (await http.get(self.url + path)).status_code
        except httpx2.ConnectError:
            return None

    async def ready(self) -> None:
        async with asyncio.timeout(60):
            while await self.answers("/health/ready") != 200:
                assert self.started.poll() is None
                await asyncio.sleep(0.1)

    def stop(self) -> None:
        self.started.send_signal(signal.SIGTERM)

    async def left(self) -> int:
        return await asyncio.to_thread(self.started.wait, GRACE)


@contextmanager
def serving(database: str, bus: str, keys: Path) -> Iterator[Process]:
    port = spare_port()
    environment = {
        "PYTHONPATH": str(ROOT),
        "LPSE_INSTANCE": "uji",
        "LPSE_PROFILE": "latihan",
        "LPSE_DATABASE": database,
        "LPSE_BUS": bus,
        "LPSE_KEYS": str(keys / SERVICE),
        "LPSE_JWKS": str(keys / "jwks.json"),
        "LPSE_SWEEP": "0.2",
    }
    command = [sys.executable, "-P", "-m", "cli", "serve", SERVICE, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.DEVNULL) as started:
        try:
            yield Process(started, f"http://127.0.0.1:{port}")
        finally:
            started.kill()


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def leader(connection: Any) -> int | None:
    """The server process that holds the relay's lock in this database."""
    found: int | None = await connection.fetchval(
        "select pid from pg_locks where locktype = 'advisory' and objid::bigint = $1 and granted and database = "
        "(select oid from pg_database where datname = current_database())",
        RELAY_LOCK,
    )
    return found


async def other_leader(connection: Any, than: int | None) -> int:
    async with asyncio.timeout(10):
        while (found := await leader(connection)) in {None, than}:
            await asyncio.sleep(0.05)
    assert found is not None
    return found


async def test_a_request_in_hand_is_finished_and_no_other_is_taken(
    make_database: MakeDatabase, empty_database: str, key_home: Path
) -> None:
    database = await make_database(SERVICE)
    with serving(database, empty_database, key_home) as process:
        await process.ready()
        async with connected(database) as connection:
            async with connection.transaction():
                await connection.execute("lock table alembic_version in access exclusive mode")
                in_hand = asyncio.create_task(process.answers("/health/ready"))
                await waits_for(connection)
                process.stop()
                async with asyncio.timeout(10):
                    while await process.answers("/health/live") is not None:
                        await asyncio.sleep(0.05)
                await asyncio.sleep(2)  # one that waits for nothing is gone by then
                assert process.started.poll() is None, "it does not leave while a request is in hand"
            assert await in_hand == 200
        assert await process.left() == 0


async def waits_for(connection: Any) -> None:
    async with asyncio.timeout(30):
        while not await connection.fetchval("select count(*) from pg_locks where not granted and relation is not null"):
            await asyncio.sleep(0.02)


async def answering(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        pass
    await asyncio.sleep(random.random() * 0.004)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_a_request_that_is_on_its_way_is_answered_and_told_to_let_go() -> None:
    request = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    serving = AsyncExitStack()
    port = await serving.enter_async_context(listening(answering, host="127.0.0.1", port=0))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    assert b"connection: close" not in (await reader.readuntil(b"ok"))
    stopping = asyncio.create_task(serving.aclose())
    async with asyncio.timeout(10):
        with suppress(ConnectionRefusedError):
            while True:
                socket.create_connection(("127.0.0.1", port)).close()
                await asyncio.sleep(0.01)
        writer.write(request)
        assert b"connection: close" in (await reader.read())
        writer.close()
        await stopping


async def test_an_idle_connection_keeps_nobody_from_leaving() -> None:
    async with listening(answering, host="127.0.0.1", port=0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        await reader.readuntil(b"ok")
        left = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - left < 4
    assert await reader.read() == b""
    writer.close()


async def test_who_leaves_in_the_midst_of_requests_loses_none() -> None:
    for _ in range(3):
        async with listening(answering, host="127.0.0.1", port=0) as port:
            service, answered, broken = Http(f"http://127.0.0.1:{port}"), list[int](), list[Broken]()
            clients = [asyncio.create_task(_asking(service, answered, broken)) for _ in range(40)]
            await asyncio.sleep(0.7)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await service.aclose()
        assert set(answered) == {200}
        assert broken == []


async def _asking(service: Http, answered: list[int], broken: list[Broken]) -> None:
    """One request after the other, until nobody takes a connection."""
    with suppress(Unreachable):
        while True:
            try:
                answered.append((await service.fetch("POST", "/", body={})).status)
            except Broken as lost:
                broken.append(lost)


async def test_the_relay_that_leaves_lets_another_lead(
    make_database: MakeDatabase, empty_database: str, key_home: Path
) -> None:
    database = await make_database(SERVICE)
    async with connected(database) as connection:
        with serving(database, empty_database, key_home) as first:
            await first.ready()
            leading = await other_leader(connection, None)
            with serving(database, empty_database, key_home) as second:
                await second.ready()
                assert await leader(connection) == leading
                async with connection.transaction():
                    await connection.execute("lock table alembic_version in access exclusive mode")
                    in_hand = asyncio.create_task(first.answers("/health/ready"))
                    await waits_for(connection)
                    first.stop()
                    assert await other_leader(connection, leading) != leading
                    assert first.started.poll() is None, "a request is in hand: the session has not just broken off"
                    assert not in_hand.done()
                assert await in_hand == 200
                assert await first.left() == 0
                second.stop()
                assert await second.left() == 0
        assert await leader(connection) is None


async def test_without_a_broker_it_is_ready_and_leaves_in_order(make_database: MakeDatabase, key_home: Path) -> None:
    nobody = f"amqp://uji:uji@127.0.0.1:{spare_port()}"
    with serving(await make_database(SERVICE), nobody, key_home) as process:
        await process.ready()
        assert await process.answers("/health/live") == 200
        process.stop()
        assert await process.left() == 0
