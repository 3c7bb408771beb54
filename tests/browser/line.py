"""A line between Chromium and the portal that can break: a TCP proxy on the loopback."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 1 << 16
PUT = re.compile(rb"PUT /api/documents/uploads ")


@dataclass
class Line:
    """`cut_after`: bytes towards the portal after which everything breaks. `lose_answer`: of the next upload, after all of it
    arrived. Broken, it takes no connection until `mend`.
    """

    port: int
    target: int
    cut_after: int | None = None
    lose_answer: bool = False
    down: bool = False
    pace: float = 0
    """Seconds that every 64 KiB towards the portal take."""
    sent: int = 0
    broke: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        self.down, self.cut_after, self.sent = False, None, 0

    def break_now(self) -> None:
        self.down = True
        self.broke += 1
        for writer in list(self._open):
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self.down:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self._open.add(far_writer)
            try:
                state = _Exchange()
                await asyncio.gather(self._up(reader, far_writer, state), self._back(far_reader, writer, state))
            finally:
                self._close(far_writer)
        except OSError:
            pass
        finally:
            self._close(writer)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: "_Exchange") -> None:
        while data := await reader.read(CHUNK):
            state.is_upload = state.is_upload or PUT.search(data) is not None
            self.sent += len(data)
            if self.cut_after is not None and self.sent > self.cut_after:
                self.break_now()
                return
            if self.pace and state.is_upload:
                await asyncio.sleep(self.pace)
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: "_Exchange") -> None:
        while data := await reader.read(CHUNK):
            if state.is_upload and self.lose_answer:
                self.lose_answer = False
                self.broke += 1
                writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()
        writer.close()

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()


@dataclass
class _Exchange:
    is_upload: bool = False


@asynccontextmanager
async def line_to(target: int) -> AsyncIterator[Line]:
    line = Line(0, target)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        line.break_now()
        server.close()
        await asyncio.sleep(0.1)
