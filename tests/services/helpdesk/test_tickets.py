"""One register for every request, whichever way it came (Pasal 6(1)c-d, 15(3)); disturbances open one by themselves."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from contracts.tender import DisturbanceSuspected
from tests.services.documents.people import Person
from tests.services.helpdesk.conftest import BIDDER, HELPDESK, MONDAY, POKJA, Desk

QUESTION = {"category": "konsultasi", "subject": "Lupa kata sandi", "text": "Bagaimana caranya?"}


async def opened(desk: Desk, who: Person | None = BIDDER, **changes: Any) -> dict[str, Any]:
    answer = await desk.post("/tickets", QUESTION | changes, who)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_request_is_answered_and_closed(desk: Desk) -> None:
    ticket = await opened(desk)
    assert ticket["code"].startswith("TKT-2026-")
    assert ticket["tracking"] is None
    path = f"/tickets/{ticket['id']}"
    assert (await desk.post(f"{path}/messages", {"text": "Tekan 'lupa'."}, HELPDESK)).json()["by_helpdesk"] is True
    assert (await desk.get(path, BIDDER)).json()["status"] == "answered"
    assert (await desk.post(f"{path}/messages", {"text": "Tidak bisa."}, BIDDER)).json()["by_helpdesk"] is False
    shown = (await desk.get(path, BIDDER)).json()
    assert (shown["status"], [row["text"] for row in shown["messages"]]) == ("open", ["Tekan 'lupa'.", "Tidak bisa."])
    assert (await desk.post(f"{path}/closure", {}, BIDDER)).status_code == 403
    closed = await desk.post(f"{path}/closure", {}, HELPDESK)
    assert (closed.json()["status"], closed.json()["closed_at"]) == ("closed", "2026-11-23T02:00:00.000Z")
    for late in ("messages", "closure"):
        refused = await desk.post(f"{path}/{late}", {"text": "Halo?"}, HELPDESK)
        assert (refused.status_code, refused.json()["code"]) == (409, "ticket_closed")
    told = [len(await desk.events(f"helpdesk.ticket.{what}.v1")) for what in ("opened", "answered", "closed")]
    assert told == [1, 1, 1]


async def test_everybody_sees_his_own_and_the_helpdesk_all(desk: Desk) -> None:
    mine, other = await opened(desk), await opened(desk, POKJA)
    for who, ids in ((BIDDER, {mine["id"]}), (POKJA, {other["id"]}), (HELPDESK, {mine["id"], other["id"]})):
        rows = (await desk.get("/tickets", who)).json()["items"]
        assert {row["id"] for row in rows} == ids
    assert (await desk.get(f"/tickets/{mine['id']}", POKJA)).status_code == 404
    assert (await desk.post(f"/tickets/{mine['id']}/messages", {"text": "x"}, POKJA)).status_code == 404
    assert (await desk.get("/tickets")).status_code == 401
    assert (await desk.get("/tickets", HELPDESK, status="closed")).json()["items"] == []


async def test_without_an_account_the_answer_is_followed_by_a_code(desk: Desk) -> None:
    ticket = await opened(desk, None, contact="siti@example.id")
    await desk.post(f"/tickets/{ticket['id']}/messages", {"text": "Silakan datang."}, HELPDESK)
    seen = (await desk.follow("tickets", ticket["tracking"])).json()
    assert (seen["status"], [row["text"] for row in seen["messages"]]) == ("answered", ["Silakan datang."])
    assert (await desk.follow("tickets", "f" * 32)).status_code == 404


async def test_calls_and_visits_are_registered_by_the_helpdesk(desk: Desk) -> None:
    for channel in ("telepon", "kunjungan"):
        refused = await desk.post("/tickets", QUESTION | {"channel": channel}, BIDDER)
        assert (refused.status_code, refused.json()["code"]) == (422, "channel_of_helpdesk")
        assert (await opened(desk, HELPDESK, channel=channel))["tracking"]
    rows = (await desk.get("/tickets", HELPDESK)).json()["items"]
    assert [row["channel"] for row in rows] == ["kunjungan", "telepon"]
    assert (await desk.post("/tickets", QUESTION | {"channel": "sistem"}, HELPDESK)).status_code == 422


async def test_a_disturbance_opens_one_request_per_tender(desk: Desk) -> None:
    tender = uuid4()
    for number in range(2):
        data = DisturbanceSuspected(
            bid=uuid4(), tender=tender, code="26000000007", closes_at=MONDAY,
            instant=MONDAY - timedelta(milliseconds=number + 1),
        )  # fmt: skip
        await desk.publish(data, data.bid, 1)
    await desk.handled(2)
    [row] = (await desk.get("/tickets", HELPDESK)).json()["items"]
    assert (row["channel"], row["category"], row["tender"], row["status"]) == (
        "sistem", "gangguan", "26000000007", "open",
    )  # fmt: skip
    shown = (await desk.get(f"/tickets/{row['id']}", HELPDESK)).json()
    assert "2026-11-23T01:59:59.999Z" in shown["text"]
    assert "2026-11-23T01:59:59.998Z" in shown["messages"][0]["text"]
    await desk.post(f"/tickets/{row['id']}/closure", {}, HELPDESK)
    again = DisturbanceSuspected(
        bid=uuid4(), tender=tender, code="26000000007", closes_at=MONDAY, instant=MONDAY - timedelta(milliseconds=9)
    )
    await desk.publish(again, again.bid, 1)
    await desk.handled(3)
    assert len((await desk.get("/tickets", HELPDESK, status="open")).json()["items"]) == 1
    assert (await desk.event("helpdesk.ticket.opened.v1")).actor is None
