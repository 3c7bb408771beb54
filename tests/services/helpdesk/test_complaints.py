"""Complaints (Pasal 18): anybody, hidden if he likes, passed on to both, never gone. Scenario 38."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from kit.call import idempotency
from tests.services.helpdesk.conftest import BIDDER, HELPDESK, INSPEKTUR, KETUA, MONDAY, POKJA, Desk

COMPLAINT = {
    "category": "pokja",
    "tender": "26000000001",
    "text": "Pokja menolak penawaran kami tanpa alasan.",
    "reporter_name": "Siti",
    "contact": "0812-0000-0000",
}
LETTER = {"letter_number": "027/15/LPSE/2026", "recipients": ["lpse_pusat", "tim_pengarah"]}


async def submitted(desk: Desk, **changes: Any) -> tuple[str, str]:
    """Id and tracking code of a new complaint."""
    answer = await desk.post("/complaints", COMPLAINT | changes)
    assert answer.status_code == 201, answer.text
    [listed] = [row for row in await listing(desk) if row["code"] == answer.json()["code"]]
    return listed["id"], answer.json()["tracking_code"]


async def listing(desk: Desk, who: Any = HELPDESK) -> list[dict[str, Any]]:
    answer = await desk.get("/complaints", who)
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_anybody_complains_and_follows_it_by_a_code_of_which_only_the_hash_is_kept(desk: Desk) -> None:
    answer = (await desk.post("/complaints", COMPLAINT)).json()
    assert answer["code"].startswith("ADU-2026-")
    assert answer["due_forward_at"] == "2026-11-25T17:00:00.000Z"  # the end of Wednesday in Mojokerto
    code = answer["tracking_code"]
    assert len(code.replace("-", "")) == 32
    for typed in (code, code.upper().replace("-", "")):
        seen = await desk.follow("complaints", typed)
        assert (seen.status_code, seen.json()["code"]) == (200, answer["code"])
        assert "Siti" not in seen.text
    assert (await desk.follow("complaints", "0" * 32)).status_code == 404
    [row] = await desk.rows(text("select complaint::text as everything from complaint"))
    assert code not in row.everything
    assert code.replace("-", "") not in row.everything


async def test_a_hidden_reporter_shows_to_nobody_but_the_inspectorate(desk: Desk) -> None:
    await desk.post("/complaints", COMPLAINT, BIDDER)
    for reader, name in ((HELPDESK, None), (KETUA, None), (INSPEKTUR, "Siti")):
        [row] = await listing(desk, reader)
        assert (row["reporter_name"], row["contact"] is None) == (name, name is None)
    for stranger in (BIDDER, POKJA):
        assert (await desk.get("/complaints", stranger)).status_code == 403
    event = await desk.event("helpdesk.complaint.submitted.v1")
    assert event.actor is None
    for trace in (event.data, *(await everything_kept(desk))):
        assert str(BIDDER.account) not in trace


async def everything_kept(desk: Desk) -> list[str]:
    tables = ("complaint", "outbox", "idempotency", "job")
    return [str(row) for table in tables for row in await desk.rows(text(f"select t::text from {table} t"))]  # noqa: S608


async def test_a_reporter_who_does_not_hide_is_shown(desk: Desk) -> None:
    await desk.post("/complaints", COMPLAINT | {"hide_reporter": False}, BIDDER)
    [row] = await listing(desk)
    assert row["reporter_name"] == "Siti"
    assert (await desk.event("helpdesk.complaint.submitted.v1")).actor == BIDDER.account


async def test_both_recipients_are_needed(desk: Desk) -> None:
    id, code = await submitted(desk)
    for one, missing in (("lpse_pusat", "tim_pengarah"), ("tim_pengarah", "lpse_pusat")):
        half = await desk.post(f"/complaints/{id}/forwardings", LETTER | {"recipients": [one]}, HELPDESK)
        assert (half.status_code, half.json()["code"]) == (422, "recipient_missing")
        assert half.json()["params"]["missing"] == missing
        assert "18(2)" in half.json()["article"]
    assert await desk.count("forwarding") == 0
    done = await desk.post(f"/complaints/{id}/forwardings", LETTER, KETUA)
    assert done.status_code == 201
    assert [row["recipient"] for row in done.json()["forwardings"]] == ["lpse_pusat", "tim_pengarah"]
    again = await desk.post(f"/complaints/{id}/forwardings", LETTER, HELPDESK)
    assert (again.status_code, again.json()["code"]) == (409, "already_forwarded")
    tracked = (await desk.follow("complaints", code)).json()
    assert tracked["forwarded_at"] == tracked["forwardings"][0]["at"] == "2026-11-23T02:00:00.000Z"
    event = await desk.event("helpdesk.complaint.forwarded.v1")
    assert '"recipients":["lpse_pusat","tim_pengarah"]' in event.data


async def test_nothing_ends_a_complaint_before_it_was_forwarded(desk: Desk) -> None:
    id, code = await submitted(desk)
    early = await desk.post(f"/complaints/{id}/answer", {"text": "Selesai."}, HELPDESK)
    assert (early.status_code, early.json()["code"]) == (422, "not_forwarded")
    await desk.post(f"/complaints/{id}/forwardings", LETTER, HELPDESK)
    for other in (BIDDER, POKJA, INSPEKTUR, None):
        assert (await desk.post(f"/complaints/{id}/answer", {"text": "x"}, other)).status_code in {401, 403}
    assert (await desk.post(f"/complaints/{id}/answer", {"text": "Sudah diperiksa."}, KETUA)).status_code == 201
    tracked = (await desk.follow("complaints", code)).json()
    assert tracked["answer"] == "Sudah diperiksa."
    twice = await desk.post(f"/complaints/{id}/answer", {"text": "Lain."}, KETUA)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_answered")
    assert len(await desk.events("helpdesk.complaint.answered.v1")) == 1


async def test_an_unforwarded_complaint_raises_the_alarm_two_working_days_later(desk: Desk) -> None:
    await submitted(desk)
    due = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
    await desk.clock_to(due - timedelta(milliseconds=1))
    assert not await desk.job_is_gone("complaint_overdue")
    await desk.clock_to(due)
    event = await desk.event("helpdesk.complaint.overdue.v1")
    assert '"due_at":"2026-11-25T17:00:00.000Z"' in event.data
    [row] = await listing(desk)
    assert row["overdue_at"] == "2026-11-25T17:00:00.000Z"
    id = row["id"]
    assert (await desk.post(f"/complaints/{id}/forwardings", LETTER, HELPDESK)).status_code == 201
    [row] = await listing(desk)
    assert row["overdue_at"] is not None  # being late is not undone


async def test_a_forwarded_complaint_raises_no_alarm(desk: Desk) -> None:
    id, _ = await submitted(desk)
    await desk.post(f"/complaints/{id}/forwardings", LETTER, HELPDESK)
    late, _ = await submitted(desk, text="Yang kedua.")
    await desk.clock_to(MONDAY + timedelta(days=10))
    event = await desk.event("helpdesk.complaint.overdue.v1")
    assert str(event.subject) == late
    assert await desk.job_is_gone("complaint_overdue")
    assert len(await desk.events("helpdesk.complaint.overdue.v1")) == 1


async def test_the_database_itself_refuses_to_lose_or_rewrite_a_complaint(desk: Desk) -> None:
    id, _ = await submitted(desk)
    await desk.post(f"/complaints/{id}/forwardings", LETTER, HELPDESK)
    for crime in (
        "delete from complaint",
        "update complaint set text = 'Semua baik.'",
        "update complaint set submitted_at = submitted_at + interval '9 days'",
        "truncate complaint cascade",
        "delete from forwarding",
        "update forwarding set at = at - interval '1 day'",
        "truncate forwarding",
    ):
        with pytest.raises(IntegrityError, match="neither deleted nor rewritten"):
            async with desk.service.database.transaction() as db:
                await db.execute(text(crime))
    assert (await desk.count("complaint"), await desk.count("forwarding")) == (1, 2)


async def test_a_repeated_request_is_one_complaint(desk: Desk) -> None:
    key = str(uuid4())
    first = await desk.post("/complaints", COMPLAINT, key=key)
    again = await desk.post("/complaints", COMPLAINT, key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await desk.post("/complaints", COMPLAINT | {"text": "Lain."}, key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert await desk.count("complaint") == 1
    assert len(await desk.rows(idempotency.select())) == 1


async def test_there_is_no_way_to_delete(desk: Desk) -> None:
    id, _ = await submitted(desk)
    for path in (f"/complaints/{id}", "/complaints"):
        answer = await desk.http.delete(path, headers=HELPDESK.headers(desk.key_home))
        assert answer.status_code in {404, 405}
    assert await desk.count("complaint") == 1


async def test_complaints_by_state_and_one_by_its_id(desk: Desk) -> None:
    ids = [(await submitted(desk))[0] for _ in range(3)]
    for id in ids[1:]:
        assert (await desk.post(f"/complaints/{id}/forwardings", LETTER, HELPDESK)).status_code == 201
    assert (await desk.post(f"/complaints/{ids[2]}/answer", {"text": "Sudah diperiksa."}, KETUA)).status_code == 201

    async def listed(state: str) -> list[str]:
        answer = await desk.get("/complaints", INSPEKTUR, state=state)
        return [row["id"] for row in answer.json()["items"]]

    assert [await listed(state) for state in ("overdue", "waiting", "forwarded", "answered")] == [
        [], [ids[0]], [ids[1]], [ids[2]]
    ]  # fmt: skip
    shown = (await desk.get(f"/complaints/{ids[1]}", INSPEKTUR)).json()
    assert {one["letter_number"] for one in shown["forwardings"]} == {LETTER["letter_number"]}
    due = datetime.fromisoformat(shown["due_forward_at"])
    await desk.clock_to(due)
    assert (await listed("overdue"), await listed("waiting")) == ([], [ids[0]])
    await desk.clock_to(due + timedelta(milliseconds=1))
    assert (await listed("overdue"), await listed("waiting")) == ([ids[0]], [])
    assert (await desk.get(f"/complaints/{uuid4()}", HELPDESK)).status_code == 404
    assert (await desk.get(f"/complaints/{ids[0]}", BIDDER)).status_code == 403
