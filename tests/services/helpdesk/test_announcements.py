"""Maintenance is announced knowing which tenders it hits (Pasal 12(3)). Scenario 32."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from contracts.tender import StageChanged, TenderAnnounced, TenderFailed
from contracts.values import rfc3339
from tests.services.helpdesk.conftest import BIDDER, HELPDESK, MONDAY, Desk

STARTS, ENDS = MONDAY + timedelta(days=2), MONDAY + timedelta(days=2, hours=4)
WORK = {
    "kind": "maintenance",
    "title": "Pemeliharaan server",
    "text": "Portal tidak dapat dipakai.",
    "starts_at": rfc3339(STARTS),
    "ends_at": rfc3339(ENDS),
}


def announced(tender: UUID, code: str, closes_at: datetime) -> TenderAnnounced:
    return TenderAnnounced(
        tender=tender, code=code, package=uuid4(), name="Pengadaan meja", skpd="1.01.01", category="barang",
        regime="p70_2012", pagu="100.00", hps="90.00", committee=uuid4(), stages=[], closes_at=closes_at,
    )  # fmt: skip


async def tenders(desk: Desk) -> dict[str, UUID]:
    """Due: a at the first instant, b at the last, c just after, d failed, e moved in, f moved out."""
    ids = {name: uuid4() for name in "abcdef"}
    closing = {"a": STARTS, "b": ENDS, "c": ENDS + timedelta(milliseconds=1), "d": STARTS, "e": MONDAY, "f": STARTS}
    for number, (name, closes_at) in enumerate(closing.items(), 1):
        await desk.publish(announced(ids[name], f"2600000000{number}", closes_at), ids[name], 1)
    await desk.publish(TenderFailed(tender=ids["d"], code="26000000004", ground="F2"), ids["d"], 2)
    moved = {"tender": ids["e"], "code": "26000000005", "active": ["pemasukan_penawaran"]}
    await desk.publish(StageChanged.model_validate(moved | {"closes_at": STARTS}), ids["e"], 2)
    out = {"tender": ids["f"], "code": "26000000006", "active": []}
    await desk.publish(StageChanged.model_validate(out | {"closes_at": ENDS + timedelta(days=1)}), ids["f"], 3)
    await desk.publish(StageChanged.model_validate(out | {"closes_at": STARTS}), ids["f"], 2)  # older, comes later
    await desk.handled(10)
    return ids


async def test_tenders_due_in_the_window_must_be_acknowledged(desk: Desk) -> None:
    await tenders(desk)
    affected = ["26000000001", "26000000002", "26000000005"]
    for wrong in ([], affected[:2], [*affected, "26000000003"]):
        refused = await desk.post("/announcements", WORK | {"acknowledged": wrong}, HELPDESK)
        assert (refused.status_code, refused.json()["code"]) == (422, "tenders_affected")
        assert refused.json()["tenders"] == affected
        assert "12(3)" in refused.json()["article"]
    assert await desk.count("announcement") == 0
    made = await desk.post("/announcements", WORK | {"acknowledged": affected[::-1]}, HELPDESK)
    assert made.status_code == 201, made.text
    assert made.json()["tenders"] == affected
    event = await desk.event("helpdesk.maintenance.announced.v1")
    assert all(code in event.data for code in affected)
    assert event.actor == HELPDESK.account


async def test_without_a_tender_due_nothing_is_to_acknowledge(desk: Desk) -> None:
    made = await desk.post("/announcements", WORK, HELPDESK)
    assert (made.status_code, made.json()["tenders"]) == (201, [])
    everyone = (await desk.get("/announcements")).json()["items"]
    assert [row["title"] for row in everyone] == ["Pemeliharaan server"]
    await desk.clock_to(ENDS)
    assert (await desk.get("/announcements", current="true")).json()["items"] == []
    assert len((await desk.get("/announcements")).json()["items"]) == 1


async def test_maintenance_is_announced_before_it_begins_and_has_an_end(desk: Desk) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"starts_at": rfc3339(MONDAY - timedelta(minutes=1))}, "announced_too_late"),
        ({"ends_at": rfc3339(STARTS)}, "window_invalid"),
        ({"ends_at": "2026-11-25T12:00:00"}, "invalid_request"),
    ]
    for change, code in cases:
        refused = await desk.post("/announcements", WORK | change, HELPDESK)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    for other, status in ((BIDDER, 403), (None, 401)):
        assert (await desk.post("/announcements", WORK, other)).status_code == status
