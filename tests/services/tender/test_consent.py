"""The deadline and the consent: in time to the millisecond, exactly one document, exactly one decision."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from kit.grants import OpeningGrant
from tests.receipts import read
from tests.services.tender.office import POKJA, PPK, Office, Person, Tender, firm, offer, read_receipt

A, B = firm("Anugerah"), firm("Bumi")
MILLISECOND = timedelta(milliseconds=1)


async def bidding(office: Office, *firms: Person) -> Tender:
    tender = await office.announced()
    for who in firms or (A,):
        await tender.join(who)
    await tender.begin("upload_penawaran")
    return tender


async def test_exactly_at_the_deadline_is_in_time(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    await office.stop(tender.closes_at)
    answer = await office.do(A, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert answer["status"] == "submitted"
    assert answer["consented_at"] == answer["closes_at"]
    assert read_receipt(office, answer["receipt"])["received_at"] == answer["closes_at"]


async def test_a_millisecond_late_is_refused_with_a_receipt_that_anybody_can_check(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    await office.stop(tender.closes_at + MILLISECOND)
    answer = await office.post(A, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "bid_late"
    assert "Pasal 78" in problem["article"]
    assert problem["bid"] == draft.id
    assert problem["bid_code"] == draft.code
    receipt = read_receipt(office, problem["receipt"])
    assert receipt["of"] == "rejection"
    assert receipt["received_at"] == problem["instant"]
    assert receipt["decision"]["reason"] == "late"
    told = await office.events("bid.refused")
    assert [(row["bid"], row["instant"], row["reason"]) for row in told] == [(draft.id, problem["instant"], "late")]
    assert await office.events("bid.submitted") == []
    await tender.close()
    assert (await office.events("tender.closed"))[0]["bids"] == []
    kept = await office.see(A, f"/bids/{draft.id}")
    assert (kept["status"], kept["receipt"]) == ("refused", problem["receipt"])


async def test_a_tampered_receipt_does_not_verify(office: Office) -> None:
    tender = await bidding(office)
    answer = await tender.submit(A)
    receipt = answer["receipt"]
    receipt["payload"] = receipt["payload"][:-8] + "AAAAAAA="
    with pytest.raises(ValueError, match="signature does not belong"):
        read_receipt(office, receipt)


async def test_a_second_consent_with_the_same_key_answers_the_same(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    body, key = tender.consent_body(draft), str(uuid4())
    first = await office.post(A, f"/bids/{draft.id}/consent", body, key=key)
    await office.stop(tender.closes_at + MILLISECOND)
    again = await office.post(A, f"/bids/{draft.id}/consent", body, key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len(await office.events("bid.submitted")) == 1
    other = await office.post(A, f"/bids/{draft.id}/consent", body)
    assert other.json()["code"] == "bid_decided"


async def test_a_refusal_is_repeated_word_for_word(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    await office.stop(tender.closes_at + MILLISECOND)
    body, key = tender.consent_body(draft), str(uuid4())
    first = await office.post(A, f"/bids/{draft.id}/consent", body, key=key)
    again = await office.post(A, f"/bids/{draft.id}/consent", body, key=key)
    assert (again.status_code, again.json()) == (409, first.json())
    assert len(await office.events("bid.refused")) == 1


async def test_a_consent_in_time_that_finds_the_tender_closed_opens_a_disturbance(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    await tender.close()
    async with office.service.database.transaction() as db:
        from kit import clock

        await db.execute(clock.clock.update().values(stopped_at=tender.closes_at))
    answer = await office.post(A, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert answer.json()["code"] == "bid_disturbed"
    assert read_receipt(office, answer.json()["receipt"])["decision"]["reason"] == "closed_too_early"
    assert [row["code"] for row in await office.events("disturbance.suspected")] == [tender.code]


async def test_a_consent_in_time_is_not_lost_when_the_tender_has_failed_meanwhile(office: Office) -> None:
    from kit import clock

    tender = await bidding(office)
    draft = await tender.draft(A)
    await tender.close()
    await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"})
    async with office.service.database.transaction() as db:
        await db.execute(clock.clock.update().values(stopped_at=tender.closes_at))
    answer = await office.post(A, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert answer.json()["code"] == "bid_disturbed"
    assert read_receipt(office, answer.json()["receipt"])["received_at"] == answer.json()["closes_at"]
    assert len(await office.events("disturbance.suspected")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"account": uuid4()},
        {"purpose": "tender_document"},
        {"record": uuid4()},
        {"grant": uuid4()},
    ],
    ids=["account", "purpose", "record", "grant"],
)
async def test_a_statement_made_for_anything_else_is_refused(office: Office, changes: dict[str, Any]) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    body = tender.consent_body(draft, **changes)
    answer = await office.post(A, f"/bids/{draft.id}/consent", body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "statement_of_another"
    assert (await office.see(A, f"/bids/{draft.id}"))["status"] == "draft"


async def test_a_statement_is_not_used_for_a_second_bid(office: Office) -> None:
    tender = await bidding(office)
    first, second = await tender.draft(A), await tender.draft(A)
    used = tender.consent_body(first)
    await office.do(A, f"/bids/{first.id}/consent", used)
    stolen = tender.consent_body(second)
    stolen["files"][0]["statement"] = used["files"][0]["statement"]
    answer = await office.post(A, f"/bids/{second.id}/consent", stolen)
    assert answer.json()["code"] == "statement_of_another"


async def test_a_statement_signed_by_another_key_is_refused(office: Office) -> None:
    from datetime import UTC, datetime

    from kit.grants import Statement
    from kit.keys import SigningKey, UntrustedKey

    tender = await bidding(office)
    draft = await tender.draft(A)
    body = tender.consent_body(draft)
    body["files"][0]["statement"] = draft.granted["grant"]
    answer = await office.post(A, f"/bids/{draft.id}/consent", body)
    assert answer.json()["code"] == "wrong_kind"
    said = Statement(uuid4(), 1, "0" * 32, "0" * 64, uuid4(), "bid_file", uuid4(), A.account, datetime.now(UTC))
    with pytest.raises(UntrustedKey):
        said.issue(SigningKey.load(office.key_home / "tender", "tender", "grant"), "tender")


@pytest.mark.parametrize("name", ["md5", "sha256"])
async def test_fingerprints_that_differ_leave_the_bid_a_draft(office: Office, name: str) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    body = tender.consent_body(draft)
    body["files"][0][name] = "0" * len(body["files"][0][name])
    answer = await office.post(A, f"/bids/{draft.id}/consent", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "fingerprints_differ")
    assert "Pasal 14(4)" in answer.json()["article"]
    kept = await office.see(A, f"/bids/{draft.id}")
    assert (kept["status"], kept["receipt"]) == ("draft", answer.json()["receipt"])
    receipt = read_receipt(office, kept["receipt"])
    assert (receipt["of"], receipt["decision"]["reason"]) == ("rejection", "fingerprints_differ")
    assert [file["name"] for file in receipt["files"]] == [file["name"] for file in kept["files"]]
    [told] = await office.events("bid.refused")
    assert (told["reason"], told["record_sha256"]) == ("fingerprints_differ", receipt["record_sha256"])
    assert await office.events("bid.submitted") == []
    again = await office.do(A, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert again["status"] == "submitted"


async def test_late_and_changed_on_the_way_is_late(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    body = tender.consent_body(draft)
    body["files"][0]["md5"] = "0" * 32
    await office.stop(tender.closes_at + MILLISECOND)
    answer = await office.post(A, f"/bids/{draft.id}/consent", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "bid_late")
    assert read_receipt(office, answer.json()["receipt"])["decision"]["reason"] == "late"


async def test_the_receipt_comes_again_to_its_owner_alone(office: Office) -> None:
    tender = await bidding(office, A, B)
    draft = await tender.draft(A)
    nothing = await office.get(A, f"/bids/{draft.id}/receipt")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "no_receipt")
    answer = await office.do(A, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    kept = await office.see(A, f"/bids/{draft.id}/receipt")
    assert (kept["receipt"], kept["record"]) == (answer["receipt"], answer["record"])
    said = read(office.service.ring, kept)
    grant = OpeningGrant.verify(kept["grant"], office.service.ring, datetime.now(UTC))
    assert (str(grant.event), grant.owner) == (said["id"], "tender")
    assert (await office.get(B, f"/bids/{draft.id}/receipt")).status_code == 404


async def test_a_consent_to_another_text_is_refused(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    answer = await office.post(A, f"/bids/{draft.id}/consent", tender.consent_body(draft) | {"consent_version": "0"})
    assert answer.json()["code"] == "text_version"


async def test_before_the_stage_nothing_is_decided(office: Office) -> None:
    tender = await office.announced()
    await tender.join(A)
    draft = await tender.draft(A)
    await office.stop(tender.stages["upload_penawaran"][0] - MILLISECOND)
    body = tender.consent_body(draft)
    answer = await office.post(A, f"/bids/{draft.id}/consent", body)
    assert answer.json()["code"] == "bidding_not_open"
    await office.stop(tender.stages["upload_penawaran"][0])
    assert (await office.do(A, f"/bids/{draft.id}/consent", body))["status"] == "submitted"


async def test_a_later_bid_replaces_the_earlier_one(office: Office) -> None:
    tender = await bidding(office)
    first = await tender.submit(A)
    second = await tender.submit(A, ("1300000.00", "1900000.00"))
    assert [(row["bid"], row["by"]) for row in await office.events("bid.replaced")] == [(first["id"], second["id"])]
    mine = (await office.see(A, "/bids/mine"))["items"]
    assert [(row["id"], row["status"]) for row in mine] == [(second["id"], "submitted"), (first["id"], "replaced")]
    await tender.close()
    assert [row["bid"] for row in (await office.events("tender.closed"))[0]["bids"]] == [second["id"]]


async def test_a_late_bid_does_not_replace_the_one_in_time(office: Office) -> None:
    tender = await bidding(office)
    first = await tender.submit(A)
    late = await tender.draft(A)
    await office.stop(tender.closes_at + MILLISECOND)
    await office.post(A, f"/bids/{late.id}/consent", tender.consent_body(late))
    assert (await office.see(A, f"/bids/{first['id']}"))["status"] == "submitted"


async def test_two_bids_of_one_firm_at_once_leave_one(office: Office) -> None:
    tender = await bidding(office)
    drafts = [await tender.draft(A) for _ in range(4)]
    answers = await asyncio.gather(
        *(office.post(A, f"/bids/{draft.id}/consent", tender.consent_body(draft)) for draft in drafts)
    )
    assert [answer.status_code for answer in answers] == [201] * 4
    kept = await office.rows("select status from bid order by status")
    assert [row.status for row in kept] == ["replaced"] * 3 + ["submitted"]


async def test_many_firms_at_once_are_all_taken(office: Office) -> None:
    firms = [firm(f"CV {n}") for n in range(8)]
    tender = await bidding(office, *firms)
    drafts = {who: await tender.draft(who) for who in firms}
    await office.stop(tender.closes_at)
    answers = await asyncio.gather(
        *(office.post(who, f"/bids/{draft.id}/consent", tender.consent_body(draft)) for who, draft in drafts.items())
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    await tender.close()
    assert len((await office.events("tender.closed"))[0]["bids"]) == 8


async def test_nobody_consents_to_the_bid_of_another(office: Office) -> None:
    tender = await bidding(office, A, B)
    draft = await tender.draft(A)
    answer = await office.post(B, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert answer.status_code == 404


async def test_a_bid_is_unseen_and_uncounted_before_the_opening(office: Office) -> None:
    tender = await bidding(office, A, B)
    bid, draft = await tender.submit(A), await tender.draft(B)
    file = (await office.see(A, f"/bids/{bid['id']}"))["files"][0]["id"]
    before = await tender.public()
    for who in (B, POKJA[0], PPK):
        assert (await office.get(who, f"/bids/{bid['id']}")).status_code in {403, 404}
    assert (await office.post(B, f"/bid-files/{file}/download")).status_code == 404
    assert (await office.post(POKJA[0], f"/bid-files/{file}/download")).status_code == 404
    for path in ("bids", "evaluation"):
        answer = await office.get(POKJA[0], f"/tenders/{tender.id}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "bids_not_opened")
    judged = await office.post(POKJA[0], f"/bids/{bid['id']}/evaluations", {"step": "administrasi", "passed": True})
    assert judged.json()["code"] == "not_found"
    await tender.submit(B)
    await tender.close()
    assert draft.id not in str(await tender.public())
    after = await tender.public()
    assert {name for name in before if before[name] != after[name]} == {"stages", "active", "manifest_sha256"}
    download = await office.do(A, f"/bid-files/{file}/download")
    assert download["object"]


async def test_the_record_holds_what_was_consented_to(office: Office) -> None:
    import hashlib

    from integrity import canonical

    tender = await bidding(office)
    answer = await tender.submit(A)
    record = canonical.parse(answer["record"].encode())
    assert record["type"] == "bid-record/v1"
    assert record["offer"]["total"] == "21600000.00"
    assert record["consent"]["text_sha256"] == (await office.see(None, "/consent-text"))["sha256"]
    assert hashlib.sha256(answer["record"].encode()).hexdigest() == answer["record_sha256"]
    assert "21600000" not in str(read_receipt(office, answer["receipt"]))


async def test_prices_are_strings_never_json_numbers(office: Office) -> None:
    tender = await bidding(office)
    draft = await tender.draft(A)
    wrong = offer(("1400000.00", "1900000.00")) | {"total": 21600000.5}
    answer = await office.post(A, f"/bids/{draft.id}/consent", tender.consent_body(draft) | {"offer": wrong})
    assert answer.status_code == 422


async def test_any_kind_of_file_may_be_part_of_a_bid(office: Office) -> None:
    tender = await bidding(office)
    bid = await office.do(A, f"/tenders/{tender.id}/bids")
    path = f"/bids/{bid['id']}/files"
    assert await office.do(A, path, {"name": "gambar 1 (revisi).dwg", "media_type": "image/vnd.dwg"})
    for wrong in ({"name": "../x.pdf"}, {"name": "a\nb.pdf"}, {"name": "x.pdf", "media_type": "pdf"}):
        assert (await office.post(A, path, wrong)).status_code == 422


async def test_a_consent_names_files_of_this_bid_and_each_once(office: Office) -> None:
    tender = await bidding(office)
    first, second = await tender.draft(A), await tender.draft(A)
    body, other = tender.consent_body(first), tender.consent_body(second)
    twice = body | {"files": body["files"] * 2}
    assert (await office.post(A, f"/bids/{first.id}/consent", twice)).json()["code"] == "file_twice"
    assert (await office.post(A, f"/bids/{first.id}/consent", other)).status_code == 404
    assert (await office.post(A, f"/bids/{first.id}/consent", body | {"files": []})).status_code == 422
