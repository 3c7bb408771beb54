"""What waits in a service, told to its operators: asked by its background work as often as it is exported (`LPSE_OTLP`).

Every replica tells it, so an alert takes the largest of what they say. What cannot be asked is not told: an old number
would hide that nobody knows. docs/operations explains what to do about each.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import CallbackOptions, Observation
from sqlalchemy import Select

from kit import telemetry
from kit.jobs import LAG
from kit.operations import queue_of
from kit.outbox import BACKLOG, UNLOGGED, Relay

if TYPE_CHECKING:
    from kit.service import Service

__all__ = ["Gauge", "Measures"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """What a service tells of a matter of its own: a number for each row, in its column `value`; the others say of what."""

    name: str
    rows: Select[*tuple[Any, ...]]
    unit: str


class Measures:
    """`run()` is supervised by the service and never ends by itself."""

    def __init__(self, service: "Service", relay: Relay) -> None:
        self._service = service
        self._told: dict[str, list[Observation]] = {}
        gauge = service.signals.meters.get_meter("lpse").create_observable_gauge
        gauge("lpse.outbox.depth", [self._last("depth")], unit="{event}")
        gauge("lpse.outbox.age", [self._last("age")], unit="s")
        gauge("lpse.outbox.unlogged", [self._last("unlogged")], unit="s")
        gauge("lpse.queue.depth", [self._last("queue")], unit="{event}")
        gauge("lpse.job.lag", [self._last("lag")], unit="s")
        gauge("lpse.relay.leader", [lambda _: [self._observed(int(relay.leading))]])
        for own in service.gauges:
            gauge(own.name, [self._last(own.name)], unit=own.unit)

    async def run(self) -> None:
        try:
            while True:
                self._told = {}
                self._told = await self.look()
                await asyncio.sleep(telemetry.EVERY)
        finally:
            self._told = {}

    async def look(self) -> dict[str, list[Observation]]:
        async with self._service.database.reading() as db:
            waiting = (await db.execute(BACKLOG)).one()
            lag = (await db.execute(LAG)).scalar_one()
            unlogged = (await db.execute(UNLOGGED)).scalar_one()
            own = {one.name: (await db.execute(one.rows)).mappings().all() for one in self._service.gauges}
        queue = await queue_of(self._service)
        return {
            **{name: [self._observed(**row) for row in rows] for name, rows in own.items()},
            "depth": [self._observed(waiting.depth)],
            "age": [self._observed(float(waiting.age_seconds))],
            "unlogged": [self._observed(float(unlogged))],
            "lag": [self._observed(float(lag))],
            "queue": [self._observed(queue.ready, state="ready"), self._observed(queue.dead, state="dead")]
            if queue
            else [],
        }

    def _last(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: self._told.get(name, ())

    def _observed(self, value: float, **about: str) -> Observation:
        return Observation(value, {"service": self._service.name, **about})
