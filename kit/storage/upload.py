"""One object on its way into the store: cut into parts, fingerprinted in one pass, sent while the rest arrives.

A sender is read only as fast as parts leave: besides the part being filled, at most IN_FLIGHT wait, are hashed or are
sent, so an upload holds at most (IN_FLIGHT + 1) parts however large the file is: in memory while there is room, on disk
when others take it. A part on disk is in memory only while a thread hashes or sends it.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from kit.problems import Problem
from kit.storage.errors import SizeMismatch, StoreBusy
from kit.storage.room import Piece, Space
from kit.storage.wire import Part, Wire

__all__ = ["PART", "Stored", "Threads", "Upload", "seen"]

PART = 8 * 1024 * 1024
IN_FLIGHT = 3
PATIENCE = 240.0
"""Seconds that an upload waits for others to make room: less than the gateway waits for it."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Awaited = TypeVar("Awaited", bound="asyncio.Future[Any]")


@dataclass(frozen=True, slots=True)
class Stored:
    """`md5` and `sha256` are of the whole object, in lower-case hex."""

    key: str
    version_id: str
    size: int
    md5: str
    sha256: str


def seen(future: Awaited) -> Awaited:
    """For a future whose caller may be cancelled and gone before it fails: its error then concerns nobody."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


class Threads:
    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="storage")

    async def run(self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """A thread cannot be stopped: a cancelled caller waits for it, so that nothing goes on behind a clean-up."""
        future = seen(asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs)))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def close(self) -> None:
        self._pool.shutdown(wait=True)


class _Fingerprint:
    def __init__(self) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def add(self, part: bytearray) -> bytes:
        """Takes in the next part; returns the SHA-256 of the part alone, which travels with it."""
        self.md5.update(part)
        self.sha256.update(part)
        return hashlib.sha256(part).digest()

    def only(self, body: bytearray) -> bytes:
        self.md5.update(body)
        self.sha256.update(body)
        return self.sha256.digest()


class Upload:
    def __init__(self, wire: Wire, threads: Threads, space: Space, key: str, size: int, content_type: str) -> None:
        self._wire, self._threads, self._space = wire, threads, space
        self._key, self._size, self._content_type = key, size, content_type
        self._fingerprint = _Fingerprint()

    async def run(self, chunks: AsyncIterator[bytes]) -> Stored:
        version = await (self._in_one(chunks) if self._size <= PART else self._in_parts(chunks))
        digests = self._fingerprint
        return Stored(self._key, version, self._size, digests.md5.hexdigest(), digests.sha256.hexdigest())

    async def _in_one(self, chunks: AsyncIterator[bytes]) -> str:
        [part] = [part async for part in _parts(chunks, self._size, self._space)]

        def put(key: str, sha256: bytes) -> str:
            return self._wire.put(key, part.bytes(), sha256, self._content_type)

        try:
            sha256 = await self._threads.run(lambda: self._fingerprint.only(part.bytes()))
            return await self._act(self._wire.remove, put, self._key, sha256)
        finally:
            part.close()

    async def _in_parts(self, chunks: AsyncIterator[bytes]) -> str:
        upload_id = await self._act(self._wire.abort, self._wire.begin, self._key, self._content_type)
        try:
            parts = await self._send(upload_id, chunks)
            return await self._act(self._wire.remove, self._wire.complete, self._key, upload_id, parts)
        except BaseException:
            with suppress(Problem):  # a store that is away forgets unfinished uploads by itself, later
                await self._threads.run(self._wire.abort, self._key, upload_id)
            raise

    async def _send(self, upload_id: str, chunks: AsyncIterator[bytes]) -> list[Part]:
        room = asyncio.Semaphore(IN_FLIGHT)
        turn = asyncio.Lock()  # its waiters are served in order, so the parts are fingerprinted in order

        async def ship(number: int, part: Piece) -> Part:
            async with turn:
                sha256 = await self._threads.run(lambda: self._fingerprint.add(part.bytes()))
            sent = await self._threads.run(
                lambda: self._wire.put_part(self._key, upload_id, number, part.bytes(), sha256)
            )
            part.close()
            room.release()
            return sent

        shipping: list[asyncio.Task[Part]] = []
        taken: list[Piece] = []
        try:
            async with asyncio.TaskGroup() as group, aclosing(_parts(chunks, self._size, self._space)) as parts:
                async for part in parts:
                    taken.append(part)
                    await room.acquire()
                    shipping.append(group.create_task(ship(len(shipping) + 1, part)))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures.exceptions[0].__cause__
        finally:
            for part in taken:
                part.close()
        return [task.result() for task in shipping]

    async def _act(
        self,
        undo: Callable[[str, str], None],
        act: Callable[Concatenate[str, Arguments], str],
        key: str,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> str:
        """An act that leaves something in the store: when cancelled, it is finished first and then taken back."""
        doing = seen(asyncio.ensure_future(self._threads.run(act, key, *args, **kwargs)))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            with suppress(Problem):
                await self._threads.run(undo, key, await doing)
            raise


async def _parts(chunks: AsyncIterator[bytes], size: int, space: Space) -> AsyncGenerator[Piece, None]:
    """Cuts the stream; the last part is given out only when the sender has ended with exactly `size` bytes."""
    part, received, given = Piece(space), 0, 0
    try:
        await _reserve(part, size)
        async for chunk in chunks:
            received += len(chunk)
            if received > size:
                raise SizeMismatch(size, received)
            rest = memoryview(chunk)
            while rest:
                if part.size == PART:
                    full, part = part, Piece(space)
                    given += PART
                    yield full
                    await _reserve(part, size - given)
                missing = PART - part.size
                part.add(rest[:missing])
                rest = rest[missing:]
        if received < size:
            raise SizeMismatch(size, received)
        last, part = part, Piece(space)
        yield last
    finally:
        part.close()


async def _reserve(part: Piece, left: int) -> None:
    """Waiting here, the sender is read no further."""
    try:
        async with asyncio.timeout(PATIENCE):
            await part.reserve(min(PART, left))
    except TimeoutError:
        raise StoreBusy from None
