"""Events from commit to handled: our side and a bare one in turn, on the same databases, broker and queue."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from itertools import cycle, islice
from statistics import median
from time import perf_counter
from typing import NamedTuple, Protocol
from uuid import UUID

from bench.events.bare import Bare
from bench.events.ours import Ours
from bench.events.place import Handled, Place, prepared
from bench.report import Figure, Report, say
from kit.bus.choice import open_bus

__all__ = ["run"]

WRITERS = 8
"""Commands at once in the throughput part: as many as a service's pool has connections by default."""
PAUSE = 0.02
"""Seconds after an effect before the next event: relay and consumer have gone back to waiting."""
TARGET = {"idle_ratio": "<= 3", "throughput_ratio": ">= 0.5"}


class Side(Protocol):
    def running(self, handled: Handled) -> AbstractAsyncContextManager[None]: ...

    async def commit(self, provider: UUID) -> str:
        """Change one provider and emit its event; returns the event's id after the commit."""
        ...

    def wake(self) -> None:
        """Something was committed."""
        ...


class Round(NamedTuple):
    """Of one side."""

    latency: float
    """Median seconds from a commit to its effect, nothing else going on."""
    rate: float
    """Events per second from a commit of many to the last effect."""
    commands: float
    """Events per second from the first command to the last effect: commands, relay and inbox all at once."""


async def run(rounds: int = 9, idle: int = 25, burst: int = 1_000, commands: int = 300, **lent: str) -> Report:
    """The numbers are events of each part, per side and round. `lent`: servers to use, by the names of `lpse up`."""
    async with prepared(**lent) as place:
        ours = Ours(place, lambda: open_bus(place.installation.bus, application="bench"))
        embedded = Ours(place, lambda: open_bus(place.installation.databases["registry"], application="bench"))
        sides: dict[str, Side] = {"ours": ours, "bare": Bare(place), "embedded": embedded}
        found: dict[str, list[Round]] = {name: [] for name in sides}
        for number in range(rounds):
            for name in sides if number % 2 == 0 else reversed(sides):
                found[name].append(await _round(sides[name], place, idle, burst, commands))
                say(f"round {number + 1} of {rounds}, {name}: {found[name][-1]}")
    return _report(found)


async def _round(side: Side, place: Place, idle: int, burst: int, commands: int) -> Round:
    handled = Handled()
    providers = cycle(place.providers)
    async with side.running(handled):
        await _commands(side, handled, islice(providers, idle))  # connections, statements and caches get warm
        return Round(
            latency=await _latency(side, handled, islice(providers, idle)),
            rate=await _rate(side, handled, place, burst),
            commands=await _commands(side, handled, islice(providers, commands)),
        )


async def _latency(side: Side, handled: Handled, subjects: Iterator[UUID]) -> float:
    delays = []
    for subject in subjects:
        before = len(handled.at)
        event = await side.commit(subject)
        committed = perf_counter()
        await handled.reach(before + 1)
        delays.append(handled.at[event] - committed)
        await asyncio.sleep(PAUSE)
    return median(delays)


async def _rate(side: Side, handled: Handled, place: Place, count: int) -> float:
    before = len(handled.at)
    await place.commit(count)
    committed = perf_counter()
    side.wake()
    await handled.reach(before + count)
    return count / (perf_counter() - committed)


async def _commands(side: Side, handled: Handled, subjects: Iterator[UUID]) -> float:
    began, before = perf_counter(), len(handled.at)

    async def write() -> int:
        return len([await side.commit(subject) for subject in subjects])

    written = sum(await asyncio.gather(*(write() for _ in range(WRITERS))))
    await handled.reach(before + written)
    return written / (perf_counter() - began)


def _report(found: Mapping[str, list[Round]]) -> Report:
    figures: dict[str, Figure] = {}
    for name, rounds in found.items():
        figures[f"{name}_idle_p50_ms"] = round(1_000 * median(one.latency for one in rounds), 2)
        figures[f"{name}_events_per_second"] = round(median(one.rate for one in rounds), 1)
        figures[f"{name}_commands_per_second"] = round(median(one.commands for one in rounds), 1)
    pairs = list(zip(found["ours"], found["bare"], strict=True))
    idle = median(ours.latency / bare.latency for ours, bare in pairs)
    throughput = median(ours.rate / bare.rate for ours, bare in pairs)
    figures |= {
        "idle_ratio": round(idle, 2),
        "throughput_ratio": round(throughput, 2),
        "commands_ratio": round(median(ours.commands / bare.commands for ours, bare in pairs), 2),
        "rounds": len(pairs),
    }
    return Report("events", figures, TARGET, reached=idle <= 3 and throughput >= 0.5)
