"""Scenario 1 of DOMAIN section 5: a goods tender T1 with five bidders, from the package to the SPPBJ."""

from datetime import timedelta
from typing import Any

from tests.services.tender.office import POKJA, PPK, Office, Person, Tender, firm, offer, read_receipt

A, B, C, D, E = (firm(name) for name in ("Anugerah", "Bumi", "Cahaya", "Delta", "Elang"))


async def _bidding(office: Office) -> tuple[Tender, dict[Person, Any]]:
    tender = await office.announced()
    mistyped = offer(("1350000.00", "1900000.00")) | {"total": "20100000.00"}
    mistyped["rows"][0]["amount"] = "12500000.00"
    offers: dict[Person, Any] = {
        A: ("1450000.00", "1900000.00"),
        B: ("1400000.00", "1900000.00"),
        C: mistyped,
        D: ("1300000.00", "1800000.00"),
        E: ("1600000.00", "2600000.00"),
    }
    return tender, await tender.enter(offers)


async def test_a_tender_from_package_to_sppbj(office: Office) -> None:
    tender, bids = await _bidding(office)
    for answer in bids.values():
        receipt = read_receipt(office, answer["receipt"])
        assert receipt["record_sha256"] == answer["record_sha256"]
        assert receipt["of"] == "bid"
    await tender.open()
    opened = await office.see(POKJA[1], f"/tenders/{tender.id}/bids")
    assert {row["id"] for row in opened} == {answer["id"] for answer in bids.values()}
    await tender.judge(bids[D]["id"], "administrasi", passed=False, reason="Surat penawaran tidak ditandatangani")
    for who in (A, B, C):
        await tender.judge(bids[who]["id"])
    await tender.judge(bids[E]["id"], "administrasi", "kualifikasi", "teknis")
    await tender.judge(bids[E]["id"], "harga", passed=False, reason="Di atas HPS")
    sheet = await tender.sheet()
    assert [row["name"] for row in sheet["bids"][:3]] == ["CV Cahaya", "CV Bumi", "CV Anugerah"]
    assert (sheet["bids"][0]["offered"], sheet["bids"][0]["corrected"]) == ("20100000.00", "21100000.00")
    assert sheet["candidate"] == bids[C]["id"]
    assert (await tender.public())["results"] == []

    await tender.prove(bids[C]["id"])
    announced = await tender.award()
    assert (announced["name"], announced["price"]) == ("CV Cahaya", "21100000.00")
    assert announced["reserves"] == [bids[B]["id"], bids[A]["id"]]
    page = await tender.public()
    assert page["winner"]["reserves"] == ["CV Bumi", "CV Anugerah"]
    reasons = {row["name"]: [step["reason"] for step in row["steps"] if not step["passed"]] for row in page["results"]}
    assert reasons["CV Delta"] == ["Surat penawaran tidak ditandatangani"]
    assert reasons["CV Elang"] == ["Di atas HPS"]
    seen = await office.see(C, f"/bids/{bids[C]['id']}")
    assert (seen["offered"], seen["corrected"]) == ("20100000.00", "21100000.00")

    await tender.begin("masa_sanggah")
    objection = await office.do(B, f"/tenders/{tender.id}/objections", {"text": "Spesifikasi pemenang tidak sesuai."})
    early = await office.post(PPK, f"/tenders/{tender.id}/appointment", {"number": "027/1/2026"})
    assert early.json()["code"] == "objection_period_open"
    await tender.begin("sppbj")
    unanswered = await office.post(PPK, f"/tenders/{tender.id}/appointment", {"number": "027/1/2026"})
    assert unanswered.json()["code"] == "objections_open"
    letter = {"name": "jawaban.pdf", "media_type": "application/pdf"}
    granted = await office.do(POKJA[0], f"/objections/{objection['id']}/documents", letter)
    said = {"upheld": False, "text": "Spesifikasi sesuai.", **office.arrived(granted, b"%PDF jawaban")}
    answered = await office.do(POKJA[0], f"/objections/{objection['id']}/answer", said)
    assert answered["documents"][0]["name"] == "jawaban.pdf"

    await office.do(PPK, f"/tenders/{tender.id}/appointment", {"number": "027/1/2026"})
    page = await tender.public()
    assert page["status"] == "finished"
    assert (page["appointment"]["name"], page["appointment"]["price"]) == ("CV Cahaya", "21100000.00")
    assert page["objections"] == {"filed": 1, "answered": 1, "upheld": 0}
    assert len(await office.events("appointment.issued")) == 1


async def test_the_events_tell_the_story_and_never_a_price_before_its_time(office: Office) -> None:
    tender, bids = await _bidding(office)
    await tender.open()
    told = await office.rows("select type, data from outbox order by position")
    kinds = [row.type for row in told]
    assert kinds.count("tender.bid.submitted.v1") == 5
    assert kinds.index("tender.tender.closed.v1") < kinds.index("tender.tender.opened.v1")
    assert kinds.count("tender.bid.opened.v1") == 5
    about_bids = " ".join(row.data for row in told if ".bid." in row.type or "closed" in row.type)
    for price in ("21600000", "20100000", "1350000", "1450000"):
        assert price not in about_bids
    closed, opened = (await office.events("tender.closed"))[0], (await office.events("tender.opened"))[0]
    assert closed["manifest_sha256"] == opened["manifest_sha256"]
    assert (closed["bids"], closed["nonce"]) == (opened["bids"], opened["nonce"])
    assert {row["record_sha256"] for row in opened["bids"]} == {bid["record_sha256"] for bid in bids.values()}


async def test_stages_are_told_when_they_change_and_a_jump_tells_the_last_state(office: Office) -> None:
    tender = await office.announced()
    await tender.begin("pemberian_penjelasan")
    changes = await office.events("stage.changed")
    assert changes[-1]["active"] == ["pengumuman_pascakualifikasi", "download_dokumen", "pemberian_penjelasan"]
    await office.advance(tender.stages["pemberian_penjelasan"][1] + timedelta(milliseconds=1))
    assert (await office.events("stage.changed"))[-1]["active"] == ["pengumuman_pascakualifikasi", "download_dokumen"]
    listed = (await office.see(None, "/public/tenders"))["items"]
    assert listed[0]["stage"] == "pengumuman_pascakualifikasi"
    assert listed[0]["more_stages"]
