import asyncio
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import FieldValue

from cli.servers import RabbitMQ, ServerError
from tests.servers.processes import Parent, gone

pytestmark = pytest.mark.usefixtures("rabbitmq_installed")
QUORUM: dict[str, FieldValue] = {"x-queue-type": "quorum"}


async def publish(server: RabbitMQ, body: bytes) -> None:
    connection = await aio_pika.connect(server.url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.declare_queue("kept", durable=True, arguments=QUORUM)
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "kept")


async def take(server: RabbitMQ) -> bytes:
    connection = await aio_pika.connect(server.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("kept", durable=True, arguments=QUORUM)
        message = await queue.get(timeout=10)
        assert message
        await message.ack()
        return message.body


async def test_a_killed_broker_comes_back_with_what_it_confirmed(tmp_path: Path) -> None:
    async with RabbitMQ(tmp_path / "mq") as server:
        await publish(server, b"confirmed")
        await asyncio.sleep(3)  # 3.10 forgets the replica of a queue declared within the second before a crash
        assert server.process
        server.process.kill()
        await server.stop()
        await server.start()
        assert await take(server) == b"confirmed"
        assert server.version in await server.control("version")
        with pytest.raises(ServerError, match=r"already run by process \d+"):
            await RabbitMQ(tmp_path / "mq").start()


STARTS = """
import asyncio
from pathlib import Path
from cli.servers import RabbitMQ

async def main():
    async with RabbitMQ(Path({directory!r})) as server:
        print(server.pid, server.mapper_pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_broker_and_port_mapper_end_with_a_killed_parent(tmp_path: Path, killed_parent: Parent) -> None:
    numbers = killed_parent(STARTS.format(directory=str(tmp_path / "mq")))
    assert len(numbers) == 2
    assert all(gone(pid) for pid in numbers)
