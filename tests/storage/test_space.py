"""What many uploads take together while the store stalls: bounded memory, bounded disk, and nobody's file is hurt."""

import asyncio
import hashlib
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest

from cli.servers import SeaweedFS
from kit.storage import ObjectStore, StoreBusy, Stored, upload
from kit.storage.upload import PART
from kit.storage.wire import Wire
from tests.storage.conftest import store_of
from tests.storage.test_round_trip import MIB, chunks

BLOCK = bytes(range(256)) * (MIB // 256)


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The store takes no part until this is set."""
    goes_on, put_part = threading.Event(), Wire.put_part

    def wait_and_put(self: Wire, *args: Any) -> Any:
        goes_on.wait()
        return put_part(self, *args)

    monkeypatch.setattr(Wire, "put_part", wait_and_put)
    yield goes_on
    goes_on.set()


async def opened(server: SeaweedFS, **options: int) -> ObjectStore:
    store = store_of(server, f"test-{uuid4().hex[:12]}", **options)
    await store.ensure_bucket()
    return store


class Rush:
    """Senders as quick as they are let, of so many MiB each."""

    def __init__(self, store: ObjectStore, senders: int, size: int) -> None:
        self.taken = 0
        self._digest = hashlib.sha256(BLOCK * size).hexdigest()
        self._sending = [
            asyncio.create_task(store.put_stream(f"file-{number}", self._blocks(size), size=size * MIB))
            for number in range(senders)
        ]

    async def _blocks(self, size: int) -> AsyncIterator[bytes]:
        for _ in range(size):
            self.taken += 1
            yield BLOCK
            await asyncio.sleep(0)

    async def stopped(self) -> None:
        """Returns when none of them is read on."""
        last = -1
        while last != self.taken:
            last = self.taken
            await asyncio.sleep(0.5)

    async def stored(self) -> None:
        async with asyncio.timeout(60):
            stored: list[Stored] = await asyncio.gather(*self._sending)
        assert {one.sha256 for one in stored} == {self._digest}


async def test_memory_is_bounded_however_many_wait_for_the_store(server: SeaweedFS, stalled: threading.Event) -> None:
    store = await opened(server, threads=2, memory=PART)
    tracemalloc.start()
    rush = Rush(store, senders=12, size=24)
    await rush.stopped()
    stalled.set()
    await rush.stored()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < PART + 2 * PART + 8 * MIB, "the bound, a part for each thread, and what else there is"
    await store.close()


async def test_a_full_disk_makes_senders_wait(server: SeaweedFS, stalled: threading.Event) -> None:
    store = await opened(server, memory=0, disk=5 * PART)
    rush = Rush(store, senders=4, size=40)
    await rush.stopped()
    assert rush.taken * MIB <= 5 * PART + 4 * MIB, "and a block of each that has found no room yet"
    stalled.set()
    await rush.stored()
    assert store._space.disk.left == 5 * PART
    await store.close()


async def test_files_that_are_half_sent_never_wait_for_each_other(server: SeaweedFS) -> None:
    """Four senders in step, and room for two parts: were it handed out by the byte, none would ever have a whole one."""
    store = await opened(server, memory=0, disk=2 * PART)
    await Rush(store, senders=4, size=20).stored()
    await store.close()


async def test_who_waits_too_long_for_room_may_come_again(server: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PATIENCE", 0.3)
    store = await opened(server, disk=PART)
    rest = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield BLOCK
        await rest.wait()
        yield BLOCK

    first = asyncio.create_task(store.put_stream("slow", slow(), size=2 * MIB))
    while store._space.disk.left == PART:
        await asyncio.sleep(0.01)
    with pytest.raises(StoreBusy):
        await store.put_stream("file", chunks(bytes(PART)), size=PART)
    rest.set()
    assert (await first).size == 2 * MIB
    assert (await store.put_stream("file", chunks(bytes(PART)), size=PART)).size == PART
    assert store._space.disk.left == PART
    assert store._space.memory.left == 64 * MIB
    await store.close()


async def test_who_leaves_while_waiting_for_room_takes_none(server: SeaweedFS) -> None:
    store = await opened(server, disk=PART)
    rest = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        await rest.wait()
        yield BLOCK

    first = asyncio.create_task(store.put_stream("slow", slow(), size=MIB))
    while store._space.disk.left == PART:
        await asyncio.sleep(0.01)
    second = asyncio.create_task(store.put_stream("file", chunks(bytes(PART)), size=PART))
    await asyncio.sleep(0.1)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    rest.set()
    await first
    assert store._space.disk.left == PART
    await store.close()
