"""The store dies, freezes or is not there; and an upload stays small in memory."""

import asyncio
import hashlib
import os
import signal
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

from cli.servers import SeaweedFS
from kit.storage import ObjectStore, StorageUnavailable
from tests.storage.conftest import store_of
from tests.storage.test_round_trip import MIB, chunks, whole


@pytest.mark.parametrize("size", [3 * MIB, 40 * MIB])
async def test_a_store_killed_during_an_upload(tmp_path: Path, size: int) -> None:
    server = SeaweedFS(tmp_path)
    await server.start()
    store = store_of(server, "bucket")
    await store.ensure_bucket()
    kept = await store.put_stream("kept", chunks(b"kept"), size=4)

    async def deadly() -> AsyncIterator[bytes]:
        for number in range(size // MIB):
            yield bytes(MIB)
            if number == size // MIB // 2:
                assert server.pid
                os.kill(server.pid, signal.SIGKILL)

    with pytest.raises(StorageUnavailable) as failed:
        await store.put_stream("file", deadly(), size=size)
    assert failed.value.__cause__  # what the operator needs to know
    health = await store.alive()
    assert not health
    assert "does not answer" in health.reason
    with pytest.raises(StorageUnavailable):
        await store.open("kept", kept.version_id)
    await server.stop()

    again = SeaweedFS(tmp_path, server.port)
    async with again:
        assert await store.alive()
        assert await whole(await store.open("kept", kept.version_id)) == b"kept"
        stored = await store.put_stream("file", chunks(bytes(size)), size=size)
        assert stored.sha256 == hashlib.sha256(bytes(size)).hexdigest()
    await store.close()


async def test_a_frozen_store_is_noticed_within_seconds(tmp_path: Path) -> None:
    async with SeaweedFS(tmp_path) as server:
        store = store_of(server, "bucket")
        await store.ensure_bucket()
        assert server.pid
        os.kill(server.pid, signal.SIGSTOP)
        try:
            began = monotonic()
            assert not await store.alive()
            assert monotonic() - began < 4
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert await store.alive()
        await store.close()


async def test_no_store_at_all() -> None:
    store = ObjectStore("http://127.0.0.1:1", "key", "secret", f"test-{uuid4().hex[:12]}")
    assert not await store.alive()
    for size in (3, 9 * MIB):
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await store.put_stream("file", chunks(bytes(size)), size=size)
    with pytest.raises(StorageUnavailable):
        await store.ensure_bucket()
    await store.close()


async def test_memory_stays_flat(store: ObjectStore) -> None:
    """300 MiB up and down again; at most four parts of 8 MiB are held, and what the interpreter needs besides."""
    size = 300 * MIB
    block = os.urandom(MIB)

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(size // MIB):
            yield block

    tracemalloc.start()
    stored = await store.put_stream("file", blocks(), size=size)
    _, uploading = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    read, digest = 0, hashlib.sha256()
    async for chunk in await store.open("file", stored.version_id):
        read += len(chunk)
        digest.update(chunk)
    _, downloading = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (read, digest.hexdigest()) == (size, stored.sha256)
    assert uploading < 64 * MIB
    assert downloading < 16 * MIB


async def test_a_slow_store_slows_the_sender(store: ObjectStore, server: SeaweedFS) -> None:
    """While the store takes nothing, a sender is read no further than the parts that may be in flight."""
    taken = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield bytes(MIB)

    assert server.pid
    upload = asyncio.create_task(store.put_stream("file", counted(), size=100 * MIB))
    while taken < 9:
        await asyncio.sleep(0.001)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        at_freeze = taken
        await asyncio.sleep(1)
        assert taken <= at_freeze + 4 * 8 + 1
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert (await upload).size == 100 * MIB
    assert taken == 100
