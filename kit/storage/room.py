"""What files on their way may take together: memory, and disk for what finds no room there.

A slow sender fills a piece for minutes, and a store that stalls leaves many of them waiting; were that memory alone, a few
hundred would take all there is. When the disk is full, too, senders wait.
"""

import asyncio
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

__all__ = ["Piece", "Room", "Space"]


class Room:
    """So many bytes, to be taken or waited for."""

    def __init__(self, size: int) -> None:
        self.left = size
        self._turn, self._more = asyncio.Lock(), asyncio.Event()

    def take(self, size: int) -> bool:
        if size > self.left:
            return False
        self.left -= size
        return True

    async def wait_for(self, size: int) -> None:
        """In turn: who needs much is not passed for ever by those who need little."""
        async with self._turn:
            while not self.take(size):
                self._more.clear()
                await self._more.wait()

    def give(self, size: int) -> None:
        self.left += size
        self._more.set()


@dataclass(frozen=True, slots=True)
class Space:
    memory: Room
    disk: Room


class Piece:
    """Bytes of one upload until they are sent. `close` it in any case; twice is as good as once."""

    def __init__(self, space: Space) -> None:
        self._memory, self._disk, self._held = space.memory, space.disk, bytearray()
        self._file: IO[bytes] | None = None
        self._reserved = self.size = 0

    async def reserve(self, size: int) -> None:
        """Before the first byte, all the disk it may come to need: begun pieces never wait for each other's room."""
        await self._disk.wait_for(size)
        self._reserved = size

    def add(self, chunk: memoryview) -> None:
        if self._file is None and not self._memory.take(len(chunk)):
            self._spill()
        if self._file is None:
            self._held += chunk
        else:
            self._file.write(chunk)
        self.size += len(chunk)

    def _spill(self) -> None:
        """Into a file without a name, which is gone when it is closed or this process ends."""
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115  closed by close()
        self._file.write(self._held)
        self._memory.give(len(self._held))
        self._held = bytearray()

    def bytes(self) -> bytearray:
        """All of it, in memory; blocks where it lies on disk."""
        if self._file is None:
            return self._held
        whole = bytearray(self.size)
        self._file.seek(0)
        if self._file.readinto(whole) != self.size:  # type: ignore[attr-defined]
            raise OSError("a temporary file is shorter than what was written to it")
        return whole

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        else:
            self._memory.give(len(self._held))
        self._disk.give(self._reserved)
        self._held, self._reserved = bytearray(), 0
