"""A running system whose every process can be hurt: `lpse up --processes` in the hands of a test or a benchmark."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from cli.installation import Installation
from cli.keeping import Kept, Runs, keeping, signal_family
from cli.servers import RabbitMQ
from cli.system import Options, System
from cli.up import STARTS, running, say

__all__ = ["Rig", "rigged"]


@dataclass
class Rig:
    """Names: the five services, `gateway`, `postgresql`, `seaweedfs`, and `rabbitmq` where the rig runs one.

    Whatever is killed here comes back by itself, as for an operator, unless it is held.
    """

    system: System

    @property
    def installation(self) -> Installation:
        return self.system.installation

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return self.installation.gateway

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.system.kept)

    def part(self, name: str) -> Runs:
        return self.system.kept[name].what

    def pid(self, name: str) -> int:
        part = self.part(name)
        if part.pid is None or not part.running:
            raise LookupError(f"{name} does not run")
        return part.pid

    def kill(self, name: str) -> None:
        """As a crash, with everything that descends from it."""
        self._signal(name, signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """It holds its connections and answers nothing."""
        self._signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """What dies inside stays dead until the end of the block; then it comes back."""
        kept = self._kept(name)
        kept.held = True
        try:
            yield
        finally:
            kept.held = False

    async def stop(self, name: str) -> None:
        """In order, requests in hand finished; it stays down until `start`."""
        self._kept(name).held = True
        await self.part(name).stop()

    async def start(self, name: str) -> None:
        """Let go of what was held or stopped; returns once it answers."""
        self._kept(name).held = False
        await self.answering(name)

    async def answering(self, *names: str, seconds: float = 120) -> None:
        """Wait until these, or all, serve their clients."""
        for name in names or self.names:
            async with asyncio.timeout(seconds):
                while not (self.part(name).running and await self.part(name).answers()):
                    await asyncio.sleep(0.1)

    def _kept(self, name: str) -> Kept:
        return self.system.kept[name]

    def _signal(self, name: str, number: signal.Signals) -> None:
        signal_family(self.pid(name), number)


@asynccontextmanager
async def rigged(options: Options, *, rabbitmq: bool = False) -> AsyncIterator[Rig]:
    """`rabbitmq`: with a broker of its own under `options.var`; else what `options.bus` says."""
    async with AsyncExitStack() as stack:
        kept: dict[str, Kept] = {}
        if rabbitmq:
            broker = await stack.enter_async_context(RabbitMQ(options.var / "rabbitmq", say=say))
            kept["rabbitmq"] = Kept(broker, say, STARTS)
            options = replace(options, bus=broker.url)
        system = await stack.enter_async_context(running(options, processes=True))
        await stack.enter_async_context(keeping(kept.values()))
        system.kept |= kept
        yield Rig(system)
