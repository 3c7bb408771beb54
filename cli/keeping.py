"""What runs in a process of its own is started again whenever it ends by itself, so that a machine heals alone."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

import psutil

from cli.servers.process import Say, ServerError

__all__ = ["Kept", "Runs", "keeping", "signal_family"]

LOOK_SECONDS = 0.2
SOON_SECONDS = 5.0
"""Who ends sooner than this after his start has failed to start."""
LONGEST_PAUSE = 5.0


class Runs(Protocol):
    """A server, a service or the gateway."""

    name: str

    @property
    def log(self) -> Path: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def running(self) -> bool: ...

    async def start(self) -> None:
        """Return once it answers; ServerError says why it cannot."""

    async def stop(self) -> None: ...

    async def answers(self) -> bool: ...


class Kept:
    """`patience`: failures to start, one after the other, before it is given up; None is for ever.

    While `held` it stays as it is, dead or alive: what an operator or a test does to it is not undone.
    """

    def __init__(self, what: Runs, say: Say, patience: int | None = None) -> None:
        self.what = what
        self.held = False
        self._say = say
        self._patience = patience
        self._failures = 0

    async def keep(self) -> None:
        """Until cancelled; ServerError when it is given up."""
        began = asyncio.get_running_loop().time()
        while True:
            while self.what.running or self.held:
                await asyncio.sleep(LOOK_SECONDS)
            soon = asyncio.get_running_loop().time() - began < SOON_SECONDS
            self._failures = self._failures + 1 if soon else 0
            self._refuse_endless()
            self._say(f"{self.what.name} ended; starting it again (its log: {self.what.log})")
            await asyncio.sleep(min(LONGEST_PAUSE, 0.5 * self._failures))
            await self._again()
            began = asyncio.get_running_loop().time()

    async def _again(self) -> None:
        try:
            await self.what.stop()  # lets go of what a dead server's directory and group still hold
            if not self.held:
                await self.what.start()
        except ServerError as error:
            self._say(str(error))

    def _refuse_endless(self) -> None:
        if self._patience is not None and self._failures >= self._patience:
            raise ServerError(
                f"{self.what.name} does not stay up: {self._failures} starts in a row failed, and its log, "
                f"{self.what.log}, says why. All of it is stopped now, and nothing that was acknowledged is lost: "
                "./lpse up starts it again."
            )


@asynccontextmanager
async def keeping(kept: Iterable[Kept]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Yields the keepers: one that ends has given up and says why."""
    keepers = [asyncio.create_task(one.keep(), name=f"keeper of {one.what.name}") for one in kept]
    try:
        yield keepers
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)


def signal_family(pid: int, number: signal.Signals) -> None:
    """The process and all that descend from it, elders first. PostgreSQL's sessions leave its process group."""
    with suppress(psutil.NoSuchProcess):
        elder = psutil.Process(pid)
        for one in (elder, *elder.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)
