"""What a service tells the Admin PPE about its own outbox, queue and dead letters, and what it lets be done to them."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import anyio
import pytest
from sqlalchemy import select, text

from contracts.audit import LetterDiscarded, LetterRetried
from contracts.tender import TenderFailed
from kit import operations
from kit.bus import BusUnavailable, DeadLetter, Message
from kit.call import Call
from kit.outbox import outbox
from tests.services.documents.people import Person
from tests.services.helpdesk.conftest import HELPDESK, Desk

ADMIN = Person("ari", ("admin_ppe",))
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def dead_letter(desk: Desk) -> str:
    """Something that is no event of ours, until it waits among the dead letters."""
    id = str(uuid4())
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    assert await desk.bus.publish([Message(id, TenderFailed.TYPE, b'{"no": "event"}', headers)]) == [None]
    await buried(desk, id)
    return id


async def buried(desk: Desk, id: str) -> None:
    while id not in [letter.id for letter in await desk.bus.dead("helpdesk")]:
        await anyio.sleep(0.05)


async def test_what_waits_and_how_much_room_there_is(desk: Desk) -> None:
    await dead_letter(desk)
    told = (await desk.get("/operations", ADMIN)).json()
    assert (told["service"], told["schema_found"]) == ("helpdesk", told["schema_wanted"])
    assert told["queue"] == {"ready": 0, "dead": 1, "consumers": None}
    assert told["database_bytes"] > 1_000_000
    assert told["disk"] is None or 0 < told["disk"]["free"] < told["disk"]["total"]
    async with desk.service.database.transaction() as db:
        await db.execute(text("select pg_advisory_xact_lock(1)"))
        await db.execute(
            outbox.insert().values(
                event_id=uuid4(), type="x", subject=uuid4(), sequence=1, data="{}", seq=99, envelope=b"{}",
                created_at=datetime(2026, 1, 1, tzinfo=UTC), next_attempt_at=datetime(2100, 1, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    waiting = (await desk.get("/operations", ADMIN)).json()["outbox"]
    assert waiting["depth"] == 1
    assert waiting["age_seconds"] > 3600


async def test_a_letter_shows_its_reason_its_trace_and_what_it_says(desk: Desk) -> None:
    id = await dead_letter(desk)
    [row] = (await desk.get("/operations/letters", ADMIN)).json()["items"]
    shown = (await desk.get(f"/operations/letters/{id}", ADMIN)).json()
    assert {name: shown[name] for name in row} == row
    assert (shown["reason"], shown["type"], shown["trace"]) == ("invalid", TenderFailed.TYPE, TRACE)
    assert shown["event"] == {"no": "event"}
    assert (await desk.get(f"/operations/letters/{uuid4()}", ADMIN)).status_code == 404


async def test_a_retry_is_recorded_once_however_often_it_is_sent(desk: Desk) -> None:
    id = await dead_letter(desk)
    for _ in range(2):
        answer = await desk.post(f"/operations/letters/{id}/retry", {}, ADMIN, key="sekali-saja")
        assert (answer.status_code, answer.json()) == (200, {"id": id})
        await buried(desk, id)
    [event] = await desk.events(LetterRetried.TYPE)
    assert event.actor == ADMIN.account
    said = json.loads(event.data)
    assert said == {
        "letter": id,
        "service": "helpdesk",
        "type": TenderFailed.TYPE,
        "reason": "invalid",
        "operator": str(ADMIN.account),
    }


@pytest.mark.parametrize(("act", "done"), [("retry", "retry_dead"), ("discard", "discard_dead")])
async def test_what_was_recorded_and_not_done_is_done_when_it_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, act: str, done: str
) -> None:
    id, really, tried = await dead_letter(desk), getattr(desk.bus, done), 0

    async def away_at_first(queue: str, id: str) -> bool:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise BusUnavailable("away")
        return bool(await really(queue, id))

    monkeypatch.setattr(desk.bus, done, away_at_first)
    refused = await desk.post(f"/operations/letters/{id}/{act}", {}, ADMIN, key="sekali-saja")
    assert (refused.status_code, refused.json()["code"]) == (503, "bus_away")
    for _ in range(2):
        answer = await desk.post(f"/operations/letters/{id}/{act}", {}, ADMIN, key="sekali-saja")
        assert (answer.status_code, answer.json()) == (200, {"id": id})
    assert tried == 3
    assert len(await desk.events({"retry": LetterRetried, "discard": LetterDiscarded}[act].TYPE)) == 1
    if act == "discard":
        assert await desk.bus.dead("helpdesk") == []


@pytest.mark.parametrize("act", ["retry", "discard"])
async def test_a_broker_that_takes_its_time_holds_no_transaction(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    id, really, transaction = await dead_letter(desk), desk.bus.dead, Call.transaction
    order: list[str] = []

    async def dead(*asked: Any) -> list[DeadLetter]:
        order.append("asked")
        return await really(*asked)

    def begun(call: Call) -> Any:
        order.append("begun")
        return transaction(call)

    monkeypatch.setattr(desk.bus, "dead", dead)
    monkeypatch.setattr(Call, "transaction", begun)
    assert (await desk.post(f"/operations/letters/{id}/{act}", {}, ADMIN)).status_code == 200
    assert order == ["asked", "begun"]


async def test_a_discard_is_recorded_and_the_letter_gone(desk: Desk) -> None:
    id = await dead_letter(desk)
    assert (await desk.post(f"/operations/letters/{id}/discard", {}, ADMIN)).status_code == 200
    assert await desk.bus.dead("helpdesk") == []
    [event] = await desk.events(LetterDiscarded.TYPE)
    assert json.loads(event.data)["letter"] == id
    assert (await desk.post(f"/operations/letters/{id}/discard", {}, ADMIN)).status_code == 404
    assert len(await desk.rows(select(outbox.c.event_id).where(outbox.c.type == LetterDiscarded.TYPE))) == 1


async def test_only_the_admin_ppe(desk: Desk) -> None:
    id = await dead_letter(desk)
    for path in ("/operations", "/operations/letters", f"/operations/letters/{id}"):
        assert (await desk.get(path, HELPDESK)).status_code == 403
    assert (await desk.post(f"/operations/letters/{id}/discard", {}, HELPDESK)).status_code == 403
    assert len(await desk.bus.dead("helpdesk")) == 1


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_bus_that_is_away_is_said_and_hides_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    async def away(*_: object) -> None:
        if hangs:
            await anyio.sleep_forever()
        raise BusUnavailable("away")

    monkeypatch.setattr(operations, "BUS_SECONDS", 0.1)
    monkeypatch.setattr(desk.bus, "depth", away)
    monkeypatch.setattr(desk.bus, "dead", away)
    told = (await desk.get("/operations", ADMIN)).json()
    assert (told["queue"], told["outbox"]["depth"]) == (None, 0)
    if not hangs:
        refused = await desk.get("/operations/letters", ADMIN)
        assert (refused.status_code, refused.json()["code"]) == (503, "bus_away")
