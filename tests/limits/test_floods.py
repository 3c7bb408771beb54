"""A flood slows the one who makes it, and never a bidder."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from uuid import uuid4

import httpx2

from cli.system import System
from tests.limits.crowd import MIB, bidders, client, log_in


async def test_one_account_floods_and_the_others_hand_in(http: httpx2.AsyncClient, apart: System) -> None:
    flooder, *others = await bidders(http, f"ramai{uuid4().hex[:6]}", 6)
    seen: Counter[int] = Counter()
    refused: list[httpx2.Response] = []
    stop = asyncio.Event()

    async def flood(own: httpx2.AsyncClient) -> None:
        while not stop.is_set():
            answer = await own.get("/api/registry/me", headers=flooder.who)
            seen[answer.status_code] += 1
            if answer.status_code == 429:
                refused.append(answer)

    async with client(apart.installation.gateway) as own:
        floods = [asyncio.create_task(flood(own)) for _ in range(60)]
        try:
            answers = await asyncio.gather(*(one.upload(bytes(MIB), MIB) for one in others for _ in range(3)))
        finally:
            stop.set()
            await asyncio.gather(*floods)
    assert [answer.status_code for answer in answers] == [201] * len(answers)
    assert set(seen) == {200, 429}
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["remedy"]


async def test_a_flood_of_logins_shuts_nobody_out(http: httpx2.AsyncClient, apart: System, *, long: bool) -> None:
    """The owner has three ways: another address at first, then the browser and the address he used before."""
    many = 10_000 if long else 600
    (owner,) = await bidders(http, f"korban{uuid4().hex[:6]}", 1)
    url, began = apart.installation.gateway, time.monotonic()
    numbers = iter(range(many // 2))

    async def attack(from_: httpx2.AsyncClient, tries: Iterable[int], seen: Counter[int]) -> None:
        for _ in tries:
            seen[(await log_in(from_, owner.name, "tebakan-yang-salah")).status_code] += 1

    one: Counter[int] = Counter()
    async with client(url, "127.66.0.1") as attacker:
        flood = asyncio.gather(*(attack(attacker, numbers, one) for _ in range(50)))
        async with client(url, "127.77.0.1") as elsewhere:
            assert (await log_in(elsewhere, owner.name)).status_code == 201
        await flood
    assert one[401] == 5
    assert one[429] == many // 2 - 5

    spread: Counter[int] = Counter()
    addresses = [f"127.66.1.{number}" for number in range(1, 51)]
    each = range(many // 2 // len(addresses))

    async def from_one(address: str) -> None:
        async with client(url, address) as attacker:
            await attack(attacker, each, spread)

    flood = asyncio.gather(*(from_one(address) for address in addresses))
    async with client(url, "127.88.0.1") as travelling:
        assert (await log_in(travelling, owner.name, device=owner.device)).status_code == 201
    await flood
    assert spread[401] <= 100
    assert set(spread) <= {401, 429}
    async with client(url, "127.99.0.1") as stranger:
        shut = await log_in(stranger, owner.name)
        assert (shut.status_code, shut.json()["code"]) == (429, "locked_out")
        assert (await log_in(stranger, owner.name, device=owner.device)).status_code == 201
    assert (await log_in(http, owner.name)).status_code == 201, "from the address he used before"
    taken = time.monotonic() - began
    print(f"\n{many} logins in {taken:.1f} s: {one[401] + spread[401]} were hashed")  # noqa: T201
    assert not long or taken < 60


async def test_garbage_sessions_reach_registry_a_bounded_number_of_times(
    http: httpx2.AsyncClient, apart: System
) -> None:
    (known,) = await bidders(http, f"kenal{uuid4().hex[:6]}", 1)
    async with client(apart.installation.gateway, "127.55.0.1") as attacker:

        async def guess() -> httpx2.Response:
            return await attacker.get("/api/registry/me", headers={"authorization": f"Bearer {uuid4().hex * 2}"})

        answers = [answer for _ in range(8) for answer in await asyncio.gather(*(guess() for _ in range(60)))]
        seen = Counter(answer.status_code for answer in answers)
        behind = await attacker.get("/api/registry/me", headers=known.who)
    assert seen[401] < 400
    assert seen[429] > 80
    assert {answer.json()["code"] for answer in answers if answer.status_code == 429} == {"too_many_unknown_sessions"}
    assert behind.status_code == 200, "who is logged in is none the worse behind the same address"
