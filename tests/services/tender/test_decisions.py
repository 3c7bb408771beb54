"""Opening, evaluation, winner, objections, failure: out of order or out of right, nothing moves."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from contracts.tender import TenderClosed, TenderOpened
from integrity.canonical import canonical
from tests.services.tender.office import OTHER_PPK, POKJA, PPK, STRANGER, Office, Person, Tender, firm, offer

A, B, C = (firm(name) for name in ("Anugerah", "Bumi", "Cahaya"))
CHEAP, MIDDLE, DEAR = ("1300000.00", "1900000.00"), ("1400000.00", "1900000.00"), ("1450000.00", "1900000.00")
ABOVE = ("2000000.00", "2000000.00")


async def entered(
    office: Office, offers: dict[Person, Any] | None = None, **draft: Any
) -> tuple[Tender, dict[Person, str]]:
    tender = await office.announced(**draft)
    answers = await tender.enter(offers or {A: CHEAP, B: MIDDLE, C: DEAR})
    return tender, {who: answer["id"] for who, answer in answers.items()}


async def judged(office: Office) -> tuple[Tender, dict[Person, str]]:
    tender, bids = await entered(office)
    await tender.open()
    for bid in bids.values():
        await tender.judge(bid)
    return tender, bids


async def awarded(office: Office) -> tuple[Tender, dict[Person, str]]:
    tender, bids = await judged(office)
    await tender.prove(bids[A])
    await tender.award()
    return tender, bids


async def refused(office: Office, who: Person, path: str, body: Any = None) -> str:
    answer = await office.post(who, path, body)
    assert answer.status_code >= 400, answer.text
    return str(answer.json()["code"])


async def test_bids_stay_closed_before_the_deadline_and_until_they_are_closed(office: Office) -> None:
    tender, _ = await entered(office)
    path = f"/tenders/{tender.id}/opening"
    assert await refused(office, POKJA[0], path) == "stage_not_active"
    await office.stop(tender.stages["pembukaan"][0])  # the closing job did not run yet
    assert await refused(office, POKJA[0], path) == "bidding_not_closed"
    await office.advance(tender.stages["pembukaan"][0])
    assert await refused(office, STRANGER, path) == "not_in_committee"
    opened = await office.do(POKJA[0], path)
    assert opened["bids"] == 3
    assert await refused(office, POKJA[0], path) == "opened_already"
    assert [row["name"] for row in (await tender.public())["participants"]] == ["CV Anugerah", "CV Bumi", "CV Cahaya"]
    assert {row["offered"] for row in (await tender.public())["participants"]} == {None}


async def test_a_bid_that_was_exchanged_behind_our_back_stops_the_opening(office: Office) -> None:
    tender, bids = await entered(office)
    await tender.close()
    async with office.service.database.transaction() as db:
        from sqlalchemy import text

        await db.execute(text("update bid set record_sha256 = repeat('0', 64) where id = :bid"), {"bid": bids[A]})
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/opening") == "manifest_differs"


async def test_anybody_can_recompute_the_manifest_after_the_opening_and_nobody_before(office: Office) -> None:
    tender, _ = await entered(office)
    await tender.open()
    opened = (await office.events("tender.opened"))[0]
    said = {name: value for name, value in opened.items() if name in (TenderOpened.PUBLIC or ())}
    listed = {"type": "closing-manifest/v1", "tender": said["tender"], "nonce": said["nonce"], "bids": said["bids"]}
    closed = (await office.events("tender.closed"))[0]
    assert sha256(canonical(listed)).hexdigest() == closed["manifest_sha256"] == said["manifest_sha256"]
    assert {"bids", "nonce"}.isdisjoint(TenderClosed.PUBLIC or ())


async def test_the_hash_of_an_empty_list_cannot_be_guessed(office: Office) -> None:
    first, second = await office.announced(), await office.announced()
    for tender in (first, second):
        await tender.close()
    closed = await office.events("tender.closed")
    assert [row["bids"] for row in closed] == [[], []]
    assert len({row["nonce"] for row in closed}) == 2
    shown = {row["tender"]: row["manifest_sha256"] for row in closed}
    for tender in (first, second):
        guess = {"type": "closing-manifest/v1", "tender": tender.id, "bids": []}
        assert shown[tender.id] != sha256(canonical(guess)).hexdigest()
        page = str(await tender.public())
        assert shown[tender.id] in page
        assert not any(row["nonce"] in page for row in closed)


async def test_fewer_than_three_bids_stay_closed_and_fail_the_tender(office: Office) -> None:
    tender, bids = await entered(office, {A: CHEAP, B: MIDDLE})
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"}) == "ground_does_not_hold"
    await tender.close()
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/opening") == "too_few_bids"
    for ground in ("F4", "F6", "F8", "F9"):
        answer = await refused(office, POKJA[0], f"/tenders/{tender.id}/failure", {"ground": ground})
        assert answer == "ground_does_not_hold"
    failed = await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"})
    assert failed["next_action"] == "pelelangan_ulang"
    page = await tender.public()
    assert (page["status"], page["failure"]["ground"], page["participants"]) == ("failed", "F2", [])
    assert len(await office.events("tender.failed")) == 1
    assert (await office.get(POKJA[0], f"/tenders/{tender.id}/bids")).json()["code"] == "bids_not_opened"
    assert await office.rows("select * from job where key = :key", key=f"tender:{tender.id}") == []
    assert await refused(office, A, f"/bids/{bids[A]}/consent", {}) == "invalid_request"


async def test_three_bids_do_not_fail_for_want_of_bidders(office: Office) -> None:
    tender, _ = await entered(office)
    await tender.close()
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"}) == "ground_does_not_hold"
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "Z9"}) == "ground_unknown"


async def test_two_bids_are_enough_when_a_failed_tender_is_repeated(office: Office) -> None:
    first, _ = await entered(office, {A: CHEAP, B: MIDDLE})
    await first.close()
    assert await refused(office, POKJA[0], f"/tenders/{first.id}/opening") == "too_few_bids"
    await office.do(POKJA[0], f"/tenders/{first.id}/failure", {"ground": "F2"})
    package = (await office.see(PPK, "/packages"))["items"][0]["id"]
    again = await office.announce(await office.do(POKJA[0], "/tenders", await office.tender_body(package)))
    await again.enter({A: CHEAP, B: MIDDLE})
    await again.close()
    assert await refused(office, POKJA[0], f"/tenders/{again.id}/failure", {"ground": "F2"}) == "ground_does_not_hold"
    assert (await office.do(POKJA[0], f"/tenders/{again.id}/opening"))["bids"] == 2


async def test_steps_come_in_order_once_and_stop_at_a_failure(office: Office) -> None:
    tender, bids = await entered(office)
    await tender.open()
    path = f"/bids/{bids[A]}/evaluations"
    assert await refused(office, POKJA[0], path, {"step": "teknis", "passed": True}) == "step_too_early"
    await tender.judge(bids[A], "administrasi")
    assert await refused(office, POKJA[0], path, {"step": "administrasi", "passed": False}) == "step_recorded"
    no_reason = {"step": "kualifikasi", "passed": False, "reason": " "}
    assert await refused(office, POKJA[0], path, no_reason) == "reason_missing"
    await tender.judge(bids[A], "kualifikasi", passed=False, reason="Izin usaha kedaluwarsa")
    assert await refused(office, POKJA[0], path, {"step": "teknis", "passed": True}) == "bid_failed_before"
    assert await refused(office, STRANGER, path, {"step": "teknis", "passed": True}) == "not_found"
    told = await office.events("evaluation.recorded")
    assert [(row["step"], row["passed"]) for row in told] == [("administrasi", True), ("kualifikasi", False)]


async def test_the_arithmetic_is_corrected_and_the_ranking_follows(office: Office) -> None:
    """Scenario 21: 10 x 1.500.000 typed 14.000.000 counts 15.000.000."""
    typed = offer(("1500000.00", "1900000.00"))
    typed["rows"][0]["amount"], typed["total"] = "14000000.00", "21600000.00"
    tender, bids = await entered(office, {A: typed, B: DEAR, C: ABOVE})
    await tender.open()
    for who in (A, B):
        await tender.judge(bids[who])
    sheet = await tender.sheet()
    first, second = sheet["bids"][:2]
    assert (first["bid"], first["corrected"]) == (bids[B], "22100000.00")
    assert (second["bid"], second["offered"], second["corrected"]) == (bids[A], "21600000.00", "22600000.00")
    assert (first["changed"], second["changed"]) == (0, 1)
    lines = await office.see(POKJA[0], f"/bids/{bids[A]}/correction")
    assert [line["changes"] for line in lines] == [["amount"], []]
    assert lines[0] == {
        "no": 1,
        "offered_quantity": "10",
        "offered_unit_price": "1500000.00",
        "offered_amount": "14000000.00",
        "quantity": "10",
        "unit_price": "1500000.00",
        "amount": "15000000.00",
        "changes": ["amount"],
    }


async def test_what_tells_of_every_bid_has_none_of_their_lines(office: Office) -> None:
    """Two thousand lines of each of fifty bids would be more than one answer holds."""
    tender, _ = await entered(office)
    await tender.open()
    assert all("rows" not in row for row in (await tender.sheet())["bids"])
    opened = await office.see(POKJA[0], f"/tenders/{tender.id}/bids")
    assert [set(bid["offer"]) for bid in opened] == [{"validity_days", "total"}] * 3


async def test_corrected_lines_show_to_the_committee_after_the_opening(office: Office) -> None:
    tender, bids = await entered(office)
    path = f"/bids/{bids[A]}/correction"
    assert (await office.get(POKJA[0], path)).status_code == 404
    await tender.open()
    assert (await office.get(STRANGER, path)).status_code == 404
    assert len(await office.see(POKJA[0], path)) == 2


async def test_a_price_above_the_hps_cannot_pass_and_cannot_win(office: Office) -> None:
    tender, bids = await entered(office, {A: ABOVE, B: ABOVE, C: ABOVE})
    await tender.open()
    for bid in bids.values():
        await tender.judge(bid, "administrasi", "kualifikasi", "teknis")
        passed = {"step": "harga", "passed": True}
        assert await refused(office, POKJA[0], f"/bids/{bid}/evaluations", passed) == "price_above_hps"
    await tender.begin("penetapan_pemenang")
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/winner/approvals") == "evaluation_unfinished"
    for bid in bids.values():
        await tender.judge(bid, "harga", passed=False, reason="Di atas HPS")
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/winner/approvals") == "nobody_can_win"
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F7"}) == "ground_does_not_hold"
    failed = await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F6"})
    assert failed["ground"] == "F6"


async def test_lump_sums_are_not_corrected_and_fail_on_their_own_ground(office: Office) -> None:
    typed = offer(ABOVE) | {"total": "25530000.01"}
    tender, bids = await entered(office, {A: typed, B: ABOVE, C: ABOVE}, contract_type="lumsum")
    await tender.open()
    assert "25530000.01" in {row["corrected"] for row in (await tender.sheet())["bids"]}
    for bid in bids.values():
        await tender.judge(bid, "administrasi", "kualifikasi", "teknis")
        await tender.judge(bid, "harga", passed=False, reason="Di atas HPS")
    assert (await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F7"}))["ground"] == "F7"


async def test_a_bid_with_an_absurd_price_stops_nobody_elses_evaluation(office: Office) -> None:
    absurd = offer(("999999999999999999.00", "1900000.00"))
    absurd["rows"][0]["amount"] = absurd["total"] = "1.00"
    tender, bids = await entered(office, {A: CHEAP, B: MIDDLE, C: absurd})
    await tender.open()
    assert [row["bid"] for row in (await tender.sheet())["bids"]][-1] == bids[C]
    for who in (A, B):
        await tender.judge(bids[who])
    await tender.judge(bids[C], "administrasi", "kualifikasi", "teknis")
    await tender.judge(bids[C], "harga", passed=False, reason="Di atas HPS")
    await tender.prove(bids[A])
    await tender.award()
    shown = {row["name"]: row["corrected"] for row in (await tender.public())["participants"]}
    assert shown["CV Cahaya"] == "999999999999999999.99"


async def test_steps_recorded_at_once_are_counted_one_by_one(office: Office) -> None:
    tender, bids = await entered(office)
    await tender.open()
    said = [{"step": step, "passed": True} for step in ("administrasi", "kualifikasi", "teknis")]
    await asyncio.gather(*(office.post(POKJA[0], f"/bids/{bids[A]}/evaluations", body) for body in said))
    query = "select sequence from outbox where subject = :bid order by position"
    numbers = [row.sequence for row in await office.rows(query, bid=bids[A])]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_the_proof_goes_down_the_ranking(office: Office) -> None:
    tender, bids = await judged(office)
    await tender.begin("pembuktian_kualifikasi")
    said = {"passed": True}
    assert await refused(office, POKJA[0], f"/bids/{bids[B]}/pembuktian", said) == "not_the_candidate"
    await tender.prove(bids[A], passed=False, reason="Asli tidak ditunjukkan")
    await tender.begin("penetapan_pemenang")
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/winner/approvals") == "proof_missing"
    await office.do(POKJA[0], f"/bids/{bids[B]}/pembuktian", said)
    announced = await tender.award()
    assert (announced["bid"], announced["reserves"]) == (bids[B], [bids[C]])


async def test_when_nobody_is_proven_the_tender_fails(office: Office) -> None:
    tender, bids = await judged(office)
    for who in (A, B, C):
        await tender.prove(bids[who], passed=False, reason="Tidak hadir")
    assert (await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F9"}))["ground"] == "F9"


async def test_one_member_alone_determines_nothing(office: Office) -> None:
    tender, bids = await judged(office)
    await tender.prove(bids[A])
    path = f"/tenders/{tender.id}/winner/approvals"
    assert await refused(office, POKJA[0], path) == "stage_not_begun"
    await tender.begin("penetapan_pemenang")
    first = await office.do(POKJA[0], path)
    assert (first["approvals"], first["members"], first["determined"]) == (1, 3, False)
    assert await refused(office, POKJA[0], path) == "approved_already"
    await tender.begin("pengumuman_pemenang")
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/winner/announcement") == "nothing_to_announce"
    assert (await office.do(POKJA[1], path))["determined"]
    assert (await tender.public())["winner"] is None
    assert len(await office.events("winner.determined")) == 1
    assert await office.events("winner.announced") == []
    await office.do(POKJA[0], f"/tenders/{tender.id}/winner/announcement")
    assert (await tender.public())["winner"]["name"] == "CV Anugerah"
    assert await refused(office, POKJA[0], f"/tenders/{tender.id}/winner/announcement") == "nothing_to_announce"


async def test_only_who_bid_may_object_and_only_in_the_period(office: Office) -> None:
    """Scenario 15."""
    tender, _ = await awarded(office)
    path, text = f"/tenders/{tender.id}/objections", {"text": "Keberatan"}
    await tender.begin("masa_sanggah")
    joined_only = firm("Lain")
    answer = await office.post(joined_only, path, text)
    assert answer.json()["code"] == "objection_not_by_bidder"
    assert "complaint" in answer.json()["remedy"]
    await office.do(B, path, text)
    assert await refused(office, B, path, text) == "objection_filed"
    assert len(await office.see(POKJA[0], path)) == 1
    assert await office.see(C, path) == []
    await office.advance(tender.stages["masa_sanggah"][1] + timedelta(milliseconds=1))
    assert await refused(office, C, path, text) == "objection_out_of_time"


async def test_an_objection_in_the_last_instant_counts(office: Office) -> None:
    tender, _ = await awarded(office)
    await office.stop(tender.stages["masa_sanggah"][1])
    await office.do(B, f"/tenders/{tender.id}/objections", {"text": "Keberatan"})


async def test_an_upheld_objection_fails_the_tender_and_takes_the_winner_away(office: Office) -> None:
    """Scenario 17."""
    tender, _ = await awarded(office)
    await tender.begin("masa_sanggah")
    objection = await office.do(B, f"/tenders/{tender.id}/objections", {"text": "Salah hitung"})
    granted = await office.do(
        POKJA[0], f"/objections/{objection['id']}/documents", {"name": "j.pdf", "media_type": "application/pdf"}
    )
    path = f"/objections/{objection['id']}/answer"
    assert await refused(office, POKJA[0], path, {"upheld": True, "text": "Benar"}) == "invalid_request"
    said = {"upheld": True, "text": "Benar", **office.arrived(granted, b"%PDF")}
    foreign = {**said, "statement": office.statement(granted, b"%PDF", account=A.account)}
    assert await refused(office, POKJA[0], path, foreign) == "statement_of_another"
    await office.do(POKJA[0], path, said)
    page = await tender.public()
    assert (page["status"], page["failure"]["ground"], page["failure"]["next_action"]) == (
        "failed",
        "F8",
        "evaluasi_ulang",
    )
    assert page["winner"] is None
    assert page["results"]
    await tender.begin("sppbj")
    assert await refused(office, PPK, f"/tenders/{tender.id}/appointment", {"number": "1"}) == "objection_upheld"
    assert [row["upheld"] for row in await office.events("objection.answered")] == [True]


async def test_an_answer_is_published_to_every_participant_with_its_letter(office: Office) -> None:
    tender, bids = await entered(office)
    joined_only, outsider = firm("Delta"), firm("Elang")
    await tender.join(joined_only)
    await tender.open()
    for bid in bids.values():
        await tender.judge(bid)
    await tender.prove(bids[A])
    await tender.award()
    await tender.begin("masa_sanggah")
    path = f"/tenders/{tender.id}/objections"
    objection = await office.do(B, path, {"text": "Salah hitung"})
    unanswered = await office.do(C, path, {"text": "Keberatan"})
    file = {"name": "jawaban.pdf", "media_type": "application/pdf"}
    granted = await office.do(POKJA[0], f"/objections/{objection['id']}/documents", file)
    letter = f"/objection-documents/{granted['id']}/download"
    for who in (A, B, joined_only, POKJA[0]):
        assert (await office.post(who, letter)).status_code == 404
    assert await office.see(joined_only, path) == []

    said = {"upheld": False, "text": "Hitungan benar", **office.arrived(granted, b"%PDF jawaban")}
    answered = await office.do(POKJA[0], f"/objections/{objection['id']}/answer", said)
    for who in (A, B, C, joined_only, POKJA[1]):
        assert (await office.do(who, letter))["object"]
    for who in (outsider, STRANGER):
        assert (await office.post(who, letter)).status_code == 404
    assert (await office.do(PPK, letter))["object"]
    assert await office.see(PPK, path) == [answered, unanswered]
    for who in (A, B, joined_only):
        assert await office.see(who, path) == [answered]
    assert await office.see(C, path) == [answered, unanswered]
    assert await office.see(outsider, path) == []


async def test_the_appointment_is_the_ppks_of_this_skpd_and_comes_once(office: Office) -> None:
    tender, _ = await awarded(office)
    path, said = f"/tenders/{tender.id}/appointment", {"number": "027/1/2026"}
    await office.stop(tender.stages["masa_sanggah"][1])
    assert await refused(office, PPK, path, said) == "objection_period_open"
    await tender.begin("sppbj")
    assert await refused(office, OTHER_PPK, path, said) == "not_ppk_here"
    assert await refused(office, POKJA[0], path, said) == "role_required"
    await office.do(PPK, path, said)
    assert await refused(office, PPK, path, said) == "appointment_issued"


async def test_a_member_of_the_pokja_does_not_appoint(office: Office) -> None:
    tender, _ = await awarded(office)
    await tender.begin("sppbj")
    double = replace(POKJA[2], role="ppk", skpd=PPK.skpd)
    said = {"number": "027/1/2026"}
    assert await refused(office, double, f"/tenders/{tender.id}/appointment", said) == "separation_of_duties"
    await office.do(PPK, f"/tenders/{tender.id}/appointment", said)


async def test_a_tender_that_failed_after_the_announcement_appoints_nobody(office: Office) -> None:
    tender, _ = await awarded(office)
    await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F5", "evidence": "BA 12/2026"})
    await tender.begin("sppbj")
    assert await refused(office, PPK, f"/tenders/{tender.id}/appointment", {"number": "1"}) == "tender_failed"
    assert ((await tender.public())["status"], await office.events("appointment.issued")) == ("failed", [])
