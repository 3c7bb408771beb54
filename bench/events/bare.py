"""The bare side: the same statements, transactions, batches and messages with asyncpg and aio-pika alone.

It keeps the promises (outbox, gapless chain, confirms, inbox, ack after commit) and leaves out what the kit adds to
them: ORM, validation, contracts, traces, metrics, supervision, recovery.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import aio_pika
import asyncpg

from bench.events.place import EVENT, PREFETCH, Handled, Place
from kit.ids import new_id

__all__ = ["Bare"]

CONNECTIONS, BATCH, SWEEP = 8, 200, 1.0  # the settings' own defaults

LOAD = """
select account, kind, name, npwp, npwp16, email, address, phone, responsible_name, amended_deed, branch, status,
       submitted_at, id, sequence
from provider where id = $1 for update
"""
COUNT = "update provider set sequence = $1 where id = $2"
EMIT = """
insert into outbox (event_id, type, subject, sequence, actor, traceparent, data)
values ($1, $2, $3, $4, $5, $6, $7)
"""
LAST = "select seq, envelope from outbox where seq is not null order by seq desc limit 1"
UNNUMBERED = """
select position, event_id, type, subject, sequence, actor, traceparent, time, data, created_at, seq, envelope,
       published_at, attempts, next_attempt_at
from outbox where seq is null order by position limit $1
"""
NUMBER = "update outbox set seq = $2, envelope = $3 where position = $1"
UNPUBLISHED = """
select position, event_id, type, traceparent, envelope from outbox
where published_at is null and seq is not null and next_attempt_at <= clock_timestamp() order by seq limit $1
"""
PUBLISHED = "update outbox set published_at = clock_timestamp() where position = any($1::bigint[])"
ONCE = "insert into inbox (event_id, type) values ($1, $2) on conflict do nothing returning event_id"
KEEP = """
insert into provider_view (id, account, name, kind, licence_expires, sequence) values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update set account = excluded.account, name = excluded.name, kind = excluded.kind,
    licence_expires = excluded.licence_expires, sequence = excluded.sequence
where provider_view.sequence < excluded.sequence
"""


class Bare:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._wake = asyncio.Event()
        self._idle: asyncio.LifoQueue[Any] = asyncio.LifoQueue()

    @asynccontextmanager
    async def running(self, handled: Handled) -> AsyncIterator[None]:
        installation = self._place.installation
        async with AsyncExitStack() as stack:
            registry, tender = (installation.databases[name] for name in ("registry", "tender"))
            self._idle = asyncio.LifoQueue()
            for _ in range(CONNECTIONS):
                self._idle.put_nowait(await _connected(stack, registry))
            exchange = await self._exchange(stack)
            relay = asyncio.create_task(self._relay(await _connected(stack, registry), exchange))
            stack.push_async_callback(_ended, relay)
            await self._consume(stack, await _connected(stack, tender), handled)
            yield

    async def commit(self, provider: UUID) -> str:
        connection = await self._idle.get()
        try:
            async with connection.transaction():
                row = await connection.fetchrow(LOAD, provider)
                await connection.execute(COUNT, row["sequence"] + 1, provider)
                event = new_id()
                data = json.dumps(_data(row))
                await connection.execute(EMIT, event, EVENT, provider, row["sequence"] + 1, None, None, data)
        finally:
            self._idle.put_nowait(connection)
        self.wake()
        return str(event)

    def wake(self) -> None:
        self._wake.set()

    async def _exchange(self, stack: AsyncExitStack) -> aio_pika.abc.AbstractExchange:
        """The queue is the one our side declared: both sides fill and read the same."""
        channel = await self._channel(stack)
        return await channel.get_exchange(self._place.topology.events, ensure=False)

    async def _channel(self, stack: AsyncExitStack) -> aio_pika.abc.AbstractChannel:
        connection = await stack.enter_async_context(await aio_pika.connect(self._place.installation.bus))
        return await connection.channel(publisher_confirms=True, on_return_raises=True)

    async def _relay(self, connection: Any, exchange: aio_pika.abc.AbstractExchange) -> None:
        while True:
            self._wake.clear()
            while await self._number(connection) == BATCH:
                pass
            if not await self._publish(connection, exchange):
                with suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP):
                        await self._wake.wait()

    async def _number(self, connection: Any) -> int:
        async with connection.transaction():
            rows = await connection.fetch(UNNUMBERED, BATCH)
            if not rows:
                return 0
            last = await connection.fetchrow(LAST)
            seq, prev = (last["seq"], hashlib.sha256(last["envelope"]).hexdigest()) if last else (0, "0" * 64)
            numbered = []
            for row in rows:
                seq += 1
                envelope = json.dumps(_envelope(row, seq, prev)).encode()
                prev = hashlib.sha256(envelope).hexdigest()
                numbered.append((row["position"], seq, envelope))
            await connection.executemany(NUMBER, numbered)
        return len(numbered)

    async def _publish(self, connection: Any, exchange: aio_pika.abc.AbstractExchange) -> int:
        async with connection.transaction():
            rows = await connection.fetch(UNPUBLISHED, BATCH)
        if rows:
            await asyncio.gather(*(exchange.publish(_message(row), routing_key=row["type"]) for row in rows))
            async with connection.transaction():
                await connection.execute(PUBLISHED, [row["position"] for row in rows])
        return len(rows)

    async def _consume(self, stack: AsyncExitStack, connection: Any, handled: Handled) -> None:
        one_at_a_time = asyncio.Lock()

        async def handle(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            async with one_at_a_time:
                envelope = json.loads(message.body)
                async with connection.transaction():
                    if await connection.fetchrow(ONCE, UUID(envelope["id"]), envelope["type"]):
                        await connection.execute(KEEP, *_view(envelope))
                handled(envelope["id"])
                await message.ack()

        channel = await self._channel(stack)
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.get_queue(self._place.topology.queue("tender"), ensure=False)
        tag = await queue.consume(handle)
        stack.push_async_callback(queue.cancel, tag)


async def _connected(stack: AsyncExitStack, dsn: str) -> Any:
    connection = await asyncpg.connect(dsn)
    stack.push_async_callback(connection.close)
    return connection


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _data(row: Any) -> dict[str, Any]:
    values = {"provider": str(row["id"]), "account": str(row["account"]), "name": row["name"], "kind": row["kind"]}
    return {**values, "licence_expires": "2027-12-31"}


def _envelope(row: Any, seq: int, prev: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(row["event_id"]),
        "source": "registry",
        "type": row["type"],
        "subject": str(row["subject"]),
        "time": row["time"].isoformat(),
        "datacontenttype": "application/json",
        "data": json.loads(row["data"]),
        "sequence": row["sequence"],
        "instance": "bench",
        "seq": seq,
        "prev": prev,
    }


def _message(row: Any) -> aio_pika.Message:
    return aio_pika.Message(
        row["envelope"],
        headers={"traceparent": "", "x-lpse-id": str(row["event_id"])},
        type=row["type"],
        timestamp=datetime.now(UTC),
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


def _view(envelope: Any) -> tuple[Any, ...]:
    said = envelope["data"]
    return (
        UUID(said["provider"]),
        UUID(said["account"]),
        said["name"],
        said["kind"],
        date.fromisoformat(said["licence_expires"]),
        envelope["sequence"],
    )
