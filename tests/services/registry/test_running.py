"""The registry at work: events on a real bus, letters that end, the training tenant, its schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit import clock, migrations
from kit.bus import Delivery, Topology
from kit.bus.embedded import EmbeddedBus
from kit.envelope import Envelope
from kit.jobs import Job
from services.registry import jobs
from services.registry.models import Base
from services.registry.training import COMMITTEE, TRAINING_SKPD, TRAINING_USERS, seed
from tests.services.registry.office import SECRETS, Office, letter, ok
from tests.services.registry.test_officials import official


@asynccontextmanager
async def listening(office: Office) -> AsyncIterator[list[Envelope]]:
    """What everybody hears while the registry runs."""
    bus = EmbeddedBus(office.service.settings.bus.get_secret_value())
    heard: list[Envelope] = []

    async def hear(delivery: Delivery) -> None:
        heard.append(Envelope.decode(delivery.message.body))

    await bus.start()
    await bus.declare(Topology("uji", {"registry": office.service.subscriptions, "audit": frozenset({"#"})}))
    async with office.service.running(bus):
        listener = asyncio.create_task(bus.consume("audit", hear))
        try:
            yield heard
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener
            await bus.close()


async def until(heard: list[Envelope], type: str, count: int = 1) -> list[Envelope]:
    async with asyncio.timeout(30):
        while len(found := [envelope for envelope in heard if envelope.type == type]) < count:
            await asyncio.sleep(0.05)
    return found


async def test_everything_it_tells_reaches_the_bus_in_one_chain(office: Office) -> None:
    async with listening(office) as heard:
        await office.enter("admin_agency")
        assert ok(await office.client.get("/health/ready")) == {"status": "ready"}
        account = await official(office, "joko")
        ok(await office.post("/assignments", letter(account, "helpdesk"), as_="admin_agency"), 201)
        assigned = await until(heard, "registry.user.assigned.v1", len(TRAINING_USERS) + 1)
    last = assigned[-1]
    me = ok(await office.get("/me", as_="admin_agency"))["id"]
    assert (last.data["role"], str(last.actor), last.sequence, last.instance) == ("helpdesk", me, 1, "uji")
    assert {envelope.seq for envelope in heard} == set(range(1, len(heard) + 1))
    assert len(heard) == len(TRAINING_SKPD) + len(TRAINING_USERS) + 2


async def test_a_letter_ends_by_the_business_clock(office: Office) -> None:
    await office.enter("admin_agency")
    account = await official(office, "joko")
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    body = letter(account, "trainer", valid_to=ends.isoformat())
    given = ok(await office.post("/assignments", body, as_="admin_agency"), 201)
    session = await office.enter("helpdesk")
    async with listening(office) as heard:
        async with office.service.database.transaction() as db:
            await clock.stop(db, ends)
        (expired,) = await until(heard, "registry.user.expired.v1")
    assert (str(expired.subject), expired.sequence, expired.data["role"]) == (given["id"], 2, "trainer")
    assert ok(await office.token(session["session"]))["account"]["roles"] == ["helpdesk"]
    async with office.service.database.transaction() as db:
        await clock.set_to(db, datetime(2029, 1, 1, tzinfo=UTC))
    assert ok(await office.token(session["session"]))["account"]["roles"] == []


async def test_a_stale_login_attempt_and_a_stale_session_are_forgotten(office: Office) -> None:
    await office.enter("ppk")
    await office.log_in("ppk", "salah-sekali")
    await office.later("update login_attempt set at = at - interval '1 day'")
    await office.later("update session set expires_at = expires_at - interval '91 days'")
    await office.log_in("ppk", "salah-sekali")
    async with office.service.database.transaction() as db:
        await jobs.forget_logins(db, Job("forget_logins", "periodic", datetime.now(UTC)))
    assert (len(await office.rows("login_attempt")), len(await office.rows("session"))) == (1, 0)


async def test_the_training_tenant_is_made_once(office: Office) -> None:
    before = [await office.events(type) for type in _SEEDED]
    await seed(office.service.database, SECRETS)
    assert [await office.events(type) for type in _SEEDED] == before
    assert [len(events) for events in before] == [len(TRAINING_SKPD), len(TRAINING_USERS), 1]
    assert len(before[2][0]["members"]) == len(COMMITTEE[2])


_SEEDED = ("registry.skpd.registered.v1", "registry.user.assigned.v1", "registry.committee.formed.v1")


@pytest.mark.parametrize(("user_id", "role"), [(user_id, role) for user_id, _, role, _ in TRAINING_USERS])
async def test_every_trainee_can_log_in(office: Office, user_id: str, role: str) -> None:
    assert (await office.enter(user_id))["account"]["roles"] == [role]


async def test_the_migrations_make_what_the_models_say(office: Office) -> None:
    database: Any = office.service.settings.database
    assert await migrations.differences(database.get_secret_value(), "registry", Base.metadata) == []
