"""A service's background work goes on whatever happens to it, and a service does not start where it must not."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from kit import clock
from kit.bus import Topology
from kit.bus.embedded import EmbeddedBus
from kit.outbox import emit
from kit.service import Service, supervised
from tests.conftest import MakeSettings
from tests.kit import probe
from tests.kit.probe import Note, NoteView, written


class Work:
    """Fails in every way it can, then goes on for ever."""

    def __init__(self) -> None:
        self.begun = 0
        self.steady = asyncio.Event()

    async def __call__(self) -> None:
        self.begun += 1
        match self.begun:
            case 1:
                raise ZeroDivisionError
            case 2:
                raise asyncio.CancelledError  # as a library lets one out
            case 3:
                return
        self.steady.set()
        await asyncio.Event().wait()


async def test_work_goes_on_whatever_ends_it() -> None:
    work = Work()
    task = asyncio.create_task(supervised("work", work))
    async with asyncio.timeout(10):
        await work.steady.wait()
    assert work.begun == 4
    task.cancel()
    async with asyncio.timeout(1):
        await asyncio.wait({task})
    assert task.cancelled()


async def test_a_whole_service_at_work(service: Service) -> None:
    bus = EmbeddedBus(service.settings.bus.get_secret_value())
    await bus.start()
    await bus.declare(Topology("uji", {"probe": service.subscriptions}))
    async with service.running(bus):
        async with service.database.transaction() as db:
            note = Note(text="carried")
            db.add(note)
            await emit(db, written(note))
        async with asyncio.timeout(15):
            while await views(service) == 0:
                await asyncio.sleep(0.02)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("probe.")]
    await bus.close()


async def test_work_is_handed_over_whatever_it_waits_for(service: Service) -> None:
    """Also in the instant in which a wait of its own has run out, which looks as if somebody had ended it already."""

    async def looks_now_and_then(_: Service) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()

    service.loops = {"looks": looks_now_and_then}
    bus = EmbeddedBus(service.settings.bus.get_secret_value())
    await bus.start()
    await bus.declare(Topology("uji", {"probe": service.subscriptions}))
    async with service.running(bus):
        (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "probe.looks")
        while not task.cancelling():
            await asyncio.sleep(0)
        service.hand_over()
        assert await asyncio.wait({task}, timeout=5) == ({task}, set())
    await bus.close()


async def views(service: Service) -> int:
    async with service.database.reading() as db:
        return (await db.execute(select(func.count()).select_from(NoteView))).scalar_one()


async def test_production_runs_on_real_time_only(probe_package: Path, make_settings: MakeSettings) -> None:
    service = probe.build(await make_settings("probe", profile="production"))
    bus = EmbeddedBus(service.settings.bus.get_secret_value())
    async with service.database.transaction() as db:
        await clock.set_to(db, await clock.business_now(db) + timedelta(hours=1))
    with pytest.raises(RuntimeError, match="production runs on real time only"):
        async with service.running(bus):
            pytest.fail("it started")
    await service.database.close()


async def test_a_new_subject_has_its_id_at_once() -> None:
    one, other = Note(text="x"), Note(text="x")
    assert isinstance(one.id, UUID)
    assert one.id != other.id
    assert one.sequence == 0
    given = Note(id=one.id, text="x", sequence=7)
    assert (given.id, given.sequence) == (one.id, 7)
