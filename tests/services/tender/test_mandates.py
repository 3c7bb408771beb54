"""An auditor reads exactly what his mandate names, while it runs, and not before the bids are opened; each time is an event."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from contracts.audit import MandateEnded
from integrity import canonical, dsse
from integrity.dossier import FACTS_PAYLOAD_TYPE
from tests.services.tender.office import LATER, POKJA, PPK, START, Office, Person, Tender, firm, read_receipt

AUDITOR, OTHER = Person("auditor", "auditor"), Person("auditor lain", "auditor")
FIRMS = tuple(firm(name) for name in ("Anugerah", "Bumi", "Cahaya"))
PRICES = ("1400000.00", "1900000.00")


async def bidding(office: Office) -> tuple[Tender, dict[Person, Any]]:
    tender = await office.announced()
    return tender, await tender.enter(dict.fromkeys(FIRMS, PRICES))


def facts_of(answer: httpx2.Response) -> Any:
    return canonical.parse(dsse.unverified(answer.json()["statement"], FACTS_PAYLOAD_TYPE))


async def accesses(office: Office, kind: str) -> list[tuple[str, ...]]:
    names = ("what", "record", "mandate") if kind == "granted" else ("what", "record", "reason")
    return [tuple(str(told[name]) for name in names) for told in await office.events(f"access.{kind}")]


async def everything(office: Office, who: Person, code: str, bid: str, file: str) -> list[httpx2.Response]:
    return [
        await office.get(who, f"/dossiers/{code}"),
        await office.get(who, f"/dossiers/{code}/bids/{bid}"),
        await office.post(who, f"/dossiers/{code}/files/{file}/download"),
    ]


async def test_a_mandate_opens_what_it_names(office: Office) -> None:
    tender, bids = await bidding(office)
    mandate = await office.mandate(AUDITOR, tender.code)
    await tender.open()
    assert [row["code"] for row in await office.see(AUDITOR, "/dossiers")] == [tender.code]
    facts = facts_of(await office.get(AUDITOR, f"/dossiers/{tender.code}"))
    assert (facts["type"], facts["host"], facts["mandate"]) == ("dossier-facts/v1", "uji", str(mandate))
    assert {bid["id"] for bid in facts["bids"]} == {answer["id"] for answer in bids.values()}
    assert {(file["of"], file["name"]) for file in facts["files"]} == {
        ("tender_document", "dokumen pemilihan.pdf"), ("bid_file", "penawaran.pdf"),
    }  # fmt: skip
    assert len(facts["sheet"]["bids"]) == 3
    bid = bids[FIRMS[0]]
    part = await office.see(AUDITOR, f"/dossiers/{tender.code}/bids/{bid['id']}")
    assert part["record"] == bid["record"]
    assert read_receipt(office, part["receipt"])["record_sha256"] == bid["record_sha256"]
    file = next(file for file in facts["files"] if file["owner"] == bid["id"])
    given = await office.post(AUDITOR, f"/dossiers/{tender.code}/files/{file['id']}/download")
    assert given.status_code == 200
    assert await accesses(office, "granted") == [
        ("tender", tender.id, str(mandate)), ("bid", bid["id"], str(mandate)), ("file", file["id"], str(mandate)),
    ]  # fmt: skip
    actors = await office.rows("select actor from outbox where type = 'tender.access.granted.v1'")
    assert {row.actor for row in actors} == {AUDITOR.account}


async def test_what_is_said_is_signed(office: Office) -> None:
    tender, _ = await bidding(office)
    await office.mandate(AUDITOR, tender.code)
    await tender.open()
    statement = (await office.get(AUDITOR, f"/dossiers/{tender.code}")).json()["statement"]
    key = office.service.ring.find(statement["signatures"][0]["keyid"])
    assert (key.owner, key.purpose) == ("tender", "receipt")
    dsse.verify(statement, FACTS_PAYLOAD_TYPE, {key.kid: key.jwk.public_key})  # type: ignore[dict-item]


async def test_another_tender_and_another_auditor_stay_outside(office: Office) -> None:
    tender, bids = await bidding(office)
    other = await office.announced()
    await office.mandate(AUDITOR, other.code)
    await office.mandate(OTHER, "99999999999")
    await tender.open()
    bid = bids[FIRMS[0]]["id"]
    for who in (AUDITOR, OTHER):
        for answer in await everything(office, who, tender.code, bid, str(uuid4())):
            assert (answer.status_code, answer.json()["code"]) == (403, "outside_mandate")
    anothers = await office.get(OTHER, f"/dossiers/{other.code}")
    assert (anothers.status_code, anothers.json()["code"]) == (403, "outside_mandate")
    denied = await accesses(office, "denied")
    assert [told[::2] for told in denied[:3]] == [(what, "outside_mandate") for what in ("tender", "bid", "file")]
    assert len(denied) == 7
    assert await accesses(office, "granted") == []
    assert [row["code"] for row in await office.see(AUDITOR, "/dossiers")] == [other.code]


async def test_a_bid_of_another_tender_is_none_of_this_one(office: Office) -> None:
    tender, bids = await bidding(office)
    await office.mandate(AUDITOR, tender.code)
    await tender.open()
    bid = bids[FIRMS[0]]["id"]
    second = await office.announced()
    await second.enter(dict.fromkeys(FIRMS, PRICES))
    mine = await office.rows("select id from bid where tender_id = :id", id=second.id)
    files = await office.rows("select id from bid_file where bid_id = :id", id=mine[0].id)
    for answer in (await everything(office, AUDITOR, tender.code, str(mine[0].id), str(files[0].id)))[1:]:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await office.get(AUDITOR, f"/dossiers/{tender.code}/bids/{bid}")).status_code == 200


async def test_it_runs_from_its_first_instant_up_to_its_last(office: Office) -> None:
    tender, _ = await bidding(office)
    await tender.open()
    opened = await office.now()
    begins, ends = opened + timedelta(hours=1), opened + timedelta(hours=2)
    await office.mandate(AUDITOR, tender.code, valid_from=begins, valid_to=ends)
    late = timedelta(milliseconds=1)
    for at, status in ((begins - late, 403), (begins, 200), (ends - late, 200), (ends, 403)):
        await office.stop(at)
        answer = await office.get(AUDITOR, f"/dossiers/{tender.code}")
        assert answer.status_code == status, at
        assert status == 200 or answer.json()["code"] == "mandate_not_in_force"
        assert len(await office.see(AUDITOR, "/dossiers")) == (status == 200)
    assert [told[2] for told in await accesses(office, "denied")] == ["mandate_not_in_force"] * 2


async def test_one_that_was_ended_lets_nobody_in(office: Office) -> None:
    tender, _ = await bidding(office)
    mandate = await office.mandate(AUDITOR, tender.code)
    await tender.open()
    ended = MandateEnded(
        mandate=mandate, account=AUDITOR.account, number="700/1", tenders=[tender.code], valid_from=START,
        valid_to=await office.now(),
    )  # fmt: skip
    await office.tell(ended, subject=mandate, sequence=2)
    again = ended.model_copy(update={"valid_to": LATER})
    await office.tell(again, subject=mandate, sequence=1)
    answer = await office.get(AUDITOR, f"/dossiers/{tender.code}")
    assert (answer.status_code, answer.json()["code"]) == (403, "mandate_not_in_force")


async def test_before_the_opening_auditors_see_no_bids_either(office: Office) -> None:
    tender, bids = await bidding(office)
    await office.mandate(AUDITOR, tender.code)
    bid = bids[FIRMS[0]]["id"]
    for step in (None, tender.close):
        if step:
            await step()
        for answer in await everything(office, AUDITOR, tender.code, bid, str(uuid4())):
            assert (answer.status_code, answer.json()["code"]) == (409, "bids_sealed")
            assert answer.json()["article"] == "Perpres 54/2010 Pasal 78"
    assert [told[2] for told in await accesses(office, "denied")] == ["bids_sealed"] * 6
    await tender.open()
    assert (await office.get(AUDITOR, f"/dossiers/{tender.code}")).status_code == 200


async def test_what_was_not_opened_stays_closed(office: Office) -> None:
    """A bid that came late, one that gave way to another, and all bids of a tender that failed before its opening."""
    tender, bids = await bidding(office)
    await office.mandate(AUDITOR, tender.code)
    again = await tender.submit(FIRMS[0], PRICES)
    draft = await tender.draft(FIRMS[1])
    await tender.close()
    late = await office.post(FIRMS[1], f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert late.status_code == 409
    await office.do(POKJA[0], f"/tenders/{tender.id}/opening")
    facts = facts_of(await office.get(AUDITOR, f"/dossiers/{tender.code}"))
    opened = {bid["id"]: bid["opened"] for bid in facts["bids"]}
    assert opened[again["id"]]
    for closed in (bids[FIRMS[0]]["id"], draft.id):
        assert opened[closed] is False
        part = await office.see(AUDITOR, f"/dossiers/{tender.code}/bids/{closed}")
        assert (part["record"], bool(part["receipt"])) == (None, True)
        assert closed not in {file["owner"] for file in facts["files"]}


async def test_a_tender_that_failed_before_its_opening_shows_who_was_answered_what(office: Office) -> None:
    tender = await office.announced()
    bids = await tender.enter(dict.fromkeys(FIRMS[:1], PRICES))
    await office.mandate(AUDITOR, tender.code)
    await tender.close()
    await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"})
    facts = facts_of(await office.get(AUDITOR, f"/dossiers/{tender.code}"))
    assert (facts["sheet"], [bid["opened"] for bid in facts["bids"]]) == (None, [False])
    part = await office.see(AUDITOR, f"/dossiers/{tender.code}/bids/{bids[FIRMS[0]]['id']}")
    assert (part["record"], bool(part["receipt"])) == (None, True)


@pytest.mark.parametrize("who", [PPK, POKJA[0], FIRMS[0], Person("inspektur", "inspektur")], ids=lambda who: who.role)
async def test_the_road_is_for_auditors(office: Office, who: Person) -> None:
    tender = await office.announced()
    await office.mandate(who, tender.code)
    answer = await office.get(who, f"/dossiers/{tender.code}")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_required")


async def test_the_same_question_is_asked_anew(office: Office) -> None:
    """A key makes no answer come again that the asker may not see any more."""
    tender, _ = await bidding(office)
    await office.mandate(AUDITOR, tender.code, valid_to=LATER - timedelta(days=1))
    await tender.open()
    headers = {"Authorization": f"Bearer {AUDITOR.token(office.key_home)}", "Idempotency-Key": "k" * 20}
    assert (await office.http.get(f"/dossiers/{tender.code}", headers=headers)).status_code == 200
    await office.stop(LATER - timedelta(days=1))
    assert (await office.http.get(f"/dossiers/{tender.code}", headers=headers)).status_code == 403
