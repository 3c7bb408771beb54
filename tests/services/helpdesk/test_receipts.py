"""Whoever complains has it in writing, also unnamed: the tracking code alone opens it."""

from datetime import UTC, datetime

import pytest

from integrity.canonical import parse
from kit.grants import OpeningGrant
from tests.receipts import read
from tests.services.helpdesk.conftest import BIDDER, HELPDESK, INSPEKTUR, Desk
from tests.services.helpdesk.test_complaints import COMPLAINT


@pytest.mark.parametrize("who", [None, BIDDER])
async def test_it_is_answered_at_once_and_again_to_who_holds_the_code(desk: Desk, who: object) -> None:
    answer = (await desk.post("/complaints", COMPLAINT, who)).json()  # type: ignore[arg-type]
    found = await desk.http.get("/complaints/tracked/receipt", headers={"Lpse-Tracking": answer["tracking_code"]})
    kept = found.json()
    assert kept["receipt"] == answer["receipt"]
    said = read(desk.service.ring, kept)
    assert (said["of"], said["code"], said["files"]) == ("complaint", answer["code"], [])
    assert said["decision"]["due_forward_at"] == answer["due_forward_at"]
    record = parse(kept["record"].encode())
    assert {name: record[name] for name in COMPLAINT} == COMPLAINT
    grant = OpeningGrant.verify(kept["grant"], desk.service.ring, datetime.now(UTC))
    assert (str(grant.event), grant.owner) == (kept["event_id"], "helpdesk")


async def test_the_receipt_says_neither_what_nor_who(desk: Desk) -> None:
    answer = (await desk.post("/complaints", COMPLAINT)).json()
    kept = await desk.http.get("/complaints/tracked/receipt", headers={"Lpse-Tracking": answer["tracking_code"]})
    said = str(read(desk.service.ring, kept.json()))
    for secret in ("Pokja menolak", "Siti", "0812"):
        assert secret not in said


@pytest.mark.parametrize("who", [None, HELPDESK, INSPEKTUR])
async def test_without_the_code_nobody_gets_it(desk: Desk, who: object) -> None:
    await desk.post("/complaints", COMPLAINT)
    headers = who.headers(desk.key_home) if who else {}  # type: ignore[attr-defined]
    assert (await desk.http.get("/complaints/tracked/receipt", headers=headers)).status_code == 422
    wrong = await desk.http.get("/complaints/tracked/receipt", headers={**headers, "Lpse-Tracking": "0" * 32})
    assert wrong.status_code == 404
