"""Bytes by key and version, over S3. What is stored is read by its version id: a key alone may be overwritten, which is right
only where whoever reads can tell by the bytes themselves (`put`, `read`).

    stored = await store.put_stream("ab/12", request.stream(), size=length, content_type="application/pdf")
    async for chunk in await store.open(stored.key, stored.version_id): ...

The SDK is synchronous; it runs in a bounded pool of threads, and so does all hashing.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from kit.problems import Problem
from kit.storage.errors import ObjectMissing, SizeMismatch, StorageError, StorageUnavailable, StoreBusy
from kit.storage.room import Room, Space
from kit.storage.upload import Stored, Threads, Upload, seen
from kit.storage.wire import Stat, Wire

__all__ = ["Health", "ObjectMissing", "ObjectStore", "SizeMismatch", "Stat", "StorageError", "StorageUnavailable", "StoreBusy",
           "Stored"]  # fmt: skip

READ = 128 * 1024
"""A reader that is slow holds one of these."""


@dataclass(frozen=True, slots=True)
class Health:
    """True when the store answers; else `reason` says why not."""

    ok: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok


class ObjectStore:
    """One bucket. `endpoint` is a URL; `uploads` may be under way and hold `memory` bytes together and `disk` on disk.

    Each thread holds a part besides while it hashes or sends it.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        *,
        threads: int = 8,
        uploads: int = 512,
        memory: int = 64 << 20,
        disk: int = 3 << 30,
    ) -> None:
        self.bucket = bucket
        self._wire = Wire(endpoint, access_key, secret_key, bucket, connections=2 * threads)
        self._threads = Threads(threads)
        self._most, self._space = uploads, Space(Room(memory), Room(disk))
        self._under_way: set[asyncio.Task[Stored]] = set()

    async def ensure_bucket(self, object_lock: bool = False) -> None:
        """Makes the bucket if it is not there, with versions kept and unfinished uploads forgotten after two days."""
        await self._threads.run(self._wire.ensure_bucket, object_lock)

    async def remove_bucket(self) -> None:
        """Removes the bucket with every version in it: for stores that were lent for a while."""
        await self._threads.run(self._wire.remove_bucket)

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], *, size: int, content_type: str = "application/octet-stream"
    ) -> Stored:
        """Stores exactly `size` bytes as a new version of `key`, or nothing.

        Raises SizeMismatch, StoreBusy, StorageUnavailable, StorageError, and whatever `chunks` raises when its sender goes away.
        """
        if size < 0:
            raise ValueError("a size cannot be negative")
        if len(self._under_way) >= self._most:
            raise StoreBusy
        sending = Upload(self._wire, self._threads, self._space, key, size, content_type)
        upload = seen(asyncio.ensure_future(sending.run(chunks)))
        self._under_way.add(upload)
        upload.add_done_callback(self._under_way.discard)
        return await self._whole(upload)

    async def put(self, key: str, content: bytes, content_type: str) -> Stored:
        """A small object that is in memory already; raises as `put_stream` does."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return await self.put_stream(key, chunks(), size=len(content), content_type=content_type)

    async def read(self, key: str) -> bytes:
        """The newest version of a small object. Raises ObjectMissing."""
        return b"".join([chunk async for chunk in await self.open(key, None)])

    async def _whole(self, upload: asyncio.Task[Stored]) -> Stored:
        """An upload is a task of its own: however often its caller is cancelled, its clean-up is cancelled never."""
        try:
            return await asyncio.shield(upload)
        except asyncio.CancelledError:
            upload.cancel()
            await asyncio.wait([upload])
            if not upload.cancelled() and upload.exception() is None:  # it ended in the very moment nobody waited
                await asyncio.shield(self.remove(upload.result().key, upload.result().version_id))
            raise

    async def open(
        self, key: str, version_id: str | None, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Starts a download; that the object is there is known before the first byte is given out."""
        if length == 0:  # to S3 a range cannot be empty
            return _nothing()
        response = await self._threads.run(self._wire.get, key, version_id, offset, length)

        async def read() -> AsyncIterator[bytes]:
            try:
                while chunk := await self._threads.run(self._wire.read, response, READ):
                    yield chunk
            finally:
                response.close()
                response.release_conn()

        return read()

    async def stat(self, key: str, version_id: str | None = None) -> Stat:
        return await self._threads.run(self._wire.stat, key, version_id)

    async def versions(self, prefix: str = "") -> list[Stat]:
        """Every version of every object whose key begins so; their types are not told."""
        return await self._threads.run(self._wire.versions, prefix)

    async def remove(self, key: str, version_id: str) -> None:
        """Removes one version for good. No error when it is already gone; StorageError when a lock holds it."""
        await self._threads.run(self._wire.remove, key, version_id)

    async def alive(self) -> Health:
        """Answers within seconds, also while every thread of the pool waits for a frozen store."""
        try:
            await asyncio.to_thread(self._wire.probe)
        except StorageUnavailable as away:
            return Health(ok=False, reason=f"{away} {away.reason}")
        except Problem as problem:
            return Health(ok=False, reason=str(problem))
        return Health(ok=True)

    async def version(self) -> str:
        """How the store names itself, for example `SeaweedFS 4.48`; empty when it does not say."""
        return await asyncio.to_thread(self._wire.probe)

    async def close(self) -> None:
        """Lets the uploads under way end, then frees threads and connections."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await asyncio.to_thread(self._threads.close)
        self._wire.close()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
