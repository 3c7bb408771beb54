import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from kit.bus import Delivery, Retry, Unavailable, handling
from tests.bus.chaos import ChaosBus
from tests.bus.place import Place, Seen, consuming, messages, until

ROOT = Path(__file__).parents[2]


async def test_a_retry_comes_again_and_is_counted(place: Place) -> None:
    topology = place.topology(tender={"#"})

    async def twice(delivery: Delivery) -> None:
        if delivery.returned < 2:
            raise Retry(0.1)

    seen = Seen(twice)
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(messages(1))
        await seen.wait(3)
        assert [delivery.returned for delivery in seen.deliveries] == [0, 1, 2]
        await asyncio.sleep(0.3)
        depth = (await bus.depth(topology))["tender"]
        assert (depth.ready, depth.dead) == (0, 0)
    assert len(seen.deliveries) == 3


async def test_a_message_that_waits_holds_up_no_other(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(20)
    times: dict[str, float] = {}

    async def first_waits(delivery: Delivery) -> None:
        if delivery.message.id == sent[0].id and delivery.returned == 0:
            times["refused"] = time.monotonic()
            raise Retry(1.0)
        times[delivery.message.id] = time.monotonic()

    seen = Seen(first_waits)
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(sent)
        await seen.wait(21)
    assert seen.ids == [message.id for message in sent] + [sent[0].id]
    assert times[sent[0].id] - times["refused"] >= 1.0
    assert times[sent[-1].id] - times["refused"] < 0.9


@pytest.mark.parametrize("defect", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_defect_of_the_handler_is_tried_again(
    place: Place, defect: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "DEFECT_DELAY", 0.2)
    topology = place.topology(tender={"#"})

    async def stumble(delivery: Delivery) -> None:
        if delivery.returned == 0:
            raise defect

    seen = Seen(stumble)
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(messages(1))
        await seen.wait(2)
    assert [delivery.returned for delivery in seen.deliveries] == [0, 1]


async def test_our_own_trouble_keeps_the_message_and_counts_nothing(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(3)
    away = [True, True, True]

    async def no_database(delivery: Delivery) -> None:
        if away:
            away.pop()
            raise Unavailable("the database is away")

    seen = Seen(no_database)
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(sent)
        await seen.wait(6)
        assert (await bus.depth(topology))["tender"].dead == 0
    assert seen.ids == [sent[0].id] * 4 + [sent[1].id, sent[2].id], "no other is taken meanwhile"
    assert {delivery.returned for delivery in seen.deliveries} == {0}


async def test_what_a_killed_process_had_in_hand_comes_again(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(2)
    async with place.bus(topology) as bus:
        await bus.publish(sent)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bus.hanging_consumer",
            place.url,
            topology.prefix,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        assert (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip() == sent[0].id
        process.kill()
        await process.wait()
        seen = Seen()
        async with consuming(bus, "tender", seen):
            await seen.wait(2)
    assert sorted(seen.ids) == [message.id for message in sent]


async def test_a_cancelled_consumer_finishes_what_it_has_in_hand_and_returns_the_rest(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(5)
    finished: list[str] = []

    async def slowly(delivery: Delivery) -> None:
        await asyncio.sleep(0.3)
        finished.append(delivery.message.id)

    seen = Seen(slowly)
    async with place.bus(topology) as bus:
        await bus.publish(sent)
        async with consuming(bus, "tender", seen) as consumer:
            await seen.wait(1)
            consumer.cancel()
            await asyncio.wait({consumer})
        assert consumer.cancelled()
        assert finished == [sent[0].id]
        rest = Seen()
        async with consuming(bus, "tender", rest):
            await rest.wait(4)
            await asyncio.sleep(0.2)
    assert sorted(rest.ids) == [message.id for message in sent[1:]]


async def test_a_handler_that_never_ends_does_not_keep_the_service_from_stopping(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "GRACE", 0.3)
    topology = place.topology(tender={"#"})

    async def hang(delivery: Delivery) -> None:
        await asyncio.sleep(3600)

    stuck, seen = Seen(hang), Seen()
    async with place.bus(topology) as bus:
        await bus.publish(messages(1))
        async with consuming(bus, "tender", stuck) as consumer:
            await stuck.wait(1)
            consumer.cancel()
            await asyncio.wait({consumer}, timeout=5)
            assert consumer.cancelled()
        async with consuming(bus, "tender", seen):
            await seen.wait(1)
    assert seen.ids == stuck.ids


async def test_two_consumers_share_one_queue(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(40)

    async def briefly(delivery: Delivery) -> None:
        await asyncio.sleep(0.02)

    one, two = Seen(briefly), Seen(briefly)
    async with place.bus(topology) as bus:
        async with consuming(bus, "tender", one, prefetch=4), consuming(bus, "tender", two, prefetch=4):
            await bus.publish(sent)
            await until(lambda: len(one.ids) + len(two.ids) >= 40)
        assert one.ids
        assert two.ids
        assert sorted(one.ids + two.ids) == [message.id for message in sent], "none twice, none lost"
        assert (await bus.depth(topology))["tender"].ready == 0


async def test_chaos_stays_within_the_contract(place: Place) -> None:
    topology = place.topology(tender={"#"}, audit={"#"})
    sent = messages(60)
    tender, audit = Seen(), Seen()
    async with place.bus(topology) as plain:
        bus = ChaosBus(plain, seed=7)
        async with consuming(bus, "tender", tender), consuming(bus, "audit", audit):
            assert await bus.publish(sent) == [None] * 60
            wanted = {message.id for message in sent}
            await until(lambda: set(tender.ids) == wanted and set(audit.ids) == wanted)
            await until_quiet(tender, audit)
        assert (await plain.depth(topology))["tender"].ready == 0
    assert max(Counter(tender.ids).values()) > 1, "doubled"
    assert list(dict.fromkeys(tender.ids)) != [message.id for message in sent], "shuffled"
    bodies = {message.id: message.body for message in sent}
    assert all(delivery.message.body == bodies[delivery.message.id] for delivery in tender.deliveries)


async def until_quiet(*handlers: Seen, seconds: float = 1.5) -> None:
    number = -1
    while number != (number := sum(len(handler.deliveries) for handler in handlers)):
        await asyncio.sleep(seconds)
