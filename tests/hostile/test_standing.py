"""Who comes with a letter that ended, in another stage, twice at once, or for what is not his."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text

from kit import clock
from kit.grants import Claims, RoleClaim
from kit.keys import SigningKey
from kit.telemetry import RECENT
from services.tender.app import build
from tests.conftest import MakeSettings
from tests.hostile.town import BIDDER, Matter, Town, fresh_key, refused
from tests.services.tender.office import PDF, POKJA, PPK, START, STRANGER, Office, Person, Tender, firm


def until(town: Town, who: Person, end: datetime) -> dict[str, str]:
    """A token made now, by a letter that ends then."""
    roles = (RoleClaim(who.role, who.skpd, uuid4(), end),)
    claims = Claims(who.account, uuid4(), who.name, who.provider, roles, datetime.now(UTC).replace(microsecond=0))
    return {
        "Authorization": f"Bearer {claims.issue(SigningKey.load(town.key_home / 'registry', 'registry', 'access'))}"
    }


LETTERS = {
    "ended by both clocks": (timedelta(days=-4000), False),
    "ended on the business clock, not by the machine's": (timedelta(milliseconds=-1000), False),
    "ends tomorrow of business time": (timedelta(days=1), True),
}


@pytest.mark.parametrize(("left", "lets_in"), LETTERS.values(), ids=LETTERS.keys())
async def test_a_letter_ends_on_the_business_clock(town: Town, matter: Matter, left: timedelta, lets_in: bool) -> None:
    headers = until(town, POKJA[0], await town.tender.now() + left)
    answer = await town.straight["tender"].get("/packages", headers=headers)
    assert answer.status_code == 200 if lets_in else refused(answer, 403, "role_required")


async def test_a_letter_holds_while_the_training_clock_stands_before_its_end(town: Town) -> None:
    """The machine's clock has passed it long ago; in the training's week the letter is in force, and then it is not."""
    service, week = town.services["helpdesk"], datetime(2020, 3, 2, 2, 0, tzinfo=UTC)
    headers = until(town, Person("dewi", "helpdesk"), week + timedelta(days=5))
    statuses = []
    for at in (week, week + timedelta(days=5)):
        async with service.database.transaction() as db:
            await db.execute(clock.clock.update().values(stopped_at=at))
        statuses.append((await town.straight["helpdesk"].get("/complaints", headers=headers)).status_code)
    async with service.database.transaction() as db:
        await db.execute(clock.clock.update().values(stopped_at=None))
    assert statuses == [200, 403]


@pytest.fixture
async def office(make_settings: MakeSettings, town: Town) -> AsyncIterator[Office]:
    """A tender service of its own, whose clock a test may move."""
    service = build(await make_settings("tender"))
    transport = httpx2.ASGITransport(app=service.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tender") as http:
        office = Office(service, http, town.key_home)
        await office.found()
        yield office
    await service.resources["instants"].close()
    await service.database.close()
    service.signals.shut_down()


ACTS = {
    "open": (POKJA[0], "/tenders/{tender}/opening", {}, 409),
    "see the bids": (POKJA[0], "/tenders/{tender}/bids", None, 409),
    "see the evaluation": (POKJA[0], "/tenders/{tender}/evaluation", None, 409),
    "evaluate": (POKJA[0], "/bids/{bid}/evaluations", {"step": "administrasi", "passed": True}, 404),
    "prove": (POKJA[0], "/bids/{bid}/pembuktian", {"passed": True}, 404),
    "approve a winner": (POKJA[0], "/tenders/{tender}/winner/approvals", {}, 409),
    "announce a winner": (POKJA[0], "/tenders/{tender}/winner/announcement", {}, 409),
    "appoint": (PPK, "/tenders/{tender}/appointment", {"number": "1"}, 409),
    "object": (BIDDER, "/tenders/{tender}/objections", {"text": "x"}, 403),
    "add a document": (POKJA[0], "/tenders/{tender}/documents", {"name": "a.pdf"}, 409),
    "accept the pact again": (POKJA[0], "/tenders/{tender}/approvals", {"pact_version": "1"}, 409),
    "ask": (BIDDER, "/tenders/{tender}/questions", {"chapter": "a", "text": "b"}, 409),
    "another Pokja opens": (STRANGER, "/tenders/{tender}/opening", {}, 403),
    "another Pokja looks for the bid": (
        STRANGER,
        "/bids/{bid}/evaluations",
        {"step": "administrasi", "passed": True},
        404,
    ),
    "another firm adds a file": (firm("saingan"), "/bids/{bid}/files", {"name": "a.pdf"}, 404),
    "another firm reads": (firm("saingan"), "/bids/{bid}", None, 404),
    "an unverified firm joins": (firm("baru"), "/tenders/{tender}/participation", {}, 403),
    "an unverified firm bids": (firm("baru"), "/tenders/{tender}/bids", {}, 403),
    "an unverified firm in a draft": (firm("baru"), "/tenders/{draft}/bids", {}, 404),
    "another Pokja in a draft": (STRANGER, "/tenders/{draft}/documents", {"name": "a.pdf"}, 404),
    "a bidder in a draft": (BIDDER, "/tenders/{draft}/participation", {}, 404),
    "a bidder opens": (BIDDER, "/tenders/{tender}/opening", {}, 403),
    "a PPK evaluates": (PPK, "/bids/{bid}/evaluations", {"step": "administrasi", "passed": True}, 403),
}


@pytest.mark.parametrize(("who", "path", "body", "status"), ACTS.values(), ids=ACTS.keys())
async def test_while_bids_are_taken(
    town: Town, matter: Matter, who: Person, path: str, body: dict[str, object] | None, status: int
) -> None:
    path = path.format(tender=matter.tender.id, bid=matter.bid.id, draft=matter.draft)
    async with town.unchanged("tender"):
        answer = await (town.tender.get(who, path) if body is None else town.tender.post(who, path, body))
        refused(answer, status)


async def test_after_the_opening_nothing_is_put_in(office: Office) -> None:
    tender = await office.announced()
    firms = [firm(name) for name in ("satu", "dua", "tiga")]
    await tender.enter(dict.fromkeys(firms, ("1400000.00", "1900000.00")))
    late = await tender.draft(firms[0])
    await tender.open()
    refused(await office.post(firms[0], f"/bids/{late.id}/consent", tender.consent_body(late)), 409, "bid_late")
    refused(await office.post(firm("baru"), f"/tenders/{tender.id}/participation"), 403, "provider_not_verified")
    refused(await office.post(POKJA[1], f"/tenders/{tender.id}/opening"), 409)
    ended = until_of(office, POKJA[0])
    answer = await office.http.post(f"/tenders/{tender.id}/winner/approvals", json={}, headers=ended | fresh_key())
    refused(answer, 403, "role_required")


def until_of(office: Office, who: Person) -> dict[str, str]:
    """A letter that ended when the tender began: the machine's clock may not have come so far yet."""
    roles = (RoleClaim(who.role, who.skpd, uuid4(), START),)
    claims = Claims(who.account, uuid4(), who.name, who.provider, roles, datetime.now(UTC).replace(microsecond=0))
    return {
        "Authorization": f"Bearer {claims.issue(SigningKey.load(office.key_home / 'registry', 'registry', 'access'))}"
    }


async def test_two_letters_at_once_with_one_number(office: Office) -> None:
    tenders = [await ready(office, number) for number in range(2)]
    last = max(tender.stages["sppbj"][0] for tender in tenders)
    await office.advance(last)
    answers = await asyncio.gather(
        *(office.post(PPK, f"/tenders/{tender.id}/appointment", {"number": "027/1/2026"}) for tender in tenders)
    )
    by_status = {answer.status_code: answer for answer in answers}
    assert set(by_status) == {201, 409}, [answer.text for answer in answers]
    refused(by_status[409], 409, "letter_number_used")
    assert len(await office.rows("select * from appointment")) == 1


async def ready(office: Office, number: int) -> Tender:
    """A tender that waits for its appointment, written into the database as the whole way would leave it."""
    tender = await office.announced()
    who = firm(f"pemenang {number}")
    await tender.enter({who: ("1400000.00", "1900000.00")})
    async with office.service.database.transaction() as db:
        won = (
            "update tender set winner = (select id from bid where tender_id = tender.id), determined_at = closes_at, "
            "winner_announced_at = closes_at where id = cast(:id as uuid)"
        )
        await db.execute(text(won), {"id": tender.id})
        await db.execute(
            text("update bid set corrected = offered where tender_id = cast(:id as uuid)"), {"id": tender.id}
        )
    return tender


async def test_one_key_used_at_once_has_one_effect(town: Town, matter: Matter) -> None:
    key, path = str(uuid4()), f"/tenders/{matter.tender.id}/bids"
    before = len(await town.tender.rows("select * from bid"))
    answers = await asyncio.gather(*(town.tender.post(BIDDER, path, key=key) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await town.tender.rows("select * from bid")) == before + 1


async def test_a_key_of_another_account_or_route_is_another_key(town: Town, matter: Matter) -> None:
    other, key = firm("saingan kunci"), str(uuid4())
    await matter.tender.join(other)
    path = f"/tenders/{matter.tender.id}/bids"
    mine = await town.tender.do(BIDDER, path, key=key)
    theirs = await town.tender.post(other, path, key=key)
    assert "idempotent-replayed" not in theirs.headers
    assert theirs.json()["id"] != mine["id"]


async def test_a_statement_of_an_older_upload_and_of_somebody_elses_file(town: Town, matter: Matter) -> None:
    office, other = town.tender, firm("pemilik lain")
    await matter.tender.join(other)
    foreign, older = await matter.tender.draft(other), await matter.tender.draft(BIDDER)
    mine = await matter.tender.draft(BIDDER)
    for taken in (foreign, older):
        body = matter.tender.consent_body(mine)
        body["files"][0] |= office.arrived(taken.granted, PDF)
        async with town.unchanged("tender"):
            refused(await office.post(BIDDER, f"/bids/{mine.id}/consent", body), 422, "statement_of_another")
    named = matter.tender.consent_body(replace(mine, granted=foreign.granted))
    async with town.unchanged("tender"):
        refused(await office.post(BIDDER, f"/bids/{mine.id}/consent", named), 404, "not_found")


async def test_a_tracking_code_stands_in_no_address_and_no_trace(town: Town) -> None:
    made = await town.door.post(
        "/api/helpdesk/complaints", json={"category": "pokja", "text": "Mohon diperiksa."}, headers=fresh_key()
    )
    code = made.json()["tracking_code"]
    RECENT.clear()
    seen = await town.door.get("/api/helpdesk/complaints/tracked", headers={"Lpse-Tracking": code})
    assert (seen.status_code, seen.json()["code"]) == (200, made.json()["code"])
    assert RECENT
    assert not [span.name for span in RECENT if code in f"{span.name} {dict(span.attributes or {})}"]
    refused(await town.door.get("/api/helpdesk/complaints/tracked", headers={"Lpse-Tracking": "0" * 32}), 404)
    refused(await town.door.get("/api/helpdesk/complaints/tracked"), 422)
    for service in town.services.values():
        assert not [path for path in service.app.openapi()["paths"] if "code}" in path and "public" not in path]
