"""Each process of the running system dies or stands still at the worst moment, and comes back by itself."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cli import check as checking
from cli import clocks, dead
from cli.demo.announcement import announce
from cli.invariants import settled
from cli.rig import Rig
from cli.wiring import topology
from kit.bus import Message
from kit.bus.choice import open_bus
from services import build
from tests.faults.trap import poisoned, trapped
from tests.faults.watch import acts, administer, ask, dead_letter, has_handled
from tests.faults.work import Work, pdf

SIZE = 200_000
GRACE = timedelta(seconds=31)
"""A tender is closed half a minute after its deadline."""


@pytest.mark.parametrize("service", ["registry", "tender", "documents", "helpdesk"])
async def test_a_service_killed_between_publishing_and_marking(rig: Rig, work: Work, service: str) -> None:
    async with trapped(rig.installation.databases[service], "outbox", "update of published_at") as trap:
        await work.emits(service)
        await trap.caught()
        await has_handled(rig, "audit", work.told[-1])
        rig.kill(service)
    await rig.answering(service)
    await work.emits(service)
    await work.holds()


async def test_audit_killed_between_publishing_and_marking(rig: Rig, work: Work) -> None:
    """It tells little itself: what operators do to dead letters."""
    async with trapped(rig.installation.databases["audit"], "outbox", "update of published_at") as trap:
        await discard_rubbish(rig)
        await trap.caught()
        rig.kill("audit")
    await rig.answering("audit")
    await work.holds()


async def test_the_database_killed_between_commit_and_acknowledgement(rig: Rig, work: Work) -> None:
    async with trapped(rig.installation.bus, "bus.message", "delete", "old.queue = 'uji.tender'") as trap:
        id = await work.announcement()
        await trap.caught()
        await has_handled(rig, "tender", id)
        rig.kill("postgresql")
    await rig.answering()
    await work.announcement()
    await work.holds()


async def test_documents_killed_in_the_middle_of_an_upload(rig: Rig, work: Work) -> None:
    paper = await work.granted()
    assert await half_sent(work, paper, lambda: rig.kill("documents")) in {0, 502, 503}
    await rig.answering("documents")
    await work.upload(paper, SIZE)
    await work.holds()


async def test_the_object_store_down_during_an_upload(rig: Rig, work: Work) -> None:
    paper = await work.granted()
    with rig.held("seaweedfs"):
        assert await half_sent(work, paper, lambda: rig.kill("seaweedfs")) >= 500
        assert await work.send(paper, SIZE, at_once()) >= 500, "said, and not hung on to"
        await work.announcement("Yang lain berjalan terus")
    await rig.answering("seaweedfs")
    await work.upload(paper, SIZE)
    await work.holds()


async def test_the_disk_of_the_object_store_is_full(rig: Rig, work: Work) -> None:
    """A limit on the size of its files, which any user may set, refuses every write of the store as a full disk does."""
    paper = await work.granted()
    full = resource.prlimit(rig.pid("seaweedfs"), resource.RLIMIT_FSIZE)
    resource.prlimit(rig.pid("seaweedfs"), resource.RLIMIT_FSIZE, (4096, full[1]))
    try:
        assert await work.send(paper, SIZE, at_once()) >= 500
        await work.announcement("Yang lain berjalan terus")
    finally:
        resource.prlimit(rig.pid("seaweedfs"), resource.RLIMIT_FSIZE, full)
    await work.upload(paper, SIZE)
    await work.holds()


async def test_the_gateway_killed_in_the_middle_of_a_request(rig: Rig, work: Work) -> None:
    """The service finishes what it was asked; asked again with the same key, it answers what it did."""
    async with trapped(rig.installation.databases["helpdesk"], "announcement", "insert") as trap:
        asking = asyncio.create_task(work.announcement())
        await trap.caught()
        rig.kill("gateway")
    await asking
    await work.holds()


async def test_two_of_one_service_at_once(rig: Rig, work: Work) -> None:
    """One relay leads; the other takes over when it dies."""
    service = build("helpdesk", rig.installation.settings("helpdesk"))
    bus = open_bus(rig.installation.bus, application="second")
    await bus.start()
    await bus.declare(topology(rig.installation.prefix))
    async with service.running(bus):
        with rig.held("helpdesk"):
            await work.emits("helpdesk", 5)
            await work.emits("registry", 5)
            answered = asyncio.create_task(work.emits("helpdesk", 5))
            rig.kill("helpdesk")
            await work.emits("registry", 3)
            await settled(rig.installation)
        await answered
        await work.holds()
    await bus.close()


async def test_a_poison_event_waits_while_the_others_go_on(rig: Rig, work: Work) -> None:
    database = rig.installation.databases["tender"]
    async with poisoned(database, "maintenance_view", "new.ends_at - new.starts_at = interval '13 hours'"):
        first, second = await work.announcement(hours=13), await work.announcement(hours=13)
        await work.announcement()
        letters = [await dead_letter(rig, database, poison) for poison in (first, second)]
        await work.holds()
        shown = await dead.shown(rig.installation, "tender", letters[0])
        assert shown is not None
        assert "delivery_limit" in shown
        assert not await dead.retry(rig.installation, "tender", "no such letter")
        assert await dead.retry(rig.installation, "tender", letters[0])
        assert await dead_letter(rig, database, first) == letters[0], "still poison"
    assert await dead.retry(rig.installation, "tender", letters[0])
    await has_handled(rig, "tender", first)
    assert await dead.discard(rig.installation, "tender", letters[1])
    assert not await dead.discard(rig.installation, "tender", letters[1])
    await work.holds()
    assert await acts(rig, letters[0]) == ["audit.letter.retried.v1"] * 2
    assert await acts(rig, letters[1]) == ["audit.letter.discarded.v1"]


async def test_a_consumer_whose_database_is_away_counts_no_attempt(
    rig: Rig, work: Work, request: pytest.FixtureRequest
) -> None:
    seconds = 120 if request.config.getoption("--long") else 4
    await administer(rig, "alter role uji_tender connection limit 0")
    await administer(rig, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'uji_tender'")
    ids = [await work.announcement() for _ in range(3)]
    await has_handled(rig, "audit", ids[-1])
    await asyncio.sleep(seconds)
    await administer(rig, "alter role uji_tender connection limit -1")
    for id in ids:
        await has_handled(rig, "tender", id)
    failures = await ask(rig.installation.databases["tender"], "select count(*) from delivery_failure")
    assert failures == 0
    await work.holds()


async def test_the_clock_jumps_over_a_deadline_while_nobody_is_there(rig: Rig, work: Work, home: Path) -> None:
    """Closing happens once, when tender is back."""
    tender = await announce(work.office, str((await work.package())[1]), home)
    with rig.held("tender"):
        rig.kill("tender")
        await clocks.move(rig.installation, "set", tender.closes_at + GRACE)
    await rig.answering("tender")
    closed = "select count(*) from outbox where type = 'tender.tender.closed.v1' and subject = $1"
    async with asyncio.timeout(60):
        while not await ask(rig.installation.databases["tender"], closed, UUID(tender.id)):
            await asyncio.sleep(0.1)
    work.told.append(("tender.tender.closed.v1", UUID(tender.id)))
    await work.holds()


async def test_a_service_that_stands_still_is_named_by_check(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections stay open and nothing waits yet, so that databases and bus look well."""
    monkeypatch.setattr(checking, "PATIENCE", 3.0)
    assert await checking.check(rig.installation, serving=True) == []
    rig.freeze("tender")
    [said] = await checking.check(rig.installation, serving=True)
    rig.thaw("tender")
    assert said.startswith("tender: gives no answer")


async def half_sent(work: Work, paper: dict[str, Any], then: Callable[[], None]) -> int:
    """Half of a file, then something happens, then the rest. Returns the status; 0 for a lost connection."""
    body = pdf(SIZE)

    async def chunks() -> AsyncIterator[bytes]:
        yield body[: SIZE // 2]
        await asyncio.sleep(0.5)  # until the first half is through the gateway
        then()
        yield body[SIZE // 2 :]

    return await work.send(paper, SIZE, chunks())


async def at_once() -> AsyncIterator[bytes]:
    yield pdf(SIZE)


async def discard_rubbish(rig: Rig) -> None:
    """Something that is no event reaches tender, and the operator throws it away."""
    bus = open_bus(rig.installation.bus, application="test")
    await bus.start()
    await bus.declare(topology(rig.installation.prefix))
    assert await bus.publish([Message("rubbish", "helpdesk.maintenance.announced.v1", b"rubbish", {})]) == [None]
    await bus.close()
    for service in ("tender", "audit"):
        async with asyncio.timeout(30):
            while not await dead.discard(rig.installation, service, "rubbish"):
                await asyncio.sleep(0.2)
