"""Faults at random over a running system: parts of it die at once, or stand still for a while. The seed decides which."""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from cli.rig import Rig

__all__ = ["Fault", "Mayhem"]

FROZEN: Final = (0.5, 5.0)
"""Seconds a frozen part stands still."""


@dataclass
class Fault:
    """Instants of `time.time()`; `ended` when the part served its clients again."""

    part: str
    kind: str
    at: float
    ended: float = float("inf")


@dataclass
class Mayhem:
    """`rate`: faults per second. Every part of the rig may be struck, but none that still suffers from the last fault."""

    rig: Rig
    rate: float
    seed: int
    faults: list[Fault] = field(default_factory=list)

    async def run(self, until: float) -> None:
        """Strike until the instant `until`; return when everything has recovered."""
        dice = random.Random(self.seed)  # noqa: S311  a game that can be played again
        at = time.time()
        async with asyncio.TaskGroup() as healing:
            while self.rate and (at := at + dice.expovariate(self.rate)) < until:
                await asyncio.sleep(max(0.0, at - time.time()))
                part, kind, seconds = (
                    dice.choice(self.rig.names),
                    dice.choice(("kill", "freeze")),
                    dice.uniform(*FROZEN),
                )
                if self._is_well(part):
                    healing.create_task(self._strike(part, kind, seconds))
        await self.rig.answering()

    def _is_well(self, part: str) -> bool:
        suffers = any(fault.part == part and fault.ended == float("inf") for fault in self.faults)
        return not suffers and self.rig.part(part).running

    async def _strike(self, part: str, kind: str, seconds: float) -> None:
        fault = Fault(part, kind, time.time())
        self.faults.append(fault)
        if kind == "kill":
            self.rig.kill(part)
        else:
            await self._freeze(part, seconds)
        await self.rig.answering(part)
        fault.ended = time.time()

    async def _freeze(self, part: str, seconds: float) -> None:
        self.rig.freeze(part)
        try:
            await asyncio.sleep(seconds)
        finally:
            with suppress(LookupError):
                self.rig.thaw(part)

    def was_calm(self, since: float, until: float) -> bool:
        return all(fault.ended < since or fault.at > until for fault in self.faults)
