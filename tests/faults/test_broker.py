"""RabbitMQ dies, stands still or loses a queue under the running system."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aio_pika
import pytest

from cli import events
from cli.invariants import breaches
from cli.rig import Rig, rigged
from tests.conftest import USED
from tests.faults.conftest import options
from tests.faults.trap import trapped
from tests.faults.watch import event_of, has_handled
from tests.faults.work import Work

DECLARED = 3
"""Seconds until a queue that was just declared survives a broker that is killed (RabbitMQ 3.10)."""


@pytest.fixture(scope="module")
async def rig(home: Path, rabbitmq_installed: None) -> AsyncIterator[Rig]:
    """With a broker of its own."""
    async with rigged(options(home), rabbitmq=True) as rig:
        USED.add(rig.installation.backends.bus)
        yield rig


async def test_the_broker_killed_in_the_middle_of_a_batch(rig: Rig, work: Work) -> None:
    """Published, not confirmed: half of a batch is with a broker that stands still, and dies."""
    await work.holds()
    async with trapped(rig.installation.databases["tender"], "inbox", "insert") as trap:
        await work.emits("registry", 5)
        await trap.caught()  # tender holds five messages unacknowledged
        rig.freeze("rabbitmq")
        await work.emits("registry", 20)
        await work.emits("helpdesk", 20)
        rig.kill("rabbitmq")
    await rig.answering("rabbitmq")
    await work.emits("registry", 5)
    await work.holds()


async def test_broker_and_database_frozen_for_20_seconds(rig: Rig, work: Work) -> None:
    working = asyncio.create_task(work_on(work, 5))
    rig.freeze("rabbitmq")
    rig.freeze("postgresql")
    try:
        await asyncio.sleep(20)
    finally:
        rig.thaw("postgresql")
        rig.thaw("rabbitmq")
    await working
    await work.holds()


async def work_on(work: Work, rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.gather(*(work.emits(service) for service in ("registry", "tender", "documents", "helpdesk")))


async def test_a_queue_deleted_under_its_consumer(rig: Rig, work: Work) -> None:
    """What it held is lost on the bus and nowhere else: the check tells of it, and it is sent again."""
    await work.holds()
    await delete_queue(rig.installation.bus, "uji.tender")
    await until_heard(rig, work)
    with rig.held("tender"):
        rig.kill("tender")
        id = await work.announcement()
        await has_handled(rig, "audit", id)
        await delete_queue(rig.installation.bus, "uji.tender")
    await rig.answering("tender")
    await until_heard(rig, work)
    lost = f"{await event_of(rig, id)}, and it is no dead letter"
    assert [sentence for sentence in await breaches(rig.installation, work.told) if lost in sentence]
    assert await events.resent(rig.installation, "tender") > 0
    await work.holds()
    assert await events.resent(rig.installation, "tender") == 0
    await asyncio.sleep(DECLARED)


async def until_heard(rig: Rig, work: Work) -> None:
    """Until tender hears what is announced; what is published before its queue is there again passes it by."""
    async with asyncio.timeout(60):
        while True:
            id = await work.announcement()
            with suppress(TimeoutError):
                await has_handled(rig, "tender", id, seconds=2)
                return


async def delete_queue(url: str, name: str) -> None:
    async with await aio_pika.connect(url) as connection, await connection.channel() as channel:
        await channel.queue_delete(name)
