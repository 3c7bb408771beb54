"""Consents in flight at the deadline: closing waits for them, and waiting makes nobody late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
from sqlalchemy import text

from tests.locks import until_waiting
from tests.services.tender.office import Draft, Office, Tender, firm

A, B = firm("Anugerah"), firm("Bumi")
SLOW_CLOCK = """
create or replace function business_now() returns timestamptz language plpgsql volatile as $$
declare now timestamptz;
begin
    select coalesce(stopped_at, clock_timestamp()) into now from clock;
    perform pg_advisory_lock_shared(7);
    perform pg_advisory_unlock_shared(7);
    return now;
end $$
"""
"""A clock whose answers are on their way for as long as somebody holds lock 7."""


async def at_the_deadline(office: Office) -> tuple[Tender, Draft]:
    tender = await office.announced()
    for who in (A, B):
        await tender.join(who)
    await tender.begin("upload_penawaran")
    draft = await tender.draft(A)
    await office.stop(tender.closes_at)
    return tender, draft


@asynccontextmanager
async def in_flight(office: Office, tender: Tender, draft: Draft) -> AsyncIterator[asyncio.Task[httpx2.Response]]:
    """A consent that has come as far as its firm's own row, which is kept from it until the block ends."""
    async with office.service.database.transaction() as db:
        await db.execute(text("select 1 from participation where provider = :firm for update"), {"firm": A.provider})
        body = tender.consent_body(draft)
        consent = asyncio.create_task(office.post(A, f"/bids/{draft.id}/consent", body))
        await until_waiting(office.service.database, consent)
        yield consent


async def test_closing_waits_for_the_consents_in_flight(office: Office) -> None:
    tender, draft = await at_the_deadline(office)
    async with in_flight(office, tender, draft) as consent:
        closing = asyncio.create_task(tender.close())
        await until_waiting(office.service.database, closing, 2)
    assert (await consent).status_code == 201
    await closing
    assert [row["bid"] for row in (await office.events("tender.closed"))[0]["bids"]] == [draft.id]


async def test_who_waited_for_a_lock_is_not_late(office: Office) -> None:
    tender, draft = await at_the_deadline(office)
    async with in_flight(office, tender, draft) as consent:
        await office.stop(tender.closes_at + timedelta(milliseconds=1))
    answer = await consent
    assert answer.status_code == 201, answer.text
    assert answer.json()["consented_at"] == answer.json()["closes_at"]


async def test_who_arrives_later_does_not_share_an_earlier_instant(office: Office) -> None:
    """The answer to the first is on its way when the second comes, a millisecond after the deadline."""
    tender, draft = await at_the_deadline(office)
    late = await tender.draft(B)
    bodies = {who: tender.consent_body(which) for who, which in ((A, draft), (B, late))}
    database = office.service.database
    async with database.transaction() as db:
        await db.execute(text(SLOW_CLOCK))
    async with database.transaction() as db:
        await db.execute(text("select pg_advisory_xact_lock(7)"))
        first = asyncio.create_task(office.post(A, f"/bids/{draft.id}/consent", bodies[A]))
        await until_waiting(database, first, 2)  # for its instant, and for whether its letters last
        async with database.transaction() as other:
            await other.execute(text("update clock set stopped_at = stopped_at + interval '1 millisecond'"))
        second = asyncio.create_task(office.post(B, f"/bids/{late.id}/consent", bodies[B]))
        await until_waiting(database, second, 3)
    assert (await first).json()["consented_at"] == (await first).json()["closes_at"]
    assert (await second).json()["code"] == "bid_late"
