"""What is true of an installation whatever happened to it: acknowledged = stored = handled once = in the log.

    await settled(installation)            # what is under way arrives
    assert await breaches(installation, told) == []

`told` is what the system acknowledged, as pairs of an event's type and its subject; an operator, who was told nothing,
leaves it out. A system at work may be looked at as well: what does not hold at one look and holds at the next was under way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

from cli.installation import Installation
from cli.invariants import chains, entries, objects, views
from cli.invariants.flow import Flow, Unsettled, settled

__all__ = ["Told", "Unsettled", "breaches", "settled"]

Told = tuple[str, UUID]

UNDER_WAY = 3.0
"""Seconds in which an event reaches everybody where nothing is broken."""


async def breaches(installation: Installation, told: Iterable[Told] = ()) -> list[str]:
    """Sentences about what does not hold; [] when everything does."""
    told = list(told)
    found = await _look(installation, told)
    if found:
        await asyncio.sleep(UNDER_WAY)
        again = set(await _look(installation, told))
        found = [sentence for sentence in found if sentence in again]
    return found


async def _look(installation: Installation, told: Iterable[Told]) -> list[str]:
    flow = await Flow.read(installation)
    looks: tuple[Callable[[Installation, Flow], Awaitable[list[str]]], ...] = (
        chains.breaches,
        entries.breaches,
        views.breaches,
        objects.breaches,
    )
    found = [*flow.unkept(told), *flow.lost(), *await flow.phantoms(installation)]
    for look in looks:
        found += await look(installation, flow)
    return found
