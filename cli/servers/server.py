"""What the three servers have in common: a claimed directory and one process in it."""

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.servers.directory import Claim
from cli.servers.process import Process, Say, silent


class Server(ABC):
    """A server of this machine. `async with` starts and stops it; `start` after `stop` runs it again, on its port."""

    name: str

    def __init__(self, directory: Path, *, say: Say = silent) -> None:
        self.directory = directory.absolute()
        self.say = say
        self.process: Process | None = None
        self._claim: Claim | None = None

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    async def start(self) -> None:
        """Start and return once the server answers; raise ServerError with what to do when it cannot."""
        self._claim = await asyncio.to_thread(Claim, self.directory, self.name)
        try:
            self.process = await self._launch()
        except BaseException:
            await self.stop()
            raise

    @abstractmethod
    async def _launch(self) -> Process:
        """Prepare the directory, start the process and wait until it answers."""

    @abstractmethod
    async def answers(self) -> bool:
        """Tell whether clients are served now."""

    def _note(self, pid: int) -> None:
        if self._claim:
            self._claim.note(pid)

    async def wait(self) -> int:
        """Return the server's exit code once it has ended, wished or not."""
        return await self.process.wait() if self.process else 0

    async def stop(self) -> None:
        """End the server; to stop one that does not run is nothing."""
        process, self.process = self.process, None
        try:
            if process:
                await process.stop()
        finally:
            if self._claim:
                self._claim.release()
            self._claim = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
