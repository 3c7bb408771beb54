"""The memory that files on their way may take together. What finds no room is kept on disk, so that nobody waits for it.

A slow sender fills a piece for minutes; were that memory alone, a few hundred of them would take all there is.
"""

from tempfile import TemporaryFile
from typing import IO

__all__ = ["Piece", "Room"]


class Room:
    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> bool:
        if size > self.left:
            return False
        self.left -= size
        return True

    def give(self, size: int) -> None:
        self.left += size


class Piece:
    """Bytes of one upload until they are sent. `close` it in any case; twice is as good as once."""

    def __init__(self, room: Room) -> None:
        self._room, self._held = room, bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0

    def add(self, chunk: memoryview) -> None:
        if self._file is None and not self._room.take(len(chunk)):
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
        self._room.give(len(self._held))
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
            self._room.give(len(self._held))
        self._held = bytearray()
