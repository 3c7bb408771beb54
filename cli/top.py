"""`lpse top`: an installation at a glance, in a terminal: what waits in each service, and what the processes use where they
run on this machine.

On a cluster the same is told as metrics (kit/measures.py) and shown by the dashboard in deploy/monitoring.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from sqlalchemy import func, select, text

from cli.installation import Installation
from cli.wiring import topology
from kit.bus import Bus, BusUnavailable, Depth
from kit.bus.choice import open_bus
from kit.db import Database, is_unavailable
from kit.jobs import LAG
from kit.outbox import BACKLOG, RELAY_LOCK

__all__ = ["Look", "Used", "look", "top", "used"]

PATIENCE = 3.0
"""Seconds for a broker or a database to answer: what hangs is shown as such."""
MIB = 2**20
AWAY = "[red]away[/]"


@dataclass(frozen=True, slots=True)
class Look:
    """One service now, in seconds and bytes; None where its database did not answer."""

    service: str
    waiting: int | None = None
    age: float | None = None
    relays: int | None = None
    late: float | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """By the processes of one program. `cpu` is of one core, since the look before."""

    program: str
    count: int
    cpu: float
    memory: int


async def top(installation: Installation, *, every: float, once: bool) -> None:
    """Until it is interrupted, or once where nobody sits in front of it."""
    console = Console()
    async with _opened(installation) as (databases, bus):

        async def picture() -> Group:
            services = await asyncio.gather(*(look(name, database) for name, database in databases.items()))
            depths = await _depths(installation, bus)
            shown = _services(services, depths)
            if not installation.here:
                return Group(shown)
            return Group(shown, _programs(used(installation.var)), _disk(installation.var))

        used(installation.var)  # a share of the processor is counted from one look to the next
        await asyncio.sleep(min(every, 0.5))
        if once or not console.is_terminal:
            console.print(await picture())
            return
        with Live(await picture(), console=console, screen=True, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(every)
                live.update(await picture(), refresh=True)


@asynccontextmanager
async def _opened(installation: Installation) -> AsyncIterator[tuple[dict[str, Database], Bus]]:
    async with AsyncExitStack() as stack:
        databases = {}
        for name in installation.databases:
            databases[name] = await stack.enter_async_context(installation.database(name))
        bus = open_bus(installation.bus, application="lpse top")
        stack.push_async_callback(bus.close)
        await bus.start()
        yield databases, bus


async def look(service: str, database: Database) -> Look:
    try:
        async with asyncio.timeout(PATIENCE), database.reading() as db:
            waiting = (await db.execute(BACKLOG)).one()
            late = (await db.execute(LAG)).scalar_one()
            relays = (await db.execute(_LEADERS, {"lock": RELAY_LOCK})).scalar_one()
            size = (await db.execute(select(func.pg_database_size(func.current_database())))).scalar_one()
    except Exception as error:
        if isinstance(error, TimeoutError) or is_unavailable(error):
            return Look(service)
        raise
    return Look(service, waiting.depth, float(waiting.age_seconds), relays, float(late), size)


_LEADERS = text(
    "select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database "
    "where datname = current_database() and locktype = 'advisory' and objid = :lock and granted"
)


async def _depths(installation: Installation, bus: Bus) -> dict[str, Depth]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await bus.depth(topology(installation.prefix))
    except (BusUnavailable, TimeoutError):
        return {}


_seen: dict[int, psutil.Process] = {}


def used(var: Path) -> list[Used]:
    """By the processes in whose call the installation's directory stands, by the `lpse` that started these, and by all
    that came from any of them."""
    ours: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.pid != os.getpid() and any(str(var) in word for word in process.cmdline()):
                family = [process, *process.children(recursive=True)]
                parent = process.parent()
                if parent is not None and "cli" in parent.cmdline():
                    family += [parent, *parent.children(recursive=True)]
                ours.update({one.pid: one for one in family})
    for pid in _seen.keys() - ours.keys():
        del _seen[pid]
    groups: dict[str, list[tuple[float, int]]] = {}
    for pid, process in ours.items():
        known = _seen.setdefault(pid, process)  # the same object as before, which remembers its last look
        with suppress(psutil.NoSuchProcess):
            groups.setdefault(known.name(), []).append((known.cpu_percent(), known.memory_info().rss))
    found = [
        Used(name, len(each), sum(cpu for cpu, _ in each), sum(memory for _, memory in each))
        for name, each in groups.items()
    ]
    return sorted(found, key=lambda one: -one.cpu)


def _services(services: Iterable[Look], depths: dict[str, Depth]) -> Table:
    heads = ("outbox", "oldest", "relays", "queue", "dead", "consumers", "jobs late", "database")
    table = _table("service", *heads, title=time.strftime("%H:%M:%S %Z"))
    for one in services:
        table.add_row(
            one.service,
            _number(one.waiting),
            _seconds(one.age),
            _number(one.relays, alarm=one.relays != 1),
            *_queue(depths.get(one.service)),
            _seconds(one.late),
            AWAY if one.size is None else f"{one.size / MIB:.0f} MiB",
        )
    return table


def _programs(programs: Iterable[Used]) -> Table:
    table = _table("program", "processes", "processor", "memory")
    for one in programs:
        table.add_row(one.program, str(one.count), f"{one.cpu:.0f} %", f"{one.memory / MIB:.0f} MiB")
    return table


def _table(first: str, *numbers: str, title: str | None = None) -> Table:
    """Narrow enough for a terminal of 80 columns."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, expand=True, padding=0)
    table.add_column(first, no_wrap=True)
    for head in numbers:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _disk(var: Path) -> str:
    disk = shutil.disk_usage(var)
    return f"{var}: {disk.free / 2**30:.1f} of {disk.total / 2**30:.1f} GiB free"


def _queue(depth: Depth | None) -> tuple[str, str, str]:
    if depth is None:
        return AWAY, AWAY, AWAY
    consumers = "?" if depth.consumers is None else str(depth.consumers)
    return _number(depth.ready), _number(depth.dead, alarm=depth.dead > 0), consumers


def _number(value: int | None, *, alarm: bool = False) -> str:
    if value is None:
        return AWAY
    return f"[red]{value}[/]" if alarm else str(value)


def _seconds(value: float | None) -> str:
    return AWAY if value is None else f"{value:.0f} s"
