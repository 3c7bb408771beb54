"""A flood waits behind itself."""

import asyncio

import pytest

from kit.limits import Limits
from kit.problems import Problem
from services.registry.turns import AT_ONCE, Turns


async def crowd(turns: Turns, place: str, order: list[str], release: asyncio.Event) -> None:
    async with turns.of(place):
        await release.wait()
        order.append(place)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_places_take_turns() -> None:
    turns, release = Turns(Limits()), asyncio.Event()
    order: list[str] = []
    tasks = [asyncio.create_task(crowd(turns, "flood", order, release)) for _ in range(AT_ONCE + 50)]
    await settle()
    tasks.append(asyncio.create_task(crowd(turns, "owner", order, release)))
    await settle()
    release.set()
    await asyncio.gather(*tasks)
    assert order.index("owner") <= AT_ONCE + 2
    assert len(order) == AT_ONCE + 51


async def test_a_full_house_refuses_those_who_take_most_of_it() -> None:
    limits = Limits(logins_waiting=20, logins_waiting_per_address=20)
    turns, release = Turns(limits), asyncio.Event()
    order: list[str] = []
    flood = [asyncio.create_task(crowd(turns, "flood", order, release)) for _ in range(AT_ONCE + 25)]
    await settle()
    assert sum(task.done() for task in flood) == 5
    owner = asyncio.create_task(crowd(turns, "owner", order, release))
    await settle()
    assert not owner.done()
    release.set()
    await owner
    ends = await asyncio.gather(*flood, return_exceptions=True)
    refused = [end for end in ends if isinstance(end, Problem)]
    assert (len(refused), refused[0].status, refused[0].extra["retry_after"]) == (6, 503, 5)


async def test_who_gives_up_waiting_leaves_no_gap() -> None:
    turns, release = Turns(Limits()), asyncio.Event()
    order: list[str] = []
    running = [asyncio.create_task(crowd(turns, "a", order, release)) for _ in range(AT_ONCE + 1)]
    await settle()
    running[-1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await running[-1]
    release.set()
    await asyncio.gather(*running[:-1])
    for _ in range(2 * AT_ONCE):
        async with asyncio.timeout(1), turns.of("b"):
            pass
