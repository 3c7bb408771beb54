"""Our side: the registry's outbox and relay, the bus, and the tender service's inbox and reaction, as a process runs them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from uuid import UUID

from sqlalchemy import select

from bench.events.place import PREFETCH, Handled, Place
from kit import telemetry
from kit.bus import Bus, Delivery
from kit.outbox import Relay, emit
from kit.service import Service
from services import build
from services.registry import events
from services.registry.models import Provider

__all__ = ["Ours"]


class Ours:
    def __init__(self, place: Place, make_bus: Callable[[], Bus]) -> None:
        self._place = place
        self._make_bus = make_bus

    @asynccontextmanager
    async def running(self, handled: Handled) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            self._registry, tender = [
                await stack.enter_async_context(self._service(name)) for name in ("registry", "tender")
            ]
            bus = self._make_bus()
            stack.push_async_callback(bus.close)
            await bus.start()
            await bus.declare(self._place.topology)

            async def noted(delivery: Delivery) -> None:
                await tender.inbox(delivery)
                handled(delivery.message.id)

            registry = self._registry
            relay = Relay("registry", "bench", registry.database, bus, registry.signals)
            consuming = bus.consume("tender", noted, prefetch=PREFETCH)
            tasks = [asyncio.create_task(relay.run()), asyncio.create_task(consuming)]
            stack.push_async_callback(_ended, tasks)
            yield

    @asynccontextmanager
    async def _service(self, name: str) -> AsyncIterator[Service]:
        service = build(name, self._place.installation.settings(name))
        telemetry.trace_statements(service.database.engine.sync_engine, service.signals)
        try:
            yield service
        finally:
            await service.database.close()

    async def commit(self, provider: UUID) -> str:
        """As a request would: inside its span."""
        registry = self._registry
        with registry.signals.linked("PUT", None, kind="internal"):
            async with registry.database.transaction() as db:
                found = await db.execute(select(Provider).where(Provider.id == provider).with_for_update())
                event = await emit(db, events.provider_verified(found.scalar_one(), date(2027, 12, 31)))
        return str(event)

    def wake(self) -> None:
        self._registry.database.wake()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
