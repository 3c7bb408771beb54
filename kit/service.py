"""What a service is: its API, reactions, jobs and tables, wired once in `app.build()` and run in one shape everywhere."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, cast

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from sqlalchemy import MetaData
from starlette.routing import BaseRoute

from kit import call, clock, migrations, operations, telemetry
from kit.bus import Bus
from kit.db import Database, Db, is_unavailable
from kit.http import PROBLEM_RESPONSES, install_problems
from kit.inbox import Handler, Inbox, Reaction, forget_failures
from kit.jobs import Handler as JobHandler
from kit.jobs import Job, Periodic, Worker
from kit.keys import KeyRing
from kit.measures import Gauge, Measures
from kit.outbox import Relay
from kit.settings import CannotStart, Settings
from kit.storage import ObjectStore

__all__ = ["Service", "service_of", "supervised"]

log = structlog.get_logger()

DATABASE_SECONDS = 30
"""How long a starting service waits for its database."""

Loop = Callable[["Service"], Awaitable[None]]


@dataclass
class Service:
    """One of the five. `loops` are further supervised tasks of a service with a matter of its own (the log)."""

    name: str
    settings: Settings
    router: APIRouter
    metadata: MetaData
    reactions: Sequence[Reaction] = ()
    everything: Handler | None = None
    """A reaction to every event there is (audit)."""
    jobs: Mapping[str, JobHandler] = field(default_factory=dict)
    periodic: tuple[Periodic, ...] = ()
    loops: Mapping[str, Loop] = field(default_factory=dict)
    gauges: Sequence[Gauge] = ()
    bucket: str | None = None
    """The object store bucket this service owns, without the instance's prefix."""
    unfit: Callable[[Db], Awaitable[str | None]] | None = None
    """What in its database the profile `production` does not start with, in a sentence."""
    resources: dict[str, Any] = field(default_factory=dict)
    """What the service's own modules keep for the life of the process (pools, keys)."""

    bus: Bus | None = field(default=None, init=False)
    """The one it runs with."""
    _working: list[asyncio.Task[None]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.signals = telemetry.set_up(self.name, self.settings, self.settings.instance)
        self.database = Database(
            self.settings.database.get_secret_value(), pool=self.settings.database_pool, application=self.name
        )
        self.ring = KeyRing(self.settings.jwks)
        self.inbox = Inbox(
            self.name,
            self.database,
            {reaction.event.TYPE: reaction for reaction in self.reactions},
            self.signals,
            self.everything,
        )
        self.app = _app(self)

    @property
    def subscriptions(self) -> frozenset[str]:
        """The routing keys this service's queue is bound to."""
        return frozenset({"#"}) if self.everything else frozenset(self.inbox.reactions)

    def store(self) -> ObjectStore:
        """This service's bucket; opened once."""
        if "store" not in self.resources:
            settings = self.settings
            if not (self.bucket and settings.objects and settings.objects_key and settings.objects_secret):
                raise CannotStart(f"{self.name} has no object store: set LPSE_OBJECTS, _KEY and _SECRET")
            self.resources["store"] = ObjectStore(
                settings.objects,
                settings.objects_key.get_secret_value(),
                settings.objects_secret.get_secret_value(),
                f"{settings.prefix}-{self.bucket}",
                uploads=settings.limits.uploads,
                memory=settings.limits.upload_memory,
                disk=settings.limits.upload_disk,
            )
        return cast("ObjectStore", self.resources["store"])

    @asynccontextmanager
    async def running(self, bus: Bus, *, worker: bool = True) -> AsyncIterator["Service"]:
        """The service's background work; requests may come as soon as this is entered."""
        self.bus = bus
        await self._wait_for_database()
        telemetry.trace_statements(self.database.engine.sync_engine, self.signals)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            if worker:
                work = self._work(bus).items()
                tasks = [asyncio.create_task(supervised(name, run), name=name) for name, run in work]
                self._working = [*tasks]
                stack.push_async_callback(self._end, tasks)
            yield self

    def hand_over(self) -> None:
        """Begin to end the background work: what is not in hand is for the next replica at once. Requests go on, and their
        events wait in the outbox, for that replica or for the next start."""
        while self._working:  # each once: a second time would tear an event out of the hand
            self._working.pop().cancel()

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        self.hand_over()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _work(self, bus: Bus) -> dict[str, Callable[[], Awaitable[None]]]:
        settings = self.settings
        relay = Relay(self.name, settings.instance, self.database, bus, self.signals, settings.sweep)
        worker = Worker(
            self.name,
            self.database,
            {"forget_old": _forget_old, **self.jobs},
            self.signals,
            (*_HOUSEKEEPING, *self.periodic),
            settings.sweep,
        )
        loops = {f"{self.name}.{name}": _bound(loop, self) for name, loop in self.loops.items()}
        if settings.otlp:
            loops[f"{self.name}.measures"] = Measures(self, relay).run
        return {
            f"{self.name}.relay": relay.run,
            f"{self.name}.inbox": lambda: bus.consume(self.name, self.inbox),
            f"{self.name}.jobs": worker.run,
            **loops,
        }

    async def _wait_for_database(self) -> None:
        """One that is just starting again is waited for: a new process for each try would take longer than the wait."""
        end = asyncio.get_running_loop().time() + DATABASE_SECONDS
        while True:
            try:
                return await self._refuse_wrong_start()
            except Exception as error:
                if not is_unavailable(error) or asyncio.get_running_loop().time() > end:
                    raise
                log.warning("the database is away; waiting for it", service=self.name, why=repr(error))
            await asyncio.sleep(0.5)

    async def _refuse_wrong_start(self) -> None:
        async with self.database.reading() as db:
            await migrations.refuse_wrong_schema(db, self.name)
            if self.settings.profile == "production":
                await self._refuse_training(db)

    async def _refuse_training(self, db: Db) -> None:
        if not await clock.is_true(db):
            raise CannotStart(
                f"the clock of {self.name} was moved: production runs on real time only. Set LPSE_DATABASE to a database "
                "that never served for training."
            )
        if self.unfit and (found := await self.unfit(db)):
            raise CannotStart(found)

    async def _close(self) -> None:
        if "store" in self.resources:
            await self.store().close()
        for pool in (self.database, *(kept for kept in self.resources.values() if isinstance(kept, Database))):
            await pool.close()
        await asyncio.to_thread(self.signals.shut_down)


def _bound(loop: Loop, service: Service) -> Callable[[], Awaitable[None]]:
    return lambda: loop(service)


_HOUSEKEEPING = (Periodic("forget_old", migrations.DAY),)


async def _forget_old(db: Db, _job: Job) -> None:
    await call.forget_old(db)
    await forget_failures(db)


async def supervised(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Keep `run` going: whatever ends it, it is started again, with a growing pause.

    Libraries can raise a stray CancelledError from inside; only a real cancellation of this task ends it.
    """
    pause = 0.2
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await run()
            log.warning("background work ended by itself", name=name)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            log.warning("background work was cancelled from inside a library", name=name)
        except Exception as error:
            away = is_unavailable(error)
            log.log(
                logging.ERROR, "background work failed", name=name, error=repr(error), exc_info=None if away else error
            )
        if asyncio.get_running_loop().time() - started > 30:
            pause = 0.2
        await asyncio.sleep(pause)
        pause = min(5.0, pause * 2)


def service_of(request: Request) -> Service:
    return cast("Service", request.app.state.service)


def _app(service: Service) -> FastAPI:
    app = FastAPI(
        title=f"OpenLPSE {service.name}", version="1", docs_url=None, redoc_url=None, responses=PROBLEM_RESPONSES
    )
    app.state.service = service
    for router in (service.router, operations.router, _health()):
        app.router.routes += _included(router)
    install_problems(app)
    app.add_middleware(telemetry.Traced, signals=service.signals)
    return app


_INCLUDED: dict[int, tuple[APIRouter, Sequence[BaseRoute]]] = {}
"""By the router's id, which nobody else can get while it is kept here."""


def _included(router: APIRouter) -> Sequence[BaseRoute]:
    """The router's routes as an app has them, worked out once: it takes a tenth of a second, and tests build many apps."""
    if id(router) not in _INCLUDED:
        parent = APIRouter(responses=PROBLEM_RESPONSES)
        parent.include_router(router)
        _refuse_routes_without_policy(parent)
        _INCLUDED[id(router)] = router, parent.routes
    return _INCLUDED[id(router)][1]


def _refuse_routes_without_policy(router: APIRouter) -> None:
    """Reads the routes themselves: the description of a whole service takes a second of processor to make."""
    for route in iter_route_contexts(router.routes):
        if isinstance(route.original_route, APIRoute) and "x-policy" not in (route.openapi_extra or {}):
            methods = ", ".join(sorted(route.methods or ()))
            raise RuntimeError(f"{methods} {route.path} has no policy: use allow(), public() ...")


@cache
def _health() -> APIRouter:
    router = APIRouter(prefix="/health", tags=["health"])
    public = {"openapi_extra": {"x-policy": ["public"]}}

    @router.get("/live", **cast("Any", public))
    async def live() -> dict[str, str]:
        """The event loop answers."""
        return {"status": "live"}

    @router.get("/ready", **cast("Any", public))
    async def ready(request: Request) -> Response:
        """The own database answers with the right schema. The broker is not asked: the outbox bridges its absence."""
        service = service_of(request)
        async with service.database.reading_apart() as db:
            await migrations.refuse_wrong_schema(db, service.name)
        return JSONResponse({"status": "ready"})

    @router.get("/clock", **cast("Any", public))
    async def business_clock(request: Request) -> Clock:
        """The business clock, for the banner of a training instance."""
        async with service_of(request).database.reading() as db:
            stopped, moved = await clock.state(db)
            return Clock(now=await clock.business_now(db), stopped=stopped, moved=moved)

    return router


class Clock(BaseModel):
    now: datetime
    stopped: bool
    moved: bool
