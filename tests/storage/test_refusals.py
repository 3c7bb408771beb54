"""An upload that does not end well leaves nothing behind: no object, no version, no unfinished parts."""

import asyncio
import dataclasses
import hashlib
import random
from collections.abc import AsyncIterator
from time import sleep
from typing import Any

import anyio
import pytest
from minio import Minio

from kit.storage import ObjectStore, SizeMismatch, StorageError
from kit.storage.wire import Part, Wire
from tests.storage.conftest import left_behind
from tests.storage.test_round_trip import MIB, chunks, whole

SIZES = [10, 8 * MIB, 20 * MIB]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("difference", [-10, -1, 1, 9 * MIB])
async def test_another_length_than_declared(store: ObjectStore, sdk: Minio, size: int, difference: int) -> None:
    with pytest.raises(SizeMismatch, match=str(size)):
        await store.put_stream("file", chunks(random.randbytes(size + difference)), size=size)
    assert left_behind(sdk, store.bucket) == []


async def test_a_sender_that_never_stops_is_stopped(store: ObjectStore, sdk: Minio) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(64 * 1024)

    with pytest.raises(SizeMismatch):
        await store.put_stream("file", endless(), size=9 * MIB)
    assert left_behind(sdk, store.bucket) == []


@pytest.mark.parametrize("size", SIZES)
async def test_a_sender_that_goes_away(store: ObjectStore, sdk: Minio, size: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for chunk in chunks(bytes(size - 1)):
            yield chunk
        raise ConnectionResetError("the sender went away")

    with pytest.raises(ConnectionResetError):
        await store.put_stream("file", broken(), size=size)
    assert left_behind(sdk, store.bucket) == []


async def hanging(data: bytes, reached: asyncio.Event) -> AsyncIterator[bytes]:
    async for chunk in chunks(data):
        yield chunk
    reached.set()
    await asyncio.Event().wait()


@pytest.mark.parametrize("size", SIZES)
async def test_a_cancelled_upload(store: ObjectStore, sdk: Minio, size: int) -> None:
    reached = asyncio.Event()
    upload = asyncio.create_task(store.put_stream("file", hanging(bytes(size - 1), reached), size=size))
    await reached.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert left_behind(sdk, store.bucket) == []


@pytest.mark.parametrize("size", SIZES)
async def test_an_upload_cancelled_again_and_again(store: ObjectStore, sdk: Minio, size: int) -> None:
    """As anyio's scopes do it, under which every request of the web framework runs."""
    reached = asyncio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: store.put_stream("file", hanging(bytes(size - 1), reached), size=size))
        await reached.wait()
        group.cancel_scope.cancel()
    await store.close()
    assert left_behind(sdk, store.bucket) == []


@pytest.mark.parametrize("size", [1000, 20 * MIB])
async def test_an_upload_cancelled_at_any_moment(store: ObjectStore, sdk: Minio, size: int) -> None:
    """Also while the store is making the object: what is not returned to anybody must not stay."""
    began = asyncio.get_running_loop().time()
    stored = await store.put_stream("whole", chunks(bytes(size)), size=size)
    took = asyncio.get_running_loop().time() - began
    await store.remove("whole", stored.version_id)
    for step in range(8):
        upload = asyncio.create_task(store.put_stream("file", chunks(bytes(size)), size=size))
        await asyncio.wait([upload], timeout=took * step / 7)
        if upload.done():
            await store.remove("file", upload.result().version_id)
        else:
            upload.cancel()
            with pytest.raises(asyncio.CancelledError):
                await upload
        assert left_behind(sdk, store.bucket) == []


async def test_nothing_goes_on_behind_a_cancelled_upload(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part still being sent after the clean-up would be stored by nobody's will."""
    put_part, sending = Wire.put_part, 0

    def slow(self: Wire, key: str, upload_id: str, number: int, body: bytearray, sha256: bytes) -> Part:
        nonlocal sending
        sending += 1
        sleep(0.3)
        part = put_part(self, key, upload_id, number, body, sha256)
        sending -= 1
        return part

    monkeypatch.setattr(Wire, "put_part", slow)
    upload = asyncio.create_task(store.put_stream("file", hanging(bytes(20 * MIB), asyncio.Event()), size=21 * MIB))
    while not sending:
        await asyncio.sleep(0.01)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert sending == 0


def corrupting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that change between our hashing and the store, as a bad memory cell or network card would change them."""
    send = Wire._send

    def damage(self: Wire, method: str, key: str, body: Any, headers: Any, query: Any) -> Any:
        damaged = bytearray(body)
        if method == "PUT":
            damaged[len(damaged) // 2] ^= 1
        return send(self, method, key, damaged, headers, query)

    monkeypatch.setattr(Wire, "_send", damage)


@pytest.mark.parametrize("size", SIZES)
async def test_the_store_refuses_bytes_damaged_on_the_way(
    store: ObjectStore, sdk: Minio, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    corrupting(monkeypatch)
    with pytest.raises(StorageError, match="BadDigest"):
        await store.put_stream("file", chunks(random.randbytes(size)), size=size)
    assert left_behind(sdk, store.bucket) == []


@pytest.mark.parametrize("size", [10, 8 * MIB])
async def test_it_is_the_checksum_that_makes_the_store_refuse(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Without it the same damage is stored, although the signature names the hash of the right bytes."""
    corrupting(monkeypatch)
    damage = Wire._send

    def unchecked(self: Wire, method: str, key: str, body: Any, headers: dict[str, str], query: Any) -> Any:
        headers.pop("x-amz-checksum-sha256")
        return damage(self, method, key, body, headers, query)

    monkeypatch.setattr(Wire, "_send", unchecked)
    data = random.randbytes(size)
    stored = await store.put_stream("file", chunks(data), size=size)
    assert hashlib.sha256(await whole(await store.open("file", stored.version_id))).hexdigest() != stored.sha256


async def test_parts_are_joined_only_with_their_checksums(
    store: ObjectStore, sdk: Minio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store compares what each part was, once more, when it makes them one object."""
    put_part = Wire.put_part

    def mistaken(self: Wire, key: str, upload_id: str, number: int, body: bytearray, sha256: bytes) -> Part:
        part = put_part(self, key, upload_id, number, body, sha256)
        return dataclasses.replace(part, sha256=hashlib.sha256(b"other").digest()) if number == 2 else part

    monkeypatch.setattr(Wire, "put_part", mistaken)
    with pytest.raises(StorageError, match="BadDigest"):
        await store.put_stream("file", chunks(random.randbytes(20 * MIB)), size=20 * MIB)
    assert left_behind(sdk, store.bucket) == []
