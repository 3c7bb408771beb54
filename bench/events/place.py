"""Where both sides work: the real databases of registry and tender, and the providers the events are about."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg

from bench.report import say
from cli.installation import Installation
from cli.servers import RabbitMQ, install_rabbitmq
from cli.system import Options, installed
from kit.bus import Topology
from kit.bus.choice import open_bus

__all__ = ["EVENT", "PREFETCH", "PROVIDERS", "Handled", "Place", "prepared"]

PROVIDERS = 64
PREFETCH = 32
EVENT = "registry.provider.verified.v1"

SEED = """
with account as (
    insert into account (id, user_id, name, email)
    select gen_random_uuid(), 'bench' || n, 'Penyedia ' || n, 'bench' || n || '@example.id'
    from generate_series(1, $1) as n returning id, name, email
)
insert into provider (id, sequence, account, kind, name, npwp, npwp16, email, address, phone, responsible_name,
                      amended_deed, branch, status)
select gen_random_uuid(), 0, id, 'badan_usaha', name, '0', '0', email, 'Jalan Gajah Mada 145, Mojokerto', '0321',
       name, false, false, 'verified'
from account returning id
"""


BURST = """
insert into outbox (event_id, type, subject, sequence, data)
select gen_random_uuid(), $1, id, sequence + turn, json_build_object(
    'provider', id, 'account', account, 'name', name, 'kind', kind, 'licence_expires', '2027-12-31')
from provider, generate_series(1, $2 / 64 + 1) as turn order by turn, id limit $2
"""


@dataclass(frozen=True)
class Place:
    installation: Installation
    providers: list[UUID]

    @property
    def topology(self) -> Topology:
        """One queue alone: both sides are measured on what the broker does for one reader."""
        return Topology(f"{self.installation.prefix}-bench", {"tender": frozenset({EVENT})})

    async def commit(self, count: int) -> None:
        """That many events in one transaction, with nothing of either side."""
        connection = await asyncpg.connect(self.installation.databases["registry"])
        try:
            async with connection.transaction():
                await connection.execute(BURST, EVENT, count)
                await connection.execute("update provider set sequence = sequence + $1", -(-count // PROVIDERS))
        finally:
            await connection.close()


class Handled:
    """When each event's effect was committed, by the process's own clock."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._changed = asyncio.Event()

    def __call__(self, event: str) -> None:
        self.at.setdefault(event, perf_counter())
        self._changed.set()

    async def reach(self, count: int) -> None:
        while len(self.at) < count:
            self._changed.clear()
            await self._changed.wait()


@contextmanager
def own_home() -> Iterator[Path]:
    with TemporaryDirectory(prefix="lpse-bench-") as home:
        Path(home).chmod(0o711)  # the database server runs as somebody else, who only passes through
        yield Path(home)


@asynccontextmanager
async def prepared(**lent: Any) -> AsyncIterator[Place]:
    """Servers of its own, or lent ones by the names of `lpse up`: bus, database, objects."""
    async with AsyncExitStack() as stack:
        home = stack.enter_context(own_home())
        if "bus" not in lent:
            await install_rabbitmq()
            broker = RabbitMQ(home / "rabbitmq", say=say)
            lent["bus"] = (await stack.enter_async_context(broker)).url
        options = Options(
            var=home / "system",
            prefix=f"bench-{secrets.token_hex(4)}",
            profile="production",
            instance="bench",
            lent=True,
            **lent,
        )
        system = await stack.enter_async_context(installed(options, say))
        place = Place(system.installation, await _seeded(system.installation.databases["registry"]))
        async with _declared(place):
            yield place


@asynccontextmanager
async def _declared(place: Place) -> AsyncIterator[None]:
    bus = open_bus(place.installation.bus, application="bench")
    try:
        await bus.start()
        await bus.declare(place.topology)
        yield
    finally:
        await bus.remove(place.topology)
        await bus.close()


async def _seeded(registry: str) -> list[UUID]:
    connection = await asyncpg.connect(registry)
    try:
        return [row["id"] for row in await connection.fetch(SEED, PROVIDERS)]
    finally:
        await connection.close()
