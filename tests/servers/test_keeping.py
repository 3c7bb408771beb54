"""What ends by itself is started again, unless it is held; what never stays up is given up in one sentence."""

import asyncio
from pathlib import Path

import pytest

from cli.keeping import Kept, keeping
from cli.servers import ServerError
from cli.servers.process import Process, silent


class Sleeper:
    """A process that answers as long as it runs."""

    name = "Sleeper"

    def __init__(self, home: Path, seconds: str) -> None:
        self.log = home / "sleeper.log"
        self.process = Process(self.name, log=self.log)
        self.starts = 0
        self._seconds = seconds

    @property
    def pid(self) -> int | None:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.running

    async def start(self) -> None:
        self.starts += 1
        await self.process.start(["sleep", self._seconds], self.answers)

    async def stop(self) -> None:
        await self.process.stop()

    async def answers(self) -> bool:
        return self.running


async def test_what_ends_is_started_again(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path, "600")
    await sleeper.start()
    async with keeping([Kept(sleeper, silent, 3)]):
        first = sleeper.pid
        sleeper.process.kill()
        async with asyncio.timeout(20):
            while not sleeper.running:
                await asyncio.sleep(0.05)
        assert sleeper.pid != first
    await sleeper.stop()


async def test_what_is_held_stays_as_it_is(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path, "600")
    await sleeper.start()
    kept = Kept(sleeper, silent, 3)
    async with keeping([kept]):
        kept.held = True
        sleeper.process.kill()
        await asyncio.sleep(0.5)
        assert not sleeper.running
        kept.held = False
        async with asyncio.timeout(20):
            while not sleeper.running:
                await asyncio.sleep(0.05)
    await sleeper.stop()


async def test_what_never_stays_up_is_given_up(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path, "0.1")
    said: list[str] = []
    with pytest.raises(ServerError, match="Sleeper does not stay up: 3 starts in a row failed"):
        async with asyncio.timeout(30):
            await Kept(sleeper, said.append, 3).keep()
    assert len(said) >= 2
    assert sleeper.starts == 2
    await sleeper.stop()
