"""Slow senders take no memory and nobody's place."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2

from cli.system import System
from tests.limits.crowd import MIB, Bidder, bidders, proportional

QUICK = 6 * MIB
SIZE = 16 * MIB
BOUND = 128 * MIB


async def test_many_slow_uploads_hold_up_nobody_and_take_bounded_memory(
    http: httpx2.AsyncClient, apart: System, *, long: bool
) -> None:
    """Each sends most of a part at once, so that it would be held in memory, and then hardly anything."""
    slow = 200 if long else 40
    people = await bidders(http, f"lambat{uuid4().hex[:6]}", slow // 4 + 2)
    *attackers, mobile, normal = people
    pids = {name: apart.kept[name].what.pid for name in ("gateway", "documents")}
    assert (await normal.upload(bytes(MIB), MIB)).status_code == 201
    before = {name: proportional(pid or 0) for name, pid in pids.items()}
    port = int(apart.installation.gateway.rpartition(":")[2])
    lines = [await _slow(attacker, port) for attacker in attackers for _ in range(4)]
    try:
        quick, thin = await asyncio.gather(
            normal.upload(bytes(12 * MIB), 12 * MIB), mobile.upload(_thin_line(), 100 * 1024)
        )
        grown = {name: proportional(pid or 0) - before[name] for name, pid in pids.items()}
        assert not any(reader.at_eof() for reader, _ in lines), "all of them were taken, and are still there"
    finally:
        for _, writer in lines:
            writer.transport.abort()
    print("\n" + ", ".join(f"{name} grew by {size / MIB:.0f} MiB" for name, size in grown.items()))  # noqa: T201
    assert (quick.status_code, thin.status_code) == (201, 201)
    assert all(size <= BOUND for size in grown.values()), grown


async def _slow(attacker: Bidder, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    headers = attacker.upload_headers(await attacker.grant(), SIZE)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"PUT /api/documents/uploads HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{head}\r\n".encode())
    for _ in range(QUICK // MIB):
        writer.write(bytes(MIB))
        await writer.drain()
    return reader, writer


async def _thin_line() -> AsyncIterator[bytes]:
    """A telephone at the edge of the net: 20 KiB a second."""
    for _ in range(5):
        yield bytes(20 * 1024)
        await asyncio.sleep(1)
