"""What only a real connection shows: cut lines, early refusals, and memory that does not grow with the file."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from tests.services.documents.conftest import House, served

MIB = 1 << 20


def request(house: House, grant: str, length: int) -> bytes:
    headers = house.headers(grant) | {"Host": "documents", "Content-Length": str(length), "Connection": "close"}
    return ("PUT /uploads HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()


async def test_a_cut_line_leaves_nothing_and_the_upload_may_be_repeated(house: House) -> None:
    _, grant = house.upload_grant()
    async with served(house) as (online, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(house, grant, 20 * MIB) + bytes(12 * MIB))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        while not await house.count("attempt"):
            await asyncio.sleep(0.02)
        answer = await online.upload(bytes(20 * MIB), grant)
        assert answer.status_code == 201, answer.text
        assert answer.json()["sha256"] == hashlib.sha256(bytes(20 * MIB)).hexdigest()
    assert await house.count("document") == 1
    assert house.stored() == {answer.json()["object"]}


async def test_too_large_is_answered_while_the_sender_has_sent_only_its_headers(house: House) -> None:
    _, grant = house.upload_grant(max_size=MIB)
    async with served(house) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(house, grant, MIB + 1))
        status = await asyncio.wait_for(reader.readline(), 10)
        body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")[2]
        writer.close()
    assert status.split()[1] == b"413"
    assert json.loads(body)["code"] == "too_large"


def peak() -> int:
    """The most resident memory since `forget_peak`, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def test_memory_stays_flat(house: House) -> None:
    """192 MiB each way, sender and reader in this very process: far less than the file is ever held."""
    block, blocks = bytes(range(256)) * 4096, 192

    async def body() -> AsyncIterator[bytes]:
        for _ in range(blocks):
            yield block

    _, grant = house.upload_grant(max_size=blocks * MIB)
    async with served(house) as (online, _):
        await online.upload(block)  # what is loaded once is not counted
        forget_peak()
        before = peak()
        headers = online.headers(grant) | {"Content-Length": str(blocks * MIB)}
        answer = await online.http.put("/uploads", content=body(), headers=headers)
        assert answer.status_code == 201, answer.text
        read = hashlib.sha256()
        object = answer.json()["object"]
        sent = {"Lpse-Grant": online.download_grant(object)} | {
            "Authorization": headers["Authorization"],
        }
        async with online.http.stream("GET", f"/objects/{object}", headers=sent) as response:
            async for chunk in response.aiter_bytes():
                read.update(chunk)
        grown = peak() - before
    assert read.hexdigest() == answer.json()["sha256"]
    assert grown < 80 * MIB
