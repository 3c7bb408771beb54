"""The bus in one PostgreSQL database: the same promises as RabbitMQ's for an installation on one machine."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog

from kit.bus import BusUnavailable, DeadLetter, Depth, Handler, Message, Topology, Unroutable, matches
from kit.bus.embedded import schema
from kit.bus.embedded.consumer import Consumer, connect, wake
from kit.bus.handling import is_cancelled, objection

__all__ = ["EmbeddedBus"]

log = structlog.get_logger()

PATIENCE = 10.0
"""Seconds the database has for an answer."""
AWAY = (
    OSError,  # also a timeout
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""What says that the database cannot work now, rather than that it does not like a statement."""


class EmbeddedBus:
    """`dsn` is `postgresql://...`; the tables live in a schema `bus` of their own."""

    def __init__(self, dsn: str) -> None:
        self.name = "embedded"
        self._dsn = dsn
        self._connection: Any = None
        self._lock = asyncio.Lock()
        self._known: Topology | None = None

    async def start(self) -> None:
        """A database that is away does not keep a service from starting: its outbox holds what it has to say."""
        try:
            async with self._transaction():
                pass
        except BusUnavailable as away:
            log.warning("the bus is away", why=str(away))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=3)

    @property
    def _topology(self) -> Topology:
        if self._known is None:
            raise RuntimeError("declare() tells the bus its topology; call it first")
        return self._known

    async def declare(self, topology: Topology) -> None:
        self._known = topology
        async with self._transaction() as db:
            await _declare(db, topology)

    async def publish(self, messages: Sequence[Message]) -> list[Exception | None]:
        outcomes = await self._publish(messages)
        if len(messages) > 1 and any(isinstance(outcome, asyncpg.PostgresError) for outcome in outcomes):
            # One of them is not to the database's liking: the others must not stay behind because of it.
            return [(await self._publish([message]))[0] for message in messages]
        return outcomes

    async def _publish(self, messages: Sequence[Message]) -> list[Exception | None]:
        """Insert what some queue wants, in one transaction."""
        try:
            async with self._transaction() as db:
                bindings = await _bindings(db, self._topology)
                wanted = [_queues(message, bindings) for message in messages]
                rows = [
                    _row(queue, message)
                    for message, queues in zip(messages, wanted, strict=True)
                    if objection(message) is None
                    for queue in queues
                ]
                if rows:
                    await db.execute(schema.INSERT, *(list(column) for column in zip(*rows, strict=True)))
        except (BusUnavailable, asyncpg.PostgresError) as error:
            return [error] * len(messages)
        for queue in {row[0] for row in rows}:
            wake(self._dsn, queue)
        return [_outcome(message, queues) for message, queues in zip(messages, wanted, strict=True)]

    async def consume(self, queue: str, handler: Handler, *, prefetch: int = 32) -> None:
        await Consumer(self._dsn, self._topology.queue(queue), queue, handler, prefetch).run()

    async def depth(self, topology: Topology) -> dict[str, Depth]:
        services = {topology.queue(service): service for service in topology.subscriptions}
        async with self._transaction() as db:
            rows = await db.fetch(schema.DEPTH, list(services))
        return {services[row["name"]]: Depth(row["ready"], row["dead"], None) for row in rows}

    async def dead(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        async with self._transaction() as db:
            rows = await db.fetch(schema.LETTERS, self._topology.queue(queue), limit)
        return [_letter(row, queue) for row in rows]

    async def retry_dead(self, queue: str, id: str) -> bool:
        name = self._topology.queue(queue)
        async with self._transaction() as db:
            found = await db.fetchval(schema.REVIVE, name, id)
        wake(self._dsn, name)
        return found is not None

    async def discard_dead(self, queue: str, id: str) -> bool:
        async with self._transaction() as db:
            return await db.fetchval(schema.DISCARD, self._topology.queue(queue), id) is not None

    async def differences(self, topology: Topology) -> list[str]:
        async with self._transaction() as db:
            names = {row["name"] for row in await db.fetch("select name from bus.queue")}
            bindings = {(row["queue"], row["pattern"]) for row in await db.fetch(schema.BINDINGS, topology.events)}
        queues = {topology.queue(service): patterns for service, patterns in topology.subscriptions.items()}
        wanted = {(queue, pattern) for queue, patterns in queues.items() if queue in names for pattern in patterns}
        hint = "`lpse up` or the start of any service declares it."
        missing = [f"The queue {name} is missing. {hint}" for name in sorted(queues.keys() - names)]
        missing += [f"The queue {queue} does not get {pattern}. {hint}" for queue, pattern in sorted(wanted - bindings)]
        surplus = sorted((queue, pattern) for queue, pattern in bindings - wanted if queue in queues)
        return missing + [f"The queue {queue} gets {pattern}, which nobody wants." for queue, pattern in surplus]

    async def remove(self, topology: Topology) -> None:
        names = [topology.queue(service) for service in topology.subscriptions]
        async with self._transaction() as db:
            await db.execute("delete from bus.queue where name = any($1::text[])", names)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        """One at a time on one connection, which is opened when needed and dropped when it failed."""
        async with self._lock:
            try:
                async with asyncio.timeout(PATIENCE):
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await self._opened()
                    async with self._connection.transaction():
                        yield self._connection
            except AWAY as error:
                self._drop()
                raise BusUnavailable(f"the bus's database is away: {error!r}") from error
            except asyncio.CancelledError as error:
                self._drop()
                if is_cancelled():
                    raise
                raise BusUnavailable("the bus's database is away: the connection was given up") from error

    async def _opened(self) -> Any:
        """A connection to a database with everything declared, whatever was done to it meanwhile."""
        connection = await connect(self._dsn)
        try:
            async with connection.transaction():
                await connection.execute("select pg_advisory_xact_lock($1)", schema.LOCK)
                await connection.execute(schema.CREATE)
                if self._known is not None:
                    await _declare(connection, self._known)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


async def _declare(db: Any, topology: Topology) -> None:
    queues = sorted(topology.queue(service) for service in topology.subscriptions)
    await db.execute("insert into bus.queue (name) select unnest($1::text[]) on conflict do nothing", queues)
    for service, patterns in topology.subscriptions.items():
        queue = topology.queue(service)
        await db.execute(schema.UNBIND_OTHERS, topology.events, queue, list(patterns))
        await db.executemany(schema.BIND, [(topology.events, queue, pattern) for pattern in sorted(patterns)])


async def _bindings(db: Any, topology: Topology) -> Sequence[Any]:
    """Who wants what. A queue that was deleted is made again first: what it wants must not pass it by."""
    bindings: Sequence[Any] = await db.fetch(schema.BINDINGS, topology.events)
    wanted = {topology.queue(service) for service, patterns in topology.subscriptions.items() if patterns}
    if wanted <= {row["queue"] for row in bindings}:
        return bindings
    await _declare(db, topology)
    declared: Sequence[Any] = await db.fetch(schema.BINDINGS, topology.events)
    return declared


def _queues(message: Message, bindings: Iterable[Any]) -> list[str]:
    """Each queue once, however many of its patterns match."""
    return list(dict.fromkeys(row["queue"] for row in bindings if matches(row["pattern"], message.key)))


def _row(queue: str, message: Message) -> tuple[str, str, str, bytes, str]:
    return queue, message.id, message.key, message.body, json.dumps(dict(message.headers))


def _outcome(message: Message, queues: Sequence[str]) -> Exception | None:
    return objection(message) or (None if queues else Unroutable(f"no queue wants {message.key}"))


def _letter(row: Any, service: str) -> DeadLetter:
    return DeadLetter(
        id=row["id"],
        queue=service,
        key=row["key"],
        body=row["body"],
        headers=json.loads(row["headers"]),
        reason=row["reason"],
        detail=row["detail"],
        first_seen=row["first_seen"],
        attempts=row["returned"],
    )
