import asyncio
from datetime import UTC, datetime, timedelta

import aio_pika

from kit.bus import Bus, Dead, DeadLetter, Delivery, Retry
from tests.bus.place import Place, Seen, consuming, messages


async def condemn(delivery: Delivery) -> None:
    raise Dead("invalid", "field `sequence` is missing\nsecond line")


async def test_a_dead_letter_says_what_when_and_why(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(2)

    async def condemn_the_first(delivery: Delivery) -> None:
        if delivery.message.id == sent[0].id:
            if delivery.returned < 2:
                raise Retry(0.1)
            await condemn(delivery)

    seen = Seen(condemn_the_first)
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(sent)
        await seen.wait(4)
        letter = await one_letter(bus)
        depth = (await bus.depth(topology))["tender"]
    assert (depth.ready, depth.dead) == (0, 1)
    assert (letter.id, letter.queue, letter.key, letter.body) == (sent[0].id, "tender", sent[0].key, sent[0].body)
    assert letter.headers == sent[0].headers
    assert (letter.reason, letter.detail) == ("invalid", "field `sequence` is missing\nsecond line")
    assert letter.attempts == 3
    assert letter.first_seen is not None
    assert timedelta(0) <= datetime.now(UTC) - letter.first_seen < timedelta(minutes=1)


async def test_a_letter_is_put_back_into_its_own_queue_only(place: Place) -> None:
    topology = place.topology(tender={"#"}, audit={"#"})
    sent = messages(2)
    forgiven = asyncio.Event()

    async def judge(delivery: Delivery) -> None:
        if not forgiven.is_set():
            await condemn(delivery)

    tender, audit = Seen(judge), Seen()
    async with place.bus(topology) as bus, consuming(bus, "tender", tender), consuming(bus, "audit", audit):
        await bus.publish(sent)
        await tender.wait(2)
        await audit.wait(2)
        await until_letters(bus, 2)
        forgiven.set()
        assert await bus.retry_dead("tender", sent[1].id)
        await tender.wait(3)
        await asyncio.sleep(0.3)
        assert [letter.id for letter in await bus.dead("tender")] == [sent[0].id]
        assert not await bus.retry_dead("tender", sent[1].id), "it is no dead letter any more"
    assert tender.deliveries[2].message == sent[1], "as it was before it died"
    assert tender.deliveries[2].returned == 0
    assert len(audit.deliveries) == 2


async def test_a_letter_put_back_can_die_again(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(1)
    seen = Seen(condemn)
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(sent)
        await until_letters(bus, 1)
        assert await bus.retry_dead("tender", sent[0].id)
        await seen.wait(2)
        letter = await one_letter(bus)
    assert (letter.reason, letter.attempts) == ("invalid", 1)


async def test_a_discarded_letter_is_gone(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(3)
    async with place.bus(topology) as bus, consuming(bus, "tender", condemn):
        await bus.publish(sent)
        await until_letters(bus, 3)
        assert len(await bus.dead("tender", limit=2)) == 2
        assert await bus.discard_dead("tender", sent[1].id)
        assert not await bus.discard_dead("tender", sent[1].id)
        assert not await bus.discard_dead("tender", "no such id")
        assert sorted(letter.id for letter in await bus.dead("tender")) == [sent[0].id, sent[2].id]
        assert (await bus.depth(topology))["tender"].dead == 2


async def test_looking_often_wears_no_letter_out(rabbitmq: Place) -> None:
    """RabbitMQ 4 throws a message away that was returned 20 times; ours must not come near that."""
    topology = rabbitmq.topology(tender={"#"})
    sent = messages(2)
    async with rabbitmq.bus(topology) as bus:
        async with consuming(bus, "tender", condemn):
            await bus.publish(sent)
            await until_letters(bus, 2)
        looks = 24
        for _ in range(looks):
            letters = await bus.dead("tender")
            assert sorted((letter.id, letter.reason, letter.attempts) for letter in letters) == [
                (message.id, "invalid", 1) for message in sent
            ]
        async with await aio_pika.connect(rabbitmq.url) as connection, await connection.channel() as channel:
            queue = await channel.get_queue(topology.dead_queue("tender"), ensure=False)
            letter = await queue.get()
            assert int(str(letter.headers.get("x-delivery-count", 0))) < 15


async def test_what_the_broker_itself_gave_up_is_shown_too(rabbitmq: Place) -> None:
    topology = rabbitmq.topology(tender={"#"})
    sent = messages(1)
    async with rabbitmq.bus(topology) as bus:
        await bus.publish(sent)
        async with await aio_pika.connect(rabbitmq.url) as connection, await connection.channel() as channel:
            queue = await channel.get_queue(topology.queue("tender"), ensure=False)
            await (await queue.get()).reject(requeue=False)
            await until_letters(bus, 1)
        letter = await one_letter(bus)
        assert (letter.id, letter.key, letter.reason) == (sent[0].id, sent[0].key, "rejected")
        assert letter.headers == sent[0].headers
        assert await bus.retry_dead("tender", sent[0].id)
        assert (await bus.depth(topology))["tender"].ready == 1


async def until_letters(bus: Bus, number: int) -> None:
    for _ in range(100):
        if len(await bus.dead("tender")) == number:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{len(await bus.dead('tender'))} of {number} dead letters")


async def one_letter(bus: Bus) -> DeadLetter:
    await until_letters(bus, 1)
    return (await bus.dead("tender"))[0]
