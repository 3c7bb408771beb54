"""Packages, drafts, announcement, participants, explanation."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert

from cli import clocks
from cli.mistakes import Mistake
from services.tender.models import Participation
from tests.services.tender.office import (
    LATER,
    OTHER_PPK,
    PDF,
    POKJA,
    PPK,
    SKPD,
    START,
    STRANGER,
    Office,
    firm,
    package_body,
)

A, B = firm("Anugerah"), firm("Bumi")


async def test_the_hps_is_summed_with_ppn(office: Office) -> None:
    package = await office.package()
    assert package["hps"] == "25530000.00"
    assert [row["unit_price"] for row in package["hps_rows"]] == ["1500000.00", "2000000.00"]
    assert package["hps_rows"][0]["quantity"] == "10"
    assert len(await office.events("package.created")) == 1


async def test_an_estimate_is_added_up_before_it_is_kept_as_it_will_be_then(office: Office) -> None:
    body = package_body()
    asked = {"hps_rows": body["hps_rows"], "ppn_percent": "11"}
    sums = await office.see_sums(asked)
    assert sums == {
        "amounts": ["15000000.00", "8000000.00"],
        "net": "23000000.00",
        "ppn": "2530000.00",
        "total": (await office.package())["hps"],
    }
    huge = {"description": "a", "unit": "b", "quantity": "10000000000000", "unit_price": "999999999999999999.99"}
    assert (await office.see_sums({"hps_rows": [huge, huge]}))["total"] == "999999999999999999.99"
    assert (await office.post(POKJA[0], "/hps-sums", asked)).status_code == 403


async def test_the_law_is_read_as_data(office: Office) -> None:
    law = await office.see(None, "/regimes/P70-2012")
    assert "pelelangan_umum" in {method["code"] for method in law["methods"]}
    assert next(ground for ground in law["failure_grounds"] if ground["code"] == "F5")["evidence"] is True
    assert law["templates"][0]["intervals"][0]["from"] == "pengumuman_pascakualifikasi.starts"
    assert (await office.get(None, "/regimes/P1-1900")).status_code == 404


async def test_a_package_waits_until_it_has_a_tender_that_did_not_fail(office: Office) -> None:
    package = await office.package()

    async def waiting() -> list[str]:
        return [row["id"] for row in (await office.see(POKJA[0], "/packages", waiting=True))["items"]]

    assert await waiting() == [package["id"]]
    tender = await office.announce(await office.do(POKJA[0], "/tenders", await office.tender_body(package["id"])))
    assert await waiting() == []
    held = (await office.see(POKJA[0], "/packages"))["items"][0]["tenders"]
    assert held == [{"id": tender.id, "code": tender.code, "status": "running"}]
    await tender.close()
    await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"})
    assert await waiting() == [package["id"]]
    assert (await office.see(PPK, f"/packages/{package['id']}"))["tenders"][0]["status"] == "failed"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pagu": "25529999.99"}, "hps_above_pagu"),
        ({"method": "seleksi_umum"}, "method_not_for_category"),
        ({"method": "undian"}, "method_unknown"),
        ({"category": "hadiah"}, "category_unknown"),
        ({"regime": "P1-1900"}, "regime_unknown"),
    ],
)
async def test_a_package_keeps_the_rules(office: Office, changes: dict[str, str], code: str) -> None:
    answer = await office.post(PPK, "/packages", package_body(**changes))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["article"] or code == "regime_unknown"


async def test_a_ppk_of_another_skpd_creates_nothing_here(office: Office) -> None:
    answer = await office.post(OTHER_PPK, "/packages", package_body())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_ppk_here")
    package = await office.package()
    assert (await office.get(OTHER_PPK, f"/packages/{package['id']}")).status_code == 404
    assert (await office.see(OTHER_PPK, "/packages"))["items"] == []
    assert [row["id"] for row in (await office.see(PPK, "/packages"))["items"]] == [package["id"]]


async def test_only_members_of_the_committee_prepare_the_tender(office: Office) -> None:
    package = await office.package()
    answer = await office.post(STRANGER, "/tenders", await office.tender_body(package["id"]))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    draft = await office.draft()
    for path in ("documents", "approvals", "opening", "winner/approvals", "failure"):
        body = {
            "documents": {"name": "a.pdf", "media_type": "application/pdf"},
            "approvals": {"pact_version": "1"},
            "failure": {"ground": "F2"},
        }.get(path)
        assert (await office.post(STRANGER, f"/tenders/{draft['id']}/{path}", body)).status_code == 404
    assert (await office.get(STRANGER, f"/tenders/{draft['id']}")).status_code == 404


async def test_a_member_whose_decree_ended_is_none(office: Office) -> None:
    draft = await office.draft()
    await office.stop(LATER)
    answer = await office.post(POKJA[0], f"/tenders/{draft['id']}/approvals", {"pact_version": "1"})
    assert answer.json()["code"] == "role_required"


async def test_the_last_members_approval_announces(office: Office) -> None:
    draft = await office.draft()
    path = f"/tenders/{draft['id']}/approvals"
    for member in POKJA[:2]:
        assert (await office.do(member, path, {"pact_version": "1"}))["status"] == "draft"
    twice = await office.post(POKJA[0], path, {"pact_version": "1"})
    assert twice.json()["code"] == "pact_accepted_already"
    missing = await office.post(POKJA[2], path, {"pact_version": "1"})
    assert missing.json()["code"] == "document_missing"
    assert (await office.see(None, "/public/tenders"))["items"] == []
    assert (await office.get(None, f"/public/tenders/{draft['code']}")).status_code == 404
    await office.document(draft["id"])
    assert (await office.do(POKJA[2], path, {"pact_version": "1"}))["status"] == "running"
    told = (await office.events("tender.announced"))[0]
    assert (told["code"], len(told["stages"])) == (draft["code"], 12)
    page = await office.see(None, f"/public/tenders/{draft['code']}")
    assert page["skpd_name"] == "Dinas 1.01.01"
    assert page["documents"][0]["name"] == "dokumen pemilihan.pdf"
    assert {row["unit_price"] for row in page["quantities"]} == {None}
    assert len(page["regime_sha256"]) == 64
    assert page["code"].isdigit()
    assert len(page["code"]) == 11


async def test_a_shortened_schedule_is_refused_with_every_breach(office: Office) -> None:
    package = await office.package()
    body = await office.tender_body(package["id"])
    upload = next(stage for stage in body["stages"] if stage["code"] == "upload_penawaran")
    upload["ends_at"] = upload["starts_at"]
    answer = await office.post(POKJA[0], "/tenders", body)
    assert answer.json()["code"] == "schedule_unlawful"
    found = [(breach["stage"], breach["rule"]) for breach in answer.json()["breaches"]]
    assert ("upload_penawaran", "ends_first") in found
    assert "upload_penawaran ends before it begins" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("stage", "after", "edge"),
    [
        ("masa_sanggah", "masa_sanggah.starts", "ends"),
        ("upload_penawaran", "pemberian_penjelasan.ends", "starts"),
    ],
)
async def test_a_window_of_a_minute_is_none(office: Office, stage: str, after: str, edge: str) -> None:
    """Bids and objections are not only taken until the lawful day, but from the lawful day on."""
    package = await office.package()
    body = await office.tender_body(package["id"])
    window = next(row for row in body["stages"] if row["code"] == stage)
    window["starts_at"] = (datetime.fromisoformat(window["ends_at"]) - timedelta(minutes=1)).isoformat()
    answer = await office.post(POKJA[0], "/tenders", body)
    assert answer.json()["code"] == "schedule_unlawful"
    found = [(breach["stage"], breach["edge"], breach.get("after")) for breach in answer.json()["breaches"]]
    assert (stage, edge, after) in found


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "0002-01-01T00:00:00Z", "9999-12-31T23:00:00-12:00"])
async def test_a_schedule_lies_in_years_that_can_be_counted(office: Office, at: str) -> None:
    assert (await office.get(PPK, "/schedule-proposals", start=at)).status_code == 422
    package = await office.package()
    body = await office.tender_body(package["id"])
    body["stages"][3]["ends_at"] = at
    assert (await office.post(POKJA[0], "/tenders", body)).json()["code"] == "invalid_request"


async def test_an_hps_beyond_all_money_is_refused(office: Office) -> None:
    row = {"description": "x", "unit": "x", "quantity": "99999999999999", "unit_price": "999999999999999999.00"}
    answer = await office.post(PPK, "/packages", package_body(hps_rows=[row, row]))
    assert answer.json()["code"] == "hps_above_pagu"


async def test_an_old_hps_cannot_be_announced(office: Office) -> None:
    package = await office.package()
    await office.stop(START + timedelta(days=22))
    draft = await office.do(POKJA[0], "/tenders", await office.tender_body(package["id"]))
    await office.document(draft["id"])
    for member in POKJA[:2]:
        await office.do(member, f"/tenders/{draft['id']}/approvals", {"pact_version": "1"})
    answer = await office.post(POKJA[2], f"/tenders/{draft['id']}/approvals", {"pact_version": "1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "hps_too_old")
    assert (await office.see(POKJA[0], f"/tenders/{draft['id']}"))["status"] == "draft"


async def test_a_package_is_not_bought_twice(office: Office) -> None:
    tender = await office.announced()
    package = (await office.see(PPK, "/packages"))["items"][0]["id"]
    answer = await office.post(POKJA[0], "/tenders", await office.tender_body(package))
    assert answer.json()["code"] == "package_in_tender"
    assert tender.code in answer.json()["detail"]


async def test_only_verified_firms_with_a_licence_in_date_take_part(office: Office) -> None:
    tender = await office.announced()
    path = f"/tenders/{tender.id}/participation"
    assert (await office.post(A, path)).json()["code"] == "provider_not_verified"
    await office.verify(A, licence_expires=date(2026, 11, 22))
    assert (await office.post(A, path)).json()["code"] == "licence_expired"
    await office.verify(A, licence_expires=date(2027, 11, 22), sequence=2)
    await office.do(A, path)
    await office.verify(A, licence_expires=date(2020, 1, 1), sequence=1)  # an older state that comes late
    await office.do(A, f"/tenders/{tender.id}/bids")


async def test_the_last_day_of_a_licence_ends_at_midnight_here(office: Office) -> None:
    tender = await office.announced()
    await office.verify(A, licence_expires=date(2026, 11, 23))
    await office.stop(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))  # 24 November, 00:00 WIB
    assert (await office.post(A, f"/tenders/{tender.id}/participation")).json()["code"] == "licence_expired"


async def test_nobody_joins_before_the_announcement_begins(office: Office) -> None:
    """Approved by all members, and known to everybody; its first stage begins in an hour."""
    start = (START + timedelta(hours=1)).isoformat()
    proposal = await office.see(POKJA[0], "/schedule-proposals", start=start)
    stages = [{name: stage[name] for name in ("code", "starts_at", "ends_at")} for stage in proposal]
    tender = await office.announce(await office.draft(stages=stages))
    await office.verify(A)
    begins, path = tender.stages["pengumuman_pascakualifikasi"][0], f"/tenders/{tender.id}/participation"
    await office.stop(begins - timedelta(milliseconds=1))
    refused = await office.post(A, path)
    assert refused.status_code == 409
    assert refused.json()["code"] == "stage_not_begun"
    assert refused.json()["article"] == "Perpres 54/2010 Pasal 59-61"
    assert (await office.see(A, "/tenders/open"))["items"] == []
    await office.stop(begins)
    assert [row["code"] for row in (await office.see(A, "/tenders/open"))["items"]] == [tender.code]
    await office.do(A, path)


async def test_the_training_clock_goes_from_border_to_border_of_what_runs(office: Office) -> None:
    """Of tenders that run alone: not of a draft, nor of one that failed."""

    async def next_border() -> tuple[datetime, list[str]]:
        async with office.service.database.reading() as db:
            return await clocks.next_border(db)

    await office.draft()
    with pytest.raises(Mistake, match="no stage of a running tender"):
        await next_border()
    tender = await office.announced()
    now, met = await office.now(), set[datetime]()
    while len(met) < 4:
        at, said = await next_border()
        assert at == min(edge for span in tender.stages.values() for edge in span if edge > now)
        edges = [edge for span in tender.stages.values() for edge in span]
        assert len(said) == edges.count(at)
        assert all(f"tender {tender.code}: " in line for line in said)
        begins = [line for line in said if line.endswith("begins")]
        assert len(begins) == sum(starts == at for starts, _ in tender.stages.values())
        await office.stop(at)
        now = at
        met.add(at)
    await tender.close()
    await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"})
    with pytest.raises(Mistake, match="no stage of a running tender"):
        await next_border()


async def test_joining_twice_at_once_is_joining(office: Office) -> None:
    tender = await office.announced()
    await office.verify(A)
    async with office.service.database.transaction() as db:
        row = {"tender_id": tender.id, "provider": A.provider, "account": A.account, "name": "CV", "at": START}
        await db.execute(insert(Participation).values(row))
        other = asyncio.create_task(office.post(A, f"/tenders/{tender.id}/participation"))
        while not await office.rows("select 1 from pg_locks where not granted"):
            await asyncio.sleep(0.01)
    assert (await other).status_code == 201


async def test_who_did_not_join_does_not_bid_nor_read(office: Office) -> None:
    tender = await office.announced()
    await office.verify(A)
    assert (await office.post(A, f"/tenders/{tender.id}/bids")).json()["code"] == "not_a_participant"
    document = (await tender.public())["documents"][0]["id"]
    answer = await office.post(A, f"/tender-documents/{document}/download")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_participant")
    await office.do(A, f"/tenders/{tender.id}/participation")
    assert (await office.do(A, f"/tender-documents/{document}/download"))["object"]


async def test_a_document_of_an_announced_tender_stands(office: Office) -> None:
    tender = await office.announced()
    file = {"name": "lain.pdf", "media_type": "application/pdf"}
    answer = await office.post(POKJA[0], f"/tenders/{tender.id}/documents", file)
    assert answer.json()["code"] == "tender_announced"


async def test_a_document_arrives_once(office: Office) -> None:
    draft = await office.draft()
    granted = await office.document(draft["id"])
    again = await office.post(POKJA[0], f"/tender-documents/{granted['id']}/file", office.arrived(granted, PDF))
    assert again.json()["code"] == "file_arrived"


async def test_an_upload_grant_outlives_the_deadline(office: Office) -> None:
    from kit.grants import UploadGrant

    tender = await office.announced()
    await tender.join(A)
    draft = await tender.draft(A)
    now = datetime.now(UTC)
    grant = UploadGrant.verify(draft.granted["grant"], office.service.ring, now)
    left = tender.closes_at - await office.now() + timedelta(hours=1)
    assert timedelta(0) <= left - (grant.expires_at - now) < timedelta(minutes=1)
    await office.stop(tender.closes_at)
    late = await tender.draft(A)
    grant = UploadGrant.verify(late.granted["grant"], office.service.ring, now)
    assert grant.expires_at - now > timedelta(hours=11, minutes=59)


async def test_questions_are_asked_in_their_stage_and_shown_without_their_asker(office: Office) -> None:
    tender = await office.announced()
    await tender.join(A)
    question = {"chapter": "BAB III", "text": "Ukuran meja?"}
    early = await office.post(A, f"/tenders/{tender.id}/questions", question)
    assert early.json()["code"] == "stage_not_active"
    await tender.begin("pemberian_penjelasan")
    await office.verify(B)
    assert (await office.post(B, f"/tenders/{tender.id}/questions", question)).json()["code"] == "not_a_participant"
    asked = await office.do(A, f"/tenders/{tender.id}/questions", question)
    assert (await office.post(STRANGER, f"/questions/{asked['id']}/answer", {"text": "x"})).status_code == 403
    await office.do(POKJA[0], f"/questions/{asked['id']}/answer", {"text": "120 x 60 cm"})
    again = await office.post(POKJA[0], f"/questions/{asked['id']}/answer", {"text": "lain"})
    assert again.json()["code"] == "question_answered"
    shown = (await tender.public())["questions"]
    assert [(row["text"], row["answer"]) for row in shown] == [("Ukuran meja?", "120 x 60 cm")]
    assert str(A.provider) not in str(shown)
    assert (await office.see(A, f"/tenders/{tender.id}/questions"))[0]["mine"]


async def test_nobody_makes_the_tenders_page_too_long(office: Office) -> None:
    tender = await office.announced()
    await tender.join(A)
    await tender.begin("pemberian_penjelasan")
    question = {"chapter": "BAB III", "text": "Ukuran meja?"}
    for _ in range(50):
        await office.do(A, f"/tenders/{tender.id}/questions", question)
    assert (await office.post(A, f"/tenders/{tender.id}/questions", question)).json()["code"] == "too_many_questions"


async def test_maintenance_shows_at_the_tenders_it_touches(office: Office) -> None:
    tender = await office.announced()
    assert (await tender.public())["maintenance"] == []
    await office.maintenance(tender.code)
    assert len((await tender.public())["maintenance"]) == 1


async def test_the_public_list_filters_searches_and_pages(office: Office) -> None:
    first, second = await office.announced(), await office.announced()
    page = await office.see(None, "/public/tenders", limit=1)
    assert [row["code"] for row in page["items"]] == [second.code]
    rest = await office.see(None, "/public/tenders", limit=1, cursor=page["next"])
    assert ([row["code"] for row in rest["items"]], rest["next"]) == ([first.code], None)
    found = {"q": "meja sd", "category": "barang", "year": 2026, "skpd": "1.01.01"}
    assert len((await office.see(None, "/public/tenders", **found))["items"]) == 2
    for miss in ({"q": "kursi"}, {"category": "konstruksi"}, {"year": 2025}, {"skpd": "9"}):
        assert (await office.see(None, "/public/tenders", **(found | miss)))["items"] == []


async def test_each_sees_its_own_tenders(office: Office) -> None:
    draft, tender = await office.draft(), await office.announced()
    await tender.join(A)
    assert {row["id"] for row in (await office.see(POKJA[1], "/tenders"))["items"]} == {draft["id"], tender.id}
    assert [row["id"] for row in (await office.see(A, "/tenders"))["items"]] == [tender.id]
    assert (await office.see(B, "/tenders"))["items"] == []
    assert {row["unit_price"] for row in (await office.see(A, f"/tenders/{tender.id}"))["hps_rows"]} == {None}


async def test_nobody_signs_on_both_sides_of_a_package(office: Office) -> None:
    double = replace(POKJA[0], role="ppk", skpd=SKPD)
    package = await office.do(double, "/packages", package_body())
    draft = await office.do(POKJA[1], "/tenders", await office.tender_body(package["id"]))
    answer = await office.post(POKJA[0], f"/tenders/{draft['id']}/approvals", {"pact_version": "1"})
    assert (answer.status_code, answer.json()["code"]) == (403, "separation_of_duties")


async def test_a_bidder_does_not_see_who_approved(office: Office) -> None:
    tender = await office.announced()
    assert len((await office.see(PPK, f"/tenders/{tender.id}"))["approvals"]) == 3
    assert (await office.see(A, f"/tenders/{tender.id}"))["approvals"] == []


async def test_bids_are_closed_as_long_after_the_deadline_as_the_setting_says(office: Office) -> None:
    settings = office.service.settings
    assert settings.closing_grace_seconds == 30
    planned = "select due_at from job where kind = 'close_bidding' and key = :key"
    for grace in (30, 90):
        office.service.settings = settings.model_copy(update={"closing_grace_seconds": grace})
        tender = await office.announced()
        (closing,) = await office.rows(planned, key=f"tender:{tender.id}")
        assert closing.due_at == tender.closes_at + timedelta(seconds=grace)
